//! Several faults, one at a time: alternately, or as chance has it.

use kortlab_apdu::channel::Occasion;
use kortlab_apdu::{Channel, ChannelError, Layer};

use crate::parameters::{FaultError, Parameters};
use crate::{Dice, Fault, KINDS};

/// A strategy as it is listed for people.
#[derive(Clone, Copy, Debug)]
pub struct StrategyKind {
    /// What stands before the colon.
    pub name: &'static str,
    /// What stands behind it.
    pub parameters: &'static str,
    /// What it does.
    pub does: &'static str,
    /// An example.
    pub text: &'static str,
}

/// Every strategy.
pub const STRATEGIES: &[StrategyKind] = &[
    StrategyKind {
        name: "alternately",
        parameters: "FAULT|FAULT…",
        does: "these faults, one after the other, each for one command",
        text: "alternately:sw:sw=6F00|sw:sw=9000",
    },
    StrategyKind {
        name: "randomly",
        parameters: "[seed=N:]FAULT|FAULT…",
        does: "one of these faults at each command, as chance has it",
        text: "randomly:seed=7:truncate:at=1|empty|stale",
    },
    StrategyKind {
        name: "mutate",
        parameters: "seed=N[,chance=P]",
        does: "at P per cent (or 5) of the commands any of the mutations above",
        text: "mutate:seed=7,chance=20",
    },
];

/// The most faults in one strategy.
const MAX_FAULTS: usize = 64;

/// Several faults, of which one at a time has its say.
#[derive(Clone, Debug)]
pub struct Strategy {
    faults: Vec<Fault>,
    turn: Turn,
}

/// Whose turn it is.
#[derive(Clone, Debug)]
enum Turn {
    Alternately(usize),
    Randomly(Dice),
    Sometimes { percent: usize, dice: Dice },
}

impl Strategy {
    /// Reads a strategy, if this is the name of one.
    ///
    /// # Errors
    /// One of its faults makes no sense, or is a strategy itself.
    pub fn parse(name: &str, rest: &str) -> Result<Option<Self>, FaultError> {
        let (turn, faults) = match name {
            "alternately" => (Turn::Alternately(0), faults(rest)?),
            "randomly" => {
                let (seed, rest) = seed(rest)?;
                (Turn::Randomly(Dice::new(seed)), faults(rest)?)
            }
            "mutate" => {
                let mut parameters = Parameters::parse(rest)?;
                let percent = parameters.chance()?;
                let dice = parameters.dice().ok_or(FaultError::Missing {
                    name: "seed",
                    expected: "a number; the same number, the same mutations",
                })?;
                parameters.finish("seed=N[,chance=P]")?;
                let turn = Turn::Sometimes {
                    percent: percent.unwrap_or(5),
                    dice,
                };
                (turn, Vec::new())
            }
            _ => return Ok(None),
        };
        Ok(Some(Self { faults, turn }))
    }

    /// The fault whose turn it is, as an index; of `mutate` another one is made each time.
    fn next(&mut self) -> Option<usize> {
        match &mut self.turn {
            Turn::Alternately(next) => {
                let index = *next % self.faults.len().max(1);
                *next = index + 1;
                Some(index)
            }
            Turn::Randomly(dice) => Some(dice.below(self.faults.len())),
            Turn::Sometimes { percent, dice } => {
                let now = dice.below(100) < *percent;
                now.then(|| {
                    self.faults = vec![any_fault(dice)];
                    0
                })
            }
        }
    }
}

impl Layer for Strategy {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        let turn = self.next();
        match turn.and_then(|index| self.faults.get_mut(index)) {
            Some(fault) => fault.transmit(next, command),
            None => next.transmit(command),
        }
    }

    fn around(&mut self, card: &dyn Channel) {
        for fault in &mut self.faults {
            fault.around(card);
        }
    }

    fn notice(&mut self, card: &dyn Channel, occasion: Occasion) {
        for fault in &mut self.faults {
            fault.notice(card, occasion);
        }
    }

    fn atr(&self) -> Option<&[u8]> {
        self.faults.iter().find_map(Layer::atr)
    }
}

