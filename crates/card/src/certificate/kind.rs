//! What the content of a certificate's file is, where it is no certificate.

use core::fmt;

use kortlab_apdu::tlv::{Reader, Tag, Tlv, read_one};
use kortlab_apdu::{ByteCount, private_key};

use super::{CertificateInfo, at_start};

/// How a private key in OpenSSH's own form begins.
const OPENSSH_KEY: &[u8] = b"openssh-key-v1\0";

/// How many wrappers around a certificate are looked through.
const MAX_WRAPPERS: usize = 4;

/// What the content of a certificate's file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentKind {
    /// A certificate that is whole, however it is written inside.
    Certificate,
    /// Nothing: no bytes, or only `00` or only `FF` ones.
    Empty,
    /// A certificate that ends before it is complete.
    Cut {
        /// How many bytes it says it has.
        needed: usize,
    },
    /// A stream of zlib (RFC 1950), which some cards keep certificates in.
    Zlib,
    /// A file of gzip (RFC 1952), which PIV cards keep certificates in.
    Gzip,
    /// A certificate in another data object: `53` and `70` (PIV), `04` (an OCTET STRING), …
    Wrapped {
        /// The tag of the outermost one.
        tag: u32,
        /// Where the certificate starts.
        at: usize,
    },
    /// A certificate behind other bytes, such as a length or filler.
    Behind {
        /// How many there are.
        at: usize,
    },
    /// Text, PEM: `-----BEGIN …`.
    Pem,
    /// A message of PKCS #7 (RFC 5652).
    Pkcs7,
    /// A private key, or what is left of one. Its bytes are not given out.
    PrivateKey,
    /// A public key.
    PublicKey,
    /// A certificate revocation list, or a certification request.
    OtherSigned,
    /// An object in BER whose length is not given (X.690 §8.1.3.6), which DER does not have: perhaps
    /// a certificate that its issuer's program wrote so.
    Indefinite {
        /// Its tag.
        tag: u32,
    },
    /// Another data object.
    Object {
        /// Its tag.
        tag: u32,
    },
    /// Nothing that is known.
    Unknown,
}

impl ContentKind {
    /// What `content` is.
    pub fn of(content: &[u8]) -> Self {
        if content.iter().all(|byte| *byte == 0x00) || content.iter().all(|byte| *byte == 0xFF) {
            return Self::Empty;
        }
        if at_start(content).is_some_and(|der| CertificateInfo::parse(der).is_some()) {
            return Self::Certificate;
        }
        if let Some(label) = content.strip_prefix(b"-----BEGIN ") {
            let label = label.split(|byte| *byte == b'-').next().unwrap_or_default();
            return match label.ends_with(b"PRIVATE KEY") {
                true => Self::PrivateKey,
                false => Self::Pem,
            };
        }
        let filler = |byte: &&u8| matches!(byte, 0x00 | 0xFF);
        let behind_filler = content.iter().take_while(filler).count();
        if content.starts_with(OPENSSH_KEY)
            || content
                .get(behind_filler..)
                .is_some_and(private_key::begins)
        {
            return Self::PrivateKey;
        }
        match content {
            [0x1F, 0x8B, 0x08, ..] => return Self::Gzip,
            [method, flags, ..] if is_zlib(*method, *flags) => return Self::Zlib,
            _ => {}
        }
        if matches!(content, [0x00 | 0xFF, ..])
            && let Some(behind) = Self::behind(content)
        {
            return behind;
        }
        if let Some(needed) = cut(content) {
            return Self::Cut { needed };
        }
        if let Ok(outer) = read_one(content) {
            return Self::of_object(&outer);
        }
        if let Some(behind) = Self::behind(content) {
            return behind;
        }
        match content {
            [
                tag @ (0x20..=0x3E | 0x60..=0x7E | 0xA0..=0xBE | 0xE0..=0xFE),
                0x80,
                ..,
            ] => Self::Indefinite {
                tag: u32::from(*tag),
            },
            _ => Self::Unknown,
        }
    }

    fn of_object(outer: &Tlv<'_>) -> Self {
        let children: Vec<_> = outer.children().map_while(Result::ok).take(12).collect();
        let tags: Vec<_> = children.iter().map(|child| child.tag.value()).collect();
        match (outer.tag.value(), tags.as_slice()) {
            (0x30, [0x06, 0xA0]) => Self::Pkcs7,
            // RSAPrivateKey with numbers of any length.
            (0x30, [0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, ..]) => Self::PrivateKey,
            (0x30, [0x02, 0x02] | [0x30, 0x03]) => Self::PublicKey,
            (0x30, [0x30, 0x30, 0x03]) => Self::OtherSigned,
            (tag, _) => match certificate_in(outer, MAX_WRAPPERS) {
                Some(at) => Self::Wrapped { tag, at },
                None => Self::Object { tag },
            },
        }
    }

