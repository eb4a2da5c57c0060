//! One command, one complete response: the layer over a [`Channel`] that does T=0's mapping
//! (ISO/IEC 7816-3 §12.2), command chaining, GET RESPONSE and 6Cxx (ISO/IEC 7816-4 §5.3).
//!
//! What goes over the channel:
//!
//! | the command | under T=0 | under T=1 |
//! |---|---|---|
//! | fits short lengths | a TPDU; case 4 without its Le | a short APDU |
//! | more than 255 data bytes | chained, 255 bytes a block | extended, else chained |
//! | Ne above 256 | Le = `00`, the rest with GET RESPONSE | extended, else as under T=0 |
//!
//! Then `61xx` is answered with GET RESPONSE on the same logical channel until all is there, and
//! `6Cxx` by sending the command once more with that Le. If the command asks for nothing (cases 1
//! and 3), both are given back as they are. An Ne of 256 or 65 536 asks for all there is, so the
//! response may be longer than that; any other Ne is a limit.
//!
//! A card can keep a naive reader busy for ever here. So: a response has at most
//! [`MAX_RESPONSE`] bytes and takes at most [`MAX_ROUNDS`] commands after the first, a GET
//! RESPONSE that brings nothing is an error, and so are a second `6Cxx`, an answer without a
//! status word and more data than was asked for.
//!
//! ```
//! use kortlab_apdu::{Channel, ChannelError, Command, Protocol, ResetKind, exchange::exchange};
//!
//! /// A card that keeps its answer back until GET RESPONSE fetches it.
//! struct Card;
//! impl Channel for Card {
//!     fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
//!         Ok(match command {
//!             [0x00, 0xA4, ..] => vec![0x61, 0x02],
//!             [0x00, 0xC0, 0x00, 0x00, 0x02] => vec![0x6F, 0x00, 0x90, 0x00],
//!             _ => vec![0x6D, 0x00],
//!         })
//!     }
//!     fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> { Ok(()) }
//!     fn atr(&self) -> &[u8] { &[0x3B, 0x00] }
//!     fn protocol(&self) -> Protocol { Protocol::T0 }
//! }
//!
//! let select = Command::new(0xA4, 0x00, 0x00).with_data([0x3F, 0x00]).expecting_any();
//! let response = exchange(&mut Card, &select)?;
//! assert_eq!(response.data(), [0x6F, 0x00]);
//! assert!(response.is_success());
//! # Ok::<(), kortlab_apdu::exchange::ExchangeError>(())
//! ```

use crate::ByteCount;
use core::fmt;

use zeroize::Zeroizing;

use crate::channel::{Channel, ChannelError, Protocol};
use crate::class::Class;
use crate::command::Command;
use crate::error::{Error, ErrorKind};
use crate::instruction;
use crate::response::Response;
use crate::status::{StatusKind, StatusWord};

/// The most data bytes that one response may have, however it arrives.
pub const MAX_RESPONSE: usize = 65_536;
/// The most commands sent for one response after the first: GET RESPONSE and 6Cxx repeats.
pub const MAX_ROUNDS: usize = 1024;

/// The most data bytes in a short command and in a block of a chain.
const MAX_SHORT_NC: usize = 255;
/// The most bytes a short Le asks for.
const MAX_SHORT_NE: u32 = 256;

/// Sends a command and returns its complete response, as the [module](self) describes.
///
/// A status word that says "refused" is a response, not an error; that of a refused block of a
/// chain too. Use [`Exchange`] to learn which block, or to force short or extended lengths.
///
/// # Errors
/// The channel failed, the card's answer makes no sense, or the command cannot be sent.
pub fn exchange<C: Channel + ?Sized>(
    channel: &mut C,
    command: &Command,
) -> Result<Response, ExchangeError> {
    Exchange::new()
        .run(channel, command)
        .map(|outcome| outcome.response)
}

/// Which length fields commands get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lengths {
    /// Extended where the command needs or asks for it and the channel carries it, else short.
    #[default]
    Auto,
    /// Always short: long data is chained.
    Short,
    /// Always extended (except in case 1, which has no length field), whatever the channel says
    /// of itself. Under T=0, which has no extended length, the command is not sent.
    Extended,
}

/// How commands are exchanged: [`exchange`] with options.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    lengths: Lengths,
    max_response: usize,
    max_rounds: usize,
}

