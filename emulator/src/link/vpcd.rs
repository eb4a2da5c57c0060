//! The link to vpcd, the virtual reader of pcscd: the card connects to the reader over TCP.
//!
//! What vpcd needs, and why it is done here:
//! - A frame in one write, TCP_NODELAY, and TCP_QUICKACK set again before every wait. Debian 12's
//!   vpcd sends length and content as two segments, and with Nagle's algorithm on its side and
//!   the delayed acknowledgement on ours each command would take 44 ms instead of 0.1.
//! - A new connection is a card that was just pushed in: it gets power. If it comes back within
//!   one poll of pcscd's (400 ms), pcscd does not notice that it was gone, sends neither ON nor
//!   RESET, and old handles go on working. So after a connection ended, the card stays away for
//!   [`ABSENCE`], long enough for pcscd to see the empty reader.
//! - vpcd asks for the ATR at each poll, also between two commands, and is answered at once.
//!
//! The reader's side of this port is not authenticated: whoever listens there has the card.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use kortlab_apdu::{Channel, ChannelError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::frame::Decoder;
use super::session::Session;

/// Where pcscd's first virtual slot listens.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:35963";
/// How long the card stays away after a connection has ended.
pub const ABSENCE: Duration = Duration::from_millis(1_200);

/// The first pause between two attempts to connect; it doubles up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// How long a reader may ask nothing of a card that has come. pcscd looks every 0.4 seconds; a port at
/// which nobody takes the card is connected all the same, by the operating system.
const NOTICE: Duration = Duration::from_secs(2);
/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the rest of a frame, or room for an answer, is waited for.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A card's link to one virtual slot.
#[derive(Clone, Debug)]
pub struct VpcdLink {
    address: String,
    patience: Option<Duration>,
    stall: Duration,
}

/// What happens to the card, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// No reader there yet; the link goes on trying. Told once, not at each attempt.
    Waiting {
        /// Where the reader is looked for.
        address: String,
        /// Why the first attempt failed.
        reason: String,
    },
    /// The card is in the reader, which has asked for it.
    Inserted {
        /// The reader's address.
        address: SocketAddr,
    },
    /// The reader is there, and asks nothing of the card: it has another one, perhaps. The link
    /// goes on waiting.
    Ignored {
        /// The reader's address.
        address: SocketAddr,
    },
    /// The card left the reader; the link tries to push it in again.
    Removed {
        /// Why.
        reason: Removal,
    },
}

/// Why a card left the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Removal {
    /// The reader closed the connection: pcscd stopped, or threw the card out.
    Closed,
    /// The card gave no answer: its power was cut, or what carries it failed.
    Silent(ChannelError),
    /// What came is not vpcd's protocol; the text says what.
    Garbage(String),
    /// The connection failed; the text says how.
    Failed(String),
}

/// Why the link ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The card has no ATR that a reader could take.
    #[error("the card's ATR is {0} bytes long; 2 to 33 are possible (ISO 7816-3)")]
    Atr(usize),
    /// No reader appeared in the time given.
    #[error(
        "no virtual reader at {address} ({reason}): start pcscd with vpcd \
         (Debian: packages pcscd and vsmartcard-vpcd), or name its address"
    )]
    NoReader {
        /// Where it was looked for.
        address: String,
        /// Why the last attempt failed.
        reason: String,
    },
    /// The operating system refuses to wait for input.
    #[error("waiting for the reader failed: {0}")]
    Wait(io::Error),
}

