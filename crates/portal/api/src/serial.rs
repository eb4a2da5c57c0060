//! Serial numbers in JSON and in paths.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::SERIAL;

/// A certificate's serial number: the contents octets of the INTEGER, 1 to [`SERIAL`] of them,
/// written in hexadecimal capitals and read in either case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Serial(Vec<u8>);

/// Why a text is not a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a serial number is 1 to {SERIAL} bytes in hexadecimal")]
pub struct SerialError;

impl Serial {
    /// From the contents octets of the INTEGER.
    ///
    /// # Errors
    /// There are none, or more than [`SERIAL`].
    pub fn new(bytes: &[u8]) -> Result<Self, SerialError> {
        if (1..=SERIAL).contains(&bytes.len()) {
            Ok(Self(bytes.to_vec()))
        } else {
            Err(SerialError)
        }
    }

    /// The contents octets of the INTEGER.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        if text.len() > SERIAL * 2 {
            return Err(SerialError);
        }
        Self::new(&hex::decode(text).map_err(|_| SerialError)?)
    }
}

impl TryFrom<String> for Serial {
    type Error = SerialError;

    fn try_from(text: String) -> Result<Self, SerialError> {
        text.parse()
    }
}

impl From<Serial> for String {
    fn from(serial: Serial) -> Self {
        serial.to_string()
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(&self.0))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_read_in_either_case_and_bounded() {
        let serial: Serial = "00aB".parse().unwrap();
        assert_eq!(serial.as_bytes(), [0x00, 0xAB]);
        assert_eq!(serial.to_string(), "00AB");
        for wrong in ["", "0", "0g", "å1", &"00".repeat(SERIAL + 1)] {
            assert_eq!(wrong.parse::<Serial>(), Err(SerialError), "{wrong}");
        }
        assert_eq!(Serial::new(&[]), Err(SerialError));
    }
}
