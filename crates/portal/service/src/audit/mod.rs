//! The audit log: who did what, each entry chained to the one before it.
//!
//! Entries are numbered from 1 without a gap. Each has a hash over the hash of the entry before it
//! and over its own columns ([`AuditEntry::expected_hash`]), so that an entry that is changed,
//! removed, put in or moved no longer fits its neighbours, and [`Walk`] names the first that does
//! not. Two things no chain can show by itself: that entries at the end are missing, and that
//! somebody who may write to the store has made the whole chain anew. For both, a hash is noted
//! outside the store from time to time and handed to the verification, which then finds that it is
//! gone.

mod entry;
mod hash;
mod walk;

pub use self::entry::{AuditEntry, Head};
pub use self::hash::{AuditHash, NotAHash};
pub use self::walk::{Broken, Verdict, Walk, Wrong};
