//! Where values of DER begin and end: [`Values`]. The byte behind a text may look like a letter of it, as the
//! 30 of the next SEQUENCE does, and so may the length in front.

use core::ops::Range;

use kortlab_apdu::tlv::Tag;

/// How deep values may stand in others.
const MAX_DEPTH: usize = 32;

/// How many elements are looked at for each byte; behind that, only texts by themselves are found.
const STEPS: usize = 8;

/// The values in some bytes that are text.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// In their order; none in another.
    all: Vec<Text>,
}

/// A text with a tag and a length in front.
#[derive(Debug)]
struct Text {
    /// Where the tag stands.
    head: usize,
    value: Range<usize>,
    /// Whether what it stands in is well-formed, too.
    is_certain: bool,
}

/// An element: its tag's first byte, its value, and where it begins.
struct Element {
    head: usize,
    tag: u8,
    value: Range<usize>,
}

impl Values {
    /// The values in these bytes, which may be anything: what is no DER is stepped over.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut all = Vec::new();
        let mut steps = bytes.len().saturating_mul(STEPS);
        let mut at = 0;
        while at < bytes.len() {
            if let Some(element) = element(bytes, at, bytes.len()) {
                if matches!(element.tag, 0x30 | 0x31 | 0x60..=0x7E | 0xA0..=0xBE)
                    && let Some(found) = inside(bytes, &element, &mut steps)
                {
                    all.extend(found);
                    at = element.value.end;
                    continue;
                }
                if matches!(element.tag, 0x04 | 0x0C | 0x12..=0x16 | 0x1A | 0x1B | 0x80..=0x8F)
                    && is_text(bytes, &element)
                {
                    at = element.value.end;
                    all.push(element.text(false));
                    continue;
                }
            }
            at += 1;
        }
        all.sort_by_key(|text| text.value.start);
        Self { all }
    }

    /// The bytes with a zero before and behind each of the texts.
    pub(super) fn apart(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 2 * self.all.len());
        let mut at = 0;
        for Text { value, .. } in &self.all {
            out.extend_from_slice(bytes.get(at..value.start).unwrap_or_default());
            out.push(0);
            out.extend_from_slice(bytes.get(value.clone()).unwrap_or_default());
            out.push(0);
            at = value.end;
        }
        out.extend_from_slice(bytes.get(at..).unwrap_or_default());
        out
    }

    /// Whether a range goes past the end of a text, or begins between its tag and its first byte.
    pub(super) fn cross(&self, range: &Range<usize>) -> bool {
        let first = self
            .all
            .partition_point(|text| text.value.end <= range.start);
        let from = self.all.get(first..).unwrap_or_default();
        let mut met = from.iter().take_while(|text| text.head < range.end);
        met.any(
            |Text {
                 head,
                 value,
                 is_certain,
             }| {
                let ends = value.end < range.end;
                let begins =
                    (head + 1..value.start).contains(&range.start) && value.start < range.end;
                *is_certain && (ends || begins)
            },
        )
    }
}

impl Element {
    fn text(&self, is_certain: bool) -> Text {
        Text {
            head: self.head,
            value: self.value.clone(),
            is_certain,
        }
    }
}

/// The texts in a constructed element, if all in it is well-formed; also those in an OCTET STRING that has
/// DER in it, as the extensions of a certificate do.
fn inside(bytes: &[u8], outer: &Element, steps: &mut usize) -> Option<Vec<Text>> {
    let mut found = walk(bytes, outer.value.clone(), steps)?;
    let mut done = 0;
    while let Some(text) = found.wrapped.get(done).cloned() {
        done += 1;
        if let Some(more) = walk(bytes, text, steps) {
            found.texts.extend(more.texts);
            found.wrapped.extend(more.wrapped);
        }
    }
    Some(found.texts)
}

/// What a walk found.
#[derive(Default)]
struct Found {
    texts: Vec<Text>,
    /// Values that may have DER in them.
    wrapped: Vec<Range<usize>>,
}

