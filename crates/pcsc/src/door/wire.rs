//! The messages of pcsc-lite's protocol: native byte order, every field four bytes.
//!
//! A client sends a header (size, command), a structure of that size, and for TRANSMIT and CONTROL
//! the bytes that the structure counts. The service answers with the structure, filled in, without
//! a header.

use crate::code::Code;
use crate::functions::transmit::MAX_MESSAGE;
use crate::service::MAX_READERS;
use crate::terms::{Protocols, ReaderState};

/// The major version of the protocol.
pub const MAJOR: u32 = 4;
/// The minor versions that are spoken.
pub const MINORS: std::ops::RangeInclusive<u32> = 4..=6;

/// The bytes of a header.
const HEADER: usize = 8;
/// The bytes of a reader's name, with the zero that ends it.
const NAME: usize = 128;
/// The bytes of an attribute.
pub const MAX_ATTRIBUTE: usize = 264;
/// The bytes of a reader's state.
pub const READER_STATE: usize = 184;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are those of the PC/SC functions.
pub enum Request<'a> {
    /// Which version does the service speak?
    Version { major: u32, minor: u32 },
    /// All reader states, always of 16 readers.
    ReadersState,
    /// Wait for a change.
    Wait,
    /// Wait no more.
    StopWaiting,
    /// How many times did readers come or go?
    ReaderEvents,
    /// How many reader states are there?
    ReadersStateSize,
    /// So many reader states.
    ReadersStateArray,
    /// SCardEstablishContext.
    EstablishContext { scope: u32 },
    /// SCardReleaseContext.
    ReleaseContext { context: u32 },
    /// SCardConnect.
    Connect {
        context: u32,
        reader: &'a [u8],
        share: u32,
        protocols: Protocols,
    },
    /// SCardReconnect.
    Reconnect {
        handle: u32,
        share: u32,
        protocols: Protocols,
        initialization: u32,
    },
    /// SCardDisconnect.
    Disconnect { handle: u32, disposition: u32 },
    /// SCardBeginTransaction.
    BeginTransaction { handle: u32 },
    /// SCardEndTransaction.
    EndTransaction { handle: u32, disposition: u32 },
    /// SCardTransmit.
    Transmit {
        handle: u32,
        pci: TransmitPci,
        room: u32,
        command: &'a [u8],
    },
    /// SCardControl.
    Control {
        handle: u32,
        code: u32,
        room: u32,
        input: &'a [u8],
    },
    /// SCardStatus.
    Status { handle: u32 },
    /// SCardCancel.
    Cancel { context: u32 },
    /// SCardGetAttrib.
    GetAttrib {
        handle: u32,
        attribute: u32,
        room: u32,
        value: &'a [u8],
    },
    /// SCardSetAttrib.
    SetAttrib {
        handle: u32,
        attribute: u32,
        length: u32,
        value: &'a [u8],
    },
}

/// Protocol and length of the two protocol control structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct TransmitPci {
    pub send_protocol: u32,
    pub send_length: u32,
    pub receive_protocol: u32,
    pub receive_length: u32,
}

/// What the first bytes that a client has sent are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// A request, and how many bytes it has.
    Request(Request<'a>, usize),
    /// The beginning of one that has so many bytes in all, as far as is known.
    Incomplete(usize),
    /// Something else; the connection is of no more use.
    Broken(&'static str),
}

/// Reads the first request of what a client has sent. No length that a client names is believed
/// before it is known to be within bounds.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let Some((header, rest)) = bytes.split_at_checked(HEADER) else {
        return Parsed::Incomplete(HEADER);
    };
    let mut header = Fields(header);
    let (size, command) = (header.next(), header.next());
    let Some(wanted) = body_size(command) else {
        return Parsed::Broken("no such command");
    };
    if u32::try_from(wanted) != Ok(size) {
        // The commands without a body have come with any size that was zero; else as the others.
        return Parsed::Broken("a structure of the wrong size");
    }
    let Some((body, rest)) = rest.split_at_checked(wanted) else {
        return Parsed::Incomplete(HEADER + wanted);
    };
    let behind = match command {
        TRANSMIT => Fields(body).nth(3),
        CONTROL => Fields(body).nth(2),
        _ => 0,
    };
    let Some(behind) = usize::try_from(behind).ok().filter(|n| *n <= MAX_MESSAGE) else {
        return Parsed::Broken("a command longer than any can be");
    };
    let all = HEADER + wanted + behind;
    let Some(behind) = rest.get(..behind) else {
        return Parsed::Incomplete(all);
    };
    match request(command, body, behind) {
        Ok(request) => Parsed::Request(request, all),
        Err(broken) => Parsed::Broken(broken),
    }
}

const TRANSMIT: u32 = 0x09;
const CONTROL: u32 = 0x0A;

