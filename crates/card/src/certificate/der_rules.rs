//! DER (ITU-T X.690 §8, §10, §11) all the way down: every element of a value, whatever it means.

use kortlab_apdu::Error;
use kortlab_apdu::tlv::{Reader, Tag, TagClass, Tlv};

use super::fault::Faults;
use super::time::{ReadTime, UTC_TIME};

/// How deep elements may nest.
const MAX_DEPTH: usize = 32;

pub(super) const NULL: Tag = Tag::new(0x05);
const NUMERIC_STRING: Tag = Tag::new(0x12);
const IA5_STRING: Tag = Tag::new(0x16);
const VISIBLE_STRING: Tag = Tag::new(0x1A);
const UNIVERSAL_STRING: Tag = Tag::new(0x1C);
const BMP_STRING: Tag = Tag::new(0x1E);

/// Checks the elements that `bytes` are, which start at `base`.
pub(super) fn check(bytes: &[u8], base: usize, faults: &mut Faults) {
    let mut stack = vec![Level::new(Reader::new(bytes).at(base), false)];
    while let Some(level) = stack.last_mut() {
        let Some(read) = level.reader.next() else {
            stack.pop();
            continue;
        };
        let element = match read {
            Ok(element) => element,
            Err(error) => {
                faults.error(error.offset(), describe(error));
                stack.pop();
                continue;
            }
        };
        level.tell_order(&element, faults);
        header(&element, faults);
        if !element.tag.is_constructed() {
            content(&element, faults);
        } else if stack.len() < MAX_DEPTH {
            let is_set = element.tag == Tag::SET;
            stack.push(Level::new(element.children(), is_set));
        } else {
            faults.error(element.offset, "elements nest too deep to be checked");
        }
    }
}

/// The elements of one constructed value.
struct Level<'a> {
    reader: Reader<'a>,
    is_set: bool,
    before: Option<&'a [u8]>,
}

impl<'a> Level<'a> {
    const fn new(reader: Reader<'a>, is_set: bool) -> Self {
        Self {
            reader,
            is_set,
            before: None,
        }
    }

    /// X.690 §11.6: the elements of a SET OF stand in ascending order. All SETs of a certificate
    /// are SET OFs.
    fn tell_order(&mut self, element: &Tlv<'a>, faults: &mut Faults) {
        if !self.is_set {
            return;
        }
        if self.before.is_some_and(|before| before > element.raw) {
            faults.error(
                element.offset,
                "the elements of this SET OF are not in ascending order (X.690 §11.6)",
            );
        }
        self.before = Some(element.raw);
    }
}

/// An error of the reader, in words.
pub(super) fn describe(error: Error) -> String {
    match error.kind() {
        kortlab_apdu::error::ErrorKind::Invalid {
            what: "length",
            found: 0x80,
        } => "an indefinite length, which DER does not allow (X.690 §10.1)".to_owned(),
        kind => format!("this is no element: {kind}"),
    }
}

/// X.690 §8.1.2, §10.1, §10.2: tag and length in their shortest form, strings primitive.
fn header(element: &Tlv<'_>, faults: &mut Faults) {
    let value = element.tag.value();
    if !element.minimal_length {
        faults.error(
            element.offset,
            "its length takes more bytes than it needs (X.690 §10.1)",
        );
    }
    let bytes = value.to_be_bytes();
    let second = bytes
        .get(5_usize.saturating_sub(element.tag.len()))
        .copied()
        .unwrap_or(0);
    let long = element.tag.len() > 1;
    if long && (second == 0x80 || (element.tag.len() == 2 && second < 0x1F)) {
        faults.error(element.offset, "its tag takes more bytes than it needs");
    }
    if element.tag.class() != TagClass::Universal || long {
        return;
    }
    let constructed = matches!(value & 0x1F, 0x08 | 0x0B | 0x10 | 0x11);
    if value & 0x1F == 0 {
        faults.error(element.offset, "the tag 00 stands for no element");
    } else if element.tag.is_constructed() != constructed {
        faults.error(
            element.offset,
            format_args!("an element with the tag {value:02X} is not in DER (X.690 §10.2)"),
        );
    }
}

