//! Layers that spoil what a card answers, so that one sees what programs do about it.
//!
//! A fault is a [`Layer`]: it goes around any channel, a card in a PC/SC reader, in this process or
//! behind a socket, and around a card that a link puts into a reader. It is named by a text such as
//! `sw:ins=B0,sw=6F00,nth=3`, and does nothing that does not follow from that text.
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
//! A further mutation is a file that implements [`Mutation`] and a line in the list below: parser,
//! list for people, layer and test follow from it.

mod parameters;
mod which;

use kortlab_apdu::{Channel, ChannelError, Layer};

pub use parameters::{FaultError, Parameters};
pub use which::Which;

/// One way to spoil answers.
pub trait Mutation: Layer + Sized {
    /// What stands before the colon.
    const NAME: &'static str;
    /// What stands behind it, for people.
    const PARAMETERS: &'static str;
    /// What it does, in a phrase.
    const DOES: &'static str;
    /// A fault of this kind, and what becomes of answers.
    const VECTOR: Vector;

    /// Reads what stands behind the colon.
    ///
    /// # Errors
    /// A parameter is missing or has a value that makes no sense.
    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError>;
}

/// What a fault does, as an example that the tests go through.
#[derive(Clone, Copy, Debug)]
pub struct Vector {
    /// The fault as it is written.
    pub text: &'static str,
    /// A command, what the card answers, and what the program gets; one after the other.
    pub exchanges: &'static [(&'static [u8], &'static [u8], &'static [u8])],
}

/// A mutation as it is listed for people.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What stands before the colon.
    pub name: &'static str,
    /// What stands behind it.
    pub parameters: &'static str,
    /// What it does.
    pub does: &'static str,
    /// An example.
    pub vector: Vector,
}

impl Kind {
    const fn of<M: Mutation>() -> Self {
        Self {
            name: M::NAME,
            parameters: M::PARAMETERS,
            does: M::DOES,
            vector: M::VECTOR,
        }
    }
}

macro_rules! mutations {
    ($($module:ident :: $name:ident),+ $(,)?) => {
        $(mod $module; pub use $module::$name;)+

        /// A fault that was named.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Fault {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name),)+
        }

        /// Every mutation, as they are listed for people.
        pub const KINDS: &[Kind] = &[$(Kind::of::<$name>()),+];

        impl Fault {
            /// Reads a fault as it is written: `NAME:PARAMETER=VALUE,…`.
            ///
            /// # Errors
            /// There is no such fault, or its parameters make no sense.
            pub fn parse(text: &str) -> Result<Self, FaultError> {
                let (name, rest) = text.split_once(':').unwrap_or((text, ""));
                $(if name == $name::NAME {
                    let mut parameters = Parameters::parse(rest)?;
                    let fault = $name::from_parameters(&mut parameters)?;
                    parameters.finish($name::PARAMETERS)?;
                    return Ok(Self::$name(fault));
                })+
                Err(FaultError::Unknown)
            }
        }

        impl Layer for Fault {
            fn transmit(
                &mut self,
                next: &mut dyn Channel,
                command: &[u8],
            ) -> Result<Vec<u8>, ChannelError> {
                match self {
                    $(Self::$name(fault) => fault.transmit(next, command),)+
                }
            }
        }
    };
}

mutations![sw::Sw, delay::Delay];

#[cfg(test)]
mod tests {
    use kortlab_apdu::{Layered, Protocol, ResetKind};

    use super::*;

    /// Answers what it is told to.
    struct Told(Vec<u8>);

    impl Channel for Told {
        fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, ChannelError> {
            Ok(self.0.clone())
        }
        fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
            Ok(())
        }
        fn atr(&self) -> &[u8] {
            &[0x3B, 0x00]
        }
        fn protocol(&self) -> Protocol {
            Protocol::T1
        }
    }

    #[test]
    fn every_mutation_has_a_vector_and_does_what_it_says() {
        for kind in KINDS {
            let fault = Fault::parse(kind.vector.text).expect(kind.name);
            assert!(kind.vector.text.starts_with(kind.name));
            assert!(!kind.vector.exchanges.is_empty(), "{}", kind.name);
            let mut card = Layered::new(Told(Vec::new()), fault);
            for (command, answer, spoilt) in kind.vector.exchanges {
                card.channel_mut().0 = answer.to_vec();
                let got = card.transmit(command).expect("an answer");
                assert_eq!(got, *spoilt, "{}: {command:02X?}", kind.vector.text);
            }
        }
    }

    #[test]
    fn what_is_no_fault_is_refused_with_the_reason() {
        for text in [
            "",
            "tear:after-bytes=1",
            "SW:sw=6F00",
            "mutate:seed=7",
            "sw ",
        ] {
            assert_eq!(Fault::parse(text), Err(FaultError::Unknown), "{text}");
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
            ("sw:sw=6F00,ms=1", "ms="),
            ("sw:sw", "sw"),
            ("sw:,", "PARAMETER=VALUE"),
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
