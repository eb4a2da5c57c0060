//! The answer to reset (ISO/IEC 7816-3 §8.2): reading a broken one too, and building a right one.
//!
//! ```
//! use kortlab_apdu::atr::{Atr, AtrBuilder};
//! let atr = Atr::parse(&[
//!     0x3B, 0x7D, 0x96, 0x00, 0x00, 0x80, 0x31, 0x80, 0x65, 0xB0,
//!     0xA3, 0x11, 0x01, 0xF3, 0x83, 0x00, 0x90, 0x00,
//! ])?;
//! assert_eq!(atr.offered_protocols(), [0]);
//! assert_eq!((atr.fi(), atr.di()), (Some(512), Some(32)));
//! assert_eq!(atr.tck(), None);
//!
//! // The same card with T=1 beside it: a TCK becomes due, and is computed.
//! let both = AtrBuilder::new()
//!     .global(Some(0x96), Some(0x00), Some(0x00))
//!     .protocol(0, None, None, None)
//!     .protocol(1, Some(0xFE), Some(0x45), None)
//!     .historical(atr.historical_bytes())
//!     .build()?;
//! assert_eq!(both.offered_protocols(), [0, 1]);
//! assert!(both.tck().is_some() && both.findings().is_empty());
//! # Ok::<(), kortlab_apdu::Error>(())
//! ```

use core::fmt;

use nom::combinator::{cond, opt};
use nom::number::complete::u8 as byte;
use nom::{IResult, Parser};

use crate::error::{Error, ErrorKind};
use crate::historical::Historical;

/// The most bytes of an ATR: TS and at most 32 more (ISO/IEC 7816-3 §8.2.1).
pub const MAX_ATR: usize = 33;

/// The most historical bytes.
pub const MAX_HISTORICAL: usize = 15;

/// An answer to reset, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Atr {
    bytes: Vec<u8>,
    convention: Convention,
    groups: Vec<Interface>,
    historical_offset: usize,
    historical: Vec<u8>,
    tck: Option<u8>,
    findings: Vec<Error>,
}

/// How bits are coded, by TS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Convention {
    /// `3B`: direct.
    #[default]
    Direct,
    /// `3F`: inverse.
    Inverse,
}

/// The interface bytes TA, TB, TC and TD of one index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Interface {
    /// The index i of TAi: 1 for the first.
    pub index: usize,
    /// The protocol T that the TD byte before introduced; `None` for index 1.
    pub protocol: Option<u8>,
    /// TAi.
    pub ta: Option<u8>,
    /// TBi.
    pub tb: Option<u8>,
    /// TCi.
    pub tc: Option<u8>,
    /// TDi.
    pub td: Option<u8>,
}

/// The mode that TA2 forces (ISO/IEC 7816-3 §8.3): no negotiation, this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpecificMode {
    /// The protocol T in force.
    pub protocol: u8,
    /// The card can be brought into negotiable mode by a warm reset.
    pub can_change: bool,
    /// The transmission parameters are implicit: TA1 does not apply.
    pub implicit_parameters: bool,
}

/// Whether and in which state the card bears its clock being stopped (ISO/IEC 7816-3 §8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClockStop {
    /// It does not.
    NotSupported,
    /// In the low state.
    Low,
    /// In the high state.
    High,
    /// In either state.
    Either,
}

/// The classes of operating conditions (ISO/IEC 7816-3 §5.1.3), one bit each: A (5 V) is bit 1,
/// B (3 V) bit 2, C (1.8 V) bit 3; D and E are kept for lower voltages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Classes(u8);

impl Classes {
    /// The letters of the classes that the card takes.
    pub fn letters(self) -> impl Iterator<Item = char> {
        ('A'..='E')
            .enumerate()
            .filter(move |(bit, _)| self.0 >> bit & 1 != 0)
            .map(|(_, letter)| letter)
    }

    /// Whether this is a value that the standard has: one class, or several that follow each
    /// other.
    const fn is_assigned(self) -> bool {
        if self.0 == 0 || self.0 & 0x20 != 0 {
            return false;
        }
        let low = self.0 >> self.0.trailing_zeros();
        low & (low + 1) == 0
    }
}

/// The error detection code of T=1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorDetection {
    /// Longitudinal redundancy check, one byte.
    Lrc,
    /// Cyclic redundancy check, two bytes.
    Crc,
}

