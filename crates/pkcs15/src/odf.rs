//! EF(ODF), the directory of the directory files (PKCS#15 §6.2).

use core::fmt;

use kortlab_apdu::tlv::{Tlv, object};

use crate::common::Path;
use crate::directory::{Directory, Entry, sealed};
use crate::element::{Element, Unknown};
use crate::error::EncodeError;
use crate::fields::{Fields, Writer};
use crate::finding::{Code, Notes};
use crate::frame::{self, Shape};
use crate::schema::Schema;

/// The content of EF(ODF).
pub type Odf = Directory<OdfEntry>;

/// An entry of the ODF, a PKCS15Objects (PKCS#15 §6.2): where the objects of one kind are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OdfEntry {
    /// Of what kind the objects are.
    pub kind: ObjectKind,
    /// Where they are.
    pub value: PathOrObjects,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// A kind of objects: the alternatives of PKCS15Objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// `privateKeys [0]`: a PrKDF.
    PrivateKeys,
    /// `publicKeys [1]`: a PuKDF.
    PublicKeys,
    /// `trustedPublicKeys [2]`: a PuKDF.
    TrustedPublicKeys,
    /// `secretKeys [3]`: an SKDF.
    SecretKeys,
    /// `certificates [4]`: a CDF.
    Certificates,
    /// `trustedCertificates [5]`: a CDF.
    TrustedCertificates,
    /// `usefulCertificates [6]`: a CDF.
    UsefulCertificates,
    /// `dataObjects [7]`: a DODF.
    DataObjects,
    /// `authObjects [8]`: an AODF.
    AuthObjects,
    /// Another alternative, below 31.
    Other(u8),
}

/// PathOrObjects (PKCS#15 §6.1.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathOrObjects {
    /// The objects are in the directory file at this path.
    Path(Path),
    /// The objects themselves: the content of a directory file, kept as it is.
    Objects(Element),
    /// Objects protected by encryption, kept as they are.
    Other(Element),
}

const SCHEMA: Schema = &[&[0x30, 0xA0, 0xA1, 0xA2]];

impl Odf {
    /// Where the directory files of this kind are, in the order of the file.
    pub fn paths(&self, kind: ObjectKind) -> impl Iterator<Item = &Path> {
        self.objects()
            .filter(move |entry| entry.kind == kind)
            .filter_map(OdfEntry::path)
    }

    /// An ODF with these directory files.
    pub fn of_files(files: impl IntoIterator<Item = (ObjectKind, Path)>) -> Self {
        files
            .into_iter()
            .map(|(kind, path)| OdfEntry::file(kind, path))
            .map(Entry::Object)
            .fold(Self::default(), |mut odf, entry| {
                odf.entries.push(entry);
                odf
            })
    }
}

impl OdfEntry {
    /// The objects of this kind are in the directory file at `path`.
    pub fn file(kind: ObjectKind, path: Path) -> Self {
        Self {
            kind,
            value: PathOrObjects::Path(path),
            unknown: Unknown::default(),
        }
    }

    /// The path of the directory file, if there is one.
    pub fn path(&self) -> Option<&Path> {
        match &self.value {
            PathOrObjects::Path(path) => Some(path),
            _ => None,
        }
    }
}

impl ObjectKind {
    const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::PrivateKeys,
            1 => Self::PublicKeys,
            2 => Self::TrustedPublicKeys,
            3 => Self::SecretKeys,
            4 => Self::Certificates,
            5 => Self::TrustedCertificates,
            6 => Self::UsefulCertificates,
            7 => Self::DataObjects,
            8 => Self::AuthObjects,
            other => Self::Other(other),
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::PrivateKeys => 0,
            Self::PublicKeys => 1,
            Self::TrustedPublicKeys => 2,
            Self::SecretKeys => 3,
            Self::Certificates => 4,
            Self::TrustedCertificates => 5,
            Self::UsefulCertificates => 6,
            Self::DataObjects => 7,
            Self::AuthObjects => 8,
            Self::Other(number) => number,
        }
    }
}

