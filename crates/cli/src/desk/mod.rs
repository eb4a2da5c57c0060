//! Cards in readers of our own: what `run` and `pcscd` have in common.

mod place;
mod readers;
mod real;

use std::collections::BTreeMap;
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

use crate::channel::{
    AntennaArguments, AnyChannel, CardSpec, Layers, OnFailure, Primes, Proof, insert,
};
use crate::commands::Context;
use crate::control::{
    self, ControlArguments, ControlDoor, Lab, Place, Plugged, Readers, SharedCard,
};
use crate::failure::Failure;
use crate::files::same_file;
use crate::output::note;

pub use place::{control_doors, for_a_library, for_control, for_one_run, standing};
use readers::OwnReaders;

/// The readers, as they are asked for on the command line.
#[derive(Args)]
pub struct ReaderArguments {
    /// Name the reader so; with several cards give it once for each, or once for all, and they are
    /// numbered [default: Kortlab 00 00, Kortlab 01 00, …]
    #[arg(long = "reader-name", value_name = "NAME")]
    names: Vec<String>,

    /// Give the readers PIN pads; their keys are pressed by `kortlab ctl press`, so that no PIN
    /// passes through the program
    #[arg(long)]
    pin_pad: bool,

    /// Add an empty reader of this name
    #[arg(long = "empty-reader", value_name = "NAME")]
    empty: Vec<String>,

    #[command(flatten)]
    antenna: AntennaArguments,

    #[command(flatten)]
    control: ControlArguments,
}

impl ReaderArguments {
    /// The names of the readers of so many cards.
    ///
    /// # Errors
    /// There are more or fewer than cards.
    pub fn names(&self, cards: usize) -> Result<Vec<String>, Failure> {
        names(&self.names, cards)
    }
}

/// Which card is in which reader.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The image, or what the card was called on the command line; nothing if the reader is empty.
    pub card: PathBuf,
    /// Whether that is an image.
    pub is_image: bool,
    /// The reader's name.
    pub reader: String,
}

impl Seat {
    /// What is no image, in this reader.
    fn of(card: &str, reader: &str) -> Self {
        Self {
            card: PathBuf::from(card),
            is_image: false,
            reader: reader.to_owned(),
        }
    }
}

/// A PC/SC service with cards in its readers, and the door that programs come in by.
pub struct Desk {
    service: Arc<Service>,
    seats: Vec<Seat>,
    door: Option<JoinHandle<Result<(), DoorError>>>,
    socket: PathBuf,
    control: Option<ControlDoor>,
    stop: UnixStream,
    proofs: Vec<Proof>,
    /// Ends the thread that pushes cards in again.
    _awake: mpsc::Sender<()>,
}

