//! What the portal remembers, in one place, so that it can be stored as a whole.

use std::collections::BTreeMap;

use core::time::Duration;

use super::{IssuedPair, Order, OrderId, OrderState, PortalError, SessionToken};
use crate::card_number::CardNumber;
use crate::clock::Timestamp;
use crate::holder::Holder;
use crate::public_key::PublicKey;

/// A session ends ten minutes after its last call.
pub(super) const SESSION_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// An order waits a day for its approval.
pub(super) const APPROVAL_TIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Certificates wait thirty days for their receipt; then they are revoked.
pub(super) const RECEIPT_TIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Cards, orders and sessions. The authorities keep what they have issued.
#[derive(Debug, Default)]
pub struct PortalState {
    pub(super) cards: BTreeMap<CardNumber, Card>,
    pub(super) orders: BTreeMap<OrderId, OrderRecord>,
    sessions: BTreeMap<[u8; 32], SessionRecord>,
}

/// An enrolled card.
#[derive(Clone, Debug)]
pub(super) struct Card {
    pub(super) holder: Holder,
    pub(super) authentication_key: PublicKey,
    pub(super) signature_key: PublicKey,
    pub(super) carrier_authentication: Vec<u8>,
    pub(super) carrier_ends: Timestamp,
    /// Serial numbers of HCCs the client has removed.
    pub(super) removed: Vec<Vec<u8>>,
}

/// An order and what came of it.
#[derive(Clone, Debug)]
pub(super) struct OrderRecord {
    pub(super) order: Order,
    /// Orders are numbered as they come: two may be placed in the same second.
    pub(super) number: usize,
    /// When it was placed or, once issued, when that was.
    pub(super) since: Timestamp,
    pub(super) receipt_nonce: [u8; 16],
    pub(super) pair: Option<IssuedPair>,
}

#[derive(Clone, Copy, Debug)]
struct SessionRecord {
    card: CardNumber,
    ends: Timestamp,
}

impl PortalState {
    pub(super) fn begin_session(
        &mut self,
        token: &SessionToken,
        card: CardNumber,
        now: Timestamp,
    ) -> Timestamp {
        self.sessions.retain(|_, session| session.ends > now);
        let ends = now.after(SESSION_LIFETIME);
        self.sessions
            .insert(token.fingerprint(), SessionRecord { card, ends });
        ends
    }

    /// The card of a session, whose end moves on.
    pub(super) fn session(
        &mut self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<CardNumber, PortalError> {
        match self.sessions.get_mut(&token.fingerprint()) {
            Some(session) if session.ends > now => {
                session.ends = now.after(SESSION_LIFETIME);
                Ok(session.card)
            }
            _ => Err(PortalError::SessionOver),
        }
    }

    pub(super) fn end_session(
        &mut self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<(), PortalError> {
        match self.sessions.remove(&token.fingerprint()) {
            Some(session) if session.ends > now => Ok(()),
            _ => Err(PortalError::SessionOver),
        }
    }

    pub(super) fn card(&self, number: &CardNumber) -> Result<&Card, PortalError> {
        self.cards
            .get(number)
            .ok_or(PortalError::UnknownCard(*number))
    }

    pub(super) fn order_of(
        &self,
        card: &CardNumber,
        id: &OrderId,
    ) -> Result<&OrderRecord, PortalError> {
        self.orders
            .get(id)
            .filter(|record| record.order.card_number == *card)
            .ok_or(PortalError::UnknownOrder)
    }

    /// The card's orders, oldest first.
    pub(super) fn orders_of(&self, card: &CardNumber) -> Vec<&OrderRecord> {
        let mut orders: Vec<_> = self
            .orders
            .values()
            .filter(|record| record.order.card_number == *card)
            .collect();
        orders.sort_by_key(|record| record.number);
        orders
    }

    /// The card that has this key, and whether it is its signature key.
    pub(super) fn owner(&self, key: &PublicKey) -> Option<(CardNumber, bool)> {
        self.cards.iter().find_map(|(number, card)| {
            if card.signature_key == *key {
                Some((*number, true))
            } else if card.authentication_key == *key {
                Some((*number, false))
            } else {
                None
            }
        })
    }

    /// Lets orders lapse whose time is over, and returns the pairs whose receipt never came.
    pub(super) fn lapse(&mut self, now: Timestamp) -> Vec<IssuedPair> {
        let mut unreceived = Vec::new();
        for record in self.orders.values_mut() {
            let limit = match record.order.state {
                OrderState::Open => APPROVAL_TIME,
                OrderState::Issued => RECEIPT_TIME,
                OrderState::Received | OrderState::Lapsed => continue,
            };
            if now > record.since.after(limit) {
                record.order.state = OrderState::Lapsed;
                unreceived.extend(record.pair.clone());
            }
        }
        unreceived
    }
}
