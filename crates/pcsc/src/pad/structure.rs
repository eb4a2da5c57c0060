//! What a program asks a PIN pad for (PC/SC part 10 §2.5.2 and §2.5.3). Little-endian, packed.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use zeroize::Zeroizing;

use super::block::Block;
use super::keys::MAX_DIGITS;
use super::{Asked, PadStatus};

/// How long the pad waits where the program leaves it to the pad.
const USUAL: Duration = Duration::from_secs(30);

/// A PIN, or several, and the command that they go into.
pub(crate) struct Entry<'a> {
    /// How long each PIN may take.
    pub(crate) patience: Duration,
    /// How many digits a PIN may have.
    pub(crate) digits: RangeInclusive<usize>,
    pub(crate) ends: Ends,
    block: Block,
    /// What is to be changed; none: a PIN is to be verified.
    change: Option<Change>,
    command: &'a [u8],
}

/// What ends a PIN, besides OK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// As many digits as it may have.
    pub(crate) at_most_digits: bool,
    /// The end of the time.
    pub(crate) at_timeout: bool,
}

/// Where the PINs of a change go, and which are asked for.
#[derive(Clone, Copy)]
struct Change {
    old_offset: usize,
    new_offset: usize,
    asks_old: bool,
    asks_twice: bool,
}

impl<'a> Entry<'a> {
    /// Reads `PIN_VERIFY_STRUCTURE`.
    pub(crate) fn verify(bytes: &'a [u8]) -> Result<Self, PadStatus> {
        let mut fields = Fields(bytes);
        let patience = fields.patience()?;
        let block = Block::from_formats(fields.byte()?, fields.byte()?, fields.byte()?)?;
        let digits = fields.digits()?;
        let ends = fields.ends()?;
        // Messages, language, message index, T=1 prologue.
        fields.skip(1 + 2 + 1 + 3)?;
        Ok(Self {
            patience,
            digits,
            ends,
            block,
            change: None,
            command: fields.data()?,
        })
    }

    /// Reads `PIN_MODIFY_STRUCTURE`.
    pub(crate) fn modify(bytes: &'a [u8]) -> Result<Self, PadStatus> {
        let mut fields = Fields(bytes);
        let patience = fields.patience()?;
        let block = Block::from_formats(fields.byte()?, fields.byte()?, fields.byte()?)?;
        let (old_offset, new_offset) = (fields.byte()?.into(), fields.byte()?.into());
        let digits = fields.digits()?;
        let confirm = fields.byte()?;
        let ends = fields.ends()?;
        // Messages, language, three message indices, T=1 prologue.
        fields.skip(1 + 2 + 3 + 3)?;
        Ok(Self {
            patience,
            digits,
            ends,
            block,
            change: Some(Change {
                old_offset,
                new_offset,
                asks_old: confirm & 2 != 0,
                asks_twice: confirm & 1 != 0,
            }),
            command: fields.data()?,
        })
    }

    /// Which PINs are asked for, in this order.
    pub(crate) fn asks_for(&self) -> Vec<Asked> {
        match self.change {
            None => vec![Asked::Pin],
            Some(change) => {
                let old = change.asks_old.then_some(Asked::Old);
                let again = change.asks_twice.then_some(Asked::Again);
                old.into_iter().chain([Asked::New]).chain(again).collect()
            }
        }
    }

    /// The command with these PINs in it.
    pub(crate) fn command(
        &self,
        pins: &[(Asked, Zeroizing<Vec<u8>>)],
    ) -> Result<Zeroizing<Vec<u8>>, PadStatus> {
        // Room at once, so that no copy is left behind by growth.
        let mut command = Zeroizing::new(Vec::with_capacity(5 + 255));
        command.extend_from_slice(self.command);
        let new = pins.iter().find(|(asked, _)| *asked == Asked::New);
        for (asked, pin) in pins {
            let offset = match (asked, self.change) {
                (Asked::Old, Some(change)) => change.old_offset,
                (Asked::New, Some(change)) => change.new_offset,
                (Asked::Again, _) => match new {
                    Some((_, new)) if new == pin => continue,
                    _ => return Err(PadStatus::Mismatch),
                },
                _ => 0,
            };
            self.block.put(&mut command, offset, pin)?;
        }
        Ok(command)
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("digits", &self.digits)
            .finish_non_exhaustive()
    }
}

