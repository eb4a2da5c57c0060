//! The administrator's side, for tests: cards, revocations, the clock, failures, the audit log.
//!
//! Everything here needs the administrator's token as `Authorization: Bearer`.

mod audit;
mod cards;
mod clock;
mod failures;
mod revocations;
pub mod wire;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::app::App;
use crate::error::Refusal;

/// Where cards are enrolled.
pub const CARDS: &str = "/admin/v1/cards";
/// Where certificates are revoked.
pub const REVOCATIONS: &str = "/admin/v1/revocations";
/// The portal's clock.
pub const CLOCK: &str = "/admin/v1/clock";
/// Failures on purpose.
pub const FAILURES: &str = "/admin/v1/failures";
/// The audit log.
pub const AUDIT: &str = "/admin/v1/audit";
/// Whether the audit log's chain is whole.
pub const AUDIT_VERIFICATION: &str = "/admin/v1/audit/verification";
/// What the portal is and how it is.
pub const STATUS: &str = "/admin/v1/status";
/// What is counted, for Prometheus.
pub const METRICS: &str = "/metrics";

/// The administrator's routes.
pub fn router(app: &App) -> Router<App> {
    Router::new()
        .route(CARDS, post(cards::enrol))
        .route(REVOCATIONS, post(revocations::revoke))
        .route(CLOCK, get(clock::read).post(clock::set))
        .route(
            FAILURES,
            get(failures::list)
                .post(failures::plan)
                .delete(failures::end),
        )
        .route(AUDIT, get(audit::list))
        .route(AUDIT_VERIFICATION, get(audit::verify))
        .route(STATUS, get(status))
        .route(METRICS, get(metrics))
        .route_layer(from_fn_with_state(app.clone(), only_the_administrator))
}

async fn only_the_administrator(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.admin_token().came_with(request.headers()) {
        return next.run(request).await;
    }
    let refusal = Refusal::new(
        StatusCode::UNAUTHORIZED,
        "not-the-administrator",
        "The administrator's token is needed",
        "send the token from the file admin-token in the portal's data directory, as Authorization: Bearer",
    );
    ([(WWW_AUTHENTICATE, "Bearer")], refusal).into_response()
}

async fn status(State(app): State<App>) -> Json<wire::Status> {
    Json(wire::Status::of(&app))
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let format = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, format)], app.metrics().render())
}
