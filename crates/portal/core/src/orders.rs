//! Orders: the list of HCCs, a new pair, and the same pair again.

use super::local::HCC_VALIDITY;
use super::log_in::require_valid;
use super::state::PlacedOrder;
use super::{
    Approval, HccEntry, IssuedPair, LocalPortal, Order, OrderId, OrderState, PortalError,
    SessionToken,
};
use crate::change::PairRecord;
use kortlab_issuer::authority::{AuthorityKind, CertificateData, CertificateState};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::csr::CertificationRequest;
use kortlab_issuer::inspect::{CertificateSummary, Purpose};
use kortlab_issuer::profile::{CarrierSubject, CertificateKind};
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::receipt::SignedMessage;
use kortlab_issuer::revocation::RevocationReason;

/// For which key the certificate for authentication of an order is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Issuance {
    /// The card's.
    InOrder,
    /// One that no card has: a mistake on purpose.
    ForAnotherKey,
}

impl LocalPortal {
    /// The card's HCCs, oldest order first, authentication before signature.
    pub(super) fn list(
        &self,
        card: &CardNumber,
        now: Timestamp,
    ) -> Result<Vec<HccEntry>, PortalError> {
        let removed = &self.state.card(card)?.removed;
        let mut entries = Vec::new();
        for placed in self.state.orders_of(card) {
            let Some(pair) = &placed.pair else { continue };
            for serial in [&pair.authentication, &pair.signature] {
                let certificate = self.hcc.certificate(serial);
                let state = self.hcc.state(serial, now);
                let (Some(certificate), Some(state)) = (certificate, state) else {
                    continue;
                };
                entries.push(HccEntry {
                    certificate: certificate.to_vec(),
                    summary: CertificateSummary::from_der(certificate)?,
                    state,
                    order: placed.order.id,
                    removed: removed.contains(serial),
                });
            }
        }
        Ok(entries)
    }

    pub(super) fn find_hcc(
        &self,
        card: &CardNumber,
        serial: &[u8],
        now: Timestamp,
    ) -> Result<HccEntry, PortalError> {
        self.list(card, now)?
            .into_iter()
            .find(|entry| entry.summary.serial == serial)
            .ok_or_else(|| PortalError::UnknownHcc {
                serial: hex::encode_upper(serial),
            })
    }

    pub(super) fn note_removed(
        &mut self,
        card: &CardNumber,
        serial: &[u8],
        now: Timestamp,
    ) -> Result<(), PortalError> {
        self.find_hcc(card, serial, now)?;
        self.state.note_removed(card, serial);
        Ok(())
    }

    /// The order that is under way, or a new one. An order whose certificates were revoked before
    /// their receipt leads nowhere any more.
    pub(super) fn current_order(
        &mut self,
        card: &CardNumber,
        now: Timestamp,
    ) -> Result<Order, PortalError> {
        let under_way = self
            .state
            .orders_of(card)
            .rfind(|placed| match placed.order.state {
                OrderState::Open => true,
                OrderState::Issued => self.good_pair(placed, now).is_ok(),
                OrderState::Received | OrderState::Lapsed => false,
            })
            .map(|placed| placed.order.clone());
        match under_way {
            Some(order) => Ok(order),
            None => self.new_order(card, now),
        }
    }

    pub(super) fn new_order(
        &mut self,
        card: &CardNumber,
        now: Timestamp,
    ) -> Result<Order, PortalError> {
        // A portal from a seed draws the same bytes again after a restart.
        let id = loop {
            let id = OrderId(self.rng.bytes());
            if !self.state.has_order(&id) {
                break id;
            }
        };
        let order = Order {
            id,
            state: OrderState::Open,
            card_number: *card,
            holder: self.state.card(card)?.holder.clone(),
            nonce: self.rng.bytes(),
        };
        self.state.place(order.clone(), self.rng.bytes(), now);
        Ok(order)
    }