impl VpcdLink {
    /// A link to the slot at `address`, `HOST:PORT`.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            patience: None,
            stall: STALL_TIMEOUT,
        }
    }

    /// Gives up if there is no reader within `patience` at the start. Without this the link
    /// waits for ever. A reader that was there once is always waited for.
    #[must_use]
    pub fn give_up_after(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// How long the rest of a frame that has begun is waited for; five seconds unless set.
    #[must_use]
    pub fn stall_timeout(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    /// Keeps the card in the reader until `shutdown` becomes readable, and pushes it in again
    /// when pcscd restarts. `on_event` hears what happens. When this returns the card is out and
    /// without power.
    ///
    /// # Errors
    /// [`LinkError`]; nothing that the reader sends is one.
    pub fn run(
        &self,
        card: &mut (impl Channel + ?Sized),
        shutdown: &impl AsFd,
        mut on_event: impl FnMut(Event),
    ) -> Result<(), LinkError> {
        let atr = card.atr().len();
        if !(2..=33).contains(&atr) {
            return Err(LinkError::Atr(atr));
        }
        let shutdown = shutdown.as_fd();
        let mut patience = self.patience;
        loop {
            let Some(stream) = self.connect(shutdown, patience, &mut on_event)? else {
                return Ok(());
            };
            patience = None;
            let ended = match stream.peer_addr() {
                Ok(address) => self.converse(stream, address, card, shutdown, &mut on_event)?,
                Err(error) => Some(Removal::Failed(error.to_string())),
            };
            let Some(reason) = ended else {
                return Ok(());
            };
            on_event(Event::Removed { reason });
            if !pause(ABSENCE, shutdown)? {
                return Ok(());
            }
        }
    }

    /// Tries until there is a connection; `None` means shutdown.
    fn connect(
        &self,
        shutdown: BorrowedFd<'_>,
        patience: Option<Duration>,
        on_event: &mut impl FnMut(Event),
    ) -> Result<Option<TcpStream>, LinkError> {
        let started = Instant::now();
        let mut wait = MIN_PAUSE;
        let mut told = false;
        loop {
            let reason = match attempt(&self.address, shutdown)? {
                Attempt::Connected(stream) => return Ok(Some(stream)),
                Attempt::Shutdown => return Ok(None),
                Attempt::Failed(reason) => reason,
            };
            if patience.is_some_and(|patience| started.elapsed() + wait > patience) {
                return Err(LinkError::NoReader {
                    address: self.address.clone(),
                    reason,
                });
            }
            if !told {
                told = true;
                on_event(Event::Waiting {
                    address: self.address.clone(),
                    reason,
                });
            }
            if !pause(wait, shutdown)? {
                return Ok(None);
            }
            wait = (wait * 2).min(MAX_PAUSE);
        }
    }

    /// Serves one connection until it ends, and says why; `None` means shutdown.
    fn converse(
        &self,
        mut stream: TcpStream,
        address: SocketAddr,
        card: &mut (impl Channel + ?Sized),
        shutdown: BorrowedFd<'_>,
        on_event: &mut impl FnMut(Event),
    ) -> Result<Option<Removal>, LinkError> {
        let mut session = Session::insert(card);
        if let Some(silence) = session.silence() {
            return Ok(Some(Removal::Silent(silence.clone())));
        }
        let mut decoder = Decoder::new();
        // By when the frame that has begun must be whole, however its bytes trickle.
        let mut deadline = None;
        let mut is_noticed = false;
        let mut notice = Some(NOTICE);
        loop {
            while let Some(content) = decoder.next_frame() {
                // A reader that sends without a pause does not keep the card from going.
                if matches!(wait(None, shutdown, Some(Duration::ZERO))?, Woken::Shutdown) {
                    return Ok(None);
                }
                deadline = None;
                let answer = session.handle(&content);
                if let Some(silence) = session.silence() {
                    return Ok(Some(Removal::Silent(silence.clone())));
                }
                if let Some(answer) = answer {
                    match self.send(&mut stream, &answer, shutdown)? {
                        Sent::Whole => {}
                        Sent::Shutdown => return Ok(None),
                        Sent::Failed(reason) => return Ok(Some(reason)),
                    }
                }
            }
            match stream.read(decoder.room()) {
                Ok(0) => return Ok(Some(end_of(&decoder))),
                Ok(count) => {
                    decoder.filled(count);
                    if !is_noticed {
                        is_noticed = true;
                        notice = None;
                        on_event(Event::Inserted { address });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    quick_ack(&stream);
                    let timeout = decoder.unfinished().map(|_| {
                        let now = Instant::now();
                        let until = *deadline.get_or_insert(now + self.stall);
                        until.saturating_duration_since(now)
                    });
                    let timeout = timeout.or(notice);
                    match wait(Some((stream.as_fd(), PollFlags::IN)), shutdown, timeout)? {
                        Woken::Ready => {}
                        Woken::Shutdown => return Ok(None),
                        Woken::Timeout if notice.take().is_some() => {
                            on_event(Event::Ignored { address });
                        }
                        Woken::Timeout => return Ok(Some(stalled(&decoder, self.stall))),
                    }
                }
                Err(error) => return Ok(Some(removal(&error))),
            }
        }
    }

    /// Sends a frame, in one write if the reader takes it.
    fn send(
        &self,
        stream: &mut TcpStream,
        mut bytes: &[u8],
        shutdown: BorrowedFd<'_>,
    ) -> Result<Sent, LinkError> {
        while !bytes.is_empty() {
            match stream.write(bytes) {
                Ok(0) => return Ok(Sent::Failed(Removal::Closed)),
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let room = Some((stream.as_fd(), PollFlags::OUT));
                    match wait(room, shutdown, Some(self.stall))? {
                        Woken::Ready => {}
                        Woken::Shutdown => return Ok(Sent::Shutdown),
                        Woken::Timeout => {
                            return Ok(Sent::Failed(Removal::Failed(format!(
                                "the reader did not take an answer within {:?}",
                                self.stall
                            ))));
                        }
                    }
                }
                Err(error) => return Ok(Sent::Failed(removal(&error))),
            }
        }
        Ok(Sent::Whole)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { address, reason } => {
                write!(f, "waiting for a virtual reader at {address} ({reason})")
            }
            Self::Inserted { address } => write!(f, "the card is in the reader at {address}"),
            Self::Ignored { address } => write!(
                f,
                "the reader at {address} asks nothing of the card: another card is in it, \
                 perhaps. End what holds that one (`kortlab readers` lists what there is), or take \
                 another reader with --vpcd; the next one listens on port {}",
                address.port().saturating_add(1)
            ),
            Self::Removed { reason } => write!(f, "the card left the reader: {reason}"),
        }
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the reader closed the connection"),
            Self::Silent(ChannelError::NoCard) => {
                f.write_str("it was pulled out, or its power was cut")
            }
            Self::Silent(error) => write!(f, "it gave no answer: {error}"),
            Self::Garbage(what) => write!(
                f,
                "what came is not vpcd's protocol: {what}; is another program on that port?"
            ),
            Self::Failed(how) => write!(f, "the connection failed: {how}"),
        }
    }
}

