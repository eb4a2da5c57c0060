//! The card's HCCs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kortlab_portal_api::Serial;
use kortlab_portal_api::certificates::{HccList, RevocationRequest};
use kortlab_portal_core::Portal as _;

use super::body::Token;
use super::body::malformed;
use super::{Body, Text};
use crate::app::App;
use crate::error::ServiceError;
use crate::event::Subject;
use crate::operation::Operation;
use crate::service::Call;

/// `GET /api/v1/certificates`.
pub(super) async fn list(
    State(app): State<App>,
    Token(token): Token,
) -> Result<Json<HccList>, ServiceError> {
    let call = Call::in_session(Operation::Certificates, &token);
    let entries = app
        .service()
        .call(call, move |portal| portal.certificates(&token))
        .await?;
    Ok(Json(HccList::from(entries.as_slice())))
}

/// `POST /api/v1/certificates/{serial}/removed`.
pub(super) async fn removed(
    State(app): State<App>,
    Token(token): Token,
    Text(serial): Text<Serial>,
) -> Result<StatusCode, ServiceError> {
    let call = Call::in_session(Operation::Removed, &token)
        .about(Subject::default().certificate(serial.as_bytes()));
    app.service()
        .call(call, move |portal| {
            portal.removed(&token, serial.as_bytes())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/certificates/{serial}/revocation`.
pub(super) async fn revocation(
    State(app): State<App>,
    Token(token): Token,
    Text(serial): Text<Serial>,
    Body(request): Body<RevocationRequest>,
) -> Result<StatusCode, Response> {
    let reason = request
        .reason()
        .map_err(|error| malformed(error).into_response())?;
    let subject = Subject::default()
        .certificate(serial.as_bytes())
        .detail(reason.name());
    let call = Call::in_session(Operation::Revoke, &token).about(subject);
    app.service()
        .call(call, move |portal| {
            portal.revoke(&token, serial.as_bytes(), reason)
        })
        .await
        .map_err(ServiceError::into_response)?;
    Ok(StatusCode::NO_CONTENT)
}
