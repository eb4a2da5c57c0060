//! The address of a store.

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

use thiserror::Error;

use super::memory::{self, MemoryStore};
#[cfg(feature = "databases")]
use super::postgres::{PostgresFollower, PostgresStore, PostgresUrl};
#[cfg(feature = "databases")]
use super::sqlite::SqliteStore;
use super::{Create, Follower, Store, StoreError};

/// The address of a store. It is printed without its password.
#[derive(Clone, Debug)]
pub struct StoreUrl(Place);

#[derive(Clone, Debug)]
enum Place {
    Memory,
    Sqlite(PathBuf),
    #[cfg(feature = "databases")]
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

    #[cfg(not(feature = "databases"))]
    pub(super) fn open(&self, _: Create) -> Result<Box<dyn Store>, StoreError> {
        match &self.0 {
            Place::Memory => Ok(Box::new(MemoryStore::new())),
            Place::Sqlite(_) => Err(StoreError::NotBuilt {
                store: self.to_string(),
            }),
        }
    }

    #[cfg(feature = "databases")]
    pub(super) fn open(&self, create: Create) -> Result<Box<dyn Store>, StoreError> {
        Ok(match &self.0 {
            Place::Memory => Box::new(MemoryStore::new()),
            Place::Sqlite(path) => Box::new(SqliteStore::open(path, create)?),
            Place::Postgres(url) => Box::new(PostgresStore::open(url, create)?),
        })
    }

    pub(super) fn follow(&self) -> Result<Box<dyn Follower>, StoreError> {
        match &self.0 {
            #[cfg(feature = "databases")]
            Place::Postgres(url) => Ok(Box::new(PostgresFollower::open(url)?)),
            Place::Memory | Place::Sqlite(_) => Err(StoreError::NotFollowed {
                store: self.to_string(),
            }),
        }
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
            #[cfg(not(feature = "databases"))]
            return Err(NotAStoreUrl::Postgres(
                "this program was built without databases".to_owned(),
            ));
            #[cfg(feature = "databases")]
            let url = text.parse().map_err(NotAStoreUrl::Postgres)?;
            #[cfg(feature = "databases")]
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
            #[cfg(feature = "databases")]
            Place::Postgres(url) => url.fmt(f),
        }
    }
}
