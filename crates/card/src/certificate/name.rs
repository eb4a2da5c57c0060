//! Names: their attributes, read leniently, and whether two are the same (RFC 5280 §7.1).

use std::borrow::Cow;

use kortlab_apdu::tlv::{Tlv, read_one};
use stringprep::x520prep;

/// The most attributes of one name that are read.
const MAX_ATTRIBUTES: usize = 64;

/// commonName (X.520), 2.5.4.3.
pub(super) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// emailAddress (PKCS #9), 1.2.840.113549.1.9.1.
pub(super) const EMAIL_ADDRESS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01];

/// An attribute of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its type: the content of its object identifier.
    pub kind: Vec<u8>,
    /// Its value as text. What is no character of its string type is replaced.
    pub text: String,
}

/// The attributes of a name whose values are text, in order.
pub(super) fn attributes(name: &Tlv<'_>) -> Vec<Attribute> {
    pairs(name)
        .into_iter()
        .flatten()
        .filter_map(|(kind, value)| {
            Some(Attribute {
                kind: kind.to_vec(),
                text: text(&value)?,
            })
        })
        .take(MAX_ATTRIBUTES)
        .collect()
}

/// Whether two names in DER are the same as RFC 5280 §7.1 compares them: strings prepared as for
/// caseIgnoreMatch (RFC 4518 §2, the same as X.520 §7), so without regard to their type, to case, to
/// how a character is composed and to spaces more than one; the attributes of one part in any order.
/// Names that cannot be read, or have more parts than are, are the same if their bytes are.
pub fn same_name(one: &[u8], other: &[u8]) -> bool {
    if one == other {
        return !one.is_empty();
    }
    let (Ok(one), Ok(other)) = (read_one(one), read_one(other)) else {
        return false;
    };
    let (one, other) = (pairs(&one), pairs(&other));
    one.len() == other.len()
        && (1..=MAX_ATTRIBUTES).contains(&one.len())
        && one
            .iter()
            .zip(&other)
            .all(|(one, other)| same_part(one, other))
}

/// Whether a name in DER begins with all parts of another one, compared as [`same_name`] does: whether it is
/// in the subtree that a constraint names (RFC 5280 §7.1). `None` if the other one cannot be read, or has
/// more parts than are.
pub(super) fn begins_with(name: &[u8], base: &[u8]) -> Option<bool> {
    let (name, base) = (read_one(name).ok()?, read_one(base).ok()?);
    let (name, base) = (pairs(&name), pairs(&base));
    if base.len() > MAX_ATTRIBUTES || base.iter().any(|part| part.len() > MAX_ATTRIBUTES) {
        return None;
    }
    let mut both = name.iter().zip(&base);
    Some(name.len() >= base.len() && both.all(|(one, other)| same_part(one, other)))
}

/// The values of the attributes of this type in a name in DER.
pub(super) fn values_of<'a>(name: &'a [u8], kind: &'a [u8]) -> impl Iterator<Item = Tlv<'a>> {
    let parts = read_one(name).ok().into_iter();
    let parts = parts.flat_map(|name| name.children().map_while(Result::ok));
    let attributes = parts.flat_map(|part| part.children().map_while(Result::ok));
    attributes.filter_map(move |attribute| {
        let mut parts = attribute.children();
        let found = parts.next()?.ok()?.value == kind;
        let value = parts.next()?.ok()?;
        found.then_some(value)
    })
}

type Pair<'a> = (&'a [u8], Tlv<'a>);

/// Type and value of the attributes, part by part: one more than are compared, so that it can be told.
fn pairs<'a>(name: &Tlv<'a>) -> Vec<Vec<Pair<'a>>> {
    name.children()
        .map_while(Result::ok)
        .take(MAX_ATTRIBUTES + 1)
        .map(|part| {
            part.children()
                .map_while(Result::ok)
                .take(MAX_ATTRIBUTES + 1)
                .filter_map(|attribute| {
                    let mut parts = attribute.children();
                    let kind = parts.next()?.ok()?;
                    let value = parts.next()?.ok()?;
                    Some((kind.value, value))
                })
                .collect()
        })
        .collect()
}

