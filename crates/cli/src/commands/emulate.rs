//! `kortlab emulate`: puts virtual cards into vpcd's reader, or on a socket.

mod news;
mod seat;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use clap::Args;
use kortlab_apdu::Channel as _;
use kortlab_emulator::StoreError;
use kortlab_emulator::link::socket::{CardSocket, SocketError};
use kortlab_emulator::link::vpcd::{self, Event, VpcdLink};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};

use self::news::{Happening, News};
use self::seat::Readers;
use super::Context;
use crate::channel::{AnyChannel, insert};
use crate::failure::{Exit, Failure};
use crate::output::{hint, note};

/// How long a card may be at work after a signal.
const GRACE: Duration = Duration::from_secs(1);

/// Put virtual cards into pcscd's virtual reader (vpcd), or on a socket, until Ctrl-C
///
/// Programs that use PC/SC see the card as in a real reader; which one it is in is told. What they
/// change is saved in the image before the card answers, so nothing is lost when this is killed; a
/// change that cannot be saved is refused (6581), told, and makes the exit code 1. With --ephemeral
/// nothing is saved. SIGINT and SIGTERM eject the card. When pcscd restarts the card is put in again, and so it is after it was torn out
/// with --fault. Each card has the faults of its own, counted from its first command.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab emulate card.json
  kortlab emulate anna.json bertil.json
  kortlab emulate --vpcd 127.0.0.1:35964 card.json
  kortlab emulate --socket card.sock card.json
  kortlab emulate --ephemeral card.json
  kortlab emulate --fault tear:after-bytes=1000 card.json
  kortlab emulate --fault sw:ins=B0,sw=6F00,nth=3 --trace program.apdu card.json")]
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
}

/// Emulates until a signal says to stop.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    if arguments.socket.is_some() && context.layers.tears() {
        return Err(Failure::usage("a card on a socket cannot be torn out")
            .hint("put it into vpcd's reader: leave --socket out"));
    }
    if arguments.socket.is_some() && arguments.files.len() != 1 {
        return Err(
            Failure::usage("a socket holds one card").hint("give one FILE, or leave --socket out")
        );
    }
    let (tell, told) = mpsc::channel();
    let mut cards = Vec::new();
    let several = arguments.files.len() > 1;
    for file in arguments.files {
        let name = file.display().to_string();
        let name = several.then_some(name.as_str());
        let (tell, told_of) = (tell.clone(), file.clone());
        let on_failure = Box::new(move |error: &StoreError| {
            let _ = tell.send((told_of.clone(), News::NotSaved(error.to_string())));
        });
        let card = insert(&file, context.ephemeral, &context.layers, name, on_failure)?;
        cards.push((file, card));
    }
    // The other end becomes readable at the first signal and stays so: each card waits on it.
    let (stop, stopped) = UnixStream::pair().map_err(|error| no_signals(&error))?;
    for signal in [SIGINT, SIGTERM] {
        let stop = stop.try_clone().map_err(|error| no_signals(&error))?;
        signal_hook::low_level::pipe::register(signal, stop).map_err(|error| no_signals(&error))?;
    }
    end_soon_after(&stopped).map_err(|error| no_signals(&error))?;
    let mut teller = Teller {
        context,
        stop,
        unsaved: BTreeMap::new(),
        result: Ok(()),
    };
    match &arguments.socket {
        Some(path) => on_socket(&mut teller, path, cards, &stopped, tell, &told),
        None => in_readers(&mut teller, &arguments.vpcd, cards, &stopped, tell, &told),
    }?;
    teller.end()
}

/// A card, and the file of its image.
type Inserted = (PathBuf, AnyChannel);
/// What happened to the card of which file.
type Told = (PathBuf, News);

/// Tells what happens to the cards.
struct Teller<'a> {
    context: &'a mut Context,
    stop: UnixStream,
    /// How many changes could not be saved, and why the last of them.
    unsaved: BTreeMap<PathBuf, (usize, String)>,
    result: Result<(), Failure>,
}

impl Teller<'_> {
    fn show(&mut self, happening: &Happening<'_>) {
        if let Err(failure) = self.context.output.event(happening) {
            self.fail(failure);
        }
    }

    /// One card that cannot go on takes the others with it.
    fn fail(&mut self, failure: Failure) {
        let _ = (&self.stop).write_all(&[0]);
        self.result = Err(failure);
    }

    fn not_saved(&mut self, file: &Path, reason: String) {
        self.show(&Happening::not_saved(file, &reason));
        let (count, last) = self.unsaved.entry(file.to_path_buf()).or_default();
        *count += 1;
        *last = reason;
    }

    /// Whether all went well.
    fn end(self) -> Result<Exit, Failure> {
        self.result?;
        let Some((file, (count, last))) = self.unsaved.into_iter().next() else {
            return Ok(Exit::Done);
        };
        let changes = if count == 1 { "change" } else { "changes" };
        let file = file.display();
        let message = format!("{file}: {count} {changes} could not be saved; the last: {last}");
        Err(Failure::storage(message)
            .hint("make room, or allow writing, there; with --ephemeral nothing is saved"))
    }
}

