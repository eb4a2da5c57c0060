//! Non-volatile memory: the only place that changes persistent state.
//!
//! # The seam
//!
//! A command that changes the card says so as one or more [`Write`]s, each small and typed, and
//! hands them to [`Memory::apply`] in the order in which a card would program them. Nothing else
//! in this crate can reach a mutable [`State`]. So whoever wants to model memory more closely —
//! power lost after byte *n* of a write, a journal that makes the writes of one command atomic,
//! wear, a byte that does not program — does it here, and [`Write::byte_count`] says how many
//! bytes a write programs.
//!
//! Today every write is complete when `apply` returns. The writes of the current command can be
//! taken back with [`Memory::roll_back`]; that is what happens when the image cannot be saved.

use kortlab_apdu::StatusWord;

use crate::fs::footprint::key_footprint;
use crate::fs::{Body, File, FileId, FileSystem, RecordError, Structure};
use crate::image::{LifeCycle, RsaKeyImage};
use crate::state::{SecretValue, State};

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
        key: Box<RsaKeyImage>,
    },
    /// The value of a data object that is there.
    DataObject {
        /// Its index.
        index: usize,
        /// The new value.
        value: Vec<u8>,
    },
}

/// Why a write was not made. The state is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryError {
    /// It does not fit into the capacity, or into the file.
    Full,
    /// The length does not suit the record structure.
    Length,
    /// What it addresses is not there: a slip of the caller, who checks first.
    NoSuchPlace,
}

impl From<MemoryError> for StatusWord {
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::Full => Self::NOT_ENOUGH_MEMORY,
            MemoryError::Length => Self::WRONG_LENGTH,
            MemoryError::NoSuchPlace => Self::MEMORY_FAILURE,
        }
    }
}

impl From<RecordError> for MemoryError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Full => Self::Full,
            RecordError::Length => Self::Length,
        }
    }
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
            Self::Key { key, .. } => usize::try_from(key_footprint(key)).unwrap_or(usize::MAX),
            Self::DataObject { value, .. } => value.len() + 1,
        }
    }
}

/// The non-volatile memory of one card.
#[derive(Debug)]
pub struct Memory {
    state: State,
    undo: Vec<Undo>,
    changed: bool,
}

/// How to take one write back.
#[derive(Debug)]
enum Undo {
    Write(Write),
    RemoveFile(FileId),
    RestoreFiles {
        files: Vec<(FileId, File)>,
        position: usize,
    },
    RemoveRecord {
        file: FileId,
        dropped: Option<Vec<u8>>,
    },
    RemoveKey(FileId),
}

impl Memory {
    /// A memory that holds this state.
    pub fn new(state: State) -> Self {
        Self {
            state,
            undo: Vec::new(),
            changed: false,
        }
    }

    /// The state, to read.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Whether anything was written since this was last asked; asking clears it.
    pub fn take_changed(&mut self) -> bool {
        core::mem::take(&mut self.changed)
    }

    /// Whether anything was written since [`Memory::take_changed`].
    pub const fn changed(&self) -> bool {
        self.changed
    }

    /// A new command begins: what was written before can no longer be taken back.
    pub fn begin_command(&mut self) {
        self.undo.clear();
    }

