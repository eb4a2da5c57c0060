//! Opens the card that was named, with the layers around it that were asked for.

use std::path::Path;
use std::time::Duration;

use kortlab_apdu::{Channel, ChannelError, FilePath};
use kortlab_card::{Problem, Severity};
use kortlab_emulator::link::socket::SocketChannel;
use kortlab_emulator::{
    CardRng, Ephemeral, Image, ImageError, ImageFile, Inserted, Store, StoreError, VirtualCard,
};
use kortlab_trace::{MAX_TRACE, Manner, Replay};

use super::journal::{CardJournal, SharedImage};
use super::proven::{Proof, Unproven};
use super::{CardSpec, Layers};
#[cfg(not(feature = "pcsc"))]
use crate::failure::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::{note, warn};

/// A channel to some card.
pub type AnyChannel = Box<dyn Channel + Send>;

/// A virtual card in this process.
pub type VirtualCardChannel = Inserted<ImageStore>;

/// How long a card image that another program uses is waited for: another command on it is over
/// by then.
const PATIENCE: Duration = Duration::from_secs(2);

/// Opens the card. With `ephemeral`, what is changed on a virtual one in this process is forgotten,
/// and its image is neither locked nor written. `timeout` is how long the whole answer to a command
/// may take, and how long another program that holds the card is waited for; each has a default
/// of its own.
///
/// # Errors
/// No reader, no card, no image, or one that cannot be used.
pub fn open(
    card: &CardSpec,
    layers: &Layers,
    ephemeral: bool,
    timeout: Option<Duration>,
) -> Result<AnyChannel, Failure> {
    open_with_journal(card, layers, ephemeral, timeout).map(|(channel, _)| channel)
}

/// The same, and where changes of this card are noted down.
///
/// # Errors
/// As for [`open`].
pub fn open_with_journal(
    card: &CardSpec,
    layers: &Layers,
    ephemeral: bool,
    timeout: Option<Duration>,
) -> Result<(AnyChannel, CardJournal), Failure> {
    let channel = match card {
        CardSpec::OnlyReader => layers.around(pcsc(None, timeout)?, None),
        CardSpec::Reader(reader) => layers.around(pcsc(Some(reader), timeout)?, None),
        CardSpec::Image(path) => {
            let card = virtual_card(path, ephemeral, layers)?;
            let journal = match card.store() {
                ImageStore::File(image, _) => CardJournal::of_image(image.clone()),
                ImageStore::Nowhere(_) => CardJournal::of_copy(&card.card().image()),
            };
            return Ok((layers.around(card, None), journal));
        }
        CardSpec::Socket(path) => {
            let card = SocketChannel::connect(path, timeout);
            layers.around(card.map_err(|error| no_card_at(path, error))?, None)
        }
        CardSpec::Replay { path, lenient } => {
            let card = layers.around(replay(path, *lenient)?, None);
            return Ok((card, CardJournal::of_replay()));
        }
    };
    Ok((channel, CardJournal::of_user()))
}

/// The recorded session with the first card of a trace.
fn replay(path: &Path, lenient: bool) -> Result<Replay, Failure> {
    let bytes = files::read_secret(path, MAX_TRACE)?;
    let reading = kortlab_trace::read(&bytes);
    for trouble in &reading.troubles {
        warn(format_args!("{}: {trouble}", path.display()));
    }
    let manner = match lenient {
        true => Manner::Lenient,
        false => Manner::Strict,
    };
    if let [first, _, ..] = reading.cards().as_slice() {
        note(format_args!(
            "{} is about several cards; the session with {first} is replayed",
            path.display()
        ));
    }
    Replay::new(&reading, manner).ok_or_else(|| {
        Failure::failed(format!("{} has no command in it", path.display()))
            .of_kind("invalid")
            .hint(kortlab_trace::WHAT_IS_READ)
    })
}

/// When it is looked at whether the primes of a card's keys are primes, which takes longer than all the
/// rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primes {
    /// Before programs are served.
    First,
    /// Meanwhile; [`Proof::finish`] says what came of it.
    Meanwhile,
}

