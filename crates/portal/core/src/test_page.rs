//! The test page: what each certificate is worth, and trials of both keys.

use super::log_in::require_valid;
use super::{LocalPortal, LogInKey, PortalError, TestPageRow};
use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::inspect::{CertificateSummary, Purpose};
use kortlab_issuer::receipt::SignedMessage;

impl LocalPortal {
    /// The test page's trial of *legitimering*, for whoever has the key of this DER certificate:
    /// the caller has had that proven, as for [`LocalPortal::log_in_proven`].
    ///
    /// # Errors
    /// As for [`super::Portal::try_authentication`].
    pub fn try_authentication_proven(
        &mut self,
        certificate: &[u8],
    ) -> Result<TestPageRow, PortalError> {
        let now = self.settle()?;
        let row = self.usable(certificate, now).map_err(|error| match error {
            PortalError::Document(why) => PortalError::UnreadableCertificate(why),
            error => error,
        })?;
        if row.summary.purpose != Purpose::Authentication {
            return Err(PortalError::NotForLogIn);
        }
        Ok(row)
    }

    pub(super) fn try_authentication_with(
        &mut self,
        key: &mut dyn LogInKey,
    ) -> Result<TestPageRow, PortalError> {
        let row = self.try_authentication_proven(key.certificate())?;
        self.prove(key, &row.summary)?;
        Ok(row)
    }

    pub(super) fn row(
        &self,
        certificate: &[u8],
        now: Timestamp,
    ) -> Result<TestPageRow, PortalError> {
        match self.known(certificate, now) {
            Ok(known) => Ok(TestPageRow {
                certificate: certificate.to_vec(),
                summary: known.summary,
                state: known.state,
                known: true,
            }),
            Err(PortalError::UnknownCertificate { .. }) => {
                let summary = CertificateSummary::from_der(certificate)?;
                Ok(TestPageRow {
                    certificate: certificate.to_vec(),
                    state: by_date(&summary, now),
                    known: false,
                    summary,
                })
            }
            Err(error) => Err(error),
        }
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
        require_valid(known.authority, known.state)?;
        Ok(TestPageRow {
            certificate: certificate.to_vec(),
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
