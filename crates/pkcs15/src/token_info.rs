//! EF(TokenInfo), what the card is and can (PKCS#15 §6.9).

use kortlab_apdu::Error;
use kortlab_apdu::error::ErrorKind;
use kortlab_apdu::tlv::{Filler, Reader, Tag, Tlv, object, read_one};

use crate::element::{Element, Unknown};
use crate::error::EncodeError;
use crate::fields::{self, Fields, Writer};
use crate::finding::{Code, Notes, Parsed};
use crate::flags::{Operations, TokenFlags};
use crate::frame::filler;
use crate::oid::Oid;
use crate::schema::Schema;
use crate::time::GeneralizedTime;

/// The content of EF(TokenInfo): a PKCS15TokenInfo (PKCS#15 §6.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenInfo {
    /// 0 for PKCS#15 v1.1 and ISO/IEC 7816-15's v1, 1 for v2.
    pub version: u32,
    /// The card's serial number. Demanded by PKCS#15, optional in ISO/IEC 7816-15.
    pub serial_number: Option<Vec<u8>>,
    /// Who made the card.
    pub manufacturer_id: Option<String>,
    /// What the card is called.
    pub label: Option<String>,
    /// What the card can.
    pub token_flags: TokenFlags,
    /// Security environments.
    pub se_info: Vec<SecurityEnvironmentInfo>,
    /// Record lengths of the directory files, kept as they are.
    pub record_info: Option<Element>,
    /// What the card can compute.
    pub supported_algorithms: Vec<AlgorithmInfo>,
    /// Who issued the card.
    pub issuer_id: Option<String>,
    /// Who holds the card.
    pub holder_id: Option<String>,
    /// When the card was changed last.
    pub last_update: Option<LastUpdate>,
    /// The holder's language, as RFC 1766 has it.
    pub preferred_language: Option<String>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// SecurityEnvironmentInfo (PKCS#15 §6.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityEnvironmentInfo {
    /// The number of the security environment.
    pub se: u32,
    /// Who defined it.
    pub owner: Option<Oid>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// AlgorithmInfo (PKCS#15 §6.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlgorithmInfo {
    /// By what key objects name the algorithm.
    pub reference: u32,
    /// The algorithm's number in PKCS#11.
    pub algorithm: u32,
    /// Its parameters, kept as they are; NULL if it has none.
    pub parameters: Element,
    /// What the card can do with it.
    pub supported_operations: Operations,
    /// Its object identifier.
    pub alg_id: Option<Oid>,
    /// The card's own number of it.
    pub alg_ref: Option<u32>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// LastUpdate (PKCS#15 §6.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastUpdate {
    /// The time itself.
    Time(GeneralizedTime),
    /// Where the time stands, kept as it is.
    Reference(Element),
}

const SCHEMA: Schema = &[
    &[0x02],
    &[0x04],
    &[0x0C],
    &[0x80],
    &[0x03],
    &[0x30],
    &[0xA1],
    &[0xA2],
    &[0x83],
    &[0x84],
    &[0xA5, 0x85],
    &[0x13],
];
const SE_SCHEMA: Schema = &[&[0x02], &[0x06]];
const ALGORITHM_SCHEMA: Schema = &[
    &[0x02],
    &[0x02],
    &[0x05, 0x30, 0x04, 0x06, 0x02],
    &[0x03],
    &[0x06],
    &[0x02],
];
const LAST_UPDATE_SCHEMA: Schema = &[&[0x18, 0x30, 0x13, 0xA3]];

/// The most elements around a TokenInfo that are looked through.
const MAX_WRAPPERS: usize = 4;

impl TokenInfo {
    /// A TokenInfo of version 0 with this serial number, label and flags.
    pub fn new(
        serial_number: impl Into<Vec<u8>>,
        label: impl Into<String>,
        token_flags: TokenFlags,
    ) -> Self {
        Self {
            serial_number: Some(serial_number.into()),
            label: Some(label.into()),
            token_flags,
            ..Self::default()
        }
    }

