//! RSA paddings, for cards that have none (RFC 8017): encoded for signatures, decoded after
//! decipherment. No private key is ever here; that part is the card's.

mod hash;
mod oaep;
mod pkcs1;
mod pss;

pub use hash::{Hash, check_digest_info};
pub use oaep::decode as oaep_decode;
pub use pkcs1::{decode as pkcs1_decode, encode as pkcs1_encode};
pub use pss::encode as pss_encode;

/// Why something cannot be padded, or was not padded as expected.
///
/// A failed decoding has one error only: telling what was wrong would let an attacker decipher
/// by asking (RFC 8017 §7.1.2 and §7.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PaddingError {
    /// The input does not fit the key.
    #[error("the input has {length} bytes; with this padding the key takes at most {longest}")]
    TooLong {
        /// How long the input is, in bytes.
        length: usize,
        /// How long it may be, in bytes.
        longest: usize,
    },
    /// The digest has another length than the hash function gives.
    #[error("the digest has {length} bytes; {hash} gives {expected}")]
    DigestLength {
        /// The hash function.
        hash: Hash,
        /// How long the digest is, in bytes.
        length: usize,
        /// How long it must be, in bytes.
        expected: usize,
    },
    /// What is to be signed as a DigestInfo is none.
    #[error("the input is no DigestInfo (RFC 8017 §9.2): {0}")]
    NoDigestInfo(&'static str),
    /// The key is too short for this padding.
    #[error("the key is too short for this padding")]
    KeyTooShort,
    /// The input of the bare operation is not as long as the modulus.
    #[error("the input has {length} bytes; without padding it must have {expected}")]
    NotModulusLength {
        /// How long the input is, in bytes.
        length: usize,
        /// How long it must be, in bytes.
        expected: usize,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
    /// What was deciphered is not padded as expected.
    #[error("what was deciphered is not padded as expected: wrong key, wrong padding, or damage")]
    Decoding,
}

/// `data`, combined with the mask that MGF1 makes of `seed` (RFC 8017 §B.2.1).
fn mask(hash: Hash, seed: &[u8], data: &mut [u8]) {
    for (counter, block) in (0_u32..).zip(data.chunks_mut(hash.len())) {
        let mask = hash.digest_of(&[seed, &counter.to_be_bytes()]);
        for (byte, mask) in block.iter_mut().zip(&mask) {
            *byte ^= mask;
        }
    }
}
