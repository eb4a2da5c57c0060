//! Reading a SEQUENCE field by field, leniently, and writing one strictly.
//!
//! A type's fields are a *schema*: for each field, in the order of the standard, the tags it may
//! have. An element that no remaining field can have, and one whose value cannot be read, is set
//! aside as [`Unknown`] with its place, so that it survives.

use core::ops::RangeInclusive;

use kortlab_apdu::ByteCount;
use kortlab_apdu::error::{Error, ErrorKind};
use kortlab_apdu::tlv::{Tlv, object};
use kortlab_apdu::{Command, FilePath};

use crate::element::{Element, Unknown, minimal_integer};
use crate::error::EncodeError;
use crate::finding::{Code, Notes};
use crate::flags;
use crate::oid::Oid;
use crate::schema::{Field, Schema, has};
use crate::time::GeneralizedTime;

/// In an application template: command to perform, discretionary data, URL.
const TEMPLATE_TAGS: [u32; 3] = [COMMAND_TO_PERFORM, 0x53, 0x5F50];

/// One command APDU (ISO/IEC 7816-4 §8.2.1.1).
const COMMAND_TO_PERFORM: u32 = 0x52;

/// What ISO/IEC 7816-15:2016 has behind the elements of these SEQUENCEs, and is not read here.
const LATER: &[(&str, &[u32])] = &[
    // aid
    ("DDO", &[0x4F]),
    // profileIndication
    ("TokenInfo", &[0xA6]),
    // generalName; keyIdentifiers
    ("CommonPrivateKeyAttributes", &[0xA1]),
    ("CommonPublicKeyAttributes", &[0xA2]),
    // validity
    ("CommonCertificateAttributes", &[0xA4]),
    // verifDataHistoryLength, cioSecurityId
    ("PinAttributes", &[0x81, 0x82]),
];

/// The most elements of one SEQUENCE that are read.
pub(crate) const MAX_ELEMENTS: usize = 256;

/// A SEQUENCE that is being read.
pub(crate) struct Fields<'a> {
    what: &'static str,
    schema: Schema,
    field: usize,
    /// Each with the number of the field that took it.
    elements: Vec<(Tlv<'a>, Option<usize>)>,
    position: usize,
    offset: usize,
}

impl<'a> Fields<'a> {
    /// Opens the SEQUENCE `outer`, which is a `what`.
    pub(crate) fn open(
        what: &'static str,
        schema: Schema,
        outer: &Tlv<'a>,
        notes: &mut Notes,
    ) -> Self {
        Self {
            what,
            schema,
            field: 0,
            elements: elements(what, outer, notes)
                .into_iter()
                .map(|element| (element, None))
                .collect(),
            position: 0,
            offset: outer.offset,
        }
    }

