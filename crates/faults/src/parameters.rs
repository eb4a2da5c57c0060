//! `PARAMETER=VALUE,…`: what stands behind the colon of a fault.

use kortlab_apdu::StatusWord;

use crate::Dice;

/// Why a fault cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// There is no fault of this name.
    #[error("no such fault")]
    Unknown,
    /// There is no fault of this name in a strategy.
    #[error("{0:?} is no fault")]
    UnknownIn(String),
    /// A strategy inside a strategy.
    #[error("a strategy cannot stand inside another")]
    Nested,
    /// More faults than a strategy takes.
    #[error("more than {0} faults in a strategy")]
    TooMany(usize),
    /// A part between commas is no parameter.
    #[error("{0:?} is not PARAMETER=VALUE")]
    Form(String),
    /// Two parameters say what cannot both be.
    #[error("{0} is not for use with {1}")]
    Together(&'static str, &'static str),
    /// No command has a number that all of them let through.
    #[error("it would never strike: no command has such a number (nth=, from=, until=, every=)")]
    Never,
    /// It is for other instructions than `ins=` names.
    #[error(
        "it would never strike: it is about {about}, not about the instruction that ins= names"
    )]
    OtherInstruction {
        /// What it is about.
        about: &'static str,
    },
    /// A parameter is there twice.
    #[error("{0} is there twice")]
    Twice(String),
    /// A parameter that is needed is not there.
    #[error("{name}= is missing: {expected}")]
    Missing {
        /// Which.
        name: &'static str,
        /// What its value would be.
        expected: &'static str,
    },
    /// A value makes no sense.
    #[error("{name}={value}: {expected} is expected")]
    Value {
        /// Of which parameter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What would make sense.
        expected: &'static str,
    },
    /// A parameter that this fault does not have.
    #[error("{name}= is no parameter of this fault; it has {known}")]
    NoSuchParameter {
        /// Which.
        name: String,
        /// What there is.
        known: &'static str,
    },
}

/// The parameters of a fault that were not read yet.
#[derive(Debug)]
pub struct Parameters<'a> {
    left: Vec<(&'a str, &'a str)>,
    /// Read once, for all that chance decides.
    seed: Option<u64>,
    /// How many dice there are: each throws for itself.
    dice: u64,
}

impl<'a> Parameters<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, FaultError> {
        let mut left: Vec<(&str, &str)> = Vec::new();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let (name, value) = part
                .split_once('=')
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| FaultError::Form(part.to_owned()))?;
            if left.iter().any(|(other, _)| *other == name) {
                return Err(FaultError::Twice(name.to_owned()));
            }
            left.push((name, value));
        }
        let mut parameters = Self {
            left,
            seed: None,
            dice: 0,
        };
        parameters.seed = parameters.optional("seed", "a number", |text| text.parse().ok())?;
        Ok(parameters)
    }

    /// Dice that throw by `seed=`, if it is there. Each call gives others.
    pub fn dice(&mut self) -> Option<Dice> {
        self.seed.map(|_| self.any_dice())
    }

    /// Dice that throw by `seed=`, or by seed 0.
    pub fn any_dice(&mut self) -> Dice {
        let seed = self.seed.unwrap_or(0).wrapping_add(self.dice << 32);
        self.dice += 1;
        Dice::new(seed)
    }

    /// A parameter's value, read by `read`, if the parameter is there.
    ///
    /// # Errors
    /// `read` does not take it; `expected` says what it would.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, FaultError> {
        let Some(index) = self.left.iter().position(|(other, _)| *other == name) else {
            return Ok(None);
        };
        let (_, value) = self.left.remove(index);
        read(value).map(Some).ok_or_else(|| FaultError::Value {
            name,
            value: value.to_owned(),
            expected,
        })
    }

    /// A parameter's value, which must be there.
    ///
    /// # Errors
    /// It is not, or `read` does not take it.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, FaultError> {
        self.optional(name, expected, read)?
            .ok_or(FaultError::Missing { name, expected })
    }

    /// Whether a parameter is there, which can only have this value.
    ///
    /// # Errors
    /// It has another.
    pub fn switch(&mut self, name: &'static str, word: &'static str) -> Result<bool, FaultError> {
        let there = self.optional(name, word, |text| (text == word).then_some(()))?;
        Ok(there.is_some())
    }

    /// `chance=`, a percentage, if it is there.
    ///
    /// # Errors
    /// It is no number from 1 to 100.
    pub fn chance(&mut self) -> Result<Option<usize>, FaultError> {
        self.optional("chance", "a percentage from 1 to 100", |text| {
            text.parse()
                .ok()
                .filter(|percent| (1..=100).contains(percent))
        })
    }

    pub(crate) fn finish(self, known: &'static str) -> Result<(), FaultError> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => Err(FaultError::NoSuchParameter {
                name: (*name).to_owned(),
                known: if known.is_empty() { "none" } else { known },
            }),
        }
    }
}

/// Bytes as hexadecimal digits, at least one.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).ok().filter(|bytes| !bytes.is_empty())
}

/// A number of bytes that are there, with or without a sign, that is not 0: at most 65 536.
pub(crate) fn change(text: &str) -> Option<i64> {
    lie(text).filter(|number| number.unsigned_abs() <= 0x1_0000)
}

/// A number that only stands there, with or without a sign, that is not 0: no more than four bytes
/// say.
pub(crate) fn lie(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number != 0 && number.unsigned_abs() <= u64::from(u32::MAX)).then_some(number)
}

/// A number of bytes, at most 65 536.
pub(crate) fn size(text: &str) -> Option<usize> {
    text.parse().ok().filter(|size| *size <= 0x1_0000)
}

/// Two hexadecimal digits.
pub(crate) fn byte(text: &str) -> Option<u8> {
    let mut byte = [0];
    hex::decode_to_slice(text, &mut byte).ok()?;
    Some(byte[0])
}

/// Four hexadecimal digits.
pub(crate) fn status(text: &str) -> Option<StatusWord> {
    let mut bytes = [0; 2];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(StatusWord::from(u16::from_be_bytes(bytes)))
}
