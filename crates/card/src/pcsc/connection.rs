//! The connection to a card in a PC/SC reader. Its calls block for as long as the service, the
//! reader or another program makes them; [`PcscChannel`](super::PcscChannel) bounds that.

use std::ffi::CString;
use std::time::{Duration, Instant};

use kortlab_apdu::{ChannelError, Protocol, ResetKind};
use pcsc::{
    Attribute, Card, Context, Disposition, Protocols, ReaderState, ShareMode, State, Transaction,
};
use self_cell::{MutBorrow, self_cell};
use zeroize::Zeroize as _;

use super::channel::ConnectOptions;
use super::errors::explain;
use super::{Choice, choose, establish, look};

/// The longest response APDU: 65 536 bytes of data and the status word.
const MAX_RESPONSE_APDU: usize = 65_536 + 2;

/// How long the PC/SC service may take to see that a card is gone: pcscd looks every 400 ms.
const REMOVAL_NOTICE: Duration = Duration::from_secs(1);

/// How long a service that is ending may seem to be there after its cards are gone.
const ENDING: Duration = Duration::from_millis(300);

/// How often it is looked whether a card or the service is still there.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

self_cell!(
    /// A card together with the transaction that is open on it.
    struct Held {
        owner: MutBorrow<Card>,
        #[covariant]
        dependent: Transaction,
    }
);

/// What a card and its reader said when they were connected.
#[derive(Clone, Debug)]
pub(super) struct Connected {
    /// The reader's name.
    pub(super) reader: String,
    /// The answer to reset.
    pub(super) atr: Vec<u8>,
    /// The protocol in force.
    pub(super) protocol: Protocol,
    /// The most command data bytes for extended length.
    pub(super) max_command_data: usize,
}

/// A card in a PC/SC reader, shared with other programs unless held.
pub(super) struct Connection {
    // `None` before it is connected to, and while the card moves between the two states.
    link: Option<Link>,
    reader: String,
    protocol: Protocol,
    buffer: Vec<u8>,
    // Kept last: the card must be let go before its context.
    context: Context,
}

enum Link {
    Shared(Card),
    Held(Held),
}

impl Connection {
    /// Connects to the card in the reader that `choice` means, and tells that reader before.
    pub(super) fn open(
        choice: &Choice,
        options: ConnectOptions,
        found: impl FnOnce(&str),
    ) -> Result<(Self, Connected), ChannelError> {
        let context = establish()?;
        let readers = look(&context)?;
        let reader = choose(&readers, choice)?.name.clone();
        found(&reader);
        let name = CString::new(reader.as_str())
            .map_err(|_| ChannelError::NoReader("its name holds a zero byte".to_owned()))?;
        let mut connection = Self {
            link: None,
            reader: reader.clone(),
            protocol: Protocol::T0,
            buffer: vec![0; MAX_RESPONSE_APDU],
            context,
        };
        let wanted = protocols(options.protocol);
        let card = connection
            .context
            .connect(&name, ShareMode::Shared, wanted)
            .map_err(|error| connection.not_connected(error))?;
        connection.link = Some(Link::Shared(card));
        let (atr, protocol) = connection.status()?;
        connection.protocol = protocol;
        let max_command_data = match (protocol, options.max_command_data) {
            (Protocol::T0, _) => 255,
            (Protocol::T1, Some(given)) => given.min(65_535),
            (Protocol::T1, None) => connection.card().map_or(255, ask_max_command_data),
        };
        let connected = Connected {
            reader,
            atr,
            protocol,
            max_command_data,
        };
        Ok((connection, connected))
    }

