//! How much a card's files may be.

/// How many DFs may stand around a file, the MF included.
pub const MAX_DEPTH: usize = 8;
/// How many files a card may have.
pub const MAX_FILES: usize = 4096;
/// The longest record: what a short READ RECORD can give.
pub const MAX_RECORD_LENGTH: u16 = 255;
/// The most records of an EF: record numbers are 01 to FE.
pub const MAX_RECORDS: u16 = 254;
/// The largest transparent EF: READ BINARY has 15 bits of offset.
pub const MAX_SIZE: u32 = 0x8000;
