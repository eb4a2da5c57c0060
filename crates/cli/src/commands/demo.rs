//! `kortlab demo`: the renewal of the user guide, on a card and a portal in this process.

mod story;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kortlab_apdu::Protocol;
use kortlab_card::{Card, MemoryJournal};
use kortlab_emulator::{CardRng, InProcess, VirtualCard};
use kortlab_issuer::clock::Timestamp;
use kortlab_renewal::guide::{Cause, RenewalError, renew};
use kortlab_renewal::states::{CardState, NewCard, new_card};
use kortlab_renewal::world::TestWorld;

use self::story::{Story, TestPins};
use super::Context;
use super::card::new::write_image;
use crate::failure::{Exit, Failure};
use crate::output::{busy, note};
use crate::world;

/// The day of a demo with --seed and without --date: with a seed, everything is the same each time.
const FIXED_DAY: (u16, u8, u8) = (2026, 11, 24);

/// Renew a card as the user guide says, on an embedded card and portal
///
/// Makes a card whose HCCs are expired (or revoked), and carries out the steps of the guide on it:
/// log in with the carrier certificate, remove what is expired or revoked, fetch two new HCCs,
/// sign the receipt, log out, check. Ends with the table of certificates (two blue and two pink),
/// a log-in and a signature. Nothing needs to be installed, and nothing is left behind.
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
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = world::parse_date)]
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
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let (year, month, day) = FIXED_DAY;
    let date = match (arguments.date, arguments.seed) {
        (Some(date), _) => date,
        (None, Some(_)) => Timestamp::from_date(year, month, day).unwrap_or_else(world::today),
        (None, None) => world::today(),
    };
    let seed = world::seed(arguments.seed)?;
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
    let pins = TestPins::of(&image);
    let card = VirtualCard::new(image, CardRng::from_seed(seed))
        .map_err(|error| Failure::failed(error.to_string()))?;
    let mut card = Card::open(InProcess::ephemeral(card))?;

    let mut story = Story::new(&mut context.output, pins, state, date);
    story.begin();
    // The card is in this process, and so is what would recover it.
    let mut journal = MemoryJournal::new();
    let renewed = renew(
        &mut card,
        &mut world.portal,
        &world.clock,
        &mut story,
        &mut journal,
    );
    let told = story.finish();
    renewed.map_err(stopped)?;
    told?;
    if let Some(directory) = &arguments.keep {
        keep(directory, card.into_channel(), &mut world)?;
        note(format_args!(
            "the renewed card is in {}",
            directory.display()
        ));
    }
    Ok(Exit::Done)
}

fn keep(directory: &Path, card: InProcess, world: &mut TestWorld) -> Result<(), Failure> {
    fs::create_dir_all(directory)
        .map_err(|error| Failure::file("make the directory", directory, &error))?;
    write_image(&directory.join("card.json"), &card.card().image(), false)?;
    world::write_authorities(world, directory, false)?;
    Ok(())
}

fn stopped(error: RenewalError) -> Failure {
    let exit = match error.cause() {
        Cause::Card(card) => Failure::from(card.clone()).exit(),
        Cause::NoPin { .. } => Exit::Usage,
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string()).hint(error.how_to_continue())
}
