//! A store that ends with the program: for tests, and for portals that keep nothing.

use std::collections::BTreeMap;

use kortlab_portal_core::change::Change;

use super::{MAX_ENTRIES, Store, StoreError};
use crate::audit::{AuditEntry, Head};
use crate::event::AuditEvent;

pub(super) const NAME: &str = "memory";

#[derive(Debug)]
pub(super) struct MemoryStore {
    records: BTreeMap<(&'static str, String), Change>,
    entries: Vec<AuditEntry>,
    head: Head,
}

impl MemoryStore {
    pub(super) fn new() -> Self {
        Self {
            records: BTreeMap::new(),
            entries: Vec::new(),
            head: Head::EMPTY,
        }
    }
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Vec<Change>, StoreError> {
        Ok(self.records.values().cloned().collect())
    }

    fn commit(&mut self, changes: &[Change], events: &[AuditEvent]) -> Result<(), StoreError> {
        let mut head = self.head;
        let entries = head
            .append_all(events)
            .map_err(|error| StoreError::of_event(NAME, &error))?;
        for change in changes {
            let place = (change.table(), change.key());
            self.records.insert(place, change.clone());
        }
        self.entries.extend(entries);
        self.head = head;
        Ok(())
    }

    /// It is nobody else's.
    fn look(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn audit(&mut self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let limit = limit.min(MAX_ENTRIES) as usize;
        let entries = self.entries.iter().skip(after).take(limit);
        Ok(entries.cloned().collect())
    }

    fn audit_head(&self) -> Head {
        self.head
    }
}