/// Makes a virtual card of an image, for a reader or a socket, that is torn out if the layers say
/// so. Unless it is ephemeral, nobody else can while it is there: its file is locked. What could
/// not be saved is told to `on_failure`, since a program behind a reader hears no more than a status
/// word. With primes that are looked at meanwhile there is a proof to wait for.
///
/// # Errors
/// The file cannot be read, stays in use, or is no card image.
pub fn insert(
    path: &Path,
    ephemeral: bool,
    layers: &Layers,
    on_failure: OnFailure,
    primes: Primes,
) -> Result<(VirtualCardChannel, Option<Proof>), Failure> {
    let (file, image) = read(path, ephemeral)?;
    let unproven = Unproven::of(path, &image);
    let file = file.map(|file| SharedImage::new(file, image.clone()));
    let card = of_image(path, image)?;
    // Only of a card that there is.
    let proof = match (unproven, primes) {
        (Some(unproven), Primes::Meanwhile) => Some(unproven.begin()),
        (Some(unproven), Primes::First) => {
            unproven.check()?;
            None
        }
        (None, _) => None,
    };
    let card = with_layers(card, file, layers, Some(on_failure))?;
    warn_of_change(path, &card);
    Ok((card, proof))
}

/// Says so if a change of the card is not finished.
fn warn_of_change(path: &Path, card: &VirtualCardChannel) {
    if card.card().image().pending_change.is_some() {
        warn(format_args!(
            "{}: a change of this card was interrupted and is not finished; programs will read it \
             half-way, and those that reach it in its reader cannot recover it: what completes or \
             undoes the change is in the image. End this and run `kortlab --card {} recover` first",
            path.display(),
            path.display()
        ));
    }
}

/// The card of an image on the command line.
fn virtual_card(
    path: &Path,
    ephemeral: bool,
    layers: &Layers,
) -> Result<VirtualCardChannel, Failure> {
    let (file, image) = read(path, ephemeral)?;
    let unproven = Unproven::of(path, &image);
    let file = file.map(|file| SharedImage::new(file, image.clone()));
    let card = of_image(path, image)?;
    unproven.map_or(Ok(()), Unproven::check)?;
    with_layers(card, file, layers, None)
}

/// Reads an image, and locks its file unless it is only looked at. Whether it fits together is not looked
/// at.
fn read(path: &Path, ephemeral: bool) -> Result<(Option<ImageFile>, Image), Failure> {
    let read = match ephemeral {
        true => ImageFile::peek_again(path).map(|image| (None, image)),
        false => {
            let opened = ImageFile::open_known_within(path, PATIENCE);
            opened.map(|(file, image)| (Some(file), image))
        }
    };
    read.map_err(|error| about(path, &error))
}

/// The card of this image.
fn of_image(path: &Path, image: Image) -> Result<VirtualCard, Failure> {
    let rng = CardRng::from_os()
        .map_err(|error| Failure::failed(format!("no random numbers: {error}")))?;
    VirtualCard::new(image, rng).map_err(|error| about(path, &error))
}

/// The card with its layers, which is saved in the file of its image if there is one.
fn with_layers(
    mut card: VirtualCard,
    file: Option<SharedImage>,
    layers: &Layers,
    on_failure: Option<OnFailure>,
) -> Result<VirtualCardChannel, Failure> {
    let store = match file {
        Some(file) => ImageStore::File(file, on_failure),
        None => ImageStore::Nowhere(Ephemeral),
    };
    layers.plant(&mut card);
    layers.begin(&card)?;
    Ok(Inserted::new(card, store))
}

/// Refuses an image that another process will use, and that is none or has keys that are none.
///
/// # Errors
/// The file cannot be read, or is no card image.
pub fn check_image(path: &Path) -> Result<(), Failure> {
    let (_, image) = read(path, true)?;
    let unproven = Unproven::of(path, &image);
    of_image(path, image)?;
    unproven.map_or(Ok(()), Unproven::check)
}

