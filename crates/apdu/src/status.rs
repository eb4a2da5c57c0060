//! Status words SW1-SW2 and what they mean (ISO/IEC 7816-4 §5.6).

use crate::{ByteCount, instruction};
use core::fmt;

/// A status word, SW1-SW2.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusWord(u16);

/// What a status word asks of the sender, for those that ask something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatusKind {
    /// `9000`.
    Success,
    /// `61xx`: this many bytes (1 to 256) are waiting for GET RESPONSE.
    BytesAvailable(u16),
    /// `62xx`, and `63xx` other than `63Cx`: done, with a warning.
    Warning,
    /// `63Cx`: a counter; after a comparison of reference data, the tries left (0 to 15).
    Counter(u8),
    /// `6Cxx`: wrong Le; this many bytes (1 to 256) are there, send the command again with it.
    WrongLe(u16),
    /// `64xx` to `66xx`: execution error.
    ExecutionError,
    /// `67xx` to `6Fxx` other than `6Cxx`: checking error.
    CheckingError,
    /// Not a status word of ISO/IEC 7816-4 (SW1 is not 6x or 9x, or is `60`).
    Invalid,
    /// `9xxx` other than `9000`: proprietary.
    Proprietary,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl StatusWord { $($(#[$doc])* pub const $name: Self = Self($value);)* }
    };
}

words! {
    /// Success.
    SUCCESS = 0x9000;
    /// Part of the returned data may be corrupted.
    CORRUPTED_DATA = 0x6281;
    /// End of file reached before Ne bytes were read.
    END_OF_FILE = 0x6282;
    /// The selected file is deactivated.
    FILE_DEACTIVATED_WARNING = 0x6283;
    /// The selected file is in termination state.
    FILE_TERMINATED = 0x6285;
    /// Verification failed, number of tries not given.
    VERIFICATION_FAILED = 0x6300;
    /// Execution error, state unchanged.
    EXECUTION_ERROR = 0x6400;
    /// Memory failure.
    MEMORY_FAILURE = 0x6581;
    /// Wrong length.
    WRONG_LENGTH = 0x6700;
    /// Logical channel not supported.
    CHANNEL_NOT_SUPPORTED = 0x6881;
    /// Secure messaging not supported.
    SECURE_MESSAGING_NOT_SUPPORTED = 0x6882;
    /// The last command of the chain was expected.
    LAST_OF_CHAIN_EXPECTED = 0x6883;
    /// Command chaining not supported.
    CHAINING_NOT_SUPPORTED = 0x6884;
    /// Command incompatible with the file structure.
    INCOMPATIBLE_FILE = 0x6981;
    /// Security status not satisfied.
    SECURITY_STATUS = 0x6982;
    /// Authentication method blocked.
    BLOCKED = 0x6983;
    /// Reference data not usable.
    REFERENCE_DATA_UNUSABLE = 0x6984;
    /// Conditions of use not satisfied.
    CONDITIONS_OF_USE = 0x6985;
    /// Command not allowed: no current EF.
    NO_CURRENT_EF = 0x6986;
    /// Incorrect parameters in the command data field.
    WRONG_DATA = 0x6A80;
    /// Function not supported.
    FUNCTION_NOT_SUPPORTED = 0x6A81;
    /// File or application not found.
    FILE_NOT_FOUND = 0x6A82;
    /// Record not found.
    RECORD_NOT_FOUND = 0x6A83;
    /// Not enough memory space in the file.
    NOT_ENOUGH_MEMORY = 0x6A84;
    /// Nc inconsistent with the TLV structure.
    NC_INCONSISTENT_TLV = 0x6A85;
    /// Incorrect parameters P1-P2.
    INCORRECT_P1_P2 = 0x6A86;
    /// Nc inconsistent with parameters P1-P2.
    NC_INCONSISTENT_P1_P2 = 0x6A87;
    /// Referenced data or reference data not found.
    REFERENCE_NOT_FOUND = 0x6A88;
    /// File already exists.
    FILE_EXISTS = 0x6A89;
    /// DF name already exists.
    DF_NAME_EXISTS = 0x6A8A;
    /// Wrong parameters P1-P2 (offset outside the file).
    WRONG_P1_P2 = 0x6B00;
    /// Instruction not supported or invalid.
    INS_NOT_SUPPORTED = 0x6D00;
    /// Class not supported.
    CLASS_NOT_SUPPORTED = 0x6E00;
    /// No precise diagnosis.
    UNKNOWN = 0x6F00;
}

impl StatusWord {
    /// The status word with this value.
    pub const fn new(value: u16) -> Self {
        Self(value)
    }

    /// The status word SW1-SW2.
    pub const fn from_bytes(sw1: u8, sw2: u8) -> Self {
        Self(u16::from_be_bytes([sw1, sw2]))
    }

    /// `63Cx` with `tries` (at most 15) left.
    pub const fn tries_left(tries: u8) -> Self {
        let tries = if tries > 15 { 15 } else { tries };
        Self(0x63C0 | tries as u16)
    }

    /// `61xx`: `count` bytes are waiting; more than 255 is said as `6100`.
    pub const fn bytes_available(count: usize) -> Self {
        Self(0x6100 | if count > 255 { 0 } else { count as u16 })
    }

    /// `6Cxx`: the right Le is `count`; more than 255 is said as `6C00`.
    pub const fn wrong_le(count: usize) -> Self {
        Self(0x6C00 | if count > 255 { 0 } else { count as u16 })
    }

    /// The value as a number.
    pub const fn value(self) -> u16 {
        self.0
    }

    /// SW1.
    pub const fn sw1(self) -> u8 {
        self.0.to_be_bytes()[0]
    }

    /// SW2.
    pub const fn sw2(self) -> u8 {
        self.0.to_be_bytes()[1]
    }

    /// SW1 and SW2 as they go over the wire.
    pub const fn bytes(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }

    /// Whether this is `9000`.
    pub const fn is_success(self) -> bool {
        self.0 == 0x9000
    }

    /// Whether the command was carried out, and something is the matter with what it was about (`62xx`
    /// and `63xx`, ISO/IEC 7816-4 §5.6).
    pub const fn is_warning(self) -> bool {
        matches!(self.sw1(), 0x62 | 0x63)
    }

    /// What this status word asks of the sender.
    pub const fn kind(self) -> StatusKind {
        let count = if self.sw2() == 0 {
            256
        } else {
            self.sw2() as u16
        };
        match (self.sw1(), self.sw2()) {
            (0x90, 0x00) => StatusKind::Success,
            (0x61, _) => StatusKind::BytesAvailable(count),
            (0x63, 0xC0..=0xCF) => StatusKind::Counter(self.sw2() & 0x0F),
            (0x62 | 0x63, _) => StatusKind::Warning,
            (0x64..=0x66, _) => StatusKind::ExecutionError,
            (0x6C, _) => StatusKind::WrongLe(count),
            (0x67..=0x6F, _) => StatusKind::CheckingError,
            (0x90..=0x9F, _) => StatusKind::Proprietary,
            _ => StatusKind::Invalid,
        }
    }

    /// The meaning in words after a command with this instruction byte: what the counter of `63Cx` counts
    /// depends on it (ISO/IEC 7816-4 §5.6, and §11.3.5 of UPDATE BINARY).
    pub fn meaning_after(self, ins: u8) -> String {
        let StatusKind::Counter(count) = self.kind() else {
            return self.meaning();
        };
        match ins {
            instruction::VERIFY
            | instruction::CHANGE_REFERENCE_DATA
            | instruction::DISABLE_VERIFICATION
            | instruction::ENABLE_VERIFICATION
            | instruction::RESET_RETRY_COUNTER
            | instruction::EXTERNAL_AUTHENTICATE
            | instruction::GENERAL_AUTHENTICATE => match count {
                0 => "counter is 0: no tries left".to_owned(),
                tries => format!("counter is {tries}: tries left"),
            },
            instruction::WRITE_BINARY
            | instruction::WRITE_RECORD
            | instruction::UPDATE_BINARY
            | instruction::UPDATE_RECORD
            | instruction::APPEND_RECORD
            | instruction::ERASE_BINARY
            | instruction::ERASE_RECORD => match count {
                0 => "warning: written after the card had to try again".to_owned(),
                count => {
                    format!("warning: written after the card had to try again; counter is {count}")
                }
            },
            _ => format!("warning: counter is {count}"),
        }
    }

    /// The meaning in words, as ISO/IEC 7816-4 tables 5 and 6 give it.
    pub fn meaning(self) -> String {
        let fixed = match self.0 {
            0x9000 => "success",
            0x6200 => "warning, no information given",
            0x6281 => "part of the returned data may be corrupted",
            0x6282 => "end of file reached before Ne bytes were read",
            0x6283 => "the selected file is deactivated",
            0x6284 => "file control information is not formatted as the standard says",
            0x6285 => "the selected file is terminated",
            0x6286 => "no input data available from a sensor",
            0x6300 => "warning: state changed, no information given; often: verification failed",
            0x6381 => "the file was filled up by the last write",
            0x6400 => "execution error, state unchanged",
            0x6401 => "immediate response required by the card",
            0x6500 => "execution error, state changed",
            0x6581 => "memory failure",
            0x6700 => "wrong length",
            0x6800 => "function in the class byte not supported",
            0x6881 => "logical channel not supported",
            0x6882 => "secure messaging not supported",
            0x6883 => "last command of the chain expected",
            0x6884 => "command chaining not supported",
            0x6900 => "command not allowed",
            0x6981 => "command incompatible with the file structure",
            0x6982 => "security status not satisfied: a PIN must be verified first",
            0x6983 => "authentication method blocked",
            0x6984 => "reference data not usable",
            0x6985 => "conditions of use not satisfied",
            0x6986 => "command not allowed: no current EF",
            0x6987 => "expected secure messaging data objects missing",
            0x6988 => "incorrect secure messaging data objects",
            0x6A00 => "wrong parameters P1-P2",
            0x6A80 => "incorrect parameters in the command data field",
            0x6A81 => "function not supported",
            0x6A82 => "file or application not found",
            0x6A83 => "record not found",
            0x6A84 => "not enough memory space in the file or on the card",
            0x6A85 => "Nc inconsistent with the TLV structure",
            0x6A86 => "incorrect parameters P1-P2",
            0x6A87 => "Nc inconsistent with parameters P1-P2",
            0x6A88 => "referenced data or reference data not found",
            0x6A89 => "file already exists",
            0x6A8A => "DF name already exists",
            0x6B00 => "wrong parameters P1-P2: outside the file",
            0x6D00 => "instruction not supported or invalid",
            0x6E00 => "class not supported",
            0x6F00 => "no precise diagnosis",
            _ => "",
        };
        if !fixed.is_empty() {
            return fixed.to_owned();
        }
        match (self.kind(), self.sw1()) {
            (StatusKind::BytesAvailable(256), _) => {
                "256 or more bytes are waiting for GET RESPONSE".to_owned()
            }
            (StatusKind::BytesAvailable(count), _) => {
                let verb = if count == 1 { "is" } else { "are" };
                format!("{} {verb} waiting for GET RESPONSE", ByteCount(count))
            }
            (StatusKind::Counter(count), _) => {
                format!("warning: counter is {count}; after a PIN, the tries left")
            }
            (StatusKind::WrongLe(count), _) => {
                let verb = if count == 1 { "is" } else { "are" };
                format!("wrong Le: {} {verb} there", ByteCount(count))
            }
            (_, 0x62) if (0x02..=0x80).contains(&self.sw2()) => {
                format!("warning: the card has a query of {} bytes", self.sw2())
            }
            (_, 0x62) => "warning, state unchanged".to_owned(),
            (_, 0x63) => "warning, state changed".to_owned(),
            (_, 0x64) if (0x02..=0x80).contains(&self.sw2()) => {
                format!(
                    "aborted: the card first wants an answer to a query of {} bytes",
                    self.sw2()
                )
            }
            (_, 0x64) => "execution error, state unchanged".to_owned(),
            (_, 0x65) => "execution error, state changed".to_owned(),
            (_, 0x66) => "execution error, security-related".to_owned(),
            (_, 0x68) => "function in the class byte not supported".to_owned(),
            (_, 0x69) => "command not allowed".to_owned(),
            (_, 0x6A) => "wrong parameters P1-P2".to_owned(),
            (StatusKind::CheckingError, _) => {
                "checking error, not defined by ISO 7816-4".to_owned()
            }
            (StatusKind::Proprietary, _) => "proprietary status".to_owned(),
            _ => "not a status word".to_owned(),
        }
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusWord({:04X})", self.0)
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl From<u16> for StatusWord {
    fn from(value: u16) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_words_that_carry_a_number_give_it() {
        assert_eq!(
            StatusWord::new(0x6100).kind(),
            StatusKind::BytesAvailable(256)
        );
        assert_eq!(
            StatusWord::new(0x611A).kind(),
            StatusKind::BytesAvailable(26)
        );
        assert_eq!(StatusWord::new(0x63C2).kind(), StatusKind::Counter(2));
        assert_eq!(StatusWord::new(0x6C14).kind(), StatusKind::WrongLe(20));
        assert_eq!(StatusWord::bytes_available(257).value(), 0x6100);
        assert_eq!(StatusWord::tries_left(200).value(), 0x63CF);
    }

    #[test]
    fn a_counter_is_of_tries_only_after_a_command_that_compares_a_pin() {
        let counted = StatusWord::new(0x63C1);
        let of = |ins| counted.meaning_after(ins);
        assert_eq!(of(instruction::VERIFY), "counter is 1: tries left");
        for ins in [
            instruction::UPDATE_BINARY,
            instruction::CREATE_FILE,
            instruction::DELETE_FILE,
            instruction::SELECT,
        ] {
            assert!(!of(ins).contains("tries left"), "{ins:02X}: {}", of(ins));
        }
        assert!(of(instruction::UPDATE_BINARY).contains("written after"));
        let refused = StatusWord::FILE_NOT_FOUND;
        assert_eq!(
            refused.meaning_after(instruction::SELECT),
            refused.meaning()
        );
    }

    #[test]
    fn every_status_word_has_a_meaning() {
        for value in 0..=u16::MAX {
            assert!(!StatusWord::new(value).meaning().is_empty(), "{value:04X}");
        }
    }
}
