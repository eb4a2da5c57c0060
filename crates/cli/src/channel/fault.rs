//! `--fault`: what goes wrong with a card, and when.

use std::ffi::OsStr;
use std::fmt;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};
use kortlab_emulator::memory::PowerCut;
use kortlab_faults::FaultError;
use serde::Serialize;

/// Something that goes wrong with a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The card is torn out of the reader: for a virtual card in this process, whose memory is
    /// left as such a card's would be.
    Tear(PowerCut),
    /// What the card answers is spoilt on its way: for any card.
    Answer(kortlab_faults::Fault),
}

/// A way to be torn out as it is named: what stands before the number, and what it does.
struct Tear {
    name: &'static str,
    does: &'static str,
    make: fn(u64) -> PowerCut,
}

const TEARS: [Tear; 3] = [
    Tear {
        name: "tear:after-bytes=",
        does: "the card is torn out when N bytes of its memory were programmed",
        make: PowerCut::AfterBytes,
    },
    Tear {
        name: "tear:before-command=",
        does: "the card is torn out before the Nth command reaches it (from 1)",
        make: PowerCut::BeforeCommand,
    },
    Tear {
        name: "tear:before-answer=",
        does: "the card is torn out when the Nth command is done, before its answer (from 1)",
        make: PowerCut::BeforeAnswer,
    },
];

impl Fault {
    fn parse(text: &str) -> Result<Self, String> {
        for tear in &TEARS {
            let Some(number) = text.strip_prefix(tear.name) else {
                continue;
            };
            let number: u64 = number
                .parse()
                .map_err(|_| format!("{number:?} is no number"))?;
            if number == 0 && !tear.name.contains("bytes") {
                return Err("commands are counted from 1".to_owned());
            }
            return Ok(Self::Tear((tear.make)(number)));
        }
        match kortlab_faults::Fault::parse(text) {
            Ok(fault) => Ok(Self::Answer(fault)),
            Err(FaultError::Unknown) => Err(format!("no such fault; there are:\n{}", list())),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn list() -> String {
    Faults::all().to_string()
}

/// The list of faults, which `--fault list` asks for.
#[derive(Serialize)]
pub struct Faults {
    faults: Vec<FaultEntry>,
}

#[derive(Serialize)]
struct FaultEntry {
    /// How it is written; what is in capitals stands for a value, what is in brackets may be left
    /// out.
    name: String,
    /// What it does.
    does: &'static str,
    /// Whether it is for a virtual card in this process alone.
    virtual_card_only: bool,
}

impl Faults {
    fn all() -> Self {
        let tears = TEARS.iter().map(|tear| FaultEntry {
            name: format!("{}N", tear.name),
            does: tear.does,
            virtual_card_only: true,
        });
        let answers = kortlab_faults::KINDS.iter().map(|kind| FaultEntry {
            name: format!("{}:{}", kind.name, kind.parameters),
            does: kind.does,
            virtual_card_only: false,
        });
        Self {
            faults: tears.chain(answers).collect(),
        }
    }

    /// The list, if it is what this end of the parsing asks for.
    pub fn asked_for(error: &Error) -> Option<Self> {
        let asked = error.get(ContextKind::Custom) == Some(&asked_for_list());
        asked.then(Self::all)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for FaultEntry { name, does, .. } in &self.faults {
            writeln!(f, "  {name:<40} {does}")?;
        }
        writeln!(
            f,
            "The first three are for a virtual card in this process, the others for any card."
        )
    }
}

/// What marks the end of the parsing that asks for the list.
fn asked_for_list() -> ContextValue {
    ContextValue::String("--fault list".to_owned())
}

/// Reads the value of `--fault`. `list` ends the parsing as `--version` does, and is answered with
/// the list of faults.
#[derive(Clone, Copy, Debug)]
pub struct FaultParser;

impl TypedValueParser for FaultParser {
    type Value = Fault;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Fault, Error> {
        if value == "list" {
            let mut error = Error::new(ErrorKind::DisplayVersion);
            error.insert(ContextKind::Custom, asked_for_list());
            return Err(error);
        }
        let parser = |text: &str| Fault::parse(text);
        parser.parse_ref(command, argument, value)
    }

    /// For completions and manual pages; a number follows each name but `list`.
    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let tears = TEARS.iter().map(|tear| (tear.name.to_owned(), tear.does));
        let answers = kortlab_faults::KINDS
            .iter()
            .map(|kind| (format!("{}:", kind.name), kind.does));
        let faults = tears
            .chain(answers)
            .map(|(name, does)| PossibleValue::new(name).help(does));
        let list = PossibleValue::new("list").help("names them all");
        Some(Box::new(faults.chain([list])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_listed_and_parses() {
        for tear in &TEARS {
            assert!(list().contains(tear.name));
            let fault = Fault::parse(&format!("{}7", tear.name));
            assert_eq!(fault, Ok(Fault::Tear((tear.make)(7))));
        }
        for kind in kortlab_faults::KINDS {
            assert!(list().contains(&format!("{}:{}", kind.name, kind.parameters)));
            let fault = Fault::parse(kind.vector.text);
            assert!(matches!(fault, Ok(Fault::Answer(_))), "{}", kind.name);
        }
    }

    #[test]
    fn what_is_no_fault_is_refused_with_the_list_or_the_reason() {
        for text in ["", "tear", "tear:", "tear:after-bytes", "flip:bit=1"] {
            let error = Fault::parse(text).expect_err(text);
            assert!(error.contains("tear:before-answer=N"), "{error}");
        }
        for text in [
            "tear:after-bytes=",
            "tear:after-bytes=-1",
            "tear:before-command=0",
            "tear:before-answer=x",
            "sw:ins=B0",
            "delay:ms=soon",
        ] {
            let error = Fault::parse(text).expect_err(text);
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
