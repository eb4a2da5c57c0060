//! What comes with a request: a token, a JSON body, a part of the path.

use core::fmt::Display;
use core::str::FromStr;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use kortlab_portal_api::{limits, parse};
use kortlab_portal_core::{PortalError, SessionToken};
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::{Refusal, ServiceError};
use crate::listener::PeerCertificate;
use crate::token::bearer;

/// The session's token, from `Authorization: Bearer` (RFC 6750 §2.1). That it is there is checked
/// here; that it is good, by the portal.
pub(super) struct Token(pub(super) SessionToken);

impl FromRequestParts<App> for Token {
    type Rejection = ServiceError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ServiceError> {
        bearer(&parts.headers)
            .and_then(SessionToken::from_text)
            .map(Self)
            .ok_or(ServiceError::Refused(PortalError::SessionOver))
    }
}

/// The certificate of the TLS handshake, DER.
pub(super) struct Certificate(pub(super) Vec<u8>);

impl FromRequestParts<App> for Certificate {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Refusal> {
        parts
            .extensions
            .get::<PeerCertificate>()
            .and_then(|certificate| certificate.0.as_deref())
            .map(|certificate| Self(certificate.to_vec()))
            .ok_or_else(no_certificate)
    }
}

/// How a refusal says that a log-in came without a certificate.
fn no_certificate() -> Refusal {
    let mut refusal = Refusal::new(
        StatusCode::UNAUTHORIZED,
        "no-certificate",
        "No client certificate",
        "this address is for a client certificate, and the TLS handshake brought none; insert the card and choose the certificate issued by Telia Card Identifier",
    );
    refusal.0.swedish = Some(
        "Inget certifikat valdes. Sätt i kortet och välj certifikatet som är utfärdat av Telia Card Identifier."
            .to_owned(),
    );
    refusal
}

/// A JSON body of type `T`; the refusal names the field that is wrong.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &App) -> Result<Self, Refusal> {
        let is_json = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        if !is_json {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type",
                "Not JSON",
                "the body must be JSON; send it with Content-Type: application/json",
            ));
        }
        let bytes = read(request, limits::REQUEST).await?;
        parse("the body", &bytes, limits::REQUEST)
            .map(Self)
            .map_err(malformed)
    }
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(request: Request, limit: usize) -> Result<Vec<u8>, Refusal> {
    axum::body::to_bytes(request.into_body(), limit)
        .await
        .map(Vec::from)
        .map_err(|_| {
            Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-long",
                "The body is too long",
                format_args!(
                    "the body is longer than {limit} bytes, or did not come to its end; send less"
                ),
            )
        })
}

/// A part of the path that is a `T`.
pub(super) struct Text<T>(pub(super) T);

impl<T: FromStr<Err: Display> + Send> FromRequestParts<App> for Text<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Path(text) = Path::<String>::from_request_parts(parts, app)
            .await
            .map_err(malformed)?;
        text.parse().map(Self).map_err(malformed)
    }
}

/// What was sent cannot be read.
pub(crate) fn malformed(error: impl Display) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "malformed",
        "The request cannot be read",
        error,
    )
}