/// What an exchange came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The response.
    pub response: Response,
    /// If the response is the refusal of a block of a chain before the last: which block.
    pub refused_block: Option<Block>,
    /// How many commands went over the channel.
    pub sent: usize,
}

/// A place in a chain of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The number of the block, counted from 1.
    pub number: usize,
    /// How many blocks the chain has.
    pub of: usize,
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {} of {}", self.number, self.of)
    }
}

impl Default for Exchange {
    fn default() -> Self {
        Self::new()
    }
}

impl Exchange {
    /// What [`exchange`] does.
    pub const fn new() -> Self {
        Self {
            lengths: Lengths::Auto,
            max_response: MAX_RESPONSE,
            max_rounds: MAX_ROUNDS,
        }
    }

    /// The same with this choice of length fields.
    #[must_use]
    pub const fn lengths(mut self, lengths: Lengths) -> Self {
        self.lengths = lengths;
        self
    }

    /// The same, taking at most this many bytes of response data.
    #[must_use]
    pub const fn max_response(mut self, bytes: usize) -> Self {
        self.max_response = bytes;
        self
    }

    /// The same, sending at most this many commands after the first (or, of a chain, after the
    /// last block) for one response.
    #[must_use]
    pub const fn max_rounds(mut self, rounds: usize) -> Self {
        self.max_rounds = rounds;
        self
    }

    /// Sends a command and returns its complete response.
    ///
    /// # Errors
    /// As for [`exchange`].
    pub fn run<C: Channel + ?Sized>(
        &self,
        channel: &mut C,
        command: &Command,
    ) -> Result<Outcome, ExchangeError> {
        let plan = self.plan(channel, command)?;
        let mut run = Run {
            channel,
            options: self,
            original: command,
            sent: 0,
            rounds: 0,
        };
        let (last, before) = match plan {
            Plan::One(ref only) => (only, &[][..]),
            Plan::Chain {
                ref blocks,
                ref last,
            } => (last, blocks.as_slice()),
        };
        let of = before.len() + 1;
        for (index, block) in before.iter().enumerate() {
            let response = run.transmit(block)?;
            // Under T=0, 61xx says too that a command was carried out.
            let offers = matches!(response.status().kind(), StatusKind::BytesAvailable(_));
            if !response.is_success() && !offers {
                return Ok(Outcome {
                    response: run.bounded(response)?,
                    refused_block: Some(Block {
                        number: index + 1,
                        of,
                    }),
                    sent: run.sent,
                });
            }
        }
        let response = run.complete(last)?;
        Ok(Outcome {
            response,
            refused_block: None,
            sent: run.sent,
        })
    }

    /// The commands that go over the channel before anything is answered.
    fn plan<C: Channel + ?Sized>(
        &self,
        channel: &C,
        command: &Command,
    ) -> Result<Plan, ExchangeError> {
        let nc = command.data().len();
        let fits = nc <= MAX_SHORT_NC && command.ne().is_none_or(|ne| ne <= MAX_SHORT_NE);
        let extended = match (self.lengths, channel.protocol()) {
            (Lengths::Short, _) | (Lengths::Auto, Protocol::T0) => false,
            (Lengths::Extended, Protocol::T1) => true,
            (Lengths::Auto, Protocol::T1) => {
                let limit = channel.max_command_data();
                (command.is_extended() || !fits) && limit > MAX_SHORT_NC && nc <= limit
            }
            (Lengths::Extended, Protocol::T0) => {
                let kind = ErrorKind::Length {
                    what: "extended length, which T=0 does not have: command data",
                    found: nc,
                };
                return Err(ExchangeError::Command(Error::new(kind, 4)));
            }
        };
        if extended {
            return Ok(Plan::One(command.clone().extended(true)));
        }
        let ne = command.ne().map_or(0, |ne| ne.min(MAX_SHORT_NE));
        if nc <= MAX_SHORT_NC {
            return Ok(Plan::One(command.clone().extended(false).expecting(ne)));
        }
        chain(command, ne)
    }
}

/// Why an exchange came to no response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The channel failed.
    Channel(ChannelError),
    /// The card's answer makes no sense.
    Answer {
        /// The header of the command that the caller gave.
        command: Header,
        /// What is wrong with the answer.
        problem: AnswerProblem,
    },
    /// The command cannot be sent as it is.
    Command(Error),
}