fn same_part(one: &[Pair<'_>], other: &[Pair<'_>]) -> bool {
    one.len() == other.len()
        && (1..=MAX_ATTRIBUTES).contains(&one.len())
        && one.iter().all(|pair| {
            let mut found = other.iter();
            found.any(|candidate| pair.0 == candidate.0 && same_value(pair, candidate))
        })
}

fn same_value(one: &Pair<'_>, other: &Pair<'_>) -> bool {
    if one.1.raw == other.1.raw {
        return true;
    }
    let (Some(first), Some(second)) = (text(&one.1), text(&other.1)) else {
        return false;
    };
    if one.0 == EMAIL_ADDRESS
        && let (Some((first, first_host)), Some((second, second_host))) =
            (first.rsplit_once('@'), second.rsplit_once('@'))
    {
        return first == second && same_text(first_host, second_host);
    }
    same_text(&first, &second)
}

/// A text that has what must not be compared (a character that is none, or that Unicode 3.2 does not
/// know) is the same as none but itself.
fn same_text(one: &str, other: &str) -> bool {
    match (prepared(one), prepared(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one == other && !one.contains(char::REPLACEMENT_CHARACTER),
        _ => false,
    }
}

/// A text as it is compared: prepared (RFC 4518 §2.1 to §2.5), without spaces at its ends, and with
/// one space for each row of them (§2.6.1).
fn prepared(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(String::new());
    }
    let folded = x520prep(text, true).ok()?;
    let words: Vec<_> = folded.split_whitespace().collect();
    let folded = words.join(" ");
    if folded.is_empty() {
        return Some(folded);
    }
    // Case was folded a character at a time: what they compose comes now.
    x520prep(&folded, false).ok().map(Cow::into_owned)
}

