//! The authorities' own certificates, as caIssuers of the certificates name them (RFC 5280
//! §4.2.2.1).

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

use super::{Source, authority};
use crate::api;

/// `GET /ca/{name}.cer`.
pub(super) async fn fetch<S: Source>(
    State(source): State<S>,
    Path(file): Path<String>,
) -> Response {
    let Some(kind) = authority(&file, ".cer") else {
        return api::not_found().await.into_response();
    };
    // RFC 2585 §4.1.
    let headers = [
        (CONTENT_TYPE, "application/pkix-cert"),
        (CACHE_CONTROL, "public, max-age=86400"),
    ];
    (headers, source.published().certificate(kind)).into_response()
}
