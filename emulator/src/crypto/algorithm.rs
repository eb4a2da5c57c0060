//! How the input of a private key is made.

use super::digest::Hash;

/// How the input of a private key is made. Which number an application has for it is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// The input as it is.
    Raw,
    /// PKCS#1 v1.5 padding; the host brings the DigestInfo.
    Pkcs1,
    /// The same, and the card makes the DigestInfo from a digest.
    Pkcs1Digest(Hash),
}

impl Algorithm {
    /// The digest that the algorithm works with, if it says.
    pub const fn hash(self) -> Option<Hash> {
        match self {
            Self::Pkcs1Digest(hash) => Some(hash),
            Self::Raw | Self::Pkcs1 => None,
        }
    }
}
