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
/// No number or OCTET STRING of one is longer: 521 bits, and a sign or so.
const MOST_EC_KEY: usize = 72;
/// A modulus and a private exponent are at least so long.
const LEAST_MODULUS: usize = 48;
/// A point in a BIT STRING is at least so long.
const LEAST_POINT: usize = 16;
/// A version, and the tag and the length of what follows it.
const VERSION_AND_HEAD: usize = 5;
/// No tag and length of a number are longer.
const MOST_HEAD: usize = 8;
/// What stands before the public key of an ECPrivateKey is no longer: the key and the name of its curve.
const MOST_BEFORE_PUBLIC: usize = 96;
/// An algorithm of so many bytes has parameters with numbers.
const LEAST_PARAMETERS: usize = 64;
/// The tags of a private exponent, the primes and what follows them in PKCS#15's RSAPrivateKeyObject.
const OF_PKCS15: [Tag; 6] = [
    Tag::context(2, false),
    Tag::context(3, false),
    Tag::context(4, false),
    Tag::context(5, false),
    Tag::context(6, false),
    Tag::context(7, false),
];
/// The names of curves begin so: ANSI X9.62's, SECG's, Brainpool's and those of GM/T.
const CURVES: [&[u8]; 4] = [
    &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03],
    &[0x2B, 0x81, 0x04, 0x00],
    &[0x2B, 0x24, 0x03, 0x03],
    &[0x2A, 0x81, 0x1C, 0xCF, 0x55],
];
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
/// (RFC 8017 §A.1.2), ECPrivateKey (RFC 5915), DSA's as OpenSSL has it, and those of PKCS#15 itself. It may be cut
/// anywhere behind that.
pub fn begins(der: &[u8]) -> bool {
    begins_anywhere(der) || stands_alone(der)
}

/// The same of an object among others: an ECPrivateKey of a version and a key alone, without parameters and public
/// key, looks like the hash of a data group (ICAO 9303-10 §4.6.2.3) and what an EF(TokenInfo) says of security
/// environments, and is none there.
pub fn begins_anywhere(der: &[u8]) -> bool {
    let Some((Tag::SEQUENCE, length, inner)) = begun(der) else {
        return false;
    };
    let is_whole = length <= inner.len();
    let inner = inner.get(..length).unwrap_or(inner);
    match begun(inner) {
        Some((tag, ..)) if tag == Tag::context(0, true) => is_number_of_pkcs15(inner),
        Some((Tag::SEQUENCE, length, rest)) => {
            let algorithm = rest.get(..length).unwrap_or(rest);
            is_with_pass_phrase(algorithm) && is_key(rest.get(length..))
        }
        Some((Tag::INTEGER, 1, [0 | 1, behind @ ..])) if is_of_some_key(behind) => true,
        // Cut behind its key, where parameters and a public key would follow.
        Some((Tag::INTEGER, 1, [1, behind @ ..])) if !is_whole && is_cut_in_key(behind, length) => {
            true
        }
        Some((Tag::INTEGER, 1, [..=MOST_VERSION, behind @ ..])) if is_numbers(behind) => true,
        _ => begins_inside(inner),
    }
}

/// Whether it is an ECPrivateKey of a version and a key alone, also without its head, and no other follows.
fn stands_alone(bytes: &[u8]) -> bool {
    let (inner, behind) = match begun(bytes) {
        Some((Tag::SEQUENCE, length, inner)) => (
            inner.get(..length).unwrap_or(inner),
            inner.get(length..).unwrap_or_default(),
        ),
        _ => (bytes, &[][..]),
    };
    let Some((Tag::INTEGER, 1, [1, key @ ..])) = begun(inner) else {
        return false;
    };
    let Some((Tag::OCTET_STRING, length @ LEAST_EC_KEY.., key)) = begun(key) else {
        return false;
    };
    // A status word may follow.
    key.len().saturating_sub(length) <= 2 && behind.first() != Some(&0x30)
}

/// Whether the key of an ECPrivateKey of so many bytes is there, and the object goes on behind it.
fn is_cut_in_key(key: &[u8], whole: usize) -> bool {
    matches!(begun(key), Some((Tag::OCTET_STRING, length @ LEAST_EC_KEY.., rest))
        if rest.len() <= length && whole > length.saturating_add(VERSION_AND_HEAD))
}

/// Whether a long number is there, and then another one or nothing.
fn is_numbers(bytes: &[u8]) -> bool {
    matches!(begun(bytes), Some((Tag::INTEGER, length @ LEAST_NUMBER.., rest))
        if rest.get(length..).and_then(|behind| behind.first()).is_none_or(|tag| *tag == 0x02))
}

