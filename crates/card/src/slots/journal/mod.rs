//! The journal on the host: what a change of the card is about to do, kept where a crash of the
//! host does not reach it.
//!
//! A change of the slots is written down whole before its first byte goes to the card, and
//! forgotten after its last one was read back. What is written down is enough to complete the
//! change, or to undo it, on a card whose directories can no longer be read: absolute paths, old
//! and new contents, and how the PIN is sent. No PIN is ever in it.
//!
//! # The file
//!
//! [`FileJournal`] keeps one file a transaction, `<card>.json`, where `<card>` is the serial number
//! of the TokenInfo in hexadecimal (see [`CardKey`]); where cards of the same number have one each,
//! `<card>-2.json` and so on. A virtual card's image carries the document itself, as its
//! `pending_change`, so that each copy of a card has its own.
//!
//! ```json
//! {
//!   "format": "kortlab-transaction",
//!   "version": 2,
//!   "sha256": "<of the transaction as compact JSON, its fields in this order>",
//!   "transaction": {
//!     "card": "9752269700000000008F",
//!     "witness": "<SHA-256>",
//!     "purpose": "write 1, remove 1",
//!     "trial": false,
//!     "pin": {"reference": 129, "directory": "", "coding": "ascii-numeric", "min_length": 6,
//!             "max_length": 8, "stored_length": 8, "pad": 0},
//!     "create": [{"directory": "3F005015", "file_id": 17202, "size": 1234,
//!                 "pin_reference": 129, "content": "3082…"}],
//!     "directories": [{"path": "3F0050154403", "before": "30…00", "after": "30…00"}],
//!     "delete": [{"directory": "3F005015", "file_id": 17201, "content": "3082…"}]
//!   }
//! }
//! ```
//!
//! | field | meaning |
//! |---|---|
//! | `card` | the card that it belongs to |
//! | `witness` | what tells the card from another one of the same serial number, where there is such a thing: the digest of its public keys and the directories of its keys |
//! | `purpose` | the change in words, for people |
//! | `trial` | the files are created only to see whether there is room; recovery deletes them |
//! | `pin` | the PIN that allows the change: P2 of VERIFY, the DF to select first (or none), coding and padding |
//! | `create` | the new files, with their whole contents |
//! | `directories` | the directory files (EF(CDF)), whole, filler included, before and after |
//! | `delete` | the files that are released at the end, with their contents |
//!
//! Version 1 is the same without `witness`, and is read and written where there is none. Bytes are
//! hexadecimal. An unknown field, another version, or a digest that does not match is
//! refused: nothing is then written to the card, and the file stays where it is.

pub mod durable;
mod file;
mod memory;

use core::fmt;
use std::path::PathBuf;

use kortlab_apdu::{Fid, FilePath};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::files::MAX_FILE;
use crate::pin::{PinCoding, PinFormat};
use crate::pins::PinObject;

pub use file::{FileJournal, state_directory};
pub use memory::{Crash, MemoryJournal};

/// The most files of one kind in one transaction.
const MAX_FILES: usize = 64;
/// The longest serial number that is a key as it is; a longer one is by its digest.
const MAX_SERIAL: usize = 32;

/// Which card a transaction belongs to: upper-case hexadecimal digits, and perhaps a prefix of
/// lower-case letters and `-`. It can be a file name anywhere.
///
/// It is the serial number of the TokenInfo; if that is very long, its SHA-256, as `sha256-…`. A
/// card that tells none is known by its answer to reset alone, `atr-…`. Other cards may have the
/// same key; what a card holds tells whether a transaction is about it (see [`Fit`]).
///
/// [`Fit`]: crate::slots::Fit
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct CardKey(String);