enum Attempt {
    Connected(TcpStream),
    Failed(String),
    Shutdown,
}

enum Sent {
    Whole,
    Failed(Removal),
    Shutdown,
}

enum Woken {
    Ready,
    Timeout,
    Shutdown,
}

/// Tries each address that the name stands for, once.
fn attempt(address: &str, shutdown: BorrowedFd<'_>) -> Result<Attempt, LinkError> {
    let candidates = match address.to_socket_addrs() {
        Ok(candidates) => candidates,
        Err(error) => return Ok(Attempt::Failed(error.to_string())),
    };
    let mut last = "the name has no address".to_owned();
    for candidate in candidates {
        let stream = match begin(candidate) {
            Ok(stream) => stream,
            Err(error) => {
                last = error.to_string();
                continue;
            }
        };
        let connecting = Some((stream.as_fd(), PollFlags::OUT));
        match wait(connecting, shutdown, Some(CONNECT_TIMEOUT))? {
            Woken::Shutdown => return Ok(Attempt::Shutdown),
            Woken::Timeout => last = format!("no answer within {CONNECT_TIMEOUT:?}"),
            Woken::Ready => match finish(&stream) {
                Ok(()) => return Ok(Attempt::Connected(stream)),
                Err(error) => last = error.to_string(),
            },
        }
    }
    Ok(Attempt::Failed(last))
}

/// Begins to connect, without waiting.
fn begin(address: SocketAddr) -> io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
        Err(error) => Err(error.into()),
    }
}

/// Ends the connecting that has become ready.
fn finish(stream: &TcpStream) -> io::Result<()> {
    sockopt::socket_error(stream)??;
    // A socket can connect to itself when nobody listens on a port of the ephemeral range.
    if stream.peer_addr()? == stream.local_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    stream.set_nodelay(true)
}

