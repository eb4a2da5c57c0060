//! Calls that pages and the JSON interface make in the same way.

use kortlab_issuer::inspect::CertificateSummary;
use kortlab_portal_core::{Approval, IssuedPair, OrderId, Portal as _, Session, SessionToken};

use super::{Call, Service, fail_after};
use crate::error::ServiceError;
use crate::event::Subject;
use crate::failures::FailureKind;
use crate::operation::Operation;

impl Service {
    /// Logs in with the certificate (DER) of a TLS handshake, which has proven that the client has
    /// its key.
    ///
    /// # Errors
    /// As for `Portal::log_in`.
    pub async fn log_in(&self, certificate: Vec<u8>) -> Result<Session, ServiceError> {
        let subject = match CertificateSummary::from_der(&certificate) {
            Ok(summary) => Subject::default()
                .certificate(&summary.serial)
                .detail(format!("issued by {}", summary.issuer)),
            Err(_) => Subject::default().detail("not a certificate"),
        };
        let call = Call::from(Operation::LogIn)
            .about(subject)
            .showing(certificate.clone());
        self.call(call, move |portal| portal.log_in_proven(&certificate))
            .await
    }

    /// Approves an order. An administrator may have planned that the certificate for
    /// authentication is for another key.
    ///
    /// # Errors
    /// As for `Portal::approve`.
    pub async fn approve(
        &self,
        token: SessionToken,
        order: OrderId,
        approval: Approval,
    ) -> Result<IssuedPair, ServiceError> {
        let call =
            Call::in_session(Operation::Approve, &token).about(Subject::default().order(order));
        let planned = self.fail_before(Operation::Approve).await?;
        let misissue = planned == Some(FailureKind::WrongKey);
        let result = self
            .carry_out(
                call,
                move |portal| match misissue {
                    true => portal.approve_for_another_key(&token, order, &approval),
                    false => portal.approve(&token, order, &approval),
                },
                || {},
            )
            .await;
        fail_after(planned)?;
        result
    }

    /// Fetches the certificates of an order, also to put them back (*lägga tillbaka HCC*).
    ///
    /// # Errors
    /// As for `Portal::fetch`.
    pub async fn fetch(
        &self,
        token: SessionToken,
        order: OrderId,
    ) -> Result<IssuedPair, ServiceError> {
        let call =
            Call::in_session(Operation::Fetch, &token).about(Subject::default().order(order));
        self.call(call, move |portal| portal.fetch(&token, order))
            .await
    }
}