/// Why no card is behind a socket, and what to do.
fn no_card_at(path: &Path, error: ChannelError) -> Failure {
    let is_there = !matches!(error, ChannelError::NoReader(_));
    let failure = Failure::from(error);
    if is_there || failure.next_step().is_some() {
        return failure;
    }
    failure.hint(format!(
        "check the path; `kortlab emulate FILE.json --socket {}` has a card listen there",
        path.display()
    ))
}

/// Why a card image cannot be used, and what to do.
pub fn about(path: &Path, error: &ImageError) -> Failure {
    let failure = Failure::from(error.clone());
    match error {
        ImageError::File { .. } => failure,
        ImageError::InUse { .. } => failure.hint(
            "if it puts the card into a reader or on a socket, use that: -c pcsc, or \
             -c socket:PATH; else end it first; --ephemeral works with a copy",
        ),
        _ => {
            let next = "`kortlab card new` makes card images; docs/image.md says what they hold";
            let file = path.display().to_string();
            let problem = Problem::new(
                Severity::Error,
                error.code(),
                file,
                &FilePath::EMPTY,
                error.detail(),
            )
            .hint(next);
            failure
                .saying(format!("{}: {error}", path.display()))
                .hint(next)
                .because([problem])
        }
    }
}

/// What is told of a change that could not be saved.
pub type OnFailure = Box<dyn FnMut(&StoreError) + Send>;

/// Where a virtual card keeps what is changed.
pub enum ImageStore {
    /// In its image; whoever wants to hears of what could not be saved.
    File(SharedImage, Option<OnFailure>),
    /// Nowhere.
    Nowhere(Ephemeral),
}

impl Store for ImageStore {
    fn save(&mut self, image: &Image) -> Result<(), StoreError> {
        match self {
            Self::File(file, on_failure) => file.save(image).inspect_err(|error| {
                if let Some(tell) = on_failure {
                    tell(error);
                }
            }),
            Self::Nowhere(nowhere) => nowhere.save(image),
        }
    }

    fn keeps(&self) -> bool {
        match self {
            Self::File(file, _) => file.keeps(),
            Self::Nowhere(nowhere) => nowhere.keeps(),
        }
    }
}

#[cfg(feature = "pcsc")]
fn pcsc(
    reader: Option<&str>,
    timeout: Option<Duration>,
) -> Result<kortlab_card::pcsc::PcscChannel, Failure> {
    use kortlab_card::pcsc::Choice;

    let choice = match reader {
        None => Choice::OnlyCard,
        Some(reader) => Choice::Named(reader.to_owned()),
    };
    connect(choice, timeout)
}

/// Connects to the card in a PC/SC reader; waiting for another program is told.
///
/// # Errors
/// No reader, no card, or another program holds it.
#[cfg(feature = "pcsc")]
pub fn connect(
    choice: kortlab_card::pcsc::Choice,
    timeout: Option<Duration>,
) -> Result<kortlab_card::pcsc::PcscChannel, Failure> {
    use kortlab_card::pcsc::{ConnectOptions, connect};

    let usual = ConnectOptions::default();
    let options = ConnectOptions {
        answer_timeout: timeout.unwrap_or(usual.answer_timeout),
        hold_timeout: timeout.unwrap_or(usual.hold_timeout),
        on_wait: Some(|text| note(text)),
        ..usual
    };
    Ok(connect(&choice, options)?)
}

#[cfg(not(feature = "pcsc"))]
fn pcsc(_reader: Option<&str>, _timeout: Option<Duration>) -> Result<AnyChannel, Failure> {
    Err(without_pcsc())
}

/// What a build without PC/SC says when a reader is wanted.
#[cfg(not(feature = "pcsc"))]
pub fn without_pcsc() -> Failure {
    Failure::new(
        Exit::NoCard,
        "no reader: this build of kortlab has no PC/SC",
    )
    .hint(
        "name a card image (--card card.json) or a socket (--card socket:PATH), or build with the \
         feature pcsc",
    )
}
