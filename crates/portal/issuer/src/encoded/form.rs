//! What bytes are, told by how they begin: text in which code, DER of what kind, and whether it is
//! whole.

use der::asn1::ObjectIdentifier;
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag};

/// What a file of DER may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Certificate,
    TrustedCertificate,
    RevocationList,
    Request,
    Pkcs7,
    Pkcs12,
    PublicKey,
    PrivateKey,
    Other,
}

/// How far an object of DER goes that begins with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// To their end, or not so far.
    Whole,
    /// Beyond their end.
    Cut {
        /// How many there are.
        there: usize,
        /// How many there should be, if enough is there to tell.
        whole: Option<usize>,
    },
    /// No SEQUENCE of DER begins there, which all objects looked for here are.
    None {
        /// The first byte.
        first: u8,
    },
}

/// How far the SEQUENCE goes that the bytes begin with (X.690 §8.1.3, definite lengths).
pub(super) fn extent(bytes: &[u8]) -> Extent {
    let there = bytes.len();
    let cut = |whole| Extent::Cut { there, whole };
    let (length, header) = match bytes {
        [0x30, length @ ..=0x7F, ..] => (usize::from(*length), 2),
        [0x30, count @ 0x81..=0x84, rest @ ..] => {
            let count = usize::from(count & 0x7F);
            let Some(octets) = rest.get(..count) else {
                return cut(None);
            };
            let length = octets
                .iter()
                .fold(0, |length, octet| length << 8 | usize::from(*octet));
            (length, 2 + count)
        }
        [0x30] | [] => return cut(None),
        // Indefinite (BER), or longer than any file that is read: others say what is wrong with it.
        [0x30, ..] => return Extent::Whole,
        [first, ..] => return Extent::None { first: *first },
    };
    match header.saturating_add(length) {
        whole if whole > there => cut(Some(whole)),
        _ => Extent::Whole,
    }
}

/// What DER is, judged by how it begins; `None` where that does not tell, as with what is broken.
pub(super) fn kind_of(der: &[u8]) -> Option<Kind> {
    let outer = contents(der, Tag::Sequence)?;
    let mut reader = SliceReader::new(outer).ok()?;
    let first = Tag::peek(&reader).ok()?;
    match first {
        // ContentInfo (RFC 5652 §3): its OBJECT IDENTIFIER first, 1.2.840.113549.1.7.x.
        Tag::ObjectIdentifier => {
            let oid: ObjectIdentifier = reader.decode().ok()?;
            let pkcs7 = oid.to_string().starts_with("1.2.840.113549.1.7.");
            pkcs7.then_some(Kind::Pkcs7)
        }
        // PFX (RFC 7292 §4): version 3 and a ContentInfo. Private keys begin with a version as well.
        Tag::Integer => {
            let version = der::asn1::Uint::decode(&mut reader).ok()?;
            match (version.as_bytes(), Tag::peek(&reader).ok()?) {
                ([3], Tag::Sequence) => Some(Kind::Pkcs12),
                ([0 | 1], _) => Some(Kind::PrivateKey),
                _ => None,
            }
        }
        Tag::Sequence => {
            let inner = reader.tlv_bytes().ok()?;
            if Tag::peek(&reader).ok() == Some(Tag::BitString) {
                // SubjectPublicKeyInfo: an algorithm and a BIT STRING.
                return Some(Kind::PublicKey);
            }
            kind_of_signed(contents(inner, Tag::Sequence)?)
        }
        _ => None,
    }
}

/// What the signed part is of: TBSCertificate, TBSCertList or CertificationRequestInfo.
fn kind_of_signed(part: &[u8]) -> Option<Kind> {
    let mut reader = SliceReader::new(part).ok()?;
    let mut tags = Vec::new();
    while tags.len() < 4 && !reader.is_finished() {
        tags.push(Tag::peek(&reader).ok()?);
        reader.tlv_bytes().ok()?;
    }
    let context = |tag: &Tag| matches!(tag, Tag::ContextSpecific { .. });
    Some(match tags.as_slice() {
        // [0] version, serial number (RFC 5280 §4.1).
        [version, Tag::Integer, ..] if context(version) => Kind::Certificate,
        // Version 1: serial number, algorithm, issuer, validity. A request has the version, the
        // subject, the key, and attributes [0] (RFC 2986 §4.1).
        [Tag::Integer, Tag::Sequence, Tag::Sequence, attributes] if context(attributes) => {
            Kind::Request
        }
        // A list's version 2 is followed by algorithm, issuer and a time (RFC 5280 §5.1).
        [
            Tag::Integer,
            Tag::Sequence,
            Tag::Sequence,
            Tag::UtcTime | Tag::GeneralizedTime,
        ]
        | [
            Tag::Sequence,
            Tag::Sequence,
            Tag::UtcTime | Tag::GeneralizedTime,
            ..,
        ] => Kind::RevocationList,
        [Tag::Integer, Tag::Sequence, Tag::Sequence, Tag::Sequence] => Kind::Certificate,
        _ => return None,
    })
}

