//! `kortlab demo`: the renewal of the user guide, on a card and a portal in this process.

mod crl;
mod pins;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kortlab_apdu::Protocol;
use kortlab_card::{Card, MemoryJournal};
use kortlab_emulator::{CardRng, InProcess, VirtualCard};
use kortlab_issuer::clock::Timestamp;
use kortlab_portal::clock::PortalClock;
use kortlab_portal::server::{Config, Running, Server, Source};
use kortlab_portal_client::{HttpPortal, Trust};
use kortlab_renewal::beginning;
use kortlab_renewal::guide::renew;
use kortlab_renewal::notes::MemoryNotes;
use kortlab_renewal::states::{CardState, NewCard, new_card};
use kortlab_renewal::world::AuthorityFiles;
use kortlab_terminal::failure::{Exit, Failure};
use kortlab_terminal::new_file::{write_all, write_image};
use kortlab_terminal::output::{Output, busy, note};
use serde::Serialize;

use self::pins::TestPins;
use crate::story::{Story, Told, Voice};

/// The day of a demo with --seed and without --date: with a seed, everything is the same each time.
const FIXED_DAY: (u16, u8, u8) = (2026, 11, 24);

/// Renew a card as the user guide says, on an embedded card and portal
///
/// Makes a card whose HCCs have expired, or are revoked, or that has none yet (--state), and carries
/// out the steps of the guide on it: log in with the carrier certificate, remove what is expired or revoked, fetch two new HCCs,
/// sign the receipt, log out, check. Ends with the table of certificates (two blue and two pink),
/// a log-in and a signature. The portal is the one of `kortlab portal`, over HTTPS on free ports of
/// the loopback interface, and the card is the key of the TLS client authentication. Nothing needs
/// to be installed, and nothing is left behind.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab demo
  kortlab demo --seed 1
  kortlab demo --state revoked
  kortlab demo --keep renewed")]
pub struct Arguments {
    /// Make the same card, keys, names and certificates for the same number; the clock then stands
    /// at the start of 2026-11-24, or of --date
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// What is wrong with the card at the start
    #[arg(long, value_enum, default_value_t = Start::Expired)]
    state: Start,

    /// The day on which it all happens; now if neither this nor --seed is given
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = beginning::day)]
    date: Option<Timestamp>,

    /// Keep the renewed card (card.json) and the authorities' certificates and CRLs in this
    /// directory, which is made if need be
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Start {
    /// The HCCs have expired
    Expired,
    /// The HCCs are revoked
    Revoked,
    /// The card is new: it has no HCC yet
    Delivered,
}

/// Makes the card and renews it.
///
/// # Errors
/// The card or the portal cannot be made, the renewal stops, or a file cannot be written.
pub fn run(output: &mut Output, arguments: Arguments) -> Result<Exit, Failure> {
    let (year, month, day) = FIXED_DAY;
    let date = match (arguments.date, arguments.seed) {
        (Some(date), _) => date,
        (None, Some(_)) => Timestamp::from_date(year, month, day).unwrap_or_else(beginning::today),
        (None, None) => beginning::today(),
    };
    let seed = beginning::seed(arguments.seed).map_err(Failure::failed)?;
    let state = match arguments.state {
        Start::Expired => CardState::Expired,
        Start::Revoked => CardState::Revoked,
        Start::Delivered => CardState::Delivered,
    };
    let made = busy("making keys and certificates", || {
        new_card(state, Protocol::T0, seed, date)
    });
    let NewCard { image, mut world } =
        made.map_err(|error| Failure::failed(format!("cannot make the card: {error}")))?;
    let files = match arguments.keep {
        Some(_) => {
            let files = world.authority_files();
            Some(files.map_err(|error| Failure::failed(format!("cannot make the CRLs: {error}")))?)
        }
        None => None,
    };
    let source = Source::Ready {
        portal: Box::new(world.portal),
        clock: PortalClock::over(world.clock.clone()),
    };
    let running = Server::start(Config::on_free_ports(), source)
        .map_err(|error| Failure::failed(format!("cannot start the portal: {error}")))?;
    let mut portal = connect(&running)?;
    let mut pins = TestPins::of(&image);
    let card = VirtualCard::new(image, CardRng::from_seed(seed))
        .map_err(|error| Failure::failed(error.to_string()))?;
    let mut card = Card::open(InProcess::ephemeral(card))?;

    let mut story = Story::new(Voice::Output(output), &mut pins);
    story.introduce(&format!(
        "A virtual card in the state {} ({}), on {date}. People, authorities, keys and PINs are \
         invented for tests.",
        state.name(),
        state.description()
    ));
    // The card is in this process, and so is what would recover it.
    let mut journal = MemoryJournal::new();
    let renewed = renew(
        &mut card,
        &mut portal,
        &world.clock,
        &mut story,
        &mut journal,
        &mut MemoryNotes::new(),
    );
    let told = story.finish(renewed)?;
    if let (Some(directory), Some(files)) = (&arguments.keep, files) {
        keep(directory, card.into_channel(), files, &running)?;
        note(format_args!(
            "the renewed card is in {}",
            directory.display()
        ));
    }
    running
        .stop()
        .map_err(|error| Failure::failed(format!("the portal did not end well: {error}")))?;
    if output.is_json() {
        output.document(&Document {
            state: state.name(),
            date: date.to_string(),
            told,
        })?;
    }
    Ok(Exit::Done)
}

/// The JSON document.
#[derive(Serialize)]
struct Document {
    /// The state of the card at the start.
    state: &'static str,
    /// When it happens.
    date: String,
    #[serde(flatten)]
    told: Told,
}

fn connect(running: &Running) -> Result<HttpPortal, Failure> {
    let trust = Trust::from_pem(running.ca_certificate_pem().as_bytes())
        .map_err(|error| Failure::failed(format!("the portal's TLS authority: {error}")))?;
    HttpPortal::connect(&running.urls().main, trust)
        .map_err(|error| Failure::failed(error.to_string()))
}

/// Keeps the card, and the authorities with the CRLs that the portal publishes now.
fn keep(
    directory: &Path,
    card: InProcess,
    mut files: [AuthorityFiles; 2],
    running: &Running,
) -> Result<(), Failure> {
    fs::create_dir_all(directory)
        .map_err(|error| Failure::file("make the directory", directory, &error))?;
    write_image(&directory.join("card.json"), &card.card().image(), false)?;
    for file in &mut files {
        file.crl_der = crl::published(running.addresses().pki, file.name)
            .map_err(|error| Failure::failed(format!("cannot fetch a CRL: {error}")))?;
    }
    write_all(
        directory,
        files.iter().flat_map(AuthorityFiles::named),
        false,
    )?;
    Ok(())
}
