//! When a fault strikes: at which commands, in which state, how often.

use std::num::NonZeroU64;

use kortlab_apdu::FilePath;

use crate::parameters::{FaultError, Parameters, byte};
use crate::{Dice, Seen};

/// The moments that a fault is for. Commands are counted among those that `ins=`, `file=` and
/// `pin=` let through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    ins: Option<u8>,
    file: Option<FilePath>,
    pin: Option<u8>,
    from: Option<NonZeroU64>,
    until: Option<NonZeroU64>,
    every: Option<NonZeroU64>,
    times: Option<u64>,
    chance: Option<(usize, Dice)>,
    counted: u64,
    struck: u64,
}

impl When {
    /// The parameters, with what they mean, for people.
    pub const PARAMETERS: &'static [(&'static str, &'static str)] = &[
        (
            "ins=INS",
            "commands with this instruction, two hexadecimal digits",
        ),
        (
            "file=PATH",
            "while this file is selected: 4404, or 3F0050154404",
        ),
        (
            "pin=REF",
            "while the PIN with this reference (P2) is verified",
        ),
        ("nth=N", "the Nth of these commands alone, counted from 1"),
        ("from=N", "from the Nth of these commands on"),
        (
            "until=N",
            "up to the Nth of these commands, and then well again",
        ),
        ("every=N", "every Nth of these commands"),
        ("times=N", "N times, and then well again"),
        ("chance=P", "with a probability of P per cent, by seed="),
        (
            "seed=N",
            "what chance decides; the same seed decides the same",
        ),
    ];

    /// Reads the parameters, each of which may be missing.
    ///
    /// # Errors
    /// Their values make no sense.
    pub fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        let mut number =
            |name| parameters.optional(name, "a number from 1", |text| text.parse().ok());
        let (nth, from, until): (Option<NonZeroU64>, _, _) =
            (number("nth")?, number("from")?, number("until")?);
        let (every, times) = (number("every")?, number("times")?);
        if nth.is_some() && (from.is_some() || until.is_some()) {
            return Err(FaultError::Together("nth=", "from= and until="));
        }
        let until = nth.or(until);
        check_meets(nth.or(from), until, every)?;
        let chance = parameters.chance()?;
        Ok(Self {
            ins: parameters.optional("ins", "an instruction of two hexadecimal digits", byte)?,
            file: parameters.optional("file", "a path such as 4404 or 3F0050154404", path)?,
            pin: parameters.optional("pin", "a reference of two hexadecimal digits", byte)?,
            from: nth.or(from),
            until,
            every,
            times: times.map(NonZeroU64::get),
            chance: chance.map(|percent| (percent, parameters.any_dice())),
            counted: 0,
            struck: 0,
        })
    }

    /// Whether it lets commands with one of these instructions through.
    pub(crate) fn lets_any_through(&self, instructions: &[u8]) -> bool {
        self.ins.is_none_or(|ins| instructions.contains(&ins))
    }

    /// Whether the fault strikes at this command, which is the next one.
    pub fn is_now(&mut self, seen: &Seen, command: &[u8]) -> bool {
        let meant = self.ins.is_none_or(|ins| command.get(1) == Some(&ins))
            && self.file.as_ref().is_none_or(|file| seen.is_selected(file))
            && self.pin.is_none_or(|pin| seen.is_verified(pin));
        if !meant {
            return false;
        }
        self.counted = self.counted.saturating_add(1);
        let counted = self.counted;
        let now = self.from.is_none_or(|from| from.get() <= counted)
            && self.until.is_none_or(|until| counted <= until.get())
            && self.every.is_none_or(|every| counted % every == 0)
            && self.times.is_none_or(|times| self.struck < times)
            && self
                .chance
                .as_mut()
                .is_none_or(|(percent, dice)| dice.below(100) < *percent);
        self.struck += u64::from(now);
        now
    }
}

/// Refuses numbers that no command has, so that the fault would never strike.
fn check_meets(
    from: Option<NonZeroU64>,
    until: Option<NonZeroU64>,
    every: Option<NonZeroU64>,
) -> Result<(), FaultError> {
    let every = every.map_or(1, NonZeroU64::get);
    let first = from
        .map_or(1, NonZeroU64::get)
        .checked_next_multiple_of(every);
    match (first, until) {
        (Some(first), until) if until.is_none_or(|until| first <= until.get()) => Ok(()),
        _ => Err(FaultError::Never),
    }
}

