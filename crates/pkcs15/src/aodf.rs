//! EF(AODF), authentication objects: PINs and their like (PKCS#15 §6.8).

pub mod pin_rules;

use core::fmt;

use kortlab_apdu::tlv::{Tlv, object};

use crate::common::{CommonObjectAttributes, Path};
use crate::directory::{self, Directory, NO_SUB_CLASS, ObjectUnknown, sealed};
use crate::element::{Element, Unknown};
use crate::error::EncodeError;
use crate::fields::{self, Fields, Writer};
use crate::finding::{Code, Notes};
use crate::flags::PinFlags;
use crate::frame::Shape;
use crate::id::Id;
use crate::schema::Schema;
use crate::time::GeneralizedTime;

use self::pin_rules::PinContradiction;

/// The content of EF(AODF).
pub type Aodf = Directory<AuthenticationObject>;

/// An AuthenticationType (PKCS#15 §6.8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationObject {
    /// Label and flags; its authId names the object that unblocks this one.
    pub common: CommonObjectAttributes,
    /// By what other objects name this one.
    pub authentication: CommonAuthenticationObjectAttributes,
    /// What depends on the kind of object.
    pub attributes: AuthenticationAttributes,
    /// Elements that this version does not know.
    pub unknown: ObjectUnknown,
}

/// CommonAuthenticationObjectAttributes (PKCS#15 §6.1.16).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommonAuthenticationObjectAttributes {
    /// The identifier by which the authId of other objects names this one.
    pub auth_id: Id,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// What depends on the kind of an authentication object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthenticationAttributes {
    /// A PIN or password.
    Pin(PinAttributes),
    /// Another kind: 0 biometric template, 1 authentication key, 2 external authentication.
    Other {
        /// The number of the alternative.
        choice: u8,
        /// The typeAttributes, kept as they are.
        attributes: Element,
    },
}

/// PinAttributes (PKCS#15 §6.8.2). Lengths are in characters, the stored length in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PinAttributes {
    /// What may be done with the PIN, and how it goes to the card.
    pub flags: PinFlags,
    /// How its characters are coded.
    pub pin_type: PinType,
    /// The fewest characters it may have.
    pub min_length: u32,
    /// How many bytes the card stores and takes; 0 if not fixed.
    pub stored_length: u32,
    /// The most characters it may have.
    pub max_length: Option<u32>,
    /// The card's reference: P2 of VERIFY. Always unsigned; the greatest number there is where what
    /// stands there is none, or greater than that: 0, the default, would be another PIN's.
    pub reference: u32,
    /// With what it is padded.
    pub pad_char: Option<u8>,
    /// When it was changed last.
    pub last_change: Option<GeneralizedTime>,
    /// The DF in which it is valid.
    pub path: Option<Path>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// PinType (PKCS#15 §6.8.2): how the characters of a PIN are coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PinType {
    /// Two digits a byte.
    Bcd,
    /// One ASCII digit a byte.
    #[default]
    AsciiNumeric,
    /// UTF-8.
    Utf8,
    /// One digit a byte, in its lower half.
    HalfNibbleBcd,
    /// ISO 9564-1.
    Iso9564,
    /// One that this version does not know.
    Other(u8),
}

const COMMON_SCHEMA: Schema = &[&[0x04]];
const PIN_SCHEMA: Schema = &[
    &[0x03],
    &[0x0A],
    &[0x02],
    &[0x02],
    &[0x02],
    &[0x80],
    &[0x04],
    &[0x18],
    &[0x30],
];
const TYPE_SCHEMA: Schema = &[&[0x30]];

impl AuthenticationObject {
    /// A PIN that other objects name by `auth_id`.
    pub fn pin(common: CommonObjectAttributes, auth_id: impl Into<Id>, pin: PinAttributes) -> Self {
        Self {
            common,
            authentication: CommonAuthenticationObjectAttributes {
                auth_id: auth_id.into(),
                unknown: Unknown::default(),
            },
            attributes: AuthenticationAttributes::Pin(pin),
            unknown: ObjectUnknown::default(),
        }
    }

    /// The identifier by which the authId of other objects names this one.
    pub fn auth_id(&self) -> &Id {
        &self.authentication.auth_id
    }

    /// The PIN's attributes, if the object is a PIN.
    pub fn pin_attributes(&self) -> Option<&PinAttributes> {
        match &self.attributes {
            AuthenticationAttributes::Pin(pin) => Some(pin),
            AuthenticationAttributes::Other { .. } => None,
        }
    }
}

impl PinAttributes {
    /// Whether the PIN unblocks others: a PUK.
    pub fn is_unblocking(&self) -> bool {
        self.flags.contains(PinFlags::UNBLOCKING_PIN)
    }

