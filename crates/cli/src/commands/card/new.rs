//! `kortlab card new`: makes a card image.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Args, Command, ValueEnum};
use kortlab_apdu::Protocol;
use kortlab_credential::{Personal, Warning};
use kortlab_emulator::models::{self, CardCertificate, CardModel, MODELS};
use kortlab_emulator::{CardRng, Image};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::random::IssuerRng;
use kortlab_renewal::beginning;
use kortlab_renewal::states::{CardState, NewCard, new_card_of};
use kortlab_renewal::world::AuthorityFiles;
use kortlab_terminal::new_file::{self, write_image};
use serde::Serialize;

use super::super::Context;
use super::own::OwnFiles;
use crate::channel::check_image_name;
use crate::failure::{Exit, Failure};
use crate::output::{BOLD, Table, WARNING, busy, printable};

/// Make a card image: a virtual card as a JSON file
///
/// The PINs are test PINs; they are printed, and are in the image. The certificates are issued by
/// two test authorities that are made with the card; --ca-dir keeps their certificates and CRLs.
///
/// With --p12, or --key and --cert, one's own key and certificates are put on the card in their
/// place. The key takes the place that its certificate's key usage says; the card's other key is
/// made anew and has no certificate. As in all card images, the key is in the file in the clear.
/// The card does RSA of 512 to 4096 bits; OpenSC's driver for it signs with at most 2048.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab card new -o card.json
  kortlab card new -o expired.json --state expired --ca-dir ca
  kortlab card new -o blank.json --state blank-slots --protocol t1
  kortlab card new -o card.json --seed 1 --date 2026-11-24 --force
  kortlab card new -o mine.json --p12 me.p12 --passphrase file:passphrase.txt
  kortlab card new -o own.json --key key.pem --cert cert.pem --chain ca.pem --role auth")]
pub struct Arguments {
    /// Where to write the image; the name must end in .json
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// The card model
    #[arg(long, value_parser = ModelParser, default_value = "eid")]
    model: &'static CardModel,

    /// What is on the card
    #[arg(long, value_parser = state_parser(), default_value_t = CardState::Valid)]
    state: CardState,

    /// The transmission protocol; the real card knows T=0 only
    #[arg(long, value_enum, default_value_t = ProtocolChoice::T0)]
    protocol: ProtocolChoice,

    /// Make the same card for the same number and date: keys, names and certificates
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// The day that the certificates are made for; today if not given
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = beginning::day)]
    date: Option<Timestamp>,

    /// Write the authorities' certificates (PEM) and CRLs (DER) into this directory, which is made
    /// if need be
    #[arg(long, value_name = "DIR")]
    ca_dir: Option<PathBuf>,

    /// Overwrite files that are there
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    own: OwnFiles,
}

/// Reads the name of a card model.
#[derive(Clone, Copy, Debug)]
struct ModelParser;

impl TypedValueParser for ModelParser {
    type Value = &'static CardModel;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<&'static CardModel, clap::Error> {
        let names = PossibleValuesParser::new(MODELS.iter().map(|model| model.name));
        let name = names.parse_ref(command, argument, value)?;
        // The names are those of the list.
        models::find(&name)
            .ok_or_else(|| clap::Error::new(ErrorKind::InvalidValue).with_cmd(command))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = MODELS
            .iter()
            .map(|model| PossibleValue::new(model.name).help(model.summary));
        Some(Box::new(values))
    }
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
    let model = arguments.model;
    check_place(path, arguments.force)?;
    let protocol = match arguments.protocol {
        ProtocolChoice::T0 => Protocol::T0,
        ProtocolChoice::T1 => Protocol::T1,
    };
    let seed = beginning::seed(arguments.seed).map_err(Failure::failed)?;
    if let Some(personal) = arguments.own.read()? {
        let (image, made) = busy("making the card", || {
            own_card(model, path, &personal, protocol, seed)
        })?;
        write_image(path, &image, arguments.force)?;
        context.output.report(&made)?;
        return Ok(Exit::Done);
    }
    let date = arguments.date.unwrap_or_else(beginning::today);
    let state = arguments.state;
    let NewCard { image, mut world } = busy("making keys and certificates", || {
        new_card_of(model, state, protocol, seed, date)
    })
    .map_err(|error| Failure::failed(format!("cannot make the card: {error}")))?;
    let mut made = Made::new(
        path,
        &image,
        world.holder.full_name(),
        state.name().to_owned(),
    );
    if let Some(directory) = &arguments.ca_dir {
        let files = world
            .authority_files()
            .map_err(|error| Failure::failed(format!("cannot make the CRLs: {error}")))?;
        let files = files.iter().flat_map(AuthorityFiles::named);
        made.authorities = new_file::write_all(directory, files, arguments.force)?;
    }
    write_image(path, &image, arguments.force)?;
    context.output.report(&made)?;
    Ok(Exit::Done)
}

