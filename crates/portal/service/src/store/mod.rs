//! Where the portal's records and its audit log are kept: SQLite, PostgreSQL, or memory.
//!
//! One operation of the portal is one [`Store::commit`]: all its records and its entries of the
//! audit log in one transaction, durable when it returns. A store serves one portal at a time: it
//! is locked, and it counts its commits, so that a portal whose lock was lost, and whose place
//! another one took, cannot store anything that builds on what it no longer knows.

#[cfg(feature = "databases")]
mod database_error;
mod error;
mod memory;
#[cfg(feature = "databases")]
mod postgres;
#[cfg(feature = "databases")]
mod record;
#[cfg(feature = "databases")]
mod sqlite;
mod url;

use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_core::change::Change;

pub use self::error::StoreError;
pub use self::url::{NotAStoreUrl, StoreUrl};
use crate::audit::{AuditEntry, AuditHash, Head, Verdict, Walk};
use crate::event::AuditEvent;

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

    /// Looks whether the store is still this portal's: it is reached, and nobody else has written to
    /// it since this program read it. Nothing is changed.
    ///
    /// # Errors
    /// The store cannot be reached or read, another portal uses it, or has used it.
    fn look(&mut self) -> Result<(), StoreError>;

    /// Publishes a CRL (DER) for the read-only instances that follow this store: the one with this
    /// number, which was made then. A store that nobody can follow has nothing to do.
    ///
    /// # Errors
    /// It could not be stored.
    fn publish_crl(&mut self, crl: &PublishedCrl<'_>) -> Result<(), StoreError> {
        let _ = crl;
        Ok(())
    }

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

/// A CRL to be published.
#[derive(Clone, Copy, Debug)]
pub struct PublishedCrl<'a> {
    /// Whose it is.
    pub authority: AuthorityKind,
    /// Its number (RFC 5280 §5.2.3).
    pub number: u64,
    /// When it was made.
    pub made: Timestamp,
    /// The CRL.
    pub der: &'a [u8],
}

/// What has changed in a store that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// What was told before is over: what follows is all there is.
    Anew,
    /// A certificate was issued, under this serial number.
    Issued(AuthorityKind, Vec<u8>),
    /// It is revoked or on hold since then and for this reason, or no longer.
    Stands(
        AuthorityKind,
        Vec<u8>,
        Option<(Timestamp, RevocationReason)>,
    ),
    /// A CRL (DER) that was made then.
    Crl(AuthorityKind, Timestamp, Vec<u8>),
}

/// What follows a store that a portal writes to: it reads, holds no lock, and changes nothing. Its
/// functions block.
pub trait Follower: Send {
    /// Tells what has changed since it was asked last; the first time, everything. After an error the
    /// next call tells it again.
    ///
    /// # Errors
    /// The store cannot be reached or read, or what it holds makes no sense.
    fn follow(&mut self, tell: &mut (dyn FnMut(News) + Send)) -> Result<(), StoreError>;
}

/// Opens a store to follow it: a PostgreSQL database that a portal of this version has written to.
///
/// # Errors
/// It is another kind of store, is not there, cannot be reached, or has another version.
pub fn follow(url: &StoreUrl) -> Result<Box<dyn Follower>, StoreError> {
    url.follow()
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
