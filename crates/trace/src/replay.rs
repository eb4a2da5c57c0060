//! A recorded session as a card: [`Replay`].

use std::collections::VecDeque;

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind, instruction};

use crate::event::Sent;
use crate::read::{Place, Reading};

/// What a card is taken for of which a trace says no answer to reset: it offers T=0 and T=1.
const USUAL_ATR: &[u8] = &[0x3B, 0x80, 0x80, 0x01, 0x01];

/// The answer to a command that the session does not have, where that does not end it: no precise
/// diagnosis.
const UNKNOWN: [u8; 2] = [0x6F, 0x00];

/// What happens at a command that the session does not have at this place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Manner {
    /// The card is gone, and the error says what differs.
    #[default]
    Strict,
    /// The same command is sought behind this place, then before it; if the session does not have
    /// it at all, the card answers 6F00.
    Lenient,
}

/// A card that answers as one in a trace did. Of a command that the trace does not show whole the
/// beginning and the length are compared, so that any PIN of that length is answered alike. Resets
/// are always carried out, and not compared.
#[derive(Clone, Debug)]
pub struct Replay {
    atr: Vec<u8>,
    protocol: Protocol,
    steps: Vec<Step>,
    /// The next step.
    at: usize,
    manner: Manner,
    /// What has ended the session.
    ended: Option<String>,
}

#[derive(Clone, Debug)]
struct Step {
    place: Place,
    command: Sent,
    answer: Option<Result<Vec<u8>, String>>,
}

impl Replay {
    /// The session with the first card of a trace; `None` if there is no command in it.
    pub fn new(reading: &Reading, manner: Manner) -> Option<Self> {
        let exchanges = reading.exchanges();
        let card = exchanges.first()?.event.card.clone();
        let steps: Vec<Step> = exchanges
            .iter()
            .filter(|exchange| exchange.event.card == card)
            .map(|exchange| Step {
                place: exchange.place,
                command: exchange.command.clone(),
                answer: exchange
                    .answer
                    .map(|answer| answer.map(<[u8]>::to_vec).map_err(str::to_owned)),
            })
            .collect();
        let (atr, protocol) = match reading.card_named(card.as_deref()) {
            Some((atr, protocol)) if !atr.is_empty() => (atr.to_vec(), protocol),
            Some((_, protocol)) => (USUAL_ATR.to_vec(), protocol),
            None => (USUAL_ATR.to_vec(), None),
        };
        let asks_for_more =
            |step: &Step| step.command.shown().get(1) == Some(&instruction::GET_RESPONSE);
        let usual = match steps.iter().any(asks_for_more) {
            true => Protocol::T0,
            false => Protocol::T1,
        };
        Some(Self {
            atr,
            protocol: protocol.unwrap_or(usual),
            steps,
            at: 0,
            manner,
            ended: None,
        })
    }

    /// How many commands of the session were not asked for yet.
    pub fn left(&self) -> usize {
        self.steps.len().saturating_sub(self.at)
    }

    /// The step that answers this command.
    fn find(&self, command: &[u8]) -> Option<usize> {
        let fits = |index: &usize| {
            let step = self.steps.get(*index);
            step.is_some_and(|step| step.command.is(command))
        };
        if fits(&self.at) {
            return Some(self.at);
        }
        if self.manner == Manner::Strict {
            return None;
        }
        let behind = self.at.saturating_add(1)..self.steps.len();
        let before = (0..self.at.min(self.steps.len())).rev();
        behind.chain(before).find(fits)
    }

    fn difference(&self, command: &[u8]) -> String {
        let number = self.at.saturating_add(1);
        let sent = Sent::masked(command);
        match self.steps.get(self.at) {
            None => format!(
                "the replay is at its end: the session has {} commands, and {sent:?} was sent \
                 after them",
                self.steps.len()
            ),
            Some(step) => format!(
                "the replay ends at command {number}: the session has {:?} there ({}), and \
                 {sent:?} was sent",
                step.command.without_secrets(),
                step.place
            ),
        }
    }

    fn end(&mut self, why: String) -> ChannelError {
        self.ended = Some(why.clone());
        ChannelError::Link(why)
    }
}

impl Channel for Replay {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        if let Some(why) = &self.ended {
            return Err(ChannelError::Link(why.clone()));
        }
        let Some(index) = self.find(command) else {
            if self.manner == Manner::Lenient {
                return Ok(UNKNOWN.to_vec());
            }
            let why = self.difference(command);
            return Err(self.end(why));
        };
        self.at = index.saturating_add(1);
        match self.steps.get(index).map(|step| (step.place, &step.answer)) {
            Some((_, Some(Ok(answer)))) => Ok(answer.clone()),
            Some((_, Some(Err(why)))) => Err(ChannelError::Link(why.clone())),
            Some((place, None)) => {
                let why = format!("the trace has no answer to this command ({place})");
                Err(self.end(why))
            }
            None => Err(ChannelError::NoCard),
        }
    }

    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        Ok(())
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn max_command_data(&self) -> usize {
        // What the program sent to the real card shows in the trace; whole commands are compared.
        255
    }
}