    /// Reads the content of EF(TokenInfo); `00` and `FF` filler around it is passed over.
    ///
    /// # Errors
    /// There is no SEQUENCE at all, or it is empty.
    pub fn parse(file: &[u8]) -> Result<Parsed<Self>, Error> {
        let mut notes = Notes::default();
        let mut tlv = outermost(file, &mut notes)?;
        for _ in 0..MAX_WRAPPERS {
            let Some(Ok(inner)) = tlv.children().next() else {
                break;
            };
            if inner.tag != Tag::SEQUENCE || inner.raw.len() != tlv.value.len() {
                break;
            }
            let message = "a SEQUENCE around the TokenInfo, which the standard has not";
            notes.warn(Code::ExtraSequence, tlv.offset, message);
            tlv = inner;
        }
        if tlv.value.is_empty() {
            let kind = ErrorKind::Missing { what: "TokenInfo" };
            return Err(Error::new(kind, tlv.offset));
        }
        let value = Self::decode(&tlv, &mut notes);
        Ok(notes.into_parsed(value))
    }

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Self {
        let mut fields = Fields::open("TokenInfo", SCHEMA, tlv, notes);
        let text = |fields: &mut Fields<'_>, name, notes: &mut Notes| {
            fields.read(notes, |tlv, notes| fields::text(name, tlv, notes))
        };
        let version = fields.need("version", notes, |tlv, notes| {
            fields::unsigned("version", tlv, notes)
        });
        if version.is_some_and(|version| version > 1) {
            let message = "a version of TokenInfo that is not known; read like version 1";
            notes.warn(Code::UnknownVersion, tlv.offset, message);
        }
        let serial_number = fields.read(notes, fields::octets);
        if serial_number.is_none() && version == Some(0) {
            let message = "TokenInfo: serialNumber is missing or unreadable";
            notes.warn(Code::MissingElement, tlv.offset, message);
        }
        Self {
            version: version.unwrap_or_default(),
            serial_number,
            manufacturer_id: text(&mut fields, "manufacturerID", notes),
            label: text(&mut fields, "label", notes),
            token_flags: fields
                .need("tokenflags", notes, |tlv, notes| {
                    fields::bits("tokenflags", tlv, notes)
                })
                .unwrap_or_default(),
            se_info: fields
                .read(notes, |tlv, notes| {
                    let decode = SecurityEnvironmentInfo::decode;
                    fields::sequence_of("seInfo", &[0x30], tlv, notes, decode)
                        .filter(|list| !list.is_empty())
                })
                .unwrap_or_default(),
            record_info: fields.read(notes, fields::element),
            supported_algorithms: fields
                .read(notes, |tlv, notes| {
                    let decode = AlgorithmInfo::decode;
                    fields::sequence_of("supportedAlgorithms", &[0x30], tlv, notes, decode)
                        .filter(|list| !list.is_empty())
                })
                .unwrap_or_default(),
            issuer_id: text(&mut fields, "issuerId", notes),
            holder_id: text(&mut fields, "holderId", notes),
            last_update: fields.read(notes, LastUpdate::decode),
            preferred_language: text(&mut fields, "preferredLanguage", notes),
            unknown: fields.finish(notes),
        }
    }

    /// The content in strict DER, without filler. What comes out is read back as this same value.
    ///
    /// # Errors
    /// A value that the standard does not allow, or that was read from damaged bytes and would not
    /// be read back as it is.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let bytes = self.build()?;
        let read = Self::parse(&bytes).map(|read| read.value);
        if read.is_ok_and(|read| read == *self && read.build().as_ref() == Ok(&bytes)) {
            return Ok(bytes);
        }
        Err(EncodeError::NotReadBack {
            what: "TokenInfo",
            index: None,
        })
    }

    fn build(&self) -> Result<Vec<u8>, EncodeError> {
        if self.version == 0 && self.serial_number.is_none() {
            let why = "version 0 demands one";
            return Err(EncodeError::value("serialNumber", why));
        }
        let language = self.preferred_language.as_deref();
        if language.is_some_and(|language| !language.bytes().all(is_printable)) {
            let why = "it is not a PrintableString";
            return Err(EncodeError::value("preferredLanguage", why));
        }
        let record_info = self.record_info.as_ref().map(Element::encode);
        let last_update = self.last_update.as_ref().map(LastUpdate::encode);
        let se_info = list(0x30, &self.se_info, SecurityEnvironmentInfo::encode);
        let algorithms = list(0xA2, &self.supported_algorithms, AlgorithmInfo::encode);
        Writer::new()
            .unsigned(0x02, self.version)
            .maybe_bytes(0x04, self.serial_number.as_deref())
            .maybe_bytes(0x0C, self.manufacturer_id.as_deref())
            .maybe_bytes(0x80, self.label.as_deref())
            .bits(0x03, self.token_flags.bits())
            .maybe(se_info?)
            .maybe(record_info.transpose()?)
            .maybe(algorithms?)
            .maybe_bytes(0x83, self.issuer_id.as_deref())
            .maybe_bytes(0x84, self.holder_id.as_deref())
            .maybe(last_update.transpose()?)
            .maybe_bytes(0x13, language)
            .finish(0x30, &self.unknown)
    }
}