impl Atr {
    /// Takes an ATR apart. What does not fit the standard is a finding; see [`Atr::findings`].
    ///
    /// # Errors
    /// Fewer than two bytes, or a TS other than `3B` and `3F`: then nothing can be said.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let &[ts, t0, ..] = bytes else {
            let kind = ErrorKind::Truncated {
                what: "ATR",
                needed: 2,
                available: bytes.len(),
            };
            return Err(Error::new(kind, 0));
        };
        let convention = match ts {
            0x3B => Convention::Direct,
            0x3F => Convention::Inverse,
            _ => {
                let kind = ErrorKind::Invalid {
                    what: "TS",
                    found: u32::from(ts),
                };
                return Err(Error::new(kind, 0));
            }
        };
        let mut findings = Vec::new();
        let kept = bytes.get(..MAX_ATR).unwrap_or(bytes);
        if kept.len() < bytes.len() {
            let kind = ErrorKind::Length {
                what: "ATR",
                found: bytes.len(),
            };
            findings.push(Error::new(kind, MAX_ATR));
        }
        let (groups, rest) = interfaces(kept, t0, &mut findings);
        let historical_offset = kept.len() - rest.len();
        let historical_len = usize::from(t0 & 0x0F);
        let (historical, rest) = rest.split_at(historical_len.min(rest.len()));
        if historical.len() < historical_len {
            let kind = ErrorKind::Truncated {
                what: "historical bytes",
                needed: historical_len,
                available: historical.len(),
            };
            findings.push(Error::new(kind, historical_offset));
        }
        let mut atr = Self {
            bytes: bytes.to_vec(),
            convention,
            groups,
            historical_offset,
            historical: historical.to_vec(),
            tck: rest.first().copied(),
            findings,
        };
        atr.check_end(kept, rest);
        atr.check_interfaces();
        atr.findings.sort_by_key(Error::offset);
        Ok(atr)
    }

    /// All bytes, as they came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The convention that TS says.
    pub const fn convention(&self) -> Convention {
        self.convention
    }

    /// The interface bytes, by index.
    pub fn interfaces(&self) -> &[Interface] {
        &self.groups
    }

    /// The protocols T the card offers, in its order; T=15, which is none, left out. An ATR
    /// without TD1 offers T=0.
    pub fn offered_protocols(&self) -> Vec<u8> {
        let mut protocols = Vec::new();
        for protocol in self.groups.iter().filter_map(|group| group.protocol) {
            if protocol != 15 && !protocols.contains(&protocol) {
                protocols.push(protocol);
            }
        }
        if protocols.is_empty() {
            protocols.push(0);
        }
        protocols
    }

    /// TA1, as it stands.
    pub fn ta1(&self) -> Option<u8> {
        self.groups.first()?.ta
    }

    /// The clock rate conversion integer Fi; 372 without TA1, `None` if TA1 has a reserved value.
    pub fn fi(&self) -> Option<u16> {
        match self.ta1() {
            None => Some(372),
            Some(ta1) => clock_rate(ta1).map(|(fi, _)| fi),
        }
    }

    /// The highest clock frequency in kHz; 5000 without TA1, `None` if TA1 has a reserved value.
    pub fn max_frequency_khz(&self) -> Option<u16> {
        match self.ta1() {
            None => Some(5_000),
            Some(ta1) => clock_rate(ta1).map(|(_, khz)| khz),
        }
    }

    /// The baud rate adjustment integer Di; 1 without TA1, `None` if TA1 has a reserved value.
    pub fn di(&self) -> Option<u8> {
        match self.ta1() {
            None => Some(1),
            Some(ta1) => baud_rate(ta1),
        }
    }

    /// The extra guard time integer N of TC1, 0 if absent. 255 stands for the shortest guard
    /// time of the protocol.
    pub fn extra_guard_time(&self) -> u8 {
        self.groups.first().and_then(|group| group.tc).unwrap_or(0)
    }

    /// The specific mode that TA2 forces; `None`: negotiable mode.
    pub fn specific_mode(&self) -> Option<SpecificMode> {
        let ta2 = self.groups.get(1)?.ta?;
        Some(SpecificMode {
            protocol: ta2 & 0x0F,
            can_change: ta2 & 0x80 == 0,
            implicit_parameters: ta2 & 0x10 != 0,
        })
    }

    /// The waiting time integer WI of T=0, from TC2; 10 if absent.
    pub fn waiting_time_integer(&self) -> u8 {
        self.groups.get(1).and_then(|group| group.tc).unwrap_or(10)
    }

    /// The information field size of the card under T=1, IFSC; 32 if absent. `None`: no T=1.
    pub fn information_field_size(&self) -> Option<u8> {
        self.specific(1, |group| group.ta, 32)
    }

    /// The block waiting time integer BWI of T=1; 4 if absent. `None`: no T=1.
    pub fn block_waiting_time_integer(&self) -> Option<u8> {
        Some(self.specific(1, |group| group.tb, 0x4D)? >> 4)
    }

    /// The character waiting time integer CWI of T=1; 13 if absent. `None`: no T=1.
    pub fn character_waiting_time_integer(&self) -> Option<u8> {
        Some(self.specific(1, |group| group.tb, 0x4D)? & 0x0F)
    }

    /// The error detection code of T=1; LRC if absent. `None`: no T=1.
    pub fn error_detection(&self) -> Option<ErrorDetection> {
        Some(match self.specific(1, |group| group.tc, 0)? & 0x01 {
            0 => ErrorDetection::Lrc,
            _ => ErrorDetection::Crc,
        })
    }

    /// The first TA behind T=15, as it stands: clock stop (bits 8 and 7) and classes of operating
    /// conditions (bits 6 to 1).
    pub fn clock_stop_and_classes(&self) -> Option<u8> {
        self.groups
            .iter()
            .find(|group| group.protocol == Some(15) && group.index >= 3)
            .and_then(|group| group.ta)
    }

    /// Whether the clock may be stopped; not, if the card does not say.
    pub fn clock_stop(&self) -> ClockStop {
        match self.clock_stop_and_classes().unwrap_or(0) >> 6 {
            0 => ClockStop::NotSupported,
            1 => ClockStop::Low,
            2 => ClockStop::High,
            _ => ClockStop::Either,
        }
    }

    /// The classes of operating conditions that the card takes; A if it does not say.
    pub fn classes(&self) -> Classes {
        Classes(self.clock_stop_and_classes().unwrap_or(0x01) & 0x3F)
    }

    /// The historical bytes, at most 15, the category indicator included.
    pub fn historical_bytes(&self) -> &[u8] {
        &self.historical
    }

    /// Where the historical bytes start, in bytes from TS.
    pub const fn historical_offset(&self) -> usize {
        self.historical_offset
    }

    /// The historical bytes, taken apart. Its findings count from the first historical byte: add
    /// [`Atr::historical_offset`] with [`Error::nested`].
    pub fn historical(&self) -> Historical<'_> {
        Historical::parse(&self.historical)
    }

    /// The check byte, right or wrong, due or not.
    pub const fn tck(&self) -> Option<u8> {
        self.tck
    }

    /// Whether a TCK is due: when a protocol other than T=0 is offered, T=15 included
    /// (ISO/IEC 7816-3 §8.2.5).
    pub fn tck_is_due(&self) -> bool {
        self.groups
            .iter()
            .any(|group| group.protocol.is_some_and(|protocol| protocol != 0))
    }

    /// What does not fit the standard, with offsets from TS. The historical bytes have their own
    /// findings.
    pub fn findings(&self) -> &[Error] {
        &self.findings
    }

    fn check_end(&mut self, kept: &[u8], rest: &[u8]) {
        let offset = kept.len() - rest.len();
        let due = self.tck_is_due();
        let kind = match (due, rest) {
            (true, []) => Some(ErrorKind::Missing { what: "TCK" }),
            (true, [found, ..]) => {
                let expected = check_byte(kept.get(1..offset).unwrap_or_default());
                (*found != expected).then_some(ErrorKind::Mismatch {
                    what: "TCK",
                    expected: u32::from(expected),
                    found: u32::from(*found),
                })
            }
            (false, []) => None,
            (false, _) => Some(ErrorKind::Unexpected {
                what: "TCK of a card that offers T=0 only",
            }),
        };
        self.findings
            .extend(kind.map(|kind| Error::new(kind, offset)));
        if rest.len() > 1 {
            let kind = ErrorKind::Trailing {
                count: rest.len() - 1,
            };
            self.findings.push(Error::new(kind, offset + 1));
        }
    }

    fn check_interfaces(&mut self) {
        let mut found = Vec::new();
        if self.fi().is_none() || self.di().is_none() {
            found.push(("TA1", self.ta1(), self.offset_of(1, 0)));
        }
        self.check_specific_mode(&mut found);
        if self.clock_stop_and_classes().is_some() && !self.classes().is_assigned() {
            let group = self.groups.iter();
            let index = group
                .filter(|group| group.protocol == Some(15) && group.index >= 3)
                .map(|group| group.index)
                .next();
            let offset = self.offset_of(index.unwrap_or_default(), 0);
            found.push(("classes of T=15", self.clock_stop_and_classes(), offset));
        }
        let mut last = None;
        for group in &self.groups {
            let Some(protocol) = group.protocol else {
                continue;
            };
            // ISO/IEC 7816-3 §8.2.3: protocols stand in ascending order, T=0 first.
            if last.is_some_and(|last| protocol < last) {
                let offset = self.offset_of(group.index - 1, 3);
                found.push(("order of protocols", Some(protocol), offset));
            }
            last = Some(protocol);
            if group.index < 3 || protocol != 1 || !self.is_first(group) {
                continue;
            }
            let invalid = |byte: Option<u8>, bad: fn(u8) -> bool| byte.filter(|&byte| bad(byte));
            if let ifsc @ Some(_) = invalid(group.ta, |ifsc| matches!(ifsc, 0x00 | 0xFF)) {
                found.push(("IFSC", ifsc, self.offset_of(group.index, 0)));
            }
            if let bwi @ Some(_) = invalid(group.tb, |tb| tb >> 4 > 9) {
                found.push(("BWI and CWI", bwi, self.offset_of(group.index, 1)));
            }
            if let code @ Some(_) = invalid(group.tc, |tc| tc > 1) {
                found.push(("error detection code", code, self.offset_of(group.index, 2)));
            }
        }
        self.findings
            .extend(found.into_iter().map(|(what, byte, offset)| {
                let found = u32::from(byte.unwrap_or_default());
                Error::new(ErrorKind::Invalid { what, found }, offset)
            }));
    }

    /// ISO/IEC 7816-3 §8.2.3, §8.3: TD1 offers a protocol, and T=15 is none; TA2 forces one that is
    /// offered; WI is not 0.
    fn check_specific_mode(&self, found: &mut Vec<(&'static str, Option<u8>, usize)>) {
        let Some(second) = self.groups.get(1) else {
            return;
        };
        if second.protocol == Some(15) {
            found.push(("TD1, which offers T=15", Some(15), self.offset_of(1, 3)));
        }
        if let Some(mode) = self.specific_mode() {
            let offset = self.offset_of(2, 0);
            if !self.offered_protocols().contains(&mode.protocol) {
                let what = "TA2, which forces a protocol that is not offered, T";
                found.push((what, Some(mode.protocol), offset));
            }
            if second.ta.is_some_and(|ta2| ta2 & 0x60 != 0) {
                found.push(("TA2 with reserved bits", second.ta, offset));
            }
        }
        if second.tc == Some(0) {
            found.push(("WI in TC2", Some(0), self.offset_of(2, 2)));
        }
    }

    /// The first group at index 3 or above that belongs to this protocol.
    fn is_first(&self, group: &Interface) -> bool {
        self.groups
            .iter()
            .find(|other| other.index >= 3 && other.protocol == group.protocol)
            .is_some_and(|first| first.index == group.index)
    }

    /// The first byte that is specific to protocol `t` (ISO/IEC 7816-3 §8.2.3: index 3 or above),
    /// or its default; `None` if the protocol is not offered.
    fn specific(&self, t: u8, byte: impl Fn(&Interface) -> Option<u8>, default: u8) -> Option<u8> {
        if !self.offered_protocols().contains(&t) {
            return None;
        }
        let first = self
            .groups
            .iter()
            .find(|group| group.index >= 3 && group.protocol == Some(t));
        Some(first.and_then(byte).unwrap_or(default))
    }

    /// Where TA, TB, TC or TD (`which` 0 to 3) of this index stands, or would stand.
    fn offset_of(&self, index: usize, which: usize) -> usize {
        let mut offset = 2;
        for group in &self.groups {
            let bytes = [group.ta, group.tb, group.tc, group.td];
            let count = if group.index == index { which } else { 4 };
            offset += bytes.iter().take(count).flatten().count();
            if group.index == index {
                break;
            }
        }
        offset
    }
}

