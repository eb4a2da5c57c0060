//! The security environment: which keys and algorithms the next operation works with
//! (ISO/IEC 7816-4 §10.3.3).

use crate::crypto::Algorithm;
use crate::crypto::digest::Hash;
use crate::fs::FileId;

/// A file that was seen to be a key file when it was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyReference(pub FileId);

/// What the next security operation works with. Power-off and reset empty it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SecurityEnvironment {
    /// Digital signature template, B6.
    pub signature: Option<KeyTemplate>,
    /// Confidentiality template, B8.
    pub confidentiality: Option<KeyTemplate>,
    /// Authentication template, A4.
    pub authentication: Option<KeyTemplate>,
    /// Hash template, AA.
    pub hash: Option<Hash>,
    /// What PSO: HASH left for the next signature.
    pub digest: Option<Digest>,
}

/// A key and how it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyTemplate {
    /// The key file.
    pub key: KeyReference,
    /// How input is padded.
    pub algorithm: Algorithm,
}

/// A digest that waits to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    /// Which digest it is; unknown if the host brought a complete DigestInfo.
    pub hash: Option<Hash>,
    /// The digest, or the DigestInfo.
    pub value: Vec<u8>,
}

impl SecurityEnvironment {
    /// Forgets every key: a file was deleted, and its place may be taken by another.
    pub fn forget_files(&mut self) {
        self.signature = None;
        self.confidentiality = None;
        self.authentication = None;
    }
}