    /// A certificate behind filler or a header of up to eight bytes.
    fn behind(content: &[u8]) -> Option<Self> {
        let filler = content
            .iter()
            .take_while(|byte| matches!(byte, 0x00 | 0xFF))
            .count();
        (1..=8).chain([filler]).find_map(|at| {
            let der = at_start(content.get(at..)?)?;
            CertificateInfo::parse(der).map(|_| Self::Behind { at })
        })
    }

    /// Whether its bytes must not be given out.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::PrivateKey)
    }
}

impl fmt::Display for ContentKind {
    /// `zlib data (RFC 1950): a compressed certificate, perhaps`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate => f.write_str("a certificate"),
            Self::Empty => f.write_str("empty: only 00 or FF bytes"),
            Self::Cut { needed } => write!(
                f,
                "cut short: it begins like a certificate of {needed} bytes and ends before"
            ),
            Self::Zlib => f.write_str("zlib data (RFC 1950), perhaps a compressed certificate"),
            Self::Gzip => f.write_str("gzip data (RFC 1952), perhaps a compressed certificate"),
            Self::Wrapped { tag, at } => write!(
                f,
                "a certificate wrapped in a data object with the tag {tag:02X}; it starts at byte \
                 {at}"
            ),
            Self::Behind { at } => write!(
                f,
                "{} of something else, and a certificate behind",
                ByteCount(*at)
            ),
            Self::Pem => f.write_str("PEM text, not DER"),
            Self::Pkcs7 => f.write_str("a PKCS #7 message"),
            Self::PrivateKey => f.write_str("a private key"),
            Self::Indefinite { tag } => write!(
                f,
                "an object {tag:02X} in BER, of indefinite length, and not DER: if it is a \
                 certificate, few programs load it"
            ),
            Self::PublicKey => f.write_str("a public key"),
            Self::OtherSigned => {
                f.write_str("something signed that is no certificate: a list or a request")
            }
            Self::Object { tag } => write!(f, "a data object with the tag {tag:02X}"),
            Self::Unknown => f.write_str("nothing that is known"),
        }
    }
}

/// RFC 1950 §2.2: deflate with a window of at most 32 kB, and a check over the two bytes.
fn is_zlib(method: u8, flags: u8) -> bool {
    method & 0x0F == 8
        && method >> 4 <= 7
        && (u16::from(method) << 8 | u16::from(flags)).is_multiple_of(31)
}

/// How many bytes the SEQUENCE takes that starts here and ends before it is complete.
fn cut(content: &[u8]) -> Option<usize> {
    let (Ok((Tag::SEQUENCE, 1)), Err(_)) = (Tag::parse(content), read_one(content)) else {
        return None;
    };
    let (length, header) = match *content.get(1..)? {
        [length @ 0x20..=0x7F, ..] => (usize::from(length), 2),
        [0x81, length, ..] => (usize::from(length), 3),
        [0x82, high, low, ..] => (usize::from(high) << 8 | usize::from(low), 4),
        _ => return None,
    };
    // A certificate goes on with the SEQUENCE of its body.
    let goes_on = content.get(header).is_none_or(|byte| *byte == 0x30);
    goes_on.then_some(header + length)
}

