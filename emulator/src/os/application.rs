//! The seam between the card OS and what runs on it.

use core::fmt;
use std::sync::Arc;

use kortlab_apdu::class::ClassKind;
use kortlab_apdu::{Command, Response, StatusWord};

use super::Context;
use crate::crypto::Algorithm;
use crate::fs::information::{Template, control_information};
use crate::fs::{ApplicationId, File, FileId, FileSystem};
use crate::security::{Access, AccessError};

/// What answers commands while one of its DFs is the current one.
///
/// An application has no state of its own: what outlives power is in files, PINs and data objects of
/// the card, so that it is torn, undone, saved and restored like everything else on it; what is
/// selected and verified is the card OS's. All of this trait but a name and instructions has a
/// default, which does as ISO/IEC 7816-4 says.
///
/// A DF names its application in the image (`docs/image.md`); the DFs in it belong to the same one
/// unless they name another. `emulator/examples/counter.rs` is one from first to last.
pub trait Application: fmt::Debug + Sync {
    /// The name that images give it: lower case, and no other application's.
    fn name(&self) -> &'static str;

    /// Its instructions, in several tables; the first that has an instruction decides. Those of
    /// [`iso`](crate::applications::iso) are there to be taken.
    fn instructions(&self) -> &'static [&'static [Instruction]];

    /// Reads access conditions: the value of tag 86, which every application codes in its own way.
    ///
    /// # Errors
    /// The value is no conditions; so it is always here, unless it is empty.
    fn access(&self, value: &[u8]) -> Result<Access, AccessError> {
        if value.is_empty() {
            return Ok(Access::default());
        }
        Err(AccessError {
            offset: 0,
            what: "this application has no coding of access conditions",
        })
    }

    /// What SELECT answers of a file.
    fn control_information(&self, file: &File, template: Template) -> Vec<u8> {
        control_information(file, template)
    }

    /// Whether this may be the reference of a PIN. 00 and 80 say "no reference" (ISO/IEC 7816-4
    /// table 92).
    fn has_pin_reference(&self, reference: u8) -> bool {
        !matches!(reference, 0x00 | 0x80)
    }

    /// Whether its PINs, those with bit 8 of the reference set, stay verified when a DF of another
    /// application is selected.
    fn keeps_security_status(&self) -> bool {
        false
    }

    /// The algorithm with this reference (tag 80 of MANAGE SECURITY ENVIRONMENT), if there is one.
    fn algorithm(&self, reference: &[u8]) -> Option<Algorithm> {
        let _ = reference;
        None
    }
}

/// What a command answers: data and a status word, or only the status word that refuses.
pub type Answer = Result<Response, StatusWord>;

/// A command's function.
pub type Execute = fn(&mut Context<'_>, &Command) -> Answer;

/// One instruction of an application: what the card OS knows of it, and its function.
#[derive(Clone, Copy, Debug)]
pub struct Instruction {
    class: Option<u8>,
    ins: u8,
    traffic: Traffic,
    chaining: bool,
    execute: Execute,
}

/// Which way the data of an instruction goes; T=0 has to know (ISO/IEC 7816-3 §12.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// To the card, and possibly back as well: P3 is Lc.
    In,
    /// From the card only: P3 is Le.
    Out,
}

impl Instruction {
    /// An instruction of the interindustry class.
    pub const fn interindustry(ins: u8, traffic: Traffic, execute: Execute) -> Self {
        Self {
            class: None,
            ins,
            traffic,
            chaining: false,
            execute,
        }
    }

    /// An instruction of a proprietary class, which is a class byte from 80 on.
    pub const fn proprietary(class: u8, ins: u8, traffic: Traffic, execute: Execute) -> Self {
        Self {
            class: Some(class),
            ..Self::interindustry(ins, traffic, execute)
        }
    }

    /// The same instruction, which may be split over a chain of commands.
    #[must_use]
    pub const fn chained(self) -> Self {
        Self {
            chaining: true,
            ..self
        }
    }

    /// The instruction byte.
    pub const fn ins(&self) -> u8 {
        self.ins
    }

    /// Which way its data goes.
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Whether it may be split over a chain of commands.
    pub const fn may_be_chained(&self) -> bool {
        self.chaining
    }

    pub(super) fn execute(&self, context: &mut Context<'_>, command: &Command) -> Answer {
        (self.execute)(context, command)
    }
}

