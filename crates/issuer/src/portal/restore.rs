//! A portal between two runs: what changed, and the same portal again from what was stored.

use std::collections::BTreeMap;

use super::state::{Card, PlacedOrder};
use super::{LocalPortal, Order, OrderState};
use crate::authority::{Authority, AuthorityKind};
use crate::change::{CardRecord, Change, OrderRecord, RestoreError};
use crate::clock::Clock;
use crate::random::IssuerRng;

impl LocalPortal {
    /// The records that have changed since this was asked last, each once and as it is now. They
    /// are to be stored together, before anyone learns of what they record: whoever stores some
    /// of them only may issue a serial number, or take a receipt, twice.
    pub fn take_changes(&mut self) -> Vec<Change> {
        [
            self.carrier.take_changes(),
            self.hcc.take_changes(),
            self.state.take_changes(),
        ]
        .concat()
    }

    /// The portal again from all the records that were stored, in any order; of several with the
    /// same table and key the last counts. `carrier` and `hcc` come from
    /// [`Authority::from_pkcs8_pem`]. Nobody is logged in.
    ///
    /// # Errors
    /// The records do not fit together.
    pub fn restore(
        carrier: Authority,
        hcc: Authority,
        records: impl IntoIterator<Item = Change>,
        clock: impl Clock + 'static,
        rng: IssuerRng,
    ) -> Result<Self, RestoreError> {
        let mut cards = BTreeMap::new();
        let mut orders = BTreeMap::new();
        let mut portal = Self::new(carrier, hcc, clock, rng);
        for record in records {
            match record {
                Change::Certificate(record) => {
                    portal
                        .authority_mut(record.authority)
                        .restore_certificate(record)?;
                }
                Change::Revocation(record) => portal
                    .authority_mut(record.authority)
                    .restore_revocation(record),
                Change::CrlNumber(record) => portal
                    .authority_mut(record.authority)
                    .restore_crl_number(record),
                Change::Card(record) => {
                    cards.insert(record.card_number, record);
                }
                Change::Order(record) => {
                    orders.insert(record.id, record);
                }
            }
        }
        for kind in AuthorityKind::ALL {
            portal.authority(kind).check_restored()?;
        }
        for record in cards.into_values() {
            portal.restore_card(record)?;
        }
        let mut orders: Vec<_> = orders.into_values().collect();
        orders.sort_by_key(|record| record.number);
        for record in orders {
            portal.restore_order(record)?;
        }
        Ok(portal)
    }

    fn restore_card(&mut self, record: CardRecord) -> Result<(), RestoreError> {
        let serial = &record.carrier_authentication;
        if self.carrier.certificate(serial).is_none() {
            let why = "its carrier certificate is missing";
            return Err(RestoreError::new(&Change::Card(record), why));
        }
        let card = Card {
            holder: record.holder,
            authentication_key: record.authentication_key,
            signature_key: record.signature_key,
            carrier_authentication: record.carrier_authentication,
            removed: record.removed,
            orders: Vec::new(),
        };
        self.state.insert_card(record.card_number, card);
        Ok(())
    }

    fn restore_order(&mut self, record: OrderRecord) -> Result<(), RestoreError> {
        let why = if !self.state.is_enrolled(&record.card_number) {
            Some("its card is missing")
        } else if let Some(pair) = &record.pair {
            let missing = [&pair.authentication, &pair.signature]
                .into_iter()
                .any(|serial| self.hcc.certificate(serial).is_none());
            missing.then_some("a certificate of it is missing")
        } else {
            let issued = matches!(record.state, OrderState::Issued | OrderState::Received);
            issued.then_some("it is issued, but names no certificates")
        };
        if let Some(why) = why {
            return Err(RestoreError::new(&Change::Order(record), why));
        }
        self.state.insert_order(PlacedOrder {
            order: Order {
                id: record.id,
                state: record.state,
                card_number: record.card_number,
                holder: record.holder,
                nonce: record.nonce,
            },
            number: record.number,
            since: record.since,
            receipt_nonce: record.receipt_nonce,
            pair: record.pair,
        });
        Ok(())
    }
}
