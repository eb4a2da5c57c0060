//! The receipt: until it is signed, the certificates are on hold.

use super::state::PlacedOrder;
use super::{LocalPortal, OrderId, OrderState, PortalError, Receipt};
use kortlab_issuer::IssueError;
use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::revocation::RevocationReason;

impl LocalPortal {
    /// The receipt of the order that is issued and not received. There is none to sign for
    /// certificates that were revoked, put on hold, removed from the card, or have expired, before they
    /// were received.
    pub(super) fn waiting_receipt(&self, card: &CardNumber, now: Timestamp) -> Option<Receipt> {
        let issued = |placed: &&PlacedOrder| placed.order.state == OrderState::Issued;
        let mut newest_first = self.state.orders_of(card).rev().filter(issued);
        newest_first.find_map(|placed| {
            let pair = self.good_pair(placed, now).ok()?;
            self.must_be_on_card(card, placed).ok()?;
            Some(Receipt::new(&placed.order, &placed.receipt_nonce, &pair))
        })
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
        // A receipt for certificates that are good for nothing would end those that are.
        let pair = self.good_pair(placed, now)?;
        self.must_be_on_card(card, placed)?;
        let receipt = Receipt::new(&placed.order, &placed.receipt_nonce, &pair);
        self.check_signed(card, "receipt", signed, &receipt.text, now)?;
        self.receive(card, id, now)
    }

    /// A receipt says that the certificates are on the card, so nothing may say that they are not.
    fn must_be_on_card(&self, card: &CardNumber, placed: &PlacedOrder) -> Result<(), PortalError> {
        let removed = &self.state.card(card)?.removed;
        match removed.iter().any(|serial| placed.has(serial)) {
            true => Err(PortalError::RemovedFromCard),
            false => Ok(()),
        }
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
