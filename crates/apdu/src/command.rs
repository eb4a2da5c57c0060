//! Command APDUs of all four cases, short and extended (ISO/IEC 7816-4 §5.1, 7816-3 §12).

use core::fmt;

use zeroize::Zeroizing;

use crate::class::Class;
use crate::error::{Error, ErrorKind};
use crate::instruction;

/// The largest Nc: 65 535 bytes of command data.
pub const MAX_NC: usize = 65_535;
/// The largest Ne: 65 536 bytes of response data.
pub const MAX_NE: u32 = 65_536;

/// The four cases of ISO/IEC 7816-3 §12.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Case {
    /// No command data, no response data.
    One,
    /// Response data only.
    Two,
    /// Command data only.
    Three,
    /// Command and response data.
    Four,
}

/// A command APDU: CLA INS P1 P2, Nc bytes of data, and Ne, the most bytes expected back.
///
/// `Debug` masks the data of commands that carry PINs or key material, and the data is zeroised
/// when the command is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    class: Class,
    ins: u8,
    p1: u8,
    p2: u8,
    data: Zeroizing<Vec<u8>>,
    ne: Option<u32>,
    extended: bool,
}

impl Command {
    /// A case 1 command in class `00`.
    pub fn new(ins: u8, p1: u8, p2: u8) -> Self {
        Self {
            class: Class::ISO,
            ins,
            p1,
            p2,
            data: Zeroizing::new(Vec::new()),
            ne: None,
            extended: false,
        }
    }

