//! The commands: one file each, named as on the command line.

pub mod admin;
pub mod agent;
pub mod apdu;
pub mod atr;
pub mod card;
pub mod cert;
pub mod completions;
pub mod demo;
mod done;
pub mod emulate;
pub mod info;
pub mod key;
pub mod man;
pub mod pin;
pub mod portal;
pub mod readers;
pub mod recover;
pub mod renew;
mod session;

pub use done::Done;

use crate::args::{Cli, Command};
use crate::channel::{CardSpec, Fault};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::pin_source::PinSources;

/// What every command works with.
#[derive(Debug)]
pub struct Context {
    /// Which card was named.
    pub card: CardSpec,
    /// What is to go wrong with it.
    pub fault: Option<Fault>,
    /// Where PINs come from.
    pub pins: PinSources,
    /// Standard output.
    pub output: Output,
}

/// Runs the command that was given.
///
/// # Errors
/// Whatever kept it from its work, with the exit code that says so.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let mut context = Context {
        card: cli.global.card,
        fault: cli.global.fault,
        pins: PinSources::new(cli.global.pins)?,
        output: Output::new(cli.global.json),
    };
    if context.fault.is_some() && !can_have_faults(&cli.command, &context.card) {
        return Err(
            Failure::usage("--fault is for a virtual card in this process")
                .hint("name an image with --card FILE.json, or use `kortlab emulate`"),
        );
    }
    match cli.command {
        Command::Demo(arguments) => demo::run(&mut context, arguments),
        Command::Card(arguments) => card::run(&mut context, arguments),
        Command::Emulate(arguments) => emulate::run(&mut context, arguments),
        Command::Readers(arguments) => readers::run(&mut context, arguments),
        Command::Atr(arguments) => atr::run(&mut context, arguments),
        Command::Apdu(arguments) => apdu::run(&mut context, arguments),
        Command::Info(arguments) => info::run(&mut context, arguments),
        Command::Pin(arguments) => pin::run(&mut context, arguments),
        Command::Key(arguments) => key::run(&mut context, arguments),
        Command::Cert(arguments) => cert::run(&mut context, arguments),
        Command::Recover(arguments) => recover::run(&mut context, arguments),
        Command::Renew(arguments) => renew::run(&mut context, arguments),
        Command::Admin(arguments) => admin::run(&mut context, arguments),
        Command::Portal(arguments) => portal::run(&mut context, *arguments),
        Command::Agent(arguments) => agent::run(&mut context, arguments),
        Command::Completions(arguments) => completions::run(&mut context, arguments),
        Command::Man(arguments) => man::run(&mut context, arguments),
    }
}

/// Whether the card of this command is a virtual one that this process holds.
const fn can_have_faults(command: &Command, card: &CardSpec) -> bool {
    match command {
        Command::Emulate(_) => true,
        Command::Demo(_)
        | Command::Card(_)
        | Command::Portal(_)
        | Command::Readers(_)
        | Command::Completions(_)
        | Command::Man(_) => false,
        _ => matches!(card, CardSpec::Image(_)),
    }
}
