//! Private keys in the files that a session reads and writes: nothing of one is shown, in whatever pieces it comes.

use kortlab_apdu::{instruction, private_key};
use kortlab_trace::Sent;

/// The header of a command, and its length.
const HEADER: usize = 5;

/// What may be shown of the commands and answers of one card.
#[derive(Default)]
pub struct Keys {
    /// There is a private key in the file that is selected.
    within: bool,
    /// The command by which one came, class and instruction: its next ones may have more of it.
    by: Option<[u8; 2]>,
    /// The last command may read of that file.
    reads: bool,
}

impl Keys {
    /// What may be shown of a command.
    pub fn command(&mut self, sent: &Sent) -> Sent {
        let shown = sent.without_secrets();
        let [class, ins, ..] = *shown.shown() else {
            return shown;
        };
        let gets = matches!(ins, instruction::GET_DATA | GET_DATA_ODD);
        self.reads = gets
            || matches!(
                ins,
                instruction::READ_BINARY
                    | instruction::READ_BINARY_ODD
                    | instruction::READ_RECORD
                    | READ_RECORD_ODD
                    | instruction::GET_RESPONSE
            );
        // Another file, or another data object.
        if gets || ins == instruction::SELECT {
            (self.within, self.by) = (false, None);
        }
        let writes = matches!(
            ins,
            instruction::UPDATE_BINARY
                | UPDATE_BINARY_ODD
                | instruction::WRITE_BINARY
                | WRITE_BINARY_ODD
        );
        let length = shown.shown().len();
        if shown.hidden() > 0 {
            if !instruction::carries_secrets(class, ins) {
                self.within |= writes;
                self.by = Some([class, ins]);
            }
        } else if length > HEADER && (writes && self.within || self.by == Some([class, ins])) {
            let header = shown.shown().get(..HEADER).unwrap_or_default();
            return Sent::cut(header, length - HEADER);
        }
        shown
    }

    /// Whether there is a private key in the file that is selected.
    pub const fn is_within(&self) -> bool {
        self.within
    }

    /// How much of the beginning of an answer may not be shown: nothing, or all but the status word.
    pub fn hidden(&mut self, answer: &[u8]) -> usize {
        let data = answer.len().saturating_sub(2);
        let is_key = private_key::is_in(answer);
        self.within |= is_key && self.reads;
        match is_key || (self.within && self.reads) {
            true => data,
            false => 0,
        }
    }
}

/// The instructions with odd INS, whose data are BER-TLV (ISO/IEC 7816-4 §11.3).
const READ_RECORD_ODD: u8 = instruction::READ_RECORD | 1;
const GET_DATA_ODD: u8 = instruction::GET_DATA | 1;
const UPDATE_BINARY_ODD: u8 = instruction::UPDATE_BINARY | 1;
const WRITE_BINARY_ODD: u8 = instruction::WRITE_BINARY | 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn update(offset: u8, data: &[u8]) -> Sent {
        let length = u8::try_from(data.len()).unwrap();
        Sent::whole([&[0x00, 0xD6, 0x00, offset, length], data].concat())
    }

    fn key() -> Vec<u8> {
        let head = [
            0x30, 0x82, 0x04, 0xA3, 0x02, 0x01, 0x00, 0x02, 0x82, 0x01, 0x01,
        ];
        [&head[..], &[0x5A; 300]].concat()
    }

    #[test]
    fn of_a_key_that_is_written_in_pieces_no_piece_is_shown_until_another_file_is_selected() {
        let (mut keys, key) = (Keys::default(), key());
        let shown = |keys: &mut Keys, sent: &Sent| keys.command(sent).shown().to_vec();
        let innocent = update(0, &[0x5A; 20]);
        assert_eq!(shown(&mut keys, &innocent).len(), 25);
        assert_eq!(shown(&mut keys, &update(0, &key[..128])).len(), HEADER);
        assert_eq!(shown(&mut keys, &update(128, &key[128..228])).len(), HEADER);
        assert_eq!(keys.command(&innocent).length(), 25);
        keys.command(&Sent::whole([0x00, 0xA4, 0x00, 0x0C, 0x02, 0x2F, 0x00]));
        assert_eq!(shown(&mut keys, &innocent).len(), 25);
    }

    #[test]
    fn what_goes_on_with_a_key_by_a_command_of_a_cards_own_is_hidden_too() {
        let (mut keys, key) = (Keys::default(), key());
        let store = |data: &[u8]| Sent::whole([&[0x80, 0xE2, 0x00, 0x00, 0x80], data].concat());
        assert_eq!(keys.command(&store(&key[128..256])).hidden(), 0);
        assert_eq!(keys.command(&store(&key[..128])).hidden(), 128);
        assert_eq!(keys.command(&store(&key[128..256])).hidden(), 128);
        assert_eq!(keys.command(&update(0, &[1, 2, 3])).hidden(), 0);
    }

    #[test]
    fn of_a_key_that_is_read_in_pieces_only_the_status_words_are_shown() {
        let (mut keys, key) = (Keys::default(), key());
        let read = Sent::whole([0x00, 0xB0, 0x00, 0x00, 0x80]);
        let answer = |part: &[u8]| [part, &[0x90, 0x00]].concat();
        keys.command(&read);
        assert_eq!(keys.hidden(&answer(&[0x5A; 9])), 0);
        assert_eq!(keys.hidden(&answer(&key[..128])), 128);
        keys.command(&read);
        assert_eq!(keys.hidden(&answer(&key[128..256])), 128);
        assert_eq!(keys.hidden(&[0x90]), 0);
        assert!(keys.is_within());
        keys.command(&Sent::whole([0x00, 0xA4, 0x00, 0x0C, 0x02, 0x2F, 0x00]));
        keys.command(&read);
        assert_eq!(keys.hidden(&answer(&key[128..256])), 0);
        // Records, and a data object that is fetched in pieces.
        let record = Sent::whole([0x00, 0xB2, 0x01, 0x04, 0x64]);
        let object = Sent::whole([0x00, 0xCB, 0x3F, 0xFF, 0x00]);
        let rest = Sent::whole([0x00, 0xC0, 0x00, 0x00, 0x64]);
        for (first, next) in [(&record, &record), (&object, &rest)] {
            keys.command(&Sent::whole([0x00, 0xA4, 0x00, 0x0C, 0x02, 0x2F, 0x00]));
            keys.command(first);
            assert_eq!(keys.hidden(&[&key[..100], &[0x61, 0x64]].concat()), 100);
            keys.command(next);
            assert_eq!(keys.hidden(&answer(&key[100..200])), 100);
        }
        keys.command(&object);
        assert_eq!(keys.hidden(&answer(&[0x5A; 9])), 0);
    }
}
