//! Why a call of the service does not succeed, and the answers that say so (RFC 9457).

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kortlab_portal_api::{Problem, problem};
use kortlab_portal_core::PortalError;
use thiserror::Error;

/// Why a call does not succeed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The portal refuses it.
    #[error(transparent)]
    Refused(#[from] PortalError),
    /// What was done could not be stored, and so was not done.
    #[error("the portal cannot store anything now; try again in a while")]
    Store,
    /// An administrator has planned this failure.
    #[error("this failed on purpose: an administrator has planned it")]
    OnPurpose,
    /// An administrator has planned that no answer comes; the connection has been cut.
    #[error("no answer comes, on purpose: an administrator has planned it")]
    NoAnswer,
    /// An instance that only reads does not know the present.
    #[error(
        "this instance only reads what the portal writes, and has not reached its store for too long; ask another instance, or try again in a while"
    )]
    Behind,
    /// Something broke inside the portal.
    #[error("something broke inside the portal; its log says what")]
    Internal,
}

impl ServiceError {
    /// A stable name: [`PortalError::code`], or `store`, `on-purpose`, `internal`.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(error) => error.code(),
            Self::Store => "store",
            Self::Behind => "behind",
            Self::OnPurpose | Self::NoAnswer => "on-purpose",
            Self::Internal => "internal",
        }
    }

    /// What it says in Swedish, where a holder can run into it.
    pub fn swedish(&self) -> Option<String> {
        match self {
            Self::Refused(error) => error.swedish(),
            Self::Store => {
                Some("Portalen kan inte spara något just nu. Försök igen om en stund.".to_owned())
            }
            Self::OnPurpose | Self::NoAnswer | Self::Behind | Self::Internal => {
                Some("Något gick fel i portalen. Försök igen.".to_owned())
            }
        }
    }

    /// The status of an answer that says so (RFC 9110 §15).
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.problem().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The problem document that says so.
    pub fn problem(&self) -> Problem {
        let (status, title) = match self {
            Self::Refused(error) => return Problem::from(error),
            Self::Store => (503, "The portal cannot store anything"),
            Self::Behind => (503, "This instance is behind"),
            Self::OnPurpose | Self::NoAnswer => (500, "A failure on purpose"),
            Self::Internal => (500, "The portal broke"),
        };
        let mut problem = Problem::new(status, self.code(), title, self.to_string());
        problem.swedish = self.swedish();
        problem
    }
}

impl IntoResponse for ServiceError {
    /// The problem document, with `Retry-After` where it is worth trying again.
    fn into_response(self) -> Response {
        let mut response = Refusal(Box::new(self.problem())).into_response();
        if matches!(self, Self::Store | Self::Behind) {
            let seconds = HeaderValue::from_static("5");
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

/// An answer that is a problem document.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) Box<Problem>);

impl Refusal {
    pub(crate) fn new(
        status: StatusCode,
        code: &str,
        title: &str,
        detail: impl core::fmt::Display,
    ) -> Self {
        let problem = Problem::new(status.as_u16(), code, title, detail.to_string());
        Self(Box::new(problem))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let content_type = [(CONTENT_TYPE, problem::CONTENT_TYPE)];
        (status, content_type, Json(*self.0)).into_response()
    }
}
