//! What an engine begins with.

use kortlab_faults::{Fault, KINDS};

use crate::recipe::Recipe;

/// The card as it is, and for each mutation its example, once as it is written and once for all
/// commands. What chance may not choose, as a slow card, is none of them.
pub fn examples() -> Vec<Recipe> {
    let mut seeds = vec![Recipe::default()];
    for kind in KINDS
        .iter()
        .filter(|kind| kind.by_chance || !kind.of_commands)
    {
        let text = kind.vector.text;
        let (name, parameters) = text.split_once(':').unwrap_or((text, ""));
        let kept: Vec<_> = parameters
            .split(',')
            .filter(|part| !part.is_empty() && !part.starts_with("ins="))
            .collect();
        let everywhere = match kept.is_empty() {
            true => name.to_owned(),
            false => format!("{name}:{}", kept.join(",")),
        };
        for text in [text.to_owned(), everywhere] {
            let seed = Recipe::new([text.clone()]);
            if Fault::parse(&text).is_ok() && !seeds.contains(&seed) {
                seeds.push(seed);
            }
        }
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_seed_of_every_mutation_and_one_without() {
        let seeds = examples();
        assert_eq!(seeds.first(), Some(&Recipe::default()));
        for kind in KINDS
            .iter()
            .filter(|kind| kind.by_chance || !kind.of_commands)
        {
            let is_of = |seed: &&Recipe| {
                let fault = seed.faults().first().map_or("", String::as_str);
                fault.split(':').next() == Some(kind.name)
            };
            assert!(seeds.iter().any(|seed| is_of(&seed)), "{}", kind.name);
        }
        let everywhere = Recipe::new(["empty".to_owned()]);
        assert!(seeds.contains(&everywhere));
    }
}
