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
mod behind;
mod beside;
mod carried_out;
mod check;
mod execute;
mod fit;
mod guard;
mod identifiers;
pub mod journal;
mod key_entries;
mod key_files;
mod listed;
mod lost;
mod names;
mod number;
mod plan;
mod problem;
mod procedure;
mod recover;
mod release;
mod secret_keys;
mod switch;
mod unlisted;
mod usage;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kortlab_apdu::{Channel, FilePath};
use kortlab_pkcs15::{Certificate, Entry, Id, ObjectKind, ObjectValue};

use crate::card::Card;
use crate::certificate::{self, CertificateInfo, ContentKind};
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};

pub(crate) use check::issuers;
pub use check::{Against, Checked, CheckedSlot, NotChecked};
pub use execute::Executed;
pub use fit::Fit;
pub use journal::{
    CardKey, FileJournal, Journal, JournalError, MemoryJournal, Note, NoteId, Transaction,
};
pub use plan::{Change, Exception, Guarantee, NewCertificate, Plan};
pub use problem::SlotProblem;
#[doc(hidden)]
pub use procedure::Procedure;
pub use recover::{IfChanged, Recovery, Way};

/// How many bytes of two certificates are compared before both are read: what one command brings.
const HEAD: usize = 256;
/// What to do with a card whose files are made in ways that are not known here.
const OTHER_PROGRAM: &str = "use a program that knows this card, such as OpenSC's `pkcs15-init`";

