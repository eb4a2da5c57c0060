//! Web origins, compared exactly: scheme, host and port (RFC 6454 §5).

use core::fmt;
use core::str::FromStr;

use url::Url;

/// The origin of a portal's pages, as browsers write it in the `Origin` header: lower case, an
/// international name in its ASCII form, the scheme's own port left out (RFC 6454 §6.2).
///
/// It is always `https`: of a page that came another way nobody knows who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// Why a text is not the origin of a portal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// It is no URL.
    #[error("it is no URL: {0}; write it as https://portal.example:8443")]
    Url(#[from] url::ParseError),
    /// Another scheme than `https`.
    #[error("it begins with {0}:, not with https:")]
    Scheme(String),
    /// A user name or a password.
    #[error("it holds a user name or a password, which an origin has not")]
    Credentials,
    /// A path, query or fragment.
    #[error("it goes on after the host and the port; an origin ends there")]
    Path,
}

impl Origin {
    /// As the `Origin` header has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    /// An origin alone, without a path: `https://portal.example:8443`.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let url = Url::parse(text)?;
        if url.scheme() != "https" {
            return Err(OriginError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::Credentials);
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(OriginError::Path);
        }
        Ok(Self(url.origin().ascii_serialization()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Result<String, OriginError> {
        text.parse::<Origin>().map(|origin| origin.0)
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (given, written) in [
            ("https://portal.example", "https://portal.example"),
            ("https://portal.example:443/", "https://portal.example"),
            ("HTTPS://Portal.Example:8443", "https://portal.example:8443"),
            (
                "https://härnösand.example",
                "https://xn--hrnsand-5wa8n.example",
            ),
            ("https://127.0.0.1:8443", "https://127.0.0.1:8443"),
            ("https://[::1]:8443", "https://[::1]:8443"),
        ] {
            assert_eq!(origin(given).as_deref(), Ok(written), "{given}");
        }
    }

    #[test]
    fn what_nobody_can_vouch_for_is_refused() {
        for text in [
            "",
            "null",
            "*",
            "portal.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "http://portal.example",
            "http://localhost",
            "https://anna@portal.example",
            "https://portal.example@evil.example",
            "https://portal.example/path",
            "https://portal.example?query",
            "https://portal.example#fragment",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
