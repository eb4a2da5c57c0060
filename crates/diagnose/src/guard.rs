//! What stands between a reading and its card: only what reads goes through, and not for ever.

use std::time::{Duration, Instant};

use kortlab_apdu::{Channel, ChannelError, Layer, Layered, instruction};
use kortlab_card::files::Budget;

use crate::pace::Pace;

/// LIST FILES of the EID applet: class and instruction.
const LIST_FILES: [u8; 2] = [0x80, 0xAA];

/// How far a reading is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many commands were sent.
    pub commands: usize,
    /// How long the card took for its answers, all together.
    pub time: Duration,
    /// How much there may be of both.
    pub budget: Budget,
}

/// Who hears how far a reading is, before each command.
pub type Listener<'a> = Box<dyn FnMut(&Progress) + 'a>;

/// Lets through the commands that read, counts them, and ends the reading when its budget is spent.
///
/// A command that is not on the list is not sent: that nothing is written and no PIN is tried is
/// seen to here, whatever the code above does.
pub struct Guard<'a> {
    progress: Progress,
    stopped: Option<String>,
    /// How long the card takes, where that is wanted: to keep every command costs memory.
    pace: Option<Pace>,
    listener: Listener<'a>,
}

/// A channel that lets through what reads, and no more than a budget.
pub type Guarded<'a, C> = Layered<C, Guard<'a>>;

impl<'a> Guard<'a> {
    pub(crate) fn new(budget: Budget, listener: Listener<'a>) -> Self {
        Self {
            progress: Progress {
                budget,
                ..Progress::default()
            },
            stopped: None,
            pace: None,
            listener,
        }
    }

    /// The same, noting how long the card takes for each command.
    pub(crate) fn timing(budget: Budget, listener: Listener<'a>) -> Self {
        Self {
            pace: Some(Pace::default()),
            ..Self::new(budget, listener)
        }
    }

    /// How many commands were sent.
    pub(crate) const fn commands(&self) -> usize {
        self.progress.commands
    }

    /// Why nothing more is let through, if the budget is spent.
    pub(crate) fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    /// How long the card took for its answers, if that was noted.
    pub(crate) const fn pace(&self) -> Option<&Pace> {
        self.pace.as_ref()
    }

    fn check_budget(&mut self) -> Result<(), ChannelError> {
        let Progress {
            commands,
            time,
            budget,
        } = self.progress;
        let limit = if commands >= budget.commands {
            format!("{} commands", budget.commands)
        } else if time >= budget.time {
            format!("{} s of waiting for the card", budget.time.as_secs_f32())
        } else {
            return Ok(());
        };
        let why = format!("reading was stopped after {limit}");
        self.stopped.get_or_insert_with(|| why.clone());
        Err(ChannelError::Link(why))
    }
}

impl Layer for Guard<'_> {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        if !only_reads(command) {
            let header = hex::encode_upper(command.get(..4).unwrap_or(command));
            let what = format!("{header} is none of the commands with which a card is read");
            return Err(ChannelError::NotCarried(what));
        }
        self.check_budget()?;
        (self.listener)(&self.progress);
        self.progress.commands += 1;
        let begun = Instant::now();
        let answer = next.transmit(command);
        let time = begun.elapsed();
        self.progress.time = self.progress.time.saturating_add(time);
        if let Some(pace) = &mut self.pace {
            pace.note(command, time);
        }
        answer
    }
}

/// Whether a command changes nothing and tries no PIN, whatever the card is.
fn only_reads(command: &[u8]) -> bool {
    let reads = [
        instruction::SELECT,
        instruction::READ_BINARY,
        instruction::READ_RECORD,
        instruction::GET_DATA,
        instruction::GET_DATA_ODD,
        instruction::GET_RESPONSE,
    ];
    match *command {
        // Without data VERIFY asks how many tries are left; where P1 is not 00 it does otherwise.
        [0x00, instruction::VERIFY, 0x00, _] | [0x00, instruction::VERIFY, 0x00, _, 0x00] => true,
        [0x00, ins, ..] => reads.contains(&ins),
        [class, ins, ..] => [class, ins] == LIST_FILES,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_class_and_instruction_bytes_only_those_that_read_go_through() {
        let mut through = Vec::new();
        for class in 0..=0xFF {
            for ins in 0..=0xFF {
                if only_reads(&[class, ins, 0x00, 0x81, 0x01, 0x31]) {
                    through.push([class, ins]);
                }
            }
        }
        let expected = [0xA4, 0xB0, 0xB2, 0xC0, 0xCA, 0xCB].map(|ins| [0x00, ins]);
        assert_eq!(through, [&expected[..], &[LIST_FILES]].concat());
    }

    #[test]
    fn a_verify_goes_through_only_without_data() {
        assert!(only_reads(&[0x00, 0x20, 0x00, 0x81]));
        assert!(only_reads(&[0x00, 0x20, 0x00, 0x81, 0x00]));
        for other in [
            &[0x00, 0x20, 0x00, 0x81, 0x01, 0x31][..],
            &[0x00, 0x20, 0x00, 0x81, 0x08],
            &[0x00, 0x20, 0xFF, 0x81],
            &[0x10, 0x20, 0x00, 0x81],
            &[0x00, 0x20, 0x00],
        ] {
            assert!(!only_reads(other), "{other:02X?}");
        }
    }
}
