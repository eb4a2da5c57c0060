//! `.pcapng`: blocks of a capture file, each packet an upper PDU that Wireshark has exported, for
//! its dissector `iso7816`.
//!
//! The blocks are those of the IETF's draft "PCAP Next Generation (pcapng) Capture File Format"
//! (§4.1 section header, §4.2 interface description, §4.3 enhanced packet); what a packet holds is
//! Wireshark's (`LINKTYPE_WIRESHARK_UPPER_PDU`, 252): tags, an end of tags, the bytes. Of a command
//! that is not shown whole the packet has its beginning, and says how long it was, as a capture of
//! the first bytes of long packets does.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Notation, text};
use crate::event::{Event, What, protocol_word};

/// `LINKTYPE_WIRESHARK_UPPER_PDU`.
pub(crate) const LINK_TYPE: u16 = 252;

/// The tag with the name of the dissector.
pub(crate) const DISSECTOR: u16 = 12;
/// The tag with the direction.
pub(crate) const DIRECTION: u16 = 35;
/// The end of the tags.
pub(crate) const END: u16 = 0;
/// The direction of commands.
pub(crate) const SENT: u32 = 0;
/// The direction of answers.
pub(crate) const RECEIVED: u32 = 1;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

/// `opt_comment`.
const COMMENT: u16 = 1;
/// `if_name`.
const NAME: u16 = 2;
/// `if_tsresol`: times are powers of ten of seconds.
const RESOLUTION: u16 = 9;
/// `shb_userappl`.
const PROGRAM: u16 = 4;
/// `epb_flags`.
const FLAGS: u16 = 2;
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

/// The longest comment; the rest is left out. A comment's length has two bytes.
const MAX_COMMENT: usize = 8_000;

/// What a card is called where it has no name.
const UNNAMED: &str = "card";

/// Writes blocks; it remembers which cards have their interfaces.
#[derive(Debug, Default)]
pub(crate) struct Pcapng {
    named: HashMap<String, u32>,
    /// That of the card without a name.
    unnamed: Option<u32>,
    /// How many there are.
    count: u32,
}

impl Notation for Pcapng {
    fn begin(&mut self, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        body.extend(0x1A2B_3C4D_u32.to_le_bytes());
        body.extend([1, 0, 0, 0]);
        // The length of the section is not known before its end.
        body.extend(u64::MAX.to_le_bytes());
        option(&mut body, PROGRAM, b"kortlab");
        option(&mut body, 0, &[]);
        block(out, SECTION_HEADER, &body);
    }

    fn write(&mut self, event: &Event, meaning: Option<&str>, out: &mut Vec<u8>) {
        let interface = self.interface(event.card.as_deref(), out);
        let (dissector, direction, bytes, length) = match &event.what {
            What::Card { atr, .. } => ("iso7816.atr", RECEIVED, atr.as_slice(), atr.len()),
            What::Command(sent) => ("iso7816", SENT, sent.shown(), sent.length()),
            What::Answer { bytes, .. } => ("iso7816", RECEIVED, bytes.as_slice(), bytes.len()),
            What::Occasion(_) | What::Image { .. } => ("data", SENT, &[][..], 0),
            What::NoAnswer { .. } => ("data", RECEIVED, &[][..], 0),
        };
        let mut packet = Vec::with_capacity(bytes.len().saturating_add(32));
        tag(&mut packet, DISSECTOR, dissector.as_bytes());
        tag(&mut packet, DIRECTION, &direction.to_be_bytes());
        tag(&mut packet, END, &[]);
        let before = packet.len();
        packet.extend_from_slice(bytes);

        let time = nanoseconds(event.time);
        let mut body = Vec::with_capacity(packet.len().saturating_add(256));
        body.extend(interface.to_le_bytes());
        let (high, low) = (time >> 32, time & 0xFFFF_FFFF);
        for number in [high, low] {
            body.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
        }
        for length in [packet.len(), before.saturating_add(length)] {
            body.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        }
        body.extend_from_slice(&packet);
        pad(&mut body);
        let own = match &event.what {
            What::Card { protocol, .. } => {
                protocol.map(|protocol| format!("PROTOCOL: {}", protocol_word(protocol)))
            }
            What::Command(_) | What::Answer { .. } => None,
            what => text::words(what).map(|words| words.to_string()),
        };
        for comment in own.as_deref().into_iter().chain(meaning) {
            option(
                &mut body,
                COMMENT,
                beginning(comment, MAX_COMMENT).as_bytes(),
            );
        }
        let flags = if direction == SENT { OUTBOUND } else { INBOUND };
        option(&mut body, FLAGS, &flags.to_le_bytes());
        option(&mut body, 0, &[]);
        block(out, ENHANCED_PACKET, &body);
    }
}

impl Pcapng {
    /// The number of the card's interface; one that is new is described.
    fn interface(&mut self, card: Option<&str>, out: &mut Vec<u8>) -> u32 {
        let known = match card {
            Some(name) => self.named.get(name).copied(),
            None => self.unnamed,
        };
        if let Some(number) = known {
            return number;
        }
        let number = self.count;
        self.count = number.saturating_add(1);
        match card {
            Some(name) => {
                self.named.insert(name.to_owned(), number);
            }
            None => self.unnamed = Some(number),
        }
        let mut body = Vec::new();
        body.extend(LINK_TYPE.to_le_bytes());
        body.extend([0, 0]);
        // No limit to the length of packets.
        body.extend(0_u32.to_le_bytes());
        let name = beginning(card.unwrap_or(UNNAMED), MAX_COMMENT);
        option(&mut body, NAME, name.as_bytes());
        option(&mut body, RESOLUTION, &[9]);
        option(&mut body, 0, &[]);
        block(out, INTERFACE_DESCRIPTION, &body);
        number
    }
}

fn nanoseconds(time: Option<SystemTime>) -> u64 {
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let nanoseconds = since.map_or(0, |since| since.as_nanos());
    u64::try_from(nanoseconds).unwrap_or(u64::MAX)
}

/// The first bytes of a text, whole characters.
fn beginning(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// A block: its type and its length around its body.
fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let length = u32::try_from(body.len().saturating_add(12)).unwrap_or(u32::MAX);
    out.extend(kind.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend_from_slice(body);
    out.extend(length.to_le_bytes());
}

/// An option of a block.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    body.extend_from_slice(value);
    pad(body);
}

/// A tag in front of an exported PDU, in network order; its value is filled up to four bytes.
fn tag(packet: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = value.len().next_multiple_of(4);
    packet.extend(kind.to_be_bytes());
    packet.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    packet.extend_from_slice(value);
    pad(packet);
}

/// Fills up to a multiple of four bytes.
fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_many_cards_has_one_interface_and_none_takes_time_for_the_others() {
        const CARDS: u32 = 100_000;
        let mut pcapng = Pcapng::default();
        let mut described = Vec::new();
        assert_eq!(pcapng.interface(None, &mut described), 0);
        for number in (1..=CARDS).chain([1, CARDS / 2, CARDS]) {
            let name = format!("thread {number}");
            assert_eq!(pcapng.interface(Some(&name), &mut described), number);
        }
        assert_eq!(pcapng.interface(None, &mut described), 0);
        // The length of each of them is that of its name and what is the same of all.
        let length = |name: &str| 36 + name.len().next_multiple_of(4);
        let names = (1..=CARDS).map(|number| format!("thread {number}"));
        let all: usize = names.map(|name| length(&name)).sum();
        assert_eq!(described.len(), length(UNNAMED) + all);
    }
}
