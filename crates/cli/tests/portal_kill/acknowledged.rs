//! What the portal has acknowledged, and so must never forget.

use std::collections::{BTreeMap, BTreeSet};

use kortlab_issuer::inspect::CertificateSummary;
use kortlab_portal_core::{IssuedPair, OrderId};

use super::database::StoredOrder;

#[derive(Default)]
pub struct Acknowledged {
    orders: BTreeSet<String>,
    /// By order: the serial numbers of both certificates.
    pairs: BTreeMap<String, [String; 2]>,
    receipts: BTreeSet<String>,
}

impl Acknowledged {
    pub fn order(&mut self, id: OrderId) {
        self.orders.insert(id.to_string());
    }

    /// The certificates of an order; whenever they are asked for, they are the same.
    pub fn pair(&mut self, pair: &IssuedPair) {
        let serials = [&pair.authentication, &pair.signature]
            .map(|der| hex::encode(CertificateSummary::from_der(der).unwrap().serial));
        let before = self.pairs.insert(pair.order.to_string(), serials.clone());
        assert!(
            before.as_ref().is_none_or(|before| *before == serials),
            "order {} was issued twice: {before:?}, {serials:?}",
            pair.order
        );
    }

    pub fn receipt(&mut self, order: OrderId) {
        let is_new = self.receipts.insert(order.to_string());
        assert!(is_new, "the receipt of order {order} was taken twice");
    }

    /// Whether all of it is stored.
    pub fn compare(&self, stored: &[StoredOrder], seed: u64) {
        let find = |id: &String| {
            let found = stored.iter().find(|order| order.id == *id);
            found.unwrap_or_else(|| panic!("seed {seed}: order {id} was lost"))
        };
        for id in &self.orders {
            find(id);
        }
        for (id, serials) in &self.pairs {
            assert_eq!(find(id).pair, *serials, "seed {seed}: order {id}");
        }
        for id in &self.receipts {
            assert_eq!(find(id).state, "received", "seed {seed}: order {id}");
        }
    }
}
