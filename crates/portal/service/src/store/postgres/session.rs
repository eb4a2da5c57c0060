//! A session with the server: opened, locked, checked, and brought to the present version.

use std::error::Error as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use postgres::error::SqlState;
use postgres::{Client, NoTls, Statement};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::database_error::SqlError;
use super::super::{Create, StoreError};
use super::url::{PostgresUrl, Tls};

/// The version of the schema that this program writes.
pub(super) const VERSION: i64 = 2;
/// What brings version 1 to version 2: records know at which commit they changed, and CRLs are there
/// for whoever follows.
const FROM_1_TO_2: &str = "
    ALTER TABLE record ADD COLUMN revision bigint NOT NULL DEFAULT 0;
    CREATE INDEX record_revision ON record (revision);
    CREATE TABLE crl (
        authority text PRIMARY KEY,
        number bigint NOT NULL,
        made bigint NOT NULL,
        der bytea NOT NULL
    );
    UPDATE store SET version = 2;
";

/// The session of a portal that was killed is gone at once. One that lost its network lasts until
/// the server notices, which the settings below make a matter of half a minute.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// `kort`: the first half of the advisory lock's key. The second half is the schema.
const LOCK: i32 = 0x6B6F_7274;

/// What every session begins with. A commit is durable when it returns: a server that is set to
/// less does it for us all the same, one that is set to more (replicas) does more. Nothing hangs.
const SETTINGS: &str = "
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') IN ('off', 'local');
    SET statement_timeout = '30s';
    SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '60s';
    SET tcp_keepalives_idle = 10;
    SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 3;
    SET client_min_messages = 'warning';
";

/// A session that holds the lock.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) statements: Statements,
}

/// What is done often.
#[derive(Clone)]
pub(super) struct Statements {
    pub(super) count: Statement,
    pub(super) put: Statement,
    pub(super) append: Statement,
}

/// What can go wrong in this database.
pub(super) type DatabaseError = super::super::database_error::DatabaseError<postgres::Error>;

impl SqlError for postgres::Error {
    const VERSION: i64 = VERSION;

    fn told(&self, store: String) -> StoreError {
        let mut why = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            why.push_str(": ");
            why.push_str(&error.to_string());
            cause = error.source();
        }
        // No table, no column, another type: the schema is not the one that its version says.
        let is_damage = match self.code() {
            Some(code) => [
                SqlState::UNDEFINED_TABLE,
                SqlState::UNDEFINED_COLUMN,
                SqlState::DATATYPE_MISMATCH,
                SqlState::DATA_CORRUPTED,
                SqlState::INDEX_CORRUPTED,
            ]
            .contains(code),
            None => cause_is_a_column(self),
        };
        match is_damage {
            true => StoreError::Damaged { store, why },
            false => StoreError::Unavailable { store, why },
        }
    }
}

/// Whether a column is not what it must be; the crate has no better sign of it.
fn cause_is_a_column(error: &postgres::Error) -> bool {
    let text = error.to_string();
    text.starts_with("error deserializing column") || text.starts_with("invalid column")
}