/// The SEQUENCE that the file holds. If its length says more than is there, what is there.
fn outermost<'a>(file: &'a [u8], notes: &mut Notes) -> Result<Tlv<'a>, Error> {
    let start = filler(file);
    let rest = file.get(start..).unwrap_or_default();
    let missing = ErrorKind::Missing { what: "TokenInfo" };
    if rest.first() != Some(&0x30) {
        return Err(Error::new(missing, start));
    }
    if start > 0 {
        let message = "filler before the TokenInfo: middleware that reads it from the first byte on, \
                       such as OpenSC, does not find it, and takes the card for none that it knows";
        notes.warn(Code::ObjectAfterFiller, start, message);
    }
    let tlv = match read_one(rest) {
        Ok(tlv) => tlv,
        Err(error) => {
            if fields::is_indefinite(error) {
                let message = "the TokenInfo has an indefinite length; DER allows none";
                notes.warn(Code::IndefiniteLength, start, message);
            } else {
                fields::structure_error("TokenInfo", error.nested(start), notes);
            }
            let header_len = match error.kind() {
                ErrorKind::Truncated { what: "value", .. } => error.offset(),
                _ => 2,
            };
            let value = without_filler(rest.get(header_len..).unwrap_or_default());
            Tlv {
                tag: Tag::SEQUENCE,
                value,
                offset: 0,
                header_len,
                raw: rest,
                minimal_length: true,
            }
        }
    };
    let tlv = Tlv {
        offset: start,
        ..tlv
    };
    if !tlv.minimal_length {
        fields::length_note(&tlv, notes);
    }
    let end = start + tlv.raw.len();
    let after = file.get(end..).unwrap_or_default();
    if let Some(garbage) = Reader::new(after).at(end).filler(Filler::Skip).next() {
        let offset = garbage.map_or_else(|error| error.offset(), |tlv| tlv.offset);
        let message = "bytes behind the TokenInfo that are not 00 or FF filler";
        notes.warn(Code::Garbage, offset, message);
    }
    Ok(tlv)
}

/// What stands before the filler at the end, which an end-of-contents begins as filler does.
fn without_filler(value: &[u8]) -> &[u8] {
    let mut rest = value;
    while filler(rest) == 0
        && let Ok(element) = read_one(rest)
    {
        rest = rest.get(element.raw.len()..).unwrap_or_default();
    }
    match filler(rest) == rest.len() {
        true => value.get(..value.len() - rest.len()).unwrap_or_default(),
        false => value,
    }
}

fn list<T>(
    tag: u8,
    values: &[T],
    encode: impl Fn(&T) -> Result<Vec<u8>, EncodeError>,
) -> Result<Option<Vec<u8>>, EncodeError> {
    if values.is_empty() {
        return Ok(None);
    }
    let encoded: Vec<_> = values.iter().map(encode).collect::<Result<_, _>>()?;
    Ok(Some(object(tag, &encoded.concat())))
}

const fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'\'' | b'('..=b'/' | b':' | b'=' | b'?')
}

impl SecurityEnvironmentInfo {
    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let mut fields = Fields::open("SecurityEnvironmentInfo", SE_SCHEMA, tlv, notes);
        Some(Self {
            se: fields.need("se", notes, |tlv, notes| fields::unsigned("se", tlv, notes))?,
            owner: fields.read(notes, |tlv, notes| fields::oid("owner", tlv, notes)),
            unknown: fields.finish(notes),
        })
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        Writer::new()
            .unsigned(0x02, self.se)
            .maybe_bytes(0x06, self.owner.as_ref().map(Oid::content))
            .finish(0x30, &self.unknown)
    }
}

impl AlgorithmInfo {
    /// The PKCS#11 mechanism `algorithm` without parameters.
    pub fn new(reference: u32, algorithm: u32, supported_operations: Operations) -> Self {
        Self {
            reference,
            algorithm,
            parameters: Element::null(),
            supported_operations,
            alg_id: None,
            alg_ref: None,
            unknown: Unknown::default(),
        }
    }

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let mut fields = Fields::open("AlgorithmInfo", ALGORITHM_SCHEMA, tlv, notes);
        let number = |fields: &mut Fields<'_>, name, notes: &mut Notes| {
            fields.need(name, notes, |tlv, notes| fields::unsigned(name, tlv, notes))
        };
        Some(Self {
            reference: number(&mut fields, "reference", notes)?,
            algorithm: number(&mut fields, "algorithm", notes)?,
            parameters: fields.need("parameters", notes, fields::element)?,
            supported_operations: fields.need("supportedOperations", notes, |tlv, notes| {
                fields::bits("supportedOperations", tlv, notes)
            })?,
            alg_id: fields.read(notes, |tlv, notes| fields::oid("algId", tlv, notes)),
            alg_ref: fields.read(notes, |tlv, notes| fields::unsigned("algRef", tlv, notes)),
            unknown: fields.finish(notes),
        })
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        Writer::new()
            .unsigned(0x02, self.reference)
            .unsigned(0x02, self.algorithm)
            .element(self.parameters.encode()?)
            .bits(0x03, self.supported_operations.bits())
            .maybe_bytes(0x06, self.alg_id.as_ref().map(Oid::content))
            .maybe_unsigned(0x02, self.alg_ref)
            .finish(0x30, &self.unknown)
    }
}

