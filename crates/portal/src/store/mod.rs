//! Where the portal's records and its audit log are kept: SQLite, PostgreSQL, or memory.
//!
//! One operation of the portal is one [`Store::commit`]: all its records and its entries of the
//! audit log in one transaction, durable when it returns. A store serves one portal at a time: it
//! is locked, and it counts its commits, so that a portal whose lock was lost, and whose place
//! another one took, cannot store anything that builds on what it no longer knows.

mod error;
mod memory;
mod postgres;
mod record;
mod sqlite;
mod trouble;
mod url;

use kortlab_issuer::change::Change;

pub use self::error::StoreError;
pub use self::url::{NotAStoreUrl, StoreUrl};
use crate::audit::{AuditEntry, AuditHash, Head, Verdict, Walk};
use crate::event::AuditEvent;

/// The version of the schema that this program writes.
const VERSION: i64 = 1;
/// One answer of [`Store::audit`] has no more entries than this.
const MAX_ENTRIES: u32 = 1000;

/// What a portal is kept in. Its functions block.
pub trait Store: Send {
    /// All records. After an error of any function this brings the store back: it opens what was
    /// lost, and takes the lock again.
    ///
    /// # Errors
    /// The store cannot be reached or read, another portal uses it, or a record makes no sense.
    fn load(&mut self) -> Result<Vec<Change>, StoreError>;

    /// Stores these records, each in the place of the one with the same table and key, and appends
    /// these events to the audit log: all or nothing, and durable when this returns.
    ///
    /// # Errors
    /// It could not be stored, or nobody knows whether it was: the connection may have been lost
    /// just then. What was in memory is to be given up for what [`Store::load`] returns.
    fn commit(&mut self, changes: &[Change], events: &[AuditEvent]) -> Result<(), StoreError>;

    /// The audit log's entries after the one with the number `after`, oldest first; at most
    /// `limit` of them, and at most 1,000.
    ///
    /// # Errors
    /// The store cannot be reached or read.
    fn audit(&mut self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError>;

    /// The end of the audit log as this program has left it.
    fn audit_head(&self) -> Head;

    /// Verifies the audit log from its first entry to the last, in bounded memory. If `noted` is
    /// given, an entry must have that hash: see [`crate::audit`] for what it shows.
    ///
    /// # Errors
    /// The store cannot be reached or read. A log that was changed is a verdict, not an error.
    fn verify_audit(&mut self, noted: Option<AuditHash>) -> Result<Verdict, StoreError> {
        let mut walk = Walk::new(noted);
        loop {
            let entries = self.audit(walk.sequence(), MAX_ENTRIES)?;
            let whole = entries.iter().all(|entry| walk.take(entry));
            if !whole || entries.is_empty() {
                return Ok(walk.finish(self.audit_head()));
            }
        }
    }
}

/// What to do if there is no store yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// Make one.
    Yes,
    /// That is an error.
    No,
}

/// Opens a store, and locks it.
///
/// # Errors
/// It is not there and not to be made, cannot be reached, is used by another portal, is damaged,
/// is something else, or was written by a newer version.
pub fn open(url: &StoreUrl, create: Create) -> Result<Box<dyn Store>, StoreError> {
    url.open(create)
}
