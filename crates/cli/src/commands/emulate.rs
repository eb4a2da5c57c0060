//! `kortlab emulate`: puts virtual cards into vpcd's reader, or on a socket.

mod address;
mod hand;
mod news;
mod seat;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use clap::Args;
use kortlab_emulator::StoreError;
use kortlab_emulator::link::socket::{CardSocket, SocketError};
use kortlab_emulator::link::vpcd::{self, Event};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};

use self::address::consecutive;
use self::hand::{Hands, keep_in_reader};
use self::news::{Happening, News};
use self::seat::Readers;
use super::Context;
use crate::channel::{AntennaArguments, Primes, insert};
use crate::control::{ControlArguments, ControlDoor, Gate, Lab, Place, Plugged, SharedCard};
use crate::desk::check_apart;
use crate::failure::{Exit, Failure};
use crate::output::{hint, note};

/// How long a card may be at work after a signal.
const GRACE: Duration = Duration::from_secs(1);

/// Put virtual cards into pcscd's virtual reader (vpcd), or on a socket, until Ctrl-C
///
/// Programs that use PC/SC see the card as in a real reader; which one it is in is told. What they
/// change is saved in the image before the card answers, so nothing is lost when this is killed; a
/// change that cannot be saved is refused (6581), told, and makes the exit code 1. With --ephemeral
/// nothing is saved. SIGINT and SIGTERM eject the card. When pcscd restarts the card is put in again,
/// and so it is after it was torn out with --fault. Each card has the faults of its own, counted from
/// its first command. `kortlab ctl` takes cards out and puts them in, and more, while this runs.
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

    #[command(flatten)]
    antenna: AntennaArguments,

    #[command(flatten)]
    control: ControlArguments,
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
    check_apart(context, &arguments.files)?;
    let (tell, told) = mpsc::channel();
    let addresses = match &arguments.socket {
        Some(path) => vec![format!("socket:{}", path.display())],
        None => consecutive(&arguments.vpcd, arguments.files.len())?,
    };
    let ephemeral = context.ephemeral;
    let all = context.layers.clone().with_uid(arguments.antenna.uid()?);
    let layers = all.clone();
    let make_card = {
        let tell = tell.clone();
        move |file: &Path, place: &Place, named: bool| {
            let (tell, told_of) = (tell.clone(), file.to_owned());
            let on_failure = Box::new(move |error: &StoreError| {
                let _ = tell.send((told_of.clone(), News::NotSaved(error.to_string())));
            });
            let (card, _) = insert(file, ephemeral, &layers, on_failure, Primes::First)?;
            let card = SharedCard::new(card, file.to_owned());
            let name = named.then(|| file.display().to_string());
            Ok(Plugged::new(card, &layers, place, name.as_deref()))
        }
    };
    let mut hands = Hands::default();
    let several = arguments.files.len() > 1;
    for (file, address) in arguments.files.iter().zip(addresses) {
        let place = Arc::new(Place::new(address, &all, true)?);
        place.put_in(Some(make_card(file, &place, several)?))?;
        hands.0.push((place, Arc::default()));
    }
    // The other end becomes readable at the first signal and stays so: each card waits on it.
    let (stop, stopped) = UnixStream::pair().map_err(|error| no_signals(&error))?;
    for signal in [SIGINT, SIGTERM] {
        let stop = stop.try_clone().map_err(|error| no_signals(&error))?;
        signal_hook::low_level::pipe::register(signal, stop).map_err(|error| no_signals(&error))?;
    }
    end_soon_after(&stopped, &hands).map_err(|error| no_signals(&error))?;
    let places = hands.0.iter().map(|(place, _)| Arc::clone(place));
    let lab = Lab::new(
        Box::new(hands.clone()),
        Box::new(move |file, place| make_card(file, place, true)),
        all,
        places.collect(),
    );
    let control = arguments.control.open(Arc::new(lab))?;
    let mut teller = Teller {
        context,
        news_of_door: control.as_ref().map(|door| door.path().to_owned()),
        control,
        stop,
        unsaved: BTreeMap::new(),
        result: Ok(()),
    };
    match &arguments.socket {
        Some(path) => on_socket(&mut teller, path, &hands, &stopped, tell, &told),
        None => in_readers(&mut teller, &hands, &stopped, tell, &told),
    }?;
    teller.end()
}

/// What happened to the card of which file.
type Told = (PathBuf, News);

/// The file of the card at a place.
fn image(place: &Place) -> PathBuf {
    place.seen().image.unwrap_or_default()
}

/// Tells what happens to the cards.
struct Teller<'a> {
    context: &'a mut Context,
    control: Option<ControlDoor>,
    /// Where its socket is, until that is told.
    news_of_door: Option<PathBuf>,
    stop: UnixStream,
    /// How many changes could not be saved, and why the last of them.
    unsaved: BTreeMap<PathBuf, (usize, String)>,
    result: Result<(), Failure>,
}

