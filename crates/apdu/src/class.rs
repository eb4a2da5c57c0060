//! The class byte CLA (ISO/IEC 7816-4 §5.4.1).

use core::fmt;

/// How secure messaging is indicated in an interindustry class byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SecureMessaging {
    /// No secure messaging, or no indication.
    #[default]
    None,
    /// A proprietary secure messaging format (first interindustry values only).
    Proprietary,
    /// Secure messaging per ISO/IEC 7816-4, command header not processed.
    Iso,
    /// Secure messaging per ISO/IEC 7816-4, command header authenticated (first values only).
    IsoHeaderAuthenticated,
}

/// A class byte. Every byte value has exactly one `Class`, and [`Class::byte`] gives it back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Class(u8);

/// Which family a class byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClassKind {
    /// `000x xxxx`: logical channels 0 to 3.
    FirstInterindustry,
    /// `01xx xxxx`: logical channels 4 to 19.
    FurtherInterindustry,
    /// `001x xxxx`: reserved for future use.
    Reserved,
    /// `1xxx xxxx` except `FF`.
    Proprietary,
    /// `FF`: never a class (it starts a PPS exchange).
    Invalid,
}

impl Class {
    /// `00`: interindustry, last or only command of a chain, no secure messaging, channel 0.
    pub const ISO: Self = Self(0x00);

    const CHAINING: u8 = 0x10;

    /// The class with this byte.
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte)
    }

    /// The byte as it goes over the wire.
    pub const fn byte(self) -> u8 {
        self.0
    }

    /// The interindustry class for logical channel `channel` (0 to 19), or `None` outside.
    pub const fn on_channel(channel: u8) -> Option<Self> {
        match channel {
            0..=3 => Some(Self(channel)),
            4..=19 => Some(Self(0x40 | (channel - 4))),
            _ => None,
        }
    }

    /// The family this byte belongs to.
    #[inline]
    pub const fn kind(self) -> ClassKind {
        match self.0 {
            0xFF => ClassKind::Invalid,
            0x80..=0xFE => ClassKind::Proprietary,
            0x40..=0x7F => ClassKind::FurtherInterindustry,
            0x20..=0x3F => ClassKind::Reserved,
            0x00..=0x1F => ClassKind::FirstInterindustry,
        }
    }

    /// Whether this is an interindustry class (first or further values).
    #[inline]
    pub const fn is_interindustry(self) -> bool {
        matches!(
            self.kind(),
            ClassKind::FirstInterindustry | ClassKind::FurtherInterindustry
        )
    }

    /// Whether bit 5 says "not the last command of a chain". In proprietary classes the bit has
    /// no defined meaning and this is `false`.
    #[inline]
    pub const fn is_chained(self) -> bool {
        self.is_interindustry() && self.0 & Self::CHAINING != 0
    }

    /// The same class with the chaining bit set or cleared. Proprietary, reserved and invalid
    /// classes are returned unchanged.
    #[must_use]
    #[inline]
    pub const fn chained(self, more: bool) -> Self {
        if !self.is_interindustry() {
            self
        } else if more {
            Self(self.0 | Self::CHAINING)
        } else {
            Self(self.0 & !Self::CHAINING)
        }
    }

    /// The logical channel, 0 to 19; 0 for classes that are not interindustry.
    #[inline]
    pub const fn channel(self) -> u8 {
        match self.kind() {
            ClassKind::FirstInterindustry => self.0 & 0x03,
            ClassKind::FurtherInterindustry => (self.0 & 0x0F) + 4,
            _ => 0,
        }
    }

    /// The secure-messaging indication.
    #[inline]
    pub const fn secure_messaging(self) -> SecureMessaging {
        match self.kind() {
            ClassKind::FirstInterindustry => match (self.0 >> 2) & 0x03 {
                1 => SecureMessaging::Proprietary,
                2 => SecureMessaging::Iso,
                3 => SecureMessaging::IsoHeaderAuthenticated,
                _ => SecureMessaging::None,
            },
            ClassKind::FurtherInterindustry if self.0 & 0x20 != 0 => SecureMessaging::Iso,
            _ => SecureMessaging::None,
        }
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Class({:02X})", self.0)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_interindustry_classes_carry_channel_chaining_and_secure_messaging() {
        let class = Class::from_byte(0x1D);
        assert_eq!(class.kind(), ClassKind::FirstInterindustry);
        assert_eq!(class.channel(), 1);
        assert!(class.is_chained());
        assert_eq!(
            class.secure_messaging(),
            SecureMessaging::IsoHeaderAuthenticated
        );
    }

    #[test]
    fn further_interindustry_classes_count_channels_from_four() {
        let class = Class::from_byte(0x7F);
        assert_eq!(class.channel(), 19);
        assert!(class.is_chained());
        assert_eq!(class.secure_messaging(), SecureMessaging::Iso);
        assert_eq!(Class::on_channel(19), Some(Class::from_byte(0x4F)));
        assert_eq!(Class::on_channel(20), None);
    }

    #[test]
    fn every_byte_survives_and_the_chaining_bit_is_set_only_where_it_has_a_meaning() {
        for byte in 0..=0xFF {
            let class = Class::from_byte(byte);
            assert_eq!(class.byte(), byte);
            if class.is_interindustry() {
                assert!(class.chained(true).is_chained());
                assert!(!class.chained(false).is_chained());
                assert_eq!(class.chained(true).channel(), class.channel());
            } else {
                assert_eq!(class.chained(true), class);
                assert!(!class.is_chained());
            }
        }
    }
}
