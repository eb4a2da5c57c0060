//! Digests and their DigestInfo (RFC 8017 §9.2, notes 1 and 2).

use sha1::{Digest as _, Sha1};
use sha2::Sha256;

/// The digests the card computes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
}

impl Hash {
    /// The length of the digest in bytes.
    pub const fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The digest of `message`.
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(message).to_vec(),
            Self::Sha256 => Sha256::digest(message).to_vec(),
        }
    }

    /// The DER encoding of DigestInfo around `digest`; `None` if it is not [`Hash::size`] bytes
    /// long.
    pub fn digest_info(self, digest: &[u8]) -> Option<Vec<u8>> {
        (digest.len() == self.size()).then(|| [self.prefix(), digest].concat())
    }

    const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Sha1 => &[
                0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04,
                0x14,
            ],
            Self::Sha256 => &[
                0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                0x01, 0x05, 0x00, 0x04, 0x20,
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4, the one-block example "abc".
    #[test]
    fn digests_are_those_of_fips_180() {
        assert_eq!(
            hex::encode(Hash::Sha1.digest(b"abc")),
            "a9993e364706816aba3e25717850c26c9cd0d89d"
        );
        assert_eq!(
            hex::encode(Hash::Sha256.digest(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_digest_info_is_a_complete_der_value_and_a_digest_of_another_length_has_none() {
        for hash in [Hash::Sha1, Hash::Sha256] {
            let info = hash
                .digest_info(&vec![0xA5; hash.size()])
                .expect("the right length");
            let read = kortlab_apdu::tlv::read_one(&info).expect("one DER value");
            assert_eq!(read.value.len() + 2, info.len());
            assert_eq!(hash.digest_info(&vec![0; hash.size() - 1]), None);
            assert_eq!(hash.digest_info(&[]), None);
        }
    }
}
