//! A PIN's digits to their place in a command (PC/SC part 10 §2.5.2; CCID 1.1 §6.1.11.7).

use zeroize::Zeroizing;

use super::PadStatus;

/// Where and how the digits of a PIN are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    coding: Coding,
    /// Whether the PIN ends where the block ends.
    right: bool,
    /// Where it begins, in bits from the start of the data.
    position: usize,
    /// How many bytes it has; 0: as many as the PIN.
    size: usize,
    /// How many bits the PIN's length takes, and where they are.
    length: (usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Bcd,
    Ascii,
}

/// The bytes before the data: CLA, INS, P1, P2, Lc.
const HEADER: usize = 5;

impl Block {
    /// Reads `bmFormatString`, `bmPINBlockString` and `bmPINLengthFormat`.
    pub(super) fn from_formats(format: u8, block: u8, length: u8) -> Result<Self, PadStatus> {
        let unit = |bytes: bool| if bytes { 8 } else { 1 };
        let coding = match format & 0b11 {
            0b01 => Coding::Bcd,
            0b10 => Coding::Ascii,
            _ => return Err(PadStatus::Parameter),
        };
        let length_bits = usize::from(block >> 4);
        if !matches!(length_bits, 0 | 4 | 8) {
            return Err(PadStatus::Parameter);
        }
        Ok(Self {
            coding,
            right: format & 0b100 != 0,
            position: usize::from(format >> 3 & 0xF) * unit(format & 0x80 != 0),
            size: usize::from(block & 0xF),
            length: (
                length_bits,
                usize::from(length & 0xF) * unit(length & 0x10 != 0),
            ),
        })
    }

    /// Puts a PIN into a command whose data has room for it, or becomes longer for it; `offset` is in
    /// bytes, besides the block's own place.
    pub(super) fn put(
        &self,
        command: &mut Zeroizing<Vec<u8>>,
        offset: usize,
        pin: &[u8],
    ) -> Result<(), PadStatus> {
        let coded = self.coded(pin)?;
        if !self.position.is_multiple_of(8) || !self.length.1.is_multiple_of(4) {
            return Err(PadStatus::Parameter);
        }
        let start = HEADER + self.position / 8 + offset;
        let end = start + coded.len();
        if end > HEADER + 255 {
            return Err(PadStatus::Parameter);
        }
        if command.len() < end {
            command.resize(end, 0xFF);
        }
        let place = command.get_mut(start..end).ok_or(PadStatus::Parameter)?;
        // Of a block that is longer than its PIN the command has the filler.
        let filled = if self.size == 0 {
            coded.len()
        } else {
            self.len(pin)
        };
        match self.right {
            false => copy(place, &coded, 0..filled),
            true => copy(place, &coded, coded.len() - filled..coded.len()),
        }
        self.put_length(command, offset, pin.len())?;
        let data = command.len() - HEADER;
        if let Some(lc) = command.get_mut(HEADER - 1) {
            *lc = u8::try_from(data).map_err(|_| PadStatus::Parameter)?;
        }
        Ok(())
    }

    /// How many bytes the digits take.
    const fn len(&self, pin: &[u8]) -> usize {
        match self.coding {
            Coding::Ascii => pin.len(),
            Coding::Bcd => pin.len().div_ceil(2),
        }
    }

    /// The block, with zeros where it has no digits.
    fn coded(&self, pin: &[u8]) -> Result<Zeroizing<Vec<u8>>, PadStatus> {
        let digits = self.len(pin);
        let size = if self.size == 0 { digits } else { self.size };
        let spare = size.checked_sub(digits).ok_or(PadStatus::Length)?;
        let mut coded = Zeroizing::new(Vec::with_capacity(size));
        if self.right {
            coded.resize(spare, 0);
        }
        match self.coding {
            Coding::Ascii => coded.extend(pin.iter().map(|digit| b'0' + digit)),
            // An odd last digit has a filler beside it.
            Coding::Bcd => coded.extend(
                pin.chunks(2)
                    .map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0xF)),
            ),
        }
        coded.resize(size, 0);
        Ok(coded)
    }

    fn put_length(
        &self,
        command: &mut [u8],
        offset: usize,
        digits: usize,
    ) -> Result<(), PadStatus> {
        let (bits, position) = self.length;
        let digits = u8::try_from(digits).map_err(|_| PadStatus::Parameter)?;
        if bits == 0 {
            return Ok(());
        }
        let place = command.get_mut(HEADER + offset + position / 8);
        let place = place.ok_or(PadStatus::Parameter)?;
        match (bits, position % 8) {
            (8, 0) => *place = digits,
            (4, 0) => *place = digits << 4 | *place & 0x0F,
            (4, 4) => *place = *place & 0xF0 | digits & 0x0F,
            _ => return Err(PadStatus::Parameter),
        }
        Ok(())
    }
}

fn copy(to: &mut [u8], from: &[u8], range: std::ops::Range<usize>) {
    let to = to.get_mut(range.clone()).into_iter().flatten();
    for (to, from) in to.zip(from.get(range).into_iter().flatten()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: [u8; 5] = [1, 2, 3, 4, 5];

    fn put(formats: [u8; 3], template: &[u8], pin: &[u8]) -> Result<Vec<u8>, PadStatus> {
        let block = Block::from_formats(formats[0], formats[1], formats[2])?;
        let mut command = Zeroizing::new(template.to_vec());
        block.put(&mut command, 0, pin)?;
        Ok(command.to_vec())
    }

    #[test]
    fn ascii_goes_to_the_start_of_the_block_and_the_filler_stays() {
        let template = [
            0, 0x20, 0, 1, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        ];
        let expected = b"\x00\x20\x00\x01\x0812345\xFF\xFF\xFF".to_vec();
        assert_eq!(put([0x82, 0x08, 0], &template, &PIN), Ok(expected.clone()));
        assert_eq!(put([0x02, 0x08, 0], &template, &PIN), Ok(expected));
        // From the right.
        let expected = b"\x00\x20\x00\x01\x08\xFF\xFF\xFF12345".to_vec();
        assert_eq!(put([0x86, 0x08, 0], &template, &PIN), Ok(expected));
    }

    #[test]
    fn a_command_without_room_becomes_longer_and_says_how_long() {
        let expected = b"\x00\x20\x00\x01\x0512345".to_vec();
        for template in [&[0, 0x20, 0, 1, 0][..], &[0, 0x20, 0, 1]] {
            assert_eq!(put([0x82, 0, 0], template, &PIN), Ok(expected.clone()));
        }
    }

    #[test]
    fn bcd_has_two_digits_a_byte_and_may_have_its_length_before_it() {
        // The format of GlobalPlatform and EMV: 2n, digits, filled with F.
        let template = [
            0, 0x20, 0, 0x80, 8, 0x20, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        ];
        let expected = [
            0, 0x20, 0, 0x80, 8, 0x25, 0x12, 0x34, 0x5F, 0xFF, 0xFF, 0xFF, 0xFF,
        ];
        assert_eq!(
            put([0x89, 0x47, 0x04], &template, &PIN),
            Ok(expected.to_vec())
        );
    }

    #[test]
    fn what_does_not_fit_or_is_not_known_is_refused() {
        let template = [0, 0x20, 0, 1, 4, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(
            put([0x82, 0x04, 0], &template, &PIN),
            Err(PadStatus::Length)
        );
        for formats in [[0x80, 8, 0], [0x83, 8, 0], [0x82, 0x38, 0], [0x0A, 8, 0]] {
            assert_eq!(
                put(formats, &template, &PIN),
                Err(PadStatus::Parameter),
                "{formats:?}"
            );
        }
    }
}