/// The four bytes CLA INS P1 P2. They name a command without giving away its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header(pub [u8; 4]);

/// What is wrong with a card's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerProblem {
    /// It is shorter than a status word.
    NoStatusWord {
        /// How many bytes it has: 0 or 1.
        length: usize,
    },
    /// It has more data than was asked for.
    MoreThanAsked {
        /// The Ne of the command sent last.
        asked: usize,
        /// How many data bytes came.
        received: usize,
    },
    /// `6Cxx` once more, although the command was repeated with the Le that `6Cxx` gave.
    WrongLeAgain {
        /// The Le that the card demanded at first.
        first: u16,
        /// The Le that it demanded next.
        second: u16,
    },
    /// The card announced data with `61xx`, and GET RESPONSE brought none.
    NoProgress {
        /// How many bytes `61xx` announced.
        announced: u16,
        /// The status word of that empty answer.
        status: StatusWord,
    },
    /// The data, all parts together, is longer than the limit.
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The card still has more after the most rounds that are allowed.
    TooManyRounds {
        /// The limit, in commands sent after the first.
        limit: usize,
        /// How many data bytes had come by then.
        received: usize,
    },
}

impl From<&Command> for Header {
    fn from(command: &Command) -> Self {
        Self([
            command.class().byte(),
            command.ins(),
            command.p1(),
            command.p2(),
        ])
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [cla, ins, p1, p2] = self.0;
        let name = instruction::name(ins).unwrap_or("the command");
        write!(f, "{name} ({cla:02X} {ins:02X} {p1:02X} {p2:02X})")
    }
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(error) => error.fmt(f),
            Self::Answer { command, problem } => {
                write!(
                    f,
                    "the card's answer to {command} makes no sense: {problem}"
                )
            }
            Self::Command(error) => write!(
                f,
                "the command cannot be sent to this card: {error}; send less data, or use a card \
                 and reader with T=1 and extended length"
            ),
        }
    }
}

impl fmt::Display for AnswerProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoStatusWord { length } => write!(
                f,
                "it has {length} of the 2 bytes of a status word; reset the card and try again"
            ),
            Self::MoreThanAsked { asked, received } => write!(
                f,
                "{received} data bytes where at most {asked} were asked for; look at a trace of \
                 the card's answers"
            ),
            Self::WrongLeAgain { first, second } => write!(
                f,
                "it demanded Le {first} (6Cxx), and when it got that, Le {second}; send the \
                 command with another Le"
            ),
            Self::NoProgress { announced, status } => write!(
                f,
                "it announced {} (61xx), and GET RESPONSE brought none, with status {status}; reset \
                 the card and try again",
                ByteCount(announced)
            ),
            Self::TooLong { limit } => write!(
                f,
                "more than {limit} bytes of data; read the object in smaller pieces"
            ),
            Self::TooManyRounds { limit, received } => write!(
                f,
                "it announced more data (61xx) {limit} times and gave {received} bytes in all; \
                 reset the card and try again"
            ),
        }
    }
}

impl std::error::Error for ExchangeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Channel(error) => Some(error),
            Self::Command(error) => Some(error),
            Self::Answer { .. } => None,
        }
    }
}

impl From<ChannelError> for ExchangeError {
    fn from(error: ChannelError) -> Self {
        Self::Channel(error)
    }
}

impl From<Error> for ExchangeError {
    fn from(error: Error) -> Self {
        Self::Command(error)
    }
}

enum Plan {
    One(Command),
    Chain { blocks: Vec<Command>, last: Command },
}

/// Command chaining, ISO/IEC 7816-4 §5.3.3: bit 5 of CLA is set in all blocks but the last, and
/// only the last has an Le.
fn chain(command: &Command, ne: u32) -> Result<Plan, ExchangeError> {
    let class = command.class();
    let refused = |what| {
        let found = command.data().len();
        ExchangeError::Command(Error::new(ErrorKind::Length { what, found }, 5))
    };
    if !class.is_interindustry() {
        return Err(refused("data of a command whose class cannot be chained"));
    }
    if command.data().len() > crate::command::MAX_NC {
        return Err(refused("command data"));
    }
    let block = |data: &[u8], class: Class| {
        Command::new(command.ins(), command.p1(), command.p2())
            .with_class(class)
            .with_data(data)
    };
    let mut chunks = command.data().chunks(MAX_SHORT_NC);
    let last = chunks.next_back().unwrap_or_default();
    let blocks = chunks
        .map(|data| block(data, class.chained(true)))
        .collect();
    // A caller's own chaining bit says that more commands follow: it stays on the last block.
    let last = block(last, class).expecting(ne);
    Ok(Plan::Chain { blocks, last })
}