    /// The next field of the schema, if it is there and `decode` can read it.
    pub(crate) fn read<T>(
        &mut self,
        notes: &mut Notes,
        decode: impl FnOnce(&Tlv<'a>, &mut Notes) -> Option<T>,
    ) -> Option<T> {
        let remaining = self.schema.get(self.field..)?;
        let field = remaining.first()?;
        self.field += 1;
        while let Some((element, _)) = self.elements.get(self.position) {
            if remaining.iter().any(|tags| has(tags, element.tag)) {
                break;
            }
            self.position += 1;
        }
        let (element, taken) = self.elements.get_mut(self.position)?;
        if !has(field, element.tag) {
            return None;
        }
        self.position += 1;
        let value = decode(element, notes);
        *taken = value.is_some().then_some(self.field);
        value
    }

    /// The next field of the schema, which the standard demands; its name is `name`. It is
    /// looked for behind elements that are out of order. If it cannot be read it is not kept, for
    /// a readable one will be written in its place.
    pub(crate) fn need<T>(
        &mut self,
        name: &'static str,
        notes: &mut Notes,
        decode: impl FnOnce(&Tlv<'a>, &mut Notes) -> Option<T>,
    ) -> Option<T> {
        let field = self.schema.get(self.field).copied().unwrap_or_default();
        self.field += 1;
        let ahead = self.elements.get_mut(self.position..).unwrap_or_default();
        let found = ahead
            .iter_mut()
            .enumerate()
            .find(|(_, (element, _))| has(field, element.tag));
        let value = match found {
            None => None,
            Some((distance, (element, taken))) => {
                self.position += distance + 1;
                *taken = Some(self.field);
                decode(element, notes)
            }
        };
        if value.is_none() {
            let message = format_args!("{}: {name} is missing or unreadable", self.what);
            notes.error(Code::MissingElement, self.offset, message);
        }
        value
    }

    /// What is left: elements that no field took.
    pub(crate) fn finish(self, notes: &mut Notes) -> Unknown {
        let mut unknown = Unknown::default();
        let mut before = 0;
        for (index, (element, taken)) in self.elements.iter().enumerate() {
            if let Some(field) = taken {
                before = *field;
                continue;
            }
            unknown.push_after(before, Element::of(element));
            let (what, tag) = (self.what, element.tag);
            if self.schema.iter().any(|tags| has(tags, tag)) {
                let message = format_args!(
                    "{what}: the element with tag {tag} is unreadable, out of order or one too \
                     many; it is kept as it is"
                );
                notes.warn(Code::MisplacedElement, element.offset, message);
            } else if self.is_an_extension(index) {
                let message = format_args!(
                    "{what}: the element with tag {tag} is not looked at; it is kept as it is"
                );
                notes.note(Code::UnknownElement, element.offset, message);
            } else {
                let message = format_args!(
                    "{what}: the element with tag {tag} is none that the standard has there, in \
                     any edition: damage, or an issuer's own; it is kept as it is"
                );
                notes.warn(Code::UnknownElement, element.offset, message);
            }
        }
        unknown
    }

    /// Whether a later edition of the standard has the element with this index, behind all others;
    /// or, in EF.DIR, ISO/IEC 7816-4 §8.2.1.1 beside those of PKCS#15. Any other may be what damage
    /// makes of a label, a flag or a number.
    fn is_an_extension(&self, index: usize) -> bool {
        let mut rest = self.elements.iter().skip(index);
        let Some((element, _)) = rest.next() else {
            return false;
        };
        let tag = element.tag.value();
        let of_this = |(what, _): &&(&str, _)| *what == self.what;
        let later = LATER.iter().find(of_this);
        if later.is_some_and(|(_, tags)| tags.contains(&tag)) {
            return rest.all(|(_, taken)| taken.is_none());
        }
        let mut known = self.schema.iter().copied().flatten();
        let in_template = known.any(|known| known & 0xC0 == 0x40);
        in_template
            && TEMPLATE_TAGS.contains(&tag)
            && (tag != COMMAND_TO_PERFORM || Command::parse(element.value).is_ok())
    }
}

/// The elements in `outer`, which is a `what`: all that can be read.
pub(crate) fn elements<'a>(what: &str, outer: &Tlv<'a>, notes: &mut Notes) -> Vec<Tlv<'a>> {
    let mut elements = Vec::new();
    for element in outer.children() {
        match element {
            Ok(element) if elements.len() < MAX_ELEMENTS => {
                if !element.minimal_length {
                    length_note(&element, notes);
                }
                elements.push(element);
            }
            Ok(element) => {
                let message =
                    format_args!("{what}: more than {MAX_ELEMENTS} elements; the rest is not read");
                notes.error(Code::TooMany, element.offset, message);
                break;
            }
            Err(error) => {
                structure_error(what, error, notes);
                break;
            }
        }
    }
    elements
}

