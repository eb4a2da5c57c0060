//! Private keys, told by how they begin: also what is left of one that is cut or damaged is not given out.

use kortlab_apdu::tlv::{Tag, read_one};

/// A modulus or a prime is longer than any other number of such a structure.
const LEAST_NUMBER: usize = 32;
/// A private key of elliptic curves is at least so long.
const LEAST_EC_KEY: usize = 16;
/// 1.2.840.113549.1.5 and 1.2.840.113549.1.12.1: encryption with a pass phrase (RFC 8018, RFC 7292).
const WITH_PASS_PHRASE: [&[u8]; 2] = [
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05],
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01],
];

/// Whether DER begins like a private key: PrivateKeyInfo and EncryptedPrivateKeyInfo (RFC 5958), RSAPrivateKey
/// (RFC 8017 §A.1.2), ECPrivateKey (RFC 5915), and DSA's as OpenSSL has it. It may be cut anywhere behind that.
pub fn begins_private_key(der: &[u8]) -> bool {
    let Some((Tag::SEQUENCE, length, inner)) = begun(der) else {
        return false;
    };
    let inner = inner.get(..length).unwrap_or(inner);
    match begun(inner) {
        Some((Tag::INTEGER, 1, rest)) => {
            let (version, behind) = match rest {
                [version @ (0 | 1), behind @ ..] => (*version, behind),
                _ => return false,
            };
            goes_on(version, behind)
        }
        Some((Tag::SEQUENCE, length, rest)) => {
            let algorithm = rest.get(..length).unwrap_or(rest);
            is_with_pass_phrase(algorithm) && ends_or_has(rest.get(length..), &[Tag::OCTET_STRING])
        }
        _ => false,
    }
}

/// Whether what stands behind the version is of a private key.
fn goes_on(version: u8, behind: &[u8]) -> bool {
    match begun(behind) {
        // The algorithm, and the key.
        Some((Tag::SEQUENCE, length, rest)) => {
            let is_named = matches!(begun(rest), Some((Tag::OBJECT_IDENTIFIER, ..)));
            is_named && ends_or_has(rest.get(length..), &[Tag::OCTET_STRING])
        }
        Some((Tag::INTEGER, length, _)) => length >= LEAST_NUMBER,
        // An EF(TokenInfo) has the card's serial number there, and then no [0] or [1] with parts.
        Some((Tag::OCTET_STRING, length, rest)) => {
            let parts = [Tag::context(0, true), Tag::context(1, true)];
            version == 1 && length >= LEAST_EC_KEY && ends_or_has(rest.get(length..), &parts)
        }
        _ => false,
    }
}

fn is_with_pass_phrase(algorithm: &[u8]) -> bool {
    read_one(algorithm).is_ok_and(|object| {
        let begins = |start: &&[u8]| object.value.starts_with(start);
        object.tag == Tag::OBJECT_IDENTIFIER && WITH_PASS_PHRASE.iter().any(begins)
    })
}

/// Whether nothing more is there, or one of these.
fn ends_or_has(rest: Option<&[u8]>, tags: &[Tag]) -> bool {
    match rest {
        None | Some([]) => true,
        Some(rest) => Tag::parse(rest).is_ok_and(|(tag, _)| tags.contains(&tag)),
    }
}

/// The tag, the length and what is there behind them, of an object that may be cut or have no length given.
fn begun(bytes: &[u8]) -> Option<(Tag, usize, &[u8])> {
    let (tag, length) = Tag::parse(bytes).ok()?;
    let (first, rest) = bytes.get(length..)?.split_first()?;
    let count = match first {
        0x00..=0x7F => return Some((tag, usize::from(*first), rest)),
        0x80 => return Some((tag, usize::MAX, rest)),
        0x81..=0x84 => usize::from(first & 0x7F),
        _ => return None,
    };
    let octets = rest.get(..count)?;
    let length = octets
        .iter()
        .fold(0, |length, octet| length << 8 | usize::from(*octet));
    Some((tag, length, rest.get(count..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_apdu::tlv::object;

    fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
        object(Tag::SEQUENCE, &parts.concat())
    }

    fn number(length: usize) -> Vec<u8> {
        object(Tag::INTEGER, &vec![0x5A; length])
    }

    fn version(version: u8) -> Vec<u8> {
        object(Tag::INTEGER, &[version])
    }

    fn octets(length: usize) -> Vec<u8> {
        object(Tag::OCTET_STRING, &vec![0x5A; length])
    }

    fn algorithm(oid: &[u8]) -> Vec<u8> {
        sequence(&[object(Tag::OBJECT_IDENTIFIER, oid), vec![0x05, 0x00]])
    }

    #[test]
    fn a_private_key_of_each_kind_is_one_wherever_it_was_cut() {
        let rsa = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
        let pbes2 = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0D];
        for key in [
            sequence(&[version(0), algorithm(&rsa), octets(600)]),
            sequence(&[version(1), algorithm(&rsa), octets(600), vec![0xA0, 0]]),
            sequence(&[algorithm(&pbes2), octets(600)]),
            sequence(&[version(0), number(257), vec![2, 3, 1, 0, 1], number(256)]),
            sequence(&[version(0), number(129), number(21), number(128)]),
            sequence(&[version(1), octets(32), vec![0xA0, 0x02, 0x05, 0x00]]),
            sequence(&[version(1), octets(32)]),
        ] {
            // Where not even its first part is there nothing of the key is, either.
            for cut in 24..=key.len() {
                assert!(begins_private_key(&key[..cut]), "{:02X?}", &key[..cut]);
            }
            let behind = [&key[..], &[0xFF; 5]].concat();
            assert!(begins_private_key(&behind));
        }
    }

    #[test]
    fn what_only_looks_alike_is_none() {
        let label = object(Tag::context(0, false), b"card");
        let sha256 = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
        for other in [
            // EF(TokenInfo) of either version.
            sequence(&[version(0), octets(8), label.clone()]),
            sequence(&[version(1), octets(16), label]),
            // A public key, a hash with its algorithm, an algorithm of EF(TokenInfo).
            sequence(&[number(257), vec![2, 3, 1, 0, 1]]),
            sequence(&[algorithm(&sha256), octets(32)]),
            sequence(&[version(1), version(1), vec![0x05, 0x00]]),
            Vec::new(),
            vec![0x30],
        ] {
            assert!(!begins_private_key(&other), "{other:02X?}");
        }
    }
}
