//! The audit log, read by the administrator.

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::wire::AuditPage;
use crate::api::body::malformed;
use crate::app::App;
use crate::audit::{NotAHash, Verdict};
use crate::error::ServiceError;

/// No more entries come in one answer.
const MAX_ENTRIES: u32 = 1000;

/// Which entries.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Those after the one with this number.
    #[serde(default)]
    after: u64,
    /// At most so many.
    #[serde(default = "usual")]
    limit: u32,
}

const fn usual() -> u32 {
    100
}

/// `GET /admin/v1/audit`.
pub(super) async fn list(
    State(app): State<App>,
    Query(which): Query<Which>,
) -> Result<Json<AuditPage>, ServiceError> {
    let limit = which.limit.min(MAX_ENTRIES);
    let entries = app.service().audit(which.after, limit).await?;
    Ok(Json(AuditPage { entries }))
}

/// `GET /admin/v1/audit/verification`, with `noted`, a hash that was noted outside the store.
pub(super) async fn verify(
    State(app): State<App>,
    Query(noted): Query<Noted>,
) -> Result<Json<Verdict>, Response> {
    let noted = match noted.noted {
        Some(text) => Some(text.parse().map_err(|error: NotAHash| {
            malformed(format_args!("noted: {error}")).into_response()
        })?),
        None => None,
    };
    app.service()
        .verify_audit(noted)
        .await
        .map(Json)
        .map_err(ServiceError::into_response)
}

/// What was noted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Noted {
    noted: Option<String>,
}
