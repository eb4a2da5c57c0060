//! File control information (ISO/IEC 7816-4 §7.4): what SELECT says about a file.
//!
//! Reading is lenient: a length that lies, a field that should not be there, an object cut short
//! is a finding with its offset, and everything readable is read. Writing is strict.
//!
//! ```
//! use kortlab_apdu::fcp::{Fcp, FileKind, Structure};
//! let answer = [
//!     0x6F, 0x15, 0x81, 0x02, 0x01, 0x00, 0x82, 0x01, 0x01, 0x83, 0x02, 0x2F, 0x00,
//!     0x86, 0x05, 0x01, 0x01, 0x02, 0x46, 0x81, 0x8A, 0x01, 0x07,
//! ];
//! let read = Fcp::parse(&answer)?;
//! assert_eq!(read.value.total_size, Some(256));
//! assert_eq!(read.value.file_id, Some(kortlab_apdu::Fid::EF_DIR));
//! let descriptor = read.value.descriptor.expect("tag 82");
//! assert_eq!(descriptor.kind(), FileKind::WorkingEf(Structure::Transparent));
//! assert!(read.findings.is_empty());
//! assert_eq!(read.value.encode(), answer);
//! # Ok::<(), kortlab_apdu::Error>(())
//! ```

use core::fmt;

use crate::error::{Error, ErrorKind};
use crate::fid::Fid;
use crate::life_cycle::LifeCycle;
use crate::tlv::{Builder, Reader, Tag, Tlv, read_one};

/// The longest DF name.
pub const MAX_DF_NAME: usize = 16;

/// A value that was read leniently, with what was wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// The value, as far as it could be read.
    pub value: T,
    /// What does not fit the standard, with offsets from the first byte of the answer.
    pub findings: Vec<Error>,
}

/// The template that holds the information.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Template {
    /// `62`: file control parameters, FCP.
    #[default]
    Fcp,
    /// `6F`: file control information, FCI, with the parameters directly inside.
    Fci,
    /// `6F` with the parameters in a template `62` inside.
    FciWithFcp,
    /// `64`: file management data, FMD.
    Fmd,
}

/// What is known of a file. A field is `None` or empty if its object is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fcp {
    /// The template.
    pub template: Template,
    /// Tag 80: the number of data bytes in the file, structural information left out.
    pub data_size: Option<u64>,
    /// Tag 81: the number of data bytes in the file, structural information included.
    pub total_size: Option<u64>,
    /// Tag 82: the file descriptor.
    pub descriptor: Option<FileDescriptor>,
    /// Tag 83: the file identifier.
    pub file_id: Option<Fid>,
    /// Tag 84: the DF names, each 1 to 16 bytes.
    pub df_names: Vec<Vec<u8>>,
    /// Tag 85: proprietary information, not in BER-TLV.
    pub proprietary: Option<Vec<u8>>,
    /// Tag 86: security attribute in proprietary format.
    pub security: Option<Vec<u8>>,
    /// Tag 88: the short EF identifier.
    pub short_ef_id: Option<ShortEfId>,
    /// Tag 8A: the life cycle status byte.
    pub life_cycle: Option<u8>,
    /// Tag 8C: security attribute in compact format.
    pub compact_security: Option<Vec<u8>>,
    /// Tag A5: proprietary information in BER-TLV: the objects inside.
    pub proprietary_objects: Option<Vec<u8>>,
    /// All other objects, in the order in which they stand.
    pub others: Vec<RawObject>,
}

/// A data object that is kept as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawObject {
    /// The tag.
    pub tag: Tag,
    /// The value.
    pub value: Vec<u8>,
}

/// The value of tag 88.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShortEfId {
    /// An empty value: the file has no short identifier.
    NotSupported,
    /// The short identifier, 1 to 30.
    Id(u8),
}

/// The file descriptor: one to six bytes (ISO/IEC 7816-4 §7.4.5, table 11).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileDescriptor {
    bytes: [u8; 6],
    len: usize,
}

