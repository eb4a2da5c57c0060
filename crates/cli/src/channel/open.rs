//! Opens the card that was named. Whatever is to stand between a command and its card (recording,
//! faults) goes around the channel that [`open`] returns.

use std::path::Path;

use kortlab_apdu::Channel;
use kortlab_emulator::{
    CardRng, Ephemeral, Image, ImageError, ImageFile, Inserted, Store, StoreError, VirtualCard,
};

use super::{CardSpec, Fault, SocketChannel};
#[cfg(not(feature = "pcsc"))]
use crate::failure::Exit;
use crate::failure::Failure;

/// A channel to some card.
pub type AnyChannel = Box<dyn Channel>;

/// A virtual card in this process.
pub type VirtualCardChannel = Inserted<ImageStore>;

/// Opens the card, with what is to go wrong with it: only a virtual card in this process has faults.
///
/// # Errors
/// No reader, no card, no image, or one that cannot be used.
pub fn open(card: &CardSpec, fault: Option<Fault>) -> Result<AnyChannel, Failure> {
    Ok(match card {
        CardSpec::OnlyReader => pcsc(None)?,
        CardSpec::Reader(reader) => pcsc(Some(reader))?,
        CardSpec::Image(path) => Box::new(insert(path, false, fault)?),
        CardSpec::Socket(path) => Box::new(SocketChannel::connect(path)?),
    })
}

/// Makes a virtual card of an image. While it is there nobody else can: its file is locked.
///
/// # Errors
/// The file cannot be read, is in use, or is no card image.
pub fn insert(
    path: &Path,
    ephemeral: bool,
    fault: Option<Fault>,
) -> Result<VirtualCardChannel, Failure> {
    let (file, image) = ImageFile::open(path).map_err(|error| about(path, &error))?;
    let store = if ephemeral {
        ImageStore::Nowhere(Ephemeral)
    } else {
        ImageStore::File(file)
    };
    let rng = CardRng::from_os()
        .map_err(|error| Failure::failed(format!("no random numbers: {error}")))?;
    let mut card = VirtualCard::new(image, rng).map_err(|error| about(path, &error))?;
    if let Some(fault) = fault {
        fault.plant(&mut card);
    }
    Ok(Inserted::new(card, store))
}

fn about(path: &Path, error: &ImageError) -> Failure {
    match error {
        ImageError::File { .. } => Failure::failed(error.to_string()),
        _ => Failure::failed(format!("{}: {error}", path.display()))
            .hint("`kortlab card new` makes card images; docs/image.md says what they hold"),
    }
}

/// Where a virtual card keeps what is changed.
#[derive(Debug)]
pub enum ImageStore {
    /// In its image.
    File(ImageFile),
    /// Nowhere.
    Nowhere(Ephemeral),
}

impl Store for ImageStore {
    fn save(&mut self, image: &Image) -> Result<(), StoreError> {
        match self {
            Self::File(file) => file.save(image),
            Self::Nowhere(nowhere) => nowhere.save(image),
        }
    }

    fn keeps(&self) -> bool {
        match self {
            Self::File(file) => file.keeps(),
            Self::Nowhere(nowhere) => nowhere.keeps(),
        }
    }
}

#[cfg(feature = "pcsc")]
fn pcsc(reader: Option<&str>) -> Result<AnyChannel, Failure> {
    use kortlab_card::pcsc::{Choice, ConnectOptions, connect};

    let choice = match reader {
        None => Choice::OnlyCard,
        Some(reader) => Choice::Named(reader.to_owned()),
    };
    Ok(Box::new(connect(&choice, ConnectOptions::default())?))
}

#[cfg(not(feature = "pcsc"))]
fn pcsc(_reader: Option<&str>) -> Result<AnyChannel, Failure> {
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