impl CardKey {
    /// The key of a card with this serial number and answer to reset.
    pub fn new(serial: Option<&[u8]>, atr: &[u8]) -> Self {
        match serial {
            Some(serial) if !serial.is_empty() && serial.len() <= MAX_SERIAL => {
                Self(hex::encode_upper(serial))
            }
            Some(serial) if !serial.is_empty() => Self(format!(
                "sha256-{}",
                hex::encode_upper(Sha256::digest(serial))
            )),
            _ => Self(format!("atr-{}", hex::encode_upper(atr))),
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CardKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = text
            .strip_prefix("sha256-")
            .or_else(|| text.strip_prefix("atr-"))
            .unwrap_or(&text);
        let good = digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
        if digits.is_empty() || digits.len() > 2 * MAX_SERIAL + 2 || !good {
            return Err("a card's key is the hexadecimal digits of its serial number");
        }
        Ok(Self(text))
    }
}

/// Bytes; hexadecimal in JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(&self.0))
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl core::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode_upper(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// A change of a card's slots, whole. See the module for the meaning of its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// The card that it belongs to.
    pub card: CardKey,
    /// What tells the card from another one with the same key, if there is such a thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<Bytes>,
    /// The change in words, for people.
    pub purpose: String,
    /// Whether the files are created only to see whether there is room.
    pub trial: bool,
    /// The PIN that allows the change; `None` if none does.
    pub pin: Option<PinUse>,
    /// The new files.
    pub create: Vec<NewContent>,
    /// The directory files that change.
    pub directories: Vec<DirectoryChange>,
    /// The files that are released at the end.
    pub delete: Vec<OldContent>,
}

/// How the PIN is sent that allows a change. Not the PIN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinUse {
    /// P2 of VERIFY.
    pub reference: u8,
    /// The absolute path of the DF to select before; empty for none.
    pub directory: FilePath,
    /// How characters are coded.
    pub coding: PinCoding,
    /// The fewest characters.
    pub min_length: u32,
    /// The most characters.
    pub max_length: Option<u32>,
    /// How many bytes the card stores.
    pub stored_length: u32,
    /// The byte that fills the rest.
    pub pad: Option<u8>,
}

impl PinUse {
    /// How this PIN is sent; `None` if it cannot be ([`PinObject::p2`]).
    pub fn new(pin: &PinObject) -> Option<Self> {
        Some(Self {
            reference: pin.p2()?,
            directory: pin.directory.clone(),
            coding: pin.format.coding,
            min_length: pin.format.min_length,
            max_length: pin.format.max_length,
            stored_length: pin.format.stored_length,
            pad: pin.format.pad,
        })
    }

    /// The rules of its coding.
    pub const fn format(&self) -> PinFormat {
        PinFormat {
            coding: self.coding,
            min_length: self.min_length,
            max_length: self.max_length,
            stored_length: self.stored_length,
            pad: self.pad,
        }
    }
}

/// A file that a transaction creates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewContent {
    /// The absolute path of its DF.
    pub directory: FilePath,
    /// Its identifier.
    #[serde(with = "number")]
    pub file_id: Fid,
    /// Its size in bytes.
    pub size: u16,
    /// The reference of the PIN that protects changes.
    pub pin_reference: Option<u8>,
    /// What it holds from its first byte on; at most `size` bytes.
    pub content: Bytes,
}

/// A directory file that a transaction changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryChange {
    /// Its absolute path.
    pub path: FilePath,
    /// Its whole content before.
    pub before: Bytes,
    /// Its whole content after; as long.
    pub after: Bytes,
}

/// A file that a transaction deletes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldContent {
    /// The absolute path of its DF.
    pub directory: FilePath,
    /// Its identifier.
    #[serde(with = "number")]
    pub file_id: Fid,
    /// What it held.
    pub content: Bytes,
}

impl NewContent {
    /// The absolute path of the file.
    pub fn path(&self) -> FilePath {
        self.directory.child(self.file_id)
    }
}

impl OldContent {
    /// The absolute path of the file.
    pub fn path(&self) -> FilePath {
        self.directory.child(self.file_id)
    }
}

impl Transaction {
    /// Makes its paths that begin in the PKCS#15 application (3FFF), as a session wrote them down that
    /// did not know where it is, those of one that has found it there.
    pub(crate) fn enter_application(&mut self, application: &FilePath) {
        let created = self.create.iter_mut().map(|file| &mut file.directory);
        let changed = self.directories.iter_mut().map(|change| &mut change.path);
        let deleted = self.delete.iter_mut().map(|file| &mut file.directory);
        let pin = self.pin.iter_mut().map(|pin| &mut pin.directory);
        for path in created.chain(changed).chain(deleted).chain(pin) {
            if let Some(below) = path.strip_prefix(&FilePath::CURRENT_DF) {
                *path = application.join(&below);
            }
        }
    }

    /// Whether its parts can belong together.
    fn check(&self) -> Result<(), &'static str> {
        let path = |path: &FilePath| {
            (path.is_absolute() || path.starts_with(&FilePath::CURRENT_DF))
                && path.is_whole()
                && path.as_bytes().len() <= 16
        };
        let counts = [self.create.len(), self.directories.len(), self.delete.len()];
        if counts.into_iter().any(|count| count > MAX_FILES) {
            return Err("it changes too many files");
        }
        let new = |file: &NewContent| {
            path(&file.directory) && file.content.len() <= usize::from(file.size)
        };
        let directory = |change: &DirectoryChange| {
            path(&change.path)
                && change.before.len() == change.after.len()
                && change.before.len() <= MAX_FILE
        };
        let old = |file: &OldContent| path(&file.directory) && file.content.len() <= MAX_FILE;
        if !self.create.iter().all(new)
            || !self.directories.iter().all(directory)
            || !self.delete.iter().all(old)
        {
            return Err("a path, a size or a content in it cannot be");
        }
        Ok(())
    }
}

