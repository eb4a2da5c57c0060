//! What in the bytes of a card is about a person: [`Personal`].
//!
//! Nothing is parsed as a whole, since a card for a bug report is a broken one: attributes of names are
//! found by their object identifiers wherever they stand.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use kortlab_apdu::tlv::{Reader, Tag, Tlv, read_one};
use serde_json::Value;

use super::check_digit;

/// What something about a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A name.
    Name,
    /// A card's number, a personal number, any other number of a person.
    Number,
    /// An e-mail address, a user principal name.
    Address,
    /// Another identifier: of an employee, of a card.
    Identifier,
    /// What was given to be replaced.
    Given,
}

impl Kind {
    /// A stable word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Number => "number",
            Self::Address => "address",
            Self::Identifier => "identifier",
            Self::Given => "given",
        }
    }
}

/// Object identifiers, with their tag and length, of what is about a person, and what it is.
const ATTRIBUTES: [(&[u8], Kind); 13] = [
    // X.520: commonName, surname, serialNumber, street, name, givenName, initials, pseudonym.
    (&[0x06, 0x03, 0x55, 0x04, 0x03], Kind::Name),
    (&[0x06, 0x03, 0x55, 0x04, 0x04], Kind::Name),
    (&[0x06, 0x03, 0x55, 0x04, 0x05], Kind::Identifier),
    (&[0x06, 0x03, 0x55, 0x04, 0x09], Kind::Address),
    (&[0x06, 0x03, 0x55, 0x04, 0x29], Kind::Name),
    (&[0x06, 0x03, 0x55, 0x04, 0x2A], Kind::Name),
    (&[0x06, 0x03, 0x55, 0x04, 0x2B], Kind::Name),
    (&[0x06, 0x03, 0x55, 0x04, 0x41], Kind::Name),
    // postalAddress, postalCode.
    (&[0x06, 0x03, 0x55, 0x04, 0x10], Kind::Address),
    (&[0x06, 0x03, 0x55, 0x04, 0x11], Kind::Address),
    // emailAddress (PKCS#9), userId (RFC 4519), the user principal name.
    (
        &[
            0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01,
        ],
        Kind::Address,
    ),
    (
        &[
            0x06, 0x0A, 0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 0x01, 0x01,
        ],
        Kind::Identifier,
    ),
    (
        &[
            0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03,
        ],
        Kind::Address,
    ),
];

/// The most bytes of one value.
const MAX_VALUE: usize = 512;

/// What is about a person.
#[derive(Debug, Default)]
pub(super) struct Personal {
    /// Texts, and what they are.
    pub texts: BTreeMap<String, Kind>,
    /// Bytes that are no text.
    pub bytes: BTreeMap<Vec<u8>, Kind>,
    /// Names of issuers, which are about no person.
    issuers: BTreeSet<String>,
}

impl Personal {
    /// Adds a text, if it is one.
    pub(super) fn add(&mut self, kind: Kind, text: &str) {
        let text = text.trim();
        let is_number = text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let kind = match kind {
            Kind::Name | Kind::Identifier if is_number => Kind::Number,
            other => other,
        };
        if text.chars().any(char::is_alphanumeric) {
            self.texts.entry(text.to_owned()).or_insert(kind);
        }
    }

    /// Looks at a card image: its number, the files that hold numbers by themselves, the data objects of
    /// PIV and OpenPGP, and all content.
    pub(super) fn of_image(&mut self, image: &Value) {
        if let Some(serial) = image.get("serial").and_then(Value::as_str)
            && serial != "unknown"
        {
            self.number(serial);
        }
        let mut contents = Vec::new();
        self.walk(image, &mut contents);
        self.of_contents(&contents);
    }

    /// Looks at the answers of a trace, all in a row: a value may be cut between two.
    pub(super) fn of_trace(&mut self, trace: &str) {
        let all: Vec<u8> = super::answers::data(trace).flatten().collect();
        self.of_contents(&[all]);
    }

    fn of_contents(&mut self, contents: &[Vec<u8>]) {
        for bytes in contents {
            self.issuers_in(bytes);
        }
        for bytes in contents {
            for (kind, text) in attributes(bytes) {
                if !self.issuers.contains(&text) {
                    self.add(kind, &text);
                }
            }
            for text in [Cow::Borrowed(bytes.as_slice())]
                .into_iter()
                .chain(narrowed(bytes))
            {
                for address in addresses(&text) {
                    self.add(Kind::Address, &address);
                }
                for number in personal_numbers(&text) {
                    self.add(Kind::Number, &number);
                }
            }
            for number in packed_personal_numbers(bytes) {
                self.add(Kind::Number, &number);
            }
        }
    }