/// `seed=N:` in front of the faults.
fn seed(text: &str) -> Result<(u64, &str), FaultError> {
    let Some((seed, rest)) = text
        .strip_prefix("seed=")
        .and_then(|text| text.split_once(':'))
    else {
        return Ok((0, text));
    };
    let number = seed.parse().map_err(|_| FaultError::Value {
        name: "seed",
        value: seed.to_owned(),
        expected: "a number",
    })?;
    Ok((number, rest))
}

/// Faults between bars.
fn faults(text: &str) -> Result<Vec<Fault>, FaultError> {
    let texts: Vec<&str> = text.split('|').collect();
    if texts.len() > MAX_FAULTS {
        return Err(FaultError::TooMany(MAX_FAULTS));
    }
    let parse = |text: &&str| {
        let name = text.split(':').next().unwrap_or_default();
        if STRATEGIES.iter().any(|strategy| strategy.name == name) {
            return Err(FaultError::Nested);
        }
        Fault::parse(text).map_err(|error| match error {
            FaultError::Unknown => FaultError::UnknownIn((*text).to_owned()),
            error => error,
        })
    };
    texts.iter().map(parse).collect()
}

/// Any mutation that spoils answers, about any of its objects.
fn any_fault(dice: &mut Dice) -> Fault {
    loop {
        let text = any_text(dice);
        if let Ok(fault) = Fault::parse(&text) {
            return fault;
        }
    }
}

/// A mutation as it is written, with values that make sense more often than not.
pub(crate) fn any_text(dice: &mut Dice) -> String {
    let kinds: Vec<_> = KINDS
        .iter()
        .filter(|kind| kind.of_commands && kind.by_chance)
        .collect();
    let kind = kinds[dice.below(kinds.len())];
    let mut text = format!("{}:seed={}", kind.name, dice.seed() >> 32);
    for parameter in kind.parameters.split(['[', ']', ',']) {
        let Some((name, value)) = parameter.split_once('=') else {
            continue;
        };
        let optional = kind.parameters.contains(&format!("[{parameter}"))
            || kind.parameters.contains(&format!("[,{parameter}"));
        if optional && (matches!(name, "at" | "tag") || dice.below(2) == 0) {
            continue;
        }
        let (name, value) = match value.split_once('|') {
            Some((_, other)) if other.starts_with("by=") && dice.below(2) == 0 => ("by", "±N"),
            Some((first, other)) if !other.contains('=') && dice.below(2) == 0 => {
                let words: Vec<_> = other.split('|').collect();
                text.push_str(&format!(",{name}={}", words[dice.below(words.len())]));
                let _ = first;
                continue;
            }
            Some((first, _)) => (name, first),
            None => (name, value),
        };
        text.push_str(&format!(",{name}={}", any_value(value, dice)));
    }
    text
}

