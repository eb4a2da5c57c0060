//! `kortlab pcscd`: a standing PC/SC service with virtual cards, or in front of the real one.

use std::fmt;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use kortlab_pcsc::door::{CLIENT_VARIABLE, Manners};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::Context;
use crate::channel::Primes;
use crate::control::VARIABLE;
use crate::desk::{Desk, ReaderArguments, standing};
use crate::failure::{Exit, Failure};
use crate::output::note;

/// How often the door is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Serve PC/SC programs with virtual cards, or in front of the real service, until Ctrl-C
///
/// The lines that it prints are for the environment of the programs that are to find it, and of
/// `kortlab ctl`, which takes cards out and puts them in, plants faults and more meanwhile. Each card
/// image gets a reader of its own; what is changed on a card is saved in its image before the card
/// answers. Without a FILE the card is that of --card, by default the one in the machine's own
/// reader: then this stands in front of the machine's PC/SC service, and what any program and the
/// real card say to each other can be traced (--trace, PINs masked), and spoilt (--fault).
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab pcscd card.json
  kortlab pcscd --socket kortlab.comm anna.json bertil.json
  kortlab pcscd --card pcsc --trace program.apdu
  kortlab pcscd --card 'pcsc:Virtual PCD 00 00' --fault sw:ins=B0,sw=6F00,nth=3")]
pub struct Arguments {
    /// Card images, made by `kortlab card new`; each gets a reader of its own
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    readers: ReaderArguments,

    /// The socket [default: pcscd.comm in $XDG_RUNTIME_DIR/kortlab]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// What programs need to know.
#[derive(Serialize)]
struct Listening<'a> {
    event: &'static str,
    socket: &'a Path,
    variable: &'static str,
    /// The socket of the control door.
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<&'a Path>,
    readers: Vec<Entry<'a>>,
}

/// One reader.
#[derive(Serialize)]
struct Entry<'a> {
    reader: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a Path>,
}

impl fmt::Display for Listening<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As a shell reads it, whatever the path looks like.
        let quoted = |path: &Path| path.display().to_string().replace('\'', r"'\''");
        write!(f, "export {}='{}'", self.variable, quoted(self.socket))?;
        match self.control {
            None => Ok(()),
            Some(control) => write!(f, "\nexport {VARIABLE}='{}'", quoted(control)),
        }
    }
}

/// Serves until a signal says to stop.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let no_signals =
        |error: io::Error| Failure::failed(format!("cannot listen for signals: {error}"));
    let (stop, stopped) = UnixStream::pair().map_err(no_signals)?;
    for signal in [SIGINT, SIGTERM] {
        let stop = stop.try_clone().map_err(no_signals)?;
        signal_hook::low_level::pipe::register(signal, stop).map_err(no_signals)?;
    }
    let socket = match &arguments.socket {
        Some(socket) => socket.clone(),
        None => standing()?,
    };
    let manners = Manners::default();
    let desk = Desk::open(
        context,
        &arguments.files,
        &arguments.readers,
        &socket,
        manners,
        Primes::First,
    )?;
    for seat in desk.seats() {
        match seat.card.as_os_str().is_empty() {
            true => note(format_args!("the reader {:?} is empty", seat.reader)),
            false => note(format_args!(
                "{}: in the reader {:?}",
                seat.card.display(),
                seat.reader
            )),
        }
    }
    context.output.event(&Listening {
        event: "listening",
        socket: desk.socket(),
        variable: CLIENT_VARIABLE,
        control: desk.control(),
        readers: desk
            .seats()
            .iter()
            .map(|seat| Entry {
                reader: &seat.reader,
                image: seat.is_image.then_some(seat.card.as_path()),
            })
            .collect(),
    })?;
    while desk.is_open() && !is_readable(&stopped)? {}
    desk.close()?;
    Ok(Exit::Done)
}

/// Whether the signal has come; waits a while for it.
fn is_readable(stopped: &UnixStream) -> Result<bool, Failure> {
    let limit = Timespec::try_from(LOOK).unwrap_or_default();
    let mut polled = [PollFd::new(stopped, PollFlags::IN)];
    match poll(&mut polled, Some(&limit)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(Failure::failed(format!("cannot wait for signals: {error}"))),
    }
}
