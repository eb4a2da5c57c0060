//! Records: linear fixed, linear variable and cyclic EFs (ISO/IEC 7816-4 §7.4.1 and §7.4.3).

use std::collections::VecDeque;

/// How the records of an EF are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure {
    /// Records of one length.
    LinearFixed,
    /// Records up to a maximum length.
    LinearVariable,
    /// Records of one length in a ring; number 1 is the newest.
    Cyclic,
}

/// The records of one EF.
#[derive(Clone, Debug)]
pub struct Records {
    /// How they are arranged.
    pub structure: Structure,
    /// Whether each is a SIMPLE-TLV object whose first byte is the record identifier.
    pub tlv: bool,
    /// The length of each, or the most.
    pub record_length: u16,
    /// The most records.
    pub record_count: u16,
    /// The most bytes of all records together.
    pub size: u32,
    /// The records, number 1 first.
    pub records: VecDeque<Vec<u8>>,
}

/// Why a record cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// It has the wrong length.
    Length,
    /// There is no room for it.
    Full,
}

impl Records {
    /// The record with this index, from 0.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.records.get(index).map(Vec::as_slice)
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The record identifier of the record with this index, if records have identifiers.
    pub fn identifier(&self, index: usize) -> Option<u8> {
        if !self.tlv {
            return None;
        }
        self.get(index)?.first().copied()
    }

    /// Checks that a record of this length may replace the one at `index`.
    ///
    /// # Errors
    /// A wrong length, or no room.
    pub fn check_replacement(&self, index: usize, length: usize) -> Result<(), RecordError> {
        self.check_length(length)?;
        if self.structure == Structure::LinearVariable {
            let others = self.used() - self.get(index).map_or(0, <[u8]>::len);
            self.check_room(others, length)?;
        }
        Ok(())
    }

    /// Checks that a record of this length may be added. In a full cyclic EF it takes the place
    /// of the oldest one.
    ///
    /// # Errors
    /// A wrong length, or no room.
    pub fn check_addition(&self, length: usize) -> Result<(), RecordError> {
        self.check_length(length)?;
        if self.structure != Structure::Cyclic {
            if self.len() >= usize::from(self.record_count) {
                return Err(RecordError::Full);
            }
            self.check_room(self.used(), length)?;
        }
        Ok(())
    }

    fn check_length(&self, length: usize) -> Result<(), RecordError> {
        let limit = usize::from(self.record_length);
        let fits = match self.structure {
            Structure::LinearVariable => (1..=limit).contains(&length),
            Structure::LinearFixed | Structure::Cyclic => length == limit,
        };
        fits.then_some(()).ok_or(RecordError::Length)
    }

    fn check_room(&self, others: usize, length: usize) -> Result<(), RecordError> {
        let fits = others + length <= usize::try_from(self.size).unwrap_or(usize::MAX);
        fits.then_some(()).ok_or(RecordError::Full)
    }

    fn used(&self) -> usize {
        self.records.iter().map(Vec::len).sum()
    }
}
