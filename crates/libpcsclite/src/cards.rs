//! Which cards there are: what the environment asks for, as readers of a service. The variables are
//! those of [`kortlab_pcsc::in_process`].

use std::env;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kortlab_campaign::{Journal, Recipe, Seen, Shared, around};
use kortlab_emulator::store::ImageFile;
use kortlab_emulator::{CardRng, InProcess, VirtualCard};
use kortlab_faults::{Fault, MAX_FAULTS};
use kortlab_pcsc::in_process::{CARDS, COMMANDS, FAULTS, JOURNAL, READERS, SEED, TEST_CASE};
use kortlab_pcsc::{Card, Service};

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

/// The readers that the environment asks for.
pub struct Readers {
    /// The service that they belong to.
    pub service: Arc<Service>,
    /// What is done when the program first asks about a card, if anything is.
    late: Option<Late>,
}

/// Cards that get their faults late.
struct Late {
    test_case: PathBuf,
    cards: Vec<(String, VirtualCard)>,
    around: Around,
}

/// What is around each card.
#[derive(Clone)]
struct Around {
    faults: Vec<Fault>,
    most: usize,
    journal: Option<PathBuf>,
}

/// The service with the readers that the environment asks for, with a fresh card in each.
///
/// # Errors
/// What is wrong with the environment or with an image, for people.
pub fn readers() -> Result<Readers, String> {
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
    let around = Around::asked_for()?;
    let seed = number(SEED)?;
    // In a process of its own nobody has to guess the numbers of others.
    let mut numbers = 0x4B4F_5254_u32;
    let service = Arc::new(Service::new(move || {
        numbers = numbers.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        numbers
    }));
    let mut late = test_case().map(|test_case| Late {
        test_case,
        cards: Vec::new(),
        around: around.clone(),
    });
    for (number, path) in images.iter().enumerate() {
        let name = match names.get(number) {
            Some(name) => name.clone(),
            None => format!("Kortlab {number:02} 00"),
        };
        let card = fresh(Path::new(path), seed)?;
        // Whoever lists the readers finds them, and in each a card of which nothing was seen yet.
        let first: Card = match &mut late {
            Some(late) => {
                late.cards.push((name.clone(), card.clone()));
                Box::new(InProcess::ephemeral(card))
            }
            None => around.put(card)?,
        };
        let added = service.add_reader(&name, Some(first));
        added.map_err(|error| error.to_string())?;
    }
    Ok(Readers { service, late })
}

/// The file with the faults that are read late.
pub fn test_case() -> Option<PathBuf> {
    env::var_os(TEST_CASE).map(PathBuf::from)
}

impl Readers {
    /// Reads the test case, if there is to be one, and has each reader hold a card with its faults, as
    /// if that had been there from the beginning. Once; then there is nothing more to do.
    ///
    /// # Errors
    /// The test case cannot be read, for people.
    pub fn complete(&mut self) -> Result<(), String> {
        let Some(late) = self.late.take() else {
            return Ok(());
        };
        let recipe = Recipe::from_file(&late.test_case)
            .map_err(|error| format!("{}: {error}", late.test_case.display()))?;
        let mut around = late.around;
        for fault in recipe.faults() {
            if around.faults.len() < MAX_FAULTS {
                around.faults.extend(Fault::parse(fault));
            }
        }
        for (name, card) in late.cards {
            let replaced = self.service.replace(&name, around.put(card)?);
            replaced.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Around {
    /// What the environment asks for.
    fn asked_for() -> Result<Self, String> {
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
        let most = number(COMMANDS)?.and_then(|most| usize::try_from(most).ok());
        Ok(Self {
            faults,
            most: most.unwrap_or(usize::MAX),
            journal: env::var_os(JOURNAL).map(PathBuf::from),
        })
    }

    /// A card for a reader.
    fn put(&self, card: VirtualCard) -> Result<Card, String> {
        let mut seen = Seen::default();
        if let Some(path) = &self.journal {
            let opened = Journal::open(path);
            seen.write_to(opened.map_err(|error| format!("{JOURNAL}: {error}"))?);
        }
        let faults = self.faults.iter().cloned();
        let card = InProcess::ephemeral(card);
        Ok(around(card, faults, &Shared::new(seen.into()), self.most))
    }
}

/// The card of an image, in memory.
fn fresh(path: &Path, seed: Option<u64>) -> Result<VirtualCard, String> {
    let about = |error: &dyn Display| format!("{}: {error}", path.display());
    let image = ImageFile::peek_again(path).map_err(|error| about(&error))?;
    let rng = match seed {
        Some(seed) => CardRng::from_seed(seed),
        None => CardRng::from_os().map_err(|error| about(&error))?,
    };
    VirtualCard::new(image, rng).map_err(|error| about(&error))
}
