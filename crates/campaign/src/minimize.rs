//! The fewest and simplest faults that still do it.

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
}

/// Makes the recipe as short as it can be while the finding with this signature is still found:
/// leaves out faults, then parameters, strikes once in place of often, and makes numbers smaller.
/// At most `most` executions are made.
///
/// # Errors
/// An execution could not take place.
pub fn minimize(
    laboratory: &Laboratory,
    good: &Outcome,
    recipe: &Recipe,
    signature: &str,
    most: u32,
) -> Result<Minimized, LaboratoryError> {
    let mut best = recipe.clone();
    let mut executions = 0;
    'again: loop {
        for candidate in simpler(&best, good.commands) {
            if executions >= most {
                break 'again;
            }
            executions += 1;
            let outcome = laboratory.execute(&candidate)?;
            let found = oracles::judge(&outcome, good);
            if found.is_some_and(|found| found.signature == signature) {
                best = candidate;
                continue 'again;
            }
        }
        break;
    }
    Ok(Minimized {
        recipe: best,
        executions,
    })
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
    let (name, rest) = fault.split_once(':').unwrap_or((fault, ""));
    let parameters: Vec<&str> = rest.split(',').filter(|part| !part.is_empty()).collect();
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
        let (of, value) = part.split_once('=').unwrap_or((part, ""));
        // Without nth= a fault strikes more often, not less.
        if !matches!(of, "nth" | "ins" | "times" | "until") {
            all.push(written(&others(index)));
        }
        if let (Ok(number), false) = (value.parse::<i64>(), of == "seed") {
            for smaller in [number.signum(), number / 2, number - number.signum()] {
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
}
