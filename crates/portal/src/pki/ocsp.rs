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

use super::authority;
use super::published::Asked;
use crate::api;
use crate::api::body::read;
use crate::app::App;
use crate::error::ServiceError;
use crate::listener::Connection;
use crate::operation::Operation;

/// The longest request that is read, as `ocsp::Request::parse` has it.
const LIMIT: usize = 8 * 1024;
/// Caches on the way ask again after a minute: a receipt that was just signed is then seen.
const MAX_AGE: u64 = 60;

/// `POST /ocsp/{name}`.
pub(super) async fn post(
    State(app): State<App>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let Some(kind) = authority(&name, "") else {
        return api::not_found().await.into_response();
    };
    answer(&app, kind, read(request, LIMIT).await.ok()).await
}

/// `GET /ocsp/{name}/{base64 of the request}`.
pub(super) async fn get(
    State(app): State<App>,
    Path((name, request)): Path<(String, String)>,
) -> Response {
    let Some(kind) = authority(&name, "") else {
        return api::not_found().await.into_response();
    };
    answer(&app, kind, STANDARD.decode(request).ok()).await
}

/// Answers what was sent, if anything was that is short enough and base64 where it should be.
async fn answer(app: &App, kind: AuthorityKind, der: Option<Vec<u8>>) -> Response {
    match app.service().fail_before(Operation::Ocsp).await {
        Ok(None) => {}
        Ok(Some(_)) => {
            Connection::cut_current();
            return ServiceError::NoAnswer.into_response();
        }
        Err(error) => return error.into_response(),
    }
    let Some(der) = der else {
        return refuse(app, Refusal::MalformedRequest);
    };
    let now = app.now();
    if let Some(answer) = app.service().published().cached_answer(kind, &der, now) {
        app.metrics().ocsp(answer.asked.name(), true);
        return respond(answer.der, true);
    }
    let Ok(request) = ocsp::Request::parse(&der) else {
        return refuse(app, Refusal::MalformedRequest);
    };
    let responder = match app.service().responder(kind).await {
        Ok(responder) => responder,
        Err(_) => return refuse(app, Refusal::TryLater),
    };
    let published = app.service().published();
    let (answer, asked) = published.answer(&responder, &request, &der, now);
    app.metrics().ocsp(asked.name(), false);
    respond(answer, request.nonce().is_none() && asked != Asked::Nothing)
}

fn refuse(app: &App, refusal: Refusal) -> Response {
    let name = match refusal {
        Refusal::MalformedRequest => "malformed-request",
        Refusal::InternalError => "internal-error",
        Refusal::TryLater => "try-later",
        Refusal::Unauthorized => "unauthorized",
    };
    app.metrics().ocsp(name, false);
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
