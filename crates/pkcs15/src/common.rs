//! What all object types share (PKCS#15 §6.1): paths, CommonObjectAttributes.

use core::fmt;

use kortlab_apdu::ByteCount;
use kortlab_apdu::FilePath;
use kortlab_apdu::tlv::{Tlv, object};

use crate::element::{Element, Unknown};
use crate::error::EncodeError;
use crate::fields::{self, Fields, Writer};
use crate::finding::{Code, Notes, ObjectRef};
use crate::flags::{AccessMode, ObjectFlags};
use crate::id::Id;
use crate::schema::Schema;

/// The most bytes of a path that are written; cards and middleware take no longer ones.
const MAX_PATH: usize = 16;

/// The most uses after one authentication (pkcs15-ub-userConsent, PKCS#15 annex A).
const MAX_USER_CONSENT: u32 = 15;

/// How deep security conditions may nest.
const MAX_CONDITION_DEPTH: usize = 8;

impl ObjectRef {
    /// The object with this index, these attributes, and this identifier if it has one.
    pub fn of(index: usize, common: &CommonObjectAttributes, id: Option<&Id>) -> Self {
        Self {
            index,
            label: common.label.clone(),
            id: id.cloned(),
        }
    }
}

impl Id {
    pub(crate) fn decode(tlv: &Tlv<'_>, _: &mut Notes) -> Option<Self> {
        Some(Self(tlv.value.to_vec()))
    }
}

/// A Path (PKCS#15 §6.1.4): a file, or `length` bytes of it from `index` on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path {
    /// The file; its path need not be absolute.
    pub path: FilePath,
    /// The first byte, or the record number.
    pub index: Option<u32>,
    /// How many bytes.
    pub length: Option<u32>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

impl Path {
    const SCHEMA: Schema = &[&[0x04], &[0x02], &[0x80]];

    /// The whole file at `path`.
    pub fn file(path: impl Into<FilePath>) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }

    /// `length` bytes from byte `index` on of the file at `path`.
    pub fn part(path: impl Into<FilePath>, index: u32, length: u32) -> Self {
        Self {
            path: path.into(),
            index: Some(index),
            length: Some(length),
            ..Self::default()
        }
    }

    /// Reads a Path that need not name a file.
    pub(crate) fn decode_any(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let mut fields = Fields::open("Path", Self::SCHEMA, tlv, notes);
        let path = fields.need("path", notes, fields::file_path)?;
        let index = fields.read(notes, |tlv, notes| fields::unsigned("index", tlv, notes));
        let length = fields.read(notes, |tlv, notes| fields::unsigned("length", tlv, notes));
        let unknown = fields.finish(notes);
        let count = path.as_bytes().len();
        if count > MAX_PATH {
            let message = format_args!(
                "the path has {count} bytes; middleware takes no more than {MAX_PATH}"
            );
            notes.warn(Code::LongPath, tlv.offset, message);
        } else if !path.is_whole() {
            let message = format_args!(
                "the path has {}, not two for each file; middleware may refuse it",
                ByteCount(count)
            );
            notes.warn(Code::OddPath, tlv.offset, message);
        }
        Some(Self {
            path,
            index,
            length,
            unknown,
        })
    }

    /// Reads a Path that must name a file.
    pub(crate) fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let path = Self::decode_any(tlv, notes)?;
        if path.path.is_empty() {
            let message = "the path is empty: it names no file; the object cannot be found";
            notes.warn(Code::EmptyPath, tlv.offset, message);
        }
        Some(path)
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        self.encode_as(0x30)
    }

    pub(crate) fn encode_as(&self, tag: u8) -> Result<Vec<u8>, EncodeError> {
        let path = self.path.as_bytes();
        if path.len() > MAX_PATH {
            let why = format!("{} bytes, at most {MAX_PATH} are taken", path.len());
            return Err(EncodeError::value("path", why));
        }
        Writer::new()
            .bytes(0x04, path)
            .maybe_unsigned(0x02, self.index)
            .maybe_unsigned(0x80, self.length)
            .finish(tag, &self.unknown)
    }
}