/// A value for what stands in capitals.
fn any_value(value: &str, dice: &mut Dice) -> String {
    const STATUS: [&str; 24] = [
        "9000", "6100", "6110", "6281", "6282", "6283", "6284", "6310", "63C0", "6400", "6581",
        "6700", "6881", "6982", "6983", "6984", "6A82", "6A83", "6A86", "6A88", "6B00", "6C10",
        "6D00", "6F00",
    ];
    const TAGS: [&str; 8] = ["02", "03", "04", "0C", "30", "53", "A0", "A1"];
    const PATHS: [&str; 4] = ["3F00", "3F005015", "4B01", "3FFF4404"];
    const COUNTS: [usize; 16] = [
        0, 1, 2, 3, 15, 16, 17, 127, 128, 255, 256, 257, 1024, 4096, 0x7FFF, 0x1_0000,
    ];
    // What only stands there: of three and of four bytes, and around the sign of a number of 32 bits.
    const LIES: [usize; 4] = [0x40_0000, 0x7FFF_FF00, 0x8000_0000, 0xFFFF_FF00];
    match value {
        "SW" => STATUS[dice.below(STATUS.len())].to_owned(),
        "TAG" => TAGS[dice.below(TAGS.len())].to_owned(),
        "PATH" => PATHS[dice.below(PATHS.len())].to_owned(),
        "FID" => hex::encode(dice.bytes(2)),
        "HH" => hex::encode(dice.bytes(1)),
        "HEX" => {
            let count = 1 + dice.below(8);
            hex::encode(dice.bytes(count))
        }
        "±N" => {
            let sign = if dice.below(2) == 0 { "" } else { "-" };
            let index = 1 + dice.below(COUNTS.len() + LIES.len() - 1);
            let number = COUNTS.get(index).or_else(|| LIES.get(index - COUNTS.len()));
            format!("{sign}{}", number.copied().unwrap_or(1))
        }
        "N" | "K" => COUNTS[dice.below(COUNTS.len())].to_string(),
        word => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Told;

    fn answers(text: &str, count: usize) -> Vec<Option<Vec<u8>>> {
        let mut fault = Fault::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut card = Told::new(&[0x30, 0x03, 0x02, 0x01, 0x05, 0x90, 0x00]);
        (0..count)
            .map(|_| fault.transmit(&mut card, &[0, 0xCA, 1, 1, 0]).ok())
            .collect()
    }

    #[test]
    fn faults_take_turns() {
        let got = answers("alternately:sw:sw=6F00|empty|sw:sw=6A82,nth=2", 6);
        let good = vec![0x30, 0x03, 0x02, 0x01, 0x05, 0x90, 0x00];
        let expected = [
            &[0x6F, 0][..],
            &[0x90, 0],
            &good,
            &[0x6F, 0],
            &[0x90, 0],
            &[0x6A, 0x82],
        ];
        assert_eq!(got, expected.map(|answer| Some(answer.to_vec())));
    }

    #[test]
    fn chance_chooses_all_of_them_and_the_same_for_a_seed() {
        let text = "randomly:seed=3:sw:sw=6F00|empty|sw:sw=6A82";
        let got = answers(text, 60);
        for answer in [[0x6F, 0], [0x90, 0], [0x6A, 0x82]] {
            assert!(got.contains(&Some(answer.to_vec())), "{answer:?}");
        }
        assert_eq!(got, answers(text, 60));
        assert_ne!(got, answers(&text.replace("seed=3", "seed=4"), 60));
    }

    #[test]
    fn what_mutate_does_follows_from_its_seed_and_every_mutation_comes() {
        let text = "mutate:seed=7,chance=50";
        let got = answers(text, 200);
        assert_eq!(got, answers(text, 200));
        assert_ne!(got, answers("mutate:seed=8,chance=50", 200));
        let mut dice = Dice::new(1);
        let mut parsed = std::collections::BTreeMap::<String, usize>::new();
        for _ in 0..5000 {
            let text = any_text(&mut dice);
            if Fault::parse(&text).is_ok() {
                let name = text.split(':').next().unwrap_or_default();
                *parsed.entry(name.to_owned()).or_default() += 1;
            }
        }
        for kind in KINDS
            .iter()
            .filter(|kind| kind.of_commands && kind.by_chance)
        {
            assert!(
                parsed.get(kind.name).copied() >= Some(20),
                "{}: {parsed:?}",
                kind.name
            );
        }
    }

    #[test]
    fn lengths_of_megabytes_and_warnings_of_damage_come() {
        let mut dice = Dice::new(1);
        let texts: Vec<_> = (0..20_000)
            .map(|_| any_text(&mut dice))
            .filter(|text| Fault::parse(text).is_ok())
            .collect();
        let wanted = [
            "sw=6281",
            "length:",
            "by=4194304",
            "by=2147483648",
            "by=-4294967040",
        ];
        for part in wanted {
            assert!(texts.iter().any(|text| text.contains(part)), "{part}");
        }
        // What would be there is not of that size.
        assert!(Fault::parse("resize:by=4194304").is_err());
    }

    #[test]
    fn a_strategy_of_what_is_no_fault_is_refused_with_the_reason() {
        for (text, reason) in [
            ("alternately:", "no fault"),
            ("alternately:sw:sw=6F00|gone", "gone"),
            ("alternately:mutate:seed=1", "inside"),
            ("randomly:seed=x:empty", "seed=x"),
            ("mutate", "seed= is missing"),
            ("mutate:seed=1,chance=0", "chance=0"),
            ("mutate:seed=1,nth=2", "nth="),
        ] {
            let error = Fault::parse(text).expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let many = format!("alternately:{}", ["empty"; 65].join("|"));
        assert_eq!(Fault::parse(&many).err(), Some(FaultError::TooMany(64)));
    }
}