impl fmt::Display for Atr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.bytes.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{byte:02X}")?;
        }
        Ok(())
    }
}

/// Builds an ATR with right indicators and, where one is due, a right TCK.
#[derive(Clone, Debug, Default)]
pub struct AtrBuilder {
    convention: Convention,
    global: [Option<u8>; 3],
    protocols: Vec<ProtocolBytes>,
    specific_mode: Option<u8>,
    waiting_time: Option<u8>,
    historical: Vec<u8>,
}

impl AtrBuilder {
    /// Direct convention, T=0, no interface bytes, no historical bytes: `3B 00`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same in this convention.
    #[must_use]
    pub fn convention(mut self, convention: Convention) -> Self {
        self.convention = convention;
        self
    }

    /// The same with these TA1 (Fi and Di), TB1 and TC1 (N).
    #[must_use]
    pub fn global(mut self, ta1: Option<u8>, tb1: Option<u8>, tc1: Option<u8>) -> Self {
        self.global = [ta1, tb1, tc1];
        self
    }

    /// The same, offering protocol `t` (0 to 15; 15 for global bytes) with these specific bytes:
    /// for T=1 IFSC, BWI and CWI, error detection code. T=0 has none. Protocols go in ascending
    /// order.
    #[must_use]
    pub fn protocol(mut self, t: u8, ta: Option<u8>, tb: Option<u8>, tc: Option<u8>) -> Self {
        self.protocols.push((t, [ta, tb, tc]));
        self
    }

