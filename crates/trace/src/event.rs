//! What a trace consists of: [`Event`]s.

use core::fmt;
use core::time::Duration;
use std::time::SystemTime;

use kortlab_apdu::ByteCount;
use kortlab_apdu::channel::Occasion;
use kortlab_apdu::{Protocol, ResetKind};
use zeroize::Zeroizing;

use crate::mask;

/// Something that happened between a program and a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What the card is called, where a trace is about several.
    pub card: Option<String>,
    /// When it happened, if that is known.
    pub time: Option<SystemTime>,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, PartialEq, Eq)]
pub enum What {
    /// This is the card: its answer to reset and its protocol, as far as they are known.
    Card {
        /// The answer to reset.
        atr: Vec<u8>,
        /// The protocol.
        protocol: Option<Protocol>,
    },
    /// The card is a virtual one, and what tells the image that it was made of from others, as it was
    /// at this moment.
    Image {
        /// The fingerprint of the image.
        fingerprint: [u8; 32],
    },
    /// The card was reset, or its power switched.
    Occasion(Occasion),
    /// The program sent this.
    Command(Sent),
    /// The card answered this, its status word included.
    Answer {
        /// The bytes.
        bytes: Zeroizing<Vec<u8>>,
        /// How long that took, if it is known.
        after: Option<Duration>,
    },
    /// No answer came.
    NoAnswer {
        /// Why, in words.
        why: String,
        /// After what time that was clear, if it is known.
        after: Option<Duration>,
    },
}

/// A command as a trace has it: all its bytes, or those before what may be a PIN or a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sent {
    shown: Zeroizing<Vec<u8>>,
    hidden: usize,
}

impl Event {
    /// Something that happened just now.
    pub fn now(card: Option<String>, what: What) -> Self {
        Self {
            card,
            time: Some(SystemTime::now()),
            what,
        }
    }
}

impl Sent {
    /// A command with all its bytes.
    pub fn whole(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            shown: Zeroizing::new(bytes.into()),
            hidden: 0,
        }
    }

    /// A command of which so many bytes at its end are not known.
    pub fn cut(shown: impl Into<Vec<u8>>, hidden: usize) -> Self {
        Self {
            shown: Zeroizing::new(shown.into()),
            hidden,
        }
    }

    /// The command without what may be a PIN or a key.
    pub fn masked(bytes: &[u8]) -> Self {
        let (shown, hidden) = match mask::cut(bytes) {
            Some(cut) => bytes.split_at_checked(cut).unwrap_or((bytes, &[])),
            None => (bytes, &[][..]),
        };
        Self::cut(shown, hidden.len())
    }

    /// The same command without what may be a PIN or a key, whether or not it had it.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let masked = Self::masked(&self.shown);
        Self {
            hidden: masked.hidden.saturating_add(self.hidden),
            ..masked
        }
    }

    /// The bytes that are known: all, or the first ones.
    pub fn shown(&self) -> &[u8] {
        &self.shown
    }

    /// How many bytes follow that are not known.
    pub const fn hidden(&self) -> usize {
        self.hidden
    }

    /// All bytes, if they are known.
    pub fn bytes(&self) -> Option<&[u8]> {
        (self.hidden == 0).then_some(&self.shown)
    }

    /// Whether some of the known bytes may be a PIN or a key.
    pub fn shows_secrets(&self) -> bool {
        mask::cut(&self.shown).is_some()
    }

    /// How many bytes it has, shown or not.
    pub fn length(&self) -> usize {
        self.shown.len().saturating_add(self.hidden)
    }

    /// Whether these bytes are this command, as far as it is known.
    pub fn is(&self, command: &[u8]) -> bool {
        command.len() == self.length() && command.starts_with(&self.shown)
    }
}

impl fmt::Debug for Sent {
    /// Without what may be a PIN or a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = self.without_secrets();
        f.write_str(&hex::encode_upper(&*masked.shown))?;
        match masked.hidden {
            0 => Ok(()),
            hidden => write!(f, " and {}", ByteCount(hidden)),
        }
    }
}

impl fmt::Debug for What {
    /// Without what a card answered: it may have deciphered something.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card { atr, protocol } => f
                .debug_struct("Card")
                .field("atr", &hex::encode_upper(atr))
                .field("protocol", protocol)
                .finish(),
            Self::Image { fingerprint } => f
                .debug_tuple("Image")
                .field(&hex::encode_upper(fingerprint))
                .finish(),
            Self::Occasion(occasion) => f.debug_tuple("Occasion").field(occasion).finish(),
            Self::Command(sent) => f.debug_tuple("Command").field(sent).finish(),
            Self::Answer { bytes, .. } => write!(f, "Answer({})", ByteCount(bytes.len())),
            Self::NoAnswer { why, .. } => f.debug_tuple("NoAnswer").field(why).finish(),
        }
    }
}

/// The word of a protocol in the text of a trace.
pub(crate) const fn protocol_word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::T0 => "T=0",
        Protocol::T1 => "T=1",
    }
}

/// The words of an occasion in the text of a trace.
pub(crate) const fn occasion_words(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Reset(ResetKind::Cold) => "RESET: cold",
        Occasion::Reset(ResetKind::Warm) => "RESET: warm",
        Occasion::PowerOn => "POWER: on",
        Occasion::PowerOff => "POWER: off",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_pin_even_of_a_command_that_has_it() {
        let verify = b"\x00\x20\x00\x81\x06123456";
        let sent = Sent::whole(verify);
        assert!(sent.shows_secrets());
        assert_eq!(format!("{sent:?}"), "0020008106 and 6 bytes");
        assert_eq!(sent.without_secrets(), Sent::masked(verify));
        assert_eq!(Sent::masked(verify).without_secrets(), Sent::masked(verify));
        assert!(Sent::masked(verify).is(verify));
        assert!(!Sent::masked(verify).is(&verify[..10]));
    }
}