impl fmt::Display for ObjectKind {
    /// The name as the standard spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrivateKeys => "privateKeys",
            Self::PublicKeys => "publicKeys",
            Self::TrustedPublicKeys => "trustedPublicKeys",
            Self::SecretKeys => "secretKeys",
            Self::Certificates => "certificates",
            Self::TrustedCertificates => "trustedCertificates",
            Self::UsefulCertificates => "usefulCertificates",
            Self::DataObjects => "dataObjects",
            Self::AuthObjects => "authObjects",
            Self::Other(number) => return write!(f, "[{number}]"),
        })
    }
}

impl sealed::Object for OdfEntry {
    const SHAPE: Shape = Shape {
        what: "ODF entry",
        tag: |tag| matches!(tag.value(), 0xA0..=0xA8),
        content: |bytes| {
            let direct = !bytes.starts_with(&[0x30]);
            (direct || frame::nests(bytes, &[0x30, 0x04]))
                .then(|| frame::element_len(bytes, &[0x30, 0xA0, 0xA1, 0xA2]))?
        },
    };

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let kind = match tlv.tag.value() {
            value @ 0xA0..=0xBE => ObjectKind::from_number(value as u8 & 0x1F),
            _ => return None,
        };
        let mut fields = Fields::open("ODF entry", SCHEMA, tlv, notes);
        let value = fields.need("PathOrObjects", notes, |tlv, notes| {
            Some(match tlv.tag.value() {
                0x30 => {
                    let path = Path::decode(tlv, notes)?;
                    tell_circle(&path, tlv.offset, notes);
                    PathOrObjects::Path(path)
                }
                0xA0 => PathOrObjects::Objects(Element::of(tlv)),
                _ => PathOrObjects::Other(Element::of(tlv)),
            })
        })?;
        Some(Self {
            kind,
            value,
            unknown: fields.finish(notes),
        })
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let number = self.kind.number();
        if number > 30 || ObjectKind::from_number(number) != self.kind {
            let why = format!("[{number}] is no alternative of its own");
            return Err(EncodeError::value("PKCS15Objects", why));
        }
        let value = match &self.value {
            PathOrObjects::Path(path) => path.encode()?,
            PathOrObjects::Objects(element) | PathOrObjects::Other(element) => element.encode()?,
        };
        Writer::new()
            .element(value)
            .finish(0xA0 | number, &self.unknown)
    }

    fn label(&self) -> Option<&str> {
        None
    }

    /// Several directory files of one kind are allowed; the same one twice is not.
    fn unique(&self) -> Option<(&'static str, Vec<u8>)> {
        let path = self.path()?.encode().ok()?;
        Some(("the path", object(0xA0 | self.kind.number() & 0x1F, &path)))
    }
}

/// A path to the ODF itself, to a DF around it or to the MF sends a naive reader round in circles.
fn tell_circle(path: &Path, offset: usize, notes: &mut Notes) {
    let circle = match path.path.as_bytes() {
        [.., 0x50, 0x31] => "the ODF itself",
        [.., 0x50, 0x15] => "the application's own directory",
        [.., 0x3F, 0x00] | [.., 0x3F, 0xFF] => "a directory above",
        _ => return,
    };
    let message = format_args!("the path {path} leads to {circle}, not to a directory file");
    notes.error(Code::CircularPath, offset, message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_by_kind_in_the_order_of_the_file() {
        let file = |low| Path::file([0x50, 0x15, 0x44, low]);
        let odf = Odf::of_files([
            (ObjectKind::Certificates, file(0x03)),
            (ObjectKind::AuthObjects, file(0x01)),
            (ObjectKind::Certificates, file(0x05)),
        ]);
        let found: Vec<_> = odf.paths(ObjectKind::Certificates).collect();
        assert_eq!(found, [&file(0x03), &file(0x05)]);
        assert_eq!(odf.paths(ObjectKind::SecretKeys).count(), 0);
    }

    #[test]
    fn a_number_that_is_another_kinds_is_not_written() {
        let path = || Path::file([0x50, 0x15, 0x44, 0x03]);
        for number in [4, 31, 200] {
            let odf = Odf::of_files([(ObjectKind::Other(number), path())]);
            assert!(odf.encode().is_err(), "{number}");
        }
        let later = Odf::of_files([(ObjectKind::Other(9), path())]);
        let bytes = later.encode().expect("a later alternative");
        assert_eq!(Odf::parse(&bytes).value, later);
    }
}
