//! Non-volatile memory: the only place that changes persistent state.
//!
//! # The seam
//!
//! A command that changes the card says so as one or more [`Write`]s, each small and typed, and
//! hands them to [`Memory::apply`] in the order in which a card would program them. Nothing else
//! in this crate can reach a mutable [`State`]. So whoever wants to model memory more closely —
//! wear, a byte that does not program — does it here, and [`Write::byte_count`] says how many
//! bytes a write programs.
//!
//! # Power
//!
//! Power can be cut at any point ([`PowerCut`]). What that leaves behind depends on the card's
//! [`MemoryTechnology`]: nothing of the command, the writes before the one that was cut, or files
//! that are new up to a byte. After the cut the memory takes no more writes until power returns
//! and [`Memory::power_on`] has run the card's own recovery, whose bytes count like all others,
//! so that it can be cut as well.
//!
//! One rule stands above the card's journal: a try that was taken from a PIN is never given back.
//! Otherwise whoever pulls the card in time could guess for ever.
//!
//! The writes of the current command can also be taken back with [`Memory::roll_back`]; that is
//! what happens when the image cannot be saved.

mod power;
pub mod provenance;
pub mod state;
mod technology;
mod write;

use kortlab_apdu::StatusWord;

use crate::crypto::StoredKey;
use crate::fs::{Body, File, FileId, FileSystem, RecordError, Structure};

pub(crate) use power::Drawn;
use power::Power;
pub use power::{PowerCut, PowerLost};
use state::State;
pub use technology::{MemoryTechnology, PAGE};
pub use write::Write;

/// Why a write was not made. But for [`MemoryError::PowerLost`], the state is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryError {
    /// It does not fit into the capacity, or into the file.
    Full,
    /// The length does not suit the record structure.
    Length,
    /// What it addresses is not there: a slip of the caller, who checks first.
    NoSuchPlace,
    /// Power was cut before the write was whole. No answer reaches the reader.
    PowerLost,
}

impl From<MemoryError> for StatusWord {
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::Full => Self::NOT_ENOUGH_MEMORY,
            MemoryError::Length => Self::WRONG_LENGTH,
            MemoryError::NoSuchPlace | MemoryError::PowerLost => Self::MEMORY_FAILURE,
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

/// The non-volatile memory of one card.
#[derive(Clone, Debug)]
pub struct Memory {
    state: State,
    undo: Vec<Undo>,
    changed: bool,
    power: Power,
    /// How many bytes the card's recovery will program when power returns.
    recovery: u64,
}

/// How to take one write back.
#[derive(Clone, Debug)]
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

impl Undo {
    /// How many bytes taking it back programs.
    fn byte_count(&self) -> u64 {
        match self {
            Self::Write(write) => write.byte_count() as u64,
            Self::RemoveFile(_) | Self::RestoreFiles { .. } | Self::RemoveKey(_) => 2,
            Self::RemoveRecord { .. } => 1,
        }
    }
}

impl Memory {
    /// A memory that holds this state.
    pub fn new(state: State) -> Self {
        Self {
            state,
            undo: Vec::new(),
            changed: false,
            power: Power::default(),
            recovery: 0,
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

    /// Takes back every write since [`Memory::begin_command`], the last one first.
    pub fn roll_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            self.take_back(undo);
        }
        self.changed = false;
    }

    /// Cuts the power at this point, counted from now on.
    pub fn schedule_power_cut(&mut self, cut: PowerCut) {
        self.power.schedule(cut);
    }

    /// Cuts the power no more; one that was cut stays so until it returns.
    pub const fn cancel_power_cut(&mut self) {
        self.power.spare();
    }

    /// Whether power is to be cut.
    pub const fn power_cut_is_scheduled(&self) -> bool {
        self.power.is_to_be_cut()
    }

    /// How many bytes were programmed since the card was made.
    pub const fn bytes_programmed(&self) -> u64 {
        self.power.programmed()
    }

    /// How many commands have reached the card since it was made.
    pub const fn commands_received(&self) -> u64 {
        self.power.commands()
    }

    /// Whether power was cut and has not returned.
    pub const fn power_lost(&self) -> bool {
        self.power.is_lost()
    }

    /// Power returns: the card OS recovers from a command that was cut short.
    ///
    /// # Errors
    /// Power is cut again; the recovery starts anew the next time.
    pub fn power_on(&mut self) -> Result<(), PowerLost> {
        self.power.restore();
        match self.power.draw(self.recovery) {
            Drawn::All => {
                self.recovery = 0;
                Ok(())
            }
            Drawn::Part(_) => Err(PowerLost),
        }
    }

