//! Playing a session: [`Walk`].

use std::collections::VecDeque;

use kortlab_apdu::channel::Occasion;
use kortlab_emulator::image::Fingerprint;
use kortlab_emulator::memory::PowerCut;
use kortlab_emulator::{CardRng, Image, ImageError, VirtualCard};
use kortlab_trace::{Place, Sent};
use zeroize::Zeroizing;

use super::difference::{Difference, Kind};
use super::{Done, History, Step, hidden};

/// Reader-commands: their class is answered by readers, and not by cards (PC/SC part 3 §3.2.2.1).
const READER: u8 = 0xFF;

/// GET CHALLENGE, whose answer is random bytes.
const GET_CHALLENGE: u8 = 0x84;

/// What is known of a session beside its trace.
#[derive(Clone, Debug, Default)]
pub struct Playing {
    /// When the card was torn out, counted from the session's start.
    pub cut: Option<PowerCut>,
    /// The PINs that commands of the session have set, in order, where the trace does not show them.
    pub new_pins: VecDeque<Zeroizing<Vec<u8>>>,
}

/// A card in the middle of its session. A clone is at the same place.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    history: &'a History<'a>,
    card: VirtualCard,
    /// Whether the card is out of the reader, because its power was cut.
    out: bool,
    /// The next step.
    next: usize,
    new_pins: VecDeque<Zeroizing<Vec<u8>>>,
    /// Whether the card was looked at.
    begun: bool,
    /// Whether it was sent a command.
    is_in_use: bool,
}

/// A command that was played.
#[derive(Clone, Debug)]
pub struct Played {
    /// Its number in the trace.
    pub number: usize,
    /// Whether it has changed what the card holds.
    pub changed: bool,
    /// Where the card, or what is known of it, departs from what was recorded.
    pub differences: Vec<Difference>,
}

impl<'a> Walk<'a> {
    /// A card of this image at the start of its session.
    ///
    /// # Errors
    /// The image is none.
    pub fn begin(
        history: &'a History<'a>,
        image: Image,
        playing: Playing,
    ) -> Result<Self, ImageError> {
        // Without a generator of the image's own, what is made of random numbers is told.
        let mut card = VirtualCard::new(image, CardRng::from_seed(0))?;
        if let Some(cut) = playing.cut {
            card.schedule_power_cut(cut);
        }
        card.power_on();
        Ok(Self {
            history,
            card,
            out: false,
            next: 0,
            new_pins: playing.new_pins,
            begun: false,
            is_in_use: false,
        })
    }

    /// Plays what was done to the card up to its next command, and that. `None`: the session is over.
    pub fn step(&mut self) -> Option<Played> {
        let mut differences = self.look();
        let history = self.history;
        while let Some(step) = history.steps.get(self.next) {
            self.next = self.next.saturating_add(1);
            match &step.what {
                Done::Card { .. } => {}
                Done::Image(fingerprint) => {
                    if let Some(kind) = self.inserted_again(*fingerprint) {
                        let number = self.next_number();
                        let place = step.place;
                        differences.push(Difference {
                            number,
                            place,
                            kind,
                        });
                    }
                }
                Done::Occasion(occasion) => self.occasion(*occasion),
                Done::Command {
                    number,
                    sent,
                    answer,
                } => {
                    self.is_in_use = true;
                    let (changed, kind) = self.command(sent, *answer);
                    differences.extend(kind.map(|kind| Difference {
                        number: *number,
                        place: step.place,
                        kind,
                    }));
                    return Some(Played {
                        number: *number,
                        changed,
                        differences,
                    });
                }
            }
        }
        None
    }

    /// Plays on until this command is done, and gives what has differed. With `go_on` a difference
    /// does not end it.
    pub fn to(&mut self, number: usize, go_on: bool) -> Vec<Difference> {
        let mut differences = self.look();
        while (differences.is_empty() || go_on) && self.next_number() <= number {
            match self.step() {
                Some(played) => differences.extend(played.differences),
                None => break,
            }
        }
        differences
    }

    /// The card.
    pub const fn card(&self) -> &VirtualCard {
        &self.card
    }

    /// The card, what it has selected and verified included.
    pub fn into_card(self) -> VirtualCard {
        self.card
    }

    /// The number of the next command, beyond all others if there is none.
    fn next_number(&self) -> usize {
        let rest = self.history.steps.get(self.next..).unwrap_or_default();
        let next = rest.iter().find_map(|step| match step.what {
            Done::Command { number, .. } => Some(number),
            _ => None,
        });
        next.unwrap_or(usize::MAX)
    }

