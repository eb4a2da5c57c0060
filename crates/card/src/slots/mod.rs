//! Certificate slots: listing, reading, writing, removing, checking; and what happens when the
//! card is pulled out meanwhile.
//!
//! A [`Change`] is any number of certificates to remove and to write. [`Card::plan`] says, before
//! anything is touched, what it takes, whether it may be, and what can be guaranteed
//! ([`Guarantee`]); [`Card::execute`] carries it out as one transaction with a [`Journal`] on the
//! host; [`Card::recover`] completes or undoes one that was interrupted. Nothing old is released
//! before what is new is on the card and read back, and after a recovery all of it is old or all
//! of it is new.
//!
//! Compaction: a directory file has no holes after a change, for its objects are moved together in
//! the same switch-over. The memory itself is the card's own: files are created and deleted whole,
//! and what is deleted is free again.
//!
//! The ODF is never changed. A second directory with a switch of the path in the ODF would take
//! effect with one byte in every case; but the cards known here let nobody update their ODF.

mod admission;
mod check;
mod execute;
pub mod journal;
mod plan;
mod recover;
mod switch;

use kortlab_apdu::Channel;
use kortlab_pkcs15::{Certificate, Entry, Id, ObjectKind};

use crate::card::Card;
use crate::certificate::{self, CertificateInfo};
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};

pub use check::{CheckedSlot, SlotProblem};
pub use execute::Executed;
#[cfg(feature = "planted-bug")]
pub use execute::PlantedBug;
pub use journal::{CardKey, FileJournal, Journal, JournalError, MemoryJournal, Transaction};
pub use plan::{Change, Guarantee, NewCertificate, Plan};
pub use recover::{Recovery, Way};

/// A certificate on the card.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The absolute path of the directory file that lists it.
    pub directory: Vec<u8>,
    /// What kind of directory that is: the holder's certificates, trusted or useful ones.
    pub kind: ObjectKind,
    /// Its index in that directory.
    pub index: usize,
    /// The object as the directory has it.
    pub object: Certificate,
    /// The absolute path of its file; `None` if it stands in the directory itself.
    pub path: Option<Vec<u8>>,
    /// The size of its file, or of its part of one, in bytes.
    pub size: usize,
    /// The certificate in DER; empty if it could not be read.
    pub der: Vec<u8>,
    /// What it says; `None` if it is no certificate at all.
    pub info: Option<CertificateInfo>,
    /// What is wrong with it, in words.
    pub findings: Vec<String>,
}

impl Slot {
    /// The identifier of the key it is for.
    pub fn key_id(&self) -> &Id {
        self.object.id()
    }

    /// Its label.
    pub fn label(&self) -> Option<&str> {
        self.object.common.label.as_deref()
    }

    /// Whether it is an authority's certificate, not the holder's.
    pub const fn is_authority(&self) -> bool {
        self.object.certificate.authority || !matches!(self.kind, ObjectKind::Certificates)
    }

    /// How people tell it from others: its label, or its file, or its place.
    pub fn name(&self) -> String {
        match (self.label(), &self.path) {
            (Some(label), _) => format!("{label:?}"),
            (None, Some(path)) => crate::files::path_text(path),
            (None, None) => format!("number {}", self.index),
        }
    }
}

/// How much room there is for certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// How many bytes are free in the directory of the holder's certificates; an entry takes about
    /// 50 to 80.
    pub directory: Option<usize>,
    /// How many bytes EF(UnusedSpace) says are free in files that exist; `None` if there is no
    /// such file.
    pub unused: Option<usize>,
}

impl<C: Channel> Card<C> {
    /// The certificates on the card, each read from it.
    ///
    /// # Errors
    /// The card is gone. A certificate that cannot be read has its reason in [`Slot::findings`].
    pub fn slots(&mut self) -> Result<Vec<Slot>, CardError> {
        self.exclusively(|card| {
            let mut slots = listed(card);
            for slot in &mut slots {
                card.fill(slot)?;
            }
            Ok(slots)
        })
    }