/// What kind of file a descriptor byte says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A working EF: its data is for the outside world.
    WorkingEf(Structure),
    /// An internal EF: its data is for the card.
    InternalEf(Structure),
    /// A proprietary category (2 to 7) of EF.
    ProprietaryEf(u8, Structure),
    /// A DF.
    Df,
    /// An EF whose content is BER-TLV (`39`) data objects.
    BerTlvEf,
    /// An EF whose content is SIMPLE-TLV (`3A`) data objects.
    SimpleTlvEf,
    /// A reserved value.
    Reserved(u8),
}

/// The structure of an EF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Structure {
    /// Nothing is said.
    NotGiven,
    /// Transparent: bytes.
    Transparent,
    /// Records of fixed size, in a line.
    LinearFixed,
    /// Records of fixed size, in a line, of TLV data.
    LinearFixedTlv,
    /// Records of variable size, in a line.
    LinearVariable,
    /// Records of variable size, in a line, of TLV data.
    LinearVariableTlv,
    /// Records of fixed size, in a ring.
    Cyclic,
    /// Records of fixed size, in a ring, of TLV data.
    CyclicTlv,
}

impl Fcp {
    /// Reads an FCP (62), FCI (6F) or FMD (64) template, the answer to SELECT. In an FCI that
    /// holds an FCP, the parameters inside the FCP are read; an FMD beside it is kept in
    /// [`Fcp::others`].
    ///
    /// # Errors
    /// The bytes do not start with one of the three templates: then nothing can be said.
    pub fn parse(answer: &[u8]) -> Result<Parsed<Self>, Error> {
        let mut findings = Vec::new();
        let outer = salvage(answer, &mut findings)?;
        let template = match outer.tag.value() {
            0x62 => Template::Fcp,
            0x6F => Template::Fci,
            0x64 => Template::Fmd,
            found => {
                let kind = ErrorKind::Invalid {
                    what: "template tag (62, 64 or 6F)",
                    found,
                };
                return Err(Error::new(kind, 0));
            }
        };
        let behind = answer.len() - outer.header_len - outer.value.len();
        if behind > 0 {
            let kind = ErrorKind::Trailing { count: behind };
            findings.push(Error::new(kind, answer.len() - behind));
        }
        let mut fcp = Self {
            template,
            ..Self::default()
        };
        fcp.read_all(outer.value, outer.header_len, &mut findings);
        findings.sort_by_key(Error::offset);
        Ok(Parsed {
            value: fcp,
            findings,
        })
    }

    /// The template's bytes: the fields in the order of their tags (80 to 8C, then A5), then the
    /// others. Sizes get at least two bytes.
    pub fn encode(&self) -> Vec<u8> {
        let nested = self.template == Template::FciWithFcp;
        let (inside, beside): (Vec<_>, Vec<_>) = self
            .others
            .iter()
            .partition(|object| !nested || object.tag.value() != 0x64);
        let put = |builder: Builder, objects: Vec<&RawObject>| {
            objects.into_iter().fold(builder, |builder, object| {
                builder.primitive(object.tag, &object.value)
            })
        };
        let parameters = put(self.parameters(), inside).finish();
        let outer = match self.template {
            Template::Fcp => 0x62_u8,
            Template::Fci | Template::FciWithFcp => 0x6F,
            Template::Fmd => 0x64,
        };
        Builder::new()
            .constructed(outer, |outer| {
                if nested {
                    put(outer.primitive(0x62_u8, &parameters), beside)
                } else {
                    outer.raw(&parameters)
                }
            })
            .finish()
    }

    /// The first of the other objects with this tag.
    pub fn other(&self, tag: impl Into<Tag>) -> Option<&[u8]> {
        let tag = tag.into();
        self.others
            .iter()
            .find(|object| object.tag == tag)
            .map(|object| object.value.as_slice())
    }

    /// What the life cycle status byte says.
    pub fn life_cycle(&self) -> Option<LifeCycle> {
        self.life_cycle.map(LifeCycle::from_byte)
    }

    /// The size of a file's content: tag 80, or tag 81 where that is missing.
    pub fn size(&self) -> Option<u64> {
        self.data_size.or(self.total_size)
    }

