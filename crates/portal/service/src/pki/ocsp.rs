//! OCSP over HTTP (RFC 6960 Appendix A.1), by POST and by GET.

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::ocsp::{self, Refusal};

use super::{Source, authority};
use crate::api;
use crate::api::body::read;
use crate::error::ServiceError;
use crate::listener::Connection;
use crate::operation::Operation;
use crate::published::Asked;

/// The longest request that is read, as `ocsp::Request::parse` has it.
const LIMIT: usize = 8 * 1024;
/// Caches on the way ask again after a minute: a receipt that was just signed is then seen.
const MAX_AGE: u64 = 60;

/// `POST /ocsp/{name}`.
pub(super) async fn post<S: Source>(
    State(source): State<S>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let Some(kind) = authority(&name, "") else {
        return api::not_found().await.into_response();
    };
    answer(&source, kind, read(request, LIMIT).await.ok()).await
}

/// `GET /ocsp/{name}/{base64 of the request}`.
pub(super) async fn get<S: Source>(
    State(source): State<S>,
    Path((name, request)): Path<(String, String)>,
) -> Response {
    let Some(kind) = authority(&name, "") else {
        return api::not_found().await.into_response();
    };
    answer(&source, kind, STANDARD.decode(request).ok()).await
}

/// Answers what was sent, if anything was that is short enough and base64 where it should be.
async fn answer(source: &impl Source, kind: AuthorityKind, der: Option<Vec<u8>>) -> Response {
    match source.is_cut(Operation::Ocsp).await {
        Ok(false) => {}
        Ok(true) => {
            Connection::cut_current();
            return ServiceError::NoAnswer.into_response();
        }
        Err(error) => return error.into_response(),
    }
    let Some(der) = der else {
        return refuse(source, Refusal::MalformedRequest);
    };
    let now = source.as_of();
    // First, so that nothing is given again by who knows too little of the present.
    let responder = match source.responder(kind).await {
        Ok(responder) => responder,
        Err(_) => return refuse(source, Refusal::TryLater),
    };
    let published = source.published();
    if let Some(answer) = published.cached_answer(kind, &der, now) {
        source.metrics().ocsp(answer.asked.name(), true);
        return respond(answer.der, true);
    }
    let Ok(request) = ocsp::Request::parse(&der) else {
        return refuse(source, Refusal::MalformedRequest);
    };
    let (answer, asked) = published.answer(&responder, &request, &der, now);
    source.metrics().ocsp(asked.name(), false);
    respond(answer, request.nonce().is_none() && asked != Asked::Nothing)
}

fn refuse(source: &impl Source, refusal: Refusal) -> Response {
    let name = match refusal {
        Refusal::MalformedRequest => "malformed-request",
        Refusal::InternalError => "internal-error",
        Refusal::TryLater => "try-later",
        Refusal::Unauthorized => "unauthorized",
    };
    source.metrics().ocsp(name, false);
    respond(Bytes::copy_from_slice(&refusal.to_der()), false)
}

/// Status 200 also with a refusal: it is the OCSPResponse that says so.
fn respond(der: Bytes, may_be_kept: bool) -> Response {
    let caching = match may_be_kept {
        true => format!("public, no-transform, must-revalidate, max-age={MAX_AGE}"),
        false => "no-store".to_owned(),
    };
    let headers = [
        (CONTENT_TYPE, "application/ocsp-response".to_owned()),
        (CACHE_CONTROL, caching),
    ];
    (StatusCode::OK, headers, der).into_response()
}
