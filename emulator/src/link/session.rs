//! What a card does with the reader's frames. No I/O: a frame's content in, an answer out.

use kortlab_apdu::{Channel, ChannelError, ResetKind};

use super::frame::{self, Request};

/// A card in a reader, from the moment it is pushed in until it leaves.
///
/// The card has power from the start: a reader that finds a new card where the old one was a
/// moment ago does not switch it on again.
pub struct Session<C: Channel> {
    card: C,
    powered: bool,
    /// Why the card fell silent, once it has.
    silence: Option<ChannelError>,
}

impl<C: Channel> Session<C> {
    /// Pushes the card in: it gets power.
    pub fn insert(mut card: C) -> Self {
        let silence = card.power_on().err();
        Self {
            card,
            powered: true,
            silence,
        }
    }

    /// Does what the content of one frame asks for and gives the frame to send back, if one is
    /// due. It is never empty.
    pub fn handle(&mut self, content: &[u8]) -> Option<Vec<u8>> {
        match Request::from_content(content) {
            Request::PowerOff => self.power_off(),
            Request::PowerOn => {
                let done = self.card.power_on();
                self.note(done);
                self.powered = true;
            }
            Request::Reset => {
                let done = self.card.reset(ResetKind::Warm);
                self.note(done);
                self.powered = true;
            }
            Request::Atr => return Some(frame::answer(self.card.atr())),
            Request::Command(command) if self.powered => {
                let answer = match self.card.transmit(command) {
                    // The card is there and well; a reader can be told no more than this.
                    Err(ChannelError::Storage(_)) => Ok(NOT_SAVED.to_vec()),
                    answer => answer,
                };
                let answer = self.note(answer).filter(|answer| answer.len() >= 2);
                return Some(frame::answer(answer.as_deref().unwrap_or(&NO_ANSWER)));
            }
            // The reader waits for an answer, and a card without power gives none.
            Request::Command(_) => return Some(frame::answer(&NO_ANSWER)),
            Request::Empty => {}
        }
        None
    }

    /// Why the card fell silent: it left by itself, or what carries it failed. Then the last answer
    /// is not to be sent.
    pub const fn silence(&self) -> Option<&ChannelError> {
        self.silence.as_ref()
    }

    fn note<T>(&mut self, done: Result<T, ChannelError>) -> Option<T> {
        done.map_err(|error| self.silence = Some(error)).ok()
    }

    fn power_off(&mut self) {
        if self.powered {
            let done = self.card.power_off();
            self.note(done);
            self.powered = false;
        }
    }
}

/// The card leaves the reader: it has no power any more.
impl<C: Channel> Drop for Session<C> {
    fn drop(&mut self) {
        self.power_off();
    }
}

/// `6F00`, no precise diagnosis: what stands for an answer where there is none.
const NO_ANSWER: [u8; 2] = [0x6F, 0x00];

/// `6581`, memory failure: what was changed could not be saved.
const NOT_SAVED: [u8; 2] = [0x65, 0x81];

#[cfg(test)]
mod tests {
    use kortlab_apdu::Protocol;

    use super::*;

    /// Notes what happens to it, and answers with what the command asks for.
    #[derive(Default)]
    pub struct Note {
        happened: Vec<&'static str>,
    }

    impl Channel for Note {
        fn power_on(&mut self) -> Result<(), ChannelError> {
            self.happened.push("on");
            Ok(())
        }
        fn power_off(&mut self) -> Result<(), ChannelError> {
            self.happened.push("off");
            Ok(())
        }
        fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
            assert_eq!(kind, ResetKind::Warm);
            self.happened.push("reset");
            Ok(())
        }
        fn atr(&self) -> &[u8] {
            &[0x3B, 0x00]
        }
        fn protocol(&self) -> Protocol {
            Protocol::T0
        }
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
            self.happened.push("command");
            Ok(match command {
                [0xE0, ..] => Vec::new(),
                [0xE1, ..] => vec![0x90],
                [0xE2, ..] => vec![0xAA; 65_536],
                [0xE3, ..] => vec![0xAA; 65_535],
                [0xE4, ..] => return Err(ChannelError::WasReset),
                [0xE5, ..] => return Err(ChannelError::Storage("full".to_owned())),
                _ => vec![0x90, 0x00],
            })
        }
    }

    #[test]
    fn a_card_that_gives_no_answer_is_silent_and_the_reason_is_kept() {
        let mut session = Session::insert(Note::default());
        assert_eq!(session.silence(), None);
        session.handle(&[0xE4, 0]).expect("a frame");
        assert_eq!(session.silence(), Some(&ChannelError::WasReset));
    }

    #[test]
    fn a_change_that_could_not_be_saved_is_answered_6581_and_the_card_stays() {
        let mut session = Session::insert(Note::default());
        let answer = session.handle(&[0xE5, 0]);
        assert_eq!(answer, Some(vec![0, 2, 0x65, 0x81]));
        assert_eq!(session.silence(), None);
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
