//! How many connections there may be at once: for a listener, and for one client of it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::client;

/// Counts the connections of one listener. Clones count together.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    at_most: usize,
    at_most_each: usize,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    all: usize,
    each: HashMap<IpAddr, usize>,
}

/// A connection's place; it is free again once this is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    counts: Arc<Counts>,
    client: IpAddr,
}

impl Gate {
    /// A gate for `at_most` connections, and `at_most_each` of one client.
    pub(super) fn new(at_most: usize, at_most_each: usize) -> Self {
        Self(Arc::new(Counts {
            at_most,
            at_most_each,
            now: Mutex::default(),
        }))
    }

    /// A place for a connection from `address`, if there is one.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Pass> {
        let client = client(address);
        let mut now = self.0.now();
        if now.all >= self.0.at_most {
            return None;
        }
        let own = now.each.entry(client).or_insert(0);
        if *own >= self.0.at_most_each {
            return None;
        }
        *own += 1;
        now.all += 1;
        Some(Pass {
            counts: Arc::clone(&self.0),
            client,
        })
    }

    /// How many connections there are.
    #[cfg(test)]
    fn connections(&self) -> usize {
        self.0.now().all
    }
}

impl Counts {
    /// A panic elsewhere leaves counts that are still whole.
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut now = self.counts.now();
        now.all = now.all.saturating_sub(1);
        if let Some(own) = now.each.get_mut(&self.client) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                now.each.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_gate_limits_all_connections_and_those_of_one_client_and_forgets_who_left() {
        let gate = Gate::new(3, 2);
        let [one, other] = [1, 2].map(|last| IpAddr::from(Ipv4Addr::new(192, 0, 2, last)));
        let first = gate.enter(one).unwrap();
        let _second = gate.enter(one).unwrap();
        assert!(gate.enter(one).is_none(), "a third of the same client");
        let third = gate.enter(other).unwrap();
        assert!(gate.enter(other).is_none(), "a fourth in all");
        drop((first, third));
        assert_eq!(gate.connections(), 1);
        assert_eq!(gate.0.now().each.len(), 1);
        assert!(gate.enter(one).is_some());
    }
}
