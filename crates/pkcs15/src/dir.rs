//! EF.DIR, the applications of the card (PKCS#15 §5.4, ISO/IEC 7816-4 §8.2.1.1).

use kortlab_apdu::FilePath;
use kortlab_apdu::tlv::{Reader, Tlv};

use crate::common::Path;
use crate::directory::{Directory, sealed};
use crate::element::Unknown;
use crate::error::EncodeError;
use crate::fields::{self, Fields, Writer};
use crate::finding::{Code, Notes};
use crate::frame::Shape;
use crate::oid::Oid;
use crate::schema::Schema;

/// The application identifier of PKCS#15: the RID of RSA Security, and "PKCS-15".
pub const PKCS15_AID: [u8; 12] = *b"\xA0\x00\x00\x00\x63PKCS-15";

/// The application identifier of ISO/IEC 7816-15, whose files are those of PKCS#15 (§7.5.5).
pub const ISO_7816_15_AID: [u8; 6] = *b"\xE8\x28\x81\xC1\x17\x02";

/// The content of EF.DIR.
pub type EfDir = Directory<Application>;

/// An application template, tag 61 (a DIRRecord of PKCS#15 §5.4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Application {
    /// The application identifier (4F), 1 to 16 bytes.
    pub aid: Vec<u8>,
    /// What the application is called (50).
    pub label: Option<String>,
    /// The path of its DF (51).
    pub path: Option<FilePath>,
    /// Discretionary data (73): where PKCS#15's own files are. Those of another application are its
    /// own (ISO/IEC 7816-4 §8.2.1.1), and what of them is not like PKCS#15's is kept.
    pub ddo: Option<Ddo>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// A DDO (PKCS#15 §5.4.1): where PKCS#15's own files are, if not in their usual places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ddo {
    /// Who provides the application.
    pub oid: Option<Oid>,
    /// The ODF.
    pub odf_path: Option<Path>,
    /// The TokenInfo.
    pub token_info_path: Option<Path>,
    /// The UnusedSpace.
    pub unused_path: Option<Path>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

const SCHEMA: Schema = &[&[0x4F], &[0x50], &[0x51], &[0x73]];
const DDO_SCHEMA: Schema = &[&[0x06], &[0x30], &[0xA0], &[0xA1]];

/// The most elements of an application template that are looked through for its end.
const MAX_TEMPLATE: usize = 16;

impl EfDir {
    /// The PKCS#15 application: the first template with its AID.
    pub fn pkcs15(&self) -> Option<&Application> {
        self.objects()
            .find(|application| application.aid.starts_with(&PKCS15_AID))
    }
}

impl Application {
    /// The PKCS#15 application called `label` in the DF at `path`.
    pub fn pkcs15(label: impl Into<String>, path: impl Into<FilePath>) -> Self {
        Self {
            aid: PKCS15_AID.to_vec(),
            label: Some(label.into()),
            path: Some(path.into()),
            ..Self::default()
        }
    }
}

impl Ddo {
    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let mut fields = Fields::open("DDO", DDO_SCHEMA, tlv, notes);
        Some(Self {
            oid: fields.read(notes, |tlv, notes| fields::oid("oid", tlv, notes)),
            odf_path: fields.read(notes, Path::decode),
            token_info_path: fields.read(notes, Path::decode),
            unused_path: fields.read(notes, Path::decode),
            unknown: fields.finish(notes),
        })
    }

    /// Discretionary data of an application that is not PKCS#15: what is no DDO is nothing wrong.
    fn of_another(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let foreign = [Code::UnknownElement, Code::MisplacedElement];
        notes.without(&foreign, |notes| Self::decode(tlv, notes))
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let path =
            |path: &Option<Path>, tag| path.as_ref().map(|path| path.encode_as(tag)).transpose();
        Writer::new()
            .maybe_bytes(0x06, self.oid.as_ref().map(Oid::content))
            .maybe(path(&self.odf_path, 0x30)?)
            .maybe(path(&self.token_info_path, 0xA0)?)
            .maybe(path(&self.unused_path, 0xA1)?)
            .finish(0x73, &self.unknown)
    }
}