/// The fields of a structure, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn byte(&mut self) -> Result<u8, PadStatus> {
        let (byte, rest) = self.0.split_first().ok_or(PadStatus::Parameter)?;
        self.0 = rest;
        Ok(*byte)
    }

    fn skip(&mut self, count: usize) -> Result<(), PadStatus> {
        self.0 = self.0.get(count..).ok_or(PadStatus::Parameter)?;
        Ok(())
    }

    /// `bTimerOut` and `bTimerOut2`, the time after the first key; it is the longer of the two.
    fn patience(&mut self) -> Result<Duration, PadStatus> {
        let seconds = self.byte()?.max(self.byte()?);
        Ok(match seconds {
            0 => USUAL,
            seconds => Duration::from_secs(seconds.into()),
        })
    }

    /// `wPINMaxExtraDigit`: the most digits, then the fewest.
    fn digits(&mut self) -> Result<RangeInclusive<usize>, PadStatus> {
        let (most, fewest) = (usize::from(self.byte()?), usize::from(self.byte()?));
        let own = usize::from(MAX_DIGITS);
        match fewest <= most && fewest <= own {
            true => Ok(fewest..=most.min(own)),
            false => Err(PadStatus::Parameter),
        }
    }

    /// `bEntryValidationCondition`.
    fn ends(&mut self) -> Result<Ends, PadStatus> {
        let conditions = self.byte()?;
        Ok(Ends {
            at_most_digits: conditions & 1 != 0,
            at_timeout: conditions & 4 != 0,
        })
    }

    /// `ulDataLength` and `abData`: the command, without the PIN.
    fn data(&mut self) -> Result<&'a [u8], PadStatus> {
        let (length, data) = self.0.split_first_chunk().ok_or(PadStatus::Parameter)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok();
        let fits = (4..=5 + 255).contains(&data.len()) && length == Some(data.len());
        fits.then_some(data).ok_or(PadStatus::Parameter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As OpenSC asks for a PIN of 4 to 8 digits, padded with zeros.
    fn verify(data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![30, 30, 0x82, 0x08, 0, 8, 4, 2, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend((data.len() as u32).to_le_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    fn modify(confirm: u8) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0x82, 0x08, 0, 0, 8, 8, 4, confirm, 2];
        bytes.extend([0; 9]);
        bytes.extend(21_u32.to_le_bytes());
        bytes.extend([0, 0x24, 0, 1, 16]);
        bytes.extend([0xFF; 16]);
        bytes
    }

    fn pin(digits: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(digits.to_vec())
    }

    #[test]
    fn a_pin_to_verify_goes_into_its_command() {
        let bytes = verify(&[0, 0x20, 0, 0x81, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
        let entry = Entry::verify(&bytes).expect("an entry");
        assert_eq!(entry.asks_for(), [Asked::Pin]);
        assert_eq!(
            (entry.digits.clone(), entry.patience.as_secs()),
            (4..=8, 30)
        );
        let command = entry.command(&[(Asked::Pin, pin(&[1, 2, 3, 4]))]);
        assert_eq!(
            *command.expect("a command"),
            *b"\x00\x20\x00\x81\x081234\0\0\0\0"
        );
    }

    #[test]
    fn a_change_asks_for_what_it_says_and_the_new_pin_is_the_same_twice() {
        let bytes = modify(3);
        let entry = Entry::modify(&bytes).expect("an entry");
        assert_eq!(entry.asks_for(), [Asked::Old, Asked::New, Asked::Again]);
        let pins = |again: &[u8]| {
            [
                (Asked::Old, pin(&[1, 2, 3, 4])),
                (Asked::New, pin(&[5, 6, 7, 8, 9])),
                (Asked::Again, pin(again)),
            ]
        };
        let command = entry.command(&pins(&[5, 6, 7, 8, 9])).expect("a command");
        assert_eq!(
            *command,
            *b"\x00\x24\x00\x01\x101234\xFF\xFF\xFF\xFF56789\xFF\xFF\xFF"
        );
        assert_eq!(
            entry.command(&pins(&[5, 6, 7, 8, 8])).err(),
            Some(PadStatus::Mismatch)
        );
        assert_eq!(
            Entry::modify(&modify(0)).expect("an entry").asks_for(),
            [Asked::New]
        );
    }

    #[test]
    fn structures_that_are_cut_or_lie_about_their_length_are_refused() {
        let whole = verify(&[0, 0x20, 0, 0x81]);
        assert!(Entry::verify(&whole).is_ok());
        for cut in 0..whole.len() {
            assert_eq!(
                Entry::verify(&whole[..cut]).err(),
                Some(PadStatus::Parameter),
                "{cut}"
            );
        }
        let whole = modify(3);
        for cut in 0..whole.len() {
            assert_eq!(
                Entry::modify(&whole[..cut]).err(),
                Some(PadStatus::Parameter),
                "{cut}"
            );
        }
        assert!(Entry::verify(&[0xFF; 300]).is_err());
        assert!(Entry::modify(&[0; 300]).is_err());
        let fewest_over_most = {
            let mut bytes = verify(&[0, 0x20, 0, 0x81]);
            (bytes[5], bytes[6]) = (4, 8);
            bytes
        };
        assert!(Entry::verify(&fewest_over_most).is_err());
    }

    #[test]
    fn whatever_is_asked_for_is_a_command_of_at_most_260_bytes_or_refused() {
        // A number without a pattern (xorshift64).
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let mut next = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random as u8
        };
        let mut made = 0;
        for round in 0..200_000 {
            // Mostly sound, so that what stands behind is reached.
            let mut bytes = match round % 2 {
                0 => verify(&[0, 0x20, 0, 0x81, 8, 0, 0, 0, 0, 0, 0, 0, 0]),
                _ => modify(next() & 3),
            };
            for _ in 0..next() % 4 {
                let place = usize::from(next()) % bytes.len();
                bytes[place] = next();
            }
            let entry = match round % 2 {
                0 => Entry::verify(&bytes),
                _ => Entry::modify(&bytes),
            };
            let Ok(entry) = entry else {
                continue;
            };
            let digits = vec![next() % 10; usize::from(next() % 17)];
            let asked = entry.asks_for();
            let pins: Vec<_> = asked.iter().map(|asked| (*asked, pin(&digits))).collect();
            if let Ok(command) = entry.command(&pins) {
                assert!((5..=260).contains(&command.len()), "{bytes:02X?}");
                assert_eq!(usize::from(command[4]) + 5, command.len(), "{bytes:02X?}");
                made += 1;
            }
        }
        assert!(made > 50_000, "{made}");
    }
}