/// How many bytes the structure of a command has.
const fn body_size(command: u32) -> Option<usize> {
    Some(match command {
        0x01 => 12,
        0x02 | 0x07 | 0x0B | 0x0D => 8,
        0x04 => 4 + NAME + 20,
        0x05 | CONTROL => 24,
        0x06 | 0x08 | 0x11 => 12,
        TRANSMIT => 32,
        0x0F | 0x10 => 8 + MAX_ATTRIBUTE + 8,
        0x12..=0x17 => 0,
        _ => return None,
    })
}

fn request<'a>(
    command: u32,
    body: &'a [u8],
    behind: &'a [u8],
) -> Result<Request<'a>, &'static str> {
    let mut fields = Fields(body);
    Ok(match command {
        0x01 => Request::EstablishContext {
            scope: fields.next(),
        },
        0x02 => Request::ReleaseContext {
            context: fields.next(),
        },
        0x04 => {
            let context = fields.next();
            // A name without an end is cut, as pcscd cuts it.
            let name = fields.take(NAME);
            let name = name.get(..NAME - 1).unwrap_or(name);
            let end = name.iter().position(|byte| *byte == 0);
            Request::Connect {
                context,
                reader: name.get(..end.unwrap_or(name.len())).unwrap_or(name),
                share: fields.next(),
                protocols: Protocols(fields.next()),
            }
        }
        0x05 => Request::Reconnect {
            handle: fields.next(),
            share: fields.next(),
            protocols: Protocols(fields.next()),
            initialization: fields.next(),
        },
        0x06 => Request::Disconnect {
            handle: fields.next(),
            disposition: fields.next(),
        },
        0x07 => Request::BeginTransaction {
            handle: fields.next(),
        },
        0x08 => Request::EndTransaction {
            handle: fields.next(),
            disposition: fields.next(),
        },
        TRANSMIT => {
            let handle = fields.next();
            let (send_protocol, send_length) = (fields.next(), fields.next());
            fields.next();
            Request::Transmit {
                handle,
                pci: TransmitPci {
                    send_protocol,
                    send_length,
                    receive_protocol: fields.next(),
                    receive_length: fields.next(),
                },
                room: fields.next(),
                command: behind,
            }
        }
        CONTROL => {
            let (handle, code) = (fields.next(), fields.next());
            fields.next();
            Request::Control {
                handle,
                code,
                room: fields.next(),
                input: behind,
            }
        }
        0x0B => Request::Status {
            handle: fields.next(),
        },
        0x0D => Request::Cancel {
            context: fields.next(),
        },
        0x0F | 0x10 => {
            let (handle, attribute) = (fields.next(), fields.next());
            let value = fields.take(MAX_ATTRIBUTE);
            let length = fields.next();
            let fits = usize::try_from(length).is_ok_and(|length| length <= MAX_ATTRIBUTE);
            if !fits {
                return Err("an attribute longer than its structure");
            }
            match command {
                0x0F => Request::GetAttrib {
                    handle,
                    attribute,
                    room: length,
                    value,
                },
                _ => Request::SetAttrib {
                    handle,
                    attribute,
                    length,
                    value,
                },
            }
        }
        0x11 => Request::Version {
            major: fields.next(),
            minor: fields.next(),
        },
        0x12 => Request::ReadersState,
        0x13 => Request::Wait,
        0x14 => Request::StopWaiting,
        0x15 => Request::ReaderEvents,
        0x16 => Request::ReadersStateSize,
        0x17 => Request::ReadersStateArray,
        _ => return Err("no such command"),
    })
}

/// The fields of a structure, one after the other; past its end they are zero.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> u32 {
        match self.0.split_first_chunk() {
            Some((field, rest)) => {
                self.0 = rest;
                u32::from_ne_bytes(*field)
            }
            None => 0,
        }
    }

    fn nth(mut self, skipped: usize) -> u32 {
        self.take(4 * skipped);
        self.next()
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at_checked(count).unwrap_or((self.0, &[]));
        self.0 = rest;
        taken
    }
}

/// Writes numbers one after the other.
pub fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_ne_bytes())
        .collect()
}

/// What tells a client that its wait is over, and what answers the end of a wait.
pub fn change(code: Code) -> Vec<u8> {
    numbers(&[0, code.0])
}

/// The answer to SCardConnect.
pub fn connected(
    request: (u32, &[u8], u32, Protocols),
    done: Result<(u32, Protocols), Code>,
) -> Vec<u8> {
    let (context, reader, share, preferred) = request;
    let (handle, protocol) = done.unwrap_or_default();
    let mut bytes = numbers(&[context]);
    let mut name = [0; NAME];
    for (to, from) in name.iter_mut().zip(reader) {
        *to = *from;
    }
    bytes.extend_from_slice(&name);
    let code = done.err().unwrap_or(Code::SUCCESS);
    bytes.extend(numbers(&[share, preferred.0, handle, protocol.0, code.0]));
    bytes
}