/// A file identifier as the number that it is: 17202.
mod number {
    use kortlab_apdu::Fid;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(fid: &Fid, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(fid.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fid, D::Error> {
        u16::deserialize(deserializer).map(Fid)
    }
}

/// The JSON document around a transaction.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: Format,
    version: u8,
    sha256: Bytes,
    transaction: Transaction,
}

#[derive(Serialize, Deserialize)]
enum Format {
    #[serde(rename = "kortlab-transaction")]
    Transaction,
}

/// The version without a witness, and the one with it.
const VERSIONS: [u8; 2] = [1, 2];

impl Transaction {
    /// The transaction as the JSON document that the module describes.
    ///
    /// # Errors
    /// Its parts cannot belong together.
    pub fn to_json(&self) -> Result<Vec<u8>, String> {
        self.check()?;
        let document = Document {
            format: Format::Transaction,
            version: self.version(),
            sha256: self.digest()?.into(),
            transaction: self.clone(),
        };
        let mut json = serde_json::to_vec_pretty(&document).map_err(|error| error.to_string())?;
        json.push(b'\n');
        Ok(json)
    }

    /// Reads the JSON document.
    ///
    /// # Errors
    /// Why it is none, in one line.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u64,
        }
        let head: Head = serde_json::from_slice(json).map_err(in_one_line)?;
        if head.format != "kortlab-transaction" {
            return Err("its format is not kortlab-transaction".to_owned());
        }
        if !VERSIONS
            .into_iter()
            .any(|version| u64::from(version) == head.version)
        {
            return Err(format!(
                "it has version {}, and this program knows versions 1 and 2",
                head.version
            ));
        }
        let document: Document = serde_json::from_slice(json).map_err(in_one_line)?;
        document.transaction.check()?;
        if document.transaction.digest()? != *document.sha256 {
            return Err("its digest does not match: it was changed or damaged".to_owned());
        }
        Ok(document.transaction)
    }

    const fn version(&self) -> u8 {
        let [without, with] = VERSIONS;
        match self.witness {
            None => without,
            Some(_) => with,
        }
    }

    fn digest(&self) -> Result<Vec<u8>, String> {
        let compact = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        Ok(Sha256::digest(compact).to_vec())
    }
}

/// An error that repeats names from the file, which may hold anything.
fn in_one_line(error: serde_json::Error) -> String {
    let printable = |character: char| match character.is_control() {
        true => '\u{FFFD}',
        false => character,
    };
    error.to_string().chars().map(printable).collect()
}

/// The name of a transaction in its journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoteId(String);

impl NoteId {
    /// The name as the journal gives it.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A transaction in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its name there.
    pub id: NoteId,
    /// What was to be done.
    pub transaction: Transaction,
    /// Whether it is certainly about the card at hand: the journal is that card's alone. Else
    /// another card of the same serial number may be meant.
    pub of_this_card: bool,
    /// The file that it is in, if it has one of its own.
    pub place: Option<PathBuf>,
    /// Whether it was set aside.
    pub set_aside: bool,
}

/// Where transactions are kept while they are under way.
///
/// What [`Journal::begin`] and [`Journal::finish`] did is durable when they return: it survives a
/// crash of the host right after.
pub trait Journal {
    /// The transactions of cards with this key, the oldest first, those set aside included.
    ///
    /// # Errors
    /// There is something, and it cannot be read or is none for such a card. It stays as it is.
    fn notes(&mut self, card: &CardKey) -> Result<Vec<Note>, JournalError>;

    /// Keeps a transaction before it begins.
    ///
    /// # Errors
    /// It could not be kept; or the journal is that of one card, which has one already.
    fn begin(&mut self, transaction: &Transaction) -> Result<NoteId, JournalError>;

    /// Forgets a transaction; one that is not there is no error.
    ///
    /// # Errors
    /// It could not be forgotten.
    fn finish(&mut self, note: &NoteId) -> Result<(), JournalError>;

    /// Keeps a transaction that no card was seen for, without anybody being told of it each time; gives
    /// its new place, if it has one.
    ///
    /// # Errors
    /// It stays where it is.
    fn set_aside(&mut self, note: &NoteId) -> Result<Option<PathBuf>, JournalError> {
        let _ = note;
        Ok(None)
    }
}

