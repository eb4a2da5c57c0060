//! The store in an SQLite database: one file, nothing to install.

mod connection;
mod lock;

use std::path::{Path, PathBuf};

use kortlab_portal_core::change::Change;
use rusqlite::{Connection, Row as SqlRow, Transaction, TransactionBehavior, params};

use self::connection::DatabaseError;
use self::lock::Lock;
use super::record::{self, Row};
use super::{Create, MAX_ENTRIES, Store, StoreError};
use crate::audit::{AuditEntry, Head};
use crate::event::AuditEvent;

/// An SQLite database, locked.
pub(super) struct SqliteStore {
    path: PathBuf,
    name: String,
    /// `None` after an error: what the connection remembers is not to be trusted then.
    connection: Option<Connection>,
    revision: i64,
    head: Head,
    _lock: Lock,
}

impl SqliteStore {
    pub(super) fn open(path: &Path, create: Create) -> Result<Self, StoreError> {
        let name = format!("sqlite:{}", path.display());
        if create == Create::No && !path.exists() {
            return Err(StoreError::NotThere { store: name });
        }
        let lock = Lock::take(path, &name)?;
        let connection = connection::open(path, create).map_err(|error| error.told(&name))?;
        let mut store = Self {
            path: path.to_path_buf(),
            name,
            connection: Some(connection),
            revision: 0,
            head: Head::EMPTY,
            _lock: lock,
        };
        (store.revision, store.head) = store.read(|transaction, _| ends(transaction))?;
        Ok(store)
    }

    /// Reads in one transaction, from a new connection if the last one failed.
    fn read<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>, &str) -> Result<T, DatabaseError>,
    ) -> Result<T, StoreError> {
        self.in_transaction(TransactionBehavior::Deferred, |transaction, name| {
            work(&transaction, name)
        })
    }

    fn in_transaction<T>(
        &mut self,
        behavior: TransactionBehavior,
        work: impl FnOnce(Transaction<'_>, &str) -> Result<T, DatabaseError>,
    ) -> Result<T, StoreError> {
        let done = (|| {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => connection::open(&self.path, Create::No)?,
            };
            let transaction = connection.transaction_with_behavior(behavior)?;
            let result = work(transaction, &self.name)?;
            self.connection = Some(connection);
            Ok(result)
        })();
        done.map_err(|error: DatabaseError| error.told(&self.name))
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Vec<Change>, StoreError> {
        let (changes, revision, head) = self.read(|transaction, name| {
            let mut statement = transaction
                .prepare_cached("SELECT kind, key, document FROM record ORDER BY kind, key")?;
            let mut rows = statement.query([])?;
            let mut changes = Vec::new();
            while let Some(row) = rows.next()? {
                let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
                changes.push(record::read(name, text(0)?, text(1)?, text(2)?)?);
            }
            let (revision, head) = ends(transaction)?;
            Ok((changes, revision, head))
        })?;
        (self.revision, self.head) = (revision, head);
        Ok(changes)
    }

    fn commit(&mut self, changes: &[Change], events: &[AuditEvent]) -> Result<(), StoreError> {
        let mut head = self.head;
        let entries = head
            .append_all(events)
            .map_err(|error| StoreError::of_event(&self.name, &error))?;
        let revision = self.revision;
        self.in_transaction(TransactionBehavior::Immediate, |transaction, name| {
            let counted = transaction
                .prepare_cached("UPDATE store SET revision = revision + 1 WHERE revision = ?1")?
                .execute([revision])?;
            if counted != 1 {
                return Err(DatabaseError::Overtaken);
            }
            for change in changes {
                let Row {
                    kind,
                    key,
                    document,
                } = Row::of(name, change)?;
                transaction
                    .prepare_cached(
                        "INSERT INTO record (kind, key, document) VALUES (?1, ?2, ?3) \
                         ON CONFLICT (kind, key) DO UPDATE SET document = excluded.document",
                    )?
                    .execute(params![kind, key, document])?;
            }
            for entry in &entries {
                insert(&transaction, entry)?;
            }
            Ok(transaction.commit()?)
        })?;
        (self.revision, self.head) = (revision + 1, head);
        Ok(())
    }

    fn look(&mut self) -> Result<(), StoreError> {
        let known = self.revision;
        self.read(|transaction, _| {
            let found: i64 = transaction
                .prepare_cached("SELECT revision FROM store")?
                .query_row([], |row| row.get(0))?;
            match found == known {
                true => Ok(()),
                false => Err(DatabaseError::Overtaken),
            }
        })
    }

    fn audit(&mut self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.read(|transaction, _| {
            let mut statement = transaction.prepare_cached(
                "SELECT sequence, at, actor, operation, outcome, subject, hash FROM audit \
                 WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
            )?;
            let rows = statement.query_map(params![after, limit.min(MAX_ENTRIES)], entry)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn audit_head(&self) -> Head {
        self.head
    }
}

fn insert(transaction: &Transaction<'_>, entry: &AuditEntry) -> Result<(), rusqlite::Error> {
    transaction
        .prepare_cached(
            "INSERT INTO audit (sequence, at, actor, operation, outcome, subject, hash) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            entry.sequence.cast_signed(),
            entry.at.cast_signed(),
            entry.actor,
            entry.operation,
            entry.outcome,
            entry.subject,
            entry.hash,
        ])
        .map(drop)
}

/// The number of commits, and the end of the audit log.
fn ends(transaction: &Transaction<'_>) -> Result<(i64, Head), DatabaseError> {
    let revision = transaction.query_row("SELECT revision FROM store", [], |row| row.get(0))?;
    let mut statement = transaction.prepare_cached(
        "SELECT sequence, at, actor, operation, outcome, subject, hash FROM audit \
         ORDER BY sequence DESC LIMIT 1",
    )?;
    let last = statement.query_map([], entry)?.next().transpose()?;
    let head = Head::of(last.as_ref()).map_err(DatabaseError::Damaged)?;
    Ok((revision, head))
}

/// An entry as it is stored. What cannot be as the portal wrote it is passed on as something that
/// the entry's hash does not fit, for the verification to find.
fn entry(row: &SqlRow<'_>) -> Result<AuditEntry, rusqlite::Error> {
    let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    let text = |column| -> Result<String, rusqlite::Error> {
        let octets = row.get_ref(column)?.as_bytes()?;
        let text = String::from_utf8(octets.to_vec());
        Ok(text.unwrap_or_else(|_| format!("not UTF-8: {}", hex::encode(octets))))
    };
    Ok(AuditEntry {
        sequence: number(0)?,
        at: number(1)?,
        actor: text(2)?,
        operation: text(3)?,
        outcome: text(4)?,
        subject: text(5)?,
        hash: text(6)?,
    })
}