    /// The reference as P2 of VERIFY, if it fits there.
    pub fn p2(&self) -> Option<u8> {
        u8::try_from(self.reference).ok()
    }

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let mut fields = Fields::open("PinAttributes", PIN_SCHEMA, tlv, notes);
        let number = |fields: &mut Fields<'_>, name, notes: &mut Notes| {
            fields.need(name, notes, |tlv, notes| length(name, tlv, notes))
        };
        let flags = fields
            .need("pinFlags", notes, |tlv, notes| {
                fields::bits("pinFlags", tlv, notes)
            })
            .unwrap_or_default();
        let pin_type = fields
            .need("pinType", notes, PinType::decode)
            .unwrap_or_default();
        let min_length = number(&mut fields, "minLength", notes).unwrap_or_default();
        let stored_length = number(&mut fields, "storedLength", notes).unwrap_or_default();
        let pin = Self {
            flags,
            pin_type,
            min_length,
            stored_length,
            max_length: fields.read(notes, |tlv, notes| length("maxLength", tlv, notes)),
            reference: fields
                .read(notes, |tlv, notes| {
                    Some(fields::unsigned("pinReference", tlv, notes).unwrap_or(u32::MAX))
                })
                .unwrap_or_default(),
            pad_char: fields.read(notes, pad_char),
            last_change: fields.read(notes, |tlv, notes| {
                fields::time("lastPinChange", tlv, notes)
            }),
            path: fields.read(notes, |tlv, notes| directory_of(flags, tlv, notes)),
            unknown: fields.finish(notes),
        };
        pin.check(tlv.offset, notes);
        Some(pin)
    }

    fn check(&self, offset: usize, notes: &mut Notes) {
        for why in self.contradictions() {
            // What is no known coding was told when it was read.
            if !matches!(why, PinContradiction::UnknownCoding(_)) {
                notes.warn(
                    Code::PinLengths,
                    offset,
                    format_args!("the PIN's rules contradict each other: {why}"),
                );
            }
        }
        // Taken for no limit, as OpenSC takes it.
        if self.max_length == Some(0) && self.min_length > 0 {
            notes.warn(
                Code::PinLengths,
                offset,
                format_args!(
                    "maxLength is 0, below minLength {}: it is taken for no limit; programs that take \
                     it at its word refuse every PIN",
                    self.min_length
                ),
            );
        }
        if self.reference > 0xFF {
            let message = format_args!(
                "pinReference: {} does not fit P2 of VERIFY, so that the card can neither be asked \
                 for the PIN's state nor be given the PIN",
                self.reference
            );
            notes.warn(Code::BadValue, offset, message);
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        if self.reference > 0xFF {
            let why = format!("{} does not fit one byte", self.reference);
            return Err(EncodeError::value("pinReference", why));
        }
        let path = self.path.as_ref().map(Path::encode);
        Writer::of(PIN_SCHEMA)
            .bits(0x03, self.flags.bits())
            .element(fields::unsigned_to_der(0x0A, self.pin_type.number().into()))
            .unsigned(0x02, self.min_length)
            .unsigned(0x02, self.stored_length)
            .maybe_unsigned(0x02, self.max_length)
            .unless(
                self.reference == 0,
                fields::unsigned_to_der(0x80, self.reference),
            )
            .maybe(self.pad_char.map(|pad| object(0x04, &[pad])))
            .maybe_bytes(0x18, self.last_change.as_ref().map(GeneralizedTime::as_str))
            .maybe(path.transpose()?)
            .finish(0x30, &self.unknown)
    }
}

/// A length. One that is too great to be read is the greatest that there is, so that it fits nothing
/// which it does not fit.
fn length(what: &'static str, tlv: &Tlv<'_>, notes: &mut Notes) -> Option<u32> {
    let number = fields::unsigned(what, tlv, notes);
    if tlv.value.first().is_some_and(|&first| first >= 0x80) {
        let message = format_args!("{what}: negative, which no length is");
        notes.warn(Code::BadValue, tlv.offset, message);
    }
    number.or_else(|| (!tlv.value.is_empty()).then_some(u32::MAX))
}