    /// Sends a command.
    pub(super) fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let card = match &self.link {
            Some(Link::Shared(card)) => card,
            Some(Link::Held(held)) => &**held.borrow_dependent(),
            None => return Err(gone()),
        };
        let answer = card.transmit(command, &mut self.buffer).map(<[u8]>::to_vec);
        match answer {
            // A virtual reader answers with nothing when its card is pulled out.
            Ok(answer) if answer.len() < 2 => match self.what_left(REMOVAL_NOTICE) {
                Some(error) => Err(error),
                None => Ok(answer),
            },
            Ok(answer) => {
                // What the card deciphered is not left lying about.
                if let Some(used) = self.buffer.get_mut(..answer.len()) {
                    used.zeroize();
                }
                Ok(answer)
            }
            Err(error) => Err(self.recover(error)),
        }
    }

    /// Resets the card, and keeps it if it was held.
    pub(super) fn reset(&mut self, kind: ResetKind) -> Result<(Vec<u8>, Protocol), ChannelError> {
        let held = matches!(self.link, Some(Link::Held(_)));
        let state = self.reconnect(ShareMode::Shared, disposition(kind))?;
        if held {
            self.begin()?;
        }
        Ok(state)
    }

    /// Resets the card if no other program is connected to it; `None` if one is.
    pub(super) fn reset_alone(
        &mut self,
        kind: ResetKind,
    ) -> Result<Option<(Vec<u8>, Protocol)>, ChannelError> {
        let held = matches!(self.link, Some(Link::Held(_)));
        // To have alone what one is connected to, pcsc-lite's library waits until the others leave,
        // for ever; who is not connected is told at once. Nobody else can connect after that.
        self.let_go();
        let alone = match self.connect(ShareMode::Exclusive) {
            Ok(()) => true,
            Err(ChannelError::Busy) => {
                self.connect(ShareMode::Shared)?;
                false
            }
            Err(error) => return Err(error),
        };
        let state = if alone {
            Some(self.reconnect(ShareMode::Shared, disposition(kind))?)
        } else {
            None
        };
        if held {
            self.begin()?;
        }
        Ok(state)
    }

    /// Keeps other programs from the card; waits for one that does the same.
    pub(super) fn begin(&mut self) -> Result<(), ChannelError> {
        let card = match self.link.take() {
            Some(Link::Shared(card)) => card,
            Some(held @ Link::Held(_)) => {
                self.link = Some(held);
                return Ok(());
            }
            None => return Err(gone()),
        };
        let held =
            Held::try_new_or_recover(MutBorrow::new(card), |card| card.borrow_mut().transaction());
        match held {
            Ok(held) => {
                self.link = Some(Link::Held(held));
                Ok(())
            }
            Err((card, error)) => {
                self.link = Some(Link::Shared(card.into_inner()));
                Err(self.recover(error))
            }
        }
    }

    /// Ends what [`Connection::begin`] began, and leaves the card as it is.
    pub(super) fn end(&mut self) {
        match self.link.take() {
            Some(Link::Held(held)) => {
                self.link = Some(Link::Shared(held.into_owner().into_inner()));
            }
            other => self.link = other,
        }
    }

    /// Connects to the card again, as it is.
    fn connect(&mut self, share: ShareMode) -> Result<(), ChannelError> {
        let name = CString::new(self.reader.as_str()).map_err(|_| gone())?;
        // Only the protocol the session started with: a session does not survive another one.
        let wanted = protocols(Some(self.protocol));
        let card = self.context.connect(&name, share, wanted);
        self.link = Some(Link::Shared(
            card.map_err(|error| self.not_connected_again(error))?,
        ));
        Ok(())
    }

    /// Lets go of the card and leaves it as it is: other programs may have a session with it.
    fn let_go(&mut self) {
        self.end();
        if let Some(Link::Shared(card)) = self.link.take()
            && let Err((card, _)) = card.disconnect(Disposition::LeaveCard)
        {
            // Dropped it would be reset.
            std::mem::forget(card);
        }
    }

    fn card(&self) -> Option<&Card> {
        match &self.link {
            Some(Link::Shared(card)) => Some(card),
            Some(Link::Held(held)) => Some(held.borrow_dependent()),
            None => None,
        }
    }

    fn status(&self) -> Result<(Vec<u8>, Protocol), ChannelError> {
        let status = self.card().ok_or_else(gone)?.status2_owned();
        let status = status.map_err(|error| explain(error, Some(&self.reader)))?;
        let protocol = match status.protocol2() {
            Some(pcsc::Protocol::T0) => Protocol::T0,
            Some(pcsc::Protocol::T1) => Protocol::T1,
            _ => return Err(self.not_connected(pcsc::Error::ProtoMismatch)),
        };
        Ok((status.atr().to_vec(), protocol))
    }

    /// What an error of the card's means, once it is known what is left: the card, the reader, the
    /// service. After another program reset the card, the handle is of no use until it is
    /// reconnected; what was selected and verified is lost, so the caller still gets `WasReset`.
    fn recover(&mut self, error: pcsc::Error) -> ChannelError {
        use pcsc::Error;

        match error {
            Error::ResetCard => match self.reconnect(ShareMode::Shared, Disposition::LeaveCard) {
                Ok(_) => ChannelError::WasReset,
                Err(error) => error,
            },
            // The card's end and the service's look alike at first.
            Error::RemovedCard
            | Error::NoSmartcard
            | Error::ReaderUnavailable
            | Error::UnpoweredCard
            | Error::UnresponsiveCard => self.unless_gone(error, ENDING),
            // A command to a card that is being pulled fails before the service has seen that.
            Error::NotTransacted
            | Error::CommError
            | Error::CommDataLost
            | Error::InternalError
            | Error::InvalidHandle => self.unless_gone(error, REMOVAL_NOTICE),
            _ => explain(error, Some(&self.reader)),
        }
    }

    /// What it means that the card could not be connected to: one that is pulled meanwhile answers
    /// nothing, or speaks no protocol, before the service has seen that it is gone.
    fn not_connected(&self, error: pcsc::Error) -> ChannelError {
        use pcsc::Error;

        match error {
            Error::ProtoMismatch
            | Error::UnresponsiveCard
            | Error::UnpoweredCard
            | Error::NotTransacted
            | Error::CommError
            | Error::InternalError => self.unless_gone(error, REMOVAL_NOTICE),
            _ => explain(error, Some(&self.reader)),
        }
    }

    /// The same of a card to which this was connected before, in a protocol that both have.
    fn not_connected_again(&self, error: pcsc::Error) -> ChannelError {
        match error {
            pcsc::Error::ProtoMismatch => self.what_left(REMOVAL_NOTICE).unwrap_or_else(|| {
                ChannelError::Link(
                    "another program has reset the card, which speaks another protocol (T=0, T=1) \
                     since; start again"
                        .to_owned(),
                )
            }),
            _ => self.not_connected(error),
        }
    }

    /// What an error means if nothing is gone or goes within `notice`; else that.
    fn unless_gone(&self, error: pcsc::Error, notice: Duration) -> ChannelError {
        self.what_left(notice)
            .unwrap_or_else(|| explain(error, Some(&self.reader)))
    }

    /// What is gone, or goes within `notice`: the service, the reader or the card; `None` if all
    /// are there.
    fn what_left(&self, notice: Duration) -> Option<ChannelError> {
        let deadline = Instant::now() + notice;
        let mut left = None;
        let mut seen = None;
        while Instant::now() < deadline {
            let Ok(name) = CString::new(self.reader.as_str()) else {
                return None;
            };
            let mut readers = [ReaderState::new(name, State::UNAWARE)];
            match self.context.get_status_change(Duration::ZERO, &mut readers) {
                Ok(()) | Err(pcsc::Error::Timeout) => {
                    let [reader] = &readers;
                    let state = reader.event_state();
                    if state.contains(State::EMPTY) {
                        left = Some(ChannelError::NoCard);
                    } else if state.intersects(State::UNKNOWN | State::UNAVAILABLE) {
                        left = Some(explain(pcsc::Error::UnknownReader, Some(&self.reader)));
                    }
                }
                Err(error @ (pcsc::Error::UnknownReader | pcsc::Error::ReaderUnavailable)) => {
                    left = Some(explain(error, Some(&self.reader)));
                }
                // Whatever else is wrong, it is the service that does not answer.
                Err(_) => return Some(service_ended()),
            }
            if left.is_some() {
                // A service that ends takes its readers and cards away first.
                let since = *seen.get_or_insert_with(Instant::now);
                if since.elapsed() >= ENDING {
                    return left;
                }
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        match establish().and_then(|context| look(&context)) {
            Ok(_) => left,
            Err(_) => Some(service_ended()),
        }
    }

    fn reconnect(
        &mut self,
        share: ShareMode,
        disposition: Disposition,
    ) -> Result<(Vec<u8>, Protocol), ChannelError> {
        self.end();
        let Some(Link::Shared(card)) = &mut self.link else {
            return Err(gone());
        };
        // Only the protocol the session started with: a session does not survive another one.
        let done = card.reconnect(share, protocols(Some(self.protocol)), disposition);
        done.map_err(|error| self.not_connected_again(error))?;
        self.status()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.let_go();
    }
}

fn service_ended() -> ChannelError {
    ChannelError::NoReader(
        "the PC/SC service has ended; start pcscd (systemctl start pcscd.socket, or \
         pcscd --foreground), and start again"
            .to_owned(),
    )
}

const fn disposition(kind: ResetKind) -> Disposition {
    match kind {
        ResetKind::Cold => Disposition::UnpowerCard,
        ResetKind::Warm => Disposition::ResetCard,
    }
}

fn protocols(protocol: Option<Protocol>) -> Protocols {
    match protocol {
        None => Protocols::ANY,
        Some(Protocol::T0) => Protocols::T0,
        Some(Protocol::T1) => Protocols::T1,
    }
}

/// What the reader says of the longest APDU it takes (SCARD_ATTR_MAXINPUT): a number of four
/// bytes in the machine's order. Readers that do not say, or say nonsense, get short APDUs, which
/// all of them take.
fn ask_max_command_data(card: &Card) -> usize {
    // Header, extended Lc and extended Le.
    const AROUND_DATA: u32 = 4 + 3 + 2;
    let mut buffer = [0; 8];
    let Ok(value) = card.get_attribute(Attribute::Maxinput, &mut buffer) else {
        return 255;
    };
    let Ok(bytes) = <[u8; 4]>::try_from(value) else {
        return 255;
    };
    let data = u32::from_ne_bytes(bytes).saturating_sub(AROUND_DATA);
    usize::try_from(data).map_or(255, |data| data.clamp(255, 65_535))
}

fn gone() -> ChannelError {
    ChannelError::Link("the connection was lost; connect again".to_owned())
}
