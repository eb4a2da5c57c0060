//! Why a call of the service does not succeed, and what an HTTP answer says of it.

use axum::http::StatusCode;
use kortlab_issuer::portal::PortalError;
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
    /// The portal is ending.
    #[error("the portal is ending; try again when it is back")]
    Ending,
    /// An administrator has planned this failure.
    #[error("this failed on purpose: an administrator has planned it")]
    OnPurpose,
    /// An administrator has planned that no answer comes; the connection has been cut.
    #[error("no answer comes, on purpose: an administrator has planned it")]
    NoAnswer,
    /// Something broke inside the portal.
    #[error("something broke inside the portal; its log says what")]
    Internal,
}

impl ServiceError {
    /// A stable name: [`PortalError::code`], or `store`, `ending`, `on-purpose`, `internal`.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(error) => error.code(),
            Self::Store => "store",
            Self::Ending => "ending",
            Self::OnPurpose | Self::NoAnswer => "on-purpose",
            Self::Internal => "internal",
        }
    }

    /// What it says in Swedish, where a holder can run into it.
    pub fn swedish(&self) -> Option<String> {
        match self {
            Self::Refused(error) => error.swedish(),
            Self::Store | Self::Ending => {
                Some("Portalen kan inte svara just nu. Försök igen om en stund.".to_owned())
            }
            Self::OnPurpose | Self::NoAnswer | Self::Internal => {
                Some("Något gick fel i portalen. Försök igen.".to_owned())
            }
        }
    }

    /// The status of an answer that says so (RFC 9110 §15).
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Refused(error) => status(error),
            Self::Store | Self::Ending => StatusCode::SERVICE_UNAVAILABLE,
            Self::OnPurpose | Self::NoAnswer | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// 401 asks for another log-in, 403 for another certificate or card, 404 and 409 for another
/// order, 422 for another document.
fn status(error: &PortalError) -> StatusCode {
    match error.code() {
        "session-over" => StatusCode::UNAUTHORIZED,
        "hcc-log-in"
        | "not-for-log-in"
        | "unknown-certificate"
        | "certificate-not-usable"
        | "log-in-signature"
        | "key-refused"
        | "wrong-card" => StatusCode::FORBIDDEN,
        "unknown-order" | "unknown-hcc" | "unknown-card" => StatusCode::NOT_FOUND,
        "order-replayed" | "order-lapsed" | "order-not-issued" | "receipt-replayed"
        | "already-enrolled" => StatusCode::CONFLICT,
        "foreign-key"
        | "signed-with-authentication-key"
        | "signed-with-foreign-key"
        | "other-content"
        | "document" => StatusCode::UNPROCESSABLE_ENTITY,
        "issue" => match error {
            PortalError::Issue(kortlab_issuer::IssueError::AlreadyRevoked { .. }) => {
                StatusCode::CONFLICT
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        },
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
