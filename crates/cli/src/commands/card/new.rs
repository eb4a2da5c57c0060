//! `kortlab card new`: makes a card image.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kortlab_apdu::Protocol;
use kortlab_emulator::{Image, ImageFile};
use kortlab_issuer::clock::Timestamp;
use kortlab_renewal::states::{NewCard, new_card};
use kortlab_renewal::world::TestWorld;
use serde::Serialize;

use super::super::Context;
use crate::failure::{Exit, Failure};
use crate::output::{BOLD, Table, busy, printable};
use crate::world::{self, StateArgument};

/// Make a card image: a virtual card as a JSON file
///
/// The PINs are test PINs; they are printed, and are in the image. The certificates are issued by
/// two test authorities that are made with the card; --ca-dir keeps their certificates and CRLs.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab card new -o card.json
  kortlab card new -o card.json --state expired --ca-dir ca
  kortlab card new -o card.json --state blank-slots --protocol t1
  kortlab card new -o card.json --seed 1 --date 2026-11-24 --force")]
pub struct Arguments {
    /// Where to write the image; the name must end in .json
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// The card model
    #[arg(long, value_enum, default_value_t = Model::Eid)]
    model: Model,

    /// What is on the card
    #[arg(long, value_enum, default_value_t = StateArgument::Valid)]
    state: StateArgument,

    /// The transmission protocol; the real card knows T=0 only
    #[arg(long, value_enum, default_value_t = ProtocolChoice::T0)]
    protocol: ProtocolChoice,

    /// Make the same card for the same number and date: keys, names and certificates
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// The day that the certificates are made for; today if not given
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = world::parse_date)]
    date: Option<Timestamp>,

    /// Write the authorities' certificates (PEM) and CRLs (DER) into this directory, which is made
    /// if need be
    #[arg(long, value_name = "DIR")]
    ca_dir: Option<PathBuf>,

    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Model {
    /// The EID-applet card of Swedish staff cards ("Telia EID IP5a")
    Eid,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProtocolChoice {
    /// T=0, as the real card
    T0,
    /// T=1, a variant of our own with extended length
    T1,
}

/// Makes the card and writes its image.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let path = &arguments.output;
    let Model::Eid = arguments.model;
    if path.extension().is_none_or(|extension| extension != "json") {
        return Err(Failure::usage(format!(
            "{}: a card image has a name that ends in .json",
            path.display()
        ))
        .hint("--card knows images by that ending"));
    }
    if !arguments.force && fs::symlink_metadata(path).is_ok() {
        return Err(already_there(path));
    }
    let protocol = match arguments.protocol {
        ProtocolChoice::T0 => Protocol::T0,
        ProtocolChoice::T1 => Protocol::T1,
    };
    let seed = world::seed(arguments.seed)?;
    let date = arguments.date.unwrap_or_else(world::today);
    let state = arguments.state.into();
    let NewCard { image, mut world } = busy("making keys and certificates", || {
        new_card(state, protocol, seed, date)
    })
    .map_err(|error| Failure::failed(format!("cannot make the card: {error}")))?;
    let mut made = Made::new(path, &image, &world, arguments.state);
    if let Some(directory) = &arguments.ca_dir {
        let files = world::authorities(&mut world)?;
        made.authorities = world::write_authorities(&files, directory, arguments.force)?;
    }
    write_image(path, &image, arguments.force)?;
    context.output.report(&made)?;
    Ok(Exit::Done)
}

/// Writes the image at its place in one step: beside it first, whole, then moved there.
///
/// # Errors
/// It cannot be written; it is there and `force` is not given; or the card in it is in use.
pub fn write_image(path: &Path, image: &Image, force: bool) -> Result<(), Failure> {
    if !force {
        ImageFile::create(path, image)?;
        return Ok(());
    }
    // Whoever uses the card holds its lock; it is not taken away under their hands.
    let old = File::open(path).ok();
    if let Some(Err(TryLockError::WouldBlock)) = old.as_ref().map(File::try_lock) {
        return Err(Failure::failed(format!(
            "{} is in use by another program that runs this card",
            path.display()
        ))
        .hint("end it first, or give another name"));
    }
    let beside = path.with_extension(format!("{:x}.json", std::process::id()));
    ImageFile::create(&beside, image)?;
    fs::rename(&beside, path).map_err(|error| {
        let _ = fs::remove_file(&beside);
        Failure::file("write", path, &error)
    })
}

fn already_there(path: &Path) -> Failure {
    Failure::failed(format!("{} is there already", path.display()))
        .hint("give another name, or --force to overwrite it")
}

/// The JSON document: the card that was made. The secrets are test secrets.
#[derive(Serialize)]
struct Made {
    image: PathBuf,
    model: &'static str,
    protocol: &'static str,
    state: String,
    serial: String,
    holder: String,
    /// Empty on a card without PINs.
    test_secrets: Vec<TestSecret>,
    /// The files written with --ca-dir.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorities: Vec<PathBuf>,
}

#[derive(Serialize)]
struct TestSecret {
    /// `auth`, `sign` or `puk`.
    name: &'static str,
    label: String,
    value: String,
}

impl Made {
    fn new(path: &Path, image: &Image, world: &TestWorld, state: StateArgument) -> Self {
        let names = ["auth", "sign", "puk"];
        Self {
            image: path.to_path_buf(),
            model: "eid",
            protocol: match Protocol::from(image.protocol) {
                Protocol::T0 => "t0",
                Protocol::T1 => "t1",
            },
            state: kortlab_renewal::states::CardState::from(state)
                .name()
                .to_owned(),
            serial: image.serial.clone(),
            holder: world.holder.full_name(),
            authorities: Vec::new(),
            test_secrets: names
                .into_iter()
                .zip(&image.pins)
                .map(|(name, pin)| TestSecret {
                    name,
                    label: pin.label.clone(),
                    value: String::from_utf8_lossy(pin.value.as_bytes()).into_owned(),
                })
                .collect(),
        }
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let image = self.image.display().to_string();
        writeln!(f, "{BOLD}{}{BOLD:#}", printable(&image))?;
        let mut table = Table::plain().indented(2);
        table.row(["State".into(), self.state.clone().into()]);
        table.row(["Card number".into(), self.serial.clone().into()]);
        table.row([
            "Holder".into(),
            format!("{} (invented)", self.holder).into(),
        ]);
        for secret in &self.test_secrets {
            let text = format!("{} (a test secret)", secret.value);
            table.row([secret.label.clone().into(), text.into()]);
        }
        for path in &self.authorities {
            table.row(["Authority".into(), path.display().to_string().into()]);
        }
        table.fmt(f)
    }
}
