//! What a client asks, passed on with the present and with the card that is logged in.

use super::orders::Issuance;
use super::{
    Approval, HccEntry, IssuedPair, LocalPortal, LogInKey, Order, OrderId, Portal, PortalError,
    Receipt, Session, SessionToken, TestPageRow,
};
use kortlab_issuer::revocation::RevocationReason;

impl Portal for LocalPortal {
    fn log_in(&mut self, key: &mut dyn LogInKey) -> Result<Session, PortalError> {
        self.log_in_with(key)
    }

    fn log_out(&mut self, token: &SessionToken) -> Result<(), PortalError> {
        let now = self.settle()?;
        self.sessions.end(token, now)
    }

    fn certificates(&mut self, token: &SessionToken) -> Result<Vec<HccEntry>, PortalError> {
        let (now, card) = self.session(token)?;
        self.list(&card, now)
    }

    fn removed(&mut self, token: &SessionToken, serial: &[u8]) -> Result<(), PortalError> {
        let (now, card) = self.session(token)?;
        self.note_removed(&card, serial, now)
    }

    fn order(&mut self, token: &SessionToken) -> Result<Order, PortalError> {
        let (now, card) = self.session(token)?;
        self.current_order(&card, now)
    }

    fn approve(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        approval: &Approval,
    ) -> Result<IssuedPair, PortalError> {
        let (now, card) = self.session(token)?;
        self.approve_order(&card, order, approval, Issuance::InOrder, now)
    }

    fn fetch(&mut self, token: &SessionToken, order: OrderId) -> Result<IssuedPair, PortalError> {
        let (now, card) = self.session(token)?;
        self.fetch_pair(&card, order, now)
    }

    fn receipt(&mut self, token: &SessionToken) -> Result<Option<Receipt>, PortalError> {
        let (now, card) = self.session(token)?;
        Ok(self.waiting_receipt(&card, now))
    }

    fn sign_receipt(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        signed_receipt: &[u8],
    ) -> Result<(), PortalError> {
        let (now, card) = self.session(token)?;
        self.take_receipt(&card, order, signed_receipt, now)
    }

    fn revoke(
        &mut self,
        token: &SessionToken,
        serial: &[u8],
        reason: RevocationReason,
    ) -> Result<(), PortalError> {
        let (now, card) = self.session(token)?;
        self.find_hcc(&card, serial, now)?;
        self.revoke_hcc(&card, serial, reason, now)
    }

    fn test_page(&mut self, certificates: &[Vec<u8>]) -> Result<Vec<TestPageRow>, PortalError> {
        let now = self.settle()?;
        certificates
            .iter()
            .map(|certificate| self.row(certificate, now))
            .collect()
    }

    fn try_authentication(&mut self, key: &mut dyn LogInKey) -> Result<TestPageRow, PortalError> {
        self.try_authentication_with(key)
    }

    fn try_signature(&mut self, signed: &[u8]) -> Result<TestPageRow, PortalError> {
        self.try_signature_now(signed)
    }
}
