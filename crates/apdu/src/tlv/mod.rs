//! BER-TLV data objects (ISO/IEC 7816-4 §5.2.2, ISO/IEC 8825-1): zero-copy reading, and building.
//!
//! Reading accepts what cards really send: non-minimal lengths, `00` and `FF` filler between
//! objects where the caller says so. It never recurses; [`walk`] goes as deep as it is told.
//! Building always gives minimal (DER) lengths.

mod builder;
#[cfg(feature = "counted")]
pub mod counted;
mod reader;
mod tag;

pub use builder::{Builder, header, object};
pub use reader::{Filler, Reader, Tlv, Visit, Walk, read_one, walk};
pub use tag::{Tag, TagClass};

/// The most levels that [`walk`] is normally allowed to descend.
pub const DEFAULT_DEPTH: usize = 32;