    /// The bytes of every text in hexadecimal; recursive as deep as the image nests, which is limited.
    fn walk(&mut self, value: &Value, contents: &mut Vec<Vec<u8>>) {
        match value {
            Value::String(text) => contents.extend(hex::decode(text).ok()),
            Value::Array(values) => values.iter().for_each(|value| self.walk(value, contents)),
            Value::Object(fields) => {
                let text = |name: &str| fields.get(name).and_then(Value::as_str);
                let bytes = |name: &str| text(name).and_then(|text| hex::decode(text).ok());
                match (text("fid"), text("tag")) {
                    // EF.GDO: the number is in tag 5A; ICCID: its digits change places.
                    (Some("2F02"), _) => self.gdo(&bytes("data").unwrap_or_default()),
                    (Some("2FE2"), _) => self.bcd(&swapped(&bytes("data").unwrap_or_default())),
                    (_, Some(tag)) => self.object(tag, &bytes("value").unwrap_or_default()),
                    _ => {}
                }
                if let Some(name) = bytes("name") {
                    self.openpgp(&name);
                }
                fields.values().for_each(|value| self.walk(value, contents));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn number(&mut self, text: &str) {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match hex::decode(text) {
            Ok(bytes) if !digits => self.binary(&bytes),
            _ => self.add(Kind::Number, text),
        }
    }

    fn binary(&mut self, bytes: &[u8]) {
        let filler = bytes.iter().all(|byte| matches!(byte, 0x00 | 0xFF));
        if bytes.len() >= 4 && !filler {
            self.bytes.insert(bytes.to_vec(), Kind::Identifier);
        }
    }

    fn bcd(&mut self, bytes: &[u8]) {
        let text = hex::encode_upper(bytes);
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        if digits.len() >= 8 {
            self.add(Kind::Number, &digits);
        } else {
            self.binary(bytes);
        }
    }

    fn gdo(&mut self, content: &[u8]) {
        let objects = Reader::new(content).map_while(Result::ok);
        let numbers: Vec<_> = objects
            .filter(|object| object.tag.value() == 0x5A)
            .map(|object| object.value.to_vec())
            .collect();
        for number in numbers {
            self.bcd(&number);
            self.binary(&number);
        }
    }

    /// The AID of an OpenPGP application has the card's manufacturer and number (OpenPGP card §4.2.1).
    fn openpgp(&mut self, aid: &[u8]) {
        if let [0xD2, 0x76, 0x00, 0x01, 0x24, 0x01, _, _, rest @ ..] = aid {
            self.binary(rest.get(..6).unwrap_or_default());
        }
    }

    /// PIV's CHUID and printed information (NIST SP 800-73-4, part 1, tables 9 and 14), OpenPGP's
    /// cardholder and log-in data.
    fn object(&mut self, tag: &str, value: &[u8]) {
        let inner: Vec<Tlv<'_>> = match read_one(value) {
            Ok(outer) if outer.tag.value() == 0x53 || outer.tag.is_constructed() => {
                Reader::new(outer.value).map_while(Result::ok).collect()
            }
            _ => Vec::new(),
        };
        match tag {
            "5FC102" => {
                for object in inner {
                    if matches!(object.tag.value(), 0x30 | 0x34 | 0x36) {
                        self.binary(object.value);
                    }
                }
            }
            "5FC109" | "65" => {
                for object in inner {
                    let text = String::from_utf8_lossy(object.value).into_owned();
                    // OpenPGP writes SURNAME<<GIVEN<NAMES.
                    for part in text.split('<') {
                        self.add(Kind::Name, part);
                    }
                }
            }
            "5E" | "5B" => self.add(Kind::Name, &String::from_utf8_lossy(value)),
            "4F" => self.openpgp(value),
            _ => {}
        }
    }

    /// Names of issuers of certificates in these bytes whose subject is another.
    fn issuers_in(&mut self, bytes: &[u8]) {
        for (at, window) in bytes.windows(2).enumerate() {
            if window != [0x30, 0x82] {
                continue;
            }
            let certificate = bytes.get(at..).and_then(names);
            if let Some((issuer, subject)) = certificate
                && issuer != subject
            {
                self.issuers
                    .extend(attributes(issuer).into_iter().map(|(_, text)| text));
            }
        }
    }
}

/// Issuer and subject of a certificate that begins here (RFC 5280 §4.1).
fn names(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let tbs = Reader::new(read_one(bytes).ok()?.value).next()?.ok()?;
    let mut fields = Reader::new(tbs.value).map_while(Result::ok);
    let mut next = || fields.next();
    let mut first = next()?;
    if first.tag.value() == 0xA0 {
        first = next()?;
    }
    let (_, issuer, _, subject) = (next()?, next()?, next()?, next()?);
    let is_sequence = |object: &Tlv<'_>| object.tag == Tag::SEQUENCE;
    (first.tag == Tag::INTEGER && is_sequence(&issuer) && is_sequence(&subject))
        .then_some((issuer.raw, subject.raw))
}

/// The values of attributes that are about a person, wherever they stand.
fn attributes(bytes: &[u8]) -> Vec<(Kind, String)> {
    let mut found = Vec::new();
    for at in 0..bytes.len() {
        if bytes.get(at) != Some(&0x06) {
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let known = ATTRIBUTES.iter().find(|(oid, _)| rest.starts_with(oid));
        let Some((oid, kind)) = known else { continue };
        let mut value = rest.get(oid.len()..).unwrap_or_default();
        // The user principal name stands in [0].
        if let [0xA0, _, inner @ ..] = value {
            value = inner;
        }
        // A value that is cut short is a person's, too.
        let (tag, content) = match value {
            [tag, 0x81, length, rest @ ..] => {
                (*tag, rest.get(..usize::from(*length)).unwrap_or(rest))
            }
            [tag, length @ 0..=0x7F, rest @ ..] => {
                (*tag, rest.get(..usize::from(*length)).unwrap_or(rest))
            }
            _ => continue,
        };
        if content.len() > MAX_VALUE {
            continue;
        }
        let text = match tag {
            0x1E => utf16(content),
            0x1C => utf32(content),
            0x0C => String::from_utf8(content.to_vec()).unwrap_or_else(|_| latin(content)),
            0x12 | 0x13 | 0x14 | 0x16 | 0x1A => latin(content),
            _ => continue,
        };
        found.push((*kind, text));
    }
    found
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| match *pair {
        [high, low] => u16::from_be_bytes([high, low]),
        _ => 0,
    });
    char::decode_utf16(units).map_while(Result::ok).collect()
}

fn utf32(bytes: &[u8]) -> String {
    let (letters, _) = bytes.as_chunks::<4>();
    let letters = letters.iter().map(|letter| u32::from_be_bytes(*letter));
    letters.map_while(char::from_u32).collect()
}

fn latin(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Addresses of e-mail in ASCII.
fn addresses(bytes: &[u8]) -> Vec<String> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let mut found = Vec::new();
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'@') {
        let before = bytes.get(..at).unwrap_or_default();
        let before: Vec<u8> = before
            .iter()
            .rev()
            .take(64)
            .copied()
            .take_while(is_part)
            .collect();
        let after = bytes.get(at + 1..).unwrap_or_default();
        let after: Vec<u8> = after.iter().take(64).copied().take_while(is_part).collect();
        let local: Vec<u8> = before.into_iter().rev().collect();
        if local.len() >= 2 && after.len() >= 4 && after.contains(&b'.') {
            found.push(latin(&[&local[..], b"@", &after].concat()));
        }
    }
    found
}

/// The ASCII in what may be UTF-16, from its first byte or its second, either byte first; 0 for all else.
fn narrowed(bytes: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let orders: [fn([u8; 2]) -> u16; 2] = [u16::from_be_bytes, u16::from_le_bytes];
    (0..2_usize).flat_map(move |start| {
        let (pairs, _) = bytes.get(start..).unwrap_or_default().as_chunks::<2>();
        orders.into_iter().map(move |order| {
            let units = pairs.iter().map(|pair| u8::try_from(order(*pair)));
            let letters = units.map(|unit| unit.ok().filter(u8::is_ascii).unwrap_or(0));
            Cow::Owned(letters.collect())
        })
    })
}

/// Personal numbers of twelve digits, two a byte. Of ten digits too many bytes look like one by chance.
fn packed_personal_numbers(bytes: &[u8]) -> Vec<String> {
    let digits = |packed: &[u8]| -> Option<Vec<u8>> {
        let digits: Vec<u8> = packed
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0x0F])
            .collect();
        digits.iter().all(|digit| *digit < 10).then_some(digits)
    };
    let windows = bytes
        .windows(6)
        .filter(|window| matches!(window, [0x19 | 0x20, ..]));
    let found = windows
        .filter_map(digits)
        .filter(|digits| is_personal_number(digits));
    found
        .map(|digits| digits.iter().map(u8::to_string).collect())
        .collect()
}

