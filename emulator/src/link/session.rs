//! What a card does with the reader's frames. No I/O: a frame's content in, an answer out.

use super::PoweredCard;
use super::frame::{self, Request};

/// A card in a reader, from the moment it is pushed in until it leaves.
///
/// The card has power from the start: a reader that finds a new card where the old one was a
/// moment ago does not switch it on again.
pub struct Session<C: PoweredCard> {
    card: C,
    powered: bool,
}

impl<C: PoweredCard> Session<C> {
    /// Pushes the card in: it gets power.
    pub fn insert(mut card: C) -> Self {
        card.power_on();
        Self {
            card,
            powered: true,
        }
    }

    /// Does what the content of one frame asks for and gives the frame to send back, if one is
    /// due. It is never empty.
    pub fn handle(&mut self, content: &[u8]) -> Option<Vec<u8>> {
        match Request::from_content(content) {
            Request::PowerOff => self.power_off(),
            Request::PowerOn => {
                self.card.power_on();
                self.powered = true;
            }
            Request::Reset => {
                self.card.reset();
                self.powered = true;
            }
            Request::Atr => return Some(frame::answer(self.card.atr())),
            Request::Command(command) if self.powered => {
                let mut answer = self.card.transmit(command);
                if answer.len() < 2 {
                    answer = NO_ANSWER.to_vec();
                }
                return Some(frame::answer(&answer));
            }
            // The reader waits for an answer, and a card without power gives none.
            Request::Command(_) => return Some(frame::answer(&NO_ANSWER)),
            Request::Empty => {}
        }
        None
    }

    /// Whether the card has left by itself; then the last answer is not to be sent.
    pub fn has_left(&self) -> bool {
        self.card.has_left()
    }

    fn power_off(&mut self) {
        if self.powered {
            self.card.power_off();
            self.powered = false;
        }
    }
}

/// The card leaves the reader: it has no power any more.
impl<C: PoweredCard> Drop for Session<C> {
    fn drop(&mut self) {
        self.power_off();
    }
}

/// `6F00`, no precise diagnosis: what stands for an answer where there is none.
const NO_ANSWER: [u8; 2] = [0x6F, 0x00];

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes what happens to it, and answers with what the command asks for.
    #[derive(Default)]
    pub struct Note {
        happened: Vec<&'static str>,
    }

    impl PoweredCard for Note {
        fn power_on(&mut self) {
            self.happened.push("on");
        }
        fn power_off(&mut self) {
            self.happened.push("off");
        }
        fn reset(&mut self) {
            self.happened.push("reset");
        }
        fn atr(&self) -> &[u8] {
            &[0x3B, 0x00]
        }
        fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
            self.happened.push("command");
            match command {
                [0xE0, ..] => Vec::new(),
                [0xE1, ..] => vec![0x90],
                [0xE2, ..] => vec![0xAA; 65_536],
                [0xE3, ..] => vec![0xAA; 65_535],
                _ => vec![0x90, 0x00],
            }
        }
    }

    #[test]
    fn power_and_reset_reach_the_card_and_get_no_answer() {
        let mut card = Note::default();
        let mut session = Session::insert(&mut card);
        for control in [0, 0, 1, 2] {
            assert_eq!(session.handle(&[control]), None);
        }
        assert_eq!(session.handle(&[4]), Some(vec![0, 2, 0x3B, 0x00]));
        drop(session);
        assert_eq!(card.happened, ["on", "off", "on", "reset", "off"]);
    }

    #[test]
    fn answers_that_do_not_fit_and_answers_that_are_none_become_6f00() {
        let mut card = Note::default();
        let mut session = Session::insert(&mut card);
        for command in [[0xE0, 0], [0xE1, 0], [0xE2, 0]] {
            let answer = session.handle(&command);
            assert_eq!(answer, Some(vec![0, 2, 0x6F, 0x00]), "{command:02X?}");
        }
        let longest = session.handle(&[0xE3, 0]).expect("an answer");
        assert_eq!(longest.len(), 65_537);
    }

    #[test]
    fn a_frame_without_content_is_ignored_and_a_card_without_power_gives_6f00() {
        let mut card = Note::default();
        let mut session = Session::insert(&mut card);
        assert_eq!(session.handle(&[]), None);
        session.handle(&[0]);
        assert_eq!(session.handle(&[0, 0xA4]), Some(vec![0, 2, 0x6F, 0x00]));
        drop(session);
        assert_eq!(card.happened, ["on", "off"]);
    }

    #[test]
    fn a_command_of_one_byte_that_is_no_control_message_is_answered() {
        let mut card = Note::default();
        let mut session = Session::insert(&mut card);
        assert_eq!(session.handle(&[3]), Some(vec![0, 2, 0x90, 0x00]));
    }
}