impl sealed::Object for Application {
    const SHAPE: Shape = Shape {
        what: "application template",
        tag: |tag| tag.value() == 0x61,
        content: |bytes| {
            let mut length = 0;
            for (index, element) in Reader::new(bytes).take(MAX_TEMPLATE).enumerate() {
                let tag = element
                    .ok()
                    .filter(|element| matches!(element.tag.value(), 0x4F..=0x53 | 0x73 | 0x5F50));
                let Some(element) = tag else { break };
                if index == 0 && element.tag.value() != 0x4F {
                    return None;
                }
                length = element.offset + element.raw.len();
            }
            (length > 0).then_some(length)
        },
    };

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        if tlv.tag.value() != 0x61 {
            let message = format_args!(
                "an application template with the tag {} instead of 61; other programs may not find \
                 the application",
                tlv.tag
            );
            notes.warn(Code::BadValue, tlv.offset, message);
        }
        let mut fields = Fields::open("application template", SCHEMA, tlv, notes);
        let aid = fields.need("AID (4F)", notes, fields::octets)?;
        if !(1..=16).contains(&aid.len()) {
            let message = format_args!("the AID has {} bytes, not 1 to 16", aid.len());
            notes.warn(Code::BadValue, tlv.offset, message);
        }
        let is_pkcs15 = aid.starts_with(&PKCS15_AID) || aid.starts_with(&ISO_7816_15_AID);
        Some(Self {
            aid,
            label: fields.read(notes, |tlv, notes| fields::text("label", tlv, notes)),
            path: fields.read(notes, |tlv, notes| {
                tell_path(tlv, notes);
                fields::file_path(tlv, notes)
            }),
            ddo: fields.read(notes, |tlv, notes| match is_pkcs15 {
                true => Ddo::decode(tlv, notes),
                false => Ddo::of_another(tlv, notes),
            }),
            unknown: fields.finish(notes),
        })
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        if !(1..=16).contains(&self.aid.len()) {
            let why = format!("{} bytes, not 1 to 16", self.aid.len());
            return Err(EncodeError::value("AID", why));
        }
        let ddo = self.ddo.as_ref().map(Ddo::encode);
        Writer::new()
            .bytes(0x4F, &self.aid)
            .maybe_bytes(0x50, self.label.as_deref())
            .maybe_bytes(0x51, self.path.as_ref().map(FilePath::as_bytes))
            .maybe(ddo.transpose()?)
            .finish(0x61, &self.unknown)
    }

    fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    fn unique(&self) -> Option<(&'static str, Vec<u8>)> {
        Some(("the AID", self.aid.clone()))
    }
}

fn tell_path(tlv: &Tlv<'_>, notes: &mut Notes) {
    let (code, what) = match tlv.value.len() {
        0 => (Code::EmptyPath, "is empty: it names no directory"),
        17.. => (Code::LongPath, "has more than 16 bytes"),
        length if length % 2 == 1 => (Code::OddPath, "has not two bytes for each file"),
        _ => return,
    };
    notes.warn(code, tlv.offset, format_args!("the path {what}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pkcs15_application_is_found_among_others() {
        let other = Application {
            aid: vec![0xA0, 0x00, 0x00, 0x03, 0x08],
            ..Application::default()
        };
        let ours = Application::pkcs15("Telia EID IP5a", [0x3F, 0x00, 0x50, 0x15]);
        let dir = EfDir::new([other.clone(), ours.clone()]);
        assert_eq!(dir.pkcs15(), Some(&ours));
        assert_eq!(EfDir::new([other]).pkcs15(), None);
    }

    #[test]
    fn discretionary_data_of_another_application_are_its_own_and_kept() {
        let of = |aid: &str| {
            let (aid_length, length) = (aid.len() / 2, aid.len() / 2 + 15);
            let text =
                format!("61{length:02X} 4F{aid_length:02X}{aid} 5102D002 7307 800100 81023032");
            let file = hex::decode(text.replace(' ', "")).expect("hex");
            let read = EfDir::parse(&file);
            assert_eq!(read.value.encode().expect("encoded"), file);
            read.findings
                .iter()
                .map(|found| found.code)
                .collect::<Vec<_>>()
        };
        assert_eq!(of("A000000073"), []);
        assert_eq!(of("E82881C11702"), [Code::UnknownElement; 2]);
        // Damage is damage all the same.
        let file = hex::decode("610E4F05A000000073730580 0500 81".replace(' ', "")).expect("hex");
        assert_ne!(EfDir::parse(&file).findings, []);
    }

    #[test]
    fn a_command_to_perform_is_one_and_no_label_whose_tag_is_damaged() {
        use crate::finding::Severity::{Note, Warning};
        for (file, severity) in [
            ("610C 4F03A00000 5205 00A4000000", Note),
            ("610D 4F03A00000 5206 00A400000512", Warning),
            ("6110 4F03A00000 5209 4C65676974696D6572", Warning),
        ] {
            let file = hex::decode(file.replace(' ', "")).expect("hex");
            let read = EfDir::parse(&file);
            let [finding] = read.findings.as_slice() else {
                panic!("{:#?}", read.findings);
            };
            assert_eq!(finding.code, Code::UnknownElement);
            assert_eq!(finding.severity, severity, "{file:02X?}");
        }
    }

    #[test]
    fn an_aid_of_no_or_too_many_bytes_is_told_and_not_written() {
        for length in [0, 17] {
            let application = Application {
                aid: vec![0xA0; length],
                ..Application::default()
            };
            assert!(EfDir::new([application]).encode().is_err());
            let aid = kortlab_apdu::tlv::object(0x4F, &vec![0xA0; length]);
            let read = EfDir::parse(&kortlab_apdu::tlv::object(0x61, &aid));
            assert_eq!(read.findings[0].code, Code::BadValue);
            assert_eq!(read.value.objects().count(), 1);
        }
    }
}
