//! Forms: only those that this portal made for this browser.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use url::form_urlencoded;

use super::cookies::Seal;
use super::failure::Failure;
use super::visit::{LoggedIn, Visit};
use crate::app::App;

/// Bytes of a form: a list with every certificate of a card ticked fits.
const LIMIT: usize = 32 * 1024;
/// Fields of a form.
const MAX_FIELDS: usize = 128;

/// The fields of a form, in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads the fields of a body (URL Standard, application/x-www-form-urlencoded).
    pub(crate) async fn read(request: Request, limit: usize) -> Result<Self, Failure> {
        const FORM: &str = "application/x-www-form-urlencoded";
        let kind = request.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case(FORM) {
            return Err(Failure::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let body = to_bytes(request.into_body(), limit)
            .await
            .map_err(|_| Failure::Status(StatusCode::PAYLOAD_TOO_LARGE))?;
        let fields: Vec<_> = form_urlencoded::parse(&body)
            .take(MAX_FIELDS + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if fields.len() > MAX_FIELDS {
            return Err(Failure::Status(StatusCode::PAYLOAD_TOO_LARGE));
        }
        Ok(Self(fields))
    }

    /// The value of a field, the first of several.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The values of all fields of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    fn check(&self, seal: &Seal) -> Result<(), Failure> {
        match self.one("csrf") {
            Some(token) if seal.is_on(token) => Ok(()),
            _ => Err(Failure::Forgery),
        }
    }
}

/// A form of a session's page.
#[derive(Debug)]
pub(crate) struct SessionForm {
    pub(crate) holder: LoggedIn,
    pub(crate) fields: Fields,
}

impl FromRequest<App> for SessionForm {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let (visit, fields) = read(request, app).await?;
        let token = visit.session.as_ref().ok_or(Failure::SessionOver)?;
        fields.check(&Seal::of_session(token))?;
        Ok(Self {
            holder: LoggedIn::of(visit).await?,
            fields,
        })
    }
}

/// A form of the test page.
#[derive(Debug)]
pub(crate) struct VisitorForm {
    pub(crate) visit: Visit,
    pub(crate) seal: Seal,
}

impl FromRequest<App> for VisitorForm {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let (visit, fields) = read(request, app).await?;
        let seal = visit.seal().ok_or(Failure::Forgery)?;
        fields.check(&seal)?;
        Ok(Self { visit, seal })
    }
}

async fn read(request: Request, app: &App) -> Result<(Visit, Fields), Failure> {
    let main = app.places().main.origin().ascii_serialization();
    check_origin(request.headers(), &main)?;
    let (mut parts, body) = request.into_parts();
    let visit = Visit::from_request_parts(&mut parts, app).await?;
    let fields = Fields::read(Request::from_parts(parts, body), LIMIT).await?;
    Ok((visit, fields))
}

/// Browsers say where a form that is posted comes from (Fetch, "append a request `Origin`
/// header").
fn check_origin(headers: &HeaderMap, expected: &str) -> Result<(), Failure> {
    match headers.get(ORIGIN) {
        Some(origin) if origin.as_bytes() == expected.as_bytes() => Ok(()),
        _ => Err(Failure::Forgery),
    }
}
