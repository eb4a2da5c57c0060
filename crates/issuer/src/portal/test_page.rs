//! The test page: what each certificate is worth, and trials of both keys.

use super::log_in::{check_signature, require_valid};
use super::{LocalPortal, LogIn, PortalError, TestPageRow};
use crate::authority::CertificateState;
use crate::clock::Timestamp;
use crate::inspect::{CertificateSummary, Purpose};
use crate::receipt::SignedMessage;

impl LocalPortal {
    pub(super) fn row(
        &self,
        certificate: &[u8],
        now: Timestamp,
    ) -> Result<TestPageRow, PortalError> {
        match self.known(certificate, now) {
            Ok(known) => Ok(TestPageRow {
                summary: known.summary,
                state: known.state,
                known: true,
            }),
            Err(PortalError::UnknownCertificate { .. }) => {
                let summary = CertificateSummary::from_der(certificate)?;
                Ok(TestPageRow {
                    state: by_date(&summary, now),
                    known: false,
                    summary,
                })
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn try_authentication_now(
        &mut self,
        log_in: &LogIn,
    ) -> Result<TestPageRow, PortalError> {
        let now = self.settle()?;
        self.state.take_challenge(&log_in.nonce, now)?;
        let row = self.usable(&log_in.certificate, now)?;
        if row.summary.purpose != Purpose::Authentication {
            return Err(PortalError::NotForLogIn);
        }
        check_signature(log_in, &row.summary)?;
        Ok(row)
    }

    pub(super) fn try_signature_now(&mut self, signed: &[u8]) -> Result<TestPageRow, PortalError> {
        let now = self.settle()?;
        let message = SignedMessage::verify(signed)?;
        let row = self.usable(message.certificate(), now)?;
        if row.summary.purpose != Purpose::Signature {
            return Err(PortalError::SignedWithAuthenticationKey { what: "message" });
        }
        Ok(row)
    }

    fn usable(&self, certificate: &[u8], now: Timestamp) -> Result<TestPageRow, PortalError> {
        let known = self.known(certificate, now)?;
        require_valid(known.state)?;
        Ok(TestPageRow {
            summary: known.summary,
            state: known.state,
            known: true,
        })
    }
}

fn by_date(summary: &CertificateSummary, now: Timestamp) -> CertificateState {
    if now < summary.not_before {
        CertificateState::NotYetValid
    } else if now > summary.not_after {
        CertificateState::Expired
    } else {
        CertificateState::Valid
    }
}