    fn parameters(&self) -> Builder {
        let value =
            |tag: u8| move |builder: Builder, value: &Vec<u8>| builder.primitive(tag, value);
        let names = |builder: Builder| {
            self.df_names
                .iter()
                .fold(builder, |builder, name| builder.primitive(0x84, name))
        };
        let builder = Builder::new()
            .maybe(self.data_size, |b, size| {
                b.primitive(0x80, &size_bytes(size))
            })
            .maybe(self.total_size, |b, size| {
                b.primitive(0x81, &size_bytes(size))
            })
            .maybe(self.descriptor, |b, descriptor| {
                b.primitive(0x82, descriptor.bytes())
            })
            .maybe(self.file_id, |b, id| b.primitive(0x83, &id.bytes()));
        names(builder)
            .maybe(self.proprietary.as_ref(), value(0x85))
            .maybe(self.security.as_ref(), value(0x86))
            .maybe(self.short_ef_id, |b, id| match id {
                ShortEfId::NotSupported => b.primitive(0x88, &[]),
                ShortEfId::Id(id) => b.primitive(0x88, &[id << 3]),
            })
            .maybe(self.life_cycle, |b, state| b.primitive(0x8A, &[state]))
            .maybe(self.compact_security.as_ref(), value(0x8C))
            .maybe(self.proprietary_objects.as_ref(), value(0xA5))
    }

    fn read_all(&mut self, bytes: &[u8], base: usize, findings: &mut Vec<Error>) {
        let mut reader = Reader::new(bytes).at(base);
        while !reader.rest().is_empty() {
            let rest = reader.rest();
            let offset = reader.offset();
            let object = match reader.next() {
                Some(Ok(object)) => object,
                Some(Err(error)) => {
                    findings.push(error);
                    if let Some(cut) = cut_short(rest) {
                        self.others.push(RawObject {
                            tag: cut.tag,
                            value: cut.value.to_vec(),
                        });
                    }
                    return;
                }
                None => return,
            };
            if object.tag.value() == 0x62 && self.template == Template::Fci {
                // One level down and no further: the template is another one now.
                self.template = Template::FciWithFcp;
                self.read_all(object.value, object.value_offset(), findings);
            } else if let Err(kind) = self.read(&object) {
                findings.push(Error::new(kind, offset));
                if !matches!(kind, ErrorKind::Length { what: KEPT, .. }) {
                    self.keep(&object);
                }
            }
        }
    }

    fn keep(&mut self, object: &Tlv<'_>) {
        self.others.push(RawObject {
            tag: object.tag,
            value: object.value.to_vec(),
        });
    }

    /// Reads one object into its field. What cannot be the field's value is an error.
    fn read(&mut self, object: &Tlv<'_>) -> Result<(), ErrorKind> {
        let value = object.value;
        match object.tag.value() {
            0x80 => set(&mut self.data_size, size(value, "size (tag 80)")?, "tag 80"),
            0x81 => set(
                &mut self.total_size,
                size(value, "size (tag 81)")?,
                "tag 81",
            ),
            0x82 => {
                let descriptor = FileDescriptor::from_bytes(value).ok_or(ErrorKind::Length {
                    what: "file descriptor (tag 82)",
                    found: value.len(),
                })?;
                set(&mut self.descriptor, descriptor, "tag 82")
            }
            0x83 => {
                let id = exactly::<2>(value, "file identifier (tag 83)")?;
                set(&mut self.file_id, Fid::from(id), "tag 83")
            }
            0x84 => {
                self.df_names.push(value.to_vec());
                if value.is_empty() || value.len() > MAX_DF_NAME {
                    return Err(ErrorKind::Length {
                        what: KEPT,
                        found: value.len(),
                    });
                }
                Ok(())
            }
            0x85 => set(&mut self.proprietary, value.to_vec(), "tag 85"),
            0x86 => set(&mut self.security, value.to_vec(), "tag 86"),
            0x88 => {
                let id = match *value {
                    [] => ShortEfId::NotSupported,
                    [byte] if byte & 0x07 == 0 && (1..=30).contains(&(byte >> 3)) => {
                        ShortEfId::Id(byte >> 3)
                    }
                    [byte] => {
                        return Err(ErrorKind::Invalid {
                            what: "short EF identifier (tag 88)",
                            found: u32::from(byte),
                        });
                    }
                    _ => {
                        return Err(ErrorKind::Length {
                            what: "short EF identifier (tag 88)",
                            found: value.len(),
                        });
                    }
                };
                set(&mut self.short_ef_id, id, "tag 88")
            }
            0x8A => {
                let [state] = exactly::<1>(value, "life cycle status (tag 8A)")?;
                set(&mut self.life_cycle, state, "tag 8A")
            }
            0x8C => set(&mut self.compact_security, value.to_vec(), "tag 8C"),
            0xA5 => set(&mut self.proprietary_objects, value.to_vec(), "tag A5"),
            _ => {
                self.keep(object);
                Ok(())
            }
        }
    }
}

