//! Which commands a fault is for: `ins=` and `nth=`.

use std::num::NonZeroU64;

use crate::parameters::{FaultError, Parameters, byte};

/// The commands that a fault is for: all, those with one instruction, or the nth of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    ins: Option<u8>,
    nth: Option<NonZeroU64>,
    seen: u64,
}

impl Which {
    /// Reads `ins=` and `nth=`, both of which may be missing.
    ///
    /// # Errors
    /// Their values make no sense.
    pub fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            ins: parameters.optional("ins", "an instruction of two hexadecimal digits", byte)?,
            nth: parameters.optional("nth", "a number from 1", |text| text.parse().ok())?,
            seen: 0,
        })
    }

    /// Whether the fault is for this command, which is the next one.
    pub fn is_next(&mut self, command: &[u8]) -> bool {
        if self.ins.is_some() && command.get(1).copied() != self.ins {
            return false;
        }
        self.seen = self.seen.saturating_add(1);
        self.nth.is_none_or(|nth| nth.get() == self.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(text: &str, commands: &[u8]) -> Vec<bool> {
        let mut parameters = Parameters::parse(text).expect("parameters");
        let mut which = Which::from_parameters(&mut parameters).expect("which");
        commands
            .iter()
            .map(|&ins| which.is_next(&[0, ins, 0, 0]))
            .collect()
    }

    #[test]
    fn commands_are_counted_among_those_with_the_instruction() {
        let commands = [0xA4, 0xB0, 0xB0, 0xA4, 0xB0];
        assert_eq!(hits("", &commands), [true; 5]);
        assert_eq!(hits("nth=3", &commands), [false, false, true, false, false]);
        assert_eq!(hits("ins=b0", &commands), [false, true, true, false, true]);
        assert_eq!(
            hits("ins=B0,nth=3", &commands),
            [false, false, false, false, true]
        );
    }

    #[test]
    fn a_command_too_short_for_an_instruction_has_none() {
        let mut parameters = Parameters::parse("ins=00").expect("parameters");
        let mut which = Which::from_parameters(&mut parameters).expect("which");
        assert!(!which.is_next(&[]) && !which.is_next(&[0]));
        assert!(which.is_next(&[0, 0]));
    }
}