/// A card with one's own keys and certificates.
fn own_card(
    model: &CardModel,
    path: &Path,
    personal: &Personal,
    protocol: Protocol,
    seed: u64,
) -> Result<(Image, Made), Failure> {
    let serial = CardNumber::generate(&mut IssuerRng::from_seed(seed, "own card"));
    let rng = &mut CardRng::from_seed(seed);
    let data = personal
        .personalisation(serial.to_string(), protocol, rng)
        .map_err(|error| Failure::failed(error.to_string()))?;
    let image = (model.make)(data).map_err(|error| {
        Failure::failed(format!("cannot make the card: {error}"))
            .hint("leave out authorities' certificates that the card need not have")
    })?;
    let made = Made {
        certificates: personal.certificates.iter().map(OnCard::new).collect(),
        warnings: personal.warnings.iter().map(WarningEntry::new).collect(),
        ..Made::new(path, &image, personal.name.clone(), OWN.to_owned())
    };
    Ok((image, made))
}

/// Refuses a place where an image cannot be written, or where it would not be found again, before the
/// work for it begins.
///
/// # Errors
/// `--card` would not find it there; or a file is there and `force` is not given.
pub fn check_place(path: &Path, force: bool) -> Result<(), Failure> {
    check_image_name(path)?;
    if !force && fs::symlink_metadata(path).is_ok() {
        return Err(
            Failure::failed(format!("{} is there already", path.display()))
                .of_kind("file")
                .hint("give another name, or --force to overwrite it"),
        );
    }
    Ok(())
}

/// Reads the name of a [`CardState`].
fn state_parser() -> impl TypedValueParser<Value = CardState> {
    let values =
        CardState::ALL.map(|state| PossibleValue::new(state.name()).help(state.description()));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<CardState>())
}

/// The JSON document: the card that was made. The secrets are test secrets.
#[derive(Serialize)]
struct Made {
    image: PathBuf,
    model: String,
    protocol: &'static str,
    state: String,
    serial: String,
    holder: String,
    /// Empty on a card without PINs.
    test_secrets: Vec<TestSecret>,
    /// The files written with --ca-dir.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorities: Vec<PathBuf>,
    /// One's own certificates, with --p12 or --cert.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<OnCard>,
    /// What about them is not as one would want it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<WarningEntry>,
}

/// The state of a card with one's own key and certificates.
const OWN: &str = "own";

/// A certificate of one's own on the card.
#[derive(Serialize)]
struct OnCard {
    /// The id of its key, or of its own for an authority's.
    id: String,
    label: String,
    authority: bool,
}

impl OnCard {
    fn new(certificate: &CardCertificate) -> Self {
        Self {
            id: hex::encode_upper(&certificate.key_id.0),
            label: certificate.label.clone(),
            authority: certificate.authority,
        }
    }
}

#[derive(Serialize)]
struct WarningEntry {
    code: &'static str,
    message: String,
}

impl WarningEntry {
    fn new(warning: &Warning) -> Self {
        Self {
            code: warning.code(),
            message: warning.to_string(),
        }
    }
}

#[derive(Serialize)]
struct TestSecret {
    /// `auth`, `sign` or `puk`.
    name: &'static str,
    label: String,
    value: String,
}

impl Made {
    fn new(path: &Path, image: &Image, holder: String, state: String) -> Self {
        let names = ["auth", "sign", "puk"];
        Self {
            image: path.to_path_buf(),
            model: image.model.0.to_string(),
            protocol: match Protocol::from(image.protocol) {
                Protocol::T0 => "t0",
                Protocol::T1 => "t1",
            },
            state,
            serial: image.serial.clone(),
            holder,
            authorities: Vec::new(),
            certificates: Vec::new(),
            warnings: Vec::new(),
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
        let holder = match self.state == OWN {
            true => self.holder.clone(),
            false => format!("{} (invented)", self.holder),
        };
        table.row(["Holder".into(), holder.into()]);
        for secret in &self.test_secrets {
            let text = format!("{} (a test secret)", secret.value);
            table.row([secret.label.clone().into(), text.into()]);
        }
        for path in &self.authorities {
            table.row(["Authority".into(), path.display().to_string().into()]);
        }
        for certificate in &self.certificates {
            let place = match certificate.authority {
                true => "an authority".to_owned(),
                false => format!("key {}", certificate.id),
            };
            let text = format!("{} ({place})", certificate.label);
            table.row(["Certificate".into(), text.into()]);
        }
        table.fmt(f)?;
        for warning in &self.warnings {
            writeln!(
                f,
                "{WARNING}warning{WARNING:#}: {}",
                printable(&warning.message)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_can_be_named_on_the_command_line() {
        let parser = state_parser();
        let names: Vec<_> = parser
            .possible_values()
            .expect("a list")
            .map(|value| value.get_name().parse::<CardState>().expect("a state"))
            .collect();
        assert_eq!(names, CardState::ALL);
    }
}