    /// A command arrives: what was written before can no longer be taken back.
    ///
    /// # Errors
    /// Power is cut before it does.
    pub fn begin_command(&mut self) -> Result<(), PowerLost> {
        self.power.command()?;
        self.undo.clear();
        Ok(())
    }

    /// The command is done and its answer should go out.
    ///
    /// # Errors
    /// Power was cut during the command, or is cut now.
    pub fn end_command(&mut self) -> Result<(), PowerLost> {
        self.power.answer()
    }

    /// Makes one change, whole unless power is cut.
    ///
    /// # Errors
    /// It does not fit or does not suit; then nothing is changed. Or power is cut.
    pub fn apply(&mut self, write: Write) -> Result<(), MemoryError> {
        if self.power.is_lost() {
            return Err(MemoryError::PowerLost);
        }
        let cost = self.cost(&write);
        if !self.power.suffices(cost) {
            return self.tear(write, cost);
        }
        let undo = self.perform(write)?;
        self.power.draw(cost);
        self.undo.push(undo);
        self.changed = true;
        Ok(())
    }

    /// Makes as much of a write as the power is enough for, and what the card's recovery will do
    /// about it: nobody can look at the memory before that has run.
    fn tear(&mut self, write: Write, cost: u64) -> Result<(), MemoryError> {
        let undo = self.perform(write.clone())?;
        self.take_back(undo);
        let Drawn::Part(part) = self.power.draw(cost) else {
            return Err(MemoryError::PowerLost);
        };
        let technology = self.technology();
        match write {
            Write::EfBytes {
                file,
                offset,
                bytes,
            } => {
                if let Some(Body::Transparent(contents)) = self.body_mut(file)
                    && let Some(torn) = technology.torn(contents, offset, &bytes, part)
                {
                    *contents = torn;
                }
            }
            Write::Record { file, index, bytes } => {
                if let Some(Body::Records(records)) = self.body_mut(file)
                    && let Some(place) = records.records.get_mut(index)
                    && place.len() == bytes.len()
                    && let Some(torn) = technology.torn(place, 0, &bytes, part)
                {
                    *place = torn;
                }
            }
            // Kept twice or linked last: there is no half of it.
            _ => {}
        }
        self.changed = true;
        if technology == MemoryTechnology::Journalled {
            while let Some(undo) = self.undo.pop() {
                self.recovery = self.recovery.saturating_add(undo.byte_count());
                if !self.gives_a_try_back(&undo) {
                    self.take_back(undo);
                }
            }
        }
        self.undo.clear();
        Err(MemoryError::PowerLost)
    }

    fn gives_a_try_back(&self, undo: &Undo) -> bool {
        let &Undo::Write(Write::PinTries { pin, tries }) = undo else {
            return false;
        };
        self.state
            .pins
            .get(pin)
            .is_some_and(|pin| tries > pin.tries_left)
    }

    fn technology(&self) -> MemoryTechnology {
        self.state.settings.memory
    }

    fn cost(&self, write: &Write) -> u64 {
        match write {
            Write::EfBytes {
                file,
                offset,
                bytes,
            } => {
                let size = match self.state.files.get(*file).map(|file| &file.body) {
                    Some(Body::Transparent(contents)) => contents.len(),
                    _ => 0,
                };
                self.technology().cost(*offset, bytes.len(), size)
            }
            Write::Record { bytes, .. } => self.technology().cost(0, bytes.len(), bytes.len()),
            write => write.byte_count() as u64,
        }
    }

    fn body_mut(&mut self, file: FileId) -> Option<&mut Body> {
        self.state.files.get_mut(file).map(|file| &mut file.body)
    }

    fn perform(&mut self, write: Write) -> Result<Undo, MemoryError> {
        Ok(match write {
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
        })
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

    fn key(&mut self, file: FileId, new: Box<StoredKey>) -> Result<Undo, MemoryError> {
        let old_footprint = self.file_mut(file)?.footprint();
        let Body::Key { key, .. } = &self.file_mut(file)?.body else {
            return Err(MemoryError::NoSuchPlace);
        };
        let old_key = key.as_deref().map_or(0, |stored| stored.key.footprint());
        let new_footprint = old_footprint - old_key + new.key.footprint();
        self.claim(old_footprint, new_footprint)?;
        let Body::Key { key, .. } = &mut self.file_mut(file)?.body else {
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
                // Cannot fail, see above; if it did, the state would stay as it is.
                let _ = self.perform(write);
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
                let Some(Body::Key { key, .. }) =
                    self.state.files.get_mut(file).map(|file| &mut file.body)
                else {
                    return;
                };
                if let Some(key) = key.take() {
                    let freed = key.key.footprint();
                    self.state.used = self.state.used.saturating_sub(freed);
                }
            }
        }
    }
}