impl fmt::Display for Path {
    /// `3F00/5015/4331`, and ` from 0, 1024 bytes` where the path says so.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if let Some(index) = self.index {
            write!(f, " from {index}")?;
        }
        if let Some(length) = self.length {
            write!(f, ", {}", ByteCount(length))?;
        }
        Ok(())
    }
}

/// CommonObjectAttributes (PKCS#15 §6.1.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommonObjectAttributes {
    /// What the object is called.
    pub label: Option<String>,
    /// Whether the object is private and modifiable.
    pub flags: Option<ObjectFlags>,
    /// The authentication object (PIN) that protects this one.
    pub auth_id: Option<Id>,
    /// After how many uses the user must authenticate again; 1: before each use.
    pub user_consent: Option<u32>,
    /// Who may do what.
    pub access_control_rules: Vec<AccessControlRule>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

impl CommonObjectAttributes {
    const SCHEMA: Schema = &[&[0x0C], &[0x03], &[0x04], &[0x02], &[0x30]];

    /// Attributes with this label and nothing else.
    pub fn labelled(label: impl Into<String>) -> Self {
        Self {
            label: Some(label.into()),
            ..Self::default()
        }
    }

    /// The same attributes with these flags.
    #[must_use]
    pub fn with_flags(mut self, flags: ObjectFlags) -> Self {
        self.flags = Some(flags);
        self
    }

    /// The same attributes, protected by the authentication object `auth_id`.
    #[must_use]
    pub fn with_auth_id(mut self, auth_id: impl Into<Id>) -> Self {
        self.auth_id = Some(auth_id.into());
        self
    }

    /// The same attributes with user consent demanded each `uses` uses.
    #[must_use]
    pub fn with_user_consent(mut self, uses: u32) -> Self {
        self.user_consent = Some(uses);
        self
    }

    /// Whether the flags say that the object is private.
    pub fn is_private(&self) -> bool {
        self.flags
            .is_some_and(|flags| flags.contains(ObjectFlags::PRIVATE))
    }

    /// Whether the flags say that the object may be changed.
    pub fn is_modifiable(&self) -> bool {
        self.flags
            .is_some_and(|flags| flags.contains(ObjectFlags::MODIFIABLE))
    }

    pub(crate) fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Self {
        let mut fields = Fields::open("CommonObjectAttributes", Self::SCHEMA, tlv, notes);
        Self {
            label: fields.read(notes, |tlv, notes| fields::text("label", tlv, notes)),
            flags: fields.read(notes, |tlv, notes| fields::bits("flags", tlv, notes)),
            auth_id: fields.read(notes, Id::decode),
            user_consent: fields.read(notes, |tlv, notes| {
                fields::unsigned_in(1..=MAX_USER_CONSENT, "userConsent", tlv, notes)
            }),
            access_control_rules: fields
                .read(notes, AccessControlRule::decode_list)
                .unwrap_or_default(),
            unknown: fields.finish(notes),
        }
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let auth_id = self.auth_id.as_ref().map(|id| id.encode("authId"));
        if let Some(uses) = self.user_consent
            && !(1..=MAX_USER_CONSENT).contains(&uses)
        {
            let why = format!("{uses} uses, 1 to {MAX_USER_CONSENT} are allowed");
            return Err(EncodeError::value("userConsent", why));
        }
        Writer::new()
            .maybe_bytes(0x0C, self.label.as_deref())
            .maybe_bits(0x03, self.flags.map(ObjectFlags::bits))
            .maybe(auth_id.transpose()?)
            .maybe_unsigned(0x02, self.user_consent)
            .maybe(AccessControlRule::encode_list(
                0x30,
                &self.access_control_rules,
            )?)
            .finish(0x30, &self.unknown)
    }
}

/// An AccessControlRule (PKCS#15 §6.1.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessControlRule {
    /// What may be done.
    pub access_mode: AccessMode,
    /// On which condition.
    pub security_condition: SecurityCondition,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

impl AccessControlRule {
    const SCHEMA: Schema = &[
        &[0x03],
        &[
            0x04, 0x05, 0x30, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0x80, 0x81, 0x82, 0x83, 0x84,
        ],
    ];