impl FileDescriptor {
    /// A descriptor of the descriptor byte alone.
    pub const fn new(byte: u8) -> Self {
        Self {
            bytes: [byte, 0, 0, 0, 0, 0],
            len: 1,
        }
    }

    /// A descriptor for an EF with records: descriptor byte, data coding byte, the largest record
    /// size in two bytes, the number of records in one.
    pub const fn with_records(byte: u8, data_coding: u8, record_size: u16, records: u8) -> Self {
        let [high, low] = record_size.to_be_bytes();
        Self {
            bytes: [byte, data_coding, high, low, records, 0],
            len: 5,
        }
    }

    /// The descriptor with these bytes; `None` unless there are one to six.
    pub fn from_bytes(value: &[u8]) -> Option<Self> {
        let mut bytes = [0; 6];
        if value.is_empty() {
            return None;
        }
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        Some(Self {
            bytes,
            len: value.len(),
        })
    }

    /// The bytes of the value.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The descriptor byte.
    pub const fn byte(&self) -> u8 {
        self.bytes[0]
    }

    /// Whether the file is shareable: used on several logical channels at once.
    pub const fn is_shareable(&self) -> bool {
        self.bytes[0] & 0xC0 == 0x40
    }

    /// The kind of file.
    pub const fn kind(&self) -> FileKind {
        let byte = self.bytes[0];
        let structure = match byte & 0x07 {
            0 => Structure::NotGiven,
            1 => Structure::Transparent,
            2 => Structure::LinearFixed,
            3 => Structure::LinearFixedTlv,
            4 => Structure::LinearVariable,
            5 => Structure::LinearVariableTlv,
            6 => Structure::Cyclic,
            _ => Structure::CyclicTlv,
        };
        match byte & 0xBF {
            0x38 => FileKind::Df,
            0x39 => FileKind::BerTlvEf,
            0x3A => FileKind::SimpleTlvEf,
            0x00..=0x07 => FileKind::WorkingEf(structure),
            0x08..=0x0F => FileKind::InternalEf(structure),
            0x10..=0x37 => FileKind::ProprietaryEf(byte >> 3 & 0x07, structure),
            _ => FileKind::Reserved(byte),
        }
    }

    /// The data coding byte.
    pub fn data_coding(&self) -> Option<u8> {
        self.bytes().get(1).copied()
    }

    /// The largest record size in bytes: third byte, or third and fourth.
    pub fn record_size(&self) -> Option<u16> {
        match *self.bytes() {
            [_, _, size] => Some(u16::from(size)),
            [_, _, high, low, ..] => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }

    /// The number of records: fifth byte, or fifth and sixth.
    pub fn records(&self) -> Option<u16> {
        match *self.bytes() {
            [_, _, _, _, count] => Some(u16::from(count)),
            [_, _, _, _, high, low] => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }
}

impl fmt::Debug for FileDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileDescriptor({})", hex::encode_upper(self.bytes()))
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WorkingEf(structure) => write!(f, "working EF, {structure}"),
            Self::InternalEf(structure) => write!(f, "internal EF, {structure}"),
            Self::ProprietaryEf(category, structure) => {
                write!(f, "EF of proprietary category {category}, {structure}")
            }
            Self::Df => f.write_str("DF"),
            Self::BerTlvEf => f.write_str("EF of BER-TLV objects"),
            Self::SimpleTlvEf => f.write_str("EF of SIMPLE-TLV objects"),
            Self::Reserved(byte) => write!(f, "reserved ({byte:02X})"),
        }
    }
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotGiven => "structure not given",
            Self::Transparent => "transparent",
            Self::LinearFixed => "linear fixed",
            Self::LinearFixedTlv => "linear fixed, TLV",
            Self::LinearVariable => "linear variable",
            Self::LinearVariableTlv => "linear variable, TLV",
            Self::Cyclic => "cyclic",
            Self::CyclicTlv => "cyclic, TLV",
        })
    }
}