/// The elements of the SEQUENCE OF `outer`, each read by `decode`. `None` if any cannot be read:
/// then the whole list is better kept as it is.
pub(crate) fn sequence_of<'a, T>(
    what: &'static str,
    tags: &[u8],
    outer: &Tlv<'a>,
    notes: &mut Notes,
    mut decode: impl FnMut(&Tlv<'a>, &mut Notes) -> Option<T>,
) -> Option<Vec<T>> {
    let mut values = Vec::new();
    let mut end = outer.value_offset();
    for element in elements(what, outer, notes) {
        end = element.offset + element.raw.len();
        let value = if has(tags, element.tag) {
            decode(&element, notes)
        } else {
            None
        };
        let Some(value) = value else {
            let message = format_args!(
                "{what}: the element with tag {} cannot be read; the list is kept as it is",
                element.tag
            );
            notes.warn(Code::BadValue, element.offset, message);
            return None;
        };
        values.push(value);
    }
    (end == outer.value_offset() + outer.value.len()).then_some(values)
}

/// Records that the structure of a `what` breaks.
pub(crate) fn structure_error(what: &str, error: Error, notes: &mut Notes) {
    let code = match error.kind() {
        _ if is_indefinite(error) => Code::IndefiniteLength,
        ErrorKind::Truncated { .. } => Code::Truncated,
        ErrorKind::TooDeep { .. } => Code::TooDeep,
        _ => Code::BadValue,
    };
    let message = format_args!("{what}: {}; what follows in it is not read", error.kind());
    notes.error(code, error.offset(), message);
}

/// Whether it is an indefinite length that could not be read.
pub(crate) fn is_indefinite(error: Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        ErrorKind::Invalid {
            what: "length",
            found: 0x80
        }
    )
}

pub(crate) fn length_note(element: &Tlv<'_>, notes: &mut Notes) {
    let message = format_args!(
        "the length of the element with tag {} takes more bytes than it needs; a reader of DER \
         refuses the file",
        element.tag
    );
    notes.warn(Code::NonMinimalLength, element.offset, message);
}

// Values. Each returns `None` and a finding if there is no value to be had.

/// A non-negative INTEGER of at most 32 bits. A negative one is taken as the unsigned number that
/// its bytes spell: `81` for 129, as cards and middleware write PIN references.
pub(crate) fn unsigned(what: &'static str, tlv: &Tlv<'_>, notes: &mut Notes) -> Option<u32> {
    let Some(&first) = tlv.value.first() else {
        let message = format_args!("{what}: a number of no bytes");
        notes.warn(Code::BadValue, tlv.offset, message);
        return None;
    };
    let significant = match tlv.value {
        [0x00, rest @ ..] => rest,
        whole => whole,
    };
    let zeros = significant.iter().take_while(|&&byte| byte == 0).count();
    let significant = significant.get(zeros..).unwrap_or_default();
    if significant.len() > 4 {
        let message = format_args!("{what}: a number of more than 32 bits");
        notes.warn(Code::BadValue, tlv.offset, message);
        return None;
    }
    let value = significant
        .iter()
        .fold(0_u32, |value, &byte| value << 8 | u32::from(byte));
    if first >= 0x80 {
        let message = format_args!(
            "{what}: written as a negative number and read as {value}; \
             DER puts 00 before a first byte of 80 or more"
        );
        notes.note(Code::NegativeNumber, tlv.offset, message);
    } else if minimal_integer(tlv.value).len() != tlv.value.len() {
        let message = format_args!("{what}: the number {value} has superfluous leading bytes");
        notes.note(Code::NonDerValue, tlv.offset, message);
    }
    Some(value)
}

/// The same, and a finding if it is none of `range`.
pub(crate) fn unsigned_in(
    range: RangeInclusive<u32>,
    what: &'static str,
    tlv: &Tlv<'_>,
    notes: &mut Notes,
) -> Option<u32> {
    let value = unsigned(what, tlv, notes)?;
    if !range.contains(&value) {
        let (least, most) = range.into_inner();
        let message = format_args!("{what}: {value}, and the standard has {least} to {most}");
        notes.warn(Code::BadValue, tlv.offset, message);
    }
    Some(value)
}

