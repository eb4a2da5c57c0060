//! One execution: a fresh card, a service of its own, the program.

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use kortlab_apdu::{Channel, ChannelError, Layered, Protocol, ResetKind};
use kortlab_emulator::{CardRng, Image, ImageError, InProcess, VirtualCard};
use kortlab_faults::{Fault, FaultError};
use kortlab_pcsc::door::{CLIENT_VARIABLE, Door, DoorError, Manners};
use kortlab_pcsc::{Card, ReaderError, Service};

use crate::child::{self, Ran};
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::program::Program;
use crate::recipe::Recipe;
use crate::sockets::Sockets;
use crate::watch::{Outside, Shared, lock};

/// The card's own randomness: the same in every execution.
const CARD_SEED: u64 = 1;
/// What the reader is called.
const READER: &str = "Kortlab 00 00";

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
    sockets: Sockets,
    number: AtomicU64,
}

impl Laboratory {
    /// Prepares executions of `program` with this card.
    ///
    /// # Errors
    /// The image makes no sense, or there is no directory for sockets.
    pub fn new(image: Image, program: Program, limits: Limits) -> Result<Self, LaboratoryError> {
        let card = VirtualCard::new(image, CardRng::from_seed(CARD_SEED))?;
        let sockets = Sockets::new(&std::env::temp_dir());
        let sockets =
            sockets.map_err(|(path, error)| LaboratoryError::Directory { path, error })?;
        Ok(Self {
            card,
            program,
            limits,
            sockets,
            number: AtomicU64::new(0),
        })
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
        let seen = Shared::default();
        let before = tries(&self.card);
        let bench = Bench::new(InProcess::ephemeral(self.card.clone()), Arc::clone(&seen));
        let mut channel: Card = Box::new(bench);
        for text in recipe.faults() {
            let fault = Fault::parse(text).map_err(|error| LaboratoryError::Fault {
                text: text.clone(),
                error,
            })?;
            channel = Box::new(Layered::new(channel, fault));
        }
        let outside = Outside {
            seen: Arc::clone(&seen),
            most: self.limits.commands,
        };
        let card: Card = Box::new(Layered::new(channel, outside));
        let ran = self.serve(card, &seen)?;
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
        // A program that goes on without a card, after it had too many commands, has had its time.
        let over = || lock(seen).commands > most.saturating_mul(2);
        let ran = child::run(
            &self.program,
            (CLIENT_VARIABLE, &socket),
            &self.limits,
            over,
        );
        let _ = stop.write_all(&[0]);
        match door.join() {
            Ok(served) => served?,
            Err(_) => return Err(LaboratoryError::Broken),
        }
        ran.map_err(|error| LaboratoryError::Program {
            path: self.program.path.clone(),
            error,
        })
    }
}

/// The tries left of each PIN.
fn tries(card: &VirtualCard) -> Vec<(u8, u8)> {
    let pins = card.state().pins.iter();
    pins.map(|pin| (pin.reference, pin.tries_left)).collect()
}

/// The card, and what it truly answers and has become.
struct Bench {
    card: InProcess,
    seen: Shared,
}

impl Bench {
    fn new(card: InProcess, seen: Shared) -> Self {
        lock(&seen).tries = tries(card.card());
        Self { card, seen }
    }
}

impl Channel for Bench {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let answer = Channel::transmit(&mut self.card, command)?;
        let mut seen = lock(&self.seen);
        seen.card_answered(&answer);
        seen.tries = tries(self.card.card());
        Ok(answer)
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        Channel::reset(&mut self.card, kind)
    }

    fn power_on(&mut self) -> Result<(), ChannelError> {
        Channel::power_on(&mut self.card)
    }

    fn power_off(&mut self) -> Result<(), ChannelError> {
        Channel::power_off(&mut self.card)
    }

    fn atr(&self) -> &[u8] {
        Channel::atr(&self.card)
    }

    fn protocol(&self) -> Protocol {
        Channel::protocol(&self.card)
    }

    fn max_command_data(&self) -> usize {
        self.card.max_command_data()
    }
}
