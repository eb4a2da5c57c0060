//! What passes between program and card, as a file: written in the program's process, read in ours.
//!
//! A record for each command, written at once, so that a program that crashes leaves whole ones: a
//! head of [`HEAD`] bytes (header (4), flags, how many PINs, the status word that the program got (2),
//! the card's own (2), of each PIN its reference and its tries left, the length of the data (4)), and
//! the data that the program got.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use kortlab_pcsc::functions::MAX_MESSAGE;

use crate::outcome::Exchange;

/// The length of a record without its data.
const HEAD: usize = 36;
/// Where the tries begin, and where they end.
const TRIES: usize = 10;
const LENGTH: usize = 32;
/// The most PINs of which a record tells.
const PINS: usize = (LENGTH - TRIES) / 2;
/// The program got a status word.
const SEEN: u8 = 0x01;
/// The card gave one.
const CARD: u8 = 0x02;
/// They are not the same answer.
const SPOILT: u8 = 0x04;
/// The command was one too many, and nobody answered.
const OVER: u8 = 0x08;
/// The command had data.
const DATA: u8 = 0x10;

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// It and what was answered, unless it was one too many.
    pub exchange: Option<Exchange>,
    /// The tries left of each PIN.
    pub tries: Vec<(u8, u8)>,
    /// The data that the program got.
    pub data: Vec<u8>,
}

/// A file that records are added to.
#[derive(Debug)]
pub struct Journal(File);

impl Journal {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// It can be neither opened nor made.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.append(true).create(true).mode(0o600);
        Ok(Self(options.open(path)?))
    }

    /// Adds a record.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn note(
        &mut self,
        exchange: Option<&Exchange>,
        tries: &[(u8, u8)],
        data: &[u8],
    ) -> io::Result<()> {
        self.0.write_all(&record(exchange, tries, data))
    }
}

fn record(exchange: Option<&Exchange>, tries: &[(u8, u8)], data: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEAD + data.len());
    let flag = |is_so: bool, flag: u8| if is_so { flag } else { 0 };
    let count = u8::try_from(tries.len().min(PINS)).unwrap_or(0);
    match exchange {
        None => record.extend([0, 0, 0, 0, OVER, count, 0, 0, 0, 0]),
        Some(exchange) => {
            record.extend(exchange.header);
            record.push(
                flag(exchange.seen.is_some(), SEEN)
                    | flag(exchange.card.is_some(), CARD)
                    | flag(exchange.spoilt, SPOILT)
                    | flag(exchange.has_data, DATA),
            );
            record.push(count);
            record.extend(exchange.seen.unwrap_or(0).to_be_bytes());
            record.extend(exchange.card.unwrap_or(0).to_be_bytes());
        }
    }
    for (reference, left) in tries.iter().take(PINS) {
        record.extend([*reference, *left]);
    }
    record.resize(LENGTH, 0);
    // An answer has no more than 65,548 bytes.
    record.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    record.extend(data);
    record
}

/// The first record of these bytes, and its length; nothing if it is not all there, and no record
/// where these bytes are none.
pub(crate) fn first(bytes: &[u8]) -> Option<(Option<Record>, usize)> {
    let (head, behind) = bytes.split_first_chunk::<HEAD>()?;
    let [
        c,
        i,
        p,
        q,
        flags,
        count,
        s1,
        s2,
        c1,
        c2,
        pins @ ..,
        l1,
        l2,
        l3,
        l4,
    ] = *head;
    let length = u32::from_be_bytes([l1, l2, l3, l4]);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > MAX_MESSAGE || usize::from(count) > PINS {
        return Some((None, 0));
    }
    let data = behind.get(..length)?.to_vec();
    let is = |flag: u8| flags & flag != 0;
    let exchange = Exchange {
        // Whoever reads it counts.
        number: 0,
        header: [c, i, p, q],
        has_data: is(DATA),
        seen: is(SEEN).then_some(u16::from_be_bytes([s1, s2])),
        card: is(CARD).then_some(u16::from_be_bytes([c1, c2])),
        spoilt: is(SPOILT),
    };
    let tries = pins.chunks_exact(2).take(count.into());
    let record = Record {
        exchange: (!is(OVER)).then_some(exchange),
        tries: tries.map(|pin| (pin[0], pin[1])).collect(),
        data,
    };
    Some((Some(record), HEAD + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange() -> Exchange {
        Exchange {
            number: 0,
            header: [0, 0x20, 0, 0x81],
            has_data: true,
            seen: Some(0x9000),
            card: None,
            spoilt: true,
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let exchange = exchange();
        let tries = vec![(0x81, 3), (0x82, 2), (0x83, 10)];
        let written = record(Some(&exchange), &tries, &[1, 2, 3]);
        let read = Record {
            exchange: Some(exchange),
            tries: tries.clone(),
            data: vec![1, 2, 3],
        };
        assert_eq!(first(&written), Some((Some(read), HEAD + 3)));
        assert_eq!(first(&written[..HEAD + 2]), None);
        let (over, _) = first(&record(None, &tries, &[])).unwrap();
        assert_eq!(over.unwrap().exchange, None);
        let many: Vec<_> = (0..40).map(|pin| (pin, 3)).collect();
        let (read, _) = first(&record(None, &many, &[])).unwrap();
        assert_eq!(read.unwrap().tries, many[..PINS]);
    }
}
