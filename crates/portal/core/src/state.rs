//! What the portal remembers of cards and orders. Everything that changes here is recorded here, so
//! that nothing is forgotten when it is stored.

use std::collections::{BTreeMap, BTreeSet};

use core::mem;
use core::time::Duration;

use super::{Order, OrderId, OrderState, PortalError};
use crate::change::{CardRecord, Change, OrderRecord, PairRecord};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::holder::Holder;
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::revocation::Serial;

/// An order waits a day for its approval.
const APPROVAL_TIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Certificates wait thirty days for their receipt; then they are revoked.
const RECEIPT_TIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Cards and orders. The authorities keep what they have issued.
#[derive(Debug, Default)]
pub(super) struct PortalState {
    cards: BTreeMap<CardNumber, Card>,
    /// Each card by the serial number of its carrier certificate for authentication.
    by_carrier: BTreeMap<Serial, CardNumber>,
    /// Each card by the modulus of each of its keys: whoever has the one has it with every exponent.
    by_modulus: BTreeMap<Box<[u8]>, CardNumber>,
    orders: BTreeMap<OrderId, PlacedOrder>,
    /// The orders that will lapse, by when.
    due: BTreeSet<(Timestamp, OrderId)>,
    next_order: u64,
    changed: BTreeSet<Changed>,
}

/// An enrolled card.
#[derive(Clone, Debug)]
pub(super) struct Card {
    pub(super) holder: Holder,
    pub(super) authentication_key: PublicKey,
    pub(super) signature_key: PublicKey,
    /// The serial number of the certificate to log in with.
    pub(super) carrier_authentication: Serial,
    /// The serial number of the carrier's other certificate. It is not stored with the card: the
    /// certificate for its key is found again.
    pub(super) carrier_signature: Option<Serial>,
    /// Serial numbers of HCCs the client has removed.
    pub(super) removed: Vec<Serial>,
    /// Its orders, oldest first.
    pub(super) orders: Vec<OrderId>,
}

/// An order and what came of it.
#[derive(Clone, Debug)]
pub(super) struct PlacedOrder {
    pub(super) order: Order,
    /// Orders are numbered as they come: two may be placed in the same second.
    pub(super) number: u64,
    /// When it was placed or, once issued, when that was.
    pub(super) since: Timestamp,
    pub(super) receipt_nonce: [u8; 16],
    /// The certificates, once they are issued.
    pub(super) pair: Option<PairRecord>,
    /// Whether one of them was put on hold for a reason while it waited for the receipt.
    pub(super) held: bool,
}

impl PlacedOrder {
    /// Whether its certificates are on hold for nothing but their receipt.
    pub(super) fn waits_for_receipt(&self) -> bool {
        self.order.state == OrderState::Issued && !self.held
    }

    /// Whether this is the serial number of one of its certificates.
    pub(super) fn has(&self, serial: &[u8]) -> bool {
        let pair = self.pair.as_ref();
        pair.is_some_and(|pair| pair.authentication == serial || pair.signature == serial)
    }

    /// Until when it waits for its approval or its receipt.
    fn waits_until(&self) -> Option<Timestamp> {
        match self.order.state {
            OrderState::Open => Some(self.since.after(APPROVAL_TIME)),
            OrderState::Issued => Some(self.since.after(RECEIPT_TIME)),
            OrderState::Received | OrderState::Lapsed => None,
        }
    }
}

/// A record that is to be stored again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Changed {
    Card(CardNumber),
    Order(OrderId),
}

impl PortalState {
    pub(super) fn card(&self, number: &CardNumber) -> Result<&Card, PortalError> {
        self.cards
            .get(number)
            .ok_or(PortalError::UnknownCard(*number))
    }

    pub(super) fn is_enrolled(&self, number: &CardNumber) -> bool {
        self.cards.contains_key(number)
    }

    /// The card that logs in with the carrier certificate of this serial number.
    pub(super) fn card_of_carrier(&self, serial: &[u8]) -> Option<(CardNumber, &Card)> {
        let number = self.by_carrier.get(serial)?;
        Some((*number, self.cards.get(number)?))
    }

    /// The card that has this key, with this exponent or another.
    pub(super) fn owner(&self, key: &PublicKey) -> Option<CardNumber> {
        self.by_modulus.get(&key.modulus()).copied()
    }

    pub(super) fn order_of(
        &self,
        card: &CardNumber,
        id: &OrderId,
    ) -> Result<&PlacedOrder, PortalError> {
        self.orders
            .get(id)
            .filter(|placed| placed.order.card_number == *card)
            .ok_or(PortalError::UnknownOrder)
    }

    pub(super) fn has_order(&self, id: &OrderId) -> bool {
        self.orders.contains_key(id)
    }

    /// The card's orders, oldest first.
    pub(super) fn orders_of(
        &self,
        card: &CardNumber,
    ) -> impl DoubleEndedIterator<Item = &PlacedOrder> {
        let ids = self.cards.get(card).map(|card| card.orders.as_slice());
        ids.unwrap_or_default()
            .iter()
            .filter_map(|id| self.orders.get(id))
    }

