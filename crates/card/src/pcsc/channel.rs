//! The channel to a card in a PC/SC reader.

use std::ffi::CString;
use std::time::{Duration, Instant};

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use pcsc::{
    Attribute, Card, Context, Disposition, Protocols, ReaderState, ShareMode, State, Transaction,
};
use self_cell::{MutBorrow, self_cell};
use zeroize::Zeroize as _;

use super::errors::explain;

/// The longest response APDU: 65 536 bytes of data and the status word.
const MAX_RESPONSE_APDU: usize = 65_536 + 2;

/// How long the PC/SC service may take to see that a card is gone: pcscd looks every 400 ms.
const REMOVAL_NOTICE: Duration = Duration::from_secs(1);

self_cell!(
    /// A card together with the transaction that is open on it.
    struct Held {
        owner: MutBorrow<Card>,
        #[covariant]
        dependent: Transaction,
    }
);

/// How to connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Which protocol; `None` for the one the reader and the card prefer.
    pub protocol: Option<Protocol>,
    /// The most command data bytes for extended length under T=1; `None` to ask the reader, and
    /// to keep to short APDUs and command chaining where it does not say.
    pub max_command_data: Option<usize>,
}

/// A card in a PC/SC reader, shared with other programs unless held with
/// [`Channel::begin_exclusive`].
pub struct PcscChannel {
    // `None` only while the card moves between the two states.
    link: Option<Link>,
    reader: String,
    atr: Vec<u8>,
    protocol: Protocol,
    max_command_data: usize,
    buffer: Vec<u8>,
    // Kept last: the card must be let go before its context.
    context: Context,
}

enum Link {
    Shared(Card),
    Held(Held),
}

impl PcscChannel {
    pub(super) fn connect(
        context: Context,
        reader: &str,
        options: ConnectOptions,
    ) -> Result<Self, ChannelError> {
        let name = CString::new(reader)
            .map_err(|_| ChannelError::NoReader("its name holds a zero byte".to_owned()))?;
        let card = context
            .connect(&name, ShareMode::Shared, protocols(options.protocol))
            .map_err(|error| explain(error, Some(reader)))?;
        let (atr, protocol) = status(&card, reader)?;
        let max_command_data = match (protocol, options.max_command_data) {
            (Protocol::T0, _) => 255,
            (Protocol::T1, Some(given)) => given.min(65_535),
            (Protocol::T1, None) => ask_max_command_data(&card),
        };
        Ok(Self {
            link: Some(Link::Shared(card)),
            reader: reader.to_owned(),
            atr,
            protocol,
            max_command_data,
            buffer: vec![0; MAX_RESPONSE_APDU],
            context,
        })
    }

    /// The reader's name.
    pub fn reader(&self) -> &str {
        &self.reader
    }

    fn explain(&self, error: pcsc::Error) -> ChannelError {
        explain(error, Some(&self.reader))
    }

    /// After another program reset the card, the handle is of no use until it is reconnected.
    /// What was selected and verified is lost, so the caller still gets `WasReset`.
    fn recover(&mut self, error: pcsc::Error) -> ChannelError {
        if error == pcsc::Error::ResetCard
            && let Err(error) = self.reconnect(Disposition::LeaveCard)
        {
            return error;
        }
        if error == pcsc::Error::NotTransacted && self.card_leaves() {
            return ChannelError::NoCard;
        }
        self.explain(error)
    }

    /// Whether the card leaves within [`REMOVAL_NOTICE`]: a command to a card that is being pulled
    /// fails before the PC/SC service has seen that the card is gone.
    fn card_leaves(&self) -> bool {
        let Ok(name) = CString::new(self.reader.as_str()) else {
            return false;
        };
        let mut readers = [ReaderState::new(name, State::UNAWARE)];
        let deadline = Instant::now() + REMOVAL_NOTICE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // A service that is gone has its own error, which the caller gets at the next command.
            if self.context.get_status_change(left, &mut readers).is_err() {
                return false;
            }
            let [reader] = &mut readers;
            if reader.event_state().contains(State::EMPTY) {
                return true;
            }
            reader.sync_current_state();
        }
    }

    fn reconnect(&mut self, disposition: Disposition) -> Result<(), ChannelError> {
        let mut card = match self.link.take() {
            Some(Link::Shared(card)) => card,
            Some(Link::Held(held)) => held.into_owner().into_inner(),
            None => return Err(gone()),
        };
        // Only the protocol the session started with: a session does not survive another one.
        let result = card.reconnect(
            ShareMode::Shared,
            protocols(Some(self.protocol)),
            disposition,
        );
        let state = result
            .map_err(|error| self.explain(error))
            .and_then(|()| status(&card, &self.reader));
        self.link = Some(Link::Shared(card));
        (self.atr, self.protocol) = state?;
        Ok(())
    }
}

impl Channel for PcscChannel {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let card = match &self.link {
            Some(Link::Shared(card)) => card,
            Some(Link::Held(held)) => &**held.borrow_dependent(),
            None => return Err(gone()),
        };
        let answer = card.transmit(command, &mut self.buffer).map(<[u8]>::to_vec);
        match answer {
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

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        let held = matches!(self.link, Some(Link::Held(_)));
        self.reconnect(match kind {
            ResetKind::Cold => Disposition::UnpowerCard,
            ResetKind::Warm => Disposition::ResetCard,
        })?;
        if held {
            self.begin_exclusive()?;
        }
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

    fn begin_exclusive(&mut self) -> Result<(), ChannelError> {
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

    fn end_exclusive(&mut self) -> Result<(), ChannelError> {
        match self.link.take() {
            // Dropping the transaction ends it and leaves the card as it is.
            Some(Link::Held(held)) => {
                self.link = Some(Link::Shared(held.into_owner().into_inner()))
            }
            other => self.link = other,
        }
        Ok(())
    }
}

impl std::fmt::Debug for PcscChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PcscChannel")
            .field("reader", &self.reader)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

fn protocols(protocol: Option<Protocol>) -> Protocols {
    match protocol {
        None => Protocols::ANY,
        Some(Protocol::T0) => Protocols::T0,
        Some(Protocol::T1) => Protocols::T1,
    }
}

fn status(card: &Card, reader: &str) -> Result<(Vec<u8>, Protocol), ChannelError> {
    let status = card
        .status2_owned()
        .map_err(|error| explain(error, Some(reader)))?;
    let protocol = match status.protocol2() {
        Some(pcsc::Protocol::T0) => Protocol::T0,
        Some(pcsc::Protocol::T1) => Protocol::T1,
        _ => return Err(explain(pcsc::Error::ProtoMismatch, Some(reader))),
    };
    Ok((status.atr().to_vec(), protocol))
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
