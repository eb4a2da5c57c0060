//! Which cards there are: what the environment asks for, as readers of a service. The variables are
//! those of [`kortlab_pcsc::in_process`].

use std::env;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kortlab_campaign::{Journal, Seen, Shared, around};
use kortlab_emulator::store::ImageFile;
use kortlab_emulator::{CardRng, InProcess, VirtualCard};
use kortlab_faults::{Fault, MAX_FAULTS};
use kortlab_pcsc::Service;
use kortlab_pcsc::in_process::{CARDS, COMMANDS, FAULTS, JOURNAL, READERS, SEED};

/// The lines of a variable.
fn lines(variable: &str) -> Result<Vec<String>, String> {
    match env::var(variable) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(env::VarError::NotPresent) => Ok(Vec::new()),
        Err(env::VarError::NotUnicode(_)) => Err(format!("{variable} is not UTF-8")),
    }
}

/// A number, if there is one.
fn number(variable: &str) -> Result<Option<u64>, String> {
    match env::var(variable) {
        Ok(text) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("{variable}: {text:?} is no number")),
        },
        Err(_) => Ok(None),
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
    if faults.len() > MAX_FAULTS {
        return Err(format!(
            "{FAULTS} has {} faults, at most {MAX_FAULTS}",
            faults.len()
        ));
    }
    let seed = number(SEED)?;
    let most = number(COMMANDS)?.and_then(|most| usize::try_from(most).ok());
    let journal = env::var_os(JOURNAL).map(PathBuf::from);
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
        let card = fresh(Path::new(path), seed)?;
        let mut seen = Seen::default();
        if let Some(path) = &journal {
            let opened = Journal::open(path);
            seen.write_to(opened.map_err(|error| format!("{JOURNAL}: {error}"))?);
        }
        let most = most.unwrap_or(usize::MAX);
        let card = around(
            card,
            faults.iter().cloned(),
            &Shared::new(seen.into()),
            most,
        );
        let added = service.add_reader(&name, Some(card));
        added.map_err(|error| error.to_string())?;
    }
    Ok(service)
}

/// The card of an image, in memory.
fn fresh(path: &Path, seed: Option<u64>) -> Result<InProcess, String> {
    let about = |error: &dyn Display| format!("{}: {error}", path.display());
    let image = ImageFile::peek_again(path).map_err(|error| about(&error))?;
    let rng = match seed {
        Some(seed) => CardRng::from_seed(seed),
        None => CardRng::from_os().map_err(|error| about(&error))?,
    };
    let card = VirtualCard::new(image, rng).map_err(|error| about(&error))?;
    Ok(InProcess::ephemeral(card))
}