impl Desk {
    /// Puts the cards into readers and opens the door at this path. Without images it is the card
    /// that was named with --card, unless all that is wanted is empty readers. Programs are treated with these manners.
    ///
    /// # Errors
    /// A card cannot be used, a reader not be named so, or the socket not be made.
    pub fn open(
        context: &Context,
        images: &[PathBuf],
        readers: &ReaderArguments,
        socket: &Path,
        manners: Manners,
        primes: Primes,
    ) -> Result<Self, Failure> {
        let mut numbers = Numbers::new()?;
        let service = Arc::new(Service::new(move || numbers.next()));
        let images = context.images(images);
        let names = readers.names(images.len())?;
        check_apart(context, &images)?;
        // The door first: who finds it taken has not touched a card.
        let door = Door::open(socket).map_err(|error| about_door(&error))?;
        let (awake, sleep) = mpsc::channel();
        let mut proofs = Vec::new();
        let mut seats = Vec::new();
        let mut places = Vec::new();
        let layers = context.layers.clone().with_uid(readers.antenna.uid()?);
        let own = OwnReaders {
            service: Arc::clone(&service),
            pin_pads: readers.pin_pad,
        };
        let named = !matches!(context.card, CardSpec::OnlyReader);
        if images.is_empty() && (named || readers.empty.is_empty()) {
            let name = readers.names.first().map(String::as_str);
            let place = real::stand_before(context, &layers, &service, name, sleep)?;
            seats.push(Seat::of("the card", place.name()));
            own.fit(&place)?;
            places.push(Arc::new(place));
        } else {
            let several = images.len() > 1;
            for (image, reader) in images.into_iter().zip(names) {
                let place = Arc::new(Place::new(reader.clone(), &layers, layers.tears())?);
                let named = several.then_some(image.as_path());
                let ephemeral = context.ephemeral;
                let (card, proof) = card(ephemeral, &layers, &image, &place, named, primes)?;
                proofs.extend(proof);
                place.put_in(Some(card))?;
                own.add(&place)?;
                places.push(place);
                seats.push(Seat {
                    card: image,
                    is_image: true,
                    reader,
                });
            }
            if layers.tears() {
                let service = Arc::clone(&service);
                thread::spawn(move || push_in_again(&service, &sleep));
            }
        }
        for name in &readers.empty {
            let place = Arc::new(Place::new(name.clone(), &layers, layers.tears())?);
            own.add(&place)?;
            places.push(place);
            seats.push(Seat::of("", name));
        }
        let make_card = {
            let (ephemeral, layers) = (context.ephemeral, layers.clone());
            Box::new(move |image: &Path, place: &Place| {
                let made = card(ephemeral, &layers, image, place, Some(image), Primes::First)?;
                Ok(made.0)
            })
        };
        let lab = Lab::new(Box::new(own), make_card, layers, places);
        let control = readers.control.open(Arc::new(lab))?;
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
            control,
            stop,
            proofs,
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

    /// The control door's socket, if there is one.
    pub fn control(&self) -> Option<&Path> {
        self.control.as_ref().map(ControlDoor::path)
    }

    /// The environment variables that bring a program here, and their values.
    pub fn variables(&self) -> Vec<(&'static str, &Path)> {
        let control = self.control().map(|path| (control::VARIABLE, path));
        let client = (CLIENT_VARIABLE, self.socket());
        [client].into_iter().chain(control).collect()
    }

    /// Whether the door still stands open.
    pub fn is_open(&self) -> bool {
        self.door.as_ref().is_some_and(|door| !door.is_finished())
    }

    /// Shuts the door behind the last client, and takes the cards out.
    ///
    /// # Errors
    /// The socket has failed meanwhile, or a card's keys have no primes.
    pub fn close(mut self) -> Result<(), Failure> {
        let mut closed = self.shut();
        for proof in std::mem::take(&mut self.proofs) {
            closed = closed.and(proof.finish());
        }
        for reader in self.service.reader_states() {
            let _ = self.service.remove(&reader.name);
        }
        closed
    }

    fn shut(&mut self) -> Result<(), Failure> {
        self.control = None;
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

/// A virtual card for a reader, called so in a trace; what cannot be saved is told at once.
fn card(
    ephemeral: bool,
    layers: &Layers,
    image: &Path,
    place: &Place,
    name: Option<&Path>,
    primes: Primes,
) -> Result<(Plugged, Option<Proof>), Failure> {
    let (card, proof) = insert(image, ephemeral, layers, on_failure(image), primes)?;
    let card = SharedCard::new(card, image.to_owned());
    let name = name.map(|name| name.display().to_string());
    let plugged = Plugged::new(card, layers, place, name.as_deref());
    Ok((plugged, proof))
}

/// Refuses an image that is to be in two readers, unless each gets a copy.
///
/// # Errors
/// One is named twice.
pub fn check_apart(context: &Context, images: &[PathBuf]) -> Result<(), Failure> {
    if context.ephemeral {
        return Ok(());
    }
    for (index, image) in images.iter().enumerate() {
        let before = images.iter().take(index);
        if before.into_iter().any(|other| same_file(other, image)) {
            return Err(Failure::usage(format!(
                "the card image {} is named twice, and one card is in one reader",
                image.display()
            ))
            .hint("name another image, or give each reader a copy with --ephemeral"));
        }
    }
    Ok(())
}

/// Says that a change could not be saved.
fn on_failure(image: &Path) -> OnFailure {
    let told = image.display().to_string();
    Box::new(move |error: &StoreError| {
        note(format_args!(
            "{told}: a change could not be saved, and the program was refused it: {error}; with \
             --ephemeral nothing is saved"
        ));
    })
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
fn push_in_again(service: &Service, sleep: &mpsc::Receiver<()>) {
    let tick = Duration::from_millis(100);
    let mut out_for: BTreeMap<String, Duration> = BTreeMap::new();
    while let Err(mpsc::RecvTimeoutError::Timeout) = sleep.recv_timeout(tick) {
        let out = service.reader_states();
        let out = out
            .into_iter()
            .filter(|seen| seen.state & state::ABSENT != 0);
        out_for = out
            .map(|seen| {
                let before = out_for.get(&seen.name).copied().unwrap_or_default();
                (seen.name, before + tick)
            })
            .collect();
        for (reader, _) in out_for.iter().filter(|(_, time)| **time > ABSENCE) {
            let _ = service.reinsert(reader);
        }
    }
}

fn about_door(error: &DoorError) -> Failure {
    let failure = Failure::failed(error.to_string());
    match error {
        DoorError::TooLong(_) => failure
            .hint("name a shorter path with --socket, or set XDG_RUNTIME_DIR to a shorter one"),
        DoorError::InUse(_) => failure
            .of_kind("in-use")
            .hint("end that one, or name another path with --socket"),
        _ => failure.hint("name another path with --socket"),
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
