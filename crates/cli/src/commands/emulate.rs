//! `kortlab emulate`: puts virtual cards into vpcd's reader, or on a socket.

use std::fmt;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use clap::Args;
use kortlab_emulator::link::vpcd::{self, Event, VpcdLink};
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::Context;
use crate::channel::{CardSocket, VirtualCardChannel, insert};
use crate::failure::{Exit, Failure};
use crate::output::{BOLD, printable};

/// Put virtual cards into pcscd's virtual reader (vpcd), or on a socket, until Ctrl-C
///
/// Programs that use PC/SC see the card as in a real reader. What they change is saved in the
/// image before the card answers, so nothing is lost when this is killed. SIGINT and SIGTERM
/// eject the card. When pcscd restarts the card is put in again, and so it is after it was torn out
/// with --fault.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab emulate card.json
  kortlab emulate anna.json bertil.json
  kortlab emulate --vpcd 127.0.0.1:35965 card.json
  kortlab emulate --socket /tmp/card.socket card.json
  kortlab emulate --ephemeral card.json
  kortlab emulate --fault tear:after-bytes=1000 card.json")]
pub struct Arguments {
    /// Card images, made by `kortlab card new`; each gets a reader of its own
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Where vpcd listens; several cards take this port and those after it
    #[arg(long, value_name = "HOST:PORT", default_value = vpcd::DEFAULT_ADDRESS)]
    vpcd: String,

    /// Put the card on this Unix socket instead of into vpcd's reader, for
    /// `kortlab --card socket:PATH`
    #[arg(long, value_name = "PATH", conflicts_with = "vpcd")]
    socket: Option<PathBuf>,

    /// Do not save what programs change
    #[arg(long)]
    ephemeral: bool,
}

/// Emulates until a signal says to stop.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    if arguments.socket.is_some() && context.fault.is_some() {
        return Err(Failure::usage("a card on a socket cannot be torn out")
            .hint("put it into vpcd's reader: leave --socket out"));
    }
    let mut cards = Vec::new();
    for file in &arguments.files {
        cards.push((
            file.clone(),
            insert(file, arguments.ephemeral, context.fault)?,
        ));
    }
    // The other end becomes readable at the first signal and stays so: each card waits on it.
    let (stop, stopped) = UnixStream::pair().map_err(|error| no_signals(&error))?;
    for signal in [SIGINT, SIGTERM] {
        let stop = stop.try_clone().map_err(|error| no_signals(&error))?;
        signal_hook::low_level::pipe::register(signal, stop).map_err(|error| no_signals(&error))?;
    }
    match &arguments.socket {
        Some(path) => on_socket(context, path, cards, &stopped),
        None => in_readers(context, &arguments.vpcd, cards, &stop, &stopped),
    }
}

/// One thing that happened to a card.
#[derive(Serialize)]
struct Happening<'a> {
    image: &'a Path,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip)]
    text: String,
}

impl fmt::Display for Happening<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let image = self.image.display().to_string();
        let image = printable(&image);
        write!(f, "{BOLD}{image}{BOLD:#}: {}", printable(&self.text))
    }
}

impl<'a> Happening<'a> {
    fn new(image: &'a Path, event: &Event) -> Self {
        let (name, address, reason) = match event {
            Event::Waiting { address, reason } => {
                ("waiting", Some(address.clone()), Some(reason.clone()))
            }
            Event::Inserted { address } => ("inserted", Some(address.to_string()), None),
            Event::Removed { reason } => ("removed", None, Some(reason.to_string())),
            _ => ("other", None, None),
        };
        Self {
            image,
            event: name,
            address,
            reason,
            text: event.to_string(),
        }
    }

    fn ejected(image: &'a Path) -> Self {
        Self {
            image,
            event: "ejected",
            address: None,
            reason: None,
            text: "ejected".to_owned(),
        }
    }
}

fn on_socket(
    context: &mut Context,
    path: &Path,
    cards: Vec<(PathBuf, VirtualCardChannel)>,
    stopped: &UnixStream,
) -> Result<Exit, Failure> {
    let [(file, mut card)] = <[_; 1]>::try_from(cards).map_err(|_| {
        Failure::usage("a socket holds one card").hint("give one FILE, or leave --socket out")
    })?;
    let failed = |error: crate::channel::SocketError| Failure::failed(error.to_string());
    let socket = CardSocket::bind(path).map_err(failed)?;
    let address = format!("socket:{}", path.display());
    context.output.event(&Happening {
        image: &file,
        event: "inserted",
        reason: None,
        text: format!("the card listens; use it with --card {address}"),
        address: Some(address),
    })?;
    socket.serve(&mut card, stopped).map_err(failed)?;
    context.output.event(&Happening::ejected(&file))?;
    Ok(Exit::Done)
}

fn in_readers(
    context: &mut Context,
    address: &str,
    cards: Vec<(PathBuf, VirtualCardChannel)>,
    mut stop: &UnixStream,
    stopped: &UnixStream,
) -> Result<Exit, Failure> {
    let addresses = consecutive(address, cards.len())?;
    let (tell, told) = mpsc::channel();
    let mut result = Ok(Exit::Done);
    thread::scope(|scope| {
        for ((file, mut card), address) in cards.into_iter().zip(addresses) {
            let tell = tell.clone();
            scope.spawn(move || {
                let ended = VpcdLink::new(address).run(&mut card, stopped, |event| {
                    let _ = tell.send((file.clone(), Ok(Some(event))));
                });
                let ended = ended.map(|()| None);
                let _ = tell.send((file.clone(), ended));
            });
        }
        drop(tell);
        for (file, happened) in told {
            let shown = match happened {
                Ok(Some(event)) => context.output.event(&Happening::new(&file, &event)),
                Ok(None) => context.output.event(&Happening::ejected(&file)),
                Err(error) => Err(Failure::failed(format!("{}: {error}", file.display()))),
            };
            if let Err(failure) = shown {
                // One card that cannot go on takes the others with it.
                let _ = stop.write_all(&[0]);
                result = Err(failure);
            }
        }
    });
    result
}

/// `count` addresses, from `address` on.
fn consecutive(address: &str, count: usize) -> Result<Vec<String>, Failure> {
    let wrong = || {
        Failure::usage(format!("{address} is not HOST:PORT"))
            .hint(format!("for example --vpcd {}", vpcd::DEFAULT_ADDRESS))
    };
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    if host.is_empty() {
        return Err(wrong());
    }
    (0..count)
        .map(|index| {
            u16::try_from(index)
                .ok()
                .and_then(|index| port.checked_add(index))
                .map(|port| format!("{host}:{port}"))
                .ok_or_else(|| {
                    Failure::usage(format!(
                        "there are not {count} ports from {port} on, one for each card"
                    ))
                })
        })
        .collect()
}

fn no_signals(error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot listen for signals: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_cards_take_consecutive_ports() {
        assert_eq!(
            consecutive("[::1]:35963", 2).expect("addresses"),
            ["[::1]:35963", "[::1]:35964"]
        );
        assert!(consecutive("localhost:65535", 2).is_err());
        for text in ["localhost", ":1", "localhost:x", "localhost:70000", ""] {
            assert_eq!(consecutive(text, 1).expect_err(text).exit(), Exit::Usage);
        }
    }
}