    /// The same with this TA2: specific mode.
    #[must_use]
    pub fn specific_mode(mut self, ta2: u8) -> Self {
        self.specific_mode = Some(ta2);
        self
    }

    /// The same with this TC2: the waiting time integer of T=0.
    #[must_use]
    pub fn waiting_time_integer(mut self, tc2: u8) -> Self {
        self.waiting_time = Some(tc2);
        self
    }

    /// The same with these historical bytes.
    #[must_use]
    pub fn historical(mut self, bytes: &[u8]) -> Self {
        self.historical = bytes.to_vec();
        self
    }

    /// The ATR.
    ///
    /// # Errors
    /// More than 15 historical bytes, more than 33 bytes in all, or anything else that
    /// [`Atr::parse`] would have as a finding, such as protocols out of order.
    pub fn build(&self) -> Result<Atr, Error> {
        let k = self.historical.len();
        if k > MAX_HISTORICAL {
            let kind = ErrorKind::Length {
                what: "historical bytes",
                found: k,
            };
            return Err(Error::new(kind, 2));
        }
        let mut bytes = vec![match self.convention {
            Convention::Direct => 0x3B,
            Convention::Inverse => 0x3F,
        }];
        let groups = self.groups()?;
        let mut low = k as u8;
        for (index, (_, group)) in groups.iter().enumerate() {
            let next = groups.get(index + 1).map(|&(protocol, _)| protocol);
            bytes.push(presence(group) | if next.is_some() { 0x80 } else { 0 } | low);
            bytes.extend(group.iter().flatten());
            low = next.unwrap_or_default();
        }
        bytes.extend_from_slice(&self.historical);
        if self.protocols.iter().any(|&(protocol, _)| protocol != 0) {
            bytes.push(check_byte(bytes.get(1..).unwrap_or_default()));
        }
        let atr = Atr::parse(&bytes)?;
        match atr.findings.first() {
            Some(&finding) => Err(finding),
            None => Ok(atr),
        }
    }