impl Session {
    /// Connects and takes the lock; makes the tables if there are none and `create` says so.
    pub(super) fn open(url: &PostgresUrl, create: Create) -> Result<Self, DatabaseError> {
        let mut client = connect(url)?;
        lock(&mut client)?;
        if is_new(&mut client)? {
            if create == Create::No {
                return Err(DatabaseError::NotThere);
            }
            make(&mut client)?;
        }
        if version(&mut client)? == Some(1) {
            let mut transaction = client.transaction()?;
            transaction.batch_execute(FROM_1_TO_2)?;
            transaction.commit()?;
        }
        check(&mut client)?;
        let statements = Statements {
            count: client
                .prepare("UPDATE store SET revision = revision + 1 WHERE revision = $1")?,
            put: client.prepare(
                "INSERT INTO record (kind, key, document, revision) \
                 VALUES ($1, $2, $3::text::jsonb, $4) \
                 ON CONFLICT (kind, key) DO UPDATE \
                 SET document = excluded.document, revision = excluded.revision",
            )?,
            append: client.prepare(
                "INSERT INTO audit (sequence, at, actor, operation, outcome, subject, hash) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )?,
        };
        Ok(Self { client, statements })
    }
}

/// Connects. Nothing is locked.
pub(super) fn connect(url: &PostgresUrl) -> Result<Client, DatabaseError> {
    let mut client = match &url.tls {
        Tls::No => url.config.connect(NoTls)?,
        Tls::Yes(roots) => url.config.connect(connector(roots.as_deref())?)?,
    };
    client.batch_execute(SETTINGS)?;
    Ok(client)
}

/// Takes the advisory lock of the schema that our tables are in. It is the session's: it ends with
/// it, however that ends.
fn lock(client: &mut Client) -> Result<(), DatabaseError> {
    let since = Instant::now();
    loop {
        let row = client.query_opt(
            "SELECT pg_try_advisory_lock($1, oid::int) FROM pg_namespace \
             WHERE nspname = current_schema()",
            &[&LOCK],
        )?;
        match row.map(|row| row.try_get(0)).transpose()? {
            Some(true) => return Ok(()),
            Some(false) if since.elapsed() < LOCK_PATIENCE => {
                thread::sleep(Duration::from_millis(50));
            }
            Some(false) => return Err(DatabaseError::InUse),
            None => {
                return Err(DatabaseError::Unavailable(
                    "the database has no schema on the search path of this user; CREATE SCHEMA one"
                        .to_owned(),
                ));
            }
        }
    }
}

/// Looks whether there is a store of this version, for whoever only reads.
pub(super) fn check_to_follow(client: &mut Client) -> Result<(), DatabaseError> {
    if is_new(client)? {
        return Err(DatabaseError::NotThere);
    }
    if version(client)? == Some(1) {
        return Err(DatabaseError::Foreign(format!(
            "an older version of this program wrote it; start a portal of version {} on it first",
            env!("CARGO_PKG_VERSION")
        )));
    }
    check(client)
}

/// Whether the schema has nothing in it. One with something else in it is refused.
fn is_new(client: &mut Client) -> Result<bool, DatabaseError> {
    let row = client.query_one(
        "SELECT count(*), count(*) FILTER (WHERE relname IN ('store', 'record', 'audit')), \
                current_schema()::text \
         FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
         WHERE nspname = current_schema() AND relkind IN ('r', 'p', 'v', 'm', 'f')",
        &[],
    )?;
    let (all, ours): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    match (all, ours) {
        (0, _) => Ok(true),
        (_, 3) => Ok(false),
        _ => Err(DatabaseError::Foreign(format!(
            "its schema {} has tables of something else",
            row.try_get::<_, String>(2)?
        ))),
    }
}

fn make(client: &mut Client) -> Result<(), DatabaseError> {
    let mut transaction = client.transaction()?;
    transaction.batch_execute(include_str!("schema.sql"))?;
    transaction.execute(
        "INSERT INTO store (version, revision) VALUES ($1, 0)",
        &[&VERSION],
    )?;
    Ok(transaction.commit()?)
}

/// The version of the store, if it has exactly one.
fn version(client: &mut Client) -> Result<Option<i64>, DatabaseError> {
    let row = client.query_one("SELECT count(*), max(version)::bigint FROM store", &[]);
    let row = row.map_err(foreign)?;
    let (rows, version): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
    Ok(version.filter(|_| rows == 1))
}

fn foreign(error: postgres::Error) -> DatabaseError {
    match error.code() {
        Some(&SqlState::UNDEFINED_COLUMN) => {
            DatabaseError::Foreign("its table \"store\" is something else's".to_owned())
        }
        _ => DatabaseError::Sql(error),
    }
}

/// Looks for a newer version.
fn check(client: &mut Client) -> Result<(), DatabaseError> {
    match version(client)? {
        Some(VERSION) => Ok(()),
        Some(version) if version > VERSION => Err(DatabaseError::Newer(version)),
        _ => Err(DatabaseError::Damaged(
            "its table \"store\" has no version of this program's".to_owned(),
        )),
    }
}

/// TLS as everywhere here, with the authorities in a file or the machine's.
fn connector(roots: Option<&Path>) -> Result<MakeRustlsConnect, DatabaseError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| DatabaseError::Unavailable(error.to_string()))?
        .with_root_certificates(authorities(roots)?)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, DatabaseError> {
    let certificates = match file {
        Some(path) => {
            let unusable = |why: &dyn core::fmt::Display| {
                DatabaseError::Unavailable(format!("sslrootcert {}: {why}", path.display()))
            };
            let text = fs::read(path).map_err(|error| unusable(&error))?;
            CertificateDer::pem_slice_iter(&text)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| unusable(&error))?
        }
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut store = RootCertStore::empty();
    let (good, _) = store.add_parsable_certificates(certificates);
    if good == 0 {
        return Err(DatabaseError::Unavailable(
            "no authority to check the server's certificate with; name a file with sslrootcert=FILE"
                .to_owned(),
        ));
    }
    Ok(store)
}
