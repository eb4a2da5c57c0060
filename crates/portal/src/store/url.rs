//! The address of a store.

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

use thiserror::Error;

use super::memory::{self, MemoryStore};
use super::postgres::{PostgresStore, PostgresUrl};
use super::sqlite::SqliteStore;
use super::{Create, Store, StoreError};

/// The address of a store. It is printed without its password.
#[derive(Clone, Debug)]
pub struct StoreUrl(Place);

#[derive(Clone, Debug)]
enum Place {
    Memory,
    Sqlite(PathBuf),
    Postgres(Box<PostgresUrl>),
}

/// Not the address of a store.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAStoreUrl {
    /// No store is addressed like this.
    #[error(
        "this is not the address of a store; give sqlite:PATH, postgres://USER@HOST/DATABASE, or memory"
    )]
    Kind,
    /// A PostgreSQL address with something wrong.
    #[error("this is not the address of a PostgreSQL database: {0}")]
    Postgres(String),
}

impl StoreUrl {
    /// A store that ends with the program.
    pub const fn memory() -> Self {
        Self(Place::Memory)
    }

    /// The SQLite database in this file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Place::Sqlite(path.into()))
    }

    pub(super) fn open(&self, create: Create) -> Result<Box<dyn Store>, StoreError> {
        Ok(match &self.0 {
            Place::Memory => Box::new(MemoryStore::new()),
            Place::Sqlite(path) => Box::new(SqliteStore::open(path, create)?),
            Place::Postgres(url) => Box::new(PostgresStore::open(url, create)?),
        })
    }
}

impl FromStr for StoreUrl {
    type Err = NotAStoreUrl;

    /// `memory`, `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE`.
    fn from_str(text: &str) -> Result<Self, NotAStoreUrl> {
        let place = if text == memory::NAME {
            Place::Memory
        } else if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            Place::Sqlite(path.into())
        } else if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let url = text.parse().map_err(NotAStoreUrl::Postgres)?;
            Place::Postgres(Box::new(url))
        } else {
            return Err(NotAStoreUrl::Kind);
        };
        Ok(Self(place))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Memory => f.write_str(memory::NAME),
            Place::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Place::Postgres(url) => url.fmt(f),
        }
    }
}