    /// The same command in another class.
    #[must_use]
    pub fn with_class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// The same command with a data field. Data longer than [`MAX_NC`] is refused by
    /// [`Command::encode`].
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.data = Zeroizing::new(data.into());
        self
    }

    /// The same command expecting at most `ne` bytes back (1 to 65 536; 0 means none).
    #[must_use]
    pub fn expecting(mut self, ne: u32) -> Self {
        self.ne = (ne > 0).then_some(ne.min(MAX_NE));
        self
    }

    /// The same command expecting up to 256 bytes: a short Le field of `00`.
    #[must_use]
    pub fn expecting_any(self) -> Self {
        self.expecting(256)
    }

    /// The same command, encoded with extended length fields even where short ones would do.
    #[must_use]
    pub fn extended(mut self, extended: bool) -> Self {
        self.extended = extended;
        self
    }

    /// CLA.
    pub fn class(&self) -> Class {
        self.class
    }

    /// INS.
    pub fn ins(&self) -> u8 {
        self.ins
    }

    /// P1.
    pub fn p1(&self) -> u8 {
        self.p1
    }

    /// P2.
    pub fn p2(&self) -> u8 {
        self.p2
    }

    /// P1-P2 as one big-endian number.
    pub fn p1_p2(&self) -> u16 {
        u16::from_be_bytes([self.p1, self.p2])
    }

    /// The data field; empty in cases 1 and 2.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Ne, the most bytes expected back (1 to 65 536); `None` in cases 1 and 3.
    pub fn ne(&self) -> Option<u32> {
        self.ne
    }

    /// Whether the length fields are (or will be) extended.
    pub fn is_extended(&self) -> bool {
        (self.extended && !matches!(self.case(), Case::One))
            || self.data.len() > 255
            || self.ne.is_some_and(|ne| ne > 256)
    }

    /// Which of the four cases this is.
    pub fn case(&self) -> Case {
        match (self.data.is_empty(), self.ne) {
            (true, None) => Case::One,
            (true, Some(_)) => Case::Two,
            (false, None) => Case::Three,
            (false, Some(_)) => Case::Four,
        }
    }

    /// Parses a command APDU (ISO/IEC 7816-3 §12.1.3), as sent over T=1 or to a contactless card.
    ///
    /// # Errors
    /// Fewer than four bytes; length fields that disagree with the number of bytes; Lc = 0 with
    /// data.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let (header, body) = header(bytes)?;
        let mut command = header;
        match *body {
            [] => {}
            [le] => command.ne = Some(short_ne(le)),
            [0x00, hi, lo] => {
                command.ne = Some(extended_ne(hi, lo));
                command.extended = true;
            }
            [0x00, hi, lo, ref rest @ ..] => {
                command.extended = true;
                let nc = usize::from(u16::from_be_bytes([hi, lo]));
                if nc == 0 {
                    return Err(Error::new(
                        ErrorKind::Length {
                            what: "extended Lc",
                            found: 0,
                        },
                        5,
                    ));
                }
                let (data, tail) = split(rest, nc, 7)?;
                command.data = Zeroizing::new(data.to_vec());
                command.ne = match *tail {
                    [] => None,
                    [hi, lo] => Some(extended_ne(hi, lo)),
                    _ => return Err(le_error(tail.len(), 7 + nc)),
                };
            }
            [0x00, ..] => {
                return Err(Error::new(
                    ErrorKind::Truncated {
                        what: "extended length field",
                        needed: 3,
                        available: body.len(),
                    },
                    4,
                ));
            }
            [lc, ref rest @ ..] => {
                let nc = usize::from(lc);
                let (data, tail) = split(rest, nc, 5)?;
                command.data = Zeroizing::new(data.to_vec());
                command.ne = match *tail {
                    [] => None,
                    [le] => Some(short_ne(le)),
                    _ => return Err(le_error(tail.len(), 5 + nc)),
                };
            }
        }
        Ok(command)
    }

    /// Parses a command TPDU of T=0 (ISO/IEC 7816-3 §10.3 and §12.2): four bytes, or five with
    /// P3, or five and P3 data bytes. Five bytes alone are read as case 2, since only the
    /// instruction says whether P3 = 00 means "no data" or "256 expected". A trailing Le, which
    /// some readers pass on, is accepted.
    ///
    /// # Errors
    /// Fewer than four bytes, or a number of data bytes that is not P3.
    pub fn parse_tpdu(bytes: &[u8]) -> Result<Self, Error> {
        let (mut command, body) = header(bytes)?;
        match *body {
            [] => {}
            [p3] => command.ne = Some(short_ne(p3)),
            [p3, ref rest @ ..] => {
                let nc = usize::from(p3);
                let (data, tail) = split(rest, nc, 5)?;
                if tail.len() > 1 {
                    return Err(le_error(tail.len(), 5 + nc));
                }
                command.data = Zeroizing::new(data.to_vec());
                command.ne = tail.first().map(|&le| short_ne(le));
            }
        }
        Ok(command)
    }

    /// The bytes of the command APDU, with extended length fields only where they are needed or
    /// asked for with [`Command::extended`].
    ///
    /// # Errors
    /// More than 65 535 bytes of data.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let nc = self.data.len();
        let nc16 = u16::try_from(nc).map_err(|_| {
            Error::new(
                ErrorKind::Length {
                    what: "command data",
                    found: nc,
                },
                5,
            )
        })?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(4 + 3 + nc + 2));
        bytes.extend_from_slice(&[self.class.byte(), self.ins, self.p1, self.p2]);
        if self.is_extended() {
            bytes.push(0x00);
            if nc > 0 {
                bytes.extend_from_slice(&nc16.to_be_bytes());
                bytes.extend_from_slice(&self.data);
            }
            if let Some(ne) = self.ne {
                // 65 536 is encoded as 0000.
                bytes.extend_from_slice(&u16::try_from(ne).unwrap_or(0).to_be_bytes());
            }
        } else {
            if nc > 0 {
                bytes.push(nc16.to_be_bytes()[1]);
                bytes.extend_from_slice(&self.data);
            }
            if let Some(ne) = self.ne {
                // 256 is encoded as 00.
                bytes.push(u8::try_from(ne).unwrap_or(0));
            }
        }
        Ok(bytes)
    }

    /// The bytes of the T=0 TPDU (ISO/IEC 7816-3 §12.2): case 1 gets P3 = 00, case 4 loses its
    /// Le, for the card to say 61xx.
    ///
    /// # Errors
    /// A command that needs extended length fields: T=0 has none; chain it or envelope it.
    pub fn encode_tpdu(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let nc = self.data.len();
        let p3 = match (u8::try_from(nc), self.ne) {
            (Ok(0), None) => 0,
            (Ok(0), Some(ne)) if ne <= 256 => u8::try_from(ne).unwrap_or(0),
            (Ok(nc), _) if nc > 0 => nc,
            _ => {
                return Err(Error::new(
                    ErrorKind::Length {
                        what: "T=0 command",
                        found: nc,
                    },
                    4,
                ));
            }
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(5 + nc));
        bytes.extend_from_slice(&[self.class.byte(), self.ins, self.p1, self.p2, p3]);
        bytes.extend_from_slice(&self.data);
        Ok(bytes)
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Command({} {:02X} {:02X} {:02X}",
            self.class, self.ins, self.p1, self.p2
        )?;
        if !self.data.is_empty() {
            if instruction::carries_secrets(self.class.byte(), self.ins) {
                write!(f, ", {} secret bytes", self.data.len())?;
            } else {
                write!(f, ", data {}", hex::encode_upper(&*self.data))?;
            }
        }
        if let Some(ne) = self.ne {
            write!(f, ", Ne {ne}")?;
        }
        f.write_str(")")
    }
}