/// The text of a string; `None` if the value is none.
pub(super) fn text(value: &Tlv<'_>) -> Option<String> {
    let bytes = value.value;
    Some(match value.tag.value() {
        // UTF8String, NumericString, PrintableString, IA5String, VisibleString.
        0x0C | 0x12 | 0x13 | 0x16 | 0x1A => String::from_utf8_lossy(bytes).into_owned(),
        // TeletexString: in certificates it is Latin-1.
        0x14 => bytes.iter().map(|byte| char::from(*byte)).collect(),
        // UniversalString.
        0x1C => wide::<4>(bytes),
        // BMPString: read as UTF-16, which it mostly is.
        0x1E => {
            let (pairs, _) = bytes.as_chunks::<2>();
            let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
            char::decode_utf16(units)
                .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        _ => return None,
    })
}

fn wide<const WIDTH: usize>(bytes: &[u8]) -> String {
    let (characters, _) = bytes.as_chunks::<WIDTH>();
    characters
        .iter()
        .map(|bytes| {
            let number = bytes
                .iter()
                .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
            char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_apdu::tlv::{Tag, object};

    const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0A];

    fn attribute(kind: &[u8], tag: u32, value: &[u8]) -> Vec<u8> {
        let kind = object(Tag::OBJECT_IDENTIFIER, kind);
        let pair = [kind, object(Tag::new(tag), value)].concat();
        object(Tag::SEQUENCE, &pair)
    }

    fn name(parts: &[Vec<u8>]) -> Vec<u8> {
        let parts: Vec<_> = parts.iter().map(|part| object(Tag::SET, part)).collect();
        object(Tag::SEQUENCE, &parts.concat())
    }

    fn common(tag: u32, value: &[u8]) -> Vec<u8> {
        name(&[attribute(COMMON_NAME, tag, value)])
    }

    #[test]
    fn string_type_case_and_spaces_make_no_other_name() {
        let one = common(0x13, b"Test CA v1");
        for (tag, value) in [
            (0x0C, b"Test CA v1".to_vec()),
            (0x0C, b"TEST ca V1".to_vec()),
            (0x13, b" Test   CA v1  ".to_vec()),
            (
                0x1E,
                "Test CA v1"
                    .encode_utf16()
                    .flat_map(u16::to_be_bytes)
                    .collect(),
            ),
            (0x14, b"Test CA v1".to_vec()),
        ] {
            assert!(same_name(&one, &common(tag, &value)), "{tag:02X}");
        }
        let latin = common(0x14, b"\xD6vning");
        assert!(same_name(&latin, &common(0x0C, "övning".as_bytes())));
    }

    #[test]
    fn the_same_characters_written_otherwise_make_no_other_name() {
        let utf8 = |text: &str| common(0x0C, text.as_bytes());
        for (one, other) in [
            // Composed and decomposed; compatible forms; what case folding makes of a letter.
            ("\u{C5}ngstr\u{F6}m CA", "A\u{30A}ngstro\u{308}m ca"),
            ("Test CA", "\u{FF34}\u{FF45}\u{FF53}\u{FF54} CA"),
            ("Of\u{FB01}ce", "OFFICE"),
            ("Stra\u{DF}e", "STRASSE"),
            (
                "\u{3A3}\u{3AF}\u{3C3}\u{3C5}\u{3C6}\u{3BF}\u{3C2}",
                "\u{3C3}\u{3AF}\u{3C3}\u{3C5}\u{3C6}\u{3BF}\u{3C3}",
            ),
            // Other spaces, and what is no character to be seen.
            ("Test CA", "Test\u{A0}CA"),
            ("Test CA", "Test\tCA\r\n"),
            ("Test CA", "Te\u{AD}st \u{200B} CA"),
            ("", " "),
        ] {
            assert!(same_name(&utf8(one), &utf8(other)), "{one:?} {other:?}");
            assert!(same_name(&utf8(other), &utf8(one)), "{one:?} {other:?}");
        }
        let latin = common(0x14, b"STRA\xDFE");
        let wide: Vec<u8> = "strasse"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        assert!(same_name(&latin, &common(0x1E, &wide)));
        for (one, other) in [
            ("\u{C5}ngstrom", "Angstrom"),
            ("Test CA", "Test-CA"),
            ("Test\u{200B}CA", "Test CA"),
            ("O", "0"),
        ] {
            assert!(!same_name(&utf8(one), &utf8(other)), "{one:?} {other:?}");
        }
    }

    #[test]
    fn text_that_must_not_be_compared_is_the_same_as_itself_alone() {
        // Bytes that are no UTF-8, each another one: a name of two parties, not of one.
        let broken = |byte: u8| common(0x0C, &[b'K', byte, b'l']);
        assert!(same_name(&broken(0xE5), &broken(0xE5)));
        assert!(!same_name(&broken(0xE5), &broken(0xE4)));
        // A character of a later Unicode, in two string types.
        let text = "CA \u{1F600}";
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(same_name(
            &common(0x0C, text.as_bytes()),
            &common(0x1E, &wide)
        ));
        assert!(!same_name(
            &common(0x0C, text.as_bytes()),
            &common(0x0C, b"CA")
        ));
    }

    #[test]
    fn another_text_type_or_order_is_another_name() {
        let one = common(0x13, b"Test CA v1");
        assert!(!same_name(&one, &common(0x13, b"TestCA v1")));
        assert!(!same_name(&one, &common(0x13, b"Test CA v2")));
        assert!(!same_name(
            &one,
            &name(&[attribute(ORGANIZATION, 0x13, b"Test CA v1")])
        ));
        let [a, b] = [
            attribute(ORGANIZATION, 0x13, b"O"),
            attribute(COMMON_NAME, 0x13, b"C"),
        ];
        let two = name(&[a.clone(), b.clone()]);
        assert!(
            !same_name(&two, &name(&[b.clone(), a.clone()])),
            "parts have an order"
        );
        let together = name(&[[b.clone(), a.clone()].concat()]);
        let turned = name(&[[a, b].concat()]);
        assert!(
            same_name(&together, &turned),
            "the attributes of one part have none"
        );
        assert!(!same_name(&two, &together));
        assert!(!same_name(&[], &[]), "no name is no name");
        assert!(!same_name(&[0x30, 0x00], &one));
    }

    #[test]
    fn an_address_has_case_before_the_at_sign_only() {
        let mail = |text: &str| name(&[attribute(EMAIL_ADDRESS, 0x16, text.as_bytes())]);
        assert!(same_name(&mail("a@Example.org"), &mail("a@example.ORG")));
        assert!(!same_name(&mail("A@example.org"), &mail("a@example.org")));
    }

    #[test]
    fn broken_text_is_still_text() {
        let bytes = common(0x0C, b"K\xE5lle");
        let read = attributes(&read_one(&bytes).expect("built"));
        assert_eq!(read[0].text, "K\u{FFFD}lle");
    }
}