/// Several commands that are the same in two sessions, or what differs between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Both sessions have the command, the first number in one and the second in the other, and
    /// the answers are the same.
    Same(usize, usize),
    /// The same command, and another answer.
    Answer(usize, usize),
    /// A command that only the first session has.
    OnlyFirst(usize),
    /// A command that only the second session has.
    OnlySecond(usize),
}

/// How far ahead the sessions are compared where they differ.
const AHEAD: usize = 256;

/// What differs between two sessions, command by command, in order.
pub fn differences(first: &Reading, second: &Reading) -> Vec<Difference> {
    let (one, two) = (first.exchanges(), second.exchanges());
    let same = |a: usize, b: usize| match (one.get(a), two.get(b)) {
        (Some(a), Some(b)) => {
            let (a, b) = (a.command, b.command);
            a.length() == b.length() && {
                let shown = a.shown().len().min(b.shown().len());
                a.shown().get(..shown) == b.shown().get(..shown)
            }
        }
        _ => false,
    };
    let mut found = VecDeque::new();
    let (mut a, mut b) = (0, 0);
    while a < one.len() || b < two.len() {
        if same(a, b) {
            let answers = (one.get(a).map(|x| x.answer), two.get(b).map(|x| x.answer));
            found.push_back(match answers.0 == answers.1 {
                true => Difference::Same(a, b),
                false => Difference::Answer(a, b),
            });
            (a, b) = (a.saturating_add(1), b.saturating_add(1));
            continue;
        }
        // The nearest place where both go on alike.
        let meeting = (1..AHEAD).find_map(|distance| {
            (0..=distance)
                .map(|skip| (a.saturating_add(skip), b.saturating_add(distance - skip)))
                .find(|(a, b)| same(*a, *b))
        });
        let (to_a, to_b) = meeting.unwrap_or((one.len(), two.len()));
        found.extend((a..to_a).map(Difference::OnlyFirst));
        found.extend((b..to_b).map(Difference::OnlySecond));
        (a, b) = (to_a, to_b);
    }
    found.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    const SESSION: &str = "\
# ATR: 3B00
# PROTOCOL: T=0
00A40000022F00
# Received in 0.021 ms: 6104
00C0000004
# Received in 0.021 ms: 6F0283009000
# Not shown: 0020008108 and 8 bytes
# Received in 0.044 ms: 63C2
00B0000004
# Received in 0.1 ms: 010203049000
00B0000004
";

    fn replay(manner: Manner) -> Replay {
        Replay::new(&read(SESSION.as_bytes()), manner).expect("a session")
    }

    const SELECT: &[u8] = &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x2F, 0x00];
    const READ: &[u8] = &[0x00, 0xB0, 0x00, 0x00, 0x04];
    const RESPONSE: &[u8] = &[0x00, 0xC0, 0x00, 0x00, 0x04];

    #[test]
    fn a_strict_replay_answers_in_order_and_ends_at_the_first_difference_without_a_pin() {
        let mut card = replay(Manner::Strict);
        assert_eq!(
            (card.atr(), card.protocol()),
            (&[0x3B, 0x00][..], Protocol::T0)
        );
        assert_eq!(card.transmit(SELECT), Ok(vec![0x61, 0x04]));
        assert!(card.transmit(RESPONSE).is_ok());
        let wrong = card
            .transmit(b"\x00\x20\x00\x82\x08654321\xFF\xFF")
            .expect_err("another PIN");
        let text = wrong.to_string();
        assert!(text.contains("command 3"), "{text}");
        assert!(
            text.contains("0020008108 and 8 bytes there (line 7, column 1)"),
            "{text}"
        );
        assert!(text.contains("0020008208 and 8 bytes was sent"), "{text}");
        assert!(!text.contains("3635"), "{text}");
        assert_eq!(card.transmit(READ), Err(wrong));
    }

    #[test]
    fn a_lenient_replay_finds_the_command_elsewhere_and_refuses_what_it_does_not_know() {
        let mut card = replay(Manner::Lenient);
        assert_eq!(card.transmit(READ), Ok(vec![1, 2, 3, 4, 0x90, 0x00]));
        assert_eq!(card.transmit(SELECT), Ok(vec![0x61, 0x04]));
        assert_eq!(
            card.transmit(b"\x00\x20\x00\x81\x08654321\xFF\xFF"),
            Ok(vec![0x63, 0xC2])
        );
        assert_eq!(
            card.transmit(&[0x00, 0x84, 0x00, 0x00, 0x08]),
            Ok(vec![0x6F, 0x00])
        );
        assert_eq!(card.transmit(READ), Ok(vec![1, 2, 3, 4, 0x90, 0x00]));
        // The trace ends before the second answer.
        assert!(card.transmit(READ).is_err());
    }

    #[test]
    fn sessions_are_compared_command_by_command_and_meet_again() {
        let second = SESSION
            .replace("00C0000004\n# Received in 0.021 ms: 6F0283009000\n", "")
            .replace("63C2", "63C1");
        let found = differences(&read(SESSION.as_bytes()), &read(second.as_bytes()));
        assert_eq!(
            found,
            [
                Difference::Same(0, 0),
                Difference::OnlyFirst(1),
                Difference::Answer(2, 1),
                Difference::Same(3, 2),
                Difference::Same(4, 3),
            ]
        );
        let nothing = read(b"");
        assert_eq!(differences(&nothing, &nothing), []);
    }
}