/// Walks through elements that fill a range.
fn walk(bytes: &[u8], range: Range<usize>, steps: &mut usize) -> Option<Found> {
    let mut found = Found::default();
    let mut at = range.start;
    let mut open = vec![range.end];
    while let Some(&end) = open.last() {
        if at == end {
            open.pop();
            continue;
        }
        *steps = steps.checked_sub(1)?;
        let element = element(bytes, at, end)?;
        if element.tag & 0x20 != 0 {
            if open.len() == MAX_DEPTH {
                return None;
            }
            at = element.value.start;
            open.push(element.value.end);
            continue;
        }
        at = element.value.end;
        if element.tag == 0x04 && bytes.get(element.value.start) == Some(&0x30) {
            found.wrapped.push(element.value.clone());
        }
        if is_text(bytes, &element) {
            found.texts.push(element.text(true));
        }
    }
    Some(found)
}

/// The element at a place, if it ends before `end`.
fn element(bytes: &[u8], head: usize, end: usize) -> Option<Element> {
    let rest = bytes.get(head..end)?;
    let (_, length) = Tag::parse(rest).ok()?;
    let (count, octets) = match *rest.get(length..)? {
        [count @ 0..=0x7F, ..] => (usize::from(count), 1),
        [0x81, count, ..] => (usize::from(count), 2),
        [0x82, high, low, ..] => (usize::from(u16::from_be_bytes([high, low])), 3),
        _ => return None,
    };
    let start = head + length + octets;
    let stop = start.checked_add(count).filter(|stop| *stop <= end)?;
    Some(Element {
        head,
        tag: *rest.first()?,
        value: start..stop,
    })
}

/// Whether a value is text: letters, of UTF-8 or ISO/IEC 8859-1 too where its tag is a string's.
fn is_text(bytes: &[u8], element: &Element) -> bool {
    let value = bytes.get(element.value.clone()).unwrap_or_default();
    let is_string = matches!(element.tag, 0x0C | 0x13 | 0x14 | 0x16 | 0x1A | 0x1B);
    let is_letter = |byte: &u8| (0x20..0x7F).contains(byte) || (is_string && *byte >= 0x80);
    !value.is_empty() && value.iter().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8]) -> Vec<String> {
        let values = Values::of(bytes);
        let text = |text: &Text| String::from_utf8_lossy(&bytes[text.value.clone()]).into_owned();
        values.all.iter().map(text).collect()
    }

    #[test]
    fn a_text_ends_where_its_length_says_whatever_comes_next() {
        // SubjectAltName in an extension, and the next extension behind it.
        let extensions = b"\x30\x1D\x30\x11\x06\x03\x55\x1D\x11\x04\x0A\x30\x08\x81\x06a@b.se\x30\x08\x06\x03\x55\x1D\x0F\x04\x01\x05";
        let extensions = [&extensions[..], b"30"].concat();
        assert_eq!(texts(&extensions), ["a@b.se"]);
        let apart = Values::of(&extensions).apart(&extensions);
        assert!(apart.windows(8).any(|window| window == b"\0a@b.se\0"));
        // The same where what is around it is cut.
        assert_eq!(texts(b"\x30\x30\x81\x06a@b.se0"), ["a@b.se"]);
        // A length that looks like a digit.
        let long = [&b"\x30\x32\x0C\x30"[..], &[b'a'; 48]].concat();
        assert_eq!(texts(&long), ["a".repeat(48)]);
        assert!(Values::of(&long).cross(&(3..8)));
        assert!(!Values::of(&long).cross(&(2..8)) && !Values::of(&long).cross(&(4..52)));
    }

    #[test]
    fn a_place_crosses_the_end_of_a_text_only_if_that_is_certain() {
        let whole = b"\x30\x08\x0C\x02Bo\x0C\x02Ek";
        let values = Values::of(whole);
        assert!(values.cross(&(4..7)) && values.cross(&(5..10)));
        assert!(!values.cross(&(4..6)) && !values.cross(&(2..6)) && !values.cross(&(8..10)));
        let values = Values::of(b"\x30\x7F\x0C\x02Bo\x0C\x02Ek");
        assert!(!values.cross(&(4..7)));
    }

    #[test]
    fn hostile_bytes_end() {
        for byte in [0x00, 0x04, 0x0C, 0x30, 0x31, 0x81, 0xA0, 0xFF] {
            Values::of(&vec![byte; 65_536]);
            Values::of(&[byte, 0x82, 0xFF, 0xFB].repeat(16_384));
            Values::of(&[byte, 0x82, 0x7F, 0xFB, 0x05, 0x00].repeat(16_384));
        }
    }
}
