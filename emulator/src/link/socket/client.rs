//! The program's side: a channel to the card behind a socket.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use zeroize::Zeroizing;

use super::frame;
use super::timed::Timed;

/// How long to wait for the card to become free.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a command may take; a card that generates a key takes its time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// A channel to a card on a Unix socket.
#[derive(Debug)]
pub struct SocketChannel {
    stream: UnixStream,
    /// How long the whole answer to a question may take.
    limit: Duration,
    /// Why nothing can be asked any more: an answer that did not come in time.
    stuck: Option<ChannelError>,
    protocol: Protocol,
    max_command_data: usize,
    atr: Vec<u8>,
}

impl SocketChannel {
    /// Connects to the card behind the socket, whose whole answers may take so long.
    ///
    /// # Errors
    /// Nothing listens there, another program holds the card, or what listens is no card socket.
    pub fn connect(path: &Path, timeout: Option<Duration>) -> Result<Self, ChannelError> {
        let stream = UnixStream::connect(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ChannelError::NoReader(format!("no card listens on {} ({error})", path.display()))
            }
            _ => ChannelError::NoReader(format!("cannot reach {}: {error}", path.display())),
        })?;
        stream
            .set_nonblocking(true)
            .map_err(|error| ChannelError::Link(error.to_string()))?;
        let hello_limit = timeout.unwrap_or(HELLO_TIMEOUT);
        let mut channel = Self {
            stream,
            limit: hello_limit,
            stuck: None,
            protocol: Protocol::T1,
            max_command_data: 255,
            atr: Vec::new(),
        };
        let hello = channel.ask(frame::HELLO, &[frame::VERSION]);
        let hello = hello.map_err(|error| match error {
            // The card is there for one program at a time.
            ChannelError::Silent { after } => ChannelError::Link(format!(
                "the card does not answer: nothing came from {} for {} s; another program may be \
                 using it",
                path.display(),
                after.as_secs_f32()
            )),
            other => other,
        })?;
        let [protocol, l0, l1, l2, l3, atr @ ..] = hello.as_slice() else {
            return Err(nonsense("the hello is too short"));
        };
        channel.protocol = match protocol {
            0x00 => Protocol::T0,
            0x01 => Protocol::T1,
            _ => return Err(nonsense("the protocol is neither T=0 nor T=1")),
        };
        channel.max_command_data =
            usize::try_from(u32::from_be_bytes([*l0, *l1, *l2, *l3])).unwrap_or(usize::MAX);
        channel.atr = atr.to_vec();
        channel.limit = timeout.unwrap_or(ANSWER_TIMEOUT);
        Ok(channel)
    }

    fn ask(&mut self, kind: u8, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, ChannelError> {
        if let Some(error) = &self.stuck {
            return Err(error.clone());
        }
        let answer = self.exchange(kind, body);
        if let Err(error @ ChannelError::Silent { .. }) = &answer {
            // An answer that comes later would be taken for that to the next question.
            self.stuck = Some(error.clone());
        }
        answer
    }

    fn exchange(&self, kind: u8, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, ChannelError> {
        let broken = |error: io::Error| broken(&error, self.limit);
        let mut stream = Timed::new(&self.stream, self.limit);
        frame::write(&mut stream, kind, body).map_err(broken)?;
        match frame::read(&mut stream).map_err(broken)? {
            None => Err(ChannelError::NoCard),
            Some((frame::ERROR, body)) => Err(frame::decode_error(&body)),
            Some((answer, body)) if answer == frame::ANSWER | kind => Ok(body),
            Some((answer, _)) => Err(nonsense(&format!(
                "question {kind:02X} was answered by {answer:02X}"
            ))),
        }
    }
}

impl Channel for SocketChannel {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let mut answer = self.ask(frame::TRANSMIT, command)?;
        Ok(std::mem::take(&mut *answer))
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        let kind = match kind {
            ResetKind::Cold => 0x00,
            ResetKind::Warm => 0x01,
        };
        let mut atr = self.ask(frame::RESET, &[kind])?;
        self.atr = std::mem::take(&mut *atr);
        Ok(())
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn max_command_data(&self) -> usize {
        self.max_command_data
    }
}

fn broken(error: &io::Error, after: Duration) -> ChannelError {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => ChannelError::NoCard,
        io::ErrorKind::TimedOut => ChannelError::Silent { after },
        io::ErrorKind::InvalidInput => ChannelError::NotCarried(error.to_string()),
        _ => ChannelError::Link(error.to_string()),
    }
}

fn nonsense(what: &str) -> ChannelError {
    ChannelError::Link(format!("what listens on the socket is no card: {what}"))
}