/// The contents of one object, which need not end where the bytes end.
fn contents(der: &[u8], tag: Tag) -> Option<&[u8]> {
    let mut reader = SliceReader::new(der).ok()?;
    let header = der::Header::decode(&mut reader).ok()?;
    if header.tag() != tag {
        return None;
    }
    let length = header.encoded_len().ok()?;
    let start = usize::try_from(u32::from(length)).ok()?;
    let end = start.checked_add(usize::try_from(u32::from(header.length())).ok()?)?;
    der.get(start..end)
}

pub(super) fn kind_of_label(label: &str) -> Kind {
    match label {
        "CERTIFICATE" | "X509 CERTIFICATE" => Kind::Certificate,
        "TRUSTED CERTIFICATE" => Kind::TrustedCertificate,
        "X509 CRL" | "CRL" => Kind::RevocationList,
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Kind::Request,
        "PKCS7" | "CMS" | "PKCS #7 SIGNED DATA" => Kind::Pkcs7,
        "PUBLIC KEY" | "RSA PUBLIC KEY" => Kind::PublicKey,
        _ if label.ends_with("PRIVATE KEY") => Kind::PrivateKey,
        _ => Kind::Other,
    }
}

const BEGIN: &[u8] = b"-----BEGIN ";

/// The label of the first block of PEM.
pub(super) fn first_label(bytes: &[u8]) -> Option<&str> {
    let label = bytes.get(find(bytes, BEGIN)? + BEGIN.len()..)?;
    let label = label.get(..find(label, b"-----")?)?;
    std::str::from_utf8(label).ok()
}

/// Text, whatever it is written in; `None` for what is none.
pub(super) fn text_of(bytes: &[u8]) -> Option<String> {
    if let Some((unit, units)) = utf16(bytes) {
        // A file that was cut may end with half a character.
        let (pairs, _) = units.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        return Some(String::from_utf16_lossy(&units));
    }
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        // Text around PEM may be in any code; the blocks are ASCII.
        _ if find(bytes, BEGIN).is_some() => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => String::from_utf8(bytes.to_vec())
            .ok()
            .filter(|text| !text.contains('\0')),
    }
}

/// Whether the bytes are text in UTF-16.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    utf16(bytes).is_some()
}

/// How a code unit is made of two bytes.
type Unit = fn([u8; 2]) -> u16;

/// The code units of text in UTF-16, with a byte order mark or with none: then it must have a block
/// of PEM in it, or begin with ASCII.
fn utf16(bytes: &[u8]) -> Option<(Unit, &[u8])> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => return Some((u16::from_le_bytes, rest)),
        [0xFE, 0xFF, rest @ ..] => return Some((u16::from_be_bytes, rest)),
        _ => {}
    }
    let units: [Unit; 2] = [u16::from_le_bytes, u16::from_be_bytes];
    units.into_iter().find_map(|unit| {
        let (pairs, _) = bytes.as_chunks::<2>();
        let is = |pair: &[u8; 2], wanted: u8| unit(*pair) == u16::from(wanted);
        let begins = || {
            let mut parts = pairs.windows(BEGIN.len());
            parts.any(|part| part.iter().zip(BEGIN).all(|(pair, byte)| is(pair, *byte)))
        };
        let is_ascii = |pair: &[u8; 2]| matches!(unit(*pair), 0x09 | 0x0A | 0x0D | 0x20..0x7F);
        let start = pairs.get(..pairs.len().min(START))?;
        let is_text = start.len() >= 2 && start.iter().all(is_ascii);
        (is_text || begins()).then_some((unit, bytes))
    })
}

/// With so many characters of ASCII at the start it is text.
const START: usize = 16;

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|part| part == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_of_an_object_is_cut_and_says_how_long_it_would_be() {
        let mut object = vec![0x30, 0x82, 0x01, 0x00];
        object.resize(4 + 256, 0);
        for there in 4..object.len() {
            let whole = Some(260);
            assert_eq!(extent(&object[..there]), Extent::Cut { there, whole });
        }
        for there in 0..4 {
            let cut = Extent::Cut { there, whole: None };
            assert_eq!(extent(&object[..there]), cut);
        }
        assert_eq!(extent(&object), Extent::Whole);
        assert_eq!(
            extent(&[0x30, 0x03, 2, 1]),
            Extent::Cut {
                there: 4,
                whole: Some(5)
            }
        );
        assert_eq!(extent(&[0x30, 0]), Extent::Whole);
        assert_eq!(
            extent(&[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]),
            Extent::Cut {
                there: 6,
                whole: Some(0xFFFF_FFFF + 6)
            }
        );
        assert_eq!(extent(b"\x7F\x21"), Extent::None { first: 0x7F });
    }

    #[test]
    fn text_in_utf_16_is_told_with_and_without_a_mark_and_der_is_not_taken_for_it() {
        let text = "-----BEGIN CERTIFICATE-----\n";
        let units =
            |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<_>>();
        for bytes in [units(u16::to_le_bytes), units(u16::to_be_bytes)] {
            assert_eq!(text_of(&bytes).as_deref(), Some(text));
            // Half a character at the end does not matter.
            let half = text_of(&bytes[..bytes.len() - 1]);
            assert_eq!(half.as_deref(), text.strip_suffix('\n'));
        }
        for bytes in [
            &[0x30, 0x00][..],
            &[0x30, 0x82, 0x01, 0x00, 0x02],
            b"00A4",
            b"",
            &[0],
        ] {
            assert!(!is_utf16(bytes), "{bytes:?}");
        }
    }
}