    /// The rule that `access_mode` takes the authentication object `auth_id`.
    pub fn authenticated(access_mode: AccessMode, auth_id: impl Into<Id>) -> Self {
        Self {
            access_mode,
            security_condition: SecurityCondition::AuthId(auth_id.into()),
            unknown: Unknown::default(),
        }
    }

    /// Rules. An empty list stays an unknown element, for SIZE (1..MAX) forbids it.
    pub(crate) fn decode_list(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Vec<Self>> {
        let what = "accessControlRules";
        fields::sequence_of(what, &[0x30], tlv, notes, Self::decode)
            .filter(|rules| !rules.is_empty())
    }

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let mut fields = Fields::open("AccessControlRule", Self::SCHEMA, tlv, notes);
        let access_mode = fields.need("accessMode", notes, |tlv, notes| {
            fields::bits("accessMode", tlv, notes)
        })?;
        let security_condition = fields.need("securityCondition", notes, |tlv, notes| {
            Some(SecurityCondition::decode(tlv, MAX_CONDITION_DEPTH, notes))
        })?;
        Some(Self {
            access_mode,
            security_condition,
            unknown: fields.finish(notes),
        })
    }

    pub(crate) fn encode_list(tag: u8, rules: &[Self]) -> Result<Option<Vec<u8>>, EncodeError> {
        if rules.is_empty() {
            return Ok(None);
        }
        let mut content = Vec::new();
        for rule in rules {
            let encoded = Writer::new()
                .bits(0x03, rule.access_mode.bits())
                .element(rule.security_condition.encode(MAX_CONDITION_DEPTH)?)
                .finish(0x30, &rule.unknown)?;
            content.extend_from_slice(&encoded);
        }
        Ok(Some(object(tag, &content)))
    }
}

/// A SecurityCondition (PKCS#15 §6.1.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecurityCondition {
    /// The authentication object with this identifier has been presented.
    AuthId(Id),
    /// The condition does not hold.
    Not(Box<SecurityCondition>),
    /// All conditions hold.
    And(Vec<SecurityCondition>),
    /// One of the conditions holds.
    Or(Vec<SecurityCondition>),
    /// A condition that this version does not know, or one that nests too deep.
    Other(Element),
}

impl SecurityCondition {
    fn decode(tlv: &Tlv<'_>, levels: usize, notes: &mut Notes) -> Self {
        let known = match (tlv.tag.value(), levels.checked_sub(1)) {
            (0x04, _) => Some(Self::AuthId(Id(tlv.value.to_vec()))),
            (0xA0..=0xA2, None) => {
                let message = "a security condition nests too deep; it is kept as it is";
                notes.warn(Code::TooDeep, tlv.offset, message);
                None
            }
            (0xA0, Some(levels)) => Self::decode_all(tlv, levels, notes)
                .and_then(|mut one| if one.len() == 1 { one.pop() } else { None })
                .map(|one| Self::Not(Box::new(one))),
            (0xA1, Some(levels)) => Self::decode_all(tlv, levels, notes).map(Self::And),
            (0xA2, Some(levels)) => Self::decode_all(tlv, levels, notes).map(Self::Or),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Other(Element::of(tlv)))
    }

    fn decode_all(tlv: &Tlv<'_>, levels: usize, notes: &mut Notes) -> Option<Vec<Self>> {
        let mut conditions = Vec::new();
        for child in tlv.children() {
            match child {
                Ok(child) => conditions.push(Self::decode(&child, levels, notes)),
                Err(error) => {
                    fields::structure_error("SecurityCondition", error, notes);
                    return None;
                }
            }
        }
        Some(conditions)
    }

    fn encode(&self, levels: usize) -> Result<Vec<u8>, EncodeError> {
        let inner = |tag, conditions: &[Self]| {
            let Some(levels) = levels.checked_sub(1) else {
                let why = format!("it nests deeper than {MAX_CONDITION_DEPTH} levels");
                return Err(EncodeError::value("securityCondition", why));
            };
            let mut content = Vec::new();
            for condition in conditions {
                content.extend_from_slice(&condition.encode(levels)?);
            }
            Ok(object(tag, &content))
        };
        match self {
            Self::AuthId(id) => id.encode("authId"),
            Self::Not(condition) => inner(0xA0_u8, core::slice::from_ref(&**condition)),
            Self::And(conditions) => inner(0xA1, conditions),
            Self::Or(conditions) => inner(0xA2, conditions),
            Self::Other(element) => element.encode(),
        }
    }
}

