//! A record as a row: its table, its key, and its JSON document.

use kortlab_portal_core::change::Change;

use super::StoreError;

/// One row.
pub(super) struct Row {
    pub(super) kind: &'static str,
    pub(super) key: String,
    pub(super) document: String,
}

impl Row {
    /// The row of a record.
    pub(super) fn of(store: &str, change: &Change) -> Result<Self, StoreError> {
        let (kind, key) = (change.table(), change.key());
        let document = serde_json::to_string(change).map_err(|error| StoreError::Unavailable {
            store: store.to_owned(),
            why: format!("the {kind} {key} cannot be written: {error}"),
        })?;
        Ok(Self {
            kind,
            key,
            document,
        })
    }
}

/// The record of a row, whose document must be about what its columns say.
pub(super) fn read(
    store: &str,
    kind: &str,
    key: &str,
    document: &str,
) -> Result<Change, StoreError> {
    let damaged = |why: &str| StoreError::Damaged {
        store: store.to_owned(),
        why: format!("the {} {}: {why}", short(kind), short(key)),
    };
    let change: Change =
        serde_json::from_str(document).map_err(|error| damaged(&error.to_string()))?;
    if change.table() != kind || change.key() != key {
        return Err(damaged("its document is about something else"));
    }
    Ok(change)
}

/// What somebody else wrote, fit for one line of a message.
fn short(text: &str) -> String {
    let line = text.chars().filter(|one| !one.is_control());
    line.take(80).collect()
}