/// An INTEGER of any size: its content.
pub(crate) fn integer(what: &'static str, tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Vec<u8>> {
    let minimal = minimal_integer(tlv.value);
    if minimal.is_empty() {
        let message = format_args!("{what}: a number of no bytes");
        notes.warn(Code::BadValue, tlv.offset, message);
        return None;
    }
    if minimal.len() != tlv.value.len() {
        let message = format_args!("{what}: the number has superfluous leading bytes");
        notes.note(Code::NonDerValue, tlv.offset, message);
    }
    Some(minimal.to_vec())
}

/// An INTEGER with this content, which must be in its shortest form.
pub(crate) fn integer_to_der(content: &[u8]) -> Result<Vec<u8>, EncodeError> {
    if content.is_empty() || minimal_integer(content).len() != content.len() {
        let why = "its content is empty or not in the shortest form";
        return Err(EncodeError::value("INTEGER", why));
    }
    Ok(object(0x02_u8, content))
}

/// A BOOLEAN.
pub(crate) fn boolean(what: &'static str, tlv: &Tlv<'_>, notes: &mut Notes) -> Option<bool> {
    match tlv.value {
        [0x00] => Some(false),
        [0xFF] => Some(true),
        [other] => {
            let message = format_args!("{what}: TRUE is written as {other:02X}, not as FF");
            notes.note(Code::NonDerValue, tlv.offset, message);
            Some(true)
        }
        _ => {
            let message = format_args!("{what}: a BOOLEAN of {}", ByteCount(tlv.value.len()));
            notes.warn(Code::BadValue, tlv.offset, message);
            None
        }
    }
}

/// A UTF8String. What is not UTF-8 is read as ISO 8859-1. Control characters are what a wrong length
/// takes in of the next element; `00` behind it is how some cards fill it up.
pub(crate) fn text(what: &'static str, tlv: &Tlv<'_>, notes: &mut Notes) -> Option<String> {
    Some(match core::str::from_utf8(tlv.value) {
        Ok(text) => {
            let told = text.trim_end_matches('\0');
            if let Some(place) = told.find(char::is_control) {
                let message = format_args!("{what}: a control character in it");
                notes.warn(Code::BadValue, tlv.value_offset() + place, message);
            }
            text.to_owned()
        }
        Err(error) => {
            let offset = tlv.value_offset() + error.valid_up_to();
            let message = format_args!("{what}: not UTF-8; read as ISO 8859-1");
            notes.warn(Code::NotUtf8, offset, message);
            tlv.value.iter().map(|&byte| char::from(byte)).collect()
        }
    })
}

/// A BIT STRING with named bits.
pub(crate) fn bits<T: From<u32>>(
    what: &'static str,
    tlv: &Tlv<'_>,
    notes: &mut Notes,
) -> Option<T> {
    let read = flags::read(tlv.value);
    if let Some(irregular) = read.irregular {
        let message = format_args!("{what}: {irregular}");
        if irregular == flags::TRAILING_ZEROS {
            notes.note(Code::NonDerValue, tlv.offset, message);
        } else {
            // OpenSC, for one, does not read the file on behind it.
            notes.warn(Code::NonDerValue, tlv.offset, message);
        }
    }
    Some(read.bits.into())
}

/// An OCTET STRING.
pub(crate) fn octets(tlv: &Tlv<'_>, _: &mut Notes) -> Option<Vec<u8>> {
    Some(tlv.value.to_vec())
}

/// An OCTET STRING that is a path, whole or not.
pub(crate) fn file_path(tlv: &Tlv<'_>, _: &mut Notes) -> Option<FilePath> {
    Some(tlv.value.into())
}

/// Any element, kept as it is.
pub(crate) fn element(tlv: &Tlv<'_>, _: &mut Notes) -> Option<Element> {
    Some(Element::of(tlv))
}