/// The instructions of one application, by their bytes.
#[derive(Debug)]
struct Table {
    /// Those of the interindustry class: the place in the list, by the instruction byte.
    interindustry: [Option<&'static Instruction>; 256],
    /// Those of proprietary classes.
    proprietary: Vec<&'static Instruction>,
}

impl Table {
    fn of(application: &dyn Application) -> Self {
        let mut table = Self {
            interindustry: [None; 256],
            proprietary: Vec::new(),
        };
        for instruction in application.instructions().iter().copied().flatten() {
            if instruction.class.is_some() {
                table.proprietary.push(instruction);
            } else if let Some(place) = table.interindustry.get_mut(usize::from(instruction.ins)) {
                // The first that has it decides.
                place.get_or_insert(instruction);
            }
        }
        table
    }

    /// The instruction that a command asks for.
    ///
    /// # Errors
    /// `6D00`: there is none. `6E00`: there is none of this class.
    fn find(&self, command: &Command) -> Result<&'static Instruction, StatusWord> {
        let class = command.class();
        if class.kind() != ClassKind::Proprietary {
            let place = self.interindustry.get(usize::from(command.ins()));
            return place
                .copied()
                .flatten()
                .ok_or(StatusWord::INS_NOT_SUPPORTED);
        }
        let of_class = |known: &&&Instruction| known.class == Some(class.byte());
        let mut all = self.proprietary.iter().filter(of_class).copied();
        if let Some(found) = all.clone().find(|known| known.ins == command.ins()) {
            return Ok(found);
        }
        Err(match all.next() {
            Some(_) => StatusWord::INS_NOT_SUPPORTED,
            None => StatusWord::CLASS_NOT_SUPPORTED,
        })
    }
}

/// The applications that a card knows, and what each has for which instruction.
#[derive(Clone, Debug)]
pub struct Applications {
    all: Arc<[(&'static dyn Application, Table)]>,
    first: &'static dyn Application,
}

impl Applications {
    /// These, and `first`, which answers where no DF names one.
    pub fn new(
        first: &'static dyn Application,
        more: impl IntoIterator<Item = &'static dyn Application>,
    ) -> Self {
        let all = core::iter::once(first).chain(more);
        Self {
            all: all.map(|known| (known, Table::of(known))).collect(),
            first,
        }
    }

    /// The application with this name.
    pub fn find(&self, name: &str) -> Option<&'static dyn Application> {
        self.iter().find(|known| known.name() == name)
    }

    /// Where the application with this name is in the list.
    pub fn id(&self, name: &str) -> Option<ApplicationId> {
        let place = self.iter().position(|known| known.name() == name);
        place.map(ApplicationId)
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &'static dyn Application> + '_ {
        self.all.iter().map(|(application, _)| *application)
    }

    /// The one that answers where no DF names one.
    pub fn first(&self) -> &'static dyn Application {
        self.first
    }

    /// The application that a file belongs to.
    pub fn of(&self, files: &FileSystem, id: FileId) -> &'static dyn Application {
        self.all
            .get(files.application(id).0)
            .map_or(self.first, |(application, _)| *application)
    }

    /// The instruction that a command asks for, of the application that a file belongs to.
    ///
    /// # Errors
    /// `6D00`: it has none. `6E00`: it has none of this class.
    pub(super) fn instruction(
        &self,
        files: &FileSystem,
        id: FileId,
        command: &Command,
    ) -> Result<&'static Instruction, StatusWord> {
        let (_, table) = self
            .all
            .get(files.application(id).0)
            .ok_or(StatusWord::INS_NOT_SUPPORTED)?;
        table.find(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models;

    /// As the tables of an application say it: the first that has the instruction decides.
    fn looked_up(
        application: &dyn Application,
        class: u8,
        ins: u8,
    ) -> Result<&'static Instruction, StatusWord> {
        let class = (class >= 0x80).then_some(class);
        let all = || application.instructions().iter().copied().flatten();
        let found = all().find(|known| known.ins == ins && known.class == class);
        let has_class = class.is_none() || all().any(|known| known.class == class);
        found.ok_or(match has_class {
            true => StatusWord::INS_NOT_SUPPORTED,
            false => StatusWord::CLASS_NOT_SUPPORTED,
        })
    }

    #[test]
    fn every_instruction_is_found_as_the_tables_of_its_application_say() {
        for (application, table) in models::applications([]).all.iter() {
            for class in [0x00, 0x80, 0x81, 0x90, 0xFE] {
                for ins in 0..=0xFF {
                    let command =
                        Command::new(ins, 0, 0).with_class(kortlab_apdu::Class::from_byte(class));
                    let wanted = looked_up(*application, class, ins);
                    let found = table.find(&command);
                    let same = match (&found, &wanted) {
                        (Ok(found), Ok(wanted)) => core::ptr::eq(*found, *wanted),
                        (found, wanted) => found.as_ref().err() == wanted.as_ref().err(),
                    };
                    let name = application.name();
                    assert!(same, "{name}, {class:02X} {ins:02X}: {found:?}, {wanted:?}");
                }
            }
        }
    }
}