    /// The groups of interface bytes with their protocols. What is specific to a protocol stands
    /// at index 3 or above, so a lone first protocol is named twice: TD1 and TD2.
    fn groups(&self) -> Result<Vec<ProtocolBytes>, Error> {
        let mut groups = vec![(0, self.global)];
        let second = [self.specific_mode, None, self.waiting_time];
        let needs_second = second != [None; 3];
        let first = self.protocols.first().map(|&(protocol, _)| protocol);
        if first.is_some() || needs_second {
            groups.push((first.unwrap_or(0), second));
        }
        for (index, &(protocol, bytes)) in self.protocols.iter().enumerate() {
            if protocol > 15 || (protocol == 0 && bytes != [None; 3]) {
                let kind = ErrorKind::Invalid {
                    what: "protocol with specific bytes",
                    found: u32::from(protocol),
                };
                return Err(Error::new(kind, 0));
            }
            if index > 0 || bytes != [None; 3] {
                groups.push((protocol, bytes));
            }
        }
        Ok(groups)
    }
}

/// A protocol and its TA, TB and TC.
type ProtocolBytes = (u8, [Option<u8>; 3]);

/// The interface bytes behind T0, and what follows them.
fn interfaces<'a>(atr: &'a [u8], t0: u8, findings: &mut Vec<Error>) -> (Vec<Interface>, &'a [u8]) {
    let mut groups = Vec::new();
    let mut rest = atr.get(2..).unwrap_or_default();
    let mut presence = t0;
    let mut protocol = None;
    loop {
        let offset = atr.len() - rest.len();
        let needed = (presence >> 4).count_ones() as usize;
        let available = rest.len();
        let Ok((behind, (ta, tb, tc, td))) = interface(presence, rest) else {
            break;
        };
        rest = behind;
        groups.push(Interface {
            index: groups.len() + 1,
            protocol,
            ta,
            tb,
            tc,
            td,
        });
        if available < needed {
            let kind = ErrorKind::Truncated {
                what: "interface bytes",
                needed,
                available,
            };
            findings.push(Error::new(kind, offset));
        }
        let Some(td) = td else {
            break;
        };
        presence = td;
        protocol = Some(td & 0x0F);
    }
    (groups, rest)
}

