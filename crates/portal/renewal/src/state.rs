//! The states that cards are made in.

use core::fmt;
use core::str::FromStr;

/// The states in which `card new` makes a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CardState {
    /// The card OS and nothing else: no PKCS#15 application, no PINs, no keys.
    Blank,
    /// PINs and keys, no certificates.
    BlankSlots,
    /// Carrier certificates only.
    Delivered,
    /// Two blue and two pink certificates, all valid.
    Valid,
    /// The HCCs have expired: where the user guide begins.
    Expired,
    /// The HCCs are revoked.
    Revoked,
    /// Carrier certificates, and no room for anything more.
    Full,
    /// As valid, but both PINs are blocked; the PUK is not.
    Blocked,
}

impl CardState {
    /// All states, in the order of a card's life.
    pub const ALL: [Self; 8] = [
        Self::Blank,
        Self::BlankSlots,
        Self::Delivered,
        Self::Valid,
        Self::Expired,
        Self::Revoked,
        Self::Full,
        Self::Blocked,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::BlankSlots => "blank-slots",
            Self::Delivered => "delivered",
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Full => "full",
            Self::Blocked => "blocked",
        }
    }

    /// What it means, in one line.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Blank => "the card OS and nothing else: no PKCS#15, no PINs, no keys",
            Self::BlankSlots => "PINs and keys, no certificates",
            Self::Delivered => "the two carrier certificates only",
            Self::Valid => "two carrier certificates and two HCCs, all valid",
            Self::Expired => "the HCCs have expired: where the user guide begins",
            Self::Revoked => "the HCCs are revoked",
            Self::Full => "carrier certificates, and no room for anything more",
            Self::Blocked => "as valid, but both PINs are blocked; the PUK unblocks them",
        }
    }

    pub(crate) const fn has_hcc(self) -> bool {
        matches!(
            self,
            Self::Valid | Self::Expired | Self::Revoked | Self::Blocked
        )
    }

    pub(crate) const fn has_carrier_certificates(self) -> bool {
        !matches!(self, Self::Blank | Self::BlankSlots)
    }
}

impl fmt::Display for CardState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no state {0:?}; there are: blank, blank-slots, delivered, valid, expired, revoked, full, blocked"
)]
pub struct UnknownState(String);

impl FromStr for CardState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| UnknownState(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_known_by_its_name_and_the_error_names_them_all() {
        let error = "?".parse::<CardState>().unwrap_err().to_string();
        for state in CardState::ALL {
            assert_eq!(state.name().parse(), Ok(state));
            assert!(error.contains(state.name()), "{error}");
        }
    }
}
