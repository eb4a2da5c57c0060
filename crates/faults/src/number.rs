//! Another number: `to=` or `by=`.

use crate::parameters::{FaultError, Parameters, lie};

/// Another number, or so much more or less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This number.
    To(i64),
    /// So much more or less.
    By(i64),
}

impl Change {
    /// Reads `to=`, from 0 to `most`, or `by=`.
    ///
    /// # Errors
    /// Neither or both are there, or the value makes no sense.
    pub fn from_parameters(parameters: &mut Parameters<'_>, most: i64) -> Result<Self, FaultError> {
        let to = parameters.optional("to", "a number that fits", |text| {
            text.parse()
                .ok()
                .filter(|number| (0..=most).contains(number))
        })?;
        let by = parameters.optional("by", "a number with its sign", lie)?;
        match (to, by) {
            (Some(to), None) => Ok(Self::To(to)),
            (None, Some(by)) => Ok(Self::By(by)),
            (Some(_), Some(_)) => Err(FaultError::Together("to=", "by=")),
            (None, None) => Err(FaultError::Missing {
                name: "to",
                expected: "a number, or by= with a number and its sign",
            }),
        }
    }

    /// The other number, not below 0.
    pub fn of(&self, number: i64) -> i64 {
        match self {
            Self::To(to) => *to,
            Self::By(by) => number.saturating_add(*by).max(0),
        }
    }
}