/// The path of the DF in which the PIN is valid. It may be left out (PKCS#15 §6.8.2); one that is there
/// and empty names none.
fn directory_of(flags: PinFlags, tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Path> {
    let path = Path::decode_any(tlv, notes)?;
    if path.path.is_empty() && flags.contains(PinFlags::LOCAL) {
        let message = "the path is empty: it names no directory (DF), and the PIN is local to one; \
                       it is taken to be that of the application";
        notes.warn(Code::EmptyPath, tlv.offset, message);
    } else if path.path.is_empty() {
        let message = "the path is empty: it names no directory (DF); it is taken to be left out";
        notes.note(Code::EmptyPath, tlv.offset, message);
    }
    Some(path)
}

fn pad_char(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<u8> {
    if let [pad] = tlv.value {
        return Some(*pad);
    }
    let message = format_args!("padChar: {} bytes instead of one", tlv.value.len());
    notes.warn(Code::BadValue, tlv.offset, message);
    None
}

impl PinType {
    const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Bcd,
            1 => Self::AsciiNumeric,
            2 => Self::Utf8,
            3 => Self::HalfNibbleBcd,
            4 => Self::Iso9564,
            other => Self::Other(other),
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Bcd => 0,
            Self::AsciiNumeric => 1,
            Self::Utf8 => 2,
            Self::HalfNibbleBcd => 3,
            Self::Iso9564 => 4,
            Self::Other(number) => number,
        }
    }

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let number = fields::unsigned("pinType", tlv, notes)?;
        let number = u8::try_from(number).ok();
        if number.is_none_or(|number| number > 4) {
            let message = "pinType: a coding that is not known";
            notes.warn(Code::BadValue, tlv.offset, message);
        }
        number.map(Self::from_number)
    }
}

impl fmt::Display for PinType {
    /// The name as the standard spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bcd => "bcd",
            Self::AsciiNumeric => "ascii-numeric",
            Self::Utf8 => "utf8",
            Self::HalfNibbleBcd => "half-nibble-bcd",
            Self::Iso9564 => "iso9564-1",
            Self::Other(number) => return write!(f, "type {number}"),
        })
    }
}

impl CommonAuthenticationObjectAttributes {
    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Self {
        let what = "CommonAuthenticationObjectAttributes";
        let mut fields = Fields::open(what, COMMON_SCHEMA, tlv, notes);
        Self {
            auth_id: fields.need("authId", notes, Id::decode).unwrap_or_default(),
            unknown: fields.finish(notes),
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        Writer::new()
            .element(self.auth_id.encode("authId")?)
            .finish(0x30, &self.unknown)
    }
}

impl sealed::Object for AuthenticationObject {
    const SHAPE: Shape = directory::object_shape("authentication object");

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let what = "authentication object";
        let parts = directory::take_apart(what, tlv, NO_SUB_CLASS, TYPE_SCHEMA, notes)?;
        let authentication = CommonAuthenticationObjectAttributes::decode(&parts.class, notes);
        let attributes = match directory::choice(tlv)? {
            None => {
                AuthenticationAttributes::Pin(PinAttributes::decode(&parts.type_attributes, notes)?)
            }
            Some(choice) => AuthenticationAttributes::Other {
                choice,
                attributes: Element::of(&parts.type_attributes),
            },
        };
        Some(Self {
            authentication,
            attributes,
            common: parts.common,
            unknown: parts.unknown,
        })
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let (choice, attributes) = match &self.attributes {
            AuthenticationAttributes::Pin(pin) => (None, pin.encode()?),
            AuthenticationAttributes::Other { choice, attributes } => {
                (Some(*choice), attributes.encode()?)
            }
        };
        directory::put_together(
            directory::choice_tag(choice),
            &self.common,
            self.authentication.encode()?,
            None,
            attributes,
            &self.unknown,
        )
    }

    fn label(&self) -> Option<&str> {
        self.common.label.as_deref()
    }

    fn identifier(&self) -> Option<&Id> {
        Some(&self.authentication.auth_id)
    }

