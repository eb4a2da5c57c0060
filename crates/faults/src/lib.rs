//! Layers that spoil what a card answers, so that one sees what programs do about it.
//!
//! A fault is a [`Layer`]: it goes around any channel, a card in a PC/SC reader, in this process or
//! behind a socket, and around a card that a link puts into a reader. It is named by a text such as
//! `sw:ins=B0,sw=6F00,nth=3`, and does nothing that does not follow from that text: what chance
//! decides, a seed decides.
//!
//! ```
//! use kortlab_apdu::channel::Layered;
//! use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
//! use kortlab_faults::Fault;
//!
//! struct Card;
//! impl Channel for Card {
//!     fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, ChannelError> { Ok(vec![0x90, 0x00]) }
//!     fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> { Ok(()) }
//!     fn atr(&self) -> &[u8] { &[0x3B, 0x00] }
//!     fn protocol(&self) -> Protocol { Protocol::T1 }
//! }
//!
//! let fault = Fault::parse("sw:ins=B0,sw=6F00,nth=2")?;
//! let mut card = Layered::new(Card, fault);
//! let read = [0x00, 0xB0, 0x00, 0x00, 0x10];
//! assert_eq!(card.transmit(&read), Ok(vec![0x90, 0x00]));
//! assert_eq!(card.transmit(&read), Ok(vec![0x6F, 0x00]));
//! assert_eq!(card.transmit(&read), Ok(vec![0x90, 0x00]));
//! # Ok::<(), kortlab_faults::FaultError>(())
//! ```
//!
//! A mutation says *what* is spoilt; [`When`] says at which commands, in which state, how often. Several
//! faults are several layers; [`Strategy`] has one of several at a time.
//!
//! A further mutation is a file in `mutations/` that implements [`Mutation`], and a line in the list
//! there: parser, lists for people, layer and test follow from it.

mod dice;
mod fci;
mod mutations;
mod number;
mod objects;
mod parameters;
mod pick;
mod pieces;
mod reading;
mod seen;
mod strategy;
mod strike;
#[cfg(test)]
mod testing;
mod tree;
mod triggered;
mod when;

use std::fmt;

use kortlab_apdu::channel::Occasion;
use kortlab_apdu::{Channel, ChannelError, Layer};

pub use dice::Dice;
pub use mutations::KINDS;
pub use parameters::{FaultError, Parameters};
pub use pick::Pick;
pub use pieces::Answer;
pub use seen::Seen;
pub use strategy::{STRATEGIES, Strategy};
pub use strike::Strike;
pub use when::When;

/// One way to spoil what a card answers.
pub trait Mutation: Clone + fmt::Debug + Send + Sync + Sized + 'static {
    /// What stands before the colon.
    const NAME: &'static str;
    /// What stands behind it besides [`When::PARAMETERS`], for people.
    const PARAMETERS: &'static str;
    /// What it does, in a phrase.
    const DOES: &'static str;
    /// A fault of this kind, and what becomes of answers.
    const VECTOR: Vector;
    /// Whether it is about commands, and so has moments.
    const OF_COMMANDS: bool = true;
    /// The instructions that it is about, and what they are called; nothing if it is about any.
    const ABOUT: Option<(&'static [u8], &'static str)> = None;
    /// Whether chance may choose it among all ([`Fault::any`]): it spoils what the card says.
    const BY_CHANCE: bool = true;

    /// Reads what stands behind the colon.
    ///
    /// # Errors
    /// A parameter is missing or has a value that makes no sense.
    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError>;

    /// Answers a command at which the fault strikes.
    ///
    /// # Errors
    /// Those of the channel below, or of the mutation's own making.
    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.send()
    }

    /// Answers a command in consequence of an earlier strike, whatever the moment.
    fn follow(&mut self, command: &[u8]) -> Option<Result<Vec<u8>, ChannelError>> {
        let _ = command;
        None
    }

    /// Hears what the program got, of each command.
    fn answered(&mut self, command: &[u8], answer: &[u8]) {
        let _ = (command, answer);
    }

    /// Hears that the card was reset or its power switched.
    fn notice(&mut self, occasion: Occasion) {
        let _ = occasion;
    }

    /// What the program sees in the place of this ATR, if it is not the same.
    fn atr(&mut self, atr: &[u8]) -> Option<Vec<u8>> {
        let _ = atr;
        None
    }
}