/// An attribute's structure.
pub fn attribute(handle: u32, attribute: u32, value: &[u8], length: u32, code: Code) -> Vec<u8> {
    let mut bytes = numbers(&[handle, attribute]);
    let start = bytes.len();
    bytes.extend_from_slice(value);
    bytes.resize(start + MAX_ATTRIBUTE, 0);
    bytes.extend(numbers(&[length, code.0]));
    bytes
}

/// The reader states: of 16 readers, those that there are first.
pub fn reader_states(states: &[ReaderState]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(MAX_READERS * READER_STATE);
    for state in states.iter().take(MAX_READERS) {
        reader_state(&mut bytes, state);
    }
    bytes.resize(MAX_READERS * READER_STATE, 0);
    bytes
}

fn reader_state(bytes: &mut Vec<u8>, state: &ReaderState) {
    let start = bytes.len();
    let name = state.name.as_bytes();
    bytes.extend_from_slice(name.get(..NAME - 1).unwrap_or(name));
    bytes.resize(start + NAME, 0);
    bytes.extend(numbers(&[state.event_counter, state.state]));
    bytes.extend_from_slice(&state.sharing.to_ne_bytes());
    let atr = bytes.len();
    bytes.extend_from_slice(state.atr.get(..33).unwrap_or(&state.atr));
    let length = bytes.len() - atr;
    // The ATR has 33 bytes, and three of padding follow.
    bytes.resize(atr + 36, 0);
    let length = u32::try_from(length).unwrap_or_default();
    bytes.extend(numbers(&[length, state.protocol.0]));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(size: u32, command: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = numbers(&[size, command]);
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn a_command_and_its_bytes_are_one_request_however_they_trickle() {
        let mut bytes = message(32, TRANSMIT, &numbers(&[7, 1, 16, 5, 3, 16, 258, 0]));
        bytes.extend_from_slice(&[0, 0xA4, 0, 0, 0]);
        for cut in 0..bytes.len() {
            let parsed = parse(&bytes[..cut]);
            assert!(
                matches!(parsed, Parsed::Incomplete(all) if all > cut),
                "{cut}"
            );
        }
        bytes.push(0xFF);
        let Parsed::Request(
            Request::Transmit {
                handle,
                room,
                command,
                ..
            },
            45,
        ) = parse(&bytes)
        else {
            unreachable!("{:?}", parse(&bytes));
        };
        assert_eq!((handle, room, command), (7, 258, &[0, 0xA4, 0, 0, 0][..]));
    }

    #[test]
    fn lengths_and_commands_that_cannot_be_are_broken_before_anything_is_waited_for() {
        for bytes in [
            message(u32::MAX, 0x01, &[]),
            message(11, 0x01, &[]),
            message(4, 0x13, &[]),
            message(0, 0, &[]),
            message(0, 0x03, &[]),
            message(0, 0x18, &[]),
            message(8, u32::MAX, &[]),
            message(32, TRANSMIT, &numbers(&[7, 1, 16, u32::MAX, 3, 16, 258, 0])),
            message(32, TRANSMIT, &numbers(&[7, 1, 16, 65_549, 3, 16, 258, 0])),
            message(24, CONTROL, &numbers(&[7, 1, 0x8000_0000, 0, 0, 0])),
            message(280, 0x0F, &[0xFF; 280]),
        ] {
            let parsed = parse(&bytes);
            assert!(matches!(parsed, Parsed::Broken(_)), "{bytes:02X?}");
        }
    }

    #[test]
    fn a_name_without_an_end_ends_with_its_field() {
        let body = [&numbers(&[1]), &[b'A'; 128][..], &numbers(&[2, 3, 0, 0, 0])].concat();
        let bytes = message(152, 0x04, &body);
        let Parsed::Request(Request::Connect { reader, share, .. }, _) = parse(&bytes) else {
            unreachable!();
        };
        assert_eq!((reader.len(), share), (127, 2));
    }

    #[test]
    fn sixteen_reader_states_have_2944_bytes_and_the_unused_are_zero() {
        let state = ReaderState {
            name: "N".repeat(127),
            event_counter: 3,
            state: 0x34,
            sharing: -1,
            atr: vec![0x3B; 33],
            protocol: Protocols::T1,
        };
        let bytes = reader_states(&[state]);
        assert_eq!(bytes.len(), 2944);
        assert_eq!(bytes[126..129], [b'N', 0, 3]);
        assert_eq!(bytes[136..140], [0xFF; 4]);
        assert_eq!(bytes[172..176], [0x3B, 0, 0, 0]);
        assert_eq!(bytes[176..184], [33, 0, 0, 0, 2, 0, 0, 0]);
        assert!(bytes[184..].iter().all(|byte| *byte == 0));
    }
}
