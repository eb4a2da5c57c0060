//! The words of PC/SC: share modes, protocols, dispositions, states (PC/SC part 5 §3.2).

use kortlab_apdu::{Protocol, ResetKind};

use crate::code::Code;

/// How a handle shares the card with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareMode {
    /// With nobody.
    Exclusive,
    /// With everybody.
    Shared,
    /// The reader is meant, whether or not there is a card in it.
    Direct,
}

impl ShareMode {
    /// Reads `SCARD_SHARE_…`.
    pub const fn from_number(number: u32) -> Result<Self, Code> {
        match number {
            1 => Ok(Self::Exclusive),
            2 => Ok(Self::Shared),
            3 => Ok(Self::Direct),
            _ => Err(Code::INVALID_VALUE),
        }
    }

    /// The same for a connection with one of these protocols, whose absence is told first.
    pub const fn for_connecting(number: u32, preferred: Protocols) -> Result<Self, Code> {
        match Self::from_number(number) {
            Err(_) if !preferred.names_any() => Err(Code::PROTO_MISMATCH),
            mode => mode,
        }
    }
}

/// What becomes of the card when a handle is disconnected, reconnected, or ends a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Nothing.
    Leave,
    /// A warm reset.
    Reset,
    /// Its power is taken away.
    Unpower,
    /// It is thrown out, by readers that can; these cannot, so nothing.
    Eject,
}

impl Disposition {
    /// Reads `SCARD_LEAVE_CARD` and its siblings.
    pub const fn from_number(number: u32) -> Result<Self, Code> {
        match number {
            0 => Ok(Self::Leave),
            1 => Ok(Self::Reset),
            2 => Ok(Self::Unpower),
            3 => Ok(Self::Eject),
            _ => Err(Code::INVALID_VALUE),
        }
    }

    /// How it resets the card, if it does.
    pub(crate) const fn resets(self) -> Option<ResetKind> {
        match self {
            Self::Leave | Self::Eject => None,
            Self::Reset => Some(ResetKind::Warm),
            Self::Unpower => Some(ResetKind::Cold),
        }
    }
}

/// `SCARD_PROTOCOL_…`, one of them or several, as a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protocols(pub u32);

impl Protocols {
    /// None yet.
    pub const UNDEFINED: Self = Self(0);
    /// T=0.
    pub const T0: Self = Self(1);
    /// T=1.
    pub const T1: Self = Self(2);
    /// The reader's own.
    pub const RAW: Self = Self(4);
    /// What programs of old say for "any".
    pub const ANY_OLD: Self = Self(0x1000);

    /// Whether they have one in common.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it names any that there is.
    pub const fn names_any(self) -> bool {
        self.intersects(Self(
            Self::T0.0 | Self::T1.0 | Self::RAW.0 | Self::ANY_OLD.0,
        ))
    }

    /// These, with "any" spelt out.
    pub const fn spelt_out(self) -> Self {
        match self.intersects(Self::ANY_OLD) {
            true => Self(Self::T0.0 | Self::T1.0),
            false => self,
        }
    }
}

impl From<Protocol> for Protocols {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::T0 => Self::T0,
            Protocol::T1 => Self::T1,
        }
    }
}

/// The state of a reader, as bits.
pub mod state {
    /// The reader does not work.
    pub const UNKNOWN: u32 = 0x01;
    /// There is no card.
    pub const ABSENT: u32 = 0x02;
    /// There is a card.
    pub const PRESENT: u32 = 0x04;
    /// The card does not answer.
    pub const SWALLOWED: u32 = 0x08;
    /// The card has power.
    pub const POWERED: u32 = 0x10;
    /// The card was reset, and waits for the choice of a protocol.
    pub const NEGOTIABLE: u32 = 0x20;
    /// A card that has answered its reset.
    pub const READY: u32 = PRESENT | POWERED | NEGOTIABLE;
}

/// A reader as every client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderState {
    /// Its name.
    pub name: String,
    /// How many times a card was put in or pulled out, of the last 65 536.
    pub event_counter: u32,
    /// The bits of [`state`].
    pub state: u32,
    /// -1: used by one handle alone; 0: by nobody; n: shared by so many handles.
    pub sharing: i32,
    /// The answer to reset of the card, if it has given one.
    pub atr: Vec<u8>,
    /// The protocol that was chosen.
    pub protocol: Protocols,
}