/// A certificate on the card.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The absolute path of the directory file that lists it.
    pub directory: FilePath,
    /// What kind of directory that is: the holder's certificates, trusted or useful ones.
    pub kind: ObjectKind,
    /// Its index in that directory.
    pub index: usize,
    /// The object as the directory has it.
    pub object: Certificate,
    /// The absolute path of its file; `None` if it stands in the directory itself.
    pub path: Option<FilePath>,
    /// Where in its file it starts.
    pub start: usize,
    /// The size of its file, or of its part of one, in bytes.
    pub size: usize,
    /// The certificate in DER; where it is no certificate, what is there instead; empty if it was
    /// not read, or could not be.
    pub der: Bytes,
    /// What it says; `None` if it is no certificate at all.
    pub info: Option<Arc<CertificateInfo>>,
    /// What is wrong with how it is kept and how it is written.
    pub findings: Vec<SlotProblem>,
    /// Why it was not read, if reading the card was stopped before it
    /// ([`Budget`](crate::files::Budget)).
    pub unread: Option<String>,
    /// Whether it is on a card whose certificates this program does not change.
    pub(crate) is_fixed: bool,
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

    /// Where it is listed, as `kortlab cert` takes it: the path of its directory, and its number there,
    /// from 0: `3F00/5015/4403#2`.
    pub fn entry(&self) -> String {
        format!("{}#{}", self.directory, self.index)
    }

    /// How people tell it from others: its label, or its file, or its place.
    pub fn name(&self) -> String {
        match (self.label(), &self.path) {
            (Some(label), _) => format!("{label:?}"),
            (None, Some(path)) => path.to_string(),
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
        self.exclusively(|card| match card.slots_as_far() {
            (slots, None) => Ok(slots),
            (_, Some(error)) => Err(error),
        })
    }

    /// The certificates up to the first that could not be read because the card is gone, and that it
    /// is.
    fn slots_as_far(&mut self) -> (Vec<Slot>, Option<CardError>) {
        let mut slots = listed(self);
        let mut parsed = Parsed::new();
        for index in 0..slots.len() {
            let Some(slot) = slots.get_mut(index) else {
                break;
            };
            if let Err(error) = self.fill(slot, &mut parsed) {
                slots.truncate(index);
                return (slots, Some(error));
            }
        }
        (slots, None)
    }

    /// The certificates as the directories list them. None is read from the card.
    pub fn listed_slots(&self) -> Vec<Slot> {
        listed(self)
    }

    /// The certificates as the directories list them; of these, read from the card are those of
    /// authorities, and those that begin as `der` does.
    pub(crate) fn slots_beside(&mut self, der: &[u8]) -> Result<Vec<Slot>, CardError> {
        let head = der.get(..HEAD).unwrap_or(der);
        let mut slots = listed(self);
        let mut parsed = Parsed::new();
        for slot in &mut slots {
            if slot.is_authority() || self.begins_with(slot, head)? {
                self.fill(slot, &mut parsed)?;
            }
        }
        Ok(slots)
    }

    /// Whether the value of a slot may begin so. Serial number, issuer and dates stand there, so
    /// that two certificates rarely do.
    fn begins_with(&mut self, slot: &Slot, head: &[u8]) -> Result<bool, CardError> {
        let Some(ObjectValue::Path(path)) = slot.object.value() else {
            return Ok(true);
        };
        let file = self.contents().absolute(path);
        let from = path.index.unwrap_or(0) as usize;
        let read = self.exclusively(|card| {
            let mut files = card.files();
            files.select_silently(&file)?;
            files.read_part_selected(&file.to_string(), from, head.len())
        });
        match read {
            Ok(read) => Ok(read == head),
            Err(error) if is_final(&error) => Err(error),
            // Why it cannot be read is told where it is read whole.
            Err(_) => Ok(true),
        }
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

    /// Reads the directories anew, plans a change and carries it out. The PIN for authentication
    /// must be verified before.
    ///
    /// # Errors
    /// Those of [`Card::plan`] and [`Card::execute`].
    pub fn change(
        &mut self,
        change: &Change,
        journal: &mut dyn Journal,
    ) -> Result<Executed, CardError> {
        self.exclusively(|card| {
            card.refresh()?;
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
            .find(|file| file.kind == ObjectKind::Certificates && !file.of_records)
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

    fn fill(&mut self, slot: &mut Slot, parsed: &mut Parsed) -> Result<(), CardError> {
        let Some(value) = slot.object.value().cloned() else {
            slot.findings.push(SlotProblem::NotX509);
            return Ok(());
        };
        if value.path().is_some_and(|path| path.path.is_empty()) {
            slot.findings.push(SlotProblem::WithoutFile);
            return Ok(());
        }
        let content = match self.stored(&value, parsed) {
            Ok(stored) => {
                slot.start = stored.start;
                slot.findings.extend(stored.findings);
                stored.content
            }
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => {
                if error.kind() == ErrorKind::Budget {
                    slot.unread = Some(error.to_string());
                }
                let problem = match self.private_key_at(slot.path.as_ref()) {
                    Some(key) if error.kind().may_be_of_records() => {
                        SlotProblem::KeyFile { key, error }
                    }
                    _ => SlotProblem::Unreadable(error),
                };
                slot.findings.push(problem);
                return Ok(());
            }
        };
        slot.size = content.len();
        let der = certificate::at_start(&content);
        slot.info = der.and_then(|der| parsed_once(parsed, der));
        let (Some(info), Some(der)) = (&slot.info, der) else {
            let kind = ContentKind::of(&content);
            slot.findings.push(SlotProblem::NotCertificate(kind));
            slot.der = content;
            return Ok(());
        };
        slot.der = content.slice_ref(der);
        let faults = info.faults.iter().cloned();
        slot.findings.extend(faults.map(SlotProblem::NotStrict));
        Ok(())
    }

    /// The private key that EF(PrKDF) says is in this file.
    fn private_key_at(&self, path: Option<&FilePath>) -> Option<Id> {
        let contents = self.contents();
        let files = contents.private_keys.iter();
        let mut keys = files.flat_map(|file| file.directory.objects());
        let found = keys.find(|key| {
            let own = key.path().filter(|own| !own.path.is_empty());
            own.is_some_and(|own| Some(&contents.absolute(own)) == path)
        });
        Some(found?.key.id.clone())
    }

    /// The bytes at a value's place. What the directory says of their number is not relied on:
    /// where a certificate starts there, it says itself how long it is.
    fn stored(&mut self, value: &ObjectValue, parsed: &mut Parsed) -> Result<Stored, CardError> {
        let ObjectValue::Path(path) = value else {
            return Ok(Stored {
                content: self.value(value)?,
                start: 0,
                findings: Vec::new(),
            });
        };
        let known = self.file_of(path)?;
        let remarks = known.remarks.iter().cloned();
        let mut findings: Vec<_> = remarks.map(SlotProblem::Odd).collect();
        let said = SaidPlace {
            index: path.index.map(|index| index as usize),
            length: path.length.map(|length| length as usize),
        };
        let (start, found) = said.find(&known.data, parsed);
        findings.extend(found);
        let content = known.data.slice(start.min(known.data.len())..);
        Ok(Stored {
            content,
            start,
            findings,
        })
    }
}

/// What stands at a certificate's place.
struct Stored {
    content: Bytes,
    start: usize,
    findings: Vec<SlotProblem>,
}

/// Where a directory says that a certificate is in its file (PKCS#15 §6.1.4).
#[derive(Clone, Copy)]
struct SaidPlace {
    index: Option<usize>,
    length: Option<usize>,
}

impl SaidPlace {
    /// Where it is, and what is wrong with what the directory says.
    fn find(self, file: &[u8], parsed: &mut Parsed) -> (usize, Option<SlotProblem>) {
        let said = self.index.unwrap_or(0);
        let mut is_certificate = |start: usize| {
            let content = file.get(start..).unwrap_or_default();
            let der = certificate::at_start(content)?;
            parsed_once(parsed, der).map(|_| der.len())
        };
        let (start, length) = match (is_certificate(said), said) {
            (Some(length), _) => (said, Some(length)),
            // It is where it would be without an index.
            (None, 1..) => match is_certificate(0) {
                Some(length) => (0, Some(length)),
                None => (said.min(file.len()), None),
            },
            (None, 0) => (0, None),
        };
        let holds = length.unwrap_or(file.len() - start);
        // A length of 0 is what some cards write for "all of it", but beside an index it is taken at
        // its word, by OpenSC for one. The whole file is right too.
        let fits = match (self.index, self.length) {
            (_, None) | (None, Some(0)) => true,
            (_, Some(told)) => told == holds || start.checked_add(told) == Some(file.len()),
        };
        let wrong = (start != said || !fits).then_some(SlotProblem::WrongCount {
            said_index: self.index,
            said_length: self.length,
            index: start,
            length: holds,
        });
        (start, wrong)
    }
}

/// What certificates say, by the place of their shared bytes, which the slots keep where they are.
type Parsed = BTreeMap<(usize, usize), Option<Arc<CertificateInfo>>>;

/// What the certificate says that these bytes are, which are part of what the card's files hold.
fn parsed_once(parsed: &mut Parsed, der: &[u8]) -> Option<Arc<CertificateInfo>> {
    parsed
        .entry((der.as_ptr().addr(), der.len()))
        .or_insert_with(|| CertificateInfo::parse(der).map(Arc::new))
        .clone()
}

/// The slots as the directories list them, not read yet.
fn listed<C: Channel>(card: &Card<C>) -> Vec<Slot> {
    let mut slots = Vec::new();
    let is_fixed = card.can_change_slots().is_err();
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
                start: 0,
                size: 0,
                der: Bytes::new(),
                info: None,
                findings: Vec::new(),
                unread: None,
                is_fixed,
            });
        }
    }
    slots
}

/// An error about what was given; the card was not changed.
fn invalid(message: impl Into<String>) -> CardError {
    CardError::new(ErrorKind::Invalid, message)
}