/// A field that is kept although its length is a finding.
const KEPT: &str = "DF name (tag 84)";

/// The outer object; if its length lies, what is there of it.
fn salvage<'a>(answer: &'a [u8], findings: &mut Vec<Error>) -> Result<Tlv<'a>, Error> {
    match read_one(answer) {
        Ok(object) => Ok(object),
        Err(error) => {
            let cut = cut_short(answer).ok_or(error)?;
            findings.push(error);
            Ok(cut)
        }
    }
}

/// An object whose value is longer than what remains, with the part of the value that is there.
fn cut_short(bytes: &[u8]) -> Option<Tlv<'_>> {
    let error = read_one(bytes).err()?;
    let ErrorKind::Truncated { what: "value", .. } = error.kind() else {
        return None;
    };
    // The error stands where the value starts.
    let header_len = error.offset();
    let (tag, _) = Tag::parse(bytes).ok()?;
    Some(Tlv {
        tag,
        value: bytes.get(header_len..)?,
        offset: 0,
        header_len,
        raw: bytes,
        minimal_length: false,
    })
}

fn set<T>(field: &mut Option<T>, value: T, what: &'static str) -> Result<(), ErrorKind> {
    if field.is_some() {
        return Err(ErrorKind::Duplicate { what });
    }
    *field = Some(value);
    Ok(())
}

fn size(value: &[u8], what: &'static str) -> Result<u64, ErrorKind> {
    if value.is_empty() || value.len() > 8 {
        return Err(ErrorKind::Length {
            what,
            found: value.len(),
        });
    }
    Ok(value
        .iter()
        .fold(0, |size, &byte| size << 8 | u64::from(byte)))
}

fn size_bytes(size: u64) -> Vec<u8> {
    let bytes = size.to_be_bytes();
    let skip = bytes.iter().take_while(|&&byte| byte == 0).count().min(6);
    bytes.get(skip..).unwrap_or_default().to_vec()
}

fn exactly<const N: usize>(value: &[u8], what: &'static str) -> Result<[u8; N], ErrorKind> {
    value.try_into().map_err(|_| ErrorKind::Length {
        what,
        found: value.len(),
    })
}

