//! What a PC/SC function answers.

use core::fmt;

/// A return code, as `winscard` has it (PC/SC part 5 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u32);

/// The codes that this service gives, with their names.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The name of the code in `winscard.h`, if this service gives it.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// Done.
    SUCCESS = 0, "SCARD_S_SUCCESS";
    /// SCardCancel ended the wait.
    CANCELLED = 0x8010_0002, "SCARD_E_CANCELLED";
    /// No such context or handle.
    INVALID_HANDLE = 0x8010_0003, "SCARD_E_INVALID_HANDLE";
    /// A parameter cannot be understood.
    INVALID_PARAMETER = 0x8010_0004, "SCARD_E_INVALID_PARAMETER";
    /// No more of these can be kept.
    NO_MEMORY = 0x8010_0006, "SCARD_E_NO_MEMORY";
    /// The answer is longer than the caller's buffer.
    INSUFFICIENT_BUFFER = 0x8010_0008, "SCARD_E_INSUFFICIENT_BUFFER";
    /// No reader of this name.
    UNKNOWN_READER = 0x8010_0009, "SCARD_E_UNKNOWN_READER";
    /// Somebody else has the card.
    SHARING_VIOLATION = 0x8010_000B, "SCARD_E_SHARING_VIOLATION";
    /// There is no card in the reader.
    NO_SMARTCARD = 0x8010_000C, "SCARD_E_NO_SMARTCARD";
    /// The card speaks another protocol, or it was connected with another one.
    PROTO_MISMATCH = 0x8010_000F, "SCARD_E_PROTO_MISMATCH";
    /// A parameter has a value that makes no sense.
    INVALID_VALUE = 0x8010_0011, "SCARD_E_INVALID_VALUE";
    /// The command did not get through, or there is no transaction to end.
    NOT_TRANSACTED = 0x8010_0016, "SCARD_E_NOT_TRANSACTED";
    /// The reader is gone.
    READER_UNAVAILABLE = 0x8010_0017, "SCARD_E_READER_UNAVAILABLE";
    /// The service does not speak this version of the protocol.
    SERVICE_STOPPED = 0x8010_001E, "SCARD_E_SERVICE_STOPPED";
    /// The reader knows no such attribute or control code.
    UNSUPPORTED_FEATURE = 0x8010_001F, "SCARD_E_UNSUPPORTED_FEATURE";
    /// The card did not answer the reset.
    UNRESPONSIVE_CARD = 0x8010_0066, "SCARD_W_UNRESPONSIVE_CARD";
    /// The card has no power.
    UNPOWERED_CARD = 0x8010_0067, "SCARD_W_UNPOWERED_CARD";
    /// Somebody reset the card since this handle was connected.
    RESET_CARD = 0x8010_0068, "SCARD_W_RESET_CARD";
    /// The card was pulled out since this handle was connected.
    REMOVED_CARD = 0x8010_0069, "SCARD_W_REMOVED_CARD";
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:08X}", self.0),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)?;
        self.name().map_or(Ok(()), |name| write!(f, " {name}"))
    }
}

/// Why a function was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Once and for all, with this code.
    With(Code),
    /// Another handle has a transaction. Ask again when it has ended
    /// ([`Client::when_released`](crate::Client::when_released)), or give the caller
    /// [`Code::SHARING_VIOLATION`].
    Held {
        /// Whether that handle is the same client's, which cannot end the transaction while it
        /// waits for it.
        own: bool,
    },
}

impl Refusal {
    /// The code for a caller who is not kept waiting.
    pub const fn code(self) -> Code {
        match self {
            Self::With(code) => code,
            Self::Held { .. } => Code::SHARING_VIOLATION,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code().fmt(f)
    }
}

impl std::error::Error for Refusal {}

impl std::error::Error for Code {}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self::With(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_by_number_and_name() {
        let text = Code::SHARING_VIOLATION.to_string();
        assert_eq!(text, "8010000B SCARD_E_SHARING_VIOLATION");
        assert_eq!(Code(0x8010_0001).to_string(), "80100001");
        assert_eq!(format!("{:?}", Code::SUCCESS), "SCARD_S_SUCCESS");
    }
}
