//! `generator`: where a card's random numbers come from, if the image says.

use serde::{Deserialize, Serialize};

use super::{CardRng, SecretHex};

/// The state of a card's random generator. A card that is made of an image with it goes on where the
/// image's card stopped: its challenges, the keys that it generates and the numbers that blind its
/// keys are those that would have come next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Generator {
    /// The seed of ChaCha20, 32 bytes. Whoever knows it knows the keys that the card generates.
    seed: SecretHex,
    /// How many words of 32 bits it has given.
    words: u64,
}

/// The same as the text has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    seed: SecretHex,
    words: u64,
}

impl TryFrom<Written> for Generator {
    type Error = String;

    fn try_from(Written { seed, words }: Written) -> Result<Self, String> {
        match seed.as_slice().len() {
            32 => Ok(Self { seed, words }),
            length => Err(format!(
                "the seed has {length} bytes, and ChaCha20's has 32"
            )),
        }
    }
}

impl Generator {
    /// Where this generator is.
    pub fn of(rng: &CardRng) -> Self {
        Self {
            seed: SecretHex::new(rng.seed().to_vec()),
            words: rng.words(),
        }
    }

    /// A generator that goes on from here.
    pub fn rng(&self) -> CardRng {
        let seed = self.seed.as_slice().try_into().unwrap_or_default();
        CardRng::resumed(seed, self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_of_another_length_is_refused_and_none_is_shown() {
        let text = format!("{{\"seed\": \"{}\", \"words\": 7}}", "A5".repeat(32));
        let generator: Generator = serde_json::from_str(&text).expect("a generator");
        assert_eq!(generator.rng().words(), 7);
        assert_eq!(Generator::of(&generator.rng()), generator);
        assert!(!format!("{generator:?}").contains("A5"));
        let short = text.replace("A5A5", "A5");
        let error = serde_json::from_str::<Generator>(&short).expect_err("too short");
        assert!(error.to_string().contains("has 32"), "{error}");
    }
}
