//! Capture files: blocks of pcapng (IETF draft, §4), packets that Wireshark has exported for its
//! dissector `iso7816`.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use kortlab_apdu::Protocol;
use pcap_parser::traits::PcapNGPacketBlock as _;
use pcap_parser::{
    Block, EnhancedPacketBlock, InterfaceDescriptionBlock, OptionCode, PcapNGOption,
    parse_block_be, parse_block_le, parse_sectionheaderblock,
};
use zeroize::Zeroizing;

use super::text::{Said, said};
use super::{Place, Reading};
use crate::event::{Event, Sent, What};
use crate::notation::{DIRECTION, DISSECTOR, END, LINK_TYPE, RECEIVED, SENT};

/// What a capture file begins with: the type of a section header.
pub(super) const MAGIC: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];

/// The most interfaces of a section.
const MAX_INTERFACES: usize = 4_096;

/// What is known of an interface.
struct Interface {
    name: Option<String>,
    link_type: i32,
    /// Units of its times in a second.
    resolution: u64,
    /// When the last command to it was sent.
    sent: Option<SystemTime>,
}

pub(super) fn read(bytes: &[u8], reading: &mut Reading) {
    let mut rest = bytes;
    let mut big_endian = false;
    let mut interfaces: Vec<Interface> = Vec::new();
    while !rest.is_empty() {
        let offset = bytes.len().saturating_sub(rest.len());
        let place = Place::Byte(offset);
        let parsed = match rest.starts_with(&MAGIC) {
            true => parse_sectionheaderblock(rest)
                .map(|(behind, header)| (behind, Block::SectionHeader(header))),
            false if big_endian => parse_block_be(rest),
            false => parse_block_le(rest),
        };
        let Ok((behind, block)) = parsed else {
            let what = "this is no whole block of a capture file; the file may be cut";
            reading.trouble(place, what);
            match skip(rest, big_endian) {
                Some(behind) => rest = behind,
                None => return,
            }
            continue;
        };
        // A block that takes no bytes would be read for ever.
        if behind.len() >= rest.len() {
            return;
        }
        rest = behind;
        match block {
            Block::SectionHeader(header) => {
                big_endian = header.big_endian();
                interfaces.clear();
            }
            Block::InterfaceDescription(description) => {
                if interfaces.len() >= MAX_INTERFACES {
                    reading.trouble(place, "there are more interfaces than are read");
                    return;
                }
                interfaces.push(Interface::new(&description, place, reading));
            }
            Block::EnhancedPacket(packet)
                if !packet_event(&packet, place, &mut interfaces, reading) =>
            {
                return;
            }
            _ => {}
        }
    }
}

/// What stands behind a block that cannot be read, if its length makes sense.
fn skip(rest: &[u8], big_endian: bool) -> Option<&[u8]> {
    let length: [u8; 4] = rest.get(4..8)?.try_into().ok()?;
    let length = match big_endian {
        true => u32::from_be_bytes(length),
        false => u32::from_le_bytes(length),
    };
    let length = usize::try_from(length).ok()?;
    (length >= 12 && length.is_multiple_of(4)).then(|| rest.get(length..))?
}

impl Interface {
    fn new(
        description: &InterfaceDescriptionBlock<'_>,
        place: Place,
        reading: &mut Reading,
    ) -> Self {
        let name = description.if_name().and_then(Result::ok);
        let name = name.filter(|name| *name != "card");
        Self {
            name: name.map(|name| reading.name(place, name)),
            link_type: description.linktype.0,
            resolution: description.ts_resolution().unwrap_or(1_000_000).max(1),
            sent: None,
        }
    }

    fn time(&self, packet: &EnhancedPacketBlock<'_>) -> Option<SystemTime> {
        let units = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
        if units == 0 {
            return None;
        }
        let nanoseconds =
            u128::from(units % self.resolution) * 1_000_000_000 / u128::from(self.resolution);
        let nanoseconds = u32::try_from(nanoseconds).ok()?;
        UNIX_EPOCH.checked_add(Duration::new(units / self.resolution, nanoseconds))
    }
}

