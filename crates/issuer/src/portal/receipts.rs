//! The receipt: until it is signed, the certificates are on hold.

use super::state::PlacedOrder;
use super::{LocalPortal, OrderId, OrderState, PortalError, Receipt};
use crate::IssueError;
use crate::authority::CertificateState;
use crate::card_number::CardNumber;
use crate::clock::Timestamp;
use crate::revocation::RevocationReason;

impl LocalPortal {
    /// The receipt of the order that is issued and not received.
    pub(super) fn waiting_receipt(&self, card: &CardNumber) -> Option<Receipt> {
        let issued = |placed: &&PlacedOrder| placed.order.state == OrderState::Issued;
        let placed = self.state.orders_of(card).rfind(issued)?;
        let pair = self.pair(placed)?;
        Some(Receipt::new(&placed.order, &placed.receipt_nonce, &pair))
    }

    pub(super) fn take_receipt(
        &mut self,
        card: &CardNumber,
        id: OrderId,
        signed: &[u8],
        now: Timestamp,
    ) -> Result<(), PortalError> {
        let placed = self.state.order_of(card, &id)?;
        match placed.order.state {
            OrderState::Issued => {}
            OrderState::Open => return Err(PortalError::OrderNotIssued),
            OrderState::Received => return Err(PortalError::ReceiptReplayed),
            OrderState::Lapsed => return Err(PortalError::OrderLapsed),
        }
        let pair = self.pair(placed).ok_or(PortalError::OrderNotIssued)?;
        let receipt = Receipt::new(&placed.order, &placed.receipt_nonce, &pair);
        self.check_signed(card, "receipt", signed, &receipt.text, now)?;
        self.receive(card, id, now)
    }

    /// Makes the order's certificates valid and earlier ones superseded.
    pub(super) fn receive(
        &mut self,
        card: &CardNumber,
        id: OrderId,
        now: Timestamp,
    ) -> Result<(), PortalError> {
        let placed = self.state.order_of(card, &id)?;
        let pair = placed.pair.clone().ok_or(PortalError::OrderNotIssued)?;
        for serial in [&pair.authentication, &pair.signature] {
            match self.hcc.release(serial, now) {
                // Revoked while it was on hold: it stays so, the receipt is still a receipt.
                Ok(()) | Err(IssueError::AlreadyRevoked { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.state.note_received(&id);
        let earlier: Vec<_> = self
            .list(card, now)?
            .into_iter()
            .filter(|entry| entry.order != id && entry.state == CertificateState::Valid)
            .collect();
        for entry in earlier {
            self.hcc
                .revoke(&entry.summary.serial, RevocationReason::Superseded, now)?;
        }
        Ok(())
    }
}
