//! What the commands so far have done: which file is selected, which PINs are verified.

use kortlab_apdu::status::StatusKind;
use kortlab_apdu::{Channel, ChannelError, Command, FilePath, Protocol, ResetKind};
use kortlab_apdu::{Response, instruction};

/// The state that a fault can wait for, as far as commands and status words tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The end of the path of the file that was selected last: as much of it as was said.
    file: FilePath,
    /// The references (P2) of the PINs that are verified.
    verified: Vec<u8>,
}

impl Seen {
    /// Whether the selected file is this one. Of the two paths the shorter must be the end of the
    /// longer: a program that selects by identifier says no more of it.
    pub fn is_selected(&self, file: &FilePath) -> bool {
        !self.file.is_empty() && (self.file.ends_with(file) || file.ends_with(&self.file))
    }

    /// The end of the path of the selected file; empty if nobody selected one by identifier.
    pub const fn file(&self) -> &FilePath {
        &self.file
    }

    /// Whether the PIN with this reference was verified and nothing has ended that.
    pub fn is_verified(&self, reference: u8) -> bool {
        self.verified.contains(&reference)
    }

    /// Forgets all: the card was reset.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Takes note of a command and of what the card itself has answered.
    pub fn note(&mut self, command: &[u8], answer: &[u8]) {
        let (Ok(command), Ok(answer)) = (Command::parse_tpdu(command), Response::parse(answer))
        else {
            return;
        };
        let kind = answer.status().kind();
        let done = matches!(
            kind,
            StatusKind::Success | StatusKind::BytesAvailable(_) | StatusKind::Warning
        );
        match command.ins() {
            instruction::SELECT if done => self.selected(&command),
            instruction::VERIFY if command.p1() == 0xFF && done => self.end(command.p2()),
            instruction::VERIFY if kind == StatusKind::Success && !command.data().is_empty() => {
                self.end(command.p2());
                self.verified.push(command.p2());
            }
            instruction::VERIFY if !command.data().is_empty() => self.end(command.p2()),
            _ => {}
        }
    }

    fn selected(&mut self, command: &Command) {
        let path = FilePath::from(command.data());
        self.file = match command.p1() {
            // By identifier, by path from the MF, by path from the current DF.
            0x00 if path.is_empty() => FilePath::MASTER_FILE,
            0x00..=0x02 | 0x08 | 0x09 => path,
            // The parent, or by name: it has an identifier that nobody said.
            _ => FilePath::EMPTY,
        };
    }

    fn end(&mut self, reference: u8) {
        self.verified.retain(|other| *other != reference);
    }
}

/// A channel that notes what the card answers, whatever becomes of it further up.
pub struct Watched<'a> {
    /// The card.
    pub next: &'a mut dyn Channel,
    /// Where it is noted.
    pub seen: &'a mut Seen,
}

impl Channel for Watched<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let answer = self.next.transmit(command)?;
        self.seen.note(command, &answer);
        Ok(answer)
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        self.next.reset(kind)?;
        self.seen.reset();
        Ok(())
    }

    fn atr(&self) -> &[u8] {
        self.next.atr()
    }

    fn protocol(&self) -> Protocol {
        self.next.protocol()
    }

    fn max_command_data(&self) -> usize {
        self.next.max_command_data()
    }

    fn is_shared(&self) -> bool {
        self.next.is_shared()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> FilePath {
        text.parse().expect("a path")
    }

    #[test]
    fn files_are_known_by_identifier_and_path_and_not_by_name() {
        let mut seen = Seen::default();
        assert!(!seen.is_selected(&path("4404")));
        seen.note(&[0, 0xA4, 0, 0, 2, 0x44, 0x04], &[0x61, 0x10]);
        assert!(seen.is_selected(&path("4404")) && seen.is_selected(&path("3F0050154404")));
        seen.note(&[0, 0xA4, 0, 0, 2, 0x44, 0x05], &[0x6A, 0x82]);
        assert!(seen.is_selected(&path("4404")), "a refusal selects nothing");
        seen.note(
            &[0, 0xA4, 8, 0, 4, 0x50, 0x15, 0x44, 0x05, 0],
            &[0x62, 0x83],
        );
        assert!(seen.is_selected(&path("50154405")) && !seen.is_selected(&path("4404")));
        assert!(!seen.is_selected(&path("3F004405")));
        seen.note(&[0, 0xA4, 4, 0, 2, 0xA0, 0], &[0x90, 0]);
        assert!(!seen.is_selected(&path("50154405")));
        seen.note(&[0, 0xA4, 0, 0], &[0x90, 0]);
        assert!(seen.is_selected(&path("3F00")));
    }

    #[test]
    fn pins_are_verified_until_a_wrong_one_a_log_out_or_a_reset() {
        let verify = [0, 0x20, 0, 0x81, 1, 0x31];
        let mut seen = Seen::default();
        let verified = |seen: &mut Seen| {
            seen.note(&verify, &[0x90, 0]);
            assert!(seen.is_verified(0x81) && !seen.is_verified(0x82));
        };
        seen.note(&[0, 0x20, 0, 0x81], &[0x90, 0]);
        assert!(!seen.is_verified(0x81), "an empty VERIFY only asks");
        verified(&mut seen);
        seen.note(&verify, &[0x63, 0xC2]);
        assert!(!seen.is_verified(0x81));
        verified(&mut seen);
        seen.note(&[0, 0x20, 0xFF, 0x81], &[0x90, 0]);
        assert!(!seen.is_verified(0x81));
        verified(&mut seen);
        seen.reset();
        assert!(!seen.is_verified(0x81));
    }

    #[test]
    fn what_is_no_command_or_no_answer_is_left_alone() {
        let mut seen = Seen::default();
        for (command, answer) in [(&[][..], &[0x90, 0][..]), (&[0, 0xA4], &[]), (&[0; 4], &[])] {
            seen.note(command, answer);
            assert_eq!(seen, Seen::default());
        }
    }
}
