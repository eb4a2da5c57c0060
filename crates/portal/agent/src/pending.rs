//! The tasks that wait for their visitor: few, and not for long.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kortlab_portal_api::task::Task;
use subtle::ConstantTimeEq as _;

use crate::finished::Finished;
use crate::origin::Origin;
use crate::plan::Plan;

/// The tasks that wait, and those that were done a while ago.
#[derive(Debug)]
pub(crate) struct Pending {
    most: usize,
    lifetime: Duration,
    tasks: Mutex<Vec<Arc<PendingTask>>>,
}

/// One task.
#[derive(Debug)]
pub(crate) struct PendingTask {
    /// Its name in addresses here: random, and not the name the portal knows it by.
    pub(crate) key: String,
    /// Goes with every form of its pages.
    pub(crate) token: Token,
    /// Which portal asks.
    pub(crate) origin: Origin,
    /// What it asks for.
    pub(crate) task: Task,
    /// How far it has come. Whoever works on the task holds it, so nothing is done twice at once.
    pub(crate) progress: tokio::sync::Mutex<Progress>,
    since: Instant,
}

/// How far a task has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// What its page has shown.
    pub(crate) shown: Option<Plan>,
    /// How many PINs were wrong.
    pub(crate) wrong_pins: usize,
    /// How it ended.
    pub(crate) finished: Option<Arc<Finished>>,
}

/// A secret that only the task's own pages know: 32 random bytes, in hexadecimal.
pub(crate) struct Token(String);

impl Token {
    /// Whether this is the token; takes as long wherever they differ.
    pub(crate) fn is(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }

    /// The token as a form carries it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

/// Why a task was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Another task has the same name.
    NameInUse,
    /// Too many are being worked on.
    TooMany,
    /// The operating system gives no random numbers.
    NoRandomness,
}

impl Pending {
    /// Room for `most` tasks, each for `lifetime`.
    pub(crate) fn new(most: usize, lifetime: Duration) -> Self {
        Self {
            most,
            lifetime,
            tasks: Mutex::default(),
        }
    }

    /// Takes a task; the very same again is the one that is there already. Where too many wait,
    /// the oldest gives way.
    pub(crate) fn take(&self, origin: Origin, task: Task) -> Result<Arc<PendingTask>, NotTaken> {
        let mut tasks = self.lock();
        if let Some(known) = tasks.iter().find(|known| known.task.id == task.id) {
            return match known.origin == origin && known.task == task {
                true => Ok(known.clone()),
                false => Err(NotTaken::NameInUse),
            };
        }
        if tasks.len() >= self.most {
            let idle = tasks
                .iter()
                .position(|task| task.progress.try_lock().is_ok());
            tasks.remove(idle.ok_or(NotTaken::TooMany)?);
        }
        let task = Arc::new(PendingTask {
            key: random()?,
            token: Token(random()?),
            origin,
            task,
            progress: tokio::sync::Mutex::default(),
            since: Instant::now(),
        });
        tasks.push(task.clone());
        Ok(task)
    }

    /// The task with this key and token.
    pub(crate) fn find(&self, key: &str, token: &str) -> Option<Arc<PendingTask>> {
        let tasks = self.lock();
        let found = tasks.iter().find(|task| task.key == key)?;
        found.token.is(token).then(|| found.clone())
    }

    /// The tasks, without those whose time is over.
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<PendingTask>>> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| task.since.elapsed() < self.lifetime);
        tasks
    }
}

fn random() -> Result<String, NotTaken> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| NotTaken::NoRandomness)?;
    Ok(hex::encode(bytes))
}
