//! Which cards there are: what the environment asks for, as readers of a service.
//!
//! | variable | what it holds |
//! |---|---|
//! | `KORTLAB_IN_PROCESS_CARDS` | the paths of card images, one a line; each gets a reader |
//! | `KORTLAB_IN_PROCESS_READERS` | the readers' names, one a line; else `Kortlab 00 00` and so on |
//! | `KORTLAB_IN_PROCESS_FAULTS` | faults as `--fault` takes them, one a line, around each card |
//! | `KORTLAB_IN_PROCESS_SEED` | a number, from which the cards' own randomness follows |

use std::env;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use kortlab_apdu::Layered;
use kortlab_emulator::store::ImageFile;
use kortlab_emulator::{CardRng, InProcess, VirtualCard};
use kortlab_faults::Fault;
use kortlab_pcsc::{Card, Service};

/// The paths of the card images, one a line.
pub const CARDS: &str = "KORTLAB_IN_PROCESS_CARDS";
/// The names of their readers, one a line.
pub const READERS: &str = "KORTLAB_IN_PROCESS_READERS";
/// The faults around each card, one a line, the first next to the card.
pub const FAULTS: &str = "KORTLAB_IN_PROCESS_FAULTS";
/// What the cards' randomness follows from.
pub const SEED: &str = "KORTLAB_IN_PROCESS_SEED";

/// The lines of a variable.
fn lines(variable: &str) -> Result<Vec<String>, String> {
    match env::var(variable) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(env::VarError::NotPresent) => Ok(Vec::new()),
        Err(env::VarError::NotUnicode(_)) => Err(format!("{variable} is not UTF-8")),
    }
}

/// Whether the environment names a card.
pub fn are_named() -> bool {
    env::var_os(CARDS).is_some_and(|cards| !cards.is_empty())
}

/// The service with the readers that the environment asks for, with a fresh card in each.
///
/// # Errors
/// What is wrong with the environment or with an image, for people.
pub fn service() -> Result<Arc<Service>, String> {
    let images = lines(CARDS)?;
    if images.is_empty() {
        return Err(format!(
            "{CARDS} names no card image; `kortlab run --in-process` sets it"
        ));
    }
    let names = lines(READERS)?;
    if !names.is_empty() && names.len() != images.len() {
        return Err(format!(
            "{READERS} has {} lines for {} cards",
            names.len(),
            images.len()
        ));
    }
    let mut faults = Vec::new();
    for text in lines(FAULTS)? {
        let about = |error: &dyn Display| format!("{FAULTS}: {text:?}: {error}");
        faults.push(Fault::parse(&text).map_err(|error| about(&error))?);
    }
    let seed: Option<u64> = match env::var(SEED) {
        Ok(text) => {
            let number = text.parse();
            Some(number.map_err(|_| format!("{SEED}: {text:?} is no number"))?)
        }
        Err(_) => None,
    };
    // In a process of its own nobody has to guess the numbers of others.
    let mut numbers = 0x4B4F_5254_u32;
    let service = Arc::new(Service::new(move || {
        numbers = numbers.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        numbers
    }));
    for (number, path) in images.iter().enumerate() {
        let name = match names.get(number) {
            Some(name) => name.clone(),
            None => format!("Kortlab {number:02} 00"),
        };
        let mut card: Card = Box::new(fresh(Path::new(path), seed)?);
        for fault in &faults {
            card = Box::new(Layered::new(card, fault.clone()));
        }
        let added = service.add_reader(&name, Some(card));
        added.map_err(|error| error.to_string())?;
    }
    Ok(service)
}

/// The card of an image, in memory.
fn fresh(path: &Path, seed: Option<u64>) -> Result<InProcess, String> {
    let about = |error: &dyn Display| format!("{}: {error}", path.display());
    let image = ImageFile::peek(path).map_err(|error| about(&error))?;
    let rng = match seed {
        Some(seed) => CardRng::from_seed(seed),
        None => CardRng::from_os().map_err(|error| about(&error))?,
    };
    let card = VirtualCard::new(image, rng).map_err(|error| about(&error))?;
    Ok(InProcess::ephemeral(card))
}
