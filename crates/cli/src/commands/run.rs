//! `kortlab run`: a program with virtual cards, and with no PC/SC service of the machine's.

mod in_process;
mod library;
mod program;
mod starter;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use kortlab_pcsc::door::Manners;

use super::Context;
use crate::channel::Primes;
use crate::desk::{Desk, ReaderArguments, for_one_run};
use crate::failure::{Exit, Failure};

pub use library::Library;
pub use program::find;
pub use starter::{bound, start_as_told};

/// Run a program with virtual cards: no pcscd, no reader, no root
///
/// The program, and all that it starts, finds a PC/SC service of its own, with one reader for each
/// card image, as long as it runs: this sets PCSCLITE_CSOCK_NAME, from which pcsc-lite's library
/// takes the way to the service. What is changed on a card is saved in its image before the card
/// answers; with --ephemeral nothing is saved. The exit code is the program's, 128+N if signal N
/// ended it, 127 if there is no such program, 126 if it cannot be run. Without a FILE the card is
/// that of --card: a real one can be traced, and spoilt, for one program.
///
/// `kortlab ctl`, called by the program or beside it, takes cards out and puts them in, plants faults
/// and more while the program runs: this sets KORTLAB_CONTROL to the socket of that door.
///
/// With --in-process there is no service: the program loads a libpcsclite.so.1 of ours, in which the
/// cards are. That is faster, and each fork of the program has cards of its own, as they were at the
/// fork. What is changed on them is forgotten. Programs that are linked statically, or load pcsc-lite's
/// library by its path, do not come this way either.
///
/// A program does not come by the variable if it is set-user-ID, or has a client of its own for the
/// service's usual path. Give it the socket there, in a mount namespace of its own, as the last
/// example does.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab run card.json -- pkcs15-tool --dump
  kortlab run card.json -- pkcs11-tool --test --login --pin 123456
  kortlab run anna.json bertil.json -- opensc-tool --list-readers
  kortlab run --ephemeral card.json -- pkcs15-init --delete-objects cert --id 45 --pin 123456
  kortlab run --trace program.apdu --fault sw:ins=B0,sw=6F00,nth=3 card.json -- pkcs15-tool --dump
  kortlab run --in-process card.json -- pkcs15-tool --dump
  kortlab run --in-process --fault delay:ms=1,ins=B0 card.json -- pkcs15-tool --list-certificates
  kortlab run card.json -- sh -c 'kortlab ctl remove; opensc-tool --list-readers'
  kortlab run --at '20 remove' --at '20+300 insert' card.json -- \\
    sh -c 'pkcs15-tool -D; sleep 1; opensc-tool -n'
  kortlab run --contactless=04112233445566 card.json -- opensc-tool -s FF:CA:00:00:00
  kortlab run --empty-reader Empty card.json -- opensc-tool --list-readers
  kortlab run --reader-name 'ACS ACR39U 00 00' card.json -- opensc-tool --atr
  kortlab run --socket dir/pcscd.comm card.json -- bwrap --dev-bind / / --tmpfs /run \\
    --bind dir /run/pcscd env -u PCSCLITE_CSOCK_NAME opensc-tool --atr")]
pub struct Arguments {
    /// Card images, made by `kortlab card new`; each gets a reader of its own
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The program, behind `--`, and its arguments
    #[arg(value_name = "PROGRAM", last = true, required = true)]
    program: Vec<OsString>,

    /// Put the cards into the program's own process: no service, and each fork has its own; what is
    /// changed on them is forgotten, as with --ephemeral
    #[arg(long, conflicts_with_all = ["socket", "pin_pad", "empty", "contactless", "control", "at", "script"])]
    in_process: bool,

    #[command(flatten)]
    readers: ReaderArguments,

    /// Put the service on this socket, instead of one in $XDG_RUNTIME_DIR that the program is told
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// Runs the program, and ends as it does.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let program = program::find(&arguments.program)?;
    if arguments.in_process {
        return in_process::run(context, &arguments.files, &arguments.readers, &program);
    }
    let socket = match arguments.socket {
        Some(socket) => socket,
        None => for_one_run()?,
    };
    // Getting it ready takes about as long as getting the card ready: both at once.
    let program = program.ready()?;
    let manners = Manners {
        together: true,
        ..Manners::default()
    };
    let desk = Desk::open(
        context,
        &arguments.files,
        &arguments.readers,
        &socket,
        manners,
        Primes::Meanwhile,
    )?;
    let ended = program.run(&desk.variables());
    let closed = desk.close();
    let exit = ended?;
    closed?;
    Ok(exit)
}