    /// The certificates for the key `id`, in the order of the directory.
    ///
    /// # Errors
    /// As for [`Card::slots`].
    pub fn slots_for(&mut self, id: &Id) -> Result<Vec<Slot>, CardError> {
        let mut slots = self.slots()?;
        slots.retain(|slot| slot.key_id() == id);
        Ok(slots)
    }

    /// Plans a change and carries it out. The PIN for authentication must be verified before.
    ///
    /// # Errors
    /// Those of [`Card::plan`] and [`Card::execute`].
    pub fn change(
        &mut self,
        change: &Change,
        journal: &mut dyn Journal,
    ) -> Result<Executed, CardError> {
        self.exclusively(|card| {
            let plan = card.plan(change)?;
            card.execute(&plan, journal)
        })
    }

    /// Writes one certificate, without looking at the time; [`Card::change`] does more.
    ///
    /// # Errors
    /// Those of [`Card::plan`] and [`Card::execute`].
    pub fn write_certificate(
        &mut self,
        new: &NewCertificate,
        journal: &mut dyn Journal,
    ) -> Result<Executed, CardError> {
        self.change(&Change::new().write(new.clone()), journal)
    }

    /// Removes one certificate: its entry in the directory first, then its file.
    ///
    /// # Errors
    /// Those of [`Card::plan`] and [`Card::execute`].
    pub fn remove_certificate(
        &mut self,
        slot: &Slot,
        journal: &mut dyn Journal,
    ) -> Result<Executed, CardError> {
        self.change(&Change::new().remove(slot.clone()), journal)
    }

    /// How much room there is for certificates, as far as the card says. What is left of the
    /// card's memory itself, no command tells; the card refuses a new file that does not fit.
    pub fn free_space(&self) -> FreeSpace {
        let contents = self.contents();
        let directory = contents
            .certificates
            .iter()
            .find(|file| file.kind == ObjectKind::Certificates)
            .and_then(|file| {
                kortlab_pkcs15::Edit::<Certificate>::new(&file.bytes, file.size).free()
            });
        let unused = contents.unused_space.as_ref().map(|file| {
            file.directory
                .objects()
                .filter_map(|record| record.path.length)
                .fold(0_usize, |sum, length| sum.saturating_add(length as usize))
        });
        FreeSpace { directory, unused }
    }

    fn fill(&mut self, slot: &mut Slot) -> Result<(), CardError> {
        let Some(value) = slot.object.value().cloned() else {
            slot.findings
                .push("it is no X.509 certificate; it is not read".to_owned());
            return Ok(());
        };
        let content = match self.read_value(&value) {
            Ok(content) => content,
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => {
                slot.findings.push(format!("it cannot be read: {error}"));
                return Ok(());
            }
        };
        slot.size = content.len();
        let Some(der) = certificate::at_start(&content) else {
            let what = if content.iter().all(|&byte| byte == 0x00 || byte == 0xFF) {
                "its file is empty"
            } else {
                "its file does not hold a complete certificate"
            };
            slot.findings.push(what.to_owned());
            slot.der = content;
            return Ok(());
        };
        slot.der = der.to_vec();
        slot.info = CertificateInfo::parse(der);
        match &slot.info {
            None => slot
                .findings
                .push("its file holds something else than a certificate".to_owned()),
            Some(info) => slot.findings.extend(
                info.fault
                    .as_ref()
                    .map(|fault| format!("it is not strictly coded: {fault}")),
            ),
        }
        Ok(())
    }
}

/// The slots as the directories list them, not read yet.
fn listed<C: Channel>(card: &Card<C>) -> Vec<Slot> {
    let mut slots = Vec::new();
    for file in &card.contents().certificates {
        for (index, entry) in file.directory.entries.iter().enumerate() {
            let Entry::Object(object) = entry else {
                continue;
            };
            let path = object
                .path()
                .filter(|path| !path.path.is_empty())
                .map(|path| card.contents().absolute(path));
            slots.push(Slot {
                directory: file.path.clone(),
                kind: file.kind,
                index,
                object: object.clone(),
                path,
                size: 0,
                der: Vec::new(),
                info: None,
                findings: Vec::new(),
            });
        }
    }
    slots
}

/// An error about what was given; the card was not changed.
fn invalid(message: impl Into<String>) -> CardError {
    CardError::new(ErrorKind::Invalid, message)
}