#[cfg(test)]
mod tests {
    use iso7816_tlv::ber;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).expect("hex")
    }

    fn parse(text: &str) -> Parsed<Fcp> {
        Fcp::parse(&bytes(text)).expect("a template")
    }

    fn only_finding(text: &str) -> (ErrorKind, usize) {
        let parsed = parse(text);
        let [finding] = parsed.findings[..] else {
            unreachable!("{:?}", parsed.findings);
        };
        (finding.kind(), finding.offset())
    }

    #[test]
    fn a_df_of_the_staff_card_is_read_and_written_back() {
        let fci = "6F29 81020000 820138 83025015 840CA000000063504B43532D3135 \
                   86030247818A0107 A506C10481828384";
        let parsed = parse(fci);
        assert_eq!(parsed.findings, []);
        let df = &parsed.value;
        assert_eq!(df.template, Template::Fci);
        assert_eq!(df.descriptor.map(|d| d.kind()), Some(FileKind::Df));
        assert_eq!(df.file_id, Some(Fid(0x5015)));
        assert_eq!(df.df_names, [bytes("A000000063504B43532D3135")]);
        assert_eq!(df.security, Some(bytes("024781")));
        assert_eq!(df.life_cycle(), Some(LifeCycle::Activated));
        assert_eq!(df.proprietary_objects, Some(bytes("C10481828384")));
        assert_eq!(df.encode(), bytes(fci));
    }

    #[test]
    fn record_sizes_and_counts_are_read_in_all_their_lengths() {
        for (text, size, count) in [
            ("02", None, None),
            ("0221", None, None),
            ("022110", Some(16), None),
            ("02210110", Some(272), None),
            ("0221011005", Some(272), Some(5)),
            ("022101100102", Some(272), Some(258)),
        ] {
            let descriptor = FileDescriptor::from_bytes(&bytes(text)).expect("1 to 6 bytes");
            assert_eq!(
                descriptor.kind(),
                FileKind::WorkingEf(Structure::LinearFixed)
            );
            assert_eq!(
                (descriptor.record_size(), descriptor.records()),
                (size, count)
            );
            assert_eq!(descriptor.bytes(), bytes(text));
        }
        let built = FileDescriptor::with_records(0x06, 0x21, 272, 5);
        assert_eq!(built.bytes(), bytes("0621011005"));
        assert_eq!(built.kind(), FileKind::WorkingEf(Structure::Cyclic));
        assert_eq!(FileDescriptor::from_bytes(&[]), None);
        assert_eq!(FileDescriptor::from_bytes(&[0; 7]), None);
    }

    #[test]
    fn descriptor_bytes_say_kind_and_shareability() {
        for (byte, kind) in [
            (0x41, FileKind::WorkingEf(Structure::Transparent)),
            (0x0A, FileKind::InternalEf(Structure::LinearFixed)),
            (0x11, FileKind::ProprietaryEf(2, Structure::Transparent)),
            (0x78, FileKind::Df),
            (0x39, FileKind::BerTlvEf),
            (0x3A, FileKind::SimpleTlvEf),
            (0x3F, FileKind::Reserved(0x3F)),
            (0x81, FileKind::Reserved(0x81)),
        ] {
            let descriptor = FileDescriptor::new(byte);
            assert_eq!(descriptor.kind(), kind, "{byte:02X}");
            assert_eq!(descriptor.is_shareable(), matches!(byte, 0x41 | 0x78));
        }
    }

    #[test]
    fn an_fcp_inside_an_fci_is_read_and_the_fmd_beside_it_is_kept() {
        let fci = "6F14 620B 80020010 820101 83022F00 6405 5003414243";
        let parsed = parse(fci);
        assert_eq!(parsed.findings, []);
        assert_eq!(parsed.value.template, Template::FciWithFcp);
        assert_eq!(parsed.value.data_size, Some(16));
        assert_eq!(parsed.value.size(), Some(16));
        assert_eq!(parsed.value.other(0x64), Some(&bytes("5003414243")[..]));
        assert_eq!(parsed.value.encode(), bytes(fci));
    }

    #[test]
    fn fmd_alone_is_read() {
        let parsed = parse("640E 8407A0000003974254 5003414243");
        assert_eq!(parsed.value.template, Template::Fmd);
        assert_eq!(parsed.value.df_names, [bytes("A0000003974254")]);
        assert_eq!(parsed.value.other(0x50), Some(&b"ABC"[..]));
    }

    #[test]
    fn a_template_length_beyond_the_answer_is_a_finding_and_the_rest_is_read() {
        let parsed = parse("6F20 81020100 820101");
        assert_eq!(parsed.value.total_size, Some(256));
        assert!(parsed.value.descriptor.is_some());
        assert_eq!(parsed.findings.len(), 1);
        assert_eq!(parsed.findings[0].offset(), 2);
    }

    #[test]
    fn a_field_cut_short_is_a_finding_and_what_is_there_is_kept() {
        let parsed = parse("6F07 820101 84054142");
        assert_eq!(parsed.value.other(0x84), Some(&[0x41, 0x42][..]));
        assert_eq!(parsed.findings[0].offset(), 7);
    }

    #[test]
    fn wrong_lengths_of_fields_are_findings_and_the_bytes_are_kept() {
        assert_eq!(only_finding("6F03 83013F").1, 2);
        assert_eq!(only_finding("6F02 8000").1, 2);
        assert_eq!(only_finding("6F0B 8109010000000000000000").1, 2);
        assert_eq!(only_finding("6F04 8A020107").1, 2);
        assert_eq!(only_finding("6F02 8200").1, 2);
        assert_eq!(only_finding("6F03 880109").1, 2);
        assert_eq!(only_finding("6F04 88020808").1, 2);
        assert_eq!(parse("6F03 83013F").value.other(0x83), Some(&[0x3F][..]));
        let long_name = format!("6F13 8411{}", "41".repeat(17));
        assert_eq!(only_finding(&long_name).1, 2);
        assert_eq!(parse(&long_name).value.df_names, [[0x41; 17]]);
    }

    #[test]
    fn a_field_that_comes_twice_and_bytes_behind_the_template_are_findings() {
        let (kind, offset) = only_finding("6F06 820101 820102");
        assert_eq!((kind, offset), (ErrorKind::Duplicate { what: "tag 82" }, 5));
        let (kind, offset) = only_finding("6F03 820101 0000");
        assert_eq!((kind, offset), (ErrorKind::Trailing { count: 2 }, 5));
    }

    #[test]
    fn what_is_no_template_is_an_error() {
        for text in ["", "6F", "30 00", "8201 01", "6F80 0000"] {
            assert!(Fcp::parse(&bytes(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_is_followed_one_level_and_no_further() {
        let mut nested = Vec::new();
        for _ in 0..10_000 {
            nested = crate::tlv::object(0x62, &nested);
        }
        let fci = crate::tlv::object(0x6F, &nested);
        let parsed = Fcp::parse(&fci).expect("a template");
        assert_eq!(parsed.value.template, Template::FciWithFcp);
        assert_eq!(parsed.value.others.len(), 1);
    }

    #[test]
    fn another_tlv_implementation_reads_what_is_written() {
        let fcp = Fcp {
            template: Template::FciWithFcp,
            data_size: Some(300),
            total_size: Some(70_000),
            descriptor: Some(FileDescriptor::with_records(0x02, 0x21, 16, 4)),
            file_id: Some(Fid(0x4331)),
            df_names: vec![vec![0xA0, 0x00], vec![0xA0, 0x01]],
            proprietary: Some(vec![0x01]),
            security: Some(vec![0x02; 5]),
            short_ef_id: Some(ShortEfId::Id(3)),
            life_cycle: Some(0x05),
            compact_security: Some(vec![0x7F]),
            proprietary_objects: Some(bytes("C10181")),
            others: vec![
                RawObject {
                    tag: Tag::from(0xAB),
                    value: bytes("8001 00"),
                },
                RawObject {
                    tag: Tag::from(0x64),
                    value: bytes("500141"),
                },
            ],
        };
        let encoded = fcp.encode();
        let parsed = Fcp::parse(&encoded).expect("a template");
        assert_eq!((&parsed.value, parsed.findings), (&fcp, vec![]));

        let theirs = ber::Tlv::from_bytes(&encoded).expect("BER-TLV");
        let find = |tag: &str| {
            let tag = ber::Tag::try_from(tag).expect("a tag");
            match theirs.find(&tag).map(ber::Tlv::value) {
                Some(ber::Value::Primitive(value)) => value.clone(),
                other => unreachable!("{other:?}"),
            }
        };
        assert_eq!(find("81"), [0x01, 0x11, 0x70]);
        assert_eq!(find("82"), bytes("0221001004"));
        assert_eq!(find("88"), [0x18]);
        assert_eq!(find("50"), [0x41]);
    }

    #[test]
    fn a_template_that_another_implementation_builds_is_read() {
        let primitive = |tag: u8, value: &[u8]| {
            let tag = ber::Tag::try_from(tag).expect("a tag");
            ber::Tlv::new(tag, ber::Value::Primitive(value.to_vec())).expect("an object")
        };
        let children = vec![
            primitive(0x80, &[0x04, 0x00]),
            primitive(0x82, &[0x01]),
            primitive(0x83, &[0x43, 0x31]),
        ];
        let tag = ber::Tag::try_from(0x62_u8).expect("a tag");
        let built = ber::Tlv::new(tag, ber::Value::Constructed(children)).expect("a template");
        let parsed = Fcp::parse(&built.to_vec()).expect("a template");
        assert_eq!(parsed.findings, []);
        assert_eq!(parsed.value.data_size, Some(1_024));
        assert_eq!(parsed.value.file_id, Some(Fid(0x4331)));
        assert_eq!(parsed.value.encode(), built.to_vec());
    }
}
