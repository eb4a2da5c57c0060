//! RSA private keys in the image.

use serde::{Deserialize, Serialize};

use super::hex_bytes::{HexBytes, SecretHex};

/// An RSA key pair as unsigned big-endian numbers. The private ones are test secrets: zeroised
/// when dropped and silent in `Debug`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RsaKeyImage {
    /// The modulus.
    pub n: HexBytes,
    /// The public exponent.
    pub e: HexBytes,
    /// The private exponent.
    pub d: SecretHex,
    /// The first prime.
    pub p: SecretHex,
    /// The second prime.
    pub q: SecretHex,
    /// What the card lets the key do; absent: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<KeyOperation>>,
    /// Whether each use takes a fresh verification: the PIN counts as not verified afterwards.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub user_consent: bool,
}

/// What a private key can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyOperation {
    /// PERFORM SECURITY OPERATION: COMPUTE DIGITAL SIGNATURE.
    Sign,
    /// PERFORM SECURITY OPERATION: DECIPHER.
    Decipher,
    /// INTERNAL AUTHENTICATE.
    Authenticate,
}

impl RsaKeyImage {
    /// Whether the card lets the key do this.
    pub fn allows(&self, operation: KeyOperation) -> bool {
        self.operations
            .as_ref()
            .is_none_or(|allowed| allowed.contains(&operation))
    }

    /// The length of the modulus in bits.
    pub fn bits(&self) -> usize {
        let significant = self.n.as_slice().iter().position(|&byte| byte != 0);
        let bytes = significant
            .and_then(|start| self.n.as_slice().get(start..))
            .unwrap_or_default();
        bytes
            .first()
            .map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize)
    }
}
