//! A connection: opened, set up, checked, and brought to the present version.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::super::database_error::SqlError;
use super::super::{Create, StoreError};

/// The version of the schema that this program writes.
const VERSION: i64 = 1;

/// `kort`: what `file` and SQLite's header call a database of ours.
const APPLICATION_ID: i64 = 0x6B6F_7274;
/// The database does not take longer rows, and none is read. The longest that we write, a card
/// with all it ever had, is far shorter.
const MAX_LENGTH: i32 = 4 * 1024 * 1024;
/// Somebody who looks at the database may hold it for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What can go wrong in this database.
pub(super) type DatabaseError = super::super::database_error::DatabaseError<rusqlite::Error>;

impl SqlError for rusqlite::Error {
    const VERSION: i64 = VERSION;

    fn told(&self, store: String) -> StoreError {
        let why = self.to_string();
        match self.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => StoreError::Foreign { store, why },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::TooBig | ErrorCode::TypeMismatch) => {
                StoreError::Damaged { store, why }
            }
            Some(ErrorCode::DiskFull) => StoreError::Unavailable {
                store,
                why: format!("{why}; make room, then try again"),
            },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                StoreError::Unavailable {
                    store,
                    why: format!("{why}; let the portal write to the file and to its directory"),
                }
            }
            // No table, no column, another type: the schema is not the one that its version says.
            Some(ErrorCode::Unknown) | None => StoreError::Damaged { store, why },
            Some(_) => StoreError::Unavailable { store, why },
        }
    }
}

/// Opens the database; makes the tables in an empty one if there are none and `create` says so.
pub(super) fn open(path: &Path, create: Create) -> Result<Connection, DatabaseError> {
    // No SQLITE_OPEN_URI: a path is a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_LENGTH)?;
    // What a hostile file may bring along: functions in its schema, a damaged one, overlong cells.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let is_new = is_new(&connection)?;
    if is_new && create == Create::No {
        return Err(DatabaseError::NotThere);
    }
    // Durable when a commit returns: the write-ahead log is synced at each.
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(DatabaseError::Damaged(format!(
            "its journal mode stays {mode}"
        )));
    }
    connection.pragma_update(None, "synchronous", "full")?;
    if is_new {
        make(&mut connection)?;
    }
    check(&connection)?;
    Ok(connection)
}

/// Whether the database has nothing in it. One with something else in it is refused.
fn is_new(connection: &Connection) -> Result<bool, DatabaseError> {
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application == APPLICATION_ID {
        return Ok(false);
    }
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != 0 || objects != 0 {
        return Err(DatabaseError::Foreign(
            "it is an SQLite database of something else".to_owned(),
        ));
    }
    Ok(true)
}

fn make(connection: &mut Connection) -> Result<(), DatabaseError> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(include_str!("schema.sql"))?;
    transaction.execute(
        "INSERT INTO store (version, revision) VALUES (?1, 0)",
        [VERSION],
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    Ok(transaction.commit()?)
}

/// Looks for a newer version and for damage.
fn check(connection: &Connection) -> Result<(), DatabaseError> {
    let (rows, version): (i64, Option<i64>) =
        connection.query_row("SELECT count(*), max(version) FROM store", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    match version {
        Some(version) if version > VERSION => return Err(DatabaseError::Newer(version)),
        Some(VERSION) if rows == 1 => {}
        _ => {
            return Err(DatabaseError::Damaged(
                "its table \"store\" has no version of this program's".to_owned(),
            ));
        }
    }
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    match said.as_str() {
        "ok" => Ok(()),
        _ => Err(DatabaseError::Damaged(said)),
    }
}
