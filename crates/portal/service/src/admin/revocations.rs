//! Revoking certificates of either authority.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kortlab_issuer::inspect::CertificateSummary;
use kortlab_portal_api::certificates::RevocationRequest;

use super::wire::Revocation;
use crate::api::body::{Body, malformed};
use crate::app::App;
use crate::error::ServiceError;
use crate::event::Subject;
use crate::operation::Operation;
use crate::service::Call;

/// `POST /admin/v1/revocations`.
pub(super) async fn revoke(
    State(app): State<App>,
    Body(request): Body<Revocation>,
) -> Result<StatusCode, Response> {
    let reason = request.reason;
    let reason = RevocationRequest { reason }
        .reason()
        .map_err(|error| malformed(error).into_response())?;
    let certificate = request.certificate.into_bytes();
    let mut subject = Subject::default().detail(reason.name());
    if let Ok(summary) = CertificateSummary::from_der(&certificate) {
        subject = subject.certificate(&summary.serial);
    }
    let call = Call::by_administrator(Operation::RevokeAtTheCounter).about(subject);
    app.service()
        .call(call, move |portal| {
            portal.revoke_at_the_counter(&certificate, reason)
        })
        .await
        .map_err(ServiceError::into_response)?;
    Ok(StatusCode::NO_CONTENT)
}