type Group = (Option<u8>, Option<u8>, Option<u8>, Option<u8>);

/// The bytes that bits 5 to 8 of T0 or TD announce, as far as they are there.
fn interface(presence: u8, input: &[u8]) -> IResult<&[u8], Group> {
    let at = |bit: u8| cond(presence & bit != 0, opt(byte)).map(Option::flatten);
    (at(0x10), at(0x20), at(0x40), at(0x80)).parse(input)
}

fn presence(bytes: &[Option<u8>; 3]) -> u8 {
    bytes
        .iter()
        .zip([0x10, 0x20, 0x40])
        .filter(|(byte, _)| byte.is_some())
        .map(|(_, bit)| bit)
        .sum()
}

/// TCK: the exclusive-or of all bytes from T0 on with it is 0.
fn check_byte(from_t0: &[u8]) -> u8 {
    from_t0.iter().fold(0, |check, byte| check ^ byte)
}

/// Fi and the highest frequency in kHz (ISO/IEC 7816-3 table 7).
const fn clock_rate(ta1: u8) -> Option<(u16, u16)> {
    Some(match ta1 >> 4 {
        0x0 => (372, 4_000),
        0x1 => (372, 5_000),
        0x2 => (558, 6_000),
        0x3 => (744, 8_000),
        0x4 => (1_116, 12_000),
        0x5 => (1_488, 16_000),
        0x6 => (1_860, 20_000),
        0x9 => (512, 5_000),
        0xA => (768, 7_500),
        0xB => (1_024, 10_000),
        0xC => (1_536, 15_000),
        0xD => (2_048, 20_000),
        _ => return None,
    })
}