/// A path of whole identifiers.
fn path(text: &str) -> Option<FilePath> {
    let path: FilePath = text.parse().ok()?;
    (path.is_whole() && !path.is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when(text: &str) -> When {
        let mut parameters = Parameters::parse(text).expect("parameters");
        When::from_parameters(&mut parameters).expect(text)
    }

    /// At which of these instructions, counted from 0, a fault strikes.
    fn strikes(text: &str, commands: &[u8]) -> Vec<usize> {
        let (mut when, seen) = (when(text), Seen::default());
        (0..commands.len())
            .filter(|&index| when.is_now(&seen, &[0, commands[index], 0, 0]))
            .collect()
    }

    #[test]
    fn commands_are_counted_among_those_with_the_instruction() {
        let commands = [0xA4, 0xB0, 0xB0, 0xA4, 0xB0];
        for (text, struck) in [
            ("", &[0, 1, 2, 3, 4][..]),
            ("nth=3", &[2]),
            ("ins=b0", &[1, 2, 4]),
            ("ins=B0,nth=3", &[4]),
            ("ins=B0,from=2", &[2, 4]),
            ("ins=B0,until=2", &[1, 2]),
            ("from=2,until=3", &[1, 2]),
            ("every=2", &[1, 3]),
            ("ins=B0,times=2", &[1, 2]),
            ("from=2,times=1", &[1]),
            ("every=2,times=1", &[1]),
            ("file=4404", &[]),
            ("pin=81", &[]),
        ] {
            assert_eq!(strikes(text, &commands), struck, "{text}");
        }
    }

    #[test]
    fn numbers_that_no_command_has_are_refused() {
        for (text, fits) in [
            ("nth=6,every=3", true),
            ("nth=3,every=2", false),
            ("from=5,until=5", true),
            ("from=5,until=4", false),
            ("from=5,until=7,every=4", false),
            ("from=5,until=8,every=4", true),
            ("until=1,every=2", false),
            ("from=18446744073709551615", true),
            ("from=18446744073709551615,every=2", false),
        ] {
            let mut parameters = Parameters::parse(text).expect("parameters");
            let read = When::from_parameters(&mut parameters);
            assert_eq!(read.err(), (!fits).then_some(FaultError::Never), "{text}");
        }
    }

    #[test]
    fn chance_is_about_as_likely_as_it_says_and_the_same_for_a_seed() {
        let commands = [0xB0; 1000];
        let struck = strikes("chance=25,seed=7", &commands);
        assert!((200..300).contains(&struck.len()), "{}", struck.len());
        assert_eq!(struck, strikes("chance=25,seed=7", &commands));
        assert_ne!(struck, strikes("chance=25,seed=8", &commands));
        assert_eq!(strikes("chance=100", &commands).len(), 1000);
        assert_eq!(strikes("chance=25,times=3,seed=7", &commands), struck[..3]);
    }

    #[test]
    fn a_fault_waits_for_its_file_and_its_pin() {
        let mut seen = Seen::default();
        let (mut file, mut pin) = (when("file=50154404,nth=1"), when("pin=81"));
        let read = [0, 0xB0, 0, 0, 0];
        assert!(!file.is_now(&seen, &read) && !pin.is_now(&seen, &read));
        seen.note(&[0, 0xA4, 2, 0, 2, 0x44, 0x04], &[0x90, 0]);
        seen.note(&[0, 0x20, 0, 0x81, 1, 0x31], &[0x90, 0]);
        assert!(file.is_now(&seen, &read) && pin.is_now(&seen, &read));
        assert!(!file.is_now(&seen, &read), "that was the first");
    }

    #[test]
    fn a_command_too_short_for_an_instruction_has_none() {
        let (mut when, seen) = (when("ins=00"), Seen::default());
        assert!(!when.is_now(&seen, &[]) && !when.is_now(&seen, &[0]));
        assert!(when.is_now(&seen, &[0, 0]));
    }
}