/// Asks for the next segment to be acknowledged at once. The kernel forgets it with each answer.
fn quick_ack(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    {
        // Without it everything works, only slower.
        let _ = sockopt::set_tcp_quickack(stream, true);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}

/// Waits for `work`, the shutdown or the timeout, whichever comes first.
fn wait(
    work: Option<(BorrowedFd<'_>, PollFlags)>,
    shutdown: BorrowedFd<'_>,
    timeout: Option<Duration>,
) -> Result<Woken, LinkError> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let mut polled = vec![PollFd::new(&shutdown, PollFlags::IN)];
        if let Some((work, interest)) = &work {
            polled.push(PollFd::new(work, *interest));
        }
        match poll(&mut polled, left.as_ref()) {
            Ok(0) => return Ok(Woken::Timeout),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(LinkError::Wait(error.into())),
        }
        let woken = |index: usize| polled.get(index).is_some_and(|fd| !fd.revents().is_empty());
        if woken(0) {
            return Ok(Woken::Shutdown);
        }
        if woken(1) {
            return Ok(Woken::Ready);
        }
    }
}

/// Pauses; false when the shutdown came.
fn pause(duration: Duration, shutdown: BorrowedFd<'_>) -> Result<bool, LinkError> {
    Ok(!matches!(
        wait(None, shutdown, Some(duration))?,
        Woken::Shutdown
    ))
}

fn removal(error: &io::Error) -> Removal {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Removal::Closed,
        _ => Removal::Failed(error.to_string()),
    }
}

fn end_of(decoder: &Decoder) -> Removal {
    match missing(decoder) {
        Some(missing) => Removal::Garbage(format!("{missing} when the connection was closed")),
        None => Removal::Closed,
    }
}

fn stalled(decoder: &Decoder, after: Duration) -> Removal {
    let missing = missing(decoder).unwrap_or_default();
    Removal::Garbage(format!("{missing} after {after:?}"))
}