impl Teller<'_> {
    fn show(&mut self, happening: Happening<'_>) {
        let door = self.news_of_door.take();
        let happening = happening.with_control(door.as_deref());
        if let Err(failure) = self.context.output.event(&happening) {
            self.fail(failure);
        }
    }

    /// One card that cannot go on takes the others with it.
    fn fail(&mut self, failure: Failure) {
        let _ = (&self.stop).write_all(&[0]);
        self.result = Err(failure);
    }

    fn not_saved(&mut self, file: &Path, reason: String) {
        self.show(Happening::not_saved(file, &reason));
        let (count, last) = self.unsaved.entry(file.to_path_buf()).or_default();
        *count += 1;
        *last = reason;
    }

    /// Whether all went well.
    fn end(mut self) -> Result<Exit, Failure> {
        self.control = None;
        self.result?;
        let Some((file, (count, last))) = self.unsaved.into_iter().next() else {
            return Ok(Exit::Done);
        };
        let changes = if count == 1 { "change" } else { "changes" };
        let file = file.display();
        let message = format!("{file}: {count} {changes} could not be saved; the last: {last}");
        Err(Failure::storage(message).hint(
            "make room, or allow writing, there; if the image is mounted by itself, mount its directory \
             instead; with --ephemeral nothing is saved",
        ))
    }
}

fn on_socket(
    teller: &mut Teller<'_>,
    path: &Path,
    hands: &Hands,
    stopped: &UnixStream,
    tell: Sender<Told>,
    told: &Receiver<Told>,
) -> Result<(), Failure> {
    let failed = |error: SocketError| match &error {
        SocketError::Io { path, error } => Failure::file("listen on the socket", path, error),
        SocketError::InUse(_) => {
            Failure::failed(error.to_string()).hint("end it first, or name another path")
        }
        _ => Failure::failed(error.to_string()).hint("name another path"),
    };
    let socket = CardSocket::bind(path).map_err(failed)?;
    // There is one, as was checked.
    for (place, _) in &hands.0 {
        let file = image(place);
        let mut card = Gate::new(Arc::clone(place), false);
        teller.show(Happening::on_socket(&file, path));
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
        teller.show(Happening::ejected(&image(place)));
    }
    Ok(())
}

fn in_readers(
    teller: &mut Teller<'_>,
    hands: &Hands,
    stopped: &UnixStream,
    tell: Sender<Told>,
    told: &Receiver<Told>,
) -> Result<(), Failure> {
    let readers = &Readers::before(hands.0.len());
    let mut left = hands.0.len();
    thread::scope(|scope| {
        for (place, hand) in &hands.0 {
            let tell = tell.clone();
            scope.spawn(move || {
                let ended = keep_in_reader(place, hand, |news| {
                    let _ = tell.send((image(place), news));
                });
                let _ = tell.send((image(place), News::Ended(ended)));
            });
        }
        for (file, news) in told {
            match news {
                News::Link(event) => {
                    teller.show(Happening::link(&file, &event));
                    if let Event::Waiting { address, .. } = &event {
                        hint(readers.what_is_missing(address));
                    }
                    let found = hands.0.iter().map(|(place, _)| place.seen());
                    let found = found
                        .enumerate()
                        .find(|(_, seen)| seen.image.as_deref() == Some(&file) && seen.present);
                    if let (Event::Inserted { .. }, Some((place, seen))) = (&event, found)
                        && let Some(said) = seen.said
                    {
                        let atr = said.atr().to_vec();
                        let tell = tell.clone();
                        scope.spawn(move || {
                            let seat = readers.find(&atr, place, || is_readable(stopped));
                            if let Some(seat) = seat {
                                let _ = tell.send((file, News::Seat(seat)));
                            }
                        });
                    }
                }
                News::Seat(seat) => teller.show(Happening::seat(&file, &seat)),
                News::TakenOut => teller.show(Happening::taken_out(&file)),
                News::NotSaved(reason) => teller.not_saved(&file, reason),
                News::Ended(ended) => {
                    left -= 1;
                    match ended {
                        Ok(()) => teller.show(Happening::ejected(&file)),
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

/// Sees to it that a signal ends the program even while a card computes, or waits. What programs
/// changed is saved before the card answers, so nothing is lost.
fn end_soon_after(stopped: &UnixStream, hands: &Hands) -> std::io::Result<()> {
    let stopped = stopped.try_clone()?;
    let hands = hands.clone();
    thread::spawn(move || {
        let mut polled = [PollFd::new(&stopped, PollFlags::IN)];
        while matches!(poll(&mut polled, None), Err(rustix::io::Errno::INTR)) {}
        for (_, hand) in &hands.0 {
            hand.end();
        }
        thread::sleep(GRACE);
        note("a card was still at work; it loses its power now");
        std::process::exit(Exit::Done.code().into());
    });
    Ok(())
}

fn no_signals(error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot listen for signals: {error}"))
}
