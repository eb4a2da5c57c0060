//! What went wrong between here and the portal, in words that say what to do.

use kortlab_portal_core::PortalError;
use rustls::CertificateError;
use thiserror::Error;

use crate::bounded::{Broken, Timeouts};

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

    /// Why there is no whole answer.
    pub(crate) fn of_broken(call: &str, broken: &Broken, timeouts: Timeouts) -> Self {
        let what = match broken {
            Broken::NoHttp(why) => {
                return Self::nonsense(call, format!("that is no HTTP ({why})"));
            }
            Broken::Tls(tls) => about_tls(tls),
            Broken::Unconnected(_) => format!("{broken}; is the portal running there?"),
            Broken::NotInTime => format!(
                "no connection within {} s; is the portal running there?",
                timeouts.connect.as_secs_f64()
            ),
            Broken::Late(time) => format!(
                "the answer took longer than {} s; is the portal overloaded?",
                time.as_secs_f64()
            ),
            Broken::Off(_) | Broken::Cut(_) => broken.to_string(),
        };
        Self {
            came: match broken {
                Broken::Unconnected(_) | Broken::NotInTime => Came::Nowhere,
                _ => Came::Away,
            },
            ..Self::new(call, what)
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