impl SecurityCondition {
    /// The authentication objects that it names, in order.
    pub fn auth_ids(&self) -> Vec<&Id> {
        match self {
            Self::AuthId(id) => vec![id],
            Self::Not(condition) => condition.auth_ids(),
            Self::And(conditions) | Self::Or(conditions) => {
                conditions.iter().flat_map(Self::auth_ids).collect()
            }
            Self::Other(_) => Vec::new(),
        }
    }
}

impl fmt::Display for SecurityCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, word: &str, conditions: &[Self]| {
            f.write_str("(")?;
            for (index, condition) in conditions.iter().enumerate() {
                if index > 0 {
                    write!(f, " {word} ")?;
                }
                write!(f, "{condition}")?;
            }
            f.write_str(")")
        };
        match self {
            Self::AuthId(id) => write!(f, "authentication {id}"),
            Self::Not(condition) => write!(f, "not {condition}"),
            Self::And(conditions) => list(f, "and", conditions),
            Self::Or(conditions) => list(f, "or", conditions),
            Self::Other(element) => write!(f, "{}", hex::encode_upper(element.bytes())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_apdu::Fid;
    use kortlab_apdu::tlv::{Tag, read_one};

    fn path(text: &str) -> (Option<Path>, Vec<Code>) {
        let bytes = hex::decode(text.replace(' ', "")).expect("hex");
        let mut notes = Notes::default();
        let path = Path::decode(&read_one(&bytes).expect("an element"), &mut notes);
        let parsed = notes.into_parsed(path);
        let codes = parsed.findings.iter().map(|found| found.code).collect();
        (parsed.value, codes)
    }

    #[test]
    fn paths_of_no_bytes_odd_or_over_16_are_told() {
        assert_eq!(
            path("3006 0404 50154401"),
            (Some(Path::file([0x50, 0x15, 0x44, 0x01])), vec![])
        );
        assert_eq!(path("3002 0400").1, [Code::EmptyPath]);
        assert_eq!(path("3005 0403 501544").1, [Code::OddPath]);
        assert_eq!(
            path(&format!("3014 0412 {}", "5015".repeat(9))).1,
            [Code::LongPath]
        );
        assert_eq!(path("3003 0201 05").0, None);
    }

    #[test]
    fn a_path_over_16_bytes_is_not_written() {
        assert!(Path::file(vec![0; 17]).encode().is_err());
    }

    #[test]
    fn a_path_is_told_file_by_file() {
        let path = Path::part([0x3F, 0x00, 0x50, 0x15, 0x43, 0x31], 0, 1024);
        assert_eq!(path.to_string(), "3F00/5015/4331 from 0, 1024 bytes");
        assert_eq!(path.path.fid(), Some(Fid(0x4331)));
        assert!(path.path.is_absolute());
    }

    #[test]
    fn security_conditions_that_nest_too_deep_are_kept_as_they_are() {
        let mut bytes = vec![0x04, 0x01, 0x01];
        for _ in 0..20 {
            bytes = object(Tag::new(0xA0), &bytes);
        }
        let rule = object(
            Tag::SEQUENCE,
            &[&[0x03, 0x02, 0x07, 0x80], &bytes[..]].concat(),
        );
        let list = object(Tag::SEQUENCE, &rule);
        let mut notes = Notes::default();
        let rules = AccessControlRule::decode_list(&read_one(&list).expect("built"), &mut notes)
            .expect("readable");
        assert_eq!(notes.into_parsed(()).findings[0].code, Code::TooDeep);
        assert_eq!(AccessControlRule::encode_list(0x30, &rules), Ok(Some(list)));
    }

    #[test]
    fn identifiers_are_hexadecimal_text() {
        assert_eq!("45".parse::<Id>().expect("hex"), Id::from(0x45));
        assert_eq!(Id(vec![0x0A, 0xFF]).to_string(), "0AFF");
        assert!("4".parse::<Id>().is_err());
    }
}
