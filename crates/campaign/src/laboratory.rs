//! One execution: a fresh card, a service of its own, the program.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use kortlab_apdu::{Channel, ChannelError, Layer, Layered};
use kortlab_emulator::{CardRng, Image, ImageError, InProcess, VirtualCard};
use kortlab_faults::{Fault, FaultError};
use kortlab_pcsc::door::{CLIENT_VARIABLE, Door, DoorError, Manners};
use kortlab_pcsc::in_process;
use kortlab_pcsc::{Card, ReaderError, Service};

use crate::child::{self, Ran};
use crate::guard::Guard;
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::own_directory::OwnDirectory;
use crate::program::Program;
use crate::reading::Reading;
use crate::recipe::Recipe;
use crate::watch::{Shared, around, lock, tries};

/// The card's own randomness: the same in every execution.
const CARD_SEED: u64 = 1;
/// What the reader is called.
const READER: &str = "Kortlab 00 00";
/// How the names of the directories with the sockets begin.
const SOCKETS: &str = "kortlab-fuzz-";
/// How long a program may go on once it had too many commands, and so has no card any more.
const LEAVE: Duration = Duration::from_secs(1);

/// Why an execution could not take place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaboratoryError {
    /// The card image makes no sense.
    #[error("the card image: {0}")]
    Image(#[from] ImageError),
    /// A fault makes no sense.
    #[error("the fault {text:?}: {error}")]
    Fault {
        /// As it was written.
        text: String,
        /// Why.
        error: FaultError,
    },
    /// The program cannot be started.
    #[error("{path} cannot be run: {error}")]
    Program {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is no directory for sockets.
    #[error("no directory for sockets, {path}: {error}")]
    Directory {
        /// Which it was to be.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file for programs that have the card in their own process.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Nobody would end the program if this process were killed.
    #[error("no process can be started to watch over the program: {0}")]
    Guard(io::Error),
    /// The service's socket failed.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// A thread of the service has failed.
    #[error("the PC/SC service has failed")]
    Broken,
    /// The reader cannot be made.
    #[error(transparent)]
    Reader(#[from] ReaderError),
}

/// A card, a program, and what each execution may use.
#[derive(Debug)]
pub struct Laboratory {
    card: VirtualCard,
    program: Program,
    limits: Limits,
    sockets: OwnDirectory,
    guard: Guard,
    number: AtomicU64,
    /// The loader's search path, if the card is to be in the program's own process.
    library: Option<OsString>,
}

impl Laboratory {
    /// Prepares executions of `program` with this card.
    ///
    /// # Errors
    /// The image makes no sense, or there is no directory for sockets.
    pub fn new(image: Image, program: Program, limits: Limits) -> Result<Self, LaboratoryError> {
        let card = VirtualCard::new(image, CardRng::from_seed(CARD_SEED))?;
        let sockets = OwnDirectory::new(&std::env::temp_dir(), SOCKETS);
        let sockets =
            sockets.map_err(|(path, error)| LaboratoryError::Directory { path, error })?;
        Ok(Self {
            card,
            program,
            limits,
            sockets,
            guard: Guard::new().map_err(LaboratoryError::Guard)?,
            number: AtomicU64::new(0),
            library: None,
        })
    }

    /// The same with the card in the program's own process, by a library that the loader finds along
    /// this search path: faster, and each process that the program starts has a card of its own.
    ///
    /// # Errors
    /// The card cannot be written to a file for it.
    pub fn in_process(mut self, search_path: OsString) -> Result<Self, LaboratoryError> {
        let path = self.card_file();
        let text = self.card.image().to_json();
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| LaboratoryError::File { path, error })?;
        self.library = Some(search_path);
        Ok(self)
    }

    /// The environment in which any process finds the card of an execution in itself, with its limit of
    /// commands; nothing if the card is not in the program's own process.
    pub fn surroundings(&self) -> Vec<(&'static str, OsString)> {
        let Some(search_path) = &self.library else {
            return Vec::new();
        };
        vec![
            (in_process::SEARCH_PATH, search_path.clone()),
            (in_process::CARDS, self.card_file().into()),
            (in_process::SEED, CARD_SEED.to_string().into()),
            (
                in_process::COMMANDS,
                self.limits.commands.to_string().into(),
            ),
        ]
    }

    /// A directory for files that are of use as long as this laboratory.
    pub fn directory(&self) -> &Path {
        self.sockets.path()
    }

    /// The program.
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// What each execution may use.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Runs the program once, with a fresh card and these faults.
    ///
    /// # Errors
    /// The execution could not take place; whatever the program does is an outcome.
    pub fn execute(&self, recipe: &Recipe) -> Result<Outcome, LaboratoryError> {
        let before = tries(&self.card);
        let faults = faults(recipe)?;
        let seen = Shared::default();
        let ran = match &self.library {
            None => {
                let card = InProcess::ephemeral(self.card.clone());
                let card = around(card, faults, &seen, self.limits.commands);
                self.serve(card, &seen)?
            }
            Some(_) => {
                lock(&seen).tries.clone_from(&before);
                self.lend(recipe, &seen)?
            }
        };
        let seen = lock(&seen);
        let after = seen.tries.iter();
        let before = before.into_iter().zip(after);
        Ok(Outcome {
            ended: ran.ended,
            stdout: ran.stdout,
            stderr: ran.stderr,
            given: seen.given.clone(),
            exchanges: seen.exchanges(),
            commands: seen.commands,
            commands_over: seen.commands > self.limits.commands,
            tries: before
                .map(|((reference, before), (_, after))| (reference, before, *after))
                .collect(),
        })
    }

    /// What the program gets of the card with these faults: the ATR and the answers, as far as they
    /// have room in so many bytes; and whether all had.
    ///
    /// # Errors
    /// The execution could not take place.
    pub fn record(
        &self,
        recipe: &Recipe,
        most: usize,
    ) -> Result<(Recorded, bool), LaboratoryError> {
        let faults = faults(recipe)?;
        let seen = Shared::default();
        let card = InProcess::ephemeral(self.card.clone());
        let card = around(card, faults, &seen, self.limits.commands);
        let heard = Arc::new(Mutex::new(Recorded {
            atr: card.atr().to_vec(),
            ..Recorded::default()
        }));
        let recorder = Recorder {
            heard: Arc::clone(&heard),
            room: most,
        };
        self.serve(Box::new(Layered::new(card, recorder)), &seen)?;
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let all = heard.answers.len() >= lock(&seen).commands;
        Ok((heard, all))
    }

    /// Puts the card into a reader of its own, and runs the program beside it.
    fn serve(&self, card: Card, seen: &Shared) -> Result<Ran, LaboratoryError> {
        let execution = self.number.fetch_add(1, Ordering::Relaxed);
        let mut numbers = (1 + execution as u32).wrapping_mul(0x9E37_79B1);
        let service = Arc::new(Service::new(move || {
            numbers = numbers.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            numbers
        }));
        service.add_reader(READER, Some(card))?;
        let door = Door::open(&self.sockets.path().join(execution.to_string()))?;
        let socket = door.path().to_owned();
        let no_pipe = |error| LaboratoryError::Directory {
            path: self.sockets.path().to_owned(),
            error,
        };
        let (mut stop, stopped) = UnixStream::pair().map_err(no_pipe)?;
        let serving = Arc::clone(&service);
        let door = thread::spawn(move || door.serve(&serving, Manners::default(), &stopped));
        let most = self.limits.commands;
        let rest = || (lock(seen).commands > most).then_some(LEAVE);
        let variables = [(CLIENT_VARIABLE, socket.as_os_str())];
        let ran = child::run(&self.program, &variables, &self.limits, &self.guard, rest);
        let _ = stop.write_all(&[0]);
        match door.join() {
            Ok(served) => served?,
            Err(_) => return Err(LaboratoryError::Broken),
        }
        ran.map_err(|error| self.not_run(error))
    }

    /// Runs the program with the card in its own process, and reads what it has seen.
    fn lend(&self, recipe: &Recipe, seen: &Shared) -> Result<Ran, LaboratoryError> {
        let execution = self.number.fetch_add(1, Ordering::Relaxed);
        let journal = self.sockets.path().join(execution.to_string());
        let (faults, most) = (recipe.faults().join("\n"), self.limits.commands);
        let surroundings = self.surroundings();
        let mut variables: Vec<(&str, &OsStr)> = surroundings
            .iter()
            .map(|(name, value)| (*name, value.as_os_str()))
            .collect();
        variables.push((in_process::FAULTS, faults.as_ref()));
        variables.push((in_process::JOURNAL, journal.as_os_str()));
        let file = |error| LaboratoryError::File {
            path: journal.clone(),
            error,
        };
        let reading = RefCell::new(Reading::of_new(&journal).map_err(file)?);
        let read = || reading.borrow_mut().advance(&mut lock(seen));
        let rest = || match read() {
            Ok(()) => (lock(seen).commands > most).then_some(LEAVE),
            Err(_) => Some(Duration::ZERO),
        };
        let ran = child::run(&self.program, &variables, &self.limits, &self.guard, rest);
        let rest = read();
        let _ = fs::remove_file(&journal);
        rest.map_err(file)?;
        ran.map_err(|error| self.not_run(error))
    }

    fn not_run(&self, error: io::Error) -> LaboratoryError {
        LaboratoryError::Program {
            path: self.program.path.clone(),
            error,
        }
    }

    /// The card as a file, for programs that have it in their own process.
    fn card_file(&self) -> PathBuf {
        self.sockets.path().join("card.json")
    }
}

fn faults(recipe: &Recipe) -> Result<Vec<Fault>, LaboratoryError> {
    let parse = |text: &String| {
        Fault::parse(text).map_err(|error| LaboratoryError::Fault {
            text: text.clone(),
            error,
        })
    };
    recipe.faults().iter().map(parse).collect()
}

/// What a program has got of a card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The ATR.
    pub atr: Vec<u8>,
    /// The answers, in order; a transfer that failed is an answer without bytes.
    pub answers: Vec<Vec<u8>>,
}

/// Writes down what a program gets.
struct Recorder {
    heard: Arc<Mutex<Recorded>>,
    /// How many bytes more are kept.
    room: usize,
}

impl Layer for Recorder {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        let answer = next.transmit(command);
        let got = answer.as_deref().unwrap_or_default();
        // Each has a length besides.
        match self.room.checked_sub(got.len() + 2) {
            Some(room) => {
                self.room = room;
                let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.answers.push(got.to_vec());
            }
            None => self.room = 0,
        }
        answer
    }
}
