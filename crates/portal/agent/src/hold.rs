//! The card, held by one task at a time, on a thread of its own.
//!
//! A card can fall silent: a bad contact, a reader that has hung, a pcscd that waits for another
//! program. Whoever waits for it then waits without end, and cannot be told to stop. So the work
//! is done on a thread that nobody has to wait for, and every answer of the card is noted: if none
//! comes for too long, the task is told so and the agent goes on. The card stays held by that
//! thread for as long as it waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use tokio::sync::oneshot;

use crate::opener::{CardOpener, CardUnavailable, OpenCard};

/// How often whoever waits looks whether the card is silent.
const GLANCE: Duration = Duration::from_millis(50);

/// What work with the card does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It reads or signs: it can be given up at any time.
    Reading,
    /// It changes what is stored: it is finished, as long as the card answers.
    Changing,
}

/// How long the card may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// In a task.
    pub(crate) task: Duration,
    /// In a change that is under way when the agent is told to stop.
    pub(crate) stopping: Duration,
}

/// Why work with the card has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// The card, or the way to it, is silent.
    Silent,
    /// Another task holds the card, and it answers.
    Busy,
    /// Another task holds the card, which is silent.
    BusySilent,
    /// The agent stops.
    Stopping,
    /// The work panicked, or there is no thread for it.
    Broken,
}

/// The hold on the card.
#[derive(Debug)]
pub(crate) struct Hold {
    patience: Patience,
    held: Arc<tokio::sync::Mutex<()>>,
    /// What is being done, while the card is held.
    work: Mutex<Option<Arc<Work>>>,
    stopping: tokio::sync::watch::Sender<bool>,
}

/// Work that is being done.
#[derive(Debug)]
struct Work {
    kind: Kind,
    answers: Arc<Answers>,
}

/// When the card answered last.
#[derive(Debug)]
struct Answers {
    begin: Instant,
    /// Milliseconds after the beginning.
    last: AtomicU64,
}

impl Answers {
    fn new() -> Self {
        Self {
            begin: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    fn note(&self) {
        let since = self.begin.elapsed().as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.last.store(since, Ordering::Relaxed);
    }

    fn silent_for(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.begin.elapsed().saturating_sub(last)
    }
}

impl Hold {
    /// A hold on a card that is not held yet.
    pub(crate) fn new(patience: Patience) -> Self {
        Self {
            patience,
            held: Arc::default(),
            work: Mutex::default(),
            stopping: tokio::sync::watch::Sender::new(false),
        }
    }

    /// Tells whoever waits that the agent stops. Work that changes the card is waited for, as long
    /// as the card answers.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Whether a change is under way, and the card answers.
    pub(crate) fn must_be_waited_for(&self) -> bool {
        let work = self.lock();
        work.as_ref().is_some_and(|work| {
            work.kind == Kind::Changing && work.answers.silent_for() <= self.patience.stopping
        })
    }

    /// Does work with the card, alone, on a thread of its own. The card is opened for this and let
    /// go of afterwards. Waits up to `busy` for another task to let go of it.
    pub(crate) async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        kind: Kind,
        busy: Duration,
        opener: Arc<dyn CardOpener>,
        work: impl FnOnce(Result<OpenCard, CardUnavailable>) -> T + Send + 'static,
    ) -> Result<T, GivenUp> {
        let mut stopping = self.stopping.subscribe();
        let held = tokio::select! {
            held = tokio::time::timeout(busy, self.held.clone().lock_owned()) => {
                held.map_err(|_| self.why_busy())?
            }
            _ = stopping.wait_for(|stopping| *stopping) => return Err(GivenUp::Stopping),
            () = self.other_is_silent() => return Err(GivenUp::BusySilent),
        };
        let answers = Arc::new(Answers::new());
        *self.lock() = Some(Arc::new(Work {
            kind,
            answers: answers.clone(),
        }));
        let (tell, mut told) = oneshot::channel();
        let (hold, noted) = (self.clone(), answers.clone());
        let thread = thread::Builder::new().name("kortlab-card".to_owned());
        let spawned = thread.spawn(move || {
            let _released = Released { hold, _held: held };
            let card = opener.open().map(|card| {
                noted.note();
                let answers = noted.clone();
                let channel = card.channel;
                OpenCard {
                    channel: Box::new(Noted { channel, answers }),
                    ..card
                }
            });
            // Nobody may be left who waits for it.
            let _ = tell.send(work(card));
        });
        if spawned.is_err() {
            return Err(GivenUp::Broken);
        }
        loop {
            if let Ok(done) = tokio::time::timeout(GLANCE, &mut told).await {
                return done.map_err(|_| GivenUp::Broken);
            }
            let silent = answers.silent_for();
            if *stopping.borrow_and_update()
                && (kind == Kind::Reading || silent > self.patience.stopping)
            {
                return Err(GivenUp::Stopping);
            }
            if silent > self.patience.task {
                return Err(GivenUp::Silent);
            }
        }
    }

    /// Comes to an end when whoever holds the card has been waiting for it for too long.
    async fn other_is_silent(&self) {
        while !self.is_silent() {
            tokio::time::sleep(GLANCE).await;
        }
    }

    fn is_silent(&self) -> bool {
        let work = self.lock();
        work.as_ref()
            .is_some_and(|work| work.answers.silent_for() > self.patience.task)
    }

    fn why_busy(&self) -> GivenUp {
        match self.is_silent() {
            true => GivenUp::BusySilent,
            false => GivenUp::Busy,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Work>>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets go of the card at the end of the work, however it ends.
struct Released {
    hold: Arc<Hold>,
    _held: tokio::sync::OwnedMutexGuard<()>,
}

impl Drop for Released {
    fn drop(&mut self) {
        // Before the hold itself, so that the next work's note is not taken away.
        *self.hold.lock() = None;
    }
}

/// A channel whose answers are noted.
struct Noted {
    channel: Box<dyn Channel>,
    answers: Arc<Answers>,
}

impl Channel for Noted {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let answer = self.channel.transmit(command);
        self.answers.note();
        answer
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        let done = self.channel.reset(kind);
        self.answers.note();
        done
    }

    fn atr(&self) -> &[u8] {
        self.channel.atr()
    }

    fn protocol(&self) -> Protocol {
        self.channel.protocol()
    }

    fn max_command_data(&self) -> usize {
        self.channel.max_command_data()
    }

    fn begin_exclusive(&mut self) -> Result<(), ChannelError> {
        let done = self.channel.begin_exclusive();
        self.answers.note();
        done
    }

    fn end_exclusive(&mut self) -> Result<(), ChannelError> {
        let done = self.channel.end_exclusive();
        self.answers.note();
        done
    }
}