/// The ten digits of a text that is a personal number, whatever century and sign it has.
pub(super) fn personal_number(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_written = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+'));
    let values: Vec<u8> = digits.bytes().map(|digit| digit - b'0').collect();
    let last = digits.get(digits.len().checked_sub(10)?..)?;
    (is_written && is_personal_number(&values)).then(|| last.to_owned())
}

/// Swedish personal numbers in ASCII: ten or twelve digits, a hyphen (a plus from a hundred years on) or
/// nothing before the last four, a month, a day, and the check digit (SKV 704).
fn personal_numbers(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut run: Vec<u8> = Vec::new();
    for &byte in bytes.iter().chain([&0]) {
        if byte.is_ascii_digit() || (matches!(byte, b'-' | b'+') && matches!(run.len(), 6 | 8)) {
            run.push(byte);
            continue;
        }
        let digits: Vec<u8> = run
            .iter()
            .filter(|byte| byte.is_ascii_digit())
            .map(|byte| byte - b'0')
            .collect();
        // Times end in Z.
        if byte != b'Z' && is_personal_number(&digits) {
            found.push(latin(&run));
        }
        run.clear();
    }
    found
}

fn is_personal_number(digits: &[u8]) -> bool {
    let short = match digits.len() {
        10 => digits,
        12 if digits.starts_with(&[1, 9]) || digits.starts_with(&[2, 0]) => {
            digits.get(2..).unwrap_or_default()
        }
        _ => return false,
    };
    let [_, _, m1, m2, d1, d2, ..] = *short else {
        return false;
    };
    let (month, day) = (m1 * 10 + m2, d1 * 10 + d2);
    let number: String = short.iter().map(u8::to_string).collect();
    // Co-ordination numbers have 60 added to the day.
    (1..=12).contains(&month) && matches!(day, 1..=31 | 61..=91) && check_digit::is_right(&number)
}