fn header(bytes: &[u8]) -> Result<(Command, &[u8]), Error> {
    let [cla, ins, p1, p2, body @ ..] = bytes else {
        return Err(Error::new(
            ErrorKind::Truncated {
                what: "command header",
                needed: 4,
                available: bytes.len(),
            },
            0,
        ));
    };
    let command = Command::new(*ins, *p1, *p2).with_class(Class::from_byte(*cla));
    Ok((command, body))
}

fn split(bytes: &[u8], nc: usize, offset: usize) -> Result<(&[u8], &[u8]), Error> {
    bytes.split_at_checked(nc).ok_or(Error::new(
        ErrorKind::Truncated {
            what: "command data",
            needed: nc,
            available: bytes.len(),
        },
        offset,
    ))
}

fn le_error(found: usize, offset: usize) -> Error {
    Error::new(
        ErrorKind::Length {
            what: "Le field",
            found,
        },
        offset,
    )
}

const fn short_ne(le: u8) -> u32 {
    if le == 0 { 256 } else { le as u32 }
}

const fn extended_ne(hi: u8, lo: u8) -> u32 {
    let le = u16::from_be_bytes([hi, lo]) as u32;
    if le == 0 { MAX_NE } else { le }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Command, Error> {
        Command::parse(&hex::decode(text.replace(' ', "")).expect("hex"))
    }

    #[test]
    fn the_four_short_cases_are_told_apart() {
        assert_eq!(parse("00440000").expect("case 1").case(), Case::One);
        let two = parse("00B0000000").expect("case 2");
        assert_eq!((two.case(), two.ne()), (Case::Two, Some(256)));
        assert_eq!(parse("00A40000023F00").expect("case 3").case(), Case::Three);
        let four = parse("00A40000023F0000").expect("case 4");
        assert_eq!((four.case(), four.data()), (Case::Four, &[0x3F, 0x00][..]));
    }

    #[test]
    fn the_three_extended_cases_are_told_apart() {
        let two = parse("00B00000 000000").expect("case 2E");
        assert_eq!((two.ne(), two.is_extended()), (Some(65_536), true));
        let three = parse("00D60000 000001 AA").expect("case 3E");
        assert_eq!((three.case(), three.data()), (Case::Three, &[0xAA][..]));
        let four = parse("002A9E9A 000002 AABB 0200").expect("case 4E");
        assert_eq!((four.case(), four.ne()), (Case::Four, Some(512)));
    }

    #[test]
    fn contradicting_lengths_are_errors_with_an_offset() {
        assert_eq!(parse("00A4").expect_err("short").offset(), 0);
        assert_eq!(parse("00A4000002 3F").expect_err("data").offset(), 5);
        assert_eq!(parse("00A4000001 3F 00 00").expect_err("Le").offset(), 6);
        assert_eq!(parse("00A40000 000000 00").expect_err("Lc 0").offset(), 5);
        assert_eq!(parse("00A40000 0001").expect_err("cut").offset(), 4);
    }

    #[test]
    fn t0_sends_p3_for_case_1_and_drops_le_of_case_4() {
        let one = Command::new(0x44, 0, 0).encode_tpdu().expect("case 1");
        assert_eq!(hex::encode(&*one), "0044000000");
        let four = Command::new(0xA4, 0, 0)
            .with_data([0x3F, 0x00])
            .expecting_any();
        assert_eq!(
            hex::encode(&*four.encode_tpdu().expect("case 4")),
            "00a40000023f00"
        );
        let long = Command::new(0xD6, 0, 0).with_data(vec![0; 256]);
        assert!(long.encode_tpdu().is_err());
        assert!(
            Command::new(0xB0, 0, 0)
                .expecting(257)
                .encode_tpdu()
                .is_err()
        );
    }

    #[test]
    fn debug_never_shows_a_pin_or_a_key_to_import() {
        let import = Command::new(instruction::GENERATE_ASYMMETRIC_KEY_PAIR, 0, 0);
        let text = format!("{:?}", import.with_data([0x9A, 0x00, 0xC0, 0xFF]));
        assert!(!text.contains("C0FF"), "{text}");
        let command = Command::new(instruction::VERIFY, 0, 0x81).with_data(*b"1234");
        let text = format!("{command:?}");
        assert!(text.contains("4 secret bytes"), "{text}");
        assert!(!text.contains("31323334"), "{text}");
    }
}
