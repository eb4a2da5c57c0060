//! The command line: global options and the list of commands. Each command's own arguments are
//! beside the command.

use clap::{Args, Parser, Subcommand};

use crate::channel::CardSpec;
use crate::commands::{atr, completions, man};
use crate::pin::PinOptions;

const LONG_ABOUT: &str = "\
A smart-card laboratory: a virtual card that behaves like a Swedish staff card (e-tjänstekort), \
and tools to read, test and renew such cards, virtual or real.";

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  usage: the arguments make no sense, or something that must be given is not
  3  no reader or no card
  4  PIN wrong or blocked; the message says how many tries are left
  5  the card refused or answered nonsense; the message names the command and the status word
  6  findings: the command did its work and found something wrong";

/// Kortlab: a smart-card laboratory
#[derive(Parser)]
#[command(
    name = "kortlab",
    version,
    about,
    long_about = LONG_ABOUT,
    after_help = concat_examples(),
    propagate_version = true,
    disable_help_subcommand = false,
    max_term_width = 100
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalOptions,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalOptions {
    /// Which card: pcsc (the one reader that holds a card), pcsc:NAME-OR-INDEX, a card image
    /// FILE.json, or socket:PATH
    #[arg(
        short,
        long,
        global = true,
        value_name = "CARD",
        env = "KORTLAB_CARD",
        default_value = "pcsc",
        value_parser = CardSpec::parse
    )]
    pub card: CardSpec,

    /// Print one JSON document on standard output; messages stay on standard error
    #[arg(long, global = true)]
    pub json: bool,

    /// Where PINs come from.
    #[command(flatten)]
    pub pins: PinOptions,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    Atr(atr::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

fn concat_examples() -> String {
    format!("{EXAMPLES}\n\n{EXIT_CODES}")
}

const EXAMPLES: &str = "\
Examples:
  kortlab demo
  kortlab card new -o card.json --state expired
  kortlab -c card.json info
  kortlab emulate card.json";