/// Whether the value of a private key of elliptic curves is there as PKCS#15 has it (ISO/IEC 7816-15, PKCS#15 v1.1
/// §6.3.2): `[0] { INTEGER }`.
fn is_number_of_pkcs15(bytes: &[u8]) -> bool {
    let Some((_, length, value)) = begun(bytes) else {
        return false;
    };
    matches!(begun(value), Some((Tag::INTEGER, number @ LEAST_EC_KEY..=MOST_EC_KEY, rest))
        if number.saturating_add(value.len() - rest.len()) == length)
}

/// Whether a private key, or the inside of one, begins anywhere in these bytes. Linear in their number.
pub fn is_in(bytes: &[u8]) -> bool {
    next(bytes, 0).is_some()
}

/// Where private keys are in these bytes, from first to last: to the end of the object, or of the bytes where
/// that is not told. What is found by its later parts begins before them.
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
    if from == 0 && stands_alone(bytes) {
        return Some(0..end);
    }
    (from..end).find_map(|at| {
        let rest = bytes.get(at..)?;
        let found = |before: usize| Some(at.saturating_sub(before).max(from)..end);
        match rest.first()? {
            0x30 if begins_anywhere(rest) => {
                let (_, length, inner) = begun(rest)?;
                Some(at..(end - inner.len()).saturating_add(length).min(end))
            }
            0x02 | 0x30 if begins_inside(rest) => found(0),
            0x02 | 0x81 if is_behind_exponent(rest) => found(0),
            0x30 | 0xA0 if is_cut_in_modulus(rest) => found(0),
            0x02 => rsa_from(rest, &[Tag::INTEGER; 4]).and_then(found),
            0x80 if is_rsa_of_pkcs15(rest) => found(0),
            0x82 => rsa_from(rest, &OF_PKCS15).and_then(found),
            0x83 => rsa_from(rest, OF_PKCS15.get(1..)?).and_then(found),
            0x84 => rsa_from(rest, OF_PKCS15.get(2..)?).and_then(found),
            0x04 if is_key_with_curve(rest) || is_around_key(rest) => found(0),
            0xA1 if is_public_half(rest) => found(MOST_BEFORE_PUBLIC),
            _ if OTHERS.iter().any(|start| rest.starts_with(start)) => Some(at..end),
            _ => None,
        }
    })
}

/// How many bytes before these may be of an RSA key of which the later numbers are here: the exponents and the
/// primes, one of which is half as long as the modulus. Their tags are these.
fn rsa_from(bytes: &[u8], tags: &[Tag]) -> Option<usize> {
    let mut lengths = [0; 4];
    let mut rest = Some(bytes);
    for (place, tag) in lengths.iter_mut().zip(tags) {
        let (found, length, value) = begun(rest?)?;
        if found != *tag {
            break;
        }
        *place = length;
        rest = value.get(length..);
        if rest.is_none_or(<[u8]>::is_empty) {
            break;
        }
    }
    let alike = |one: usize, other: usize| one >= LEAST_NUMBER && one.abs_diff(other) <= 2;
    let half = |whole: usize, half: usize| whole.abs_diff(half.saturating_mul(2)) <= 8;
    match lengths {
        // The private exponent and the primes, behind the public one or not.
        [1..=4, all, first, second] if half(all, first) && alike(first, second) => Some(0),
        [all, first, second, _] if half(all, first) && alike(first, second) => Some(0),
        // The primes, and the exponents and the coefficient that belong to them.
        [first, second, third, fourth]
            if alike(first, second) && alike(first, third) && alike(first, fourth) =>
        {
            Some(first.saturating_mul(2).saturating_add(MOST_HEAD))
        }
        _ => None,
    }
}

/// Whether RSAPrivateKeyObject is here, as PKCS#15 has it (PKCS#15 v1.1 §6.3.1): `[0]` to `[7]`.
fn is_rsa_of_pkcs15(bytes: &[u8]) -> bool {
    let Some((_, modulus @ LEAST_NUMBER.., rest)) = begun(bytes) else {
        return false;
    };
    let Some((tag, exponent @ 1..=MOST_EXPONENT, rest)) = rest.get(modulus..).and_then(begun)
    else {
        return false;
    };
    let next = rest.get(exponent..).and_then(begun);
    tag == Tag::context(1, false)
        && next.is_some_and(|(tag, length, _)| {
            length >= LEAST_NUMBER
                && [Tag::context(2, false), Tag::context(3, false)].contains(&tag)
        })
}

/// Whether RSAPrivateKeyObject is here, cut in its modulus: a public key has no more than twice as many bytes.
fn is_cut_in_modulus(bytes: &[u8]) -> bool {
    let Some((_, whole, inner)) = begun(bytes) else {
        return false;
    };
    matches!(begun(inner), Some((tag, length @ LEAST_MODULUS.., rest))
        if tag == Tag::context(0, false)
            && rest.len() <= length
            && whole != usize::MAX
            && whole > length.saturating_mul(2))
}

