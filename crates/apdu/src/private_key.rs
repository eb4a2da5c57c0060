//! Private keys among bytes, told by how they begin: nothing of one is shown, also if it is cut, damaged or
//! wrapped.
//!
//! ```
//! use kortlab_apdu::private_key;
//! let key = [&[0x04, 0x43, 0x30, 0x41, 0x02, 0x01, 0x00, 0x02, 0x20][..], &[0x5A; 32]].concat();
//! assert!(private_key::is_in(&key));
//! assert!(!private_key::is_in(b"the private key"));
//! ```

use core::ops::Range;

use crate::tlv::{Tag, read_one};

/// A modulus or a prime is longer than any other number of such a structure.
const LEAST_NUMBER: usize = 32;
/// A private key of elliptic curves is at least so long.
const LEAST_EC_KEY: usize = 16;
/// Versions are not higher, also damaged ones that are looked for.
const MOST_VERSION: u8 = 9;
/// A public exponent is no longer.
const MOST_EXPONENT: usize = 16;
/// How private keys begin that are not DER: OpenSSH's, text, PVK and the blobs of Windows.
const OTHERS: [&[u8]; 4] = [
    b"openssh-key-v1\0",
    b"PRIVATE KEY-----",
    &[0x1E, 0xF1, 0xB5, 0xB0],
    b"\0\0RSA2",
];
/// The algorithms of keys, as their identifiers begin: RSA's (RFC 8017), DSA's and those of elliptic curves
/// (RFC 3279, 5480 and 8410).
const OF_KEYS: [&[u8]; 6] = [
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01],
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x07],
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A],
    &[0x2A, 0x86, 0x48, 0xCE, 0x38, 0x04],
    &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02],
    &[0x2B, 0x65],
];
/// 1.2.840.113549.1.5 and 1.2.840.113549.1.12.1: encryption with a pass phrase (RFC 8018, RFC 7292).
const WITH_PASS_PHRASE: [&[u8]; 2] = [
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05],
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01],
];

/// Whether DER begins like a private key: PrivateKeyInfo and EncryptedPrivateKeyInfo (RFC 5958), RSAPrivateKey
/// (RFC 8017 §A.1.2), ECPrivateKey (RFC 5915), and DSA's as OpenSSL has it. It may be cut anywhere behind that.
pub fn begins(der: &[u8]) -> bool {
    let Some((Tag::SEQUENCE, length, inner)) = begun(der) else {
        return false;
    };
    let inner = inner.get(..length).unwrap_or(inner);
    match begun(inner) {
        Some((Tag::SEQUENCE, length, rest)) => {
            let algorithm = rest.get(..length).unwrap_or(rest);
            is_with_pass_phrase(algorithm) && is_key(rest.get(length..))
        }
        Some((Tag::INTEGER, 1, [0 | 1, behind @ ..])) if is_of_some_key(behind) => true,
        _ => begins_inside(inner),
    }
}

/// Whether a private key, or the inside of one, begins anywhere in these bytes. Linear in their number.
pub fn is_in(bytes: &[u8]) -> bool {
    next(bytes, 0).is_some()
}

/// Where private keys are in these bytes, from first to last: to the end of the object, or of the bytes where
/// that is not told.
pub fn places(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(place) = next(bytes, at) {
        at = place.end;
        places.push(place);
    }
    places
}

/// The first place behind so many bytes.
fn next(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let end = bytes.len();
    (from..end).find_map(|at| {
        let rest = bytes.get(at..)?;
        match rest.first()? {
            0x30 if begins(rest) => {
                let (_, length, inner) = begun(rest)?;
                Some(at..(end - inner.len()).saturating_add(length).min(end))
            }
            0x02 | 0x30 if begins_inside(rest) => Some(at..end),
            _ if OTHERS.iter().any(|start| rest.starts_with(start)) => Some(at..end),
            _ => None,
        }
    })
}