    /// How many cards and orders there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.cards.len(), self.orders.len())
    }

    pub(super) fn enrol(&mut self, number: CardNumber, card: Card) {
        self.changed.insert(Changed::Card(number));
        self.insert_card(number, card);
    }

    pub(super) fn note_removed(&mut self, card: &CardNumber, serial: &[u8]) {
        let Some(card_found) = self.cards.get_mut(card) else {
            return;
        };
        if !card_found.removed.iter().any(|one| one == serial) {
            card_found.removed.push(serial.to_vec());
            self.changed.insert(Changed::Card(*card));
        }
    }

    /// The pair is given out again, to be written to the card.
    pub(super) fn note_given_out(&mut self, card: &CardNumber, pair: &PairRecord) {
        let Some(card_found) = self.cards.get_mut(card) else {
            return;
        };
        let before = card_found.removed.len();
        let is_given_out = |one: &Serial| *one == pair.authentication || *one == pair.signature;
        card_found.removed.retain(|one| !is_given_out(one));
        if card_found.removed.len() != before {
            self.changed.insert(Changed::Card(*card));
        }
    }

    /// A certificate of the card was put on hold for a reason: if it waits for its receipt, that is
    /// not what it is on hold for any more.
    pub(super) fn note_held(&mut self, card: &CardNumber, serial: &[u8]) {
        let waiting = self
            .orders_of(card)
            .find(|placed| placed.order.state == OrderState::Issued && placed.has(serial));
        if let Some(id) = waiting.map(|placed| placed.order.id) {
            self.change_order(&id, |placed| placed.held = true);
        }
    }

    pub(super) fn place(&mut self, order: Order, receipt_nonce: [u8; 16], now: Timestamp) {
        self.changed.insert(Changed::Order(order.id));
        self.insert_order(PlacedOrder {
            order,
            number: self.next_order,
            since: now,
            receipt_nonce,
            pair: None,
            held: false,
        });
    }

    /// The order's certificates are issued, on hold.
    pub(super) fn note_issued(&mut self, id: &OrderId, pair: PairRecord, now: Timestamp) {
        self.change_order(id, |placed| {
            placed.order.state = OrderState::Issued;
            placed.since = now;
            placed.pair = Some(pair);
        });
    }

    /// The order's receipt is signed.
    pub(super) fn note_received(&mut self, id: &OrderId) {
        self.change_order(id, |placed| placed.order.state = OrderState::Received);
    }

    /// Lets orders lapse whose time is over, and returns the pairs whose receipt never came.
    pub(super) fn lapse(&mut self, now: Timestamp) -> Vec<PairRecord> {
        let mut unreceived = Vec::new();
        while let Some((until, id)) = self.due.first().copied()
            && now > until
        {
            self.due.remove(&(until, id));
            self.change_order(&id, |placed| {
                placed.order.state = OrderState::Lapsed;
                unreceived.extend(placed.pair.clone());
            });
        }
        unreceived
    }

    fn change_order(&mut self, id: &OrderId, change: impl FnOnce(&mut PlacedOrder)) {
        let Some(placed) = self.orders.get_mut(id) else {
            return;
        };
        if let Some(until) = placed.waits_until() {
            self.due.remove(&(until, *id));
        }
        change(placed);
        if let Some(until) = placed.waits_until() {
            self.due.insert((until, *id));
        }
        self.changed.insert(Changed::Order(*id));
    }

    /// Puts a card in; nothing is recorded.
    pub(super) fn insert_card(&mut self, number: CardNumber, card: Card) {
        for key in [&card.authentication_key, &card.signature_key] {
            // Should two cards have the same key, the lower number is the one named.
            self.by_modulus
                .entry(key.modulus())
                .and_modify(|known| *known = number.min(*known))
                .or_insert(number);
        }
        self.by_carrier
            .insert(card.carrier_authentication.clone(), number);
        self.cards.insert(number, card);
    }

    /// Puts an order in, after every order of the same card with a lower number; nothing is
    /// recorded.
    pub(super) fn insert_order(&mut self, placed: PlacedOrder) {
        let id = placed.order.id;
        self.next_order = self.next_order.max(placed.number.saturating_add(1));
        if let Some(card) = self.cards.get_mut(&placed.order.card_number) {
            card.orders.push(id);
        }
        if let Some(until) = placed.waits_until() {
            self.due.insert((until, id));
        }
        self.orders.insert(id, placed);
    }

    /// The records that have changed since this was asked last, each once.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        mem::take(&mut self.changed)
            .into_iter()
            .filter_map(|changed| match changed {
                Changed::Card(number) => self.card_record(number),
                Changed::Order(id) => self.order_record(id),
            })
            .collect()
    }

    fn card_record(&self, number: CardNumber) -> Option<Change> {
        let card = self.cards.get(&number)?.clone();
        Some(Change::Card(CardRecord {
            card_number: number,
            holder: card.holder,
            authentication_key: card.authentication_key,
            signature_key: card.signature_key,
            carrier_authentication: card.carrier_authentication,
            removed: card.removed,
        }))
    }

    fn order_record(&self, id: OrderId) -> Option<Change> {
        let placed = self.orders.get(&id)?.clone();
        Some(Change::Order(OrderRecord {
            id,
            number: placed.number,
            card_number: placed.order.card_number,
            holder: placed.order.holder,
            state: placed.order.state,
            since: placed.since,
            nonce: placed.order.nonce,
            receipt_nonce: placed.receipt_nonce,
            pair: placed.pair,
            held: placed.held,
        }))
    }
}