fn missing(decoder: &Decoder) -> Option<String> {
    Some(match decoder.unfinished()? {
        (Some(announced), come) => {
            format!("a frame announced {announced} bytes and only {come} had come")
        }
        (None, _) => "only one byte of a frame's length had come".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc::{self, Receiver};
    use std::thread::{self, JoinHandle};

    use kortlab_apdu::{Protocol, ResetKind};

    use super::*;

    /// Echoes commands with 9000; `E0` gives nothing, `E1 hh ll` as many bytes, `E2` takes long,
    /// `E3` pulls the card out.
    #[derive(Default)]
    struct Echo {
        powered: bool,
        ons: usize,
        resets: usize,
    }

    impl Channel for Echo {
        fn power_on(&mut self) -> Result<(), ChannelError> {
            self.powered = true;
            self.ons += 1;
            Ok(())
        }
        fn power_off(&mut self) -> Result<(), ChannelError> {
            self.powered = false;
            Ok(())
        }
        fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
            self.resets += 1;
            Ok(())
        }
        fn atr(&self) -> &[u8] {
            &[0x3B, 0x80, 0x01, 0x81]
        }
        fn protocol(&self) -> Protocol {
            Protocol::T1
        }
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
            Ok(match *command {
                [0xE0, ..] => Vec::new(),
                [0xE1, high, low] => vec![0xAA; usize::from(u16::from_be_bytes([high, low])) + 1],
                [0xE2, ..] => {
                    thread::sleep(Duration::from_millis(300));
                    vec![0x90, 0x00]
                }
                [0xE3, ..] => return Err(ChannelError::NoCard),
                _ => [command, &[0x90, 0x00]].concat(),
            })
        }
    }

    /// A card with its link on a thread of its own, and vpcd's side of it.
    struct Fake {
        listener: TcpListener,
        stop: UnixStream,
        events: Receiver<Event>,
        thread: JoinHandle<Result<Echo, LinkError>>,
    }

    impl Fake {
        fn new() -> Self {
            Self::with(|link| link)
        }

        fn with(settings: impl FnOnce(VpcdLink) -> VpcdLink) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = listener.local_addr().expect("an address").to_string();
            let (stop, events, thread) = start(settings(VpcdLink::new(address)));
            Self {
                listener,
                stop,
                events,
                thread,
            }
        }

        fn accept_silently(&self) -> TcpStream {
            let (stream, _) = self.listener.accept().expect("the card");
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .expect("set");
            stream
        }

        /// As vpcd does with each card that comes.
        fn accept(&self) -> TcpStream {
            let mut stream = self.accept_silently();
            assert_eq!(ask(&mut stream, &[4]), ATR);
            stream
        }

        fn event(&self) -> Event {
            self.events
                .recv_timeout(Duration::from_secs(20))
                .expect("an event")
        }

        /// Stops the link and gives the card, and how long the stop took.
        fn stop(self) -> (Echo, Duration) {
            let before = Instant::now();
            (&self.stop).write_all(&[1]).expect("told");
            let card = self.thread.join().expect("no panic").expect("no error");
            (card, before.elapsed())
        }
    }

    #[allow(clippy::type_complexity)]
    fn start(
        link: VpcdLink,
    ) -> (
        UnixStream,
        Receiver<Event>,
        JoinHandle<Result<Echo, LinkError>>,
    ) {
        let (stop, stopped) = UnixStream::pair().expect("a pair");
        let (tell, events) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut card = Echo::default();
            link.run(&mut card, &stopped, |event| {
                let _ = tell.send(event);
            })?;
            Ok(card)
        });
        (stop, events, thread)
    }

    fn put(stream: &mut TcpStream, content: &[u8]) {
        let length = u16::try_from(content.len()).expect("fits");
        let frame = [&length.to_be_bytes(), content].concat();
        stream.write_all(&frame).expect("sent");
    }

    fn take(stream: &mut TcpStream) -> Vec<u8> {
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("a length");
        let mut content = vec![0; usize::from(u16::from_be_bytes(length))];
        assert!(!content.is_empty(), "a frame of length zero hangs pcscd");
        stream.read_exact(&mut content).expect("content");
        content
    }

    fn ask(stream: &mut TcpStream, content: &[u8]) -> Vec<u8> {
        put(stream, content);
        take(stream)
    }

    const ATR: [u8; 4] = [0x3B, 0x80, 0x01, 0x81];

    #[test]
    fn a_card_is_in_the_reader_when_it_is_asked_for_and_not_when_it_has_a_connection() {
        let fake = Fake::new();
        let begun = Instant::now();
        let mut reader = fake.accept_silently();
        let event = fake.event();
        assert!(matches!(event, Event::Ignored { .. }), "{event}");
        assert!(begun.elapsed() >= NOTICE - Duration::from_millis(100));
        let next = fake.listener.local_addr().unwrap().port() + 1;
        assert!(event.to_string().contains(&next.to_string()), "{event}");
        // It is the reader's turn after all.
        assert_eq!(ask(&mut reader, &[4]), ATR);
        assert!(matches!(fake.event(), Event::Inserted { .. }));
        // Nobody listens behind the second connection: the operating system has made it.
        let address = fake.listener.local_addr().unwrap().to_string();
        let (stop, events, thread) = start(VpcdLink::new(address));
        let event = events.recv_timeout(Duration::from_secs(20)).expect("told");
        assert!(matches!(event, Event::Ignored { .. }), "{event}");
        (&stop).write_all(&[1]).expect("told");
        thread.join().expect("no panic").expect("no error");
        fake.stop();
    }

    #[test]
    fn a_reader_that_sends_without_a_pause_does_not_keep_the_card_from_going() {
        let fake = Fake::new();
        let stream = fake.accept();
        let mut answers = stream.try_clone().expect("cloned");
        let reading = thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while matches!(answers.read(&mut buffer), Ok(1..)) {}
        });
        let mut flood = stream.try_clone().expect("cloned");
        let flooding = thread::spawn(move || {
            let frames = [0, 1, 4].repeat(10_000);
            while flood.write_all(&frames).is_ok() {}
        });
        assert!(matches!(fake.event(), Event::Inserted { .. }));
        thread::sleep(Duration::from_millis(200));
        let (card, taken) = fake.stop();
        assert!(!card.powered);
        assert!(taken < Duration::from_secs(2), "{taken:?}");
        let _ = stream.shutdown(std::net::Shutdown::Both);
        flooding.join().expect("ended");
        reading.join().expect("ended");
    }

    #[test]
    fn a_frame_that_comes_byte_by_byte_has_the_time_of_one_frame() {
        let fake = Fake::with(|link| link.stall_timeout(Duration::from_millis(300)));
        let mut stream = fake.accept();
        assert!(matches!(fake.event(), Event::Inserted { .. }));
        stream.write_all(&[0, 200]).expect("sent");
        let begun = Instant::now();
        while stream.write_all(&[0xAA]).is_ok() && begun.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(50));
        }
        assert!(matches!(
            fake.event(),
            Event::Removed {
                reason: Removal::Garbage(_)
            }
        ));
        assert!(begun.elapsed() < Duration::from_secs(5));
        let _ = fake.stop();
    }

    #[test]
    fn an_insertion_goes_as_pcscd_does_it_and_the_atr_is_told_between_commands() {
        let fake = Fake::new();
        let mut reader = fake.accept();
        assert!(matches!(fake.event(), Event::Inserted { .. }));
        assert_eq!(ask(&mut reader, &[4]), ATR);
        put(&mut reader, &[1]);
        assert_eq!(ask(&mut reader, &[4]), ATR);
        put(&mut reader, &[0]);
        assert_eq!(ask(&mut reader, &[0, 0xA4]), [0x6F, 0x00]);
        put(&mut reader, &[1]);
        assert_eq!(ask(&mut reader, &[0, 0xA4]), [0, 0xA4, 0x90, 0]);
        assert_eq!(ask(&mut reader, &[4]), ATR);
        put(&mut reader, &[2]);
        assert_eq!(ask(&mut reader, &[0, 0xB0]), [0, 0xB0, 0x90, 0]);
        let (card, took) = fake.stop();
        assert!(!card.powered, "the card leaves without power");
        assert_eq!((card.ons, card.resets), (3, 1));
        assert!(took < Duration::from_millis(500), "{took:?}");
    }

    #[test]
    fn a_new_connection_gives_power_without_being_asked() {
        let fake = Fake::new();
        let mut reader = fake.accept();
        assert_eq!(ask(&mut reader, &[0, 0xA4]), [0, 0xA4, 0x90, 0]);
        assert_eq!(fake.stop().0.ons, 1);
    }

    #[test]
    fn empty_frames_are_ignored_and_never_sent() {
        let fake = Fake::new();
        let mut reader = fake.accept();
        put(&mut reader, &[]);
        put(&mut reader, &[]);
        assert_eq!(ask(&mut reader, &[0xE0, 0]), [0x6F, 0x00]);
        assert_eq!(ask(&mut reader, &[4]), ATR);
        fake.stop();
    }

    #[test]
    fn frames_carry_65535_bytes_both_ways_and_a_longer_answer_becomes_6f00() {
        let fake = Fake::new();
        let mut reader = fake.accept();
        assert_eq!(ask(&mut reader, &[0x5A; 65_533]).len(), 65_535);
        assert_eq!(ask(&mut reader, &[0x5A; 65_534]), [0x6F, 0x00]);
        assert_eq!(ask(&mut reader, &[0x5A; 65_535]), [0x6F, 0x00]);
        assert_eq!(ask(&mut reader, &[0xE1, 0xFF, 0xFE]).len(), 65_535);
        assert_eq!(ask(&mut reader, &[0xE1, 0xFF, 0xFF]), [0x6F, 0x00]);
        fake.stop();
    }

    #[test]
    fn a_command_of_one_byte_is_a_control_message_if_it_looks_like_one() {
        let fake = Fake::new();
        let mut reader = fake.accept();
        assert_eq!(ask(&mut reader, &[3]), [3, 0x90, 0]);
        assert_eq!(ask(&mut reader, &[0xFF]), [0xFF, 0x90, 0]);
        assert_eq!(ask(&mut reader, &[4]), ATR);
        put(&mut reader, &[0]);
        put(&mut reader, &[2]);
        assert_eq!(ask(&mut reader, &[0, 0]), [0, 0, 0x90, 0]);
        assert_eq!(fake.stop().0.resets, 1);
    }

    #[test]
    fn split_frames_slow_readers_and_several_frames_at_once_are_all_the_same() {
        let fake = Fake::with(|link| link.stall_timeout(Duration::from_secs(3)));
        let mut reader = fake.accept();
        reader.set_nodelay(true).expect("set");
        for byte in [0, 3, 0xAA, 0xBB, 0xCC] {
            reader.write_all(&[byte]).expect("sent");
            thread::sleep(Duration::from_millis(150));
        }
        assert_eq!(take(&mut reader), [0xAA, 0xBB, 0xCC, 0x90, 0]);
        let pieces = [0, 1, 4, 0, 2, 1, 2, 0, 0, 0, 1, 4];
        reader.write_all(&pieces).expect("sent");
        assert_eq!(take(&mut reader), ATR);
        assert_eq!(take(&mut reader), [1, 2, 0x90, 0]);
        assert_eq!(take(&mut reader), ATR);
        // A slow card is waited for.
        assert_eq!(ask(&mut reader, &[0xE2, 0]), [0x90, 0]);
        fake.stop();
    }

    /// Debian 12's vpcd sends length and content in two pieces, with Nagle's algorithm on.
    #[test]
    fn commands_in_two_segments_do_not_wait_for_the_delayed_acknowledgement() {
        let fake = Fake::new();
        let mut reader = fake.accept();
        let before = Instant::now();
        for _ in 0..50 {
            reader.write_all(&[0, 2]).expect("sent");
            reader.write_all(&[0, 0xB0]).expect("sent");
            take(&mut reader);
        }
        let took = before.elapsed();
        assert!(took < Duration::from_millis(1_000), "{took:?} for 50");
        fake.stop();
    }

    #[test]
    fn a_frame_that_ends_early_is_reported_in_one_line_and_the_card_comes_back() {
        let fake = Fake::new();
        let mut reader = fake.accept();
        fake.event();
        reader.write_all(b"SSH-2.0-OpenSSH\r\n").expect("sent");
        drop(reader);
        let Event::Removed { reason } = fake.event() else {
            panic!("not removed")
        };
        let text = reason.to_string();
        assert!(text.contains("announced 21331 bytes"), "{text}");
        assert!(text.contains("only 15 had come"), "{text}");
        assert!(!text.contains('\n'), "{text}");
        let mut again = fake.accept();
        assert_eq!(ask(&mut again, &[4]), ATR);
        fake.stop();
    }

    #[test]
    fn a_frame_that_stalls_is_given_up() {
        for (sent, told) in [
            (&[0x00][..], "only one byte"),
            (&[0x00, 0x09, 0xAA], "announced 9 bytes and only 1"),
        ] {
            let fake = Fake::with(|link| link.stall_timeout(Duration::from_millis(100)));
            let mut reader = fake.accept();
            fake.event();
            reader.write_all(sent).expect("sent");
            let event = fake.event().to_string();
            assert!(event.contains(told), "{event}");
            assert_eq!(reader.read(&mut [0]).expect("closed"), 0);
            fake.stop();
        }
    }

    #[test]
    fn a_reader_that_takes_no_answers_loses_the_card() {
        let fake = Fake::with(|link| link.stall_timeout(Duration::from_millis(200)));
        let mut reader = fake.accept();
        fake.event();
        reader
            .set_write_timeout(Some(Duration::from_secs(1)))
            .expect("set");
        let command = [0, 3, 0xE1, 0xFF, 0xFE].repeat(400);
        let _ = reader.write_all(&command);
        let event = fake.event().to_string();
        assert!(event.contains("did not take an answer"), "{event}");
        fake.stop();
    }

    #[test]
    fn a_card_that_was_thrown_out_stays_away_long_enough_to_be_missed() {
        let fake = Fake::new();
        let mut reader = fake.accept();
        assert_eq!(ask(&mut reader, &[4]), ATR);
        assert!(matches!(fake.event(), Event::Inserted { .. }));
        drop(reader);
        let gone = Instant::now();
        let mut again = fake.accept();
        assert!(gone.elapsed() >= Duration::from_secs(1));
        assert_eq!(
            fake.event(),
            Event::Removed {
                reason: Removal::Closed
            }
        );
        assert!(matches!(fake.event(), Event::Inserted { .. }));
        assert_eq!(ask(&mut again, &[0, 1]), [0, 1, 0x90, 0]);
        assert_eq!(fake.stop().0.ons, 2);
    }

    #[test]
    fn a_card_that_gives_no_answer_leaves_the_reader_and_comes_back() {
        let fake = Fake::new();
        let mut reader = fake.accept();
        assert!(matches!(fake.event(), Event::Inserted { .. }));
        put(&mut reader, &[0xE3, 0]);
        let reason = Removal::Silent(ChannelError::NoCard);
        assert_eq!(fake.event(), Event::Removed { reason });
        assert_eq!(reader.read(&mut [0]).expect("closed"), 0);
        let mut again = fake.accept();
        assert_eq!(ask(&mut again, &[0, 1]), [0, 1, 0x90, 0]);
        assert_eq!(fake.stop().0.ons, 2);
    }

    #[test]
    fn a_reader_that_comes_later_gets_the_card() {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = port.local_addr().expect("an address");
        drop(port);
        let (stop, events, thread) = start(VpcdLink::new(address.to_string()));
        let event = events.recv_timeout(Duration::from_secs(20)).expect("told");
        assert!(matches!(event, Event::Waiting { .. }), "{event}");
        let listener = TcpListener::bind(address).expect("the same port");
        let (mut reader, _) = listener.accept().expect("the card");
        assert_eq!(ask(&mut reader, &[4]), ATR);
        (&stop).write_all(&[1]).expect("told");
        thread.join().expect("no panic").expect("no error");
    }

    #[test]
    fn without_a_reader_the_link_gives_up_when_it_is_to_and_stops_when_it_is_told() {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = port.local_addr().expect("an address").to_string();
        drop(port);
        let patience = Duration::from_millis(250);
        let (_stop, _events, thread) =
            start(VpcdLink::new(address.clone()).give_up_after(patience));
        let ended = thread.join().expect("no panic").map(|_| ());
        let error = ended.expect_err("there is no reader").to_string();
        assert!(
            error.contains(&address) && error.contains("pcscd"),
            "{error}"
        );

        let (stop, _events, thread) = start(VpcdLink::new(address));
        thread::sleep(Duration::from_millis(150));
        let before = Instant::now();
        (&stop).write_all(&[1]).expect("told");
        thread.join().expect("no panic").expect("no error");
        assert!(before.elapsed() < Duration::from_millis(500));
    }

    #[test]
    fn the_link_stops_in_the_middle_of_a_frame_and_while_the_card_is_away() {
        let fake = Fake::new();
        let mut reader = fake.accept();
        reader.write_all(&[0]).expect("sent");
        thread::sleep(Duration::from_millis(50));
        assert!(fake.stop().1 < Duration::from_millis(500));

        let fake = Fake::new();
        drop(fake.accept());
        assert!(matches!(fake.event(), Event::Inserted { .. }));
        assert!(matches!(fake.event(), Event::Removed { .. }));
        assert!(fake.stop().1 < Duration::from_millis(500));
    }

    #[test]
    fn names_without_address_and_cards_without_atr_are_errors() {
        let (_stop, _events, thread) =
            start(VpcdLink::new("no such host").give_up_after(Duration::from_millis(1)));
        let ended = thread.join().expect("no panic").map(|_| ());
        assert!(matches!(ended, Err(LinkError::NoReader { .. })));

        struct Blank;
        impl Channel for Blank {
            fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
                Ok(())
            }
            fn atr(&self) -> &[u8] {
                &[]
            }
            fn protocol(&self) -> Protocol {
                Protocol::T0
            }
            fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, ChannelError> {
                Ok(Vec::new())
            }
        }
        let (_stop, stopped) = UnixStream::pair().expect("a pair");
        let ended = VpcdLink::new("127.0.0.1:1").run(&mut Blank, &stopped, |_| {});
        assert!(matches!(ended, Err(LinkError::Atr(0))));
    }
}