    pub(super) fn approve_order(
        &mut self,
        card: &CardNumber,
        id: OrderId,
        approval: &Approval,
        issuance: Issuance,
        now: Timestamp,
    ) -> Result<IssuedPair, PortalError> {
        let order = self.state.order_of(card, &id)?.order.clone();
        match order.state {
            OrderState::Open => {}
            OrderState::Issued | OrderState::Received => return Err(PortalError::OrderReplayed),
            OrderState::Lapsed => return Err(PortalError::OrderLapsed),
        }
        self.check_request(
            card,
            Purpose::Authentication,
            &approval.authentication_request,
        )?;
        self.check_request(card, Purpose::Signature, &approval.signature_request)?;
        let text = order.approval_text(
            &approval.authentication_request,
            &approval.signature_request,
        );
        self.check_signed(card, "approval", &approval.signed_approval, &text, now)?;
        let key = match issuance {
            Issuance::ForAnotherKey => PublicKey::of_nobody(&mut self.rng)?,
            Issuance::InOrder => self.state.card(card)?.authentication_key.clone(),
        };
        self.issue_pair(&order, &key, now)
    }

    /// As [`super::Portal::approve`], with a mistake on purpose, for those who test a client: the
    /// certificate for authentication is for a new key that no card has. A client that compares
    /// keys does not write it. Once that order is revoked, the next one is in order again. A call
    /// that is refused leaves nothing behind.
    ///
    /// # Errors
    /// As for [`super::Portal::approve`].
    pub fn approve_for_another_key(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        approval: &Approval,
    ) -> Result<IssuedPair, PortalError> {
        let (now, card) = self.session(token)?;
        self.approve_order(&card, order, approval, Issuance::ForAnotherKey, now)
    }

    /// The request must be signed with the key of the card's current certificate.
    fn check_request(
        &self,
        card: &CardNumber,
        purpose: Purpose,
        request: &[u8],
    ) -> Result<(), PortalError> {
        let request = CertificationRequest::verify(request)?;
        let current = self.state.card(card)?;
        let expected = match purpose {
            Purpose::Authentication => &current.authentication_key,
            _ => &current.signature_key,
        };
        if request.public_key() == expected {
            return Ok(());
        }
        Err(self
            .other_card(card, request.public_key())
            .unwrap_or(PortalError::ForeignKey { purpose }))
    }

    /// A text signed with the card's signature key: the approval or the receipt.
    pub(super) fn check_signed(
        &self,
        card: &CardNumber,
        what: &'static str,
        message: &[u8],
        text: &str,
        now: Timestamp,
    ) -> Result<(), PortalError> {
        let message = SignedMessage::verify(message)?;
        let current = self.state.card(card)?;
        let key = message.public_key();
        if *key == current.authentication_key {
            return Err(PortalError::SignedWithAuthenticationKey { what });
        }
        if *key != current.signature_key {
            return Err(self
                .other_card(card, key)
                .unwrap_or(PortalError::SignedWithForeignKey { what }));
        }
        // The key is the card's; the certificate shown with it must be one of ours as well, and
        // not be good for nothing.
        let signer = self.known(message.certificate(), now)?;
        require_good(
            signer.authority,
            signer.state,
            self.waits_for_receipt(card, &signer.summary.serial),
        )?;
        if signer.summary.purpose != Purpose::Signature {
            return Err(PortalError::SignedWithForeignKey { what });
        }
        if message.content() != text.as_bytes() {
            return Err(PortalError::OtherContent { what });
        }
        Ok(())
    }

    /// Whether a certificate is on hold for nothing but the receipt of its order. Those of the card issuer
    /// come with none, and wait for no receipt.
    fn waits_for_receipt(&self, card: &CardNumber, serial: &[u8]) -> bool {
        let order = self.state.orders_of(card).find(|placed| placed.has(serial));
        order.is_some_and(PlacedOrder::waits_for_receipt)
    }

    fn other_card(&self, card: &CardNumber, key: &PublicKey) -> Option<PortalError> {
        let found = self.state.owner(key)?;
        (found != *card).then_some(PortalError::WrongCard {
            expected: *card,
            found,
        })
    }

