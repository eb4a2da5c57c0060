//! The store in a PostgreSQL database, for those who have one.

mod follower;
mod session;
mod url;

use std::panic;
use std::thread;

use kortlab_portal_core::change::Change;
use postgres::{IsolationLevel, Row as SqlRow, Transaction};

pub(super) use self::follower::PostgresFollower;
use self::session::{DatabaseError, Session, Statements};
pub(super) use self::url::PostgresUrl;
use super::record::{self, Row};
use super::{Create, MAX_ENTRIES, PublishedCrl, Store, StoreError};
use crate::audit::{AuditEntry, Head};
use crate::event::AuditEvent;

/// A PostgreSQL database, locked.
pub(super) struct PostgresStore {
    url: PostgresUrl,
    name: String,
    /// `None` after an error, also of the network: the next function begins a new session.
    session: Option<Session>,
    revision: i64,
    head: Head,
}

impl PostgresStore {
    pub(super) fn open(url: &PostgresUrl, create: Create) -> Result<Self, StoreError> {
        let name = url.to_string();
        let session = apart(|| Session::open(url, create)).map_err(|error| error.told(&name))?;
        let mut store = Self {
            url: url.clone(),
            name,
            session: Some(session),
            revision: 0,
            head: Head::EMPTY,
        };
        (store.revision, store.head) = store.read(|transaction, _| ends(transaction))?;
        Ok(store)
    }

    /// Reads in one transaction; once more in a new session if the old one was lost meanwhile.
    fn read<T: Send>(
        &mut self,
        work: impl Fn(&mut Transaction<'_>, &str) -> Result<T, DatabaseError> + Sync,
    ) -> Result<T, StoreError> {
        let was_open = self.session.is_some();
        match self.read_once(&work) {
            Err(StoreError::Unavailable { .. }) if was_open => self.read_once(&work),
            result => result,
        }
    }

    fn read_once<T: Send>(
        &mut self,
        work: &(impl Fn(&mut Transaction<'_>, &str) -> Result<T, DatabaseError> + Sync),
    ) -> Result<T, StoreError> {
        self.in_session(|session, name| {
            let mut transaction = session
                .client
                .build_transaction()
                .isolation_level(IsolationLevel::RepeatableRead)
                .read_only(true)
                .start()?;
            let result = work(&mut transaction, name)?;
            transaction.commit()?;
            Ok(result)
        })
    }

    /// Works in the session, or in a new one if the last one failed or was closed meanwhile.
    fn in_session<T: Send>(
        &mut self,
        work: impl FnOnce(&mut Session, &str) -> Result<T, DatabaseError> + Send,
    ) -> Result<T, StoreError> {
        let Self {
            url, name, session, ..
        } = self;
        apart(|| {
            let mut open = match session.take() {
                Some(open) if !open.client.is_closed() => open,
                _ => Session::open(url, Create::No)?,
            };
            let result = work(&mut open, name)?;
            *session = Some(open);
            Ok(result)
        })
        .map_err(|error: DatabaseError| error.told(name))
    }
}

impl Store for PostgresStore {
    fn load(&mut self) -> Result<Vec<Change>, StoreError> {
        let (changes, revision, head) = self.read(|transaction, name| {
            let rows = transaction.query(
                "SELECT kind, key, document::text FROM record ORDER BY kind, key",
                &[],
            )?;
            let changes = rows.iter().map(|row| {
                let text = |column| row.try_get::<_, &str>(column);
                Ok(record::read(name, text(0)?, text(1)?, text(2)?)?)
            });
            let changes = changes.collect::<Result<Vec<_>, DatabaseError>>()?;
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
        let rows = changes.iter().map(|change| Row::of(&self.name, change));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let revision = self.revision;
        self.in_session(|session, _| {
            let Statements { count, put, append } = session.statements.clone();
            let mut transaction = session.client.transaction()?;
            // Also in a new session: nobody else has written since this program read the store.
            if transaction.execute(&count, &[&revision])? != 1 {
                return Err(DatabaseError::Overtaken);
            }
            for Row {
                kind,
                key,
                document,
            } in &rows
            {
                transaction.execute(&put, &[kind, key, document, &(revision + 1)])?;
            }
            for entry in &entries {
                transaction.execute(
                    &append,
                    &[
                        &entry.sequence.cast_signed(),
                        &entry.at.cast_signed(),
                        &entry.actor,
                        &entry.operation,
                        &entry.outcome,
                        &entry.subject,
                        &entry.hash,
                    ],
                )?;
            }
            Ok(transaction.commit()?)
        })?;
        (self.revision, self.head) = (revision + 1, head);
        Ok(())
    }

    fn look(&mut self) -> Result<(), StoreError> {
        let known = self.revision;
        // In a new session, which has the lock, if the old one was lost meanwhile.
        self.read(|transaction, _| {
            let found: i64 = transaction
                .query_one("SELECT revision FROM store", &[])?
                .try_get(0)?;
            match found == known {
                true => Ok(()),
                false => Err(DatabaseError::Overtaken),
            }
        })
    }

    fn publish_crl(&mut self, crl: &PublishedCrl<'_>) -> Result<(), StoreError> {
        let authority = crl.authority.name();
        let (number, made) = (
            crl.number.cast_signed(),
            crl.made.unix_seconds().cast_signed(),
        );
        self.in_session(|session, _| {
            // A portal that lost its place leaves the newer one of its successor.
            session.client.execute(
                "INSERT INTO crl (authority, number, made, der) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (authority) DO UPDATE \
                 SET number = excluded.number, made = excluded.made, der = excluded.der \
                 WHERE crl.number <= excluded.number",
                &[&authority, &number, &made, &crl.der],
            )?;
            Ok(())
        })
    }

    fn audit(&mut self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let limit = i64::from(limit.min(MAX_ENTRIES));
        self.read(|transaction, _| {
            let rows = transaction.query(
                "SELECT sequence, at, actor, operation, outcome, subject, hash FROM audit \
                 WHERE sequence > $1 ORDER BY sequence LIMIT $2",
                &[&after, &limit],
            )?;
            Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
        })
    }

    fn audit_head(&self) -> Head {
        self.head
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        let session = self.session.take();
        apart(|| drop(session));
    }
}

/// The number of commits, and the end of the audit log.
fn ends(transaction: &mut Transaction<'_>) -> Result<(i64, Head), DatabaseError> {
    let revision = transaction
        .query_one("SELECT revision FROM store", &[])?
        .try_get(0)?;
    let last = transaction.query_opt(
        "SELECT sequence, at, actor, operation, outcome, subject, hash FROM audit \
         ORDER BY sequence DESC LIMIT 1",
        &[],
    )?;
    let last = last.as_ref().map(entry).transpose()?;
    let head = Head::of(last.as_ref()).map_err(DatabaseError::Damaged)?;
    Ok((revision, head))
}

fn entry(row: &SqlRow) -> Result<AuditEntry, postgres::Error> {
    let number = |column| row.try_get::<_, i64>(column).map(i64::cast_unsigned);
    Ok(AuditEntry {
        sequence: number(0)?,
        at: number(1)?,
        actor: row.try_get(2)?,
        operation: row.try_get(3)?,
        outcome: row.try_get(4)?,
        subject: row.try_get(5)?,
        hash: row.try_get(6)?,
    })
}

/// Works on a thread of its own. The client has a runtime inside, which must neither run nor end
/// on a thread of another runtime; beside a commit, a thread costs nothing.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let joined = thread::scope(|scope| scope.spawn(work).join());
    joined.unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}
