//! How much non-volatile memory things take.
//!
//! A model, not a measurement: a header of a fixed size for each file, and what it may hold at
//! most. `docs/image.md` states the same numbers.

use super::{Body, File, ObjectOfDf};

/// Bytes that every file takes besides its contents, its name and its conditions.
pub const FILE_HEADER: u64 = 32;
/// Bytes that a PIN takes besides its stored value.
pub const PIN_HEADER: u64 = 16;
/// Bytes that a data object takes besides its value.
pub const DATA_OBJECT_HEADER: u64 = 8;

impl File {
    /// The bytes of non-volatile memory that this file takes, without the files in it.
    pub fn footprint(&self) -> u64 {
        let attributes = self.access_raw.as_ref().map_or(0, Vec::len)
            + self.proprietary.as_ref().map_or(0, Vec::len)
            + self.name().map_or(0, <[u8]>::len);
        let body = match &self.body {
            Body::Df { objects, .. } => objects.iter().map(ObjectOfDf::footprint).sum(),
            Body::Transparent(bytes) => bytes.len() as u64,
            Body::Records(records) => u64::from(records.size),
            Body::Key { key, .. } => key.as_deref().map_or(0, |stored| stored.key.footprint()),
        };
        FILE_HEADER + attributes as u64 + body
    }
}

impl ObjectOfDf {
    /// The bytes of non-volatile memory that it takes.
    pub fn footprint(&self) -> u64 {
        let value = self.value.as_ref().map_or(0, |value| value.0.len());
        DATA_OBJECT_HEADER + value as u64
    }
}
