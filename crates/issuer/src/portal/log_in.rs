//! Log-in: only with the carrier's authentication certificate.

use super::{Challenge, LocalPortal, LogIn, PortalError, Session, SessionToken};
use crate::authority::{AuthorityKind, CertificateState};
use crate::clock::Timestamp;
use crate::inspect::{CertificateSummary, Colour, Purpose};

impl LocalPortal {
    pub(super) fn begin_log_in(&mut self) -> Result<Challenge, PortalError> {
        let now = self.settle()?;
        let nonce = self.rng.bytes();
        self.state.begin_challenge(nonce, now);
        Ok(Challenge::new(nonce))
    }

    pub(super) fn finish_log_in(&mut self, log_in: &LogIn) -> Result<Session, PortalError> {
        let now = self.settle()?;
        self.state.take_challenge(&log_in.nonce, now)?;
        self.check_log_in_certificate(&log_in.certificate, now)?;
        let summary = CertificateSummary::from_der(&log_in.certificate)?;
        check_signature(log_in, &summary)?;
        let (number, card) = self
            .state
            .cards
            .iter()
            .find(|(_, card)| card.carrier_authentication == log_in.certificate)
            .map(|(number, card)| (*number, card.clone()))
            .ok_or(PortalError::UnknownCertificate {
                issuer: summary.issuer,
            })?;
        let token = SessionToken::new(self.rng.bytes());
        let ends = self.state.begin_session(&token, number, now);
        Ok(Session {
            token,
            card_number: number,
            holder: card.holder,
            ends,
        })
    }

    /// The reasons come in the order that helps the holder most: the wrong choice first.
    fn check_log_in_certificate(
        &self,
        certificate: &[u8],
        now: Timestamp,
    ) -> Result<(), PortalError> {
        let summary = CertificateSummary::from_der(certificate)?;
        if summary.colour == Colour::Pink {
            return Err(PortalError::HccLogIn {
                issuer: summary.issuer,
            });
        }
        let known = self.known(certificate, now)?;
        if known.authority != AuthorityKind::Carrier {
            return Err(PortalError::HccLogIn {
                issuer: known.summary.issuer,
            });
        }
        if known.summary.purpose != Purpose::Authentication {
            return Err(PortalError::NotForLogIn);
        }
        require_valid(known.state)
    }
}

/// Only what is valid now may be used.
pub(super) fn require_valid(state: CertificateState) -> Result<(), PortalError> {
    match state {
        CertificateState::Valid => Ok(()),
        state => Err(PortalError::CertificateNotUsable { state }),
    }
}

/// Checks the challenge's signature with the certificate's key.
pub(super) fn check_signature(
    log_in: &LogIn,
    summary: &CertificateSummary,
) -> Result<(), PortalError> {
    let signed = Challenge::new(log_in.nonce).to_be_signed();
    let key = summary
        .public_key
        .as_ref()
        .ok_or(PortalError::LogInSignature)?;
    key.verify_sha256("the log-in", &signed, &log_in.signature)
        .map_err(|_| PortalError::LogInSignature)
}