/// Where in `outer` a certificate starts, itself or deeper.
fn certificate_in(outer: &Tlv<'_>, levels: usize) -> Option<usize> {
    let levels = levels.checked_sub(1)?;
    let elements = Reader::new(outer.value).at(outer.value_offset());
    elements.map_while(Result::ok).take(8).find_map(|element| {
        if element.tag == Tag::SEQUENCE && CertificateInfo::parse(element.raw).is_some() {
            return Some(element.offset);
        }
        certificate_in(&element, levels)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_apdu::tlv::object;

    /// The outline of a certificate, which is enough to be taken for one.
    fn certificate() -> Vec<u8> {
        let empty = || object(Tag::SEQUENCE, &[0x05, 0x00]);
        let body = [
            object(Tag::INTEGER, &[0x01]),
            empty(),
            empty(),
            empty(),
            empty(),
            object(Tag::SEQUENCE, &[0x05; 40]),
        ];
        let body = object(Tag::SEQUENCE, &body.concat());
        object(
            Tag::SEQUENCE,
            &[body, empty(), vec![0x03, 0x01, 0x00]].concat(),
        )
    }

    #[test]
    fn a_certificate_is_one_also_with_filler_behind_it() {
        let mut bytes = certificate();
        assert_eq!(ContentKind::of(&bytes), ContentKind::Certificate);
        bytes.extend([0; 300]);
        assert_eq!(ContentKind::of(&bytes), ContentKind::Certificate);
    }

    #[test]
    fn private_keys_are_secret_also_as_text_and_in_the_form_of_openssh() {
        let keys: [&[u8]; 5] = [
            b"-----BEGIN PRIVATE KEY-----\nMC4CAQ",
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
            b"-----BEGIN RSA PRIVATE KEY-----\n",
            b"-----BEGIN OPENSSH PRIVATE KEY-----\n",
            b"openssh-key-v1\0\0\0\0\x04none",
        ];
        for key in keys {
            assert!(ContentKind::of(key).is_secret(), "{key:?}");
        }
        let others: [&[u8]; 3] = [
            b"-----BEGIN CERTIFICATE-----\nMII",
            b"-----BEGIN PUBLIC KEY-----\nMII",
            b"openssh-key",
        ];
        for other in others {
            assert!(!ContentKind::of(other).is_secret(), "{other:?}");
        }
    }

    #[test]
    fn what_is_in_ber_with_lengths_that_are_not_given_is_called_that() {
        let whole = certificate();
        let inner = &whole[2..];
        let ber = [&[0x30, 0x80], inner, &[0x00, 0x00]].concat();
        assert_eq!(ContentKind::of(&ber), ContentKind::Indefinite { tag: 0x30 });
        assert!(ContentKind::of(&ber).to_string().contains("not DER"));
        assert_eq!(ContentKind::of(&[0x04, 0x80, 0x01]), ContentKind::Unknown);
        // A certificate in it is found as behind any other bytes.
        let around = [&[0x30, 0x80], &whole[..], &[0x00, 0x00]].concat();
        assert_eq!(ContentKind::of(&around), ContentKind::Behind { at: 2 });
    }

    #[test]
    fn what_is_no_certificate_is_named() {
        let whole = certificate();
        let needed = whole.len();
        for length in 2..needed {
            assert_eq!(
                ContentKind::of(&whole[..length]),
                ContentKind::Cut { needed },
                "{length}"
            );
        }
        assert_eq!(ContentKind::of(&[]), ContentKind::Empty);
        assert_eq!(ContentKind::of(&[0; 900]), ContentKind::Empty);
        assert_eq!(ContentKind::of(&[0xFF; 900]), ContentKind::Empty);
        for header in [[0x78, 0x01], [0x78, 0x9C], [0x78, 0xDA], [0x58, 0x85]] {
            assert_eq!(ContentKind::of(&header), ContentKind::Zlib, "{header:02X?}");
        }
        assert_eq!(
            ContentKind::of(&[0x1F, 0x8B, 0x08, 0x00]),
            ContentKind::Gzip
        );
        assert_eq!(
            ContentKind::of(b"-----BEGIN CERTIFICATE-----\n"),
            ContentKind::Pem
        );
        let wrapped = object(Tag::OCTET_STRING, &whole);
        let kind = ContentKind::of(&wrapped);
        assert_eq!(kind, ContentKind::Wrapped { tag: 0x04, at: 2 });
        let piv = [
            object(Tag::new(0x70), &whole),
            vec![0x71, 0x01, 0x00, 0xFE, 0x00],
        ]
        .concat();
        let kind = ContentKind::of(&object(Tag::new(0x53), &piv));
        assert_eq!(kind, ContentKind::Wrapped { tag: 0x53, at: 4 });
        let behind = [&[0x00, 0x00][..], &whole].concat();
        assert_eq!(ContentKind::of(&behind), ContentKind::Behind { at: 2 });
        let oid = object(Tag::OBJECT_IDENTIFIER, &[0x2A]);
        let pkcs7 = [oid, object(Tag::context(0, true), &[])].concat();
        assert_eq!(
            ContentKind::of(&object(Tag::SEQUENCE, &pkcs7)),
            ContentKind::Pkcs7
        );
        let modulus = object(Tag::INTEGER, &[0x5A; 257]);
        let key = [vec![0x02, 0x01, 0x00], modulus].concat();
        let key = [&[0xFF, 0x00], &object(Tag::SEQUENCE, &key)[..]].concat();
        for key in [&key[2..], &key, &key[..200]] {
            let kind = ContentKind::of(key);
            assert!(kind.is_secret(), "{kind:?}");
        }
        assert_eq!(ContentKind::of(b"hello"), ContentKind::Unknown);
    }
}
