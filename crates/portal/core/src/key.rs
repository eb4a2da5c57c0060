//! The key that a holder logs in with, wherever it is: on a card, as a rule.

use thiserror::Error;

use kortlab_issuer::DocumentError;
use kortlab_issuer::public_key::PublicKey;

/// A private key and the certificate that goes with it. Whoever carries a log-in to the portal
/// (this process, or a TLS handshake) asks it to sign what proves that the holder has it.
pub trait LogInKey {
    /// The certificate to log in with, DER.
    fn certificate(&self) -> &[u8];

    /// Signs `message`, which is not hashed yet.
    ///
    /// # Errors
    /// The key did not sign: no card, a wrong PIN, a scheme it does not know.
    fn sign(&mut self, scheme: LogInScheme, message: &[u8]) -> Result<Vec<u8>, KeyRefused>;
}

/// How a key signs a log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogInScheme {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2): TLS 1.2, and a portal in this process.
    Pkcs1Sha256,
    /// RSASSA-PSS with SHA-256, MGF1 with the same, and a salt as long as the digest (RFC 8446
    /// §4.2.3, rsa_pss_rsae_sha256): TLS 1.3, which has no other for RSA keys.
    PssSha256,
}

impl LogInScheme {
    /// Checks a signature made this way by the key `key` belongs to.
    ///
    /// # Errors
    /// It does not verify.
    pub fn verify(
        self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), DocumentError> {
        let what = "the log-in";
        match self {
            Self::Pkcs1Sha256 => key.verify_sha256(what, message, signature),
            Self::PssSha256 => key.verify_pss_sha256(what, message, signature),
        }
    }
}

/// The key did not sign, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct KeyRefused {
    /// The reason, for people; nothing secret.
    pub message: String,
}
