//! What went wrong between here and the portal, in words that say what to do.

use std::error::Error;
use std::io;

use kortlab_portal_core::PortalError;
use rustls::CertificateError;
use thiserror::Error;

/// Why a portal cannot be used at all.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No address of a portal.
    #[error("that is not the address of a portal: {0}; give it as https://HOST:PORT")]
    Address(String),
    /// It could not be reached, or what answers is no portal.
    #[error("{0}")]
    Failed(String),
}

/// Something between here and the portal failed: the call, what happened, what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    /// As `POST /api/v1/session`.
    pub(crate) call: String,
    pub(crate) what: String,
    /// How far it came.
    pub(crate) came: Came,
}

/// How far a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// No connection was made, so that the portal never saw the request.
    Nowhere,
    /// The portal may have seen it; no whole answer came back.
    Away,
    /// Something answered, and not as a portal does.
    Back,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.call, self.what)
    }
}

impl From<Failure> for PortalError {
    fn from(failure: Failure) -> Self {
        let words = failure.to_string();
        match failure.came {
            Came::Nowhere | Came::Away => Self::Transport(words),
            Came::Back => Self::NotUnderstood(words),
        }
    }
}

impl Failure {
    pub(crate) fn new(call: &str, what: impl Into<String>) -> Self {
        Self {
            call: call.to_owned(),
            what: what.into(),
            came: Came::Away,
        }
    }

    /// An answer that is not what it should be.
    pub(crate) fn nonsense(call: &str, what: impl Into<String>) -> Self {
        Self {
            came: Came::Back,
            ..Self::new(call, what)
        }
    }

    /// What reqwest failed with. Its own text repeats the address and leaves the reasons out.
    pub(crate) fn of_request(call: &str, error: &reqwest::Error) -> Self {
        let tls = causes(error).find_map(tls_error);
        if tls.is_none() && causes(error).any(is_no_http) {
            return Self::nonsense(call, format!("that is no HTTP ({})", last(error)));
        }
        let what = match tls {
            Some(tls) => about_tls(tls),
            None if error.is_timeout() => "no answer in time; is the portal overloaded?".to_owned(),
            None if error.is_connect() => {
                format!(
                    "no connection ({}); is the portal running there?",
                    last(error)
                )
            }
            None => format!("the connection broke off ({})", last(error)),
        };
        Self {
            call: call.to_owned(),
            what,
            came: match tls.is_none() && error.is_connect() {
                true => Came::Nowhere,
                false => Came::Away,
            },
        }
    }
}

fn about_tls(error: &rustls::Error) -> String {
    match error {
        // An authority of the same name with another key makes the signature wrong.
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => {
            "the server's certificate is by an authority that was not named; give the portal's own TLS authority (tls-ca.pem in its data directory) with --ca".to_owned()
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the server's certificate is for another name; use the name it was made for".to_owned(),
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "the server's certificate is not valid today; check the date of both computers".to_owned(),
        other => format!("the TLS handshake failed ({other})"),
    }
}

/// The error and what it says was the reason, and the reason of that.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        (*error).source()
    })
}

/// rustls hands its errors through `io::Error`, which keeps them inside, one in another.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut inner = Some(error);
    while let Some(error) = inner {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        let io = error.downcast_ref::<io::Error>()?;
        inner = io.get_ref().map(|inner| inner as &(dyn Error + 'static));
    }
    None
}

/// Whether what came back is no answer of HTTP/1.1 (RFC 9112).
fn is_no_http(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<hyper::Error>();
    error.is_some_and(hyper::Error::is_parse)
}

/// The innermost reason.
fn last(error: &(dyn Error + 'static)) -> String {
    causes(error)
        .last()
        .map_or_else(String::new, ToString::to_string)
}