    fn unique(&self) -> Option<(&'static str, Vec<u8>)> {
        Some(("authId", self.authentication.auth_id.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(attributes: PinAttributes) -> Aodf {
        let common = CommonObjectAttributes::labelled("p");
        Aodf::new([AuthenticationObject::pin(common, 0x01, attributes)])
    }

    fn valid() -> PinAttributes {
        PinAttributes {
            flags: PinFlags::NEEDS_PADDING,
            min_length: 6,
            stored_length: 8,
            max_length: Some(8),
            reference: 0x82,
            pad_char: Some(0x00),
            ..PinAttributes::default()
        }
    }

    #[test]
    fn a_reference_is_p2_of_verify_and_one_that_does_not_fit_is_not_written() {
        assert_eq!(valid().p2(), Some(0x82));
        let too_large = PinAttributes {
            reference: 0x100,
            ..valid()
        };
        assert_eq!(too_large.p2(), None);
        assert!(pin(too_large).encode().is_err());
    }

    #[test]
    fn a_reference_that_is_no_number_is_not_the_default_one() {
        let bytes = pin(valid()).encode().expect("valid");
        let place = bytes
            .windows(4)
            .position(|part| part == [0x80, 0x02, 0x00, 0x82]);
        let place = place.expect("the reference");
        // In place of 00 82: an object without content, and one that fills the room.
        let mut empty = bytes.clone();
        empty[place..place + 4].copy_from_slice(&[0x80, 0x00, 0x80, 0x00]);
        let read = Aodf::parse(&empty);
        let read_pin = read.value.objects().next().expect("a PIN");
        assert_eq!(read_pin.pin_attributes().and_then(PinAttributes::p2), None);
        assert!(read.findings.iter().any(|one| one.code == Code::BadValue));
    }

    #[test]
    fn lengths_that_contradict_each_other_are_told() {
        let cases = [
            (6, 8, Some(8), true),
            (9, 8, Some(8), false),
            (4, 0, Some(8), false), // padded, but to no length
            (4, 8, Some(12), false),
            (4, 8, None, true),
            (6, 8, Some(0), false),
            (0, 8, Some(0), true),
            (0, 8, Some(8), true),
            (300, 300, Some(300), false),
            (6, u32::MAX, Some(8), false),
        ];
        for (min_length, stored_length, max_length, fine) in cases {
            let file = pin(PinAttributes {
                min_length,
                stored_length,
                max_length,
                ..valid()
            });
            let read = Aodf::parse(&file.encode().expect("valid"));
            let told = read.findings.iter().any(|one| one.code == Code::PinLengths);
            assert_eq!(told, !fine, "{min_length} {stored_length} {max_length:?}");
        }
    }

    #[test]
    fn a_length_that_is_negative_or_too_great_is_told_and_does_not_fit_the_others() {
        let bytes = pin(valid()).encode().expect("valid");
        // minLength, storedLength and maxLength.
        let own = [0x02, 0x01, 0x06, 0x02, 0x01, 0x08, 0x02, 0x01, 0x08];
        let at = bytes.windows(own.len()).position(|part| part == own);
        let at = at.expect("the lengths");
        for place in 0..3 {
            for wrong in [&[0x02, 0x01, 0xFA][..], &[0x02, 0x05, 1, 1, 1, 1, 1]] {
                let mut bytes = bytes.clone();
                let start = at + place * 3;
                bytes.splice(start..start + 3, wrong.iter().copied());
                let more = wrong.len() as u8 - 3;
                // The object, typeAttributes, and PinAttributes.
                for length in [1, at - 10, at - 8] {
                    bytes[length] += more;
                }
                let read = Aodf::parse(&bytes);
                for code in [Code::BadValue, Code::PinLengths] {
                    let told = read.findings.iter().any(|one| one.code == code);
                    assert!(told, "{place} {wrong:02X?} {code:?}: {:?}", read.findings);
                }
            }
        }
    }

    #[test]
    fn an_empty_path_is_told_and_one_that_is_left_out_is_not() {
        use crate::finding::Severity::{Note, Warning};
        let local = valid().flags | PinFlags::LOCAL;
        for (flags, path, told) in [
            (local, Some(&[][..]), Some(Warning)),
            (valid().flags, Some(&[]), Some(Note)),
            (local, None, None),
            (valid().flags, None, None),
            (local, Some(&[0x3F, 0x00, 0x50, 0x15]), None),
        ] {
            let file = pin(PinAttributes {
                flags,
                path: path.map(Path::file),
                ..valid()
            });
            let bytes = file.encode().expect("valid");
            let read = Aodf::parse(&bytes);
            let found = read.findings.iter().find(|one| one.code == Code::EmptyPath);
            assert_eq!(found.map(|one| one.severity), told, "{path:?}");
            let at = found.map(|one| &bytes[one.offset..]);
            assert!(at.is_none_or(|at| at.starts_with(&[0x30, 0x02, 0x04, 0x00])));
        }
    }

    #[test]
    fn a_coding_of_a_later_version_is_told_and_kept() {
        let file = pin(PinAttributes {
            pin_type: PinType::Other(9),
            ..valid()
        });
        let bytes = file.encode().expect("valid");
        let read = Aodf::parse(&bytes);
        assert_eq!(read.findings[0].code, Code::BadValue);
        assert_eq!(read.value.encode(), Ok(bytes));
    }

    #[test]
    fn flags_and_codings_are_told_as_the_standard_names_them() {
        assert_eq!(PinType::AsciiNumeric.to_string(), "ascii-numeric");
        assert_eq!(valid().flags.to_string(), "needs-padding");
    }
}
