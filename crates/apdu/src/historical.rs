//! The historical bytes of an ATR (ISO/IEC 7816-4 §12.1.1): a category indicator and
//! COMPACT-TLV data objects.
//!
//! ```
//! use kortlab_apdu::historical::{Category, Historical, Object};
//! let bytes = [0x80, 0x31, 0x80, 0x73, 0xA0, 0x21, 0xC0];
//! let historical = Historical::parse(&bytes);
//! assert_eq!(historical.category(), Some(Category::CompactTlv));
//! let Some(Object::Capabilities(capabilities)) = historical.objects().nth(1) else { panic!() };
//! assert_eq!(capabilities.extended_length(), Some(true));
//! assert!(historical.findings().is_empty());
//! ```

use core::fmt;

use nom::bytes::complete::take;
use nom::number::complete::u8 as byte;
use nom::{IResult, Parser};

use crate::error::{Error, ErrorKind};
use crate::life_cycle::LifeCycle;
use crate::status::StatusWord;

/// The historical bytes, taken apart as far as their category allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Historical<'a> {
    bytes: &'a [u8],
    objects: Vec<CompactTlv<'a>>,
    status: Option<StatusIndicator>,
    findings: Vec<Error>,
}

/// What the first historical byte says about the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// `00`: COMPACT-TLV objects, then a status indicator of three bytes.
    CompactTlvThenStatus,
    /// `10`: one byte follows, a reference to DIR data.
    DirDataReference,
    /// `80`: COMPACT-TLV objects; the status indicator, if any, is one of them.
    CompactTlv,
    /// `81` to `8F`: reserved for future use.
    Reserved(u8),
    /// Anything else: proprietary.
    Proprietary(u8),
}

/// A COMPACT-TLV data object: a nibble of tag, a nibble of length, a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactTlv<'a> {
    /// The tag: the high nibble. The interindustry tag is `40` plus this.
    pub tag: u8,
    /// The value, 0 to 15 bytes.
    pub value: &'a [u8],
    /// Where the object starts, in bytes from the first historical byte.
    pub offset: usize,
}

