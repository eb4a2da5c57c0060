//! Failures on purpose, planned by the administrator.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::wire::Plans;
use crate::api::body::{Body, malformed};
use crate::app::App;
use crate::error::ServiceError;
use crate::event::Subject;
use crate::failures::Plan;
use crate::operation::Operation;
use crate::service::Call;

/// `GET /admin/v1/failures`.
pub(super) async fn list(State(app): State<App>) -> Json<Plans> {
    Json(plans(&app))
}

/// `POST /admin/v1/failures`.
pub(super) async fn plan(
    State(app): State<App>,
    Body(plan): Body<Plan>,
) -> Result<(StatusCode, Json<Plans>), Response> {
    let failures = app.failures().clone();
    failures
        .check(&plan)
        .map_err(|error| malformed(error).into_response())?;
    record(&app, plan.to_string(), move || failures.add(plan))
        .await
        .map_err(ServiceError::into_response)?;
    Ok((StatusCode::CREATED, Json(plans(&app))))
}

/// `DELETE /admin/v1/failures`.
pub(super) async fn end(State(app): State<App>) -> Result<StatusCode, ServiceError> {
    let failures = app.failures().clone();
    record(&app, "all ended".to_owned(), move || failures.end()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn plans(app: &App) -> Plans {
    Plans {
        failures: app.failures().plans(),
    }
}

/// Tells the audit log; what it was told of is done then, and not otherwise.
async fn record(
    app: &App,
    detail: String,
    effect: impl FnOnce() + Send + 'static,
) -> Result<(), ServiceError> {
    let subject = Subject::default().detail(detail);
    let call = Call::by_administrator(Operation::PlanFailure).about(subject);
    app.service()
        .call_with_effect(call, |_| Ok(()), effect)
        .await
}
