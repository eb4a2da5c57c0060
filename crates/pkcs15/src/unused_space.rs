//! EF(UnusedSpace), what is free in files (PKCS#15 §6.10).

use kortlab_apdu::tlv::{Tag, Tlv};

use crate::common::{AccessControlRule, Path};
use crate::directory::{Directory, sealed};
use crate::element::Unknown;
use crate::error::EncodeError;
use crate::fields::{Fields, Writer};
use crate::finding::Notes;
use crate::frame::{self, Shape};
use crate::id::Id;
use crate::schema::Schema;

/// The content of EF(UnusedSpace).
pub type UnusedSpace = Directory<UnusedSpaceRecord>;

/// A PKCS15UnusedSpace (PKCS#15 §6.10): a stretch of a file that is free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnusedSpaceRecord {
    /// The file, and the stretch of it.
    pub path: Path,
    /// The authentication object that must be presented before it is written.
    pub auth_id: Option<Id>,
    /// Who may do what.
    pub access_control_rules: Vec<AccessControlRule>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

const SCHEMA: Schema = &[&[0x30], &[0x04], &[0x30]];

impl UnusedSpaceRecord {
    /// The stretch that `path` names is free.
    pub fn new(path: Path) -> Self {
        Self {
            path,
            ..Self::default()
        }
    }
}

impl sealed::Object for UnusedSpaceRecord {
    const SHAPE: Shape = Shape {
        what: "UnusedSpace record",
        tag: |tag| tag == Tag::SEQUENCE,
        content: |bytes| {
            let rest = |from| bytes.get(from..).unwrap_or_default();
            // What is inside tells a path from a record, and a record from rules.
            if !frame::nests(bytes, &[0x30, 0x04]) {
                return None;
            }
            let path = frame::element_len(bytes, &[0x30])?;
            let auth_id = frame::element_len(rest(path), &[0x04]).unwrap_or(0);
            let rules = rest(path + auth_id);
            let rules = if frame::nests(rules, &[0x30, 0x30, 0x03]) {
                frame::element_len(rules, &[0x30])?
            } else {
                0
            };
            Some(path + auth_id + rules)
        },
    };

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let mut fields = Fields::open("UnusedSpace record", SCHEMA, tlv, notes);
        Some(Self {
            path: fields.need("path", notes, Path::decode)?,
            auth_id: fields.read(notes, Id::decode),
            access_control_rules: fields
                .read(notes, AccessControlRule::decode_list)
                .unwrap_or_default(),
            unknown: fields.finish(notes),
        })
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        if self.path.index.is_none() || self.path.length.is_none() {
            let why = "the path must say index and length";
            return Err(EncodeError::value("UnusedSpace", why));
        }
        let auth_id = self.auth_id.as_ref().map(|id| id.encode("authId"));
        Writer::new()
            .element(self.path.encode()?)
            .maybe(auth_id.transpose()?)
            .maybe(AccessControlRule::encode_list(
                0x30,
                &self.access_control_rules,
            )?)
            .finish(0x30, &self.unknown)
    }

    fn label(&self) -> Option<&str> {
        None
    }

    fn unique(&self) -> Option<(&'static str, Vec<u8>)> {
        Some(("the path", self.path.encode().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_does_not_say_which_stretch_is_not_written() {
        let whole = UnusedSpaceRecord::new(Path::file([0x43, 0x31]));
        assert!(UnusedSpace::new([whole]).encode().is_err());
        let part = UnusedSpaceRecord::new(Path::part([0x43, 0x31], 0, 1024));
        assert!(UnusedSpace::new([part]).encode().is_ok());
    }

    #[test]
    fn a_record_that_would_be_read_as_something_else_is_not_written() {
        let damaged = hex::decode(
            "FFFFFFFFFFFFFFFF3518300B04024335020100800204003009300404023F00040101300D300B04024333\
             02012080020080",
        )
        .expect("hexadecimal");
        let read = UnusedSpace::parse(&damaged);
        assert!(!read.is_clean());
        let error = read
            .value
            .encode()
            .expect_err("it was read from damaged bytes");
        assert!(
            matches!(error, EncodeError::NotReadBack { index: Some(_), .. }),
            "{error}"
        );
    }
}
