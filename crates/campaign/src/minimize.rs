//! The fewest and simplest faults that still do it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use kortlab_faults::Fault;

use crate::laboratory::{Laboratory, LaboratoryError};
use crate::oracles;
use crate::outcome::Outcome;
use crate::recipe::Recipe;

/// What became of a recipe.
#[derive(Clone, Debug)]
pub struct Minimized {
    /// The fewest and simplest faults.
    pub recipe: Recipe,
    /// How many executions that took.
    pub executions: u32,
    /// Whether it was ended before, so that smaller ones may be.
    pub interrupted: bool,
}

/// Makes the recipe as short as it can be while the finding with this signature is still found:
/// leaves out faults, then parameters, strikes once in place of often, makes numbers smaller and
/// bytes fewer. At most `most` executions are made, and none once `stop` is set.
///
/// # Errors
/// An execution could not take place.
pub fn minimize(
    laboratory: &Laboratory,
    good: &Outcome,
    recipe: &Recipe,
    signature: &str,
    most: u32,
    stop: &AtomicBool,
) -> Result<Minimized, LaboratoryError> {
    let does = |candidate: &Recipe| -> Result<bool, LaboratoryError> {
        let outcome = laboratory.execute(candidate)?;
        Ok(oracles::finds(&outcome, good, signature))
    };
    let mut shrinking = Shrinking {
        best: recipe.clone(),
        executions: 0,
        most,
        stop,
        tried: HashSet::new(),
        does,
    };
    shrinking.shrink(good.commands)?;
    Ok(Minimized {
        recipe: shrinking.best,
        executions: shrinking.executions,
        interrupted: stop.load(Ordering::Relaxed),
    })
}

/// A recipe that is being made smaller.
struct Shrinking<'a, F> {
    best: Recipe,
    executions: u32,
    most: u32,
    stop: &'a AtomicBool,
    /// What does not do it.
    tried: HashSet<Recipe>,
    /// Whether a recipe still does it.
    does: F,
}