/// Di (ISO/IEC 7816-3 table 8).
const fn baud_rate(ta1: u8) -> Option<u8> {
    Some(match ta1 & 0x0F {
        0x1 => 1,
        0x2 => 2,
        0x3 => 4,
        0x4 => 8,
        0x5 => 16,
        0x6 => 32,
        0x7 => 64,
        0x8 => 12,
        0x9 => 20,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::historical::Category;

    const STAFF_CARD: &str = "3B 7D 96 00 00 80 31 80 65 B0 A3 11 01 F3 83 00 90 00";

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).expect("hex")
    }

    fn parse(text: &str) -> Atr {
        Atr::parse(&bytes(text)).expect("an ATR")
    }

    fn finding(text: &str) -> (ErrorKind, usize) {
        let atr = parse(text);
        let [finding] = atr.findings() else {
            unreachable!("{:?}", atr.findings());
        };
        (finding.kind(), finding.offset())
    }

    #[test]
    fn the_staff_card_offers_t0_only_and_has_no_tck() {
        for text in [
            STAFF_CARD,
            "3B 7D 96 00 00 80 31 80 65 B0 A3 11 00 C8 83 00 90 00",
        ] {
            let atr = parse(text);
            assert_eq!(atr.convention(), Convention::Direct);
            assert_eq!(atr.offered_protocols(), [0]);
            assert_eq!((atr.fi(), atr.di()), (Some(512), Some(32)));
            assert_eq!(atr.max_frequency_khz(), Some(5_000));
            assert_eq!(atr.extra_guard_time(), 0);
            assert_eq!(atr.specific_mode(), None);
            assert_eq!(atr.information_field_size(), None);
            assert_eq!(atr.historical_bytes().len(), 13);
            assert_eq!(atr.historical_offset(), 5);
            assert_eq!(atr.historical().category(), Some(Category::CompactTlv));
            assert_eq!(atr.tck(), None);
            assert_eq!(atr.findings(), []);
            assert_eq!(atr.to_string(), text);
        }
    }

    #[test]
    fn a_t1_card_tells_its_field_size_and_waiting_times() {
        let atr = parse("3B F5 96 00 00 81 31 FE 45 4D 79 45 49 44 14");
        assert_eq!(atr.offered_protocols(), [1]);
        assert_eq!(atr.information_field_size(), Some(254));
        assert_eq!(atr.block_waiting_time_integer(), Some(4));
        assert_eq!(atr.character_waiting_time_integer(), Some(5));
        assert_eq!(atr.error_detection(), Some(ErrorDetection::Lrc));
        assert_eq!(atr.historical_bytes(), b"MyEID");
        assert_eq!((atr.tck(), atr.findings()), (Some(0x14), &[][..]));
    }

    #[test]
    fn t0_with_t15_has_a_tck_and_global_bytes() {
        let atr = parse("3B 9F 94 80 1F C3 00 68 10 44 05 01 46 49 53 45 31 C8 07 90 00 18");
        assert_eq!(atr.offered_protocols(), [0]);
        assert_eq!(atr.clock_stop_and_classes(), Some(0xC3));
        assert_eq!(atr.tck(), Some(0x18));
        assert_eq!(atr.historical_bytes().len(), 15);
        assert_eq!(atr.findings(), []);
    }

    #[test]
    fn specific_mode_and_inverse_convention_are_read() {
        let atr = parse("3F 10 11");
        assert_eq!(atr.convention(), Convention::Inverse);
        let atr = parse("3B 80 90 11 00 91");
        assert_eq!(
            atr.specific_mode(),
            Some(SpecificMode {
                protocol: 1,
                can_change: true,
                implicit_parameters: true
            })
        );
    }

    #[test]
    fn a_contactless_card_offers_both_protocols() {
        let atr = parse("3B 80 80 01 01");
        assert_eq!(atr.offered_protocols(), [0, 1]);
        assert_eq!((atr.fi(), atr.di()), (Some(372), Some(1)));
        assert_eq!(atr.information_field_size(), Some(32));
        assert_eq!(atr.block_waiting_time_integer(), Some(4));
        assert_eq!(atr.character_waiting_time_integer(), Some(13));
        assert_eq!(atr.findings(), []);
    }

    #[test]
    fn a_wrong_missing_or_superfluous_tck_is_a_finding() {
        let mismatch = ErrorKind::Mismatch {
            what: "TCK",
            expected: 0x01,
            found: 0x02,
        };
        assert_eq!(finding("3B 80 80 01 02"), (mismatch, 4));
        let missing = ErrorKind::Missing { what: "TCK" };
        assert_eq!(finding("3B 80 80 01"), (missing, 4));
        let (kind, offset) = finding("3B 00 00");
        assert!(matches!(kind, ErrorKind::Unexpected { .. }));
        assert_eq!(offset, 2);
        assert_eq!(
            finding("3B 80 80 01 01 FF FF"),
            (ErrorKind::Trailing { count: 2 }, 5)
        );
    }

    #[test]
    fn lengths_that_lie_are_findings_and_what_is_there_is_kept() {
        let atr = parse("3B 05 41 42");
        assert_eq!(atr.historical_bytes(), b"AB");
        assert_eq!(atr.findings()[0].offset(), 2);
        let atr = parse("3B F0 96 00");
        assert_eq!(atr.ta1(), Some(0x96));
        assert_eq!(
            atr.findings()[0].kind(),
            ErrorKind::Truncated {
                what: "interface bytes",
                needed: 4,
                available: 2
            }
        );
    }

    #[test]
    fn more_than_33_bytes_are_a_finding_and_a_chain_of_td_bytes_ends() {
        let mut endless = vec![0x3B];
        endless.resize(1_000, 0x80);
        let atr = Atr::parse(&endless).expect("an ATR");
        assert_eq!(atr.bytes().len(), 1_000);
        assert!(atr.interfaces().len() <= MAX_ATR);
        assert_eq!(
            atr.findings()[0].kind(),
            ErrorKind::Length {
                what: "ATR",
                found: 1_000
            }
        );
    }

    #[test]
    fn reserved_interface_bytes_are_findings_where_they_stand() {
        assert_eq!(finding("3B 10 70").1, 2);
        let (kind, offset) = finding("3B 80 81 31 00 45 75");
        assert_eq!(offset, 4);
        assert!(matches!(kind, ErrorKind::Invalid { what: "IFSC", .. }));
        let (kind, offset) = finding("3B 80 81 00 01");
        assert_eq!(offset, 3);
        assert!(matches!(
            kind,
            ErrorKind::Invalid {
                what: "order of protocols",
                ..
            }
        ));
    }

    #[test]
    fn clock_stop_and_classes_of_t15_are_told() {
        let told = |ta: u8| {
            let atr = AtrBuilder::new()
                .protocol(0, None, None, None)
                .protocol(15, Some(ta), None, None)
                .build()
                .expect("an ATR");
            (
                atr.clock_stop(),
                atr.classes().letters().collect::<String>(),
            )
        };
        assert_eq!(told(0x01), (ClockStop::NotSupported, "A".to_owned()));
        assert_eq!(told(0x43), (ClockStop::Low, "AB".to_owned()));
        assert_eq!(told(0x86), (ClockStop::High, "BC".to_owned()));
        assert_eq!(told(0xC7), (ClockStop::Either, "ABC".to_owned()));
        assert_eq!(told(0x04), (ClockStop::NotSupported, "C".to_owned()));
        let silent = parse("3B 00");
        assert_eq!(silent.clock_stop(), ClockStop::NotSupported);
        assert_eq!(silent.classes().letters().collect::<String>(), "A");
    }

    #[test]
    fn reserved_classes_are_a_finding() {
        for ta in [0x00_u8, 0x05, 0x20, 0xC0] {
            let mut bytes = vec![0x3B, 0x80, 0x80, 0x1F, ta];
            bytes.push(check_byte(&bytes[1..]));
            let atr = Atr::parse(&bytes).expect("an ATR");
            let [finding] = atr.findings() else {
                unreachable!("{ta:02X}: {:?}", atr.findings());
            };
            assert_eq!(finding.offset(), 4, "{ta:02X}");
        }
    }

    #[test]
    fn ta2_that_forces_what_is_not_offered_is_a_finding() {
        // T=0 alone is offered; TA2 forces T=1.
        let mut bytes = vec![0x3B, 0x80, 0x10, 0x01];
        let (kind, offset) = finding(&hex::encode(&bytes));
        assert_eq!(offset, 3);
        assert!(kind.to_string().contains("not offered"), "{kind}");
        // The same where T=1 is offered.
        bytes = vec![0x3B, 0x80, 0x91, 0x01, 0x31, 0xFE, 0x45];
        bytes.push(check_byte(&bytes[1..]));
        assert_eq!(parse(&hex::encode(&bytes)).findings(), []);
        // Reserved bits, a WI of 0, and T=15 as the first protocol.
        assert_eq!(finding("3B 80 10 20").1, 3);
        assert_eq!(finding("3B 80 40 00").1, 3);
        let mut bytes = vec![0x3B, 0x80, 0x0F];
        bytes.push(check_byte(&bytes[1..]));
        assert_eq!(finding(&hex::encode(&bytes)).1, 2);
    }

    #[test]
    fn what_is_no_atr_is_an_error() {
        assert_eq!(Atr::parse(&[]).expect_err("nothing").offset(), 0);
        assert!(Atr::parse(&[0x3B]).is_err());
        assert!(Atr::parse(&[0x6F, 0x00]).is_err());
    }

    #[test]
    fn the_builder_gives_published_atrs() {
        let staff = AtrBuilder::new()
            .global(Some(0x96), Some(0x00), Some(0x00))
            .historical(&bytes("80 31 80 65 B0 A3 11 01 F3 83 00 90 00"))
            .build()
            .expect("an ATR");
        assert_eq!(staff.bytes(), bytes(STAFF_CARD));
        let my_eid = AtrBuilder::new()
            .global(Some(0x96), Some(0x00), Some(0x00))
            .protocol(1, Some(0xFE), Some(0x45), None)
            .historical(b"MyEID")
            .build()
            .expect("an ATR");
        assert_eq!(
            my_eid.bytes(),
            bytes("3B F5 96 00 00 81 31 FE 45 4D 79 45 49 44 14")
        );
        let contactless = AtrBuilder::new()
            .protocol(0, None, None, None)
            .protocol(1, None, None, None)
            .build()
            .expect("an ATR");
        assert_eq!(contactless.bytes(), bytes("3B 80 80 01 01"));
        let with_t15 = AtrBuilder::new()
            .global(Some(0x94), None, None)
            .protocol(0, None, None, None)
            .protocol(15, Some(0xC3), None, None)
            .historical(&bytes("00 68 10 44 05 01 46 49 53 45 31 C8 07 90 00"))
            .build()
            .expect("an ATR");
        assert_eq!(with_t15.tck(), Some(0x18));
    }

    #[test]
    fn the_builder_refuses_what_would_be_a_finding() {
        assert!(AtrBuilder::new().historical(&[0; 16]).build().is_err());
        assert!(
            AtrBuilder::new()
                .protocol(1, None, None, None)
                .protocol(0, None, None, None)
                .build()
                .is_err()
        );
        assert!(
            AtrBuilder::new()
                .protocol(0, Some(0xFE), None, None)
                .build()
                .is_err()
        );
        assert!(
            AtrBuilder::new()
                .global(Some(0x70), None, None)
                .build()
                .is_err()
        );
    }
}
