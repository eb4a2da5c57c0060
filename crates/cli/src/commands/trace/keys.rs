//! Private keys in the files that a session reads and writes: nothing of one is shown, in whatever pieces it comes.

use std::collections::BTreeSet;

use kortlab_apdu::{instruction, private_key};
use kortlab_explain::story::Location;
use kortlab_trace::Sent;

/// The header of a command, and its length.
const HEADER: usize = 5;

/// What may be shown of the commands and answers of one card.
#[derive(Default)]
pub struct Keys {
    /// The file that the last command reads or writes, if that is known.
    file: Option<Location>,
    /// The files with private keys, whenever they are read again.
    files: BTreeSet<Location>,
    /// There is a private key in what the last command reads or writes.
    within: bool,
    /// The command by which one came, class and instruction: its next ones may have more of it.
    by: Option<[u8; 2]>,
    /// The last command may read of that file.
    reads: bool,
}

impl Keys {
    /// What may be shown of a command that reads or writes this file.
    pub fn command(&mut self, sent: &Sent, file: Option<&Location>) -> Sent {
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
        if ins != instruction::GET_RESPONSE {
            self.file = file.cloned();
            if let Some(file) = file {
                self.within = self.files.contains(file);
            }
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
                if writes {
                    self.found();
                }
                self.by = Some([class, ins]);
            }
        } else if length > HEADER && (writes && self.within || self.by == Some([class, ins])) {
            let header = shown.shown().get(..HEADER).unwrap_or_default();
            return Sent::cut(header, length - HEADER);
        }
        shown
    }

    /// Whether a private key has come from this file, or gone into it.
    pub fn are_in(&self, file: &Location) -> bool {
        self.files.contains(file)
    }

    /// How much of the beginning of an answer may not be shown: nothing, or all but the status word.
    pub fn hidden(&mut self, answer: &[u8]) -> usize {
        let data = answer.len().saturating_sub(2);
        let is_key = private_key::is_in(answer);
        if is_key && self.reads {
            self.found();
        }
        match is_key || (self.within && self.reads) {
            true => data,
            false => 0,
        }
    }

    fn found(&mut self) {
        self.within = true;
        self.files.extend(self.file.clone());
    }
}

/// The instructions with odd INS, whose data are BER-TLV (ISO/IEC 7816-4 §11.3).
const READ_RECORD_ODD: u8 = instruction::READ_RECORD | 1;
const GET_DATA_ODD: u8 = instruction::GET_DATA | 1;
const UPDATE_BINARY_ODD: u8 = instruction::UPDATE_BINARY | 1;
const WRITE_BINARY_ODD: u8 = instruction::WRITE_BINARY | 1;

