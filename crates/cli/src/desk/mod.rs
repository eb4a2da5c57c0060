//! Cards in readers of our own: what `run` and `pcscd` have in common.

mod place;
mod real;

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use clap::Args;
use kortlab_emulator::StoreError;
use kortlab_emulator::link::vpcd::ABSENCE;
use kortlab_pcsc::Service;
use kortlab_pcsc::door::{CLIENT_VARIABLE, Door, DoorError, Manners};
use kortlab_pcsc::terms::state;

use crate::channel::{AnyChannel, CardSpec, insert};
use crate::commands::Context;
use crate::failure::Failure;
use crate::output::note;

pub use place::{for_one_run, standing};

/// The readers, as they are asked for on the command line.
#[derive(Args)]
pub struct ReaderArguments {
    /// Name the reader so; with several cards give it once for each, or once for all, and they are
    /// numbered [default: Kortlab 00 00, Kortlab 01 00, …]
    #[arg(long = "reader-name", value_name = "NAME")]
    names: Vec<String>,
}

/// Which card is in which reader.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The image, or what the card was called on the command line.
    pub card: PathBuf,
    /// Whether that is an image.
    pub is_image: bool,
    /// The reader's name.
    pub reader: String,
}

/// A PC/SC service with cards in its readers, and the door that programs come in by.
pub struct Desk {
    service: Arc<Service>,
    seats: Vec<Seat>,
    door: Option<JoinHandle<Result<(), DoorError>>>,
    socket: PathBuf,
    stop: UnixStream,
    /// Ends the thread that pushes cards in again.
    _awake: mpsc::Sender<()>,
}

impl Desk {
    /// Puts the cards into readers and opens the door at this path. Without images it is the card
    /// that was named with --card. Programs are treated with these manners.
    ///
    /// # Errors
    /// A card cannot be used, a reader not be named so, or the socket not be made.
    pub fn open(
        context: &Context,
        images: &[PathBuf],
        readers: &ReaderArguments,
        socket: &Path,
        manners: Manners,
    ) -> Result<Self, Failure> {
        let mut numbers = Numbers::new()?;
        let service = Arc::new(Service::new(move || numbers.next()));
        let mut images = images.to_vec();
        if let (true, CardSpec::Image(image)) = (images.is_empty(), &context.card) {
            images.push(image.clone());
        }
        let names = names(&readers.names, images.len())?;
        // The door first: who finds it taken has not touched a card.
        let door = Door::open(socket).map_err(|error| about_door(&error))?;
        let (awake, sleep) = mpsc::channel();
        let mut seats = Vec::new();
        if images.is_empty() {
            let name = readers.names.first().map(String::as_str);
            let reader = real::stand_before(context, &service, name, sleep)?;
            seats.push(Seat {
                card: PathBuf::from("the card"),
                is_image: false,
                reader,
            });
        } else {
            let several = images.len() > 1;
            for (image, reader) in images.into_iter().zip(names) {
                let card = card(context, &image, several)?;
                add(&service, &reader, Some(card))?;
                seats.push(Seat {
                    card: image,
                    is_image: true,
                    reader,
                });
            }
            let (service, readers) = (Arc::clone(&service), seats.clone());
            if context.layers.tears() {
                thread::spawn(move || push_in_again(&service, &readers, &sleep));
            }
        }
        let failed = |error: std::io::Error| Failure::failed(format!("no pipe: {error}"));
        let (stop, stopped) = UnixStream::pair().map_err(failed)?;
        let socket = door.path().to_owned();
        let serving = Arc::clone(&service);
        let door = thread::spawn(move || door.serve(&serving, manners, &stopped));
        Ok(Self {
            service,
            seats,
            door: Some(door),
            socket,
            stop,
            _awake: awake,
        })
    }

    /// Which card is in which reader.
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The environment variable that brings a program here, and its value.
    pub fn variable(&self) -> (&'static str, &Path) {
        (CLIENT_VARIABLE, &self.socket)
    }

    /// Whether the door still stands open.
    pub fn is_open(&self) -> bool {
        self.door.as_ref().is_some_and(|door| !door.is_finished())
    }

