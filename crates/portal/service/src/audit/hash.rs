//! The hash that chains an entry to the one before it.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// SHA-256 (FIPS 180-4) of an entry and of all entries before it; written as 64 hexadecimal
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuditHash([u8; 32]);

impl AuditHash {
    /// What stands for the hash of the entry before the first.
    pub const BEFORE_THE_FIRST: Self = Self([0; 32]);

    /// The hash with these octets.
    pub const fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// Its octets.
    pub const fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for AuditHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for AuditHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditHash({self})")
    }
}

/// Not a hash of the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is not a hash of the audit log, which has 64 hexadecimal digits")]
pub struct NotAHash;

impl FromStr for AuditHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut octets = [0; 32];
        hex::decode_to_slice(text, &mut octets).map_err(|_| NotAHash)?;
        Ok(Self(octets))
    }
}

impl TryFrom<String> for AuditHash {
    type Error = NotAHash;

    fn try_from(text: String) -> Result<Self, NotAHash> {
        text.parse()
    }
}

impl From<AuditHash> for String {
    fn from(hash: AuditHash) -> Self {
        hash.to_string()
    }
}
