//! A card as a contactless reader shows it (PC/SC part 3 §3.1.3.2.3 and §3.2.2.1.3).

use std::fmt;

use kortlab_apdu::atr::Atr;
use kortlab_apdu::exchange::{ExchangeError, exchange};
use kortlab_apdu::{Channel, ChannelError, Command, Protocol, ResetKind};
use zeroize::Zeroizing;

/// The class byte of commands to the reader itself.
const READER_CLASS: u8 = 0xFF;
/// GET DATA.
const GET_DATA: u8 = 0xCA;
/// The most historical bytes of an ATR.
const MAX_HISTORICAL: usize = 15;

/// The unique identifier of a contactless card: 4, 7 or 10 bytes (ISO/IEC 14443-3 §6.5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct Uid(Vec<u8>);

impl Uid {
    /// Takes the bytes; none if a UID cannot have so many.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = bytes.into();
        matches!(bytes.len(), 4 | 7 | 10).then_some(Self(bytes))
    }

    /// One that a card has chosen for this once: four bytes, of which the first says so.
    pub const fn random(random: [u8; 3]) -> [u8; 4] {
        let [a, b, c] = random;
        [0x08, a, b, c]
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// A card before the antenna of a contactless reader. Programs see an ATR that the reader has made,
/// T=1, and get the card's UID from the reader. A card that speaks T=0 is spoken to as it wants.
#[derive(Debug)]
pub struct Contactless<C> {
    card: C,
    uid: Uid,
    atr: Vec<u8>,
}

impl<C: Channel> Contactless<C> {
    /// Puts a card before the antenna.
    pub fn new(card: C, uid: Uid) -> Self {
        let atr = atr(&historical(card.atr()));
        Self { card, uid, atr }
    }

    fn made(&mut self) {
        self.atr = atr(&historical(self.card.atr()));
    }

    /// Answers a command that is for the reader.
    fn reader(&self, command: &[u8]) -> Vec<u8> {
        let (what, le) = match command {
            [READER_CLASS, GET_DATA, what, 0x00, le] => (*what, usize::from(*le)),
            [READER_CLASS, GET_DATA, _, _] => return vec![0x67, 0x00],
            // Function not supported.
            _ => return vec![0x6A, 0x81],
        };
        let mut data = match what {
            0x00 => self.uid.0.clone(),
            0x01 => historical(self.card.atr()),
            _ => return vec![0x6A, 0x81],
        };
        match le {
            0 => data.extend([0x90, 0x00]),
            le if le < data.len() => {
                return vec![0x6C, u8::try_from(data.len()).unwrap_or(0)];
            }
            le if le > data.len() => data.extend([0x62, 0x82]),
            _ => data.extend([0x90, 0x00]),
        }
        data
    }

    /// Speaks T=0 with the card.
    fn by_t0(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let Ok(command) = Command::parse(command) else {
            return Ok(vec![0x67, 0x00]);
        };
        match exchange(&mut self.card, &command) {
            Ok(response) => Ok(response.encode()),
            Err(ExchangeError::Channel(error)) => Err(error),
            Err(_) => Ok(vec![0x6F, 0x00]),
        }
    }
}

/// The historical bytes of an ATR, which stand for those of the card's ATS.
fn historical(atr: &[u8]) -> Vec<u8> {
    let bytes = Atr::parse(atr).map(|atr| atr.historical_bytes().to_vec());
    let mut bytes = bytes.unwrap_or_default();
    bytes.truncate(MAX_HISTORICAL);
    bytes
}

/// The ATR that a reader makes of historical bytes.
fn atr(historical: &[u8]) -> Vec<u8> {
    // T0: TD1 follows. TD1: T=0, TD2 follows. TD2: T=1.
    let count = u8::try_from(historical.len()).unwrap_or(0);
    let mut atr = vec![0x3B, 0x80 | count, 0x80, 0x01];
    atr.extend_from_slice(historical);
    let check = atr.iter().skip(1).fold(0, |check, byte| check ^ byte);
    atr.push(check);
    atr
}

impl<C: Channel> Channel for Contactless<C> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        if command.first() == Some(&READER_CLASS) {
            return Ok(self.reader(command));
        }
        match self.card.protocol() {
            Protocol::T1 => self.card.transmit(command),
            Protocol::T0 => self.by_t0(&Zeroizing::new(command.to_vec())),
        }
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        self.card.reset(kind)?;
        self.made();
        Ok(())
    }

    fn power_on(&mut self) -> Result<(), ChannelError> {
        self.card.power_on()?;
        self.made();
        Ok(())
    }

    fn power_off(&mut self) -> Result<(), ChannelError> {
        self.card.power_off()
    }

    fn reset_alone(&mut self, kind: ResetKind) -> Result<bool, ChannelError> {
        self.card.reset_alone(kind)
    }

    fn is_shared(&self) -> bool {
        self.card.is_shared()
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        Protocol::T1
    }

    fn max_command_data(&self) -> usize {
        self.card.max_command_data()
    }

    fn begin_exclusive(&mut self) -> Result<(), ChannelError> {
        self.card.begin_exclusive()
    }

    fn end_exclusive(&mut self) -> Result<(), ChannelError> {
        self.card.end_exclusive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A T=0 card that keeps its answer back, with two historical bytes.
    struct Card;

    impl Channel for Card {
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
            Ok(match command {
                [0x00, 0xA4, ..] => vec![0x61, 0x02],
                [0x00, 0xC0, 0x00, 0x00, 0x02] => vec![0x6F, 0x00, 0x90, 0x00],
                [0x00, 0xB0, ..] => return Err(ChannelError::NoCard),
                _ => vec![0x6D, 0x00],
            })
        }
        fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
            Ok(())
        }
        fn atr(&self) -> &[u8] {
            &[0x3B, 0x02, 0x14, 0x50]
        }
        fn protocol(&self) -> Protocol {
            Protocol::T0
        }
    }

    fn card() -> Contactless<Card> {
        Contactless::new(Card, Uid::new([4, 1, 2, 3, 4, 5, 6]).expect("a UID"))
    }

    #[test]
    fn the_atr_is_made_of_the_historical_bytes_and_has_its_check_byte() {
        // As part 3 has it for a card without historical bytes.
        assert_eq!(atr(&[]), [0x3B, 0x80, 0x80, 0x01, 0x01]);
        let card = card();
        assert_eq!(card.atr(), [0x3B, 0x82, 0x80, 0x01, 0x14, 0x50, 0x47]);
        let parsed = Atr::parse(card.atr()).expect("an ATR");
        assert_eq!(parsed.findings(), []);
        assert_eq!(parsed.offered_protocols(), [0, 1]);
        assert_eq!(card.protocol(), Protocol::T1);
    }

    #[test]
    fn the_reader_gives_the_uid_and_the_historical_bytes_itself() {
        let mut card = card();
        let mut ask = |command: &[u8]| card.transmit(command).expect("an answer");
        assert_eq!(ask(&[0xFF, 0xCA, 0, 0, 0]), [4, 1, 2, 3, 4, 5, 6, 0x90, 0]);
        assert_eq!(ask(&[0xFF, 0xCA, 0, 0, 7]), [4, 1, 2, 3, 4, 5, 6, 0x90, 0]);
        assert_eq!(ask(&[0xFF, 0xCA, 0, 0, 4]), [0x6C, 7]);
        assert_eq!(
            ask(&[0xFF, 0xCA, 0, 0, 8]),
            [4, 1, 2, 3, 4, 5, 6, 0x62, 0x82]
        );
        assert_eq!(ask(&[0xFF, 0xCA, 1, 0, 0]), [0x14, 0x50, 0x90, 0]);
        assert_eq!(ask(&[0xFF, 0xCA, 0, 0]), [0x67, 0]);
        for command in [&[0xFF, 0xCA, 2, 0, 0][..], &[0xFF, 0xB0, 0, 0, 16], &[0xFF]] {
            assert_eq!(ask(command), [0x6A, 0x81], "{command:02X?}");
        }
    }

    #[test]
    fn a_t0_card_answers_whole_apdus() {
        let mut card = card();
        let select = [0x00, 0xA4, 0x00, 0x00, 0x02, 0x3F, 0x00, 0x00];
        assert_eq!(card.transmit(&select), Ok(vec![0x6F, 0x00, 0x90, 0x00]));
        assert_eq!(card.transmit(&[0, 0x84, 0, 0]), Ok(vec![0x6D, 0x00]));
        assert_eq!(card.transmit(&[0, 0x84]), Ok(vec![0x67, 0x00]));
        assert_eq!(
            card.transmit(&[0, 0xB0, 0, 0, 0]),
            Err(ChannelError::NoCard)
        );
    }

    #[test]
    fn a_uid_has_4_7_or_10_bytes() {
        for length in 0..12 {
            let uid = Uid::new(vec![1; length]);
            assert_eq!(uid.is_some(), [4, 7, 10].contains(&length), "{length}");
        }
    }
}
