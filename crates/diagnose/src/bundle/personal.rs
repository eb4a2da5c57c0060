//! What in the bytes of a card is about a person: [`Personal`].
//!
//! Nothing is parsed as a whole, since a card for a bug report is a broken one: attributes of names are
//! found by their object identifiers wherever they stand.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use kortlab_apdu::tlv::{Reader, Tag, Tlv, read_one};
use serde_json::Value;

use super::label;
use super::personal_number::{packed_personal_numbers, personal_numbers};
use super::values::Values;

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
    /// A private key in a file that anybody can read.
    PrivateKey,
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
            Self::PrivateKey => "private key",
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
        self.of_serial(image);
        let mut contents = Vec::new();
        self.walk(image, &mut contents);
        self.of_contents(&contents);
    }

    /// Looks at the document of a diagnosis: the number of the card, which may be all that was read of it.
    pub(super) fn of_findings(&mut self, findings: &Value) {
        self.of_serial(findings);
    }

    /// Looks at the answers of a trace, all in a row: a value may be cut between two. Then at each file and
    /// data object as those of an image.
    pub(super) fn of_trace(&mut self, trace: &str) {
        let all: Vec<u8> = super::answers::data(trace).flatten().collect();
        self.of_contents(&[all]);
        let mut contents = Vec::new();
        self.walk(&super::passed::read(trace), &mut contents);
        self.of_contents(&contents);
    }

    /// Looks at the labels of objects and of the card. Where no certificate says who the holder is, a label
    /// that is no word of the trade may be the name.
    pub(super) fn of_labels(&mut self, image: &Value, trace: &str) {
        let mut contents = vec![super::answers::data(trace).flatten().collect()];
        self.walk(image, &mut contents);
        for text in contents.iter().flat_map(|bytes| label::labels(bytes)) {
            for name in label::names(&text) {
                self.add(Kind::Name, &name);
            }
        }
    }

    fn of_serial(&mut self, document: &Value) {
        if let Some(serial) = document.get("serial").and_then(Value::as_str)
            && serial != "unknown"
        {
            self.number(serial);
        }
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
            let apart = Values::of(bytes).apart(bytes);
            for text in [Cow::Owned(apart)].into_iter().chain(narrowed(bytes)) {
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
            for serial in label::serials(bytes) {
                self.serial(serial);
            }
        }
    }

    /// The number of a card in EF(TokenInfo): packed, or as text.
    fn serial(&mut self, serial: &[u8]) {
        match str::from_utf8(serial) {
            Ok(text) if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                self.add(Kind::Number, text);
            }
            _ => self.bcd(serial),
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
        if let [0xA0, 0x81, _, inner @ ..] | [0xA0, 0..=0x7F, inner @ ..] = value {
            value = inner;
        }
        // A value that is cut short is a person's, too.
        let (tag, content) = match value {
            [tag, 0x82, high, low, rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                (*tag, rest.get(..length).unwrap_or(rest))
            }
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
    fn a_number_in_utf16_is_found_either_byte_first() {
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            let wide = "19121212-1212".encode_utf16().flat_map(order);
            let wide: Vec<u8> = wide.collect();
            let views: Vec<_> = narrowed(&wide).collect();
            assert!(views.iter().any(|view| !personal_numbers(view).is_empty()));
        }
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
    fn an_address_ends_with_its_value_whatever_looks_like_a_letter_behind() {
        // rfc822Name, URI, UPN, a PrintableString; behind them a SEQUENCE, an application's tag, a SET.
        for (tag, text) in [
            (0x81, "anna@hemligsson.se"),
            (0x86, "mailto:anna@hemligsson.se"),
            (0x0C, "anna@hemligsson.se"),
            (0x13, "anna@hemligsson.se"),
            (0x04, "anna@hemligsson.se"),
        ] {
            for next in [&b"\x30\x00"[..], b"\x61\x00", b"\x31\x00", b"\x51\x00"] {
                let length = u8::try_from(text.len()).expect("short");
                let value = [&[tag, length], text.as_bytes()].concat();
                let bytes = [&value[..], next].concat();
                let all = u8::try_from(bytes.len()).expect("short");
                let whole = [&[0x30, all], &bytes[..]].concat();
                for bytes in [bytes, whole] {
                    let mut personal = Personal::default();
                    personal.of_contents(&[bytes]);
                    let found: Vec<_> = personal.texts.keys().collect();
                    assert_eq!(found, ["anna@hemligsson.se"], "{tag:02X} {next:02X?}");
                }
            }
        }
        // A number of a person, with a digit that is none of it behind.
        let mut personal = Personal::default();
        personal.of_contents(&[b"\x30\x0E\x0C\x0A1212121212\x30\x00".to_vec()]);
        assert!(personal.texts.contains_key("1212121212"));
    }

    #[test]
    fn the_number_of_the_card_is_known_by_the_directories_alone() {
        let token_info = "303B020100040A9752000002809119228F0C164B6F72746C616220287669727475616C20\
                          6361726429800E54656C69612045494420495035610302047000";
        let trace = format!("00B0000000\n# Received in 0.003 ms: {token_info}9000\n");
        let mut personal = Personal::default();
        personal.of_trace(&trace);
        assert!(personal.texts.contains_key("9752000002809119228"));
        let mut personal = Personal::default();
        personal.of_findings(&serde_json::json!({ "serial": "9752000002809119228" }));
        assert!(personal.texts.contains_key("9752000002809119228"));
        // EF.GDO, and the object of a PIV card with what is printed on it.
        let trace = "00A4000C022F02\n# Received in 0.003 ms: 9000\n00B0000000\n\
                     # Received in 0.003 ms: 5A0A9752000002809119228F9000\n00CB3FFF055C035FC109\n\
                     # Received in 0.003 ms: 53066104\n00C0000004\n# Received in 0.003 ms: 0104456C73619000\n";
        let mut personal = Personal::default();
        personal.of_trace(trace);
        let found: Vec<_> = personal.texts.keys().collect();
        assert_eq!(found, ["9752000002809119228", "Elsa"]);
    }

    #[test]
    fn a_label_is_a_name_unless_it_is_of_words_of_the_trade() {
        let entry = |label: &str| {
            let length = u8::try_from(label.len()).expect("short");
            let attributes = [&[0x30, length + 2, 0x0C, length], label.as_bytes()].concat();
            [&[0x30, length + 4], &attributes[..]].concat()
        };
        let all = [
            entry("Petronella"),
            entry("Legitimering"),
            entry("Bo Ek (auth)"),
        ]
        .concat();
        let trace = format!(
            "00B0000000\n# Received in 0.1 ms: {}9000\n",
            hex::encode_upper(all)
        );
        let mut personal = Personal::default();
        personal.of_labels(&Value::Null, &trace);
        let found: Vec<_> = personal.texts.keys().collect();
        assert_eq!(found, ["Bo Ek", "Petronella"]);
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