/// A GeneralizedTime.
pub(crate) fn time(
    what: &'static str,
    tlv: &Tlv<'_>,
    notes: &mut Notes,
) -> Option<GeneralizedTime> {
    let time = core::str::from_utf8(tlv.value)
        .ok()
        .and_then(|text| GeneralizedTime::new(text).ok());
    if time.is_none() {
        let message = format_args!("{what}: not a time of the form YYYYMMDDhhmmssZ");
        notes.warn(Code::BadValue, tlv.offset, message);
    }
    time
}

/// An OBJECT IDENTIFIER.
pub(crate) fn oid(what: &'static str, tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Oid> {
    let oid = Oid::from_content(tlv.value);
    if oid.is_none() {
        let message = format_args!("{what}: not an OBJECT IDENTIFIER");
        notes.warn(Code::BadValue, tlv.offset, message);
    }
    oid
}

/// A SEQUENCE that is being written: one call for each field of its schema, in that order.
#[derive(Default)]
pub(crate) struct Writer {
    schema: Schema,
    fields: Vec<Field>,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Writes a SEQUENCE that is read by this schema, one with DEFAULT values.
    pub(crate) fn of(schema: Schema) -> Self {
        Self {
            schema,
            fields: Vec::new(),
        }
    }

    /// Adds a field that is encoded already.
    pub(crate) fn element(self, element: Vec<u8>) -> Self {
        self.maybe(Some(element))
    }

    /// Adds a field that is encoded already, or says that it is absent.
    pub(crate) fn maybe(mut self, element: Option<Vec<u8>>) -> Self {
        self.fields
            .push(element.map_or(Field::Absent, Field::Present));
        self
    }

    /// Adds a field that is encoded already; `default` says that it has its DEFAULT value.
    pub(crate) fn unless(mut self, default: bool, element: Vec<u8>) -> Self {
        self.fields.push(if default {
            Field::Default(element)
        } else {
            Field::Present(element)
        });
        self
    }

    /// Adds a field with this value.
    pub(crate) fn bytes(self, tag: u8, value: &[u8]) -> Self {
        self.element(object(tag, value))
    }

    pub(crate) fn unsigned(self, tag: u8, value: u32) -> Self {
        self.element(unsigned_to_der(tag, value))
    }

    pub(crate) fn maybe_unsigned(self, tag: u8, value: Option<u32>) -> Self {
        self.maybe(value.map(|value| unsigned_to_der(tag, value)))
    }

    pub(crate) fn maybe_bytes(self, tag: u8, value: Option<impl AsRef<[u8]>>) -> Self {
        self.maybe(value.map(|value| object(tag, value.as_ref())))
    }

    pub(crate) fn bits(self, tag: u8, bits: u32) -> Self {
        self.element(object(tag, &flags::write(bits)))
    }

    pub(crate) fn maybe_bits(self, tag: u8, bits: Option<u32>) -> Self {
        self.maybe(bits.map(|bits| object(tag, &flags::write(bits))))
    }

    /// The SEQUENCE with this tag, the unknown elements put back.
    pub(crate) fn finish(self, tag: u8, unknown: &Unknown) -> Result<Vec<u8>, EncodeError> {
        Ok(object(tag, &unknown.weave(self.schema, &self.fields)?))
    }
}

/// A non-negative INTEGER in its shortest form.
pub(crate) fn unsigned_to_der(tag: u8, value: u32) -> Vec<u8> {
    let bytes = u64::from(value).to_be_bytes();
    object(tag, minimal_integer(&bytes))
}