    /// Whether this is the card that the trace is about, as far as it says; asked once.
    fn look(&mut self) -> Vec<Difference> {
        let mut differences = Vec::new();
        if core::mem::replace(&mut self.begun, true) {
            return differences;
        }
        let first = |step: &&Step<'_>| !matches!(step.what, Done::Command { .. });
        let mut told = Vec::new();
        let mut place = Place::Line { line: 1, column: 1 };
        for step in self.history.steps.iter().take_while(first) {
            match &step.what {
                Done::Image(fingerprint) => {
                    told.push(*fingerprint);
                    place = step.place;
                }
                Done::Card { atr } if !atr.is_empty() && *atr != self.card.atr() => {
                    differences.push(Difference {
                        number: 0,
                        place: step.place,
                        kind: Kind::Atr {
                            recorded: atr.to_vec(),
                            now: self.card.atr().to_vec(),
                        },
                    });
                }
                _ => {}
            }
        }
        told.extend_from_slice(&self.history.images);
        let now = self.card.image().fingerprint();
        if !told.is_empty() && !told.contains(&now) {
            let recorded = told;
            differences.push(Difference {
                number: 0,
                place,
                kind: Kind::Image { recorded, now },
            });
        }
        differences.truncate(2);
        differences
    }

    /// The trace says that a card of this image was put into the reader; before the first command that
    /// is the one that is there.
    fn inserted_again(&mut self, fingerprint: Fingerprint) -> Option<Kind> {
        if !self.is_in_use {
            return None;
        }
        self.card.power_off();
        self.card.power_on();
        self.out = self.card.power_lost();
        let now = self.card.image().fingerprint();
        (now != fingerprint).then(|| Kind::Image {
            recorded: vec![fingerprint],
            now,
        })
    }

    fn occasion(&mut self, occasion: Occasion) {
        match occasion {
            // A card that is out hears of neither.
            Occasion::Reset(_) if self.out => {}
            Occasion::Reset(_) => self.card.reset(),
            Occasion::PowerOff => self.card.power_off(),
            Occasion::PowerOn => {
                if self.out {
                    self.card.power_off();
                }
                self.card.power_on();
                self.out = self.card.power_lost();
            }
        }
    }

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        if self.out {
            return None;
        }
        let answer = self.card.try_transmit(command);
        self.out = answer.is_err();
        answer.ok()
    }

    /// Sends a command as it was sent. Whether it has changed the card, and what was different.
    fn command(
        &mut self,
        sent: &Sent,
        recorded: Option<Result<&[u8], &str>>,
    ) -> (bool, Option<Kind>) {
        let instruction = sent.shown().get(1).copied().unwrap_or_default();
        let drawn = self.card.words_drawn();
        let now = match sent.bytes() {
            Some(bytes) => self.transmit(bytes),
            None => match self.not_shown(sent, recorded) {
                Some(now) => now,
                None => return (false, Some(Kind::NotShown { instruction })),
            },
        };
        let changed = self.card.take_changed();
        let draws = drawn != self.card.words_drawn() && !self.card.keeps_generator();
        if draws && changed && recorded.is_some_and(is_done) {
            return (changed, Some(Kind::Random { instruction }));
        }
        let kind = match (recorded, now) {
            (Some(Ok(recorded)), Some(now)) if recorded == now => None,
            // The reader has answered.
            (Some(Ok(_)), Some(_)) if sent.shown().first() == Some(&READER) => None,
            (Some(Ok(recorded)), Some(now))
                if draws && instruction == GET_CHALLENGE && recorded.len() == now.len() =>
            {
                None
            }
            (Some(Ok(recorded)), now) => Some(Kind::Answer {
                recorded: recorded.to_vec(),
                now,
            }),
            (Some(Err(_)) | None, None) => None,
            // The card was pulled out, or the trace is cut here.
            (Some(Err(_)), Some(_)) => {
                self.out = true;
                changed.then_some(Kind::Unanswered)
            }
            (None, Some(_)) => changed.then_some(Kind::Unanswered),
        };
        (changed, kind)
    }

    /// Sends a command that is not shown whole, as what it must have been. `None`: nobody knows.
    fn not_shown(
        &mut self,
        sent: &Sent,
        recorded: Option<Result<&[u8], &str>>,
    ) -> Option<Option<Vec<u8>>> {
        if self.out {
            return Some(None);
        }
        let recorded = recorded.and_then(Result::ok);
        let new = self.new_pins.front().cloned();
        let new = new.as_ref().map(|pin| pin.as_slice());
        let guess = hidden::guess(sent, recorded, self.card.state(), new);
        for command in &guess.commands {
            let mut copy = self.card.clone();
            let answer = copy.try_transmit(command);
            if answer.as_deref().ok() == recorded {
                self.card = copy;
                self.out = answer.is_err();
                if guess.takes_new_pin {
                    self.new_pins.pop_front();
                }
                return Some(answer.ok());
            }
        }
        // Of what was refused nothing is kept, but tries: the answer tells that it differs.
        let command = guess.commands.first()?;
        Some(self.transmit(command))
    }
}

/// Whether an answer says that what was asked for is done.
fn is_done(answer: Result<&[u8], &str>) -> bool {
    matches!(answer, Ok([.., 0x90 | 0x61, _]))
}