/// What a primitive universal element may hold.
fn content(element: &Tlv<'_>, faults: &mut Faults) {
    let at = element.value_offset();
    let value = element.value;
    match element.tag {
        Tag::BOOLEAN if !matches!(value, [0x00 | 0xFF]) => {
            faults.error(at, "a BOOLEAN that is neither 00 nor FF (X.690 §11.1)");
        }
        Tag::INTEGER | Tag::ENUMERATED => integer(value, at, faults),
        Tag::BIT_STRING => bit_string(value, at, faults),
        NULL if !value.is_empty() => faults.error(at, "a NULL with content (X.690 §8.8)"),
        Tag::OBJECT_IDENTIFIER if !is_oid(value) => {
            faults.error(at, "an OBJECT IDENTIFIER that is none (X.690 §8.19)");
        }
        Tag::UTF8_STRING => {
            if let Err(error) = core::str::from_utf8(value) {
                faults.error(
                    at + error.valid_up_to(),
                    "a UTF8String that is not UTF-8; OpenSSL does not load the certificate",
                );
            }
        }
        Tag::PRINTABLE_STRING => characters("PrintableString", value, at, is_printable, faults),
        NUMERIC_STRING => characters(
            "NumericString",
            value,
            at,
            |byte| matches!(byte, b'0'..=b'9' | b' '),
            faults,
        ),
        IA5_STRING => ia5(value, at, faults),
        VISIBLE_STRING => characters(
            "VisibleString",
            value,
            at,
            |byte| matches!(byte, 0x20..=0x7E),
            faults,
        ),
        BMP_STRING => wide::<2>("BMPString", value, at, faults),
        UNIVERSAL_STRING => wide::<4>("UniversalString", value, at, faults),
        UTC_TIME | Tag::GENERALIZED_TIME => time(element, faults),
        _ => {}
    }
}

fn integer(value: &[u8], at: usize, faults: &mut Faults) {
    match value {
        [] => faults.error(at, "an INTEGER of no bytes (X.690 §8.3.1)"),
        [0x00, 0x00..=0x7F, ..] | [0xFF, 0x80..=0xFF, ..] => {
            faults.error(
                at,
                "an INTEGER with a superfluous first byte (X.690 §8.3.2)",
            );
        }
        _ => {}
    }
}

fn bit_string(value: &[u8], at: usize, faults: &mut Faults) {
    match value {
        [] => faults.error(at, "a BIT STRING of no bytes (X.690 §8.6.2)"),
        [8..=255, ..] | [1..=255, ..] if matches!(value, [8..=255, ..] | [_]) => {
            faults.error(at, "a BIT STRING with an impossible number of unused bits");
        }
        [unused, .., last] if last & !(0xFF_u16 << unused) as u8 != 0 => {
            faults.error(
                at,
                "a BIT STRING whose unused bits are not 0 (X.690 §11.2.1)",
            );
        }
        _ => {}
    }
}

/// Whether this is the content of an OBJECT IDENTIFIER (X.690 §8.19).
pub(super) fn is_oid(value: &[u8]) -> bool {
    let mut starts = true;
    for &byte in value {
        if starts && byte == 0x80 {
            return false;
        }
        starts = byte & 0x80 == 0;
    }
    starts && !value.is_empty()
}

const fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b' ' | b'\'' | b'(' | b')' | b'+' | b',' | b'-' | b'.' | b'/' | b':' | b'=' | b'?'
        )
}

/// An IA5String: ASCII.
pub(super) fn ia5(value: &[u8], at: usize, faults: &mut Faults) {
    characters("IA5String", value, at, |byte| byte.is_ascii(), faults);
}

