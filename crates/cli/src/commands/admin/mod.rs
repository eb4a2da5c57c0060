//! `kortlab admin`: the administrator's side of a portal, for tests.

mod audit;
mod client;
mod clock;
mod enrol;
mod fail;
mod place;
mod revoke;
mod status;

use clap::{Args, Subcommand};

use self::place::PlaceOptions;
use super::Context;
use crate::failure::{Exit, Failure};

/// Enrol cards at a portal, revoke, set its clock, let it fail, read its audit log
///
/// A portal on this machine is found by its data directory, where the administrator's token is,
/// too.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab -c card.json admin enrol --state expired
  kortlab admin revoke hcc.pem --reason keyCompromise
  kortlab admin clock --advance 31d
  kortlab admin fail lost-answer --operation approve --times 1
  kortlab admin audit --verify
  kortlab admin status --url http://127.0.0.1:8446 --token file:admin-token")]
pub struct Arguments {
    #[command(flatten)]
    place: PlaceOptions,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Enrol(enrol::Arguments),
    Revoke(revoke::Arguments),
    Clock(clock::Arguments),
    Fail(fail::Arguments),
    Audit(audit::Arguments),
    Status(status::Arguments),
}

/// Runs the command that was given.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let portal = arguments.place.client(context.timeout)?;
    match arguments.command {
        Command::Enrol(arguments) => enrol::run(context, &portal, arguments),
        Command::Revoke(arguments) => revoke::run(context, &portal, arguments),
        Command::Clock(arguments) => clock::run(context, &portal, arguments),
        Command::Fail(arguments) => fail::run(context, &portal, arguments),
        Command::Audit(arguments) => audit::run(context, &portal, arguments),
        Command::Status(arguments) => status::run(context, &portal, arguments),
    }
}
