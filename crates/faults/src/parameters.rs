//! `PARAMETER=VALUE,…`: what stands behind the colon of a fault.

use kortlab_apdu::StatusWord;

/// Why a fault cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// There is no fault of this name.
    #[error("no such fault")]
    Unknown,
    /// A part between commas is no parameter.
    #[error("{0:?} is not PARAMETER=VALUE")]
    Form(String),
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
        Ok(Self { left })
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

    pub(crate) fn finish(self, known: &'static str) -> Result<(), FaultError> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => Err(FaultError::NoSuchParameter {
                name: (*name).to_owned(),
                known,
            }),
        }
    }
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