fn swapped(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte.rotate_left(4)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_in_every_kind_of_string_and_where_they_are_cut() {
        let value = |tag: u8, value: &[u8]| {
            let length = u8::try_from(value.len()).expect("short");
            [&[0x06, 0x03, 0x55, 0x04, 0x03, tag, length], value].concat()
        };
        let all = [
            value(0x0C, "Åsa".as_bytes()),
            value(0x14, b"\xC5sa Latin"),
            value(0x1E, &[0x00, 0x42, 0x00, 0x6F]),
            value(0x13, b"9752000003140029704"),
        ]
        .concat();
        let texts: Vec<_> = attributes(&all).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["Åsa", "Åsa Latin", "Bo", "9752000003140029704"]);
        let cut = &value(0x0C, b"Anna Andersson")[..12];
        assert_eq!(attributes(cut)[0].1, "Anna ");
    }

    #[test]
    fn personal_numbers_have_a_date_and_a_check_digit_and_times_are_none() {
        let found = |text: &str| personal_numbers(text.as_bytes());
        assert_eq!(found("x 19121212-1212 y"), ["19121212-1212"]);
        assert_eq!(found("1212121212"), ["1212121212"]);
        assert_eq!(found("121212+1212"), ["121212+1212"]);
        assert_eq!(
            packed_personal_numbers(b"\x00\x19\x12\x12\x12\x12\x12\x00"),
            ["191212121212"]
        );
        for text in ["19121212-1212", "191212121212", "121212+1212", "1212121212"] {
            assert_eq!(
                personal_number(text).as_deref(),
                Some("1212121212"),
                "{text}"
            );
        }
        assert_eq!(personal_number("9752000003140029704"), None);
        let wide: Vec<u8> = "19121212-1212"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let views: Vec<_> = narrowed(&wide).collect();
        assert!(views.iter().any(|view| !personal_numbers(view).is_empty()));
        assert!(found("1212121213").is_empty());
        assert!(found("121212121212Z").is_empty());
        assert!(found("9999999999").is_empty());
    }

    #[test]
    fn addresses_are_whole() {
        assert_eq!(
            addresses(b"\x81\x10anna.b@example.org\x00"),
            ["anna.b@example.org"]
        );
        assert!(addresses(b"a@b, @, x@").is_empty());
    }

    #[test]
    fn hostile_bytes_end() {
        for byte in [0x00, 0x06, 0x30, b'@', b'1', 0xFF] {
            let mut personal = Personal::default();
            personal.of_contents(&[vec![byte; 65_536]]);
            assert!(personal.texts.len() < 10);
        }
    }
}
