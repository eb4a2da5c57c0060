//! What keys and PINs are for.

use core::fmt;
use core::str::FromStr;

use crate::profile::STAFF_CARD;

/// What a key and its PIN are for. How holders call it is a matter of their cards' [`profile`].
///
/// [`profile`]: crate::profile
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PinRole {
    /// It proves who the holder is, deciphers, and lets certificates be written.
    Authentication,
    /// It signs in the holder's name (non-repudiation).
    Signature,
}

impl PinRole {
    /// Both, in the order in which cards list them.
    pub const ALL: [Self; 2] = [Self::Authentication, Self::Signature];

    /// The short name used on command lines and in JSON: `auth` or `sign`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authentication => "auth",
            Self::Signature => "sign",
        }
    }

    /// The Swedish name that the holders of staff cards know: `Legitimering` or `Underskrift`.
    pub fn swedish(self) -> &'static str {
        STAFF_CARD.purpose(self).name
    }

    /// The English word: `authentication` or `signature`.
    pub const fn english(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Signature => "signature",
        }
    }
}

impl fmt::Display for PinRole {
    /// `Legitimering (authentication)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.swedish(), self.english())
    }
}

impl FromStr for PinRole {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        match text {
            "auth" | "authentication" | "legitimering" | "Legitimering" => Ok(Self::Authentication),
            "sign" | "signature" | "underskrift" | "Underskrift" => Ok(Self::Signature),
            _ => Err(UnknownRole),
        }
    }
}

/// A name that is neither `auth` nor `sign`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a PIN's name: give auth (Legitimering) or sign (Underskrift)")]
pub struct UnknownRole;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_known_by_its_short_and_its_swedish_name() {
        for role in PinRole::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(role.swedish().parse(), Ok(role));
            assert_eq!(role.english().parse(), Ok(role));
        }
        assert_eq!("puk".parse::<PinRole>(), Err(UnknownRole));
    }
}