/// A BOOLEAN with this tag.
pub(crate) fn boolean_to_der(tag: u8, value: bool) -> Vec<u8> {
    object(tag, &[if value { 0xFF } else { 0x00 }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_apdu::tlv::{Tag, read_one};
    use proptest::prelude::*;

    fn unsigned_from(content: &[u8]) -> (Option<u32>, Vec<Code>) {
        let bytes = object(Tag::INTEGER, content);
        let mut notes = Notes::default();
        let value = unsigned("x", &read_one(&bytes).expect("built"), &mut notes);
        let parsed = notes.into_parsed(value);
        let codes = parsed.findings.iter().map(|found| found.code).collect();
        (parsed.value, codes)
    }

    #[test]
    fn a_reference_of_129_is_read_with_and_without_its_leading_zero() {
        assert_eq!(unsigned_from(&[0x00, 0x81]), (Some(0x81), vec![]));
        assert_eq!(
            unsigned_from(&[0x81]),
            (Some(0x81), vec![Code::NegativeNumber])
        );
    }

    #[test]
    fn numbers_out_of_range_are_told_and_not_read() {
        assert_eq!(unsigned_from(&[]), (None, vec![Code::BadValue]));
        assert_eq!(unsigned_from(&[1; 5]), (None, vec![Code::BadValue]));
        assert_eq!(
            unsigned_from(&[0, 0, 0, 0, 0, 0, 7]),
            (Some(7), vec![Code::NonDerValue])
        );
    }

    #[test]
    fn a_default_is_left_out_unless_a_superfluous_element_would_take_its_place() {
        let write = |elements: &[(usize, &str)]| {
            let mut unknown = Unknown::default();
            for &(before, element) in elements {
                let element = hex::decode(element).expect("hex");
                unknown.push_after(before, Element::new(element).expect("an element"));
            }
            let zero = unsigned_to_der(0x80, 0);
            let writer = Writer::of(&[&[0x80], &[0x04]]).unless(true, zero);
            let written = writer.finish(0x30, &unknown);
            hex::encode(written.expect("in order"))
        };
        assert_eq!(write(&[(1, "810107")]), "3003810107");
        assert_eq!(write(&[(0, "8000")]), "30028000");
        assert_eq!(write(&[(1, "800107")]), "3006800100800107");
        let foreign = write(&[(0, "0500"), (1, "800107")]);
        assert_eq!(foreign, "30080500800100800107");
        // The reader stops at the pad character and looks for the default no more.
        let stopped = write(&[(0, "040100"), (1, "800107")]);
        assert_eq!(stopped, "3006040100800107");
    }

    #[test]
    fn unknown_misplaced_and_unreadable_elements_are_set_aside_with_their_place() {
        const SCHEMA: Schema = &[&[0x0C], &[0x02], &[0x04]];
        let content =
            hex::decode("5F0100 0C0141 0200 040101 0C0142".replace(' ', "")).expect("hex");
        let outer = object(Tag::SEQUENCE, &content);
        let mut notes = Notes::default();
        let tlv = read_one(&outer).expect("built");
        let mut fields = Fields::open("test", SCHEMA, &tlv, &mut notes);
        let label = fields.read(&mut notes, |tlv, notes| text("label", tlv, notes));
        let number = fields.read(&mut notes, |tlv, notes| unsigned("number", tlv, notes));
        let id = fields.read(&mut notes, octets);
        let unknown = fields.finish(&mut notes);
        assert_eq!(label.as_deref(), Some("A"));
        assert_eq!(number, None);
        assert_eq!(id, Some(vec![1]));
        let kept: Vec<_> = unknown
            .elements()
            .map(|one| hex::encode(one.bytes()))
            .collect();
        assert_eq!(kept, ["5f0100", "0200", "0c0142"]);
        let codes: Vec<_> = notes
            .into_parsed(())
            .findings
            .iter()
            .map(|f| f.code)
            .collect();
        assert_eq!(
            codes,
            [
                Code::BadValue,
                Code::UnknownElement,
                Code::MisplacedElement,
                Code::MisplacedElement
            ]
        );
    }

    proptest! {
        #[test]
        fn numbers_survive(value: u32) {
            let bytes = unsigned_to_der(0x02, value);
            let mut notes = Notes::default();
            prop_assert_eq!(unsigned("x", &read_one(&bytes).expect("built"), &mut notes), Some(value));
            prop_assert!(notes.into_parsed(()).is_clean());
        }
    }
}