/// What a fault does, as an example that the tests go through.
#[derive(Clone, Copy, Debug)]
pub struct Vector {
    /// The fault as it is written.
    pub text: &'static str,
    /// A command, what the card answers, and what the program gets; one after the other. Where the
    /// program gets nothing at all, the transfer fails.
    pub exchanges: &'static [(&'static [u8], &'static [u8], &'static [u8])],
    /// The card's ATR, and what the program sees of it.
    pub atr: Option<(&'static [u8], &'static [u8])>,
}

impl Vector {
    /// An example with commands.
    pub const fn answers(
        text: &'static str,
        exchanges: &'static [(&'static [u8], &'static [u8], &'static [u8])],
    ) -> Self {
        Self {
            text,
            exchanges,
            atr: None,
        }
    }

    /// An example with an ATR, and what is seen of it.
    pub const fn atr(text: &'static str, card: &'static [u8], seen: &'static [u8]) -> Self {
        Self {
            text,
            exchanges: &[],
            atr: Some((card, seen)),
        }
    }
}

/// A mutation as it is listed for people.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What stands before the colon.
    pub name: &'static str,
    /// What stands behind it, besides [`When::PARAMETERS`] if it is about commands.
    pub parameters: &'static str,
    /// What it does.
    pub does: &'static str,
    /// Whether it is about commands, and takes [`When::PARAMETERS`].
    pub of_commands: bool,
    /// Whether chance may choose it among all.
    pub by_chance: bool,
    /// An example.
    pub vector: Vector,
    read: fn(&mut Parameters<'_>) -> Result<Box<dyn Spoiler>, FaultError>,
}

impl Kind {
    const fn of<M: Mutation>() -> Self {
        Self {
            name: M::NAME,
            parameters: M::PARAMETERS,
            does: M::DOES,
            of_commands: M::OF_COMMANDS,
            by_chance: M::BY_CHANCE,
            vector: M::VECTOR,
            read: |parameters| {
                Ok(Box::new(triggered::Triggered::<M>::from_parameters(
                    parameters,
                )?))
            },
        }
    }
}

/// A layer that can be copied in the state in which it is.
trait Spoiler: Layer + fmt::Debug + Send + Sync {
    fn copy(&self) -> Box<dyn Spoiler>;
}

impl<L: Layer + Clone + fmt::Debug + Send + Sync + 'static> Spoiler for L {
    fn copy(&self) -> Box<dyn Spoiler> {
        Box::new(self.clone())
    }
}

/// A fault that was named.
#[derive(Debug)]
pub struct Fault {
    text: String,
    spoiler: Box<dyn Spoiler>,
}

/// The most faults around one card: each is a layer around the others.
pub const MAX_FAULTS: usize = 64;