/// One exchange under way.
struct Run<'a, C: ?Sized> {
    channel: &'a mut C,
    options: &'a Exchange,
    original: &'a Command,
    sent: usize,
    rounds: usize,
}

impl<C: Channel + ?Sized> Run<'_, C> {
    /// Sends `command` and collects its whole response.
    fn complete(&mut self, command: &Command) -> Result<Response, ExchangeError> {
        let response = self.with_right_le(command)?;
        let Some(wanted) = self.wanted() else {
            // Nothing was asked for: what the card offers is the caller's to fetch.
            return self.bounded(response);
        };
        let mut status = response.status();
        let mut data = response.into_data();
        while let StatusKind::BytesAvailable(announced) = status.kind() {
            if data.len() >= wanted {
                break;
            }
            if self.rounds >= self.options.max_rounds {
                return Err(self.problem(AnswerProblem::TooManyRounds {
                    limit: self.options.max_rounds,
                    received: data.len(),
                }));
            }
            self.rounds += 1;
            let missing = u32::try_from(wanted - data.len()).unwrap_or(u32::MAX);
            let next = self.get_response(u32::from(announced).min(missing))?;
            if next.data().is_empty() && !is_refusal(next.status()) {
                return Err(self.problem(AnswerProblem::NoProgress {
                    announced,
                    status: next.status(),
                }));
            }
            if data.len() + next.data().len() > self.options.max_response {
                return Err(self.too_long());
            }
            status = next.status();
            data.extend_from_slice(next.data());
        }
        data.truncate(wanted);
        self.bounded(Response::new(data, status))
    }

    /// GET RESPONSE on the logical channel of the command (ISO/IEC 7816-4 §5.3.4). A proprietary
    /// class does not say where it keeps its channel: the basic channel is taken.
    fn get_response(&mut self, ne: u32) -> Result<Response, ExchangeError> {
        let class = Class::on_channel(self.original.class().channel()).unwrap_or(Class::ISO);
        let command = Command::new(instruction::GET_RESPONSE, 0x00, 0x00)
            .with_class(class)
            .expecting(ne);
        self.with_right_le(&command)
    }

    /// Sends `command`; if the card says 6Cxx, once more with that Le.
    fn with_right_le(&mut self, command: &Command) -> Result<Response, ExchangeError> {
        let response = self.transmit(command)?;
        let StatusKind::WrongLe(first) = response.status().kind() else {
            return Ok(response);
        };
        // Under T=0, the P3 of case 4 is Lc: there is no Le to put right.
        let has_le = command.ne().is_some()
            && (command.data().is_empty() || self.channel.protocol() == Protocol::T1);
        if !has_le {
            return Ok(response);
        }
        if self.rounds >= self.options.max_rounds {
            return Err(self.problem(AnswerProblem::TooManyRounds {
                limit: self.options.max_rounds,
                received: 0,
            }));
        }
        self.rounds += 1;
        let repeated = command.clone().expecting(u32::from(first));
        let response = self.transmit(&repeated)?;
        match response.status().kind() {
            StatusKind::WrongLe(second) => {
                Err(self.problem(AnswerProblem::WrongLeAgain { first, second }))
            }
            _ => Ok(response),
        }
    }

    /// Sends one command and takes its answer apart.
    fn transmit(&mut self, command: &Command) -> Result<Response, ExchangeError> {
        let bytes = match self.channel.protocol() {
            Protocol::T0 => command.encode_tpdu()?,
            Protocol::T1 => command.encode()?,
        };
        self.sent += 1;
        // What is answered may be a deciphered key: no copy of it stays behind.
        let answer = Zeroizing::new(self.channel.transmit(&bytes)?);
        let response = Response::parse(&answer).map_err(|_| {
            self.problem(AnswerProblem::NoStatusWord {
                length: answer.len(),
            })
        })?;
        match command
            .ne()
            .map(|ne| usize::try_from(ne).unwrap_or(usize::MAX))
        {
            Some(asked) if response.data().len() > asked => {
                Err(self.problem(AnswerProblem::MoreThanAsked {
                    asked,
                    received: response.data().len(),
                }))
            }
            _ => Ok(response),
        }
    }

    /// How many bytes the caller wants at most; `None`: nothing was asked for.
    fn wanted(&self) -> Option<usize> {
        match self.original.ne()? {
            MAX_SHORT_NE | crate::command::MAX_NE => Some(usize::MAX),
            ne => usize::try_from(ne).ok(),
        }
    }

    fn bounded(&self, response: Response) -> Result<Response, ExchangeError> {
        if response.data().len() > self.options.max_response {
            return Err(self.too_long());
        }
        Ok(response)
    }

    fn too_long(&self) -> ExchangeError {
        self.problem(AnswerProblem::TooLong {
            limit: self.options.max_response,
        })
    }

    fn problem(&self, problem: AnswerProblem) -> ExchangeError {
        ExchangeError::Answer {
            command: Header::from(self.original),
            problem,
        }
    }
}

