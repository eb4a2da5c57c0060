//! Keeps a card in vpcd's reader and changes it for another one between two programs:
//! `kortlab-card-changer HOST:PORT DIRECTORY`.
//!
//! The first card is `next.json` in the directory. When there is a `next.json` again, the next
//! command goes to that card, and the file is removed. The reader notices nothing, since the cards
//! have the same answer to reset; so two hundred cards take seconds, not the 1.6 seconds each that
//! pulling one out and pushing in another would.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs};

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_emulator::link::vpcd::VpcdLink;
use kortlab_emulator::{CardRng, Image, VirtualCard};

struct Changer {
    card: VirtualCard,
    next: PathBuf,
}

impl Changer {
    fn new(next: PathBuf) -> Result<Self, String> {
        let card = load(&next)?;
        Ok(Self { card, next })
    }
}

fn load(next: &PathBuf) -> Result<VirtualCard, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", next.display());
    let json = fs::read(next).map_err(|error| failed(&error))?;
    let image = Image::from_json(&json).map_err(|error| failed(&error))?;
    let mut card =
        VirtualCard::new(image, CardRng::from_seed(0)).map_err(|error| failed(&error))?;
    card.power_on();
    fs::remove_file(next).map_err(|error| failed(&error))?;
    Ok(card)
}

impl Channel for Changer {
    fn power_on(&mut self) -> Result<(), ChannelError> {
        self.card.power_on();
        Ok(())
    }

    fn power_off(&mut self) -> Result<(), ChannelError> {
        self.card.power_off();
        Ok(())
    }

    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        self.card.reset();
        Ok(())
    }

    fn atr(&self) -> &[u8] {
        self.card.atr()
    }

    fn protocol(&self) -> Protocol {
        self.card.protocol()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        if self.next.exists() {
            match load(&self.next) {
                Ok(card) => self.card = card,
                Err(error) => eprintln!("kortlab-card-changer: {error}"),
            }
        }
        Ok(self.card.transmit(command))
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, directory] = arguments.as_slice() else {
        eprintln!("usage: kortlab-card-changer HOST:PORT DIRECTORY");
        return ExitCode::from(2);
    };
    let run = || {
        let mut card = Changer::new(PathBuf::from(directory).join("next.json"))?;
        // Nobody writes to it: the card stays until this program is ended.
        let (_stop, stopped) = UnixStream::pair().map_err(|error| error.to_string())?;
        VpcdLink::new(address.as_str())
            .run(&mut card, &stopped, |_| {})
            .map_err(|error| error.to_string())
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kortlab-card-changer: {error}");
            ExitCode::FAILURE
        }
    }
}
