//! The receipt: until it is signed, the certificates are on hold.

use super::{LocalPortal, OrderId, OrderState, PortalError, Receipt};
use crate::IssueError;
use crate::authority::CertificateState;
use crate::card_number::CardNumber;
use crate::clock::Timestamp;
use crate::inspect::CertificateSummary;
use crate::revocation::RevocationReason;

impl LocalPortal {
    /// The receipt of the order that is issued and not received.
    pub(super) fn waiting_receipt(&self, card: &CardNumber) -> Option<Receipt> {
        self.state
            .orders_of(card)
            .into_iter()
            .rfind(|record| record.order.state == OrderState::Issued)
            .and_then(|record| {
                let pair = record.pair.as_ref()?;
                Some(Receipt::new(&record.order, &record.receipt_nonce, pair))
            })
    }

    pub(super) fn take_receipt(
        &mut self,
        card: &CardNumber,
        id: OrderId,
        signed: &[u8],
        now: Timestamp,
    ) -> Result<(), PortalError> {
        let record = self.state.order_of(card, &id)?;
        match record.order.state {
            OrderState::Issued => {}
            OrderState::Open => return Err(PortalError::OrderNotIssued),
            OrderState::Received => return Err(PortalError::ReceiptReplayed),
            OrderState::Lapsed => return Err(PortalError::OrderLapsed),
        }
        let pair = record.pair.as_ref().ok_or(PortalError::OrderNotIssued)?;
        let receipt = Receipt::new(&record.order, &record.receipt_nonce, pair);
        self.check_signed(card, "receipt", signed, &receipt.text, now)?;
        self.receive(id, now)
    }

    /// Makes the order's certificates valid and earlier ones superseded.
    pub(super) fn receive(&mut self, id: OrderId, now: Timestamp) -> Result<(), PortalError> {
        let record = self
            .state
            .orders
            .get_mut(&id)
            .ok_or(PortalError::UnknownOrder)?;
        let pair = record.pair.clone().ok_or(PortalError::OrderNotIssued)?;
        let card = record.order.card_number;
        for certificate in [&pair.authentication, &pair.signature] {
            let serial = CertificateSummary::from_der(certificate)?.serial;
            match self.hcc.release(&serial, now) {
                // Revoked while it was on hold: it stays so, the receipt is still a receipt.
                Ok(()) | Err(IssueError::AlreadyRevoked { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        record.order.state = OrderState::Received;
        let earlier: Vec<_> = self
            .list(&card, now)?
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
