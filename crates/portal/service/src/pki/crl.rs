//! CRLs (RFC 5280 §5) over HTTP (RFC 2585).

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::{Source, authority};
use crate::api;
use crate::error::ServiceError;
use crate::listener::Connection;
use crate::operation::Operation;

/// Caches ask again after five minutes: a revocation is then seen everywhere.
const MAX_AGE: u64 = 300;

/// `GET /crl/{name}.crl`.
pub(super) async fn fetch<S: Source>(
    State(source): State<S>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(kind) = authority(&file, ".crl") else {
        return api::not_found().await.into_response();
    };
    match source.is_cut(Operation::Crl).await {
        Ok(false) => {}
        Ok(true) => {
            Connection::cut_current();
            return ServiceError::NoAnswer.into_response();
        }
        Err(error) => return error.into_response(),
    }
    let (crl, cached) = match source.crl(kind).await {
        Ok(found) => found,
        Err(error) => return error.into_response(),
    };
    source.metrics().crl(kind.name(), cached);
    let fresh = crl.fresh_for(source.as_of()).as_secs().min(MAX_AGE);
    let caching = [
        (CACHE_CONTROL, format!("public, max-age={fresh}")),
        (ETAG, crl.etag.clone()),
    ];
    if headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .any(|asked| names(asked, &crl.etag))
    {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    // RFC 2585 §4.2.
    let content_type = [(CONTENT_TYPE, "application/pkix-crl")];
    (content_type, caching, crl.der.clone()).into_response()
}

/// Whether `If-None-Match` names this entity tag (RFC 9110 §13.1.2: weakly compared).
fn names(asked: &HeaderValue, etag: &str) -> bool {
    asked.to_str().is_ok_and(|asked| {
        asked
            .split(',')
            .map(|one| one.trim().trim_start_matches("W/"))
            .any(|one| one == etag || one == "*")
    })
}
