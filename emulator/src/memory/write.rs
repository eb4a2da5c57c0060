//! One change of persistent state, and how many bytes it programs.

use super::state::SecretValue;
use crate::crypto::StoredKey;
use crate::fs::{File, FileId, LifeCycle};

/// One change of persistent state.
#[derive(Clone, Debug)]
pub enum Write {
    /// Bytes of a transparent EF.
    EfBytes {
        /// The EF.
        file: FileId,
        /// The offset of the first byte.
        offset: usize,
        /// The new bytes.
        bytes: Vec<u8>,
    },
    /// A whole record in the place of one that is there.
    Record {
        /// The EF.
        file: FileId,
        /// The index of the record, from 0.
        index: usize,
        /// The new record.
        bytes: Vec<u8>,
    },
    /// A new record: at the end of a linear EF, as number 1 of a cyclic one.
    NewRecord {
        /// The EF.
        file: FileId,
        /// The record.
        bytes: Vec<u8>,
    },
    /// A PIN's counter of tries left.
    PinTries {
        /// The PIN's index.
        pin: usize,
        /// The new counter.
        tries: u8,
    },
    /// A PIN's value.
    PinValue {
        /// The PIN's index.
        pin: usize,
        /// The new value, without padding.
        value: SecretValue,
    },
    /// The life cycle status of a file.
    FileLifeCycle {
        /// The file.
        file: FileId,
        /// The new status.
        status: LifeCycle,
    },
    /// The life cycle status of the card.
    CardLifeCycle {
        /// The new status.
        status: LifeCycle,
    },
    /// A new file, last in its DF.
    Create {
        /// The file, with its parent set.
        file: Box<File>,
    },
    /// A file and everything in it, gone.
    Delete {
        /// The file; not the MF.
        file: FileId,
    },
    /// The key in a key file.
    Key {
        /// The key file.
        file: FileId,
        /// The new key.
        key: Box<StoredKey>,
    },
    /// The value of a data object that is there.
    DataObject {
        /// Its index.
        index: usize,
        /// The new value.
        value: Vec<u8>,
    },
}

impl Write {
    /// How many bytes of non-volatile memory the write programs.
    pub fn byte_count(&self) -> usize {
        match self {
            Self::EfBytes { bytes, .. } | Self::Record { bytes, .. } => bytes.len(),
            // The record, and the pointer or count that makes it valid.
            Self::NewRecord { bytes, .. } => bytes.len() + 1,
            Self::PinTries { .. } | Self::FileLifeCycle { .. } | Self::CardLifeCycle { .. } => 1,
            // The value, and its length.
            Self::PinValue { value, .. } => value.0.len() + 1,
            Self::Create { file } => usize::try_from(file.footprint()).unwrap_or(usize::MAX),
            // The entry in the parent that makes the file reachable.
            Self::Delete { .. } => 2,
            Self::Key { key, .. } => usize::try_from(key.key.footprint()).unwrap_or(usize::MAX),
            Self::DataObject { value, .. } => value.len() + 1,
        }
    }
}
