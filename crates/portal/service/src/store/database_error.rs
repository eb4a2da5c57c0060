//! What can go wrong in a database, before it is known which store it happened to.

use super::StoreError;

/// What can go wrong; `E` is the database's own error.
pub(super) enum DatabaseError<E> {
    Sql(E),
    InUse,
    Overtaken,
    NotThere,
    Foreign(String),
    Newer(i64),
    Damaged(String),
    Unavailable(String),
    Told(StoreError),
}

/// A database's own error.
pub(super) trait SqlError {
    /// The version of the schema that this program writes.
    const VERSION: i64;

    /// As an error of this store.
    fn told(&self, store: String) -> StoreError;
}

impl<E: SqlError> From<E> for DatabaseError<E> {
    fn from(error: E) -> Self {
        Self::Sql(error)
    }
}

impl<E> From<StoreError> for DatabaseError<E> {
    fn from(error: StoreError) -> Self {
        Self::Told(error)
    }
}

impl<E: SqlError> DatabaseError<E> {
    /// As an error of this store.
    pub(super) fn told(self, store: &str) -> StoreError {
        let store = store.to_owned();
        match self {
            Self::Told(error) => error,
            Self::InUse => StoreError::InUse { store },
            Self::Overtaken => StoreError::Overtaken { store },
            Self::NotThere => StoreError::NotThere { store },
            Self::Foreign(why) => StoreError::Foreign { store, why },
            Self::Newer(found) => StoreError::Newer {
                store,
                found,
                known: E::VERSION,
            },
            Self::Damaged(why) => StoreError::Damaged { store, why },
            Self::Unavailable(why) => StoreError::Unavailable { store, why },
            Self::Sql(error) => error.told(store),
        }
    }
}