/// Whether the usual public exponent is here, and a private one behind it.
fn is_behind_exponent(bytes: &[u8]) -> bool {
    let Some((tag, 3, [1, 0, 1, behind @ ..])) = begun(bytes) else {
        return false;
    };
    let next = if tag == Tag::INTEGER {
        tag
    } else {
        Tag::context(2, false)
    };
    matches!(begun(behind), Some((tag, LEAST_MODULUS.., _)) if tag == next)
}

/// Whether the key and the parameters of an ECPrivateKey are here, which are a named curve.
fn is_key_with_curve(bytes: &[u8]) -> bool {
    let Some((_, length @ LEAST_EC_KEY..=MOST_EC_KEY, rest)) = begun(bytes) else {
        return false;
    };
    let Some((tag, whole, inner)) = rest.get(length..).and_then(begun) else {
        return false;
    };
    tag == Tag::context(0, true)
        && matches!(begun(inner), Some((Tag::OBJECT_IDENTIFIER, length, rest))
            if length.saturating_add(inner.len() - rest.len()) == whole
                && CURVES.iter().any(|start| rest.starts_with(start)))
}

/// Whether an OCTET STRING is here in which an ECPrivateKey is alone, as in PrivateKeyInfo.
fn is_around_key(bytes: &[u8]) -> bool {
    let key = begun(bytes).and_then(|(_, length, key)| key.get(..length));
    key.is_some_and(|key| {
        key.first() == Some(&0x30)
            && stands_alone(key)
            && begun(key).is_some_and(|(_, length, inner)| length == inner.len())
    })
}

/// Whether the public key of an ECPrivateKey is here, before which the private one stands.
fn is_public_half(bytes: &[u8]) -> bool {
    let Some((_, whole, inner)) = begun(bytes) else {
        return false;
    };
    matches!(begun(inner), Some((Tag::BIT_STRING, length @ LEAST_POINT.., rest @ [0, 2..=4, ..]))
        if length.saturating_add(inner.len() - rest.len()) == whole)
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
        (1, [version @ ..=MOST_VERSION, behind @ ..]) if goes_on(*version, behind) => true,
        (LEAST_NUMBER.., _) => {
            let exponent = rest.get(length..).and_then(begun);
            let Some((Tag::INTEGER, exponent @ 1..=MOST_EXPONENT, rest)) = exponent else {
                return false;
            };
            // A generator (RFC 3279 §2.3.3) is even or one byte, and its q is followed by no long number.
            let is_odd = rest.get(exponent - 1).is_some_and(|last| last & 1 == 1);
            let Some((Tag::INTEGER, private @ LEAST_NUMBER.., rest)) =
                rest.get(exponent..).and_then(begun)
            else {
                return false;
            };
            is_odd
                && (exponent > 1
                    || match rest.get(private..) {
                        None => private.saturating_mul(2) >= length,
                        Some(behind) => {
                            matches!(begun(behind), Some((Tag::INTEGER, LEAST_EC_KEY.., _)))
                        }
                    })
        }
        _ => false,
    }
}

/// Whether what stands behind the version is of a private key.
fn goes_on(version: u8, behind: &[u8]) -> bool {
    match begun(behind) {
        Some((Tag::SEQUENCE, ..)) => begins_inside(behind),
        // Behind the version of a certificate its serial number may be as long, and then its algorithm follows.
        Some((Tag::INTEGER, length @ LEAST_NUMBER.., rest)) => match rest.get(length..) {
            None | Some([]) => version <= 1,
            Some([first, ..]) => *first == 0x02,
        },
        // An EF(TokenInfo) has the card's serial number there, and then no [0] or [1] with parts.
        Some((Tag::OCTET_STRING, length @ LEAST_EC_KEY.., rest)) => {
            let behind = rest
                .get(length..)
                .and_then(|behind| Tag::parse(behind).ok());
            behind.is_some_and(|(tag, _)| {
                [Tag::context(0, true), Tag::context(1, true)].contains(&tag)
            })
        }
        _ => false,
    }
}