    /// Takes back every write since [`Memory::begin_command`], the last one first.
    pub fn roll_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            self.take_back(undo);
        }
        self.changed = false;
    }

    /// Makes one change, whole.
    ///
    /// # Errors
    /// It does not fit or does not suit; then nothing is changed.
    pub fn apply(&mut self, write: Write) -> Result<(), MemoryError> {
        let undo = match write {
            Write::EfBytes {
                file,
                offset,
                bytes,
            } => self.ef_bytes(file, offset, bytes)?,
            Write::Record { file, index, bytes } => self.record(file, index, bytes)?,
            Write::NewRecord { file, bytes } => self.new_record(file, bytes)?,
            Write::PinTries { pin, tries } => {
                let place = self
                    .state
                    .pins
                    .get_mut(pin)
                    .ok_or(MemoryError::NoSuchPlace)?;
                let tries = core::mem::replace(&mut place.tries_left, tries);
                Undo::Write(Write::PinTries { pin, tries })
            }
            Write::PinValue { pin, value } => {
                let place = self
                    .state
                    .pins
                    .get_mut(pin)
                    .ok_or(MemoryError::NoSuchPlace)?;
                let value = core::mem::replace(&mut place.value, value);
                Undo::Write(Write::PinValue { pin, value })
            }
            Write::FileLifeCycle { file, status } => {
                let place = self.file_mut(file)?;
                let status = core::mem::replace(&mut place.life_cycle, status);
                Undo::Write(Write::FileLifeCycle { file, status })
            }
            Write::CardLifeCycle { status } => {
                let status = core::mem::replace(&mut self.state.life_cycle, status);
                Undo::Write(Write::CardLifeCycle { status })
            }
            Write::Create { file } => self.create(*file)?,
            Write::Delete { file } => self.delete(file)?,
            Write::Key { file, key } => self.key(file, key)?,
            Write::DataObject { index, value } => self.data_object(index, value)?,
        };
        self.undo.push(undo);
        self.changed = true;
        Ok(())
    }

    fn file_mut(&mut self, file: FileId) -> Result<&mut File, MemoryError> {
        self.state
            .files
            .get_mut(file)
            .ok_or(MemoryError::NoSuchPlace)
    }

    /// Accounts for `more` bytes in the place of `less`.
    fn claim(&mut self, less: u64, more: u64) -> Result<(), MemoryError> {
        let used = self.state.used.saturating_sub(less).saturating_add(more);
        if more > less && used > u64::from(self.state.capacity) {
            return Err(MemoryError::Full);
        }
        self.state.used = used;
        Ok(())
    }

    fn ef_bytes(
        &mut self,
        file: FileId,
        offset: usize,
        mut bytes: Vec<u8>,
    ) -> Result<Undo, MemoryError> {
        let Body::Transparent(contents) = &mut self.file_mut(file)?.body else {
            return Err(MemoryError::NoSuchPlace);
        };
        let end = offset.checked_add(bytes.len()).ok_or(MemoryError::Full)?;
        let place = contents.get_mut(offset..end).ok_or(MemoryError::Full)?;
        place.swap_with_slice(&mut bytes);
        Ok(Undo::Write(Write::EfBytes {
            file,
            offset,
            bytes,
        }))
    }

    fn record(&mut self, file: FileId, index: usize, bytes: Vec<u8>) -> Result<Undo, MemoryError> {
        let Body::Records(records) = &mut self.file_mut(file)?.body else {
            return Err(MemoryError::NoSuchPlace);
        };
        records.check_replacement(index, bytes.len())?;
        let place = records
            .records
            .get_mut(index)
            .ok_or(MemoryError::NoSuchPlace)?;
        let bytes = core::mem::replace(place, bytes);
        Ok(Undo::Write(Write::Record { file, index, bytes }))
    }

    fn new_record(&mut self, file: FileId, bytes: Vec<u8>) -> Result<Undo, MemoryError> {
        let Body::Records(records) = &mut self.file_mut(file)?.body else {
            return Err(MemoryError::NoSuchPlace);
        };
        records.check_addition(bytes.len())?;
        let mut dropped = None;
        if records.structure == Structure::Cyclic {
            if records.len() >= usize::from(records.record_count) {
                dropped = records.records.pop_back();
            }
            records.records.push_front(bytes);
        } else {
            records.records.push_back(bytes);
        }
        Ok(Undo::RemoveRecord { file, dropped })
    }

    fn create(&mut self, file: File) -> Result<Undo, MemoryError> {
        let parent = file.parent.ok_or(MemoryError::NoSuchPlace)?;
        if !self.file_mut(parent)?.is_df() {
            return Err(MemoryError::NoSuchPlace);
        }
        self.claim(0, file.footprint())?;
        Ok(Undo::RemoveFile(self.state.files.insert(file, None)))
    }

    fn delete(&mut self, file: FileId) -> Result<Undo, MemoryError> {
        if file == FileSystem::MASTER_FILE || self.state.files.get(file).is_none() {
            return Err(MemoryError::NoSuchPlace);
        }
        let (files, position) = self.state.files.remove(file);
        let freed = files.iter().map(|(_, file)| file.footprint()).sum();
        self.claim(freed, 0)?;
        Ok(Undo::RestoreFiles { files, position })
    }

    fn key(&mut self, file: FileId, new: Box<RsaKeyImage>) -> Result<Undo, MemoryError> {
        let old_footprint = self.file_mut(file)?.footprint();
        let Body::RsaKey { key, .. } = &self.file_mut(file)?.body else {
            return Err(MemoryError::NoSuchPlace);
        };
        let old_key = key.as_deref().map_or(0, key_footprint);
        let new_footprint = old_footprint - old_key + key_footprint(&new);
        self.claim(old_footprint, new_footprint)?;
        let Body::RsaKey { key, .. } = &mut self.file_mut(file)?.body else {
            return Err(MemoryError::NoSuchPlace);
        };
        Ok(match key.replace(new) {
            Some(key) => Undo::Write(Write::Key { file, key }),
            None => Undo::RemoveKey(file),
        })
    }

    fn data_object(&mut self, index: usize, value: Vec<u8>) -> Result<Undo, MemoryError> {
        let object = self.state.data_objects.get(index);
        let old = object.ok_or(MemoryError::NoSuchPlace)?.value.len() as u64;
        self.claim(old, value.len() as u64)?;
        let object = self.state.data_objects.get_mut(index);
        let place = &mut object.ok_or(MemoryError::NoSuchPlace)?.value;
        let value = core::mem::replace(place, value);
        Ok(Undo::Write(Write::DataObject { index, value }))
    }

    /// Undoing cannot fail: it restores what was there a moment ago. The capacity is given back
    /// without a check, since `claim` only checks growth beyond what the state held before.
    fn take_back(&mut self, undo: Undo) {
        match undo {
            Undo::Write(write) => {
                let kept = self.undo.len();
                // Cannot fail, see above; if it did, the state would stay as it is.
                let _ = self.apply(write);
                self.undo.truncate(kept);
            }
            Undo::RemoveFile(file) => {
                let (files, _) = self.state.files.remove(file);
                let freed = files.iter().map(|(_, file)| file.footprint()).sum::<u64>();
                self.state.used = self.state.used.saturating_sub(freed);
            }
            Undo::RestoreFiles { files, position } => {
                let taken = files.iter().map(|(_, file)| file.footprint()).sum::<u64>();
                self.state.used = self.state.used.saturating_add(taken);
                self.state.files.restore(files, position);
            }
            Undo::RemoveRecord { file, dropped } => {
                let Some(Body::Records(records)) =
                    self.state.files.get_mut(file).map(|file| &mut file.body)
                else {
                    return;
                };
                if records.structure == Structure::Cyclic {
                    records.records.pop_front();
                    records.records.extend(dropped);
                } else {
                    records.records.pop_back();
                }
            }
            Undo::RemoveKey(file) => {
                let Some(Body::RsaKey { key, .. }) =
                    self.state.files.get_mut(file).map(|file| &mut file.body)
                else {
                    return;
                };
                if let Some(key) = key.take() {
                    let freed = key_footprint(&key);
                    self.state.used = self.state.used.saturating_sub(freed);
                }
            }
        }
    }
}