    /// Shuts the door behind the last client, and takes the cards out.
    ///
    /// # Errors
    /// The socket has failed meanwhile.
    pub fn close(mut self) -> Result<(), Failure> {
        let closed = self.shut();
        for seat in &self.seats {
            let _ = self.service.remove(&seat.reader);
        }
        closed
    }

    fn shut(&mut self) -> Result<(), Failure> {
        let _ = (&self.stop).write_all(&[0]);
        match self.door.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(error))) => Err(about_door(&error)),
            Some(Err(_)) => Err(Failure::failed("the PC/SC service has failed")),
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.shut();
    }
}

/// A virtual card for a reader; what cannot be saved is told at once.
fn card(context: &Context, image: &Path, several: bool) -> Result<AnyChannel, Failure> {
    let name = image.display().to_string();
    let told = name.clone();
    let on_failure = Box::new(move |error: &StoreError| {
        note(format_args!(
            "{told}: a change could not be saved, and the program was refused it: {error}; with \
             --ephemeral nothing is saved"
        ));
    });
    let label = several.then_some(name.as_str());
    insert(image, context.ephemeral, &context.layers, label, on_failure)
}

fn add(service: &Service, reader: &str, card: Option<AnyChannel>) -> Result<(), Failure> {
    service
        .add_reader(reader, card)
        .map_err(|error| Failure::usage(error.to_string()).hint("see --reader-name"))
}

/// The names of so many readers.
fn names(given: &[String], cards: usize) -> Result<Vec<String>, Failure> {
    let numbered = |name: &str| (0..cards).map(|n| format!("{name} {n:02} 00")).collect();
    match given {
        [] => Ok(numbered("Kortlab")),
        [name] if cards > 1 => Ok(numbered(name)),
        given if given.len() == cards.max(1) => Ok(given.to_vec()),
        given => Err(Failure::usage(format!(
            "there are {} names of readers for {cards} cards",
            given.len()
        ))
        .hint("give --reader-name once for each card, or once for all")),
    }
}

/// Pushes cards in again that were torn out, when programs have had the time to see it.
fn push_in_again(service: &Service, seats: &[Seat], sleep: &mpsc::Receiver<()>) {
    let tick = Duration::from_millis(100);
    let mut out_for = vec![Duration::ZERO; seats.len()];
    while let Err(mpsc::RecvTimeoutError::Timeout) = sleep.recv_timeout(tick) {
        for (seat, out_for) in seats.iter().zip(&mut out_for) {
            let states = service.reader_states();
            let out = states
                .iter()
                .any(|found| found.name == seat.reader && found.state & state::ABSENT != 0);
            *out_for = if out { *out_for + tick } else { Duration::ZERO };
            if *out_for > ABSENCE {
                let _ = service.reinsert(&seat.reader);
            }
        }
    }
}

fn about_door(error: &DoorError) -> Failure {
    let failure = Failure::failed(error.to_string());
    match error {
        DoorError::TooLong(_) => failure
            .hint("name a shorter path with --socket, or set XDG_RUNTIME_DIR to a shorter one"),
        DoorError::InUse(_) => failure.hint("end that one, or name another path with --socket"),
        DoorError::NotASocket(_) => failure.hint("name another path with --socket"),
        _ => failure,
    }
}

/// The numbers of contexts and handles: random, from the operating system.
struct Numbers {
    rng: kortlab_emulator::CardRng,
}

impl Numbers {
    fn new() -> Result<Self, Failure> {
        let rng = kortlab_emulator::CardRng::from_os()
            .map_err(|error| Failure::failed(format!("no random numbers: {error}")))?;
        Ok(Self { rng })
    }

    fn next(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.rng.fill(&mut bytes);
        u32::from_ne_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn readers_are_named_one_by_one_or_numbered() {
        let given = |names: &[&str], cards| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            super::names(&names, cards).ok()
        };
        assert_eq!(given(&[], 1), Some(vec!["Kortlab 00 00".to_owned()]));
        assert_eq!(given(&["Desk"], 1), Some(vec!["Desk".to_owned()]));
        let two = given(&["Desk"], 2).expect("names");
        assert_eq!(two, ["Desk 00 00", "Desk 01 00"]);
        assert_eq!(given(&["A", "B"], 2).expect("names"), ["A", "B"]);
        assert_eq!(given(&["A", "B"], 1), None);
        assert_eq!(given(&["A", "B"], 3), None);
    }
}