/// Whether these are the parts of a private key: a version and what follows it, or that alone; or numbers of an
/// RSA key, of which the second is a public exponent.
pub fn begins_inside(bytes: &[u8]) -> bool {
    let (length, rest) = match begun(bytes) {
        Some((Tag::INTEGER, length, rest)) => (length, rest),
        // The algorithm, and the key behind it.
        Some((Tag::SEQUENCE, length, rest)) => {
            let algorithm = rest.get(..length).unwrap_or(rest);
            return is_of_keys(algorithm) && is_key_in_der(rest.get(length..));
        }
        _ => return false,
    };
    match (length, rest) {
        (1, [version @ ..=MOST_VERSION, behind @ ..]) => goes_on(*version, behind),
        (LEAST_NUMBER.., _) => {
            let exponent = rest.get(length..).and_then(begun);
            let Some((Tag::INTEGER, exponent @ 1..=MOST_EXPONENT, rest)) = exponent else {
                return false;
            };
            let next = rest.get(exponent..).and_then(begun);
            matches!(next, Some((Tag::INTEGER, LEAST_NUMBER.., _)))
        }
        _ => false,
    }
}

/// Whether what stands behind the version is of a private key.
fn goes_on(version: u8, behind: &[u8]) -> bool {
    match begun(behind) {
        Some((Tag::SEQUENCE, ..)) => begins_inside(behind),
        Some((Tag::INTEGER, length, _)) => length >= LEAST_NUMBER,
        // An EF(TokenInfo) has the card's serial number there, and then no [0] or [1] with parts.
        Some((Tag::OCTET_STRING, length @ LEAST_EC_KEY.., rest)) => match rest.get(length..) {
            None | Some([]) => version == 1,
            Some(behind) => Tag::parse(behind).is_ok_and(|(tag, _)| {
                [Tag::context(0, true), Tag::context(1, true)].contains(&tag)
            }),
        },
        _ => false,
    }
}

/// Whether these are an algorithm, whichever it is, and the key behind it: nothing else goes on so behind a version
/// at the start of a SEQUENCE.
fn is_of_some_key(bytes: &[u8]) -> bool {
    let Some((Tag::SEQUENCE, length, rest)) = begun(bytes) else {
        return false;
    };
    matches!(begun(rest), Some((Tag::OBJECT_IDENTIFIER, ..))) && is_key(rest.get(length..))
}

fn is_of_keys(algorithm: &[u8]) -> bool {
    let Some((Tag::OBJECT_IDENTIFIER, _, oid)) = begun(algorithm) else {
        return false;
    };
    OF_KEYS.iter().any(|start| oid.starts_with(start))
}

fn is_with_pass_phrase(algorithm: &[u8]) -> bool {
    read_one(algorithm).is_ok_and(|object| {
        let begins = |start: &&[u8]| object.value.starts_with(start);
        object.tag == Tag::OBJECT_IDENTIFIER && WITH_PASS_PHRASE.iter().any(begins)
    })
}

/// Whether an OCTET STRING begins there, which has the key: before it nothing is secret.
fn is_key(rest: Option<&[u8]>) -> bool {
    let tag = rest.and_then(|rest| Tag::parse(rest).ok());
    matches!(tag, Some((Tag::OCTET_STRING, _)))
}

