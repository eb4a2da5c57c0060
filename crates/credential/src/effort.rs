//! How much work a file may ask for.

use crate::CredentialError;

/// The rounds of key derivation that are left. A file names its own numbers of rounds, as high as
/// it likes; usual are 2,048 to 1,000,000.
#[derive(Debug)]
pub struct Effort(u32);

impl Effort {
    /// The rounds that one file may ask for in all.
    pub const MOST: u32 = 20_000_000;

    /// So many rounds in all, if they are fewer than [`MOST`](Self::MOST).
    pub fn at_most(rounds: u32) -> Self {
        Self(rounds.min(Self::MOST))
    }

    /// Takes this many rounds.
    ///
    /// # Errors
    /// There are not so many left, or it is no number of rounds.
    pub(crate) fn spend(&mut self, rounds: impl TryInto<u32>) -> Result<u32, CredentialError> {
        let rounds = rounds.try_into().ok().filter(|&rounds| rounds > 0);
        let rounds = rounds.ok_or(CredentialError::Malformed {
            what: "the number of rounds",
            why: "it is not a positive number".to_owned(),
        })?;
        match self.0.checked_sub(rounds) {
            Some(left) => self.0 = left,
            None => return Err(CredentialError::Rounds),
        }
        Ok(rounds)
    }
}

impl Default for Effort {
    fn default() -> Self {
        Self(Self::MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_bounded_in_all_and_never_zero_or_negative() {
        let mut effort = Effort::default();
        assert!(effort.spend(0_i32).is_err());
        assert!(effort.spend(-1_i32).is_err());
        assert_eq!(effort.spend(Effort::MOST - 1), Ok(Effort::MOST - 1));
        assert_eq!(effort.spend(2_i32), Err(CredentialError::Rounds));
        assert_eq!(effort.spend(1_i32), Ok(1));
    }
}
