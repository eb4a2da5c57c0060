//! Response APDUs (ISO/IEC 7816-4 §5.1): data, then SW1 SW2.

use crate::error::{Error, ErrorKind};
use crate::status::StatusWord;

/// A response APDU: up to 65 536 bytes of data and a status word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    data: Vec<u8>,
    status: StatusWord,
}

impl Response {
    /// A response with data and a status word.
    pub fn new(data: impl Into<Vec<u8>>, status: StatusWord) -> Self {
        Self {
            data: data.into(),
            status,
        }
    }

    /// A response that is a status word alone.
    pub const fn status_only(status: StatusWord) -> Self {
        Self {
            data: Vec::new(),
            status,
        }
    }

    /// `9000` with a copy of this data, with room behind it for the status word.
    pub fn copy_of(data: &[u8]) -> Self {
        let mut copy = Vec::with_capacity(data.len() + 2);
        copy.extend_from_slice(data);
        Self::success(copy)
    }

    /// Data and `9000`.
    pub fn success(data: impl Into<Vec<u8>>) -> Self {
        Self::new(data, StatusWord::SUCCESS)
    }

    /// Parses a response APDU: everything before the last two bytes is data.
    ///
    /// # Errors
    /// Fewer than two bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let Some((data, &[sw1, sw2])) = bytes.split_last_chunk::<2>() else {
            return Err(Error::new(
                ErrorKind::Truncated {
                    what: "status word",
                    needed: 2,
                    available: bytes.len(),
                },
                0,
            ));
        };
        Ok(Self::new(data, StatusWord::from_bytes(sw1, sw2)))
    }

    /// The data field.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The data field, by value.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// The status word.
    pub const fn status(&self) -> StatusWord {
        self.status
    }

    /// Whether the status word is `9000`.
    pub const fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// The bytes as they go over the wire.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.data.len() + 2);
        bytes.extend_from_slice(&self.data);
        bytes.extend_from_slice(&self.status.bytes());
        bytes
    }

    /// The same, without a copy where there is room behind the data.
    pub fn into_bytes(self) -> Vec<u8> {
        let mut bytes = self.data;
        bytes.reserve_exact(2);
        bytes.extend_from_slice(&self.status.bytes());
        bytes
    }
}

impl From<StatusWord> for Response {
    fn from(status: StatusWord) -> Self {
        Self::status_only(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_two_bytes_are_the_status_word() {
        let response = Response::parse(&[0xAA, 0x61, 0x05]).expect("a response");
        assert_eq!(response.data(), [0xAA]);
        assert_eq!(response.status().value(), 0x6105);
        assert_eq!(response.encode(), [0xAA, 0x61, 0x05]);
        assert_eq!(response.into_bytes(), [0xAA, 0x61, 0x05]);
    }

    #[test]
    fn a_copy_of_data_goes_out_with_success() {
        let response = Response::copy_of(&[0xAA, 0xBB]);
        assert_eq!(response.encode(), [0xAA, 0xBB, 0x90, 0x00]);
        assert_eq!(response.into_bytes(), [0xAA, 0xBB, 0x90, 0x00]);
    }

    #[test]
    fn a_single_byte_is_no_response() {
        assert!(Response::parse(&[0x90]).is_err());
        assert!(Response::parse(&[]).is_err());
    }
}
