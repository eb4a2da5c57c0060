//! The channel to a card in a PC/SC reader.
//!
//! The calls of PC/SC block: until the card has answered, until another program lets go of the
//! card, until the service lives again. So a thread of its own makes them, and the channel waits
//! for that thread no longer than it was told to. A thread whose call never comes back is left
//! behind; the channel is of no use then.

use std::fmt;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use zeroize::Zeroizing;

use super::Choice;
use super::connection::{Connected, Connection};
use super::holders;

/// The shortest command: CLA, INS, P1, P2 (ISO/IEC 7816-4 §5.1). What is shorter means something
/// else to some readers: to vpcd, one byte is a control message that gets no answer.
const SHORTEST: usize = 4;
/// The longest command: a header, extended Lc and Le, and 65 535 bytes of data.
const LONGEST: usize = 4 + 3 + 65_535 + 2;

/// After how long a wait for another program is told.
const NOTICE: Duration = Duration::from_secs(2);
/// How long letting go of the card may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// How to connect.
#[derive(Clone, Copy, Debug)]
pub struct ConnectOptions {
    /// Which protocol; `None` for the one the reader and the card prefer.
    pub protocol: Option<Protocol>,
    /// The most command data bytes for extended length under T=1; `None` to ask the reader, and
    /// to keep to short APDUs and command chaining where it does not say.
    pub max_command_data: Option<usize>,
    /// How long the whole answer to one command may take.
    pub answer_timeout: Duration,
    /// How long another program that holds the card is waited for.
    pub hold_timeout: Duration,
    /// Is told, once, for what the channel waits when that takes longer than two seconds.
    pub on_wait: Option<fn(&str)>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            protocol: None,
            max_command_data: None,
            // A card that generates a key takes its time.
            answer_timeout: Duration::from_secs(120),
            hold_timeout: Duration::from_secs(30),
            on_wait: None,
        }
    }
}

/// A card in a PC/SC reader, shared with other programs unless held with
/// [`Channel::begin_exclusive`]. When it is dropped the card is left as it is, as other programs
/// may have a session with it.
pub struct PcscChannel {
    card: Connected,
    options: ConnectOptions,
    work: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    /// Why nothing can be asked any more: a call that has not come back.
    stuck: Option<ChannelError>,
}

/// Something that the thread is to do.
type Work = Box<dyn FnOnce(&mut Connection) + Send>;

impl PcscChannel {
    pub(super) fn connect(choice: &Choice, options: ConnectOptions) -> Result<Self, ChannelError> {
        let (work, tasks) = mpsc::channel::<Work>();
        let (tell, told) = mpsc::channel();
        let choice = choice.clone();
        let found = Arc::new(OnceLock::new());
        let finding = Arc::clone(&found);
        let thread = thread::Builder::new()
            .name("pcsc".to_owned())
            .spawn(move || {
                let opened = Connection::open(&choice, options, |reader| {
                    let _ = finding.set(reader.to_owned());
                });
                let (mut connection, card) = match opened {
                    Ok(opened) => opened,
                    Err(error) => {
                        let _ = tell.send(Err(error));
                        return;
                    }
                };
                if tell.send(Ok(card)).is_err() {
                    return;
                }
                drop(tell);
                for task in tasks {
                    task(&mut connection);
                }
            })
            .map_err(|error| ChannelError::Link(format!("no thread can be started: {error}")))?;
        // The service lets nobody connect while another program's command is on its way.
        let card = wait_for_holder(&told, &options, || found.get().cloned())??;
        Ok(Self {
            card,
            options,
            work: Some(work),
            thread: Some(thread),
            stuck: None,
        })
    }

    /// The reader's name.
    pub fn reader(&self) -> &str {
        &self.card.reader
    }

    /// Has the thread do `task`; gives where its result comes.
    fn begin<T: Send + 'static>(
        &mut self,
        task: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<Receiver<T>, ChannelError> {
        if let Some(error) = &self.stuck {
            return Err(error.clone());
        }
        let (tell, told) = mpsc::channel();
        let task: Work = Box::new(move |connection| {
            let _ = tell.send(task(connection));
        });
        let work = self.work.as_ref().ok_or_else(gone)?;
        work.send(task).map_err(|_| gone())?;
        Ok(told)
    }

    /// Has the thread do `task` within the time that an answer may take.
    fn run<T: Send + 'static>(
        &mut self,
        task: impl FnOnce(&mut Connection) -> Result<T, ChannelError> + Send + 'static,
    ) -> Result<T, ChannelError> {
        let told = self.begin(task)?;
        let after = self.options.answer_timeout;
        let result = wait(&told, after, || ChannelError::Silent { after });
        result.inspect_err(|error| self.stuck = Some(error.clone()))?
    }
}