impl LastUpdate {
    /// Both `A5 11 18 0F …`, as X.680 §31.2.7 has it for a tagged CHOICE, and `85 0F …`.
    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        if !tlv.tag.is_constructed() {
            let time = fields::time("lastUpdate", tlv, notes)?;
            let message = "lastUpdate: its [5] stands in place of its own tag, not around it";
            notes.note(Code::NonDerValue, tlv.offset, message);
            return Some(Self::Time(time));
        }
        let mut fields = Fields::open("lastUpdate", LAST_UPDATE_SCHEMA, tlv, notes);
        let value = fields.read(notes, |tlv, notes| match tlv.tag {
            Tag::GENERALIZED_TIME => fields::time("lastUpdate", tlv, notes).map(Self::Time),
            _ => Some(Self::Reference(Element::of(tlv))),
        })?;
        // Nothing else belongs here; with more in it, the whole is better kept as it is.
        fields.finish(notes).is_empty().then_some(value)
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let inner = match self {
            Self::Time(time) => object(Tag::GENERALIZED_TIME, time.as_str().as_bytes()),
            Self::Reference(element) => element.encode()?,
        };
        Ok(object(0xA5, &inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Parsed<TokenInfo>, Error> {
        TokenInfo::parse(&hex::decode(text.replace(' ', "")).expect("hex"))
    }

    #[test]
    fn a_file_without_a_token_info_is_an_error_with_its_place() {
        for (file, offset) in [("", 0), ("0000 FF", 3), ("00 41", 1), ("00 3000", 1)] {
            let error = parse(file).expect_err("nothing there");
            assert_eq!(error.offset(), offset, "{file}");
        }
    }

    #[test]
    fn filler_before_it_and_an_indefinite_length_are_told_once_and_cost_nothing() {
        let content = "020100 0402AABB 800141 03020560";
        let behind = "00".repeat(40);
        for (file, code, offset) in [
            (
                format!("0000 300E {content} {behind}"),
                Code::ObjectAfterFiller,
                2,
            ),
            (format!("FF 300E {content}"), Code::ObjectAfterFiller, 1),
            (format!("3080 {content} 0000"), Code::IndefiniteLength, 0),
            (
                format!("3080 {content} 0000 {behind}"),
                Code::IndefiniteLength,
                0,
            ),
            (
                format!("3080 {content} 0000 FFFF"),
                Code::IndefiniteLength,
                0,
            ),
            (format!("3080 {content}"), Code::IndefiniteLength, 0),
            (format!("3060 {content} {behind}"), Code::Truncated, 2),
        ] {
            let read = parse(&file).expect("readable");
            assert_eq!(read.value.serial_number, Some(vec![0xAA, 0xBB]), "{file}");
            assert_eq!(read.value.label.as_deref(), Some("A"), "{file}");
            let told: Vec<_> = read
                .findings
                .iter()
                .map(|one| (one.code, one.offset))
                .collect();
            assert_eq!(told, [(code, offset)], "{file}");
        }
    }

    #[test]
    fn a_length_beyond_the_file_costs_nothing_that_is_there() {
        let read = parse("3040 020100 0402AABB 800141 03020560").expect("readable");
        assert_eq!(read.value.serial_number, Some(vec![0xAA, 0xBB]));
        assert_eq!(read.value.label.as_deref(), Some("A"));
        let flags = TokenFlags::LOGIN_REQUIRED | TokenFlags::PRN_GENERATION;
        assert_eq!(read.value.token_flags, flags);
        let codes: Vec<_> = read.findings.iter().map(|one| one.code).collect();
        assert_eq!(codes, [Code::Truncated]);
    }

    #[test]
    fn a_missing_serial_number_is_told_in_version_0_only() {
        let old = parse("3007 020100 03020560").expect("readable");
        assert_eq!(old.findings[0].code, Code::MissingElement);
        let new = parse("3007 020101 03020560").expect("readable");
        assert!(new.is_clean());
        let later = parse("3007 020102 03020560").expect("readable");
        assert_eq!(later.findings[0].code, Code::UnknownVersion);
    }

    #[test]
    fn what_a_later_edition_has_behind_all_others_is_no_fault_and_everything_else_unknown_is() {
        use crate::finding::Severity::{Note, Warning};
        for (file, severity) in [
            // profileIndication [6], in its place and before the flags
            ("300D 020101 03020560 A6040C024142", Note),
            ("300D 020101 A6040C024142 03020560", Warning),
            // a label whose tag has lost or won a bit
            ("300B 020101 8C0241 42 03020560", Warning),
            ("300B 020101 03020560 8C024142", Warning),
            ("300C 020101 03020560 DF21024142", Warning),
        ] {
            let read = parse(file).expect("readable");
            let findings: Vec<_> = read
                .findings
                .iter()
                .map(|one| (one.code, one.severity))
                .collect();
            assert_eq!(findings, [(Code::UnknownElement, severity)], "{file}");
        }
    }

    #[test]
    fn what_cannot_be_valid_is_not_written() {
        let token = TokenInfo::new([0x01], "x", TokenFlags::empty());
        assert!(token.encode().is_ok());
        let without_serial = TokenInfo {
            serial_number: None,
            ..token.clone()
        };
        assert!(without_serial.encode().is_err());
        let with_language = TokenInfo {
            preferred_language: Some("svå".to_owned()),
            ..token
        };
        assert!(with_language.encode().is_err());
    }
}
