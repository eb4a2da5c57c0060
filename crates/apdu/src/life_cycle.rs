//! The life cycle status byte (ISO/IEC 7816-4 §7.4.10), of a card or a file.

use core::fmt;

/// What a life cycle status byte says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LifeCycle {
    /// `00`: nothing.
    NotGiven,
    /// `01`: creation state.
    Creation,
    /// `03`: initialisation state.
    Initialisation,
    /// `05` or `07`: operational state, activated.
    Activated,
    /// `04` or `06`: operational state, deactivated.
    Deactivated,
    /// `0C` to `0F`: termination state.
    Terminated,
    /// `10` and above: proprietary.
    Proprietary(u8),
    /// Any other value: reserved for future use.
    Reserved(u8),
}

impl LifeCycle {
    /// The state that this byte codes.
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            0x00 => Self::NotGiven,
            0x01 => Self::Creation,
            0x03 => Self::Initialisation,
            0x05 | 0x07 => Self::Activated,
            0x04 | 0x06 => Self::Deactivated,
            0x0C..=0x0F => Self::Terminated,
            0x10..=0xFF => Self::Proprietary(byte),
            _ => Self::Reserved(byte),
        }
    }
}

impl fmt::Display for LifeCycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGiven => f.write_str("not given"),
            Self::Creation => f.write_str("creation"),
            Self::Initialisation => f.write_str("initialisation"),
            Self::Activated => f.write_str("activated"),
            Self::Deactivated => f.write_str("deactivated"),
            Self::Terminated => f.write_str("terminated"),
            Self::Proprietary(byte) => write!(f, "proprietary ({byte:02X})"),
            Self::Reserved(byte) => write!(f, "reserved ({byte:02X})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_of_the_table_are_told_apart() {
        let texts: Vec<_> = [0x01, 0x03, 0x07, 0x06, 0x0F, 0x10, 0x02]
            .map(|byte| LifeCycle::from_byte(byte).to_string())
            .into();
        assert_eq!(
            texts,
            [
                "creation",
                "initialisation",
                "activated",
                "deactivated",
                "terminated",
                "proprietary (10)",
                "reserved (02)"
            ]
        );
    }
}