impl Channel for PcscChannel {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        if !(SHORTEST..=LONGEST).contains(&command.len()) {
            return Err(ChannelError::NotCarried(format!(
                "PC/SC carries commands of {SHORTEST} to {LONGEST} bytes; this one has {}",
                command.len()
            )));
        }
        let command = Zeroizing::new(command.to_vec());
        self.run(move |connection| connection.transmit(&command))
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        let state = self.run(move |connection| connection.reset(kind))?;
        (self.card.atr, self.card.protocol) = state;
        Ok(())
    }

    fn reset_alone(&mut self, kind: ResetKind) -> Result<bool, ChannelError> {
        let state = self.run(move |connection| connection.reset_alone(kind))?;
        let alone = state.is_some();
        if let Some(state) = state {
            (self.card.atr, self.card.protocol) = state;
        }
        Ok(alone)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn atr(&self) -> &[u8] {
        &self.card.atr
    }

    fn protocol(&self) -> Protocol {
        self.card.protocol
    }

    fn max_command_data(&self) -> usize {
        self.card.max_command_data
    }

    fn begin_exclusive(&mut self) -> Result<(), ChannelError> {
        let told = self.begin(Connection::begin)?;
        let reader = Some(self.card.reader.clone());
        let result = wait_for_holder(&told, &self.options, || reader.clone());
        result.inspect_err(|error| self.stuck = Some(error.clone()))?
    }

    fn end_exclusive(&mut self) -> Result<(), ChannelError> {
        self.run(|connection| {
            connection.end();
            Ok(())
        })
    }
}

impl Drop for PcscChannel {
    fn drop(&mut self) {
        // The thread lets go of the card when there is nothing more to do.
        self.work = None;
        if self.stuck.is_some() {
            return;
        }
        let deadline = Instant::now() + FAREWELL;
        while let Some(thread) = &self.thread
            && !thread.is_finished()
            && Instant::now() < deadline
        {
            thread::sleep(Duration::from_micros(200));
        }
    }
}

impl fmt::Debug for PcscChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PcscChannel")
            .field("reader", &self.card.reader)
            .field("protocol", &self.card.protocol)
            .finish_non_exhaustive()
    }
}

/// What the thread tells when another program has let go of the card in the reader that `found`
/// gives; of none before the service has answered.
fn wait_for_holder<T>(
    told: &Receiver<T>,
    options: &ConnectOptions,
    found: impl Fn() -> Option<String>,
) -> Result<T, ChannelError> {
    let begun = Instant::now();
    let limit = options.hold_timeout;
    match told.recv_timeout(NOTICE.min(limit)) {
        Ok(result) => return Ok(result),
        Err(RecvTimeoutError::Disconnected) => return Err(gone()),
        Err(RecvTimeoutError::Timeout) => {}
    }
    if let Some(on_wait) = options.on_wait.filter(|_| limit > NOTICE) {
        let what = match found() {
            Some(reader) if !holders::may_hold(&reader) => {
                format!("the card in {reader:?} to answer")
            }
            Some(reader) => format!(
                "another program to let go of the card in {reader:?}{}",
                holders::text()
            ),
            None => "the PC/SC service to answer".to_owned(),
        };
        on_wait(&format!("waiting for {what}; Ctrl-C ends it"));
    }
    wait(told, limit.saturating_sub(begun.elapsed()), || {
        let after = limit.as_secs_f32();
        match found() {
            Some(reader) if !holders::may_hold(&reader) => ChannelError::Silent { after: limit },
            Some(reader) => ChannelError::Held(format!(
                "it has not let go of the card in {reader:?} for {after} s{}; close it and try again",
                holders::text()
            )),
            None => ChannelError::NoReader(format!(
                "the PC/SC service has not answered for {after} s; restart pcscd"
            )),
        }
    })
}

/// What the thread tells, or the error for what has taken too long.
fn wait<T>(
    told: &Receiver<T>,
    limit: Duration,
    too_long: impl FnOnce() -> ChannelError,
) -> Result<T, ChannelError> {
    told.recv_timeout(limit).map_err(|error| match error {
        RecvTimeoutError::Timeout => too_long(),
        RecvTimeoutError::Disconnected => gone(),
    })
}

fn gone() -> ChannelError {
    ChannelError::Link("the connection was lost; connect again".to_owned())
}