fn characters(
    what: &str,
    value: &[u8],
    at: usize,
    allowed: impl Fn(u8) -> bool,
    faults: &mut Faults,
) {
    if let Some((index, byte)) = value.iter().enumerate().find(|(_, byte)| !allowed(**byte)) {
        faults.warn(
            at + index,
            format_args!("a {what} with the byte {byte:02X}, which it has not (X.680 §41)"),
        );
    }
}

fn wide<const WIDTH: usize>(what: &str, value: &[u8], at: usize, faults: &mut Faults) {
    let (characters, rest) = value.as_chunks::<WIDTH>();
    let bad = characters.iter().position(|bytes| {
        let number = bytes
            .iter()
            .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        char::from_u32(number).is_none()
    });
    if let Some(index) = bad {
        let message = format_args!("a {what} with something that is no character");
        faults.error(at + WIDTH * index, message);
    }
    if !rest.is_empty() {
        let message = format_args!("a {what} whose length is no multiple of {WIDTH}");
        faults.error(at, message);
    }
}

fn time(element: &Tlv<'_>, faults: &mut Faults) {
    let text = String::from_utf8_lossy(element.value);
    match ReadTime::read(element) {
        Some(time) if time.is_der => {}
        Some(_) => faults.error(
            element.offset,
            format_args!(
                "the time {text:?} is not in the form that DER demands (X.690 §11.7, §11.8): \
                 programs read it differently or not at all"
            ),
        ),
        None => faults.error(element.offset, format_args!("{text:?} is no time")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offsets of the faults in these bytes.
    fn found(text: &str) -> Vec<usize> {
        let bytes = hex::decode(text.replace(' ', "")).expect("hex");
        let mut faults = Faults::default();
        check(&bytes, 100, &mut faults);
        let faults = faults.settle();
        faults.iter().map(|fault| fault.offset - 100).collect()
    }

    #[test]
    fn what_is_der_has_no_fault() {
        for good in [
            "3006 0201 05 0101FF",
            "0500",
            "0301 00",
            "0302 0640",
            "0603 550403",
            "0C03 C3A541",
            "1303 412F3F",
            "1E02 0041",
            "1C04 0001F600",
            "170D 3236313132343036333030305A",
            "310A 0603 550403 0C03 414243",
            "A003 0201 02",
            "8003 FFFFFF",
            "0201 80",
            "0202 0080",
            "0202 FF7F",
        ] {
            assert_eq!(found(good), [0; 0], "{good}");
        }
    }

    #[test]
    fn each_rule_of_der_is_told_with_its_place() {
        for (bad, offset) in [
            ("3080 0000", 1),
            ("3003 0101 01", 4),
            ("0102 FFFF", 2),
            ("0200", 2),
            ("0202 0005", 2),
            ("0202 FF80", 2),
            ("0300", 2),
            ("0301 01", 2),
            ("0302 0800", 2),
            ("0302 0541", 2),
            ("0501 00", 2),
            ("0600", 2),
            ("0602 8001", 2),
            ("0602 5581", 2),
            ("0C02 C341", 2),
            ("0C03 4141FF", 4),
            ("1302 4140", 3),
            ("1202 3141", 3),
            ("1602 41E5", 3),
            ("1A01 07", 2),
            ("1E01 41", 2),
            ("1E04 0041D800", 4),
            ("1C04 00110000", 2),
            ("0481 0141", 0),
            ("3082 0003 020105", 0),
            ("1F1E 00", 0),
            ("2403 040141", 0),
            ("1000", 0),
            ("0000", 0),
            ("170B 323030313031303030305A", 0),
            ("170D 3236313331343036333030305A", 0),
            ("3106 020106 020105", 5),
            ("3003 0201", 2),
            ("30", 1),
        ] {
            assert_eq!(found(bad), [offset], "{bad}");
        }
    }

    #[test]
    fn nesting_is_limited() {
        let mut deep = vec![0x05, 0x00];
        for _ in 0..40 {
            deep = kortlab_apdu::tlv::object(Tag::SEQUENCE, &deep);
        }
        let mut faults = Faults::default();
        check(&deep, 0, &mut faults);
        assert_eq!(faults.settle().len(), 1);
    }
}