    /// Issues the two certificates of an order, on hold. Only called for open orders.
    pub(super) fn issue_pair(
        &mut self,
        order: &Order,
        authentication_key: &PublicKey,
        now: Timestamp,
    ) -> Result<IssuedPair, PortalError> {
        let card = self.state.card(&order.card_number)?.clone();
        let carrier = self.carrier.certificate(&card.carrier_authentication);
        let carrier_ends = CertificateSummary::from_der(carrier.unwrap_or_default())?.not_after;
        let mut issue = |kind: CertificateKind, key: &PublicKey| {
            let data = CertificateData {
                kind,
                holder: &order.holder,
                card_number: &order.card_number,
                carrier_subject: CarrierSubject::default(),
                not_before: now,
                not_after: now.after(HCC_VALIDITY).min(carrier_ends),
            };
            let certificate = self.hcc.issue(&data, key, &mut self.rng)?;
            let serial = CertificateSummary::from_der(&certificate)?.serial;
            self.hcc
                .revoke(&serial, RevocationReason::CertificateHold, now)?;
            Ok::<_, PortalError>((serial, certificate))
        };
        let authentication = issue(CertificateKind::HccAuthentication, authentication_key)?;
        let signature = issue(CertificateKind::HccSignature, &card.signature_key)?;
        let serials = PairRecord {
            authentication: authentication.0,
            signature: signature.0,
        };
        self.state.note_issued(&order.id, serials, now);
        Ok(IssuedPair {
            order: order.id,
            authentication: authentication.1,
            signature: signature.1,
        })
    }

    /// Gives the pair out again: what was removed from the card is to be written to it once more.
    pub(super) fn fetch_pair(
        &mut self,
        card: &CardNumber,
        id: OrderId,
        now: Timestamp,
    ) -> Result<IssuedPair, PortalError> {
        let placed = self.state.order_of(card, &id)?;
        match placed.order.state {
            OrderState::Open => return Err(PortalError::OrderNotIssued),
            OrderState::Lapsed => return Err(PortalError::OrderLapsed),
            OrderState::Issued | OrderState::Received => {}
        }
        let pair = self.good_pair(placed, now)?;
        if let Some(serials) = placed.pair.clone() {
            self.state.note_given_out(card, &serials);
        }
        Ok(pair)
    }

    /// Revokes an HCC. Put on hold it is good for nothing, whatever receipt is signed.
    pub(super) fn revoke_hcc(
        &mut self,
        card: &CardNumber,
        serial: &[u8],
        reason: RevocationReason,
        now: Timestamp,
    ) -> Result<(), PortalError> {
        self.hcc.revoke(serial, reason, now)?;
        if reason == RevocationReason::CertificateHold {
            self.state.note_held(card, serial);
        }
        Ok(())
    }

    /// The certificates of an order, if both are valid, or on hold until its receipt is signed. One
    /// that was put on hold for a reason is good for nothing while it is.
    pub(super) fn good_pair(
        &self,
        placed: &PlacedOrder,
        now: Timestamp,
    ) -> Result<IssuedPair, PortalError> {
        let pair = placed.pair.as_ref().ok_or(PortalError::OrderNotIssued)?;
        for serial in [&pair.authentication, &pair.signature] {
            let state = self.hcc.state(serial, now);
            let state = state.unwrap_or(CertificateState::Expired);
            require_good(AuthorityKind::Hcc, state, placed.waits_for_receipt())?;
        }
        self.pair(placed).ok_or(PortalError::OrderNotIssued)
    }

    /// The certificates of an order, whatever they are worth.
    pub(super) fn pair(&self, placed: &PlacedOrder) -> Option<IssuedPair> {
        let pair = placed.pair.as_ref()?;
        Some(IssuedPair {
            order: placed.order.id,
            authentication: self.hcc.certificate(&pair.authentication)?.to_vec(),
            signature: self.hcc.certificate(&pair.signature)?.to_vec(),
        })
    }
}

/// Valid, or on hold as every new certificate is until the receipt of its order, and for nothing else.
fn require_good(
    authority: AuthorityKind,
    state: CertificateState,
    waits_for_receipt: bool,
) -> Result<(), PortalError> {
    match state {
        CertificateState::OnHold if waits_for_receipt => Ok(()),
        state => require_valid(authority, state),
    }
}
