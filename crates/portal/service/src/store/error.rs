//! Why a store does not do what it is asked, and what to do.

use thiserror::Error;

/// Why a store does not do what it is asked. `store` is its address without a password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no store, and none is to be made.
    #[error(
        "{store}: there is no store of a portal here, and one is made only together with a new data directory; check the address, or restore it from a backup"
    )]
    NotThere {
        /// Which store.
        store: String,
    },
    /// It is one that only the portal that has it can read.
    #[error(
        "{store}: only a PostgreSQL store can be followed by other instances; give --store postgres://USER@HOST/DATABASE"
    )]
    NotFollowed {
        /// Which store.
        store: String,
    },
    /// This program was built without databases.
    #[error(
        "{store}: this program was built without databases, for portals that live as long as the program; build it with the feature portal"
    )]
    NotBuilt {
        /// Which store.
        store: String,
    },
    /// Another portal uses it.
    #[error("{store}: another portal uses this store; end it first, or give each portal its own")]
    InUse {
        /// Which store.
        store: String,
    },
    /// Another portal has written to it since this one read it.
    #[error(
        "{store}: another portal has written to this store meanwhile; nothing was stored, try again"
    )]
    Overtaken {
        /// Which store.
        store: String,
    },
    /// It is something else.
    #[error(
        "{store}: this is not the store of a portal ({why}); give the portal a database of its own"
    )]
    Foreign {
        /// Which store.
        store: String,
        /// How one can tell.
        why: String,
    },
    /// A newer version has written it.
    #[error(
        "{store}: this store has version {found}, and this program knows versions up to {known}; use the newer program"
    )]
    Newer {
        /// Which store.
        store: String,
        /// Its version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// What it holds makes no sense.
    #[error("{store}: this store is damaged ({why}); restore it from a backup")]
    Damaged {
        /// Which store.
        store: String,
        /// What makes no sense.
        why: String,
    },
    /// It cannot be reached, read or written just now.
    #[error("{store}: {why}")]
    Unavailable {
        /// Which store.
        store: String,
        /// What the database, the operating system or the network says.
        why: String,
    },
}

impl StoreError {
    /// Whether it shows that another portal has the store, or has had it meanwhile.
    pub(crate) const fn is_taken(&self) -> bool {
        matches!(
            self,
            Self::InUse { .. } | Self::Overtaken { .. } | Self::Newer { .. }
        )
    }

    /// What was done cannot be written as JSON, and so not be told of in the audit log.
    pub(crate) fn of_event(store: &str, error: &serde_json::Error) -> Self {
        Self::Unavailable {
            store: store.to_owned(),
            why: format!("an event cannot be written: {error}"),
        }
    }
}