impl<E, F: FnMut(&Recipe) -> Result<bool, E>> Shrinking<'_, F> {
    fn shrink(&mut self, commands: usize) -> Result<(), E> {
        loop {
            while self.takes_any(simpler(&self.best, commands))? {}
            let before = self.best.clone();
            for fault in 0..self.best.faults().len() {
                self.shrink_values(fault)?;
            }
            if self.best == before {
                return Ok(());
            }
        }
    }

    /// Takes the first of these that does it.
    fn takes_any(&mut self, candidates: Vec<Recipe>) -> Result<bool, E> {
        for candidate in candidates {
            if self.takes(candidate)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes this one if it does it.
    fn takes(&mut self, candidate: Recipe) -> Result<bool, E> {
        let is_over = self.executions >= self.most || self.stop.load(Ordering::Relaxed);
        if is_over || candidate == self.best || self.tried.contains(&candidate) {
            return Ok(false);
        }
        self.executions += 1;
        let does = (self.does)(&candidate)?;
        if does {
            self.best = candidate;
        } else {
            self.tried.insert(candidate);
        }
        Ok(does)
    }

    /// Makes the numbers of a fault smaller, and its bytes fewer, by halving what is between what does
    /// it and what does not.
    fn shrink_values(&mut self, index: usize) -> Result<(), E> {
        let fault = self.best.faults().get(index).cloned().unwrap_or_default();
        for place in 0..parameters(&fault).len() {
            let fault = self.best.faults().get(index).cloned().unwrap_or_default();
            let Some(size) = Size::of(&fault, place) else {
                continue;
            };
            let (mut less, mut enough) = (0, size.number());
            while enough - less > 1 {
                let middle = less + (enough - less) / 2;
                let smaller = size.with(&fault, place, middle);
                let candidate = self.best.with(index, smaller.clone());
                match Fault::parse(&smaller).is_ok() && self.takes(candidate)? {
                    true => enough = middle,
                    false => less = middle,
                }
            }
        }
        Ok(())
    }
}

/// The value of a parameter that can be smaller.
enum Size {
    /// A number, by how much it is off 0, and whether it is below.
    Number(u64, bool),
    /// Bytes in hexadecimal.
    Bytes(String),
}

impl Size {
    /// That of the parameter at this place, if it has any.
    fn of(fault: &str, place: usize) -> Option<Self> {
        let (name, value) = parameters(fault).get(place)?.split_once('=')?;
        match decimal(fault, place) {
            _ if matches!(name, "seed" | "file") => None,
            Some(number) => Some(Self::Number(number.unsigned_abs(), number < 0)),
            None => {
                let is_bytes = value.len() > 2 && hex::decode(value).is_ok();
                is_bytes.then(|| Self::Bytes(value.to_owned()))
            }
        }
    }

    fn number(&self) -> u64 {
        match self {
            Self::Number(number, _) => *number,
            Self::Bytes(digits) => digits.len() as u64 / 2,
        }
    }

    /// The fault with this much at the place.
    fn with(&self, fault: &str, place: usize, size: u64) -> String {
        let value = match self {
            Self::Number(_, below) => format!("{}{size}", if *below { "-" } else { "" }),
            Self::Bytes(digits) => digits.chars().take(2 * size as usize).collect(),
        };
        with_value(fault, place, &value)
    }
}

/// The parameters of a fault.
fn parameters(fault: &str) -> Vec<&str> {
    let (_, rest) = fault.split_once(':').unwrap_or((fault, ""));
    rest.split(',').filter(|part| !part.is_empty()).collect()
}

/// The fault with another value at this place.
fn with_value(fault: &str, place: usize, value: &str) -> String {
    let (kind, _) = fault.split_once(':').unwrap_or((fault, ""));
    let parts = parameters(fault).into_iter().enumerate();
    let parts = parts.map(|(index, part)| match part.split_once('=') {
        Some((name, _)) if index == place => format!("{name}={value}"),
        _ => part.to_owned(),
    });
    format!("{kind}:{}", parts.collect::<Vec<_>>().join(","))
}

/// The number at this place. Digits alone may be hexadecimal ones, with which a fault is not to be read
/// if they have a sign.
fn decimal(fault: &str, place: usize) -> Option<i64> {
    let (_, value) = parameters(fault).get(place)?.split_once('=')?;
    let number: i64 = value.parse().ok()?;
    let is_decimal = value.starts_with(['-', '+'])
        || Fault::parse(&with_value(fault, place, &format!("+{value}"))).is_ok();
    is_decimal.then_some(number)
}

/// Recipes that are simpler than this one, the simplest first.
fn simpler(recipe: &Recipe, commands: usize) -> Vec<Recipe> {
    let mut all: Vec<Recipe> = Vec::new();
    let count = recipe.faults().len();
    if count > 1 {
        all.extend((0..count).map(|index| recipe.without(index)));
    }
    for (index, fault) in recipe.faults().iter().enumerate() {
        let others = simpler_faults(fault, commands).into_iter();
        all.extend(others.map(|other| recipe.with(index, other)));
    }
    all.retain(|candidate| {
        candidate
            .faults()
            .iter()
            .all(|fault| Fault::parse(fault).is_ok())
    });
    all
}

/// Faults that are simpler than this one.
fn simpler_faults(fault: &str, commands: usize) -> Vec<String> {
    let (name, _) = fault.split_once(':').unwrap_or((fault, ""));
    let parameters = parameters(fault);
    let written = |parameters: &[String]| {
        if parameters.is_empty() {
            name.to_owned()
        } else {
            format!("{name}:{}", parameters.join(","))
        }
    };
    let others = |index: usize| -> Vec<String> {
        let others = parameters.iter().enumerate();
        let others = others.filter(|(other, _)| *other != index);
        others.map(|(_, part)| (*part).to_owned()).collect()
    };
    let mut all = Vec::new();
    let named = |wanted: &str| {
        let prefix = format!("{wanted}=");
        parameters.iter().position(|part| part.starts_with(&prefix))
    };
    // One command in place of many.
    if let Some(index) = named("chance").or_else(|| named("from")) {
        for at in 1..=commands.clamp(1, 200) {
            let kept = parameters.iter().enumerate().filter(|(other, part)| {
                *other != index && !part.starts_with("times=") && !part.starts_with("nth=")
            });
            let mut kept: Vec<String> = kept.map(|(_, part)| (*part).to_owned()).collect();
            kept.push(format!("nth={at}"));
            all.push(written(&kept));
        }
    }
    for (index, part) in parameters.iter().enumerate() {
        let (of, _) = part.split_once('=').unwrap_or((part, ""));
        // Without nth= a fault strikes more often, not less.
        if !matches!(of, "nth" | "ins" | "times" | "until") {
            all.push(written(&others(index)));
        }
        if let (Some(number), false) = (decimal(fault, index), of == "seed") {
            for smaller in [number.signum(), number / 2] {
                if smaller != number && smaller != 0 {
                    let mut parameters = others(index);
                    parameters.insert(index, format!("{of}={smaller}"));
                    all.push(written(&parameters));
                }
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simpler_recipes_have_less_and_can_be_read() {
        let recipe = Recipe::new([
            "truncate:at=40,nth=7".to_owned(),
            "empty:seed=3,chance=10".to_owned(),
        ]);
        let all = simpler(&recipe, 3);
        let has = |faults: &[&str]| {
            let faults = faults.iter().map(|fault| (*fault).to_owned());
            all.contains(&Recipe::new(faults))
        };
        assert!(has(&["empty:seed=3,chance=10"]) && has(&["truncate:at=40,nth=7"]));
        assert!(has(&["truncate:at=20,nth=7", "empty:seed=3,chance=10"]));
        assert!(has(&["truncate:at=40,nth=7", "empty:seed=3,nth=2"]));
        assert!(has(&["truncate:at=40,nth=7", "empty:chance=10"]));
        assert!(
            !has(&["truncate:nth=7", "empty:seed=3,chance=10"]),
            "it needs at="
        );
        assert!(!all.contains(&recipe));
    }

    /// What comes of a fault while `does` holds of it, and after how many executions.
    fn shrunk(fault: &str, stop: &AtomicBool, does: impl Fn(&str) -> bool) -> (String, u32) {
        let mut shrinking = Shrinking {
            best: Recipe::new([fault.to_owned()]),
            executions: 0,
            most: 2000,
            stop,
            tried: HashSet::new(),
            does: |recipe: &Recipe| Ok::<_, ()>(does(&recipe.faults()[0])),
        };
        shrinking.shrink(20).unwrap();
        (shrinking.best.faults()[0].clone(), shrinking.executions)
    }

    #[test]
    fn numbers_are_halved_bytes_are_cut_and_what_is_neither_stays() {
        let stop = AtomicBool::new(false);
        // Whichever number or length it takes, and no other than this form.
        let value = |fault: &str, name: &str| -> Option<String> {
            let place = fault.find(&format!("{name}="))? + name.len() + 1;
            fault[place..].split(',').next().map(str::to_owned)
        };
        let at_least = |name: &'static str, least: i64| {
            move |fault: &str| {
                let number = value(fault, name).and_then(|text| text.parse::<i64>().ok());
                number.is_some_and(|number| {
                    number.abs() >= least && number.signum() == least.signum()
                })
            }
        };
        let (small, executions) = shrunk("truncate:at=65000", &stop, at_least("at", 777));
        assert_eq!(small, "truncate:at=777");
        assert!(executions < 60, "{executions}");
        let below =
            |fault: &str| value(fault, "by").is_some_and(|by| by.parse::<i64>().unwrap() <= -300);
        let (small, _) = shrunk("count:by=-60000", &stop, below);
        assert_eq!(small, "count:by=-300");
        let long = |fault: &str| value(fault, "bytes").is_some_and(|bytes| bytes.len() >= 6);
        let (small, executions) = shrunk("overwrite:bytes=308430000000", &stop, long);
        assert_eq!(small, "overwrite:bytes=308430");
        assert!(executions < 20, "{executions}");
        // Digits that are no number, of which nothing is left out.
        for fault in [
            "sw:sw=6982",
            "file-id:to=5015",
            "file-type:to=10",
            "one-byte:byte=90",
            "sw:sw=9000,ins=20",
            "sw:sw=9000,pin=81,nth=1",
            "tag:to=30",
        ] {
            let mut seen = Vec::new();
            let recipe = Recipe::new([fault.to_owned()]);
            for other in simpler(&recipe, 20) {
                seen.extend(other.faults().to_vec());
            }
            let values = |fault: &str| -> Vec<_> {
                let parts = parameters(fault).into_iter().map(str::to_owned);
                parts.collect()
            };
            let known = values(fault);
            assert!(
                seen.iter()
                    .flat_map(|other| values(other))
                    .all(|part| known.contains(&part)),
                "{seen:?}"
            );
            let (small, executions) = shrunk(fault, &stop, |other| other == fault);
            assert_eq!(small, fault);
            assert!(executions < 8, "{executions}");
        }
        // Once it is to stop, it is as small as it has become.
        stop.store(true, Ordering::Relaxed);
        let (small, executions) = shrunk("truncate:at=65000", &stop, |_| true);
        assert_eq!((small.as_str(), executions), ("truncate:at=65000", 0));
    }
}
