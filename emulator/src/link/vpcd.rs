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

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::PoweredCard;
use super::frame::Decoder;
use super::session::Session;

/// Where pcscd's first virtual slot listens.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:35963";
/// How long the card stays away after a connection has ended.
pub const ABSENCE: Duration = Duration::from_millis(1_200);

/// The first pause between two attempts to connect; it doubles up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(1);
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
    /// The card is in the reader.
    Inserted {
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
        card: &mut (impl PoweredCard + ?Sized),
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
                Ok(address) => {
                    on_event(Event::Inserted { address });
                    self.converse(stream, card, shutdown)?
                }
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
        card: &mut (impl PoweredCard + ?Sized),
        shutdown: BorrowedFd<'_>,
    ) -> Result<Option<Removal>, LinkError> {
        let mut session = Session::insert(card);
        let mut decoder = Decoder::new();
        loop {
            while let Some(content) = decoder.next_frame() {
                if let Some(answer) = session.handle(&content) {
                    match self.send(&mut stream, &answer, shutdown)? {
                        Sent::Whole => {}
                        Sent::Shutdown => return Ok(None),
                        Sent::Failed(reason) => return Ok(Some(reason)),
                    }
                }
            }
            match stream.read(decoder.room()) {
                Ok(0) => return Ok(Some(end_of(&decoder))),
                Ok(count) => decoder.filled(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    quick_ack(&stream);
                    let timeout = decoder.unfinished().map(|_| self.stall);
                    match wait(Some((stream.as_fd(), PollFlags::IN)), shutdown, timeout)? {
                        Woken::Ready => {}
                        Woken::Shutdown => return Ok(None),
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
            Self::Removed { reason } => write!(f, "the card left the reader: {reason}"),
        }
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the reader closed the connection"),
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