/// A COMPACT-TLV object by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Object<'a> {
    /// Tag 1: country code of the issuer, ISO 3166-1, in BCD.
    CountryCode(&'a [u8]),
    /// Tag 2: issuer identification number, ISO/IEC 7812-1.
    IssuerIdentificationNumber(&'a [u8]),
    /// Tag 3: card service data.
    Services(CardServices),
    /// Tag 4: initial access data: how to get the initial data string.
    InitialAccess(&'a [u8]),
    /// Tag 5: the card issuer's data.
    IssuerData(&'a [u8]),
    /// Tag 6: pre-issuing data: manufacturer, chip, operating system.
    PreIssuing(&'a [u8]),
    /// Tag 7: card capabilities.
    Capabilities(CardCapabilities),
    /// Tag 8: status indicator.
    Status(StatusIndicator),
    /// Tag F: application identifier.
    ApplicationIdentifier(&'a [u8]),
    /// Any other tag, or a known one whose value has a length that the standard does not allow.
    Other(CompactTlv<'a>),
}

/// The card service data byte (ISO/IEC 7816-4 §12.1.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CardServices(pub u8);

/// How EF.DIR and EF.ATR/INFO are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessService {
    /// With READ RECORD: the files have records.
    ReadRecord,
    /// With GET DATA.
    GetData,
    /// With READ BINARY: the files are transparent.
    ReadBinary,
    /// A reserved value.
    Reserved(u8),
}

/// The card capabilities: one to three software function tables (ISO/IEC 7816-4 §12.1.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CardCapabilities {
    tables: [u8; 3],
    count: usize,
}

/// The behaviour of write functions: what WRITE does with the bytes that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteBehaviour {
    /// One-time write.
    OneTime,
    /// Proprietary.
    Proprietary,
    /// Logical OR.
    Or,
    /// Logical AND.
    And,
}

/// The status indicator (ISO/IEC 7816-4 §12.1.1.10): life cycle, status word, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatusIndicator {
    /// The life cycle status of the card.
    pub life_cycle: Option<LifeCycle>,
    /// A status word.
    pub status: Option<StatusWord>,
}

impl<'a> Historical<'a> {
    /// Takes historical bytes apart. What does not fit is a finding, with its offset counted
    /// from the first historical byte; the bytes themselves stay available.
    pub fn parse(bytes: &'a [u8]) -> Self {
        let mut historical = Self {
            bytes,
            objects: Vec::new(),
            status: None,
            findings: Vec::new(),
        };
        match historical.category() {
            Some(Category::CompactTlv) => {
                historical.read_objects(bytes.get(1..).unwrap_or_default(), 1);
            }
            Some(Category::CompactTlvThenStatus) => historical.read_objects_and_status(),
            Some(Category::DirDataReference) if bytes.len() != 2 => {
                let kind = ErrorKind::Length {
                    what: "historical bytes with a DIR data reference",
                    found: bytes.len(),
                };
                historical.findings.push(Error::new(kind, 1));
            }
            Some(Category::Reserved(found)) => {
                let kind = ErrorKind::Invalid {
                    what: "category indicator",
                    found: u32::from(found),
                };
                historical.findings.push(Error::new(kind, 0));
            }
            _ => {}
        }
        historical
    }

    /// All historical bytes, the category indicator included.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What the first byte says; `None` if there are no historical bytes.
    pub fn category(&self) -> Option<Category> {
        Some(match *self.bytes.first()? {
            0x00 => Category::CompactTlvThenStatus,
            0x10 => Category::DirDataReference,
            0x80 => Category::CompactTlv,
            reserved @ 0x81..=0x8F => Category::Reserved(reserved),
            other => Category::Proprietary(other),
        })
    }

    /// The COMPACT-TLV objects as they stand.
    pub fn compact_tlvs(&self) -> &[CompactTlv<'a>] {
        &self.objects
    }

    /// The COMPACT-TLV objects by their meaning.
    pub fn objects(&self) -> impl Iterator<Item = Object<'a>> + '_ {
        self.objects.iter().map(CompactTlv::object)
    }

    /// The status indicator: of the object with tag 8, or of the last three bytes.
    pub fn status_indicator(&self) -> Option<StatusIndicator> {
        self.status.or_else(|| {
            self.objects().find_map(|object| match object {
                Object::Status(status) => Some(status),
                _ => None,
            })
        })
    }

    /// The card capabilities, if the card tells them.
    pub fn capabilities(&self) -> Option<CardCapabilities> {
        self.objects().find_map(|object| match object {
            Object::Capabilities(capabilities) => Some(capabilities),
            _ => None,
        })
    }

    /// What does not fit, with offsets from the first historical byte.
    pub fn findings(&self) -> &[Error] {
        &self.findings
    }

    fn read_objects(&mut self, mut rest: &'a [u8], base: usize) {
        let end = base + rest.len();
        while !rest.is_empty() {
            let offset = end - rest.len();
            let Ok((behind, (tag, value))) = compact_tlv(rest) else {
                let kind = ErrorKind::Truncated {
                    what: "COMPACT-TLV value",
                    needed: usize::from(rest.first().map_or(0, |header| header & 0x0F)),
                    available: rest.len() - 1,
                };
                self.findings.push(Error::new(kind, offset + 1));
                return;
            };
            let object = CompactTlv { tag, value, offset };
            if matches!(object.object(), Object::Other(_)) && matches!(tag, 1..=8 | 0xF) {
                let kind = ErrorKind::Length {
                    what: object.name(),
                    found: value.len(),
                };
                self.findings.push(Error::new(kind, offset));
            }
            self.objects.push(object);
            rest = behind;
        }
    }

    fn read_objects_and_status(&mut self) {
        let body = self.bytes.get(1..).unwrap_or_default();
        let Some((objects, &[life_cycle, sw1, sw2])) = body.split_last_chunk::<3>() else {
            let kind = ErrorKind::Truncated {
                what: "status indicator",
                needed: 3,
                available: body.len(),
            };
            self.findings.push(Error::new(kind, 1));
            return;
        };
        self.status = Some(StatusIndicator {
            life_cycle: Some(LifeCycle::from_byte(life_cycle)),
            status: Some(StatusWord::from_bytes(sw1, sw2)),
        });
        self.read_objects(objects, 1);
    }
}

impl<'a> CompactTlv<'a> {
    /// What the tag means.
    pub const fn name(&self) -> &'static str {
        match self.tag {
            0x1 => "country code",
            0x2 => "issuer identification number",
            0x3 => "card service data",
            0x4 => "initial access data",
            0x5 => "card issuer's data",
            0x6 => "pre-issuing data",
            0x7 => "card capabilities",
            0x8 => "status indicator",
            0xF => "application identifier",
            _ => "unknown data object",
        }
    }

    /// The object by its meaning.
    pub fn object(&self) -> Object<'a> {
        let value = self.value;
        match (self.tag, value) {
            (0x1, [_, ..]) => Object::CountryCode(value),
            (0x2, [_, ..]) => Object::IssuerIdentificationNumber(value),
            (0x3, &[services]) => Object::Services(CardServices(services)),
            (0x4, [_, ..]) => Object::InitialAccess(value),
            (0x5, [_, ..]) => Object::IssuerData(value),
            (0x6, [_, ..]) => Object::PreIssuing(value),
            (0x7, [_, ..]) if value.len() <= 3 => {
                let mut tables = [0; 3];
                for (table, &byte) in tables.iter_mut().zip(value) {
                    *table = byte;
                }
                Object::Capabilities(CardCapabilities {
                    tables,
                    count: value.len(),
                })
            }
            (0x8, &[life_cycle]) => Object::Status(StatusIndicator {
                life_cycle: Some(LifeCycle::from_byte(life_cycle)),
                status: None,
            }),
            (0x8, &[sw1, sw2]) => Object::Status(StatusIndicator {
                life_cycle: None,
                status: Some(StatusWord::from_bytes(sw1, sw2)),
            }),
            (0x8, &[life_cycle, sw1, sw2]) => Object::Status(StatusIndicator {
                life_cycle: Some(LifeCycle::from_byte(life_cycle)),
                status: Some(StatusWord::from_bytes(sw1, sw2)),
            }),
            (0xF, [_, ..]) => Object::ApplicationIdentifier(value),
            _ => Object::Other(*self),
        }
    }
}

