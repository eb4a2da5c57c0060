//! Where the result of a task goes.

use core::fmt;

use thiserror::Error;
use url::Url;

use crate::limits::URL;

/// An `https` address without user name, password and fragment. It contains the task's id, so it
/// is printed without its path.
#[derive(Clone, PartialEq, Eq)]
pub struct ReturnTo(Url);

/// Why an address is not one to send a result to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReturnToError {
    /// Too long to be looked at.
    #[error("{0} bytes; at most {URL} are read")]
    TooLong(usize),
    /// No absolute address.
    #[error("not an absolute address: {0}")]
    NotAnAddress(url::ParseError),
    /// Another scheme.
    #[error("only https is accepted")]
    NotHttps,
    /// A user name, a password or a fragment in it.
    #[error("an address with {0} is not accepted")]
    Superfluous(&'static str),
}

impl ReturnTo {
    /// Reads an address.
    ///
    /// # Errors
    /// It is not such an address.
    pub fn parse(text: &str) -> Result<Self, ReturnToError> {
        if text.len() > URL {
            return Err(ReturnToError::TooLong(text.len()));
        }
        let url = Url::parse(text).map_err(ReturnToError::NotAnAddress)?;
        if url.scheme() != "https" {
            return Err(ReturnToError::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ReturnToError::Superfluous("a user name or password"));
        }
        if url.fragment().is_some() {
            return Err(ReturnToError::Superfluous("a fragment"));
        }
        Ok(Self(url))
    }

    /// The whole address, for the form that sends the result and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// Its origin as browsers write it in `Origin` (RFC 6454 §6.2): `https://localhost:8443`.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl fmt::Debug for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReturnTo({}/…)", self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_written_as_browsers_write_it() {
        let address = ReturnTo::parse("https://LOCALHOST:443/task/secret?a=b").unwrap();
        assert_eq!(address.origin(), "https://localhost");
        assert_eq!(format!("{address:?}"), "ReturnTo(https://localhost/…)");
        let address = ReturnTo::parse("https://[::1]:8443/task/secret").unwrap();
        assert_eq!(address.origin(), "https://[::1]:8443");
    }

    #[test]
    fn nothing_else_is_an_address_to_return_to() {
        for wrong in [
            "",
            "/task/1",
            "http://localhost/task/1",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://",
            "https://user@localhost/",
            "https://:secret@localhost/",
            "https://localhost/#x",
            &format!("https://localhost/{}", "x".repeat(URL)),
        ] {
            assert!(ReturnTo::parse(wrong).is_err(), "{wrong}");
        }
    }
}