fn on_socket(
    teller: &mut Teller<'_>,
    path: &Path,
    cards: Vec<Inserted>,
    stopped: &UnixStream,
    tell: Sender<Told>,
    told: &Receiver<Told>,
) -> Result<(), Failure> {
    let failed = |error: SocketError| Failure::failed(error.to_string());
    let socket = CardSocket::bind(path).map_err(failed)?;
    // There is one, as was checked.
    for (file, mut card) in cards {
        teller.show(&Happening::on_socket(&file, path));
        let served = thread::scope(|scope| {
            let serving = scope.spawn({
                let (tell, file, socket) = (tell.clone(), file.clone(), &socket);
                move || {
                    let served = socket.serve(&mut card, stopped);
                    let _ = tell.send((file, News::Ended(Ok(()))));
                    served
                }
            });
            for (file, news) in told {
                match news {
                    News::NotSaved(reason) => teller.not_saved(&file, reason),
                    _ => break,
                }
            }
            serving.join()
        });
        match served {
            Ok(served) => served.map_err(failed)?,
            Err(_) => return Err(Failure::failed("the card has failed")),
        }
        teller.show(&Happening::ejected(&file));
    }
    Ok(())
}

fn in_readers(
    teller: &mut Teller<'_>,
    address: &str,
    cards: Vec<Inserted>,
    stopped: &UnixStream,
    tell: Sender<Told>,
    told: &Receiver<Told>,
) -> Result<(), Failure> {
    let addresses = consecutive(address, cards.len())?;
    let readers = &Readers::before(cards.len());
    let mut places = BTreeMap::new();
    for (place, (file, card)) in cards.iter().enumerate() {
        places.insert(file.clone(), (place, card.atr().to_vec()));
    }
    let mut left = cards.len();
    thread::scope(|scope| {
        for ((file, mut card), address) in cards.into_iter().zip(addresses) {
            let tell = tell.clone();
            scope.spawn(move || {
                let ended = VpcdLink::new(address).run(&mut card, stopped, |event| {
                    let _ = tell.send((file.clone(), News::Link(event)));
                });
                let _ = tell.send((file, News::Ended(ended)));
            });
        }
        for (file, news) in told {
            match news {
                News::Link(event) => {
                    teller.show(&Happening::link(&file, &event));
                    if let Event::Waiting { address, .. } = &event {
                        hint(readers.what_is_missing(address));
                    }
                    if let (Event::Inserted { .. }, Some((place, atr))) =
                        (&event, places.get(&file).cloned())
                    {
                        let tell = tell.clone();
                        scope.spawn(move || {
                            let seat = readers.find(&atr, place, || is_readable(stopped));
                            if let Some(seat) = seat {
                                let _ = tell.send((file, News::Seat(seat)));
                            }
                        });
                    }
                }
                News::Seat(seat) => teller.show(&Happening::seat(&file, &seat)),
                News::NotSaved(reason) => teller.not_saved(&file, reason),
                News::Ended(ended) => {
                    left -= 1;
                    match ended {
                        Ok(()) => teller.show(&Happening::ejected(&file)),
                        Err(error) => {
                            let message = format!("{}: {error}", file.display());
                            teller.fail(Failure::failed(message));
                        }
                    }
                    if left == 0 {
                        break;
                    }
                }
            }
        }
    });
    Ok(())
}

/// Whether the other end has said something, or is gone.
fn is_readable(stream: &UnixStream) -> bool {
    let mut polled = [PollFd::new(stream, PollFlags::IN)];
    poll(&mut polled, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
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

/// Sees to it that a signal ends the program even while a card computes, or waits. What programs
/// changed is saved before the card answers, so nothing is lost.
fn end_soon_after(stopped: &UnixStream) -> std::io::Result<()> {
    let stopped = stopped.try_clone()?;
    thread::spawn(move || {
        let mut polled = [PollFd::new(&stopped, PollFlags::IN)];
        while matches!(poll(&mut polled, None), Err(rustix::io::Errno::INTR)) {}
        thread::sleep(GRACE);
        note("a card was still at work; it loses its power now");
        std::process::exit(Exit::Done.code().into());
    });
    Ok(())
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
