//! A portal between two runs: what changed, and the same portal again from what was stored.

use std::collections::BTreeMap;

use super::state::{Card, PlacedOrder};
use super::{LocalPortal, Order, OrderState};
use crate::change::{CardRecord, Change, OrderRecord, RestoreError, unusable};
use kortlab_issuer::authority::{Authority, AuthorityKind};
use kortlab_issuer::clock::Clock;
use kortlab_issuer::inspect::Purpose;
use kortlab_issuer::random::IssuerRng;
use kortlab_issuer::revocation::Serial;

impl LocalPortal {
    /// The records that have changed since this was asked last, each once and as it is now. They
    /// are to be stored together, before anyone learns of what they record: whoever stores some
    /// of them only may issue a serial number, or take a receipt, twice.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let of_authorities = [self.carrier.take_changes(), self.hcc.take_changes()];
        let of_authorities = of_authorities.into_iter().flatten().map(Change::from);
        of_authorities.chain(self.state.take_changes()).collect()
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
        // The carrier's certificates for signature, by their keys.
        let mut carrier_signatures = BTreeMap::new();
        let mut orders = BTreeMap::new();
        let mut portal = Self::new(carrier, hcc, clock, rng);
        for record in records {
            match record {
                Change::Certificate(record) => {
                    let kind = record.authority;
                    let summary = portal.authority_mut(kind).restore_certificate(record)?;
                    if kind == AuthorityKind::Carrier
                        && summary.purpose == Purpose::Signature
                        && let Some(key) = &summary.public_key
                    {
                        carrier_signatures.insert(key.spki_der().to_vec(), summary.serial);
                    }
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
            let signature = carrier_signatures.get(record.signature_key.spki_der());
            portal.restore_card(record, signature.cloned())?;
        }
        let mut orders: Vec<_> = orders.into_values().collect();
        orders.sort_by_key(|record| record.number);
        for record in orders {
            portal.restore_order(record)?;
        }
        Ok(portal)
    }

    fn restore_card(
        &mut self,
        record: CardRecord,
        carrier_signature: Option<Serial>,
    ) -> Result<(), RestoreError> {
        let serial = &record.carrier_authentication;
        if self.carrier.certificate(serial).is_none() {
            let why = "its carrier certificate is missing";
            return Err(unusable(&Change::Card(record), why));
        }
        let card = Card {
            holder: record.holder,
            authentication_key: record.authentication_key,
            signature_key: record.signature_key,
            carrier_authentication: record.carrier_authentication,
            carrier_signature,
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
            return Err(unusable(&Change::Order(record), why));
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
            held: record.held,
        });
        Ok(())
    }
}