/// Whether these are an algorithm, whichever it is, and the key behind it: nothing else goes on so behind a version
/// at the start of a SEQUENCE.
fn is_of_some_key(bytes: &[u8]) -> bool {
    let Some((Tag::SEQUENCE, length, rest)) = begun(bytes) else {
        return false;
    };
    // DSA's parameters are so long that the key behind them may not be there.
    let is_cut = || length > rest.len() && length >= LEAST_PARAMETERS && is_of_keys(rest);
    matches!(begun(rest), Some((Tag::OBJECT_IDENTIFIER, ..)))
        && (is_key(rest.get(length..)) || is_cut())
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

    /// The private key of PKCS#15 with these tags, or DER's.
    fn parts_of_rsa(tag: impl Fn(u8) -> Tag) -> Vec<Vec<u8>> {
        let lengths = [
            (0, 256),
            (2, 256),
            (3, 128),
            (4, 128),
            (5, 128),
            (6, 128),
            (7, 128),
        ];
        let mut parts: Vec<_> = lengths
            .map(|(number, length)| object(tag(number), &vec![0x5A; length]))
            .into();
        parts.insert(1, object(tag(1), &[1, 0, 1]));
        parts
    }

    #[test]
    fn a_key_of_pkcs15_itself_is_one_wherever_it_stands() {
        let parts = parts_of_rsa(|number| Tag::context(number, false));
        for lost in 0..5 {
            let rest = parts[lost..].concat();
            assert!(
                is_in(&rest) && is_in(&object(Tag::context(0, true), &rest)),
                "{lost}"
            );
        }
        assert!(is_in(&sequence(&parts)));
        // Pieces of it: the first ends in the modulus, the second begins there.
        let whole = sequence(&parts);
        assert!(is_in(&whole[..200]) && is_in(&whole[200..400]));
        let public = sequence(&[parts[0].clone(), parts[1].clone()]);
        assert!(!is_in(&public) && !is_in(&public[..200]));
        let curve = sequence(&[object(Tag::context(0, true), &number(33)), version(8)]);
        let within = object(Tag::context(1, true), &curve);
        for cut in 30..within.len() {
            assert!(is_in(&within[..cut]));
        }
        // A public key of a card verifiable certificate, over a curve: ISO/IEC 7816-8 §6.
        let public: Vec<_> = [(1, 32), (2, 32), (3, 32), (4, 65), (5, 32), (6, 65)]
            .map(|(number, length)| object(Tag::context(number, false), &vec![0x5A; length]))
            .concat();
        assert!(!is_in(&public));
    }

    #[test]
    fn what_is_left_of_a_key_cut_in_front_or_with_a_byte_damaged_is_found() {
        let key = sequence(&[vec![version(0)], parts_of_rsa(|_| Tag::INTEGER)].concat());
        let first = key.len() - 5 * 131 - 260 - 5;
        for cut in 0..key.len() - 4 * 131 {
            let found = places(&key[cut..]);
            // All from the private exponent on.
            let secret = (first + 5).saturating_sub(cut);
            assert!(
                found.first().is_some_and(|place| place.start <= secret),
                "{cut}"
            );
        }
        let curve = object(Tag::OBJECT_IDENTIFIER, CURVES[0]);
        let point = object(Tag::BIT_STRING, &[&[0, 4][..], &[0x5A; 64]].concat());
        let [parameters, public] = [(0, curve), (1, point)]
            .map(|(number, value)| object(Tag::context(number, true), &value));
        let of_curve = sequence(&[version(1), octets(32), parameters.clone(), public.clone()]);
        for (key, head) in [
            (&key, 20),
            (&of_curve, 7),
            (&sequence(&[version(1), octets(32), public]), 7),
            (&sequence(&[version(1), octets(32), parameters]), 5),
        ] {
            for at in 0..head {
                for wrong in [0x00, 0xFF, 0x31, key[at] ^ 1, key[at] ^ 0x80] {
                    let mut damaged = key.clone();
                    damaged[at] = wrong;
                    assert!(is_in(&damaged), "{at} {wrong:02X}");
                }
            }
        }
        // The parameters of a DSA key fill a piece of it.
        let numbers = sequence(&[number(129), number(21), number(129)]);
        let dsa = sequence(&[
            object(Tag::OBJECT_IDENTIFIER, &[OF_KEYS[3], &[1]].concat()),
            numbers,
        ]);
        let key = sequence(&[version(0), dsa, object(Tag::OCTET_STRING, &number(20))]);
        assert!(begins(&key[..200]));
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
            for bytes in [&key, &wrapped] {
                assert!(is_in(bytes), "{bytes:02X?}");
            }
            // Among others a version and a key alone look like much else.
            assert_eq!(is_in(&behind), !stands_alone(&key), "{behind:02X?}");
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
            // The hashes of an EF.SOD (ICAO 9303-10 §4.6.2.3), and security environments of EF(TokenInfo).
            sequence(&[1, 2].map(|group| sequence(&[version(group), octets(32)]))),
            sequence(&[sequence(&[version(1), octets(16)])]),
            // Serial numbers of certificates that are as long as keys, also cut.
            sequence(&[
                object(Tag::context(0, true), &version(2)),
                number(64),
                algorithm(&with_rsa),
            ]),
            sequence(&[object(Tag::context(0, true), &version(2)), number(64)])[..40].to_vec(),
            // Parameters of Diffie-Hellman (RFC 3279 §2.3.3).
            sequence(&[number(256), version(2), number(32)]),
            sequence(&[number(256), version(5), number(255)]),
            sequence(&[number(256), number(256), number(32), number(225)]),
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