impl CardServices {
    /// Applications are selected by full DF name.
    pub const fn select_by_full_name(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Applications are selected by partial DF name.
    pub const fn select_by_partial_name(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// EF.DIR has data objects in BER-TLV.
    pub const fn objects_in_ef_dir(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// EF.ATR/INFO has data objects in BER-TLV.
    pub const fn objects_in_ef_atr(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// How EF.DIR and EF.ATR/INFO are read.
    pub const fn access(self) -> AccessService {
        match self.0 >> 1 & 0x07 {
            0b000 => AccessService::ReadRecord,
            0b010 => AccessService::GetData,
            0b100 => AccessService::ReadBinary,
            other => AccessService::Reserved(other),
        }
    }

    /// The card has an MF.
    pub const fn has_mf(self) -> bool {
        self.0 & 0x01 == 0
    }
}

impl CardCapabilities {
    /// Table 1, the selection methods: DF by full name, partial name, path, file identifier,
    /// implicitly; EF by short identifier, record number, record identifier (bits 8 to 1).
    pub const fn selection(self) -> u8 {
        self.tables[0]
    }

    /// DFs are selected by path.
    pub const fn select_by_path(self) -> bool {
        self.tables[0] & 0x20 != 0
    }

    /// DFs are selected by file identifier.
    pub const fn select_by_file_identifier(self) -> bool {
        self.tables[0] & 0x10 != 0
    }

    /// Short EF identifiers are supported.
    pub const fn short_ef_identifier(self) -> bool {
        self.tables[0] & 0x04 != 0
    }

    /// Table 2, the data coding byte; `None` if the card does not give it.
    pub const fn data_coding(self) -> Option<u8> {
        if self.count < 2 {
            return None;
        }
        Some(self.tables[1])
    }

    /// What WRITE does with the bytes that are there; `None` if the card does not say.
    pub fn write_behaviour(self) -> Option<WriteBehaviour> {
        Some(match self.data_coding()? >> 5 & 0x03 {
            0b00 => WriteBehaviour::OneTime,
            0b01 => WriteBehaviour::Proprietary,
            0b10 => WriteBehaviour::Or,
            _ => WriteBehaviour::And,
        })
    }

    /// The data unit of EFs, in half bytes (a power of 2); `None` if the card does not say.
    pub fn data_unit_quartets(self) -> Option<u32> {
        Some(1 << (self.data_coding()? & 0x0F))
    }

    /// Command chaining works; `None` if the card does not say (table 3 is missing).
    pub const fn command_chaining(self) -> Option<bool> {
        self.third(0x80)
    }

    /// Extended Lc and Le fields work; `None` if the card does not say.
    pub const fn extended_length(self) -> Option<bool> {
        self.third(0x40)
    }

    /// What extended lengths the card takes stands in EF.ATR/INFO; `None` if the card does not
    /// say.
    pub const fn extended_length_information(self) -> Option<bool> {
        self.third(0x20)
    }

    /// The card assigns logical channel numbers; `None` if it does not say.
    pub const fn card_assigns_channels(self) -> Option<bool> {
        self.third(0x10)
    }

    /// The interface device assigns logical channel numbers; `None` if the card does not say.
    pub const fn device_assigns_channels(self) -> Option<bool> {
        self.third(0x08)
    }

    /// How many logical channels the card has: 1 to 7, or 8 for eight and more; `None` if the
    /// card does not say.
    pub const fn logical_channels(self) -> Option<u8> {
        if self.count < 3 {
            return None;
        }
        Some((self.tables[2] & 0x07) + 1)
    }

    const fn third(self, bit: u8) -> Option<bool> {
        if self.count < 3 {
            return None;
        }
        Some(self.tables[2] & bit != 0)
    }
}

impl fmt::Display for AccessService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadRecord => f.write_str("READ RECORD"),
            Self::GetData => f.write_str("GET DATA"),
            Self::ReadBinary => f.write_str("READ BINARY"),
            Self::Reserved(value) => write!(f, "reserved ({value})"),
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CompactTlvThenStatus => f.write_str("COMPACT-TLV, then a status indicator (00)"),
            Self::DirDataReference => f.write_str("DIR data reference (10)"),
            Self::CompactTlv => f.write_str("COMPACT-TLV (80)"),
            Self::Reserved(byte) => write!(f, "reserved ({byte:02X})"),
            Self::Proprietary(byte) => write!(f, "proprietary ({byte:02X})"),
        }
    }
}

fn compact_tlv(input: &[u8]) -> IResult<&[u8], (u8, &[u8])> {
    byte.flat_map(|header| take(header & 0x0F).map(move |value| (header >> 4, value)))
        .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).expect("hex")
    }

    #[test]
    fn the_staff_card_tells_services_pre_issuing_data_and_status() {
        let bytes = bytes("80 3180 65B0A31101F3 83009000");
        let historical = Historical::parse(&bytes);
        assert_eq!(historical.findings(), []);
        let objects: Vec<_> = historical.objects().collect();
        let [
            Object::Services(services),
            Object::PreIssuing(pre),
            Object::Status(status),
        ] = objects[..]
        else {
            unreachable!("{objects:?}");
        };
        assert!(services.select_by_full_name() && services.has_mf());
        assert_eq!(services.access(), AccessService::ReadRecord);
        assert_eq!(pre, [0xB0, 0xA3, 0x11, 0x01, 0xF3]);
        assert_eq!(status.life_cycle, Some(LifeCycle::NotGiven));
        assert_eq!(status.status, Some(StatusWord::SUCCESS));
        assert_eq!(historical.status_indicator(), Some(status));
    }

    #[test]
    fn all_three_capability_tables_are_read() {
        let bytes = bytes("80 73 C8 21 DA");
        let capabilities = Historical::parse(&bytes).capabilities().expect("tag 7");
        assert_eq!(capabilities.selection(), 0xC8);
        assert_eq!(
            capabilities.write_behaviour(),
            Some(WriteBehaviour::Proprietary)
        );
        assert_eq!(capabilities.data_unit_quartets(), Some(2));
        assert_eq!(capabilities.command_chaining(), Some(true));
        assert_eq!(capabilities.extended_length(), Some(true));
        assert_eq!(capabilities.card_assigns_channels(), Some(true));
        assert_eq!(capabilities.device_assigns_channels(), Some(true));
        assert_eq!(capabilities.logical_channels(), Some(3));
    }

    #[test]
    fn tables_that_are_not_given_say_nothing() {
        let bytes = bytes("80 71 F0");
        let capabilities = Historical::parse(&bytes).capabilities().expect("tag 7");
        assert!(capabilities.select_by_path());
        assert_eq!(capabilities.data_coding(), None);
        assert_eq!(capabilities.extended_length(), None);
        assert_eq!(capabilities.logical_channels(), None);
    }

    #[test]
    fn category_00_ends_in_a_status_indicator() {
        let bytes = bytes("00 3180 07 9000");
        let historical = Historical::parse(&bytes);
        assert_eq!(historical.compact_tlvs().len(), 1);
        let status = historical.status_indicator().expect("three bytes");
        assert_eq!(status.life_cycle, Some(LifeCycle::Activated));
    }

    #[test]
    fn lengths_that_lie_are_findings_and_what_stands_before_is_kept() {
        let short = bytes("80 3180 65B0");
        let historical = Historical::parse(&short);
        assert_eq!(historical.compact_tlvs().len(), 1);
        assert_eq!(historical.findings().len(), 1);
        assert_eq!(historical.findings()[0].offset(), 4);
        let wrong = bytes("80 328000 84000000 00");
        let historical = Historical::parse(&wrong);
        assert_eq!(historical.findings().len(), 2);
        assert_eq!(Historical::parse(&[0x00, 0x01]).findings().len(), 1);
        assert_eq!(Historical::parse(&[0x10]).findings().len(), 1);
        assert_eq!(Historical::parse(&[0x85]).findings().len(), 1);
    }

    #[test]
    fn proprietary_bytes_are_left_alone() {
        let historical = Historical::parse(b"MyEID");
        assert_eq!(historical.category(), Some(Category::Proprietary(b'M')));
        assert_eq!(historical.compact_tlvs(), []);
        assert_eq!(historical.findings(), []);
    }
}