/// Keeps what a packet says. `false`: there are too many.
fn packet_event(
    packet: &EnhancedPacketBlock<'_>,
    place: Place,
    interfaces: &mut [Interface],
    reading: &mut Reading,
) -> bool {
    let index = usize::try_from(packet.if_id).unwrap_or(usize::MAX);
    let Some(interface) = interfaces.get_mut(index) else {
        reading.trouble(place, "the packet is of an interface that is not described");
        return true;
    };
    if interface.link_type != i32::from(LINK_TYPE) {
        let what = format!(
            "packets of link type {} are not read, only exported PDUs ({LINK_TYPE})",
            interface.link_type
        );
        reading.trouble(place, what);
        return true;
    }
    let time = interface.time(packet);
    let what = match what(packet, time, interface) {
        Ok(Some(what)) => what,
        Ok(None) => return true,
        Err(what) => {
            reading.trouble(place, what);
            return true;
        }
    };
    if matches!(what, What::Command(_)) {
        interface.sent = time;
    }
    let event = Event {
        card: interface.name.clone(),
        time,
        what,
    };
    reading.keep_event(place, event)
}

fn what(
    packet: &EnhancedPacketBlock<'_>,
    time: Option<SystemTime>,
    interface: &Interface,
) -> Result<Option<What>, String> {
    let Exported {
        dissector,
        direction,
        bytes,
    } = Exported::parse(packet.packet_data())?;
    let hidden = usize::try_from(packet.origlen.saturating_sub(packet.caplen));
    let hidden = hidden.unwrap_or(usize::MAX);
    let after = || time?.duration_since(interface.sent?).ok();
    Ok(match (dissector, direction) {
        (b"iso7816", Some(SENT)) => Some(What::Command(Sent::cut(bytes, hidden))),
        (b"iso7816", Some(RECEIVED)) if hidden > 0 => {
            return Err("the answer is not captured to its end".to_owned());
        }
        (b"iso7816", Some(RECEIVED)) => Some(What::Answer {
            bytes: Zeroizing::new(bytes.to_vec()),
            after: after(),
        }),
        (b"iso7816", _) => return Err("the packet says no direction".to_owned()),
        (b"iso7816.atr", _) => Some(What::Card {
            atr: bytes.to_vec(),
            protocol: packet.options.iter().find_map(protocol),
        }),
        (b"data", _) if bytes.is_empty() => packet.options.iter().find_map(event),
        // Wireshark's other dissectors: packets of something else.
        _ => None,
    })
}

fn comment<'a>(option: &'a PcapNGOption<'_>) -> Option<&'a str> {
    (option.code == OptionCode::Comment).then(|| option.as_str().ok())?
}

fn protocol(option: &PcapNGOption<'_>) -> Option<Protocol> {
    match said(comment(option)?) {
        Ok(Said::Protocol(protocol)) => Some(protocol),
        _ => None,
    }
}

fn event(option: &PcapNGOption<'_>) -> Option<What> {
    match said(comment(option)?) {
        Ok(Said::Event(
            what @ (What::Image { .. } | What::Occasion(_) | What::NoAnswer { .. }),
        )) => Some(what),
        _ => None,
    }
}

/// An upper PDU that Wireshark has exported: tags, then the bytes.
struct Exported<'a> {
    dissector: &'a [u8],
    direction: Option<u32>,
    bytes: &'a [u8],
}

impl<'a> Exported<'a> {
    fn parse(packet: &'a [u8]) -> Result<Self, String> {
        let mut exported = Self {
            dissector: &[],
            direction: None,
            bytes: packet,
        };
        loop {
            let cut = || "the packet is cut in its tags".to_owned();
            let ([high, low, length_high, length_low], rest) =
                exported.bytes.split_first_chunk().ok_or_else(cut)?;
            let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
            let (value, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
            exported.bytes = rest;
            match u16::from_be_bytes([*high, *low]) {
                END => return Ok(exported),
                DISSECTOR => {
                    let end = value.iter().rposition(|byte| *byte != 0);
                    let end = end.map_or(0, |end| end.saturating_add(1));
                    exported.dissector = value.get(..end).unwrap_or_default();
                }
                DIRECTION => {
                    let value: Result<[u8; 4], _> = value.try_into();
                    exported.direction = value.ok().map(u32::from_be_bytes);
                }
                _ => {}
            }
        }
    }
}