/// Whether a status word says that the command was not carried out, so that no data is no wonder.
const fn is_refusal(status: StatusWord) -> bool {
    matches!(
        status.kind(),
        StatusKind::ExecutionError
            | StatusKind::CheckingError
            | StatusKind::WrongLe(_)
            | StatusKind::Proprietary
            | StatusKind::Invalid
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::ResetKind;

    /// A channel that answers from a list, and when that ends, with its last answer for ever.
    struct Scripted {
        protocol: Protocol,
        max_command_data: usize,
        answers: Vec<Vec<u8>>,
        sent: Vec<String>,
    }

    impl Scripted {
        fn new(protocol: Protocol, answers: &[&str]) -> Self {
            Self {
                protocol,
                max_command_data: 255,
                answers: answers.iter().map(|text| bytes(text)).collect(),
                sent: Vec::new(),
            }
        }

        fn t0(answers: &[&str]) -> Self {
            Self::new(Protocol::T0, answers)
        }

        fn t1(answers: &[&str]) -> Self {
            Self::new(Protocol::T1, answers)
        }

        fn extended(mut self, max_command_data: usize) -> Self {
            self.max_command_data = max_command_data;
            self
        }
    }

    impl Channel for Scripted {
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
            self.sent.push(hex::encode_upper(command));
            if self.answers.len() > 1 {
                return Ok(self.answers.remove(0));
            }
            self.answers.first().cloned().ok_or(ChannelError::NoCard)
        }
        fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
            Ok(())
        }
        fn atr(&self) -> &[u8] {
            &[0x3B, 0x00]
        }
        fn protocol(&self) -> Protocol {
            self.protocol
        }
        fn max_command_data(&self) -> usize {
            self.max_command_data
        }
    }

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).expect("hex")
    }

    fn select() -> Command {
        Command::new(0xA4, 0x00, 0x00)
            .with_data([0x3F, 0x00])
            .expecting_any()
    }

    fn read(ne: u32) -> Command {
        Command::new(0xB0, 0x00, 0x00).expecting(ne)
    }

    fn problem(result: Result<Response, ExchangeError>) -> AnswerProblem {
        match result.expect_err("a malformed answer") {
            ExchangeError::Answer { problem, .. } => problem,
            other => unreachable!("{other}"),
        }
    }

    #[test]
    fn under_t0_case_4_loses_its_le_and_get_response_fetches_the_answer() {
        let mut card = Scripted::t0(&["6103", "AABBCC 9000"]);
        let response = exchange(&mut card, &select()).expect("a response");
        assert_eq!(response, Response::success([0xAA, 0xBB, 0xCC]));
        assert_eq!(card.sent, ["00A40000023F00", "00C0000003"]);
    }

    #[test]
    fn under_t1_case_4_keeps_its_le_and_61xx_is_followed_too() {
        let mut card = Scripted::t1(&["AA 6102", "BBCC 9000"]);
        let response = exchange(&mut card, &select()).expect("a response");
        assert_eq!(response, Response::success([0xAA, 0xBB, 0xCC]));
        assert_eq!(card.sent, ["00A40000023F0000", "00C0000002"]);
    }

    #[test]
    fn six_c_repeats_the_command_once_with_the_right_le() {
        for protocol in [Protocol::T0, Protocol::T1] {
            let mut card = Scripted::new(protocol, &["6C02", "AABB 9000"]);
            let response = exchange(&mut card, &read(256)).expect("a response");
            assert_eq!(response, Response::success([0xAA, 0xBB]));
            assert_eq!(card.sent, ["00B0000000", "00B0000002"]);
        }
    }

    #[test]
    fn get_response_itself_may_get_six_c() {
        let mut card = Scripted::t0(&["6100", "6C02", "AABB 9000"]);
        let response = exchange(&mut card, &select()).expect("a response");
        assert_eq!(response.data(), [0xAA, 0xBB]);
        assert_eq!(card.sent[1..], ["00C0000000", "00C0000002"]);
    }

    #[test]
    fn all_parts_of_a_long_response_are_collected() {
        let part = format!("{} 6100", "11".repeat(256));
        let mut card = Scripted::t0(&["6100", &part, &part, "22 9000"]);
        let response = exchange(&mut card, &read(65_536)).expect("a response");
        assert_eq!(response.data().len(), 513);
        assert!(response.is_success());
    }

    #[test]
    fn get_response_stays_on_the_logical_channel_without_chaining_or_secure_messaging() {
        for (class, expected) in [
            (0x02, "02C0000001"),
            (0x1D, "01C0000001"),
            (0x7F, "4FC0000001"),
            (0x80, "00C0000001"),
        ] {
            let mut card = Scripted::t0(&["6101", "AA 9000"]);
            let command = select().with_class(Class::from_byte(class));
            exchange(&mut card, &command).expect("a response");
            assert_eq!(card.sent[1], expected);
        }
    }

    #[test]
    fn long_data_is_chained_under_t0_and_only_the_last_block_lacks_the_chaining_bit() {
        let mut card = Scripted::t0(&["9000", "9000", "6101", "AA 9000"]);
        let command = Command::new(0x2A, 0x80, 0x86)
            .with_data(vec![0x55; 600])
            .expecting_any();
        let outcome = Exchange::new()
            .run(&mut card, &command)
            .expect("a response");
        assert_eq!(outcome.response, Response::success([0xAA]));
        assert_eq!((outcome.refused_block, outcome.sent), (None, 4));
        let starts: Vec<_> = card.sent.iter().map(|sent| &sent[..10]).collect();
        assert_eq!(
            starts,
            ["102A8086FF", "102A8086FF", "002A80865A", "00C0000001"]
        );
        let data: usize = card.sent[..3].iter().map(|sent| sent.len() / 2 - 5).sum();
        assert_eq!(data, 600);
    }

    #[test]
    fn under_t1_the_last_block_of_a_chain_carries_le() {
        let mut card = Scripted::t1(&["9000", "AA 9000"]);
        let command = Command::new(0x2A, 0x80, 0x86)
            .with_data(vec![0x55; 256])
            .expecting_any();
        exchange(&mut card, &command).expect("a response");
        assert_eq!(card.sent[1], "002A8086015500");
    }

    #[test]
    fn a_refused_block_stops_the_chain_and_is_named() {
        let mut card = Scripted::t0(&["9000", "6884"]);
        let command = Command::new(0xD6, 0, 0).with_data(vec![0; 1000]);
        let outcome = Exchange::new().run(&mut card, &command).expect("a refusal");
        assert_eq!(
            outcome.response.status(),
            StatusWord::CHAINING_NOT_SUPPORTED
        );
        assert_eq!(outcome.refused_block, Some(Block { number: 2, of: 4 }));
        assert_eq!(card.sent.len(), 2);
    }

    #[test]
    fn a_proprietary_class_is_not_chained_behind_the_callers_back() {
        let command = Command::new(0xD6, 0, 0)
            .with_class(Class::from_byte(0x80))
            .with_data(vec![0; 256]);
        let mut card = Scripted::t0(&["9000"]);
        let error = exchange(&mut card, &command).expect_err("no chaining in class 80");
        assert!(matches!(error, ExchangeError::Command(_)), "{error}");
        assert!(card.sent.is_empty());
    }

    #[test]
    fn long_data_goes_extended_where_t1_carries_it_and_chained_where_not() {
        let command = Command::new(0xD6, 0, 0).with_data(vec![0; 300]);
        let mut card = Scripted::t1(&["9000"]).extended(65_535);
        exchange(&mut card, &command).expect("a response");
        assert!(card.sent[0].starts_with("00D6000000012C"));

        let mut card = Scripted::t1(&["9000"]).extended(299);
        exchange(&mut card, &command).expect("a response");
        assert_eq!(card.sent.len(), 2);
        assert!(card.sent[0].starts_with("10D60000FF"));

        let mut card = Scripted::t1(&["9000"]).extended(65_535);
        let short = Exchange::new().lengths(Lengths::Short);
        short.run(&mut card, &command).expect("a response");
        assert_eq!(card.sent.len(), 2);
    }

    #[test]
    fn extended_can_be_forced_under_t1_and_is_refused_under_t0() {
        let forced = Exchange::new().lengths(Lengths::Extended);
        let mut card = Scripted::t1(&["9000"]);
        forced.run(&mut card, &read(256)).expect("a response");
        assert_eq!(card.sent, ["00B00000000100"]);
        let mut card = Scripted::t0(&["9000"]);
        assert!(forced.run(&mut card, &read(256)).is_err());
        assert!(card.sent.is_empty());
    }

    #[test]
    fn a_large_ne_is_sent_as_00_where_there_is_no_extended_length() {
        let part = format!("{} 6110", "11".repeat(256));
        for protocol in [Protocol::T0, Protocol::T1] {
            let mut card = Scripted::new(protocol, &[&part, "22222222 9000"]);
            let response = exchange(&mut card, &read(260)).expect("a response");
            assert_eq!(response.data().len(), 260);
            assert_eq!(card.sent, ["00B0000000", "00C0000004"]);
        }
    }

    #[test]
    fn a_small_ne_is_a_limit_even_when_six_c_gives_more() {
        let mut card = Scripted::t0(&["6C04", "AABBCCDD 9000"]);
        let response = exchange(&mut card, &read(2)).expect("a response");
        assert_eq!(response.data(), [0xAA, 0xBB]);
    }

    #[test]
    fn without_ne_61xx_and_6cxx_are_given_back_as_they_are() {
        for status in ["6105", "6C05"] {
            let mut card = Scripted::t0(&[status]);
            let command = Command::new(0xA4, 0, 0).with_data([0x3F, 0x00]);
            let response = exchange(&mut card, &command).expect("a response");
            assert_eq!(response.encode(), bytes(status));
            assert_eq!(card.sent.len(), 1);
        }
    }

    #[test]
    fn case_4_under_t0_has_no_le_to_put_right() {
        let mut card = Scripted::t0(&["6C05"]);
        let response = exchange(&mut card, &select()).expect("a response");
        assert_eq!(response.status().value(), 0x6C05);
        assert_eq!(card.sent.len(), 1);
    }

    #[test]
    fn answers_without_a_status_word_are_errors() {
        for (answer, length) in [("", 0), ("90", 1)] {
            let mut card = Scripted::t0(&[answer]);
            assert_eq!(
                problem(exchange(&mut card, &select())),
                AnswerProblem::NoStatusWord { length }
            );
        }
        let mut card = Scripted::t0(&["6105", "90"]);
        assert_eq!(
            problem(exchange(&mut card, &select())),
            AnswerProblem::NoStatusWord { length: 1 }
        );
    }

    #[test]
    fn success_without_data_is_a_response() {
        let mut card = Scripted::t0(&["9000"]);
        let response = exchange(&mut card, &select()).expect("a response");
        assert_eq!(response, Response::success([]));
    }

    #[test]
    fn announcing_for_ever_without_data_ends_at_once() {
        let mut card = Scripted::t0(&["6110"]);
        assert_eq!(
            problem(exchange(&mut card, &select())),
            AnswerProblem::NoProgress {
                announced: 16,
                status: StatusWord::new(0x6110)
            }
        );
        assert_eq!(card.sent.len(), 2);
    }

    #[test]
    fn an_announced_answer_that_never_comes_is_an_error() {
        for empty in ["9000", "6282", "63C2"] {
            let mut card = Scripted::t0(&["6110", empty]);
            assert!(matches!(
                problem(exchange(&mut card, &select())),
                AnswerProblem::NoProgress { announced: 16, .. }
            ));
        }
    }

    #[test]
    fn a_refused_get_response_is_a_response() {
        let mut card = Scripted::t0(&["6110", "6D00"]);
        let response = exchange(&mut card, &select()).expect("a response");
        assert_eq!(response.status(), StatusWord::INS_NOT_SUPPORTED);
    }

    #[test]
    fn one_byte_at_a_time_for_ever_ends_after_the_most_rounds() {
        let mut card = Scripted::t0(&["AA 6100"]);
        assert!(matches!(
            problem(exchange(&mut card, &select())),
            AnswerProblem::TooManyRounds {
                limit: MAX_ROUNDS,
                received: 1025
            }
        ));
        assert_eq!(card.sent.len(), MAX_ROUNDS + 1);
    }

    #[test]
    fn full_answers_for_ever_end_at_the_longest_response() {
        let part = format!("{} 6100", "11".repeat(256));
        let mut card = Scripted::t0(&[&part]);
        assert_eq!(
            problem(exchange(&mut card, &read(256))),
            AnswerProblem::TooLong {
                limit: MAX_RESPONSE
            }
        );
        assert_eq!(card.sent.len(), 257);
    }

    #[test]
    fn a_response_may_be_as_long_as_the_limit() {
        let part = format!("{} 6100", "11".repeat(256));
        let last = format!("{} 9000", "11".repeat(256));
        let mut answers = vec![part.as_str(); 255];
        answers.push(&last);
        let mut card = Scripted::t0(&answers);
        let response = exchange(&mut card, &read(256)).expect("a response");
        assert_eq!(response.data().len(), MAX_RESPONSE);
    }

    #[test]
    fn more_data_than_announced_is_an_error() {
        let mut card = Scripted::t0(&["6102", "AABBCC 9000"]);
        assert_eq!(
            problem(exchange(&mut card, &select())),
            AnswerProblem::MoreThanAsked {
                asked: 2,
                received: 3
            }
        );
        let mut card = Scripted::t1(&["AABBCC 9000"]);
        assert_eq!(
            problem(exchange(&mut card, &read(2))),
            AnswerProblem::MoreThanAsked {
                asked: 2,
                received: 3
            }
        );
    }

    #[test]
    fn an_answer_without_any_le_is_bounded_too() {
        let long = format!("{} 9000", "11".repeat(MAX_RESPONSE + 1));
        let mut card = Scripted::t1(&[&long]);
        let command = Command::new(0xA4, 0, 0).with_data([0x3F, 0x00]);
        assert_eq!(
            problem(exchange(&mut card, &command)),
            AnswerProblem::TooLong {
                limit: MAX_RESPONSE
            }
        );
    }

    #[test]
    fn six_c_twice_is_an_error() {
        for protocol in [Protocol::T0, Protocol::T1] {
            let mut card = Scripted::new(protocol, &["6C05", "6C06"]);
            assert_eq!(
                problem(exchange(&mut card, &read(256))),
                AnswerProblem::WrongLeAgain {
                    first: 5,
                    second: 6
                }
            );
            assert_eq!(card.sent.len(), 2);
        }
    }

    #[test]
    fn errors_name_the_command_and_never_its_data() {
        let command = Command::new(instruction::VERIFY, 0x00, 0x81)
            .with_data(*b"123456")
            .expecting_any();
        let mut card = Scripted::t0(&["90"]);
        let error = exchange(&mut card, &command).expect_err("one byte");
        assert_eq!(
            error.to_string(),
            "the card's answer to VERIFY (00 20 00 81) makes no sense: it has 1 of the 2 \
             bytes of a status word; reset the card and try again"
        );
        let text = format!("{error:?}{error}");
        assert!(
            !text.contains("123456") && !text.contains("313233"),
            "{text}"
        );
    }

    #[test]
    fn a_failing_channel_is_passed_on() {
        let mut card = Scripted::t0(&[]);
        assert_eq!(
            exchange(&mut card, &select()),
            Err(ExchangeError::Channel(ChannelError::NoCard))
        );
    }

    #[test]
    fn a_boxed_channel_works_as_well() {
        let mut card: Box<dyn Channel> = Box::new(Scripted::t0(&["9000"]));
        assert!(exchange(&mut *card, &select()).is_ok());
    }
}
