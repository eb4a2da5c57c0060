//! `kortlab ctl`: what happens to the readers of a running `run`, `pcscd` or `emulate`.

mod client;
mod fault;
mod line;
mod press;
mod reader;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Context;
use crate::control::{Request, VARIABLE, find};
use crate::failure::{Exit, Failure};

pub use line::parse_step;

/// Change readers and cards while programs use them: insert, remove, tear, spoil, restore
///
/// This talks to the control door of a running `kortlab run`, `pcscd` or `emulate`: that which
/// KORTLAB_CONTROL names (`run` sets it for its program, and `pcscd` prints it), or the only one that
/// there is. What is done to a card is done between two commands of the programs that use it. Each
/// command prints what the reader is like afterwards. docs/control.md says how other programs
/// come in by the same door.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab ctl state
  kortlab ctl remove
  kortlab ctl insert
  kortlab ctl swap bertil.json
  kortlab ctl fault add sw:ins=B0,sw=6F00,nth=3
  kortlab run card.json -- sh -c 'kortlab ctl remove; opensc-tool --list-readers'")]
pub struct Arguments {
    /// Which control door [default: the only one]
    #[arg(long, value_name = "PATH", env = VARIABLE, global = true)]
    control: Option<PathBuf>,

    /// Which reader, by its name [default: the only one]
    #[arg(long, value_name = "NAME", global = true)]
    reader: Option<String>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    State(State),
    Insert(Insert),
    Remove(Remove),
    Swap(Swap),
    Tear(Tear),
    Fault(fault::Arguments),
    Press(press::Arguments),
    Snapshot(Snapshot),
    Restore(Restore),
    Reader(reader::Arguments),
}

/// Show the readers, or the one that is named: cards, faults, snapshots
#[derive(Args)]
#[command(
    visible_alias = "list",
    after_help = "\
Examples:
  kortlab ctl state
  kortlab --json ctl state"
)]
struct State {}

/// Put a card in: that of an image, or the one that was removed
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab ctl remove
  kortlab ctl insert
  kortlab ctl remove
  kortlab ctl insert bertil.json")]
struct Insert {
    /// The image
    #[arg(value_name = "FILE")]
    image: Option<PathBuf>,
}

/// Take the card out, and keep it for `insert`
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab ctl remove
  kortlab ctl insert
  kortlab ctl remove --reader 'Kortlab 00 00'")]
struct Remove {}

/// Take the card out, and put in another one
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab ctl swap bertil.json")]
struct Swap {
    /// The image of the other card
    #[arg(value_name = "FILE")]
    image: PathBuf,
}

/// Tear the card out during a command; its memory is left as such a card's is
///
/// The card stays out until `insert`. Bytes and commands are counted from now on.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab ctl tear
  kortlab ctl tear after-bytes=117")]
struct Tear {
    /// after-bytes=N bytes of its memory were programmed, before-command=N reaches it, or
    /// before-answer=N is out
    #[arg(value_name = "WHEN", default_value = "before-answer=1")]
    at: String,
}

/// Keep the card as it is now, for `restore`
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab ctl snapshot
  kortlab ctl snapshot fresh")]
struct Snapshot {
    /// What it is to be called
    #[arg(default_value = "snapshot")]
    name: String,
}

/// Make the card what it was when a snapshot was taken
///
/// It is as after a reset: nothing is selected, nothing verified. Programs that are connected are told
/// of a reset, by a service of our own.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab ctl snapshot fresh
  kortlab ctl restore fresh")]
struct Restore {
    /// What it is called
    #[arg(default_value = "snapshot")]
    name: String,
}

/// Asks for it, and shows what the readers are like then.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let door = arguments.control.clone();
    let door = || find(door.as_deref());
    let answer = match arguments.command {
        Command::Press(press) => {
            let press = press.request(arguments.reader)?;
            client::ask(&door()?, &press)?
        }
        _ => {
            let request = arguments.into_request()?.with_absolute_paths();
            client::ask(&door()?, &request)?
        }
    };
    context.output.report(&answer)?;
    Ok(Exit::Done)
}

impl Arguments {
    /// What is asked for.
    ///
    /// # Errors
    /// The arguments contradict each other.
    fn into_request(self) -> Result<Request, Failure> {
        let reader = self.reader;
        Ok(match self.command {
            Command::State(State {}) => Request::State { reader },
            Command::Insert(Insert { image }) => Request::Insert { reader, image },
            Command::Remove(Remove {}) => Request::Remove { reader },
            Command::Swap(Swap { image }) => Request::Swap { reader, image },
            Command::Tear(Tear { at }) => Request::Tear { reader, at },
            Command::Fault(arguments) => arguments.request(reader),
            Command::Press(_) => {
                return Err(Failure::usage(
                    "keys are pressed by `kortlab ctl press` alone",
                ));
            }
            Command::Snapshot(Snapshot { name }) => Request::Snapshot { reader, name },
            Command::Restore(Restore { name }) => Request::Restore { reader, name },
            Command::Reader(arguments) => arguments.request(reader)?,
        })
    }
}