/// The same, and there is DER in it, as in all keys of [`OF_KEYS`]: a signature and an enciphered key (RFC 5652
/// §5.3 and §6.2.1) stand behind the same algorithms.
fn is_key_in_der(rest: Option<&[u8]>) -> bool {
    let Some((Tag::OCTET_STRING, length, key)) = rest.and_then(begun) else {
        return false;
    };
    let key = key.get(..length).unwrap_or(key);
    match begun(key) {
        Some((Tag::OCTET_STRING | Tag::INTEGER, inner, behind)) => {
            inner.saturating_add(key.len() - behind.len()) == length
        }
        Some((Tag::SEQUENCE, ..)) => begins(key),
        // What is cut there has nothing secret.
        _ => false,
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
    use crate::tlv::object;

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

    fn keys() -> Vec<Vec<u8>> {
        let rsa = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
        let pbes2 = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0D];
        let inner = sequence(&[version(0), number(257), vec![2, 3, 1, 0, 1], number(256)]);
        let wrapped = |key: &[u8]| object(Tag::OCTET_STRING, key);
        vec![
            sequence(&[version(0), algorithm(&rsa), wrapped(&inner)]),
            sequence(&[version(1), algorithm(&rsa), wrapped(&inner), vec![0xA0, 0]]),
            sequence(&[
                version(7),
                algorithm(&[0x2B, 0x65, 0x70]),
                wrapped(&octets(32)),
            ]),
            // Of an algorithm that nobody here knows.
            sequence(&[version(0), algorithm(&[0x2A, 0x03]), octets(600)]),
            sequence(&[algorithm(&pbes2), octets(600)]),
            sequence(&[version(0), number(257), vec![2, 3, 1, 0, 1], number(256)]),
            sequence(&[version(9), number(257), vec![2, 3, 1, 0, 1], number(256)]),
            sequence(&[version(0), number(129), number(21), number(128)]),
            sequence(&[version(1), octets(32), vec![0xA0, 0x02, 0x05, 0x00]]),
            sequence(&[version(1), octets(32)]),
        ]
    }

    #[test]
    fn a_private_key_of_each_kind_is_one_wherever_it_was_cut() {
        for key in keys() {
            // Where not even its first part is there nothing of the key is, either.
            for cut in 36..=key.len() {
                assert!(begins(&key[..cut]), "{:02X?}", &key[..cut]);
            }
            let behind = [&key[..], &[0xFF; 5]].concat();
            assert!(begins(&behind));
        }
    }

    #[test]
    fn one_is_found_wherever_it_stands_and_without_its_head() {
        let numbers = [number(257), vec![2, 3, 1, 0, 1], number(256)].concat();
        for key in keys().into_iter().chain([numbers]) {
            let wrapped = object(Tag::context(0, true), &object(Tag::OCTET_STRING, &key));
            let behind = [&b"anything \x30\x02\x01"[..], &key].concat();
            for bytes in [&key, &wrapped, &behind] {
                assert!(is_in(bytes), "{bytes:02X?}");
            }
        }
        for key in keys().iter().filter(|key| !key.ends_with(&[0x5A; 600])) {
            let (_, _, inside) = begun(key).unwrap();
            assert!(is_in(inside), "{inside:02X?}");
        }
        for other in [
            &b"x openssh-key-v1\0"[..],
            b"-----BEGIN EC PRIVATE KEY-----",
            b"\x07\x02\0\0\0\x24\0\0RSA2",
            &[0, 0x1E, 0xF1, 0xB5, 0xB0],
        ] {
            assert!(is_in(other), "{other:02X?}");
        }
    }

    #[test]
    fn a_key_ends_where_its_object_does_or_with_the_bytes() {
        let key = sequence(&[version(0), number(257)]);
        let two = [&b"ab"[..], &key, b"cd", &key[..200]].concat();
        let (first, second) = (2..2 + key.len(), 4 + key.len()..two.len());
        assert_eq!(places(&two), [first, second]);
        let whole = 0..key.len() - 4;
        assert_eq!(places(&key[4..]), std::slice::from_ref(&whole));
        assert_eq!(places(b"openssh"), []);
    }

    #[test]
    fn what_only_looks_alike_is_none() {
        let label = object(Tag::context(0, false), b"card");
        let sha256 = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
        let with_rsa = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B];
        let constraints = [version(0), algorithm(&[0x55, 0x1D, 0x0E])].concat();
        for other in [
            // EF(TokenInfo) of either version.
            sequence(&[version(0), octets(8), label.clone()]),
            sequence(&[version(1), octets(16), label]),
            // A public key, a signature of a curve, a hash with its algorithm, an algorithm of EF(TokenInfo).
            sequence(&[number(257), vec![2, 3, 1, 0, 1]]),
            sequence(&[number(32), number(32)]),
            sequence(&[algorithm(&sha256), octets(32)]),
            sequence(&[version(1), version(1), vec![0x05, 0x00]]),
            // The beginning of a certificate of version 1, and a part of one of an authority.
            sequence(&[version(5), algorithm(&with_rsa)]),
            sequence(&[version(1), algorithm(&[0x2B, 0x65, 0x70])]),
            sequence(&[version(1), algorithm(&[0x2B, 0x65, 0x70]), vec![0x30, 0x00]]),
            constraints,
            // A signature and an enciphered key in CMS, the last number before which is a serial number.
            [version(5), algorithm(OF_KEYS[0]), octets(256)].concat(),
            [algorithm(OF_KEYS[2]), octets(256)].concat(),
            [algorithm(OF_KEYS[5]), octets(64)].concat(),
            b"a PRIVATE KEY".to_vec(),
            Vec::new(),
            vec![0x30],
        ] {
            assert!(!begins(&other) && !is_in(&other), "{other:02X?}");
        }
    }

    #[test]
    fn bytes_that_only_begin_are_read_in_linear_time() {
        for byte in [0x30, 0x02] {
            assert!(!is_in(&vec![byte; 1 << 20]));
        }
        assert!(!is_in(&[0x30, 0x84, 0x02, 0x01].repeat(1 << 18)));
    }
}