impl Fault {
    /// Reads a fault as it is written: `NAME:PARAMETER=VALUE,…`, or a [`Strategy`] of several.
    ///
    /// # Errors
    /// There is no such fault, or its parameters make no sense.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let spoiler = if let Some(strategy) = Strategy::parse(name, rest)? {
            Box::new(strategy)
        } else {
            let kind = KINDS.iter().find(|kind| kind.name == name);
            let kind = kind.ok_or(FaultError::Unknown)?;
            let mut parameters = Parameters::parse(rest)?;
            let spoiler = (kind.read)(&mut parameters)?;
            parameters.finish(kind.parameters)?;
            spoiler
        };
        Ok(Self {
            text: text.to_owned(),
            spoiler,
        })
    }

    /// Any mutation of answers as it could be written, at all commands, by these dice. Not each makes
    /// sense; [`Fault::parse`] tells.
    pub fn any(dice: &mut Dice) -> String {
        strategy::any_text(dice)
    }

    /// The fault as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Clone for Fault {
    fn clone(&self) -> Self {
        Self {
            text: self.text.clone(),
            spoiler: self.spoiler.copy(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Layer for Fault {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        self.spoiler.transmit(next, command)
    }

    fn around(&mut self, card: &dyn Channel) {
        self.spoiler.around(card);
    }

    fn notice(&mut self, card: &dyn Channel, occasion: Occasion) {
        self.spoiler.notice(card, occasion);
    }

    fn atr(&self) -> Option<&[u8]> {
        self.spoiler.atr()
    }
}

#[cfg(test)]
mod tests {
    use kortlab_apdu::{Layered, ResetKind};

    use super::*;
    use crate::testing::Told;

    #[test]
    fn every_mutation_has_a_vector_and_does_what_it_says() {
        for kind in KINDS {
            let vector = kind.vector;
            let fault = Fault::parse(vector.text)
                .unwrap_or_else(|error| panic!("{}: {error}", vector.text));
            assert!(vector.text.starts_with(kind.name));
            assert!(
                !vector.exchanges.is_empty() || vector.atr.is_some(),
                "{}",
                kind.name
            );
            assert!(
                vector
                    .exchanges
                    .iter()
                    .any(|(_, answer, spoilt)| answer != spoilt)
                    || vector.atr.is_some_and(|(card, seen)| card != seen)
                    || kind.name == "delay",
                "{}: nothing is spoilt",
                kind.name
            );
            let atr = vector.atr.map_or(&[0x3B, 0x00][..], |(card, _)| card);
            let mut card = Layered::new(Told::with_atr(&[], atr), fault);
            if let Some((_, seen)) = vector.atr {
                assert_eq!(card.atr(), seen, "{}", vector.text);
                card.reset(ResetKind::Warm).expect("a reset");
                assert_eq!(card.atr(), seen, "{}", vector.text);
            }
            for (index, (command, answer, spoilt)) in vector.exchanges.iter().enumerate() {
                card.channel_mut().answer = answer.to_vec();
                let got = card.transmit(command).unwrap_or_default();
                assert_eq!(
                    hex::encode(got),
                    hex::encode(spoilt),
                    "{}: {index}",
                    vector.text
                );
            }
        }
    }

    #[test]
    fn names_are_told_apart_and_what_is_said_of_each_fits_a_line() {
        let mut names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        names.extend(STRATEGIES.iter().map(|strategy| strategy.name));
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        for kind in KINDS {
            assert!(kind.does.len() <= 76, "{}: {}", kind.name, kind.does);
            assert!(kind.vector.text.len() <= 76, "{}", kind.vector.text);
        }
    }

    #[test]
    fn a_copy_of_a_fault_goes_on_where_the_fault_was() {
        let mut fault = Fault::parse("sw:sw=6F00,nth=2").expect("a fault");
        let mut card = Told::new(&[0x90, 0x00]);
        assert_eq!(fault.transmit(&mut card, &[0; 4]), Ok(vec![0x90, 0x00]));
        let mut copy = fault.clone();
        assert_eq!(copy.transmit(&mut card, &[0; 4]), Ok(vec![0x6F, 0x00]));
        assert_eq!(fault.transmit(&mut card, &[0; 4]), Ok(vec![0x6F, 0x00]));
        assert_eq!(fault.to_string(), "sw:sw=6F00,nth=2");
    }

    #[test]
    fn what_is_no_fault_is_refused_with_the_reason() {
        for text in ["", "tear:after-bytes=1", "SW:sw=6F00", "sw "] {
            assert_eq!(
                Fault::parse(text).err(),
                Some(FaultError::Unknown),
                "{text}"
            );
        }
        for (text, reason) in [
            ("sw", "sw= is missing"),
            ("sw:", "sw= is missing"),
            ("sw:ins=B0", "sw= is missing"),
            ("sw:sw=6F0", "sw=6F0"),
            ("sw:sw=6F00,ins=B", "ins=B"),
            ("sw:sw=6F00,nth=0", "nth=0"),
            ("sw:sw=6F00,nth=-1", "nth=-1"),
            ("sw:sw=6F00,nth=1,nth=2", "nth"),
            ("sw:sw=6F00,nth=1,from=2", "nth= is not for use"),
            ("sw:sw=6F00,times=0", "times=0"),
            ("sw:sw=6F00,chance=101", "chance=101"),
            ("sw:sw=6F00,seed=x", "seed=x"),
            ("sw:sw=6F00,file=44", "file=44"),
            ("sw:sw=6F00,ms=1", "ms="),
            ("sw:sw", "sw"),
            ("sw:,", "PARAMETER=VALUE"),
            ("sw:sw=6F00,nth=3,every=2", "never strike"),
            ("verified:ins=B0", "never strike"),
            ("file-size:to=0,ins=B0", "about SELECT"),
            ("randomly:empty|df-name:ins=20", "never strike"),
            ("atr-long:nth=1", "nth="),
            ("delay:ins=B0", "ms= is missing"),
            ("delay:ms=x", "ms=x"),
            ("delay:ms=600001", "ms=600001"),
        ] {
            let error = Fault::parse(text).expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
