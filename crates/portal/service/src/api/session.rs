//! Log-in, the session, log-out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use kortlab_portal_api::session::{CurrentSession, NewSession};
use kortlab_portal_core::Portal as _;

use super::body::{Certificate, Token};
use crate::app::App;
use crate::error::{Refusal, ServiceError};
use crate::operation::Operation;
use crate::service::Call;

/// `POST /api/v1/session`, at the log-in listener.
pub(super) async fn log_in(
    State(app): State<App>,
    Certificate(certificate): Certificate,
) -> Result<impl IntoResponse, ServiceError> {
    let session = app.service().log_in(certificate).await?;
    // A token is not for any cache.
    let headers = [(CACHE_CONTROL, "no-store")];
    let body = Json(NewSession::from(&session));
    Ok((StatusCode::CREATED, headers, body))
}

/// `POST /api/v1/session`, where no certificate is asked for.
pub(super) async fn log_in_elsewhere(State(app): State<App>) -> Refusal {
    Refusal::new(
        StatusCode::MISDIRECTED_REQUEST,
        "log-in-elsewhere",
        "Log-in is elsewhere",
        format_args!(
            "this listener asks for no client certificate; log in at {}",
            app.places().log_in
        ),
    )
}

/// `GET /api/v1/session`.
pub(super) async fn session(
    State(app): State<App>,
    Token(token): Token,
) -> Result<Json<CurrentSession>, ServiceError> {
    let call = Call::in_session(Operation::Session, &token);
    let session = app
        .service()
        .call(call, move |portal| portal.current_session(&token))
        .await?;
    Ok(Json(NewSession::from(&session).session))
}

/// `DELETE /api/v1/session`.
pub(super) async fn log_out(
    State(app): State<App>,
    Token(token): Token,
) -> Result<StatusCode, ServiceError> {
    let call = Call::in_session(Operation::LogOut, &token);
    app.service()
        .call(call, move |portal| portal.log_out(&token))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