#[cfg(test)]
mod tests {
    use kortlab_explain::story::Story;

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
        let shown = |keys: &mut Keys, sent: &Sent| keys.command(sent, None).shown().to_vec();
        let innocent = update(0, &[0x5A; 20]);
        assert_eq!(shown(&mut keys, &innocent).len(), 25);
        assert_eq!(shown(&mut keys, &update(0, &key[..128])).len(), HEADER);
        assert_eq!(shown(&mut keys, &update(128, &key[128..228])).len(), HEADER);
        assert_eq!(keys.command(&innocent, None).length(), 25);
        keys.command(
            &Sent::whole([0x00, 0xA4, 0x00, 0x0C, 0x02, 0x2F, 0x00]),
            None,
        );
        assert_eq!(shown(&mut keys, &innocent).len(), 25);
    }

    #[test]
    fn what_goes_on_with_a_key_by_a_command_of_a_cards_own_is_hidden_too() {
        let (mut keys, key) = (Keys::default(), key());
        let store = |data: &[u8]| Sent::whole([&[0x80, 0xE2, 0x00, 0x00, 0x80], data].concat());
        assert_eq!(keys.command(&store(&key[128..256]), None).hidden(), 0);
        assert_eq!(keys.command(&store(&key[..128]), None).hidden(), 128);
        assert_eq!(keys.command(&store(&key[128..256]), None).hidden(), 128);
        assert_eq!(keys.command(&update(0, &[1, 2, 3]), None).hidden(), 0);
    }

    #[test]
    fn of_a_key_that_is_read_in_pieces_only_the_status_words_are_shown() {
        let (mut keys, key) = (Keys::default(), key());
        let read = Sent::whole([0x00, 0xB0, 0x00, 0x00, 0x80]);
        let answer = |part: &[u8]| [part, &[0x90, 0x00]].concat();
        keys.command(&read, None);
        assert_eq!(keys.hidden(&answer(&[0x5A; 9])), 0);
        assert_eq!(keys.hidden(&answer(&key[..128])), 128);
        keys.command(&read, None);
        assert_eq!(keys.hidden(&answer(&key[128..256])), 128);
        assert_eq!(keys.hidden(&[0x90]), 0);
        assert!(keys.within);
        keys.command(
            &Sent::whole([0x00, 0xA4, 0x00, 0x0C, 0x02, 0x2F, 0x00]),
            None,
        );
        keys.command(&read, None);
        assert_eq!(keys.hidden(&answer(&key[128..256])), 0);
        // Records, and a data object that is fetched in pieces.
        let record = Sent::whole([0x00, 0xB2, 0x01, 0x04, 0x64]);
        let object = Sent::whole([0x00, 0xCB, 0x3F, 0xFF, 0x00]);
        let rest = Sent::whole([0x00, 0xC0, 0x00, 0x00, 0x64]);
        for (first, next) in [(&record, &record), (&object, &rest)] {
            keys.command(
                &Sent::whole([0x00, 0xA4, 0x00, 0x0C, 0x02, 0x2F, 0x00]),
                None,
            );
            keys.command(first, None);
            assert_eq!(keys.hidden(&[&key[..100], &[0x61, 0x64]].concat()), 100);
            keys.command(next, None);
            assert_eq!(keys.hidden(&answer(&key[100..200])), 100);
        }
        keys.command(&object, None);
        assert_eq!(keys.hidden(&answer(&[0x5A; 9])), 0);
    }

    /// Follows commands and answers; says of each answer whether its data are shown.
    fn shown(exchanges: &[(&[u8], Vec<u8>)]) -> Vec<bool> {
        let (mut story, mut keys) = (Story::default(), Keys::default());
        let follow = |(command, answer): &(&[u8], Vec<u8>)| {
            story.command(command, 0);
            keys.command(&Sent::whole(command.to_vec()), story.used_file());
            story.answer(answer);
            keys.hidden(answer) == 0
        };
        exchanges.iter().map(follow).collect()
    }

    fn answer(data: &[u8]) -> Vec<u8> {
        [data, &[0x90, 0x00]].concat()
    }

    #[test]
    fn a_file_with_a_key_is_one_when_it_is_selected_again_and_others_are_not() {
        let select = |file: u8| [0x00, 0xA4, 0x02, 0x0C, 0x02, 0x40, file];
        let (with_key, other) = (select(1), select(2));
        let read = |offset: u8| [0x00, 0xB0, 0x00, offset, 0x64];
        let (first, second) = (read(0), read(100));
        let (key, done) = (key(), answer(&[]));
        let seen = shown(&[
            (&with_key, done.clone()),
            (&first, answer(&key[..100])),
            (&other, done.clone()),
            (&first, answer(&[0x5A; 100])),
            (&with_key, done),
            (&second, answer(&key[100..200])),
        ]);
        assert_eq!(seen, [true, false, true, true, true, false]);
    }

    #[test]
    fn a_file_that_is_read_by_its_short_identifier_is_another_one_than_that_which_is_selected() {
        let record = |file: u8, number: u8| [0x00, 0xB2, number, file << 3 | 4, 0x64];
        let (first, second, other) = (record(1, 1), record(1, 2), record(2, 1));
        let odd = [0x00, 0xB3, 0x01, 0x04, 0x64];
        let key = key();
        let seen = shown(&[
            (&first, answer(&key[..100])),
            (&other, answer(&[0x5A; 100])),
            (&second, answer(&key[100..200])),
            (&odd, answer(&key[..100])),
            (&odd, answer(&key[100..200])),
        ]);
        assert_eq!(seen, [false, true, false, false, false]);
    }
}