/// Why a journal could not do its part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// There is a transaction for this card already.
    #[error("an earlier change of this card is not finished")]
    Pending,
    /// What is kept is no transaction of this card.
    #[error("the journal {} cannot be used, and was left as it is: {why}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// There are more than are looked at.
    #[error(
        "{count} changes of cards of the serial number {card} are noted down in {}; no more than {most} are \
         looked at",
        .directory.display()
    )]
    TooMany {
        /// Where.
        directory: PathBuf,
        /// Of which cards.
        card: CardKey,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: u32,
    },
    /// The disk.
    #[error("cannot {doing} {}: {why}", .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        why: String,
    },
    /// The state directory is not known.
    #[error(
        "there is no place for the journal: neither XDG_STATE_HOME nor HOME is an absolute path"
    )]
    NoPlace,
    /// The transaction cannot be written down.
    #[error("the change cannot be written to the journal: {0}")]
    Unwritable(String),
    /// A crash of the host that a test asked for.
    #[error("the host crashed")]
    Crashed,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn transaction() -> Transaction {
        Transaction {
            card: CardKey::new(Some(&[0x97, 0x52, 0x8F]), &[]),
            witness: Some(vec![0x5A; 32].into()),
            purpose: "write 1, remove 1".to_owned(),
            trial: false,
            pin: Some(PinUse {
                reference: 0x81,
                directory: FilePath::EMPTY,
                coding: PinCoding::AsciiNumeric,
                min_length: 6,
                max_length: Some(8),
                stored_length: 8,
                pad: Some(0x00),
            }),
            create: vec![NewContent {
                directory: [0x3F, 0x00, 0x50, 0x15].into(),
                file_id: Fid(0x4332),
                size: 3,
                pin_reference: Some(0x81),
                content: vec![0x30, 0x01, 0x05].into(),
            }],
            directories: vec![DirectoryChange {
                path: [0x3F, 0x00, 0x50, 0x15, 0x44, 0x03].into(),
                before: vec![0x00; 4].into(),
                after: vec![0x30, 0x00, 0x00, 0x00].into(),
            }],
            delete: Vec::new(),
        }
    }

    #[test]
    fn a_transaction_survives_its_json() {
        let json = transaction().to_json().expect("JSON");
        assert_eq!(Transaction::from_json(&json), Ok(transaction()));
    }

    #[test]
    fn every_truncation_and_every_changed_digit_is_refused_in_one_line() {
        let json = transaction().to_json().expect("JSON");
        for length in 0..json.len() - 1 {
            let error = Transaction::from_json(&json[..length]).expect_err("truncated");
            assert!(!error.contains('\n'), "{error}");
        }
        for at in 0..json.len() {
            if json[at].is_ascii_digit() {
                let mut changed = json.clone();
                changed[at] = if json[at] == b'7' { b'8' } else { b'7' };
                assert!(Transaction::from_json(&changed).is_err(), "byte {at}");
            }
        }
    }

    #[test]
    fn a_document_made_by_another_program_is_read() {
        let json = include_bytes!("../../../../../fuzz/seeds/transaction/replacement");
        let read = Transaction::from_json(json).expect("a transaction");
        assert_eq!(read.purpose, "write 1, remove 1");
        assert_eq!(read.delete[0].path().to_string(), "3F00/5015/4331");
    }

    #[test]
    fn names_in_a_damaged_file_do_not_break_the_line() {
        let json = String::from_utf8(transaction().to_json().expect("JSON")).expect("text");
        let odd = json.replace("\"purpose\"", "\"pur\\npose\"");
        let error = Transaction::from_json(odd.as_bytes()).expect_err("an odd name");
        assert!(!error.contains('\n'), "{error}");
    }

    #[test]
    fn another_version_is_named() {
        let json = String::from_utf8(transaction().to_json().expect("JSON")).expect("text");
        let newer = json.replace("\"version\": 2", "\"version\": 3");
        let error = Transaction::from_json(newer.as_bytes()).expect_err("newer");
        assert!(error.contains("version 3"), "{error}");
    }

    #[test]
    fn a_card_key_is_a_harmless_file_name_whatever_the_card_says() {
        for serial in [&b"../../etc/passwd"[..], b"", &[0x00; 300], b"/", b"\xFF"] {
            let key = CardKey::new(Some(serial), &[0x3B]);
            assert_eq!(CardKey::try_from(key.0.clone()), Ok(key.clone()));
            assert!(!key.as_str().contains(['/', '.']), "{key}");
            assert!(key.as_str().len() < 100);
        }
        assert!(CardKey::try_from("../x".to_owned()).is_err());
    }
}
