//! The hash functions that signatures use, and their DigestInfo.

use core::fmt;

use kortlab_apdu::tlv::{Builder, Tag, read_one};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::PaddingError;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-1: for what is old only; collisions can be made.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The length of a digest in bytes.
    #[allow(clippy::len_without_is_empty)]
    pub const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of `message`.
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        self.digest_of(&[message])
    }

    pub(super) fn digest_of(self, parts: &[&[u8]]) -> Vec<u8> {
        fn run<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
            let mut digest = D::new();
            for part in parts {
                digest.update(part);
            }
            digest.finalize().to_vec()
        }
        match self {
            Self::Sha1 => run::<Sha1>(parts),
            Self::Sha256 => run::<Sha256>(parts),
            Self::Sha384 => run::<Sha384>(parts),
            Self::Sha512 => run::<Sha512>(parts),
        }
    }

    /// The content of its object identifier (RFC 8017 §B.1).
    pub const fn identifier(self) -> &'static [u8] {
        match self {
            Self::Sha1 => &[0x2B, 0x0E, 0x03, 0x02, 0x1A],
            Self::Sha256 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
            Self::Sha384 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
            Self::Sha512 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
        }
    }

    /// The DigestInfo of a digest (RFC 8017 §9.2): the algorithm with its NULL, then the digest.
    pub fn digest_info(self, digest: &[u8]) -> Vec<u8> {
        Builder::new()
            .constructed(Tag::SEQUENCE, |info| {
                info.constructed(Tag::SEQUENCE, |algorithm| {
                    algorithm
                        .primitive(Tag::OBJECT_IDENTIFIER, self.identifier())
                        .primitive(0x05, &[])
                })
                .primitive(Tag::OCTET_STRING, digest)
            })
            .finish()
    }
}

/// Whether `info` is a DigestInfo (RFC 8017 §9.2): an AlgorithmIdentifier and a digest, which has the
/// length that its hash function gives, if that is one of [`Hash::ALL`].
///
/// # Errors
/// It is none, and what is wrong.
pub fn check_digest_info(info: &[u8]) -> Result<(), PaddingError> {
    let no = |what| Err(PaddingError::NoDigestInfo(what));
    let Ok(outer) = read_one(info) else {
        return no("it is not one object of DER");
    };
    let mut parts = outer.children();
    let (Some(Ok(algorithm)), Some(Ok(digest)), None) = (parts.next(), parts.next(), parts.next())
    else {
        return no("it is not a SEQUENCE of an algorithm and a digest");
    };
    let of_digest_info = outer.tag == Tag::SEQUENCE
        && algorithm.tag == Tag::SEQUENCE
        && digest.tag == Tag::OCTET_STRING;
    if !of_digest_info || outer.raw.len() != info.len() {
        return no("it is not a SEQUENCE of an algorithm and a digest, and nothing else");
    }
    let Some(Ok(identifier)) = algorithm.children().next() else {
        return no("its algorithm has no identifier");
    };
    if identifier.tag != Tag::OBJECT_IDENTIFIER {
        return no("its algorithm has no identifier");
    }
    let named = |hash: &Hash| hash.identifier() == identifier.value;
    match Hash::ALL.into_iter().find(named) {
        Some(hash) if digest.value.len() != hash.len() => Err(PaddingError::DigestLength {
            hash,
            length: digest.value.len(),
            expected: hash.len(),
        }),
        _ => Ok(()),
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_digest_info_of_the_right_length_is_taken_for_one() {
        for hash in Hash::ALL {
            let info = hash.digest_info(&hash.digest(b"abc"));
            assert_eq!(check_digest_info(&info), Ok(()));
            assert!(check_digest_info(&[&info[..], &[0]].concat()).is_err());
            assert!(check_digest_info(info.get(..info.len() - 1).unwrap_or(&[])).is_err());
            let short = hash.digest_info(&[1; 19]);
            assert!(matches!(
                check_digest_info(&short),
                Err(PaddingError::DigestLength { length: 19, .. })
            ));
        }
        // MD5, which is not made here.
        let md5 = "3020300c06082a864886f70d020505000410000102030405060708090a0b0c0d0e0f";
        assert_eq!(check_digest_info(&hex::decode(md5).expect("hex")), Ok(()));
        for none in [
            &[][..],
            &[0x30, 0],
            &[1; 36],
            &[0x30, 4, 0x30, 0, 4, 0],
            b"text",
        ] {
            assert!(check_digest_info(none).is_err(), "{none:02X?}");
        }
    }

    #[test]
    fn digest_infos_begin_as_rfc_8017_lists_them() {
        for (hash, prefix) in [
            (Hash::Sha1, "3021300906052b0e03021a05000414"),
            (Hash::Sha256, "3031300d060960864801650304020105000420"),
            (Hash::Sha384, "3041300d060960864801650304020205000430"),
            (Hash::Sha512, "3051300d060960864801650304020305000440"),
        ] {
            let digest = hash.digest(b"abc");
            assert_eq!(digest.len(), hash.len());
            let info = hash.digest_info(&digest);
            assert_eq!(
                hex::encode(&info),
                format!("{prefix}{}", hex::encode(&digest))
            );
        }
    }
}
