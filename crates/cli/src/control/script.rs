//! What is to happen by itself: before a chosen command, or some time after it.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use kortlab_apdu::ChannelError;
use kortlab_pcsc::control::Request;

use super::lab::Lab;
use super::place::{Notice, Place};
use crate::failure::Failure;
use crate::output::warn;

/// How long nothing happens at most before it is looked whether all is over.
const LOOK: Duration = Duration::from_secs(1);

/// One thing that is to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Before which command to the reader that it is about, from 1; 0: at the start.
    pub command: u64,
    /// How long after that.
    pub later: Duration,
    /// What.
    pub request: Request,
    /// As it was written.
    pub text: String,
}

/// Sees to it that all of it happens. What cannot be done then is told on standard error.
///
/// # Errors
/// A reader is not there whose commands are to be counted.
pub fn play(lab: &Arc<Lab>, steps: Vec<Step>) -> Result<(), Failure> {
    if steps.is_empty() {
        return Ok(());
    }
    let (tell, told) = mpsc::channel();
    let mut of_readers: BTreeMap<String, Vec<Step>> = BTreeMap::new();
    for mut step in steps {
        let place = match step.request.reader() {
            // It may have appeared by then.
            Some(_) if step.command == 0 => None,
            // One that is to appear has no commands yet.
            Some(name) if !matches!(step.request, Request::AddReader { .. }) => {
                Some(lab.place(Some(name))?)
            }
            _ => Some(lab.first()?),
        };
        if let Some(place) = &place {
            // Which one is meant does not change when others appear.
            step.request = step.request.about(place.name());
        }
        match place.filter(|_| step.command > 0) {
            Some(place) => {
                let of_reader = of_readers.entry(place.name().to_owned()).or_default();
                of_reader.push(step);
            }
            None => {
                let _ = tell.send(Job::at(step.later, What::Do(step)));
            }
        }
    }
    for (name, steps) in of_readers {
        let place = lab.place(Some(&name))?;
        let cue = Cue {
            lab: Arc::downgrade(lab),
            steps: Mutex::new(steps),
            tell: tell.clone(),
        };
        place.cue(Box::new(move |place, number| cue.before(place, number)));
    }
    let lab = Arc::downgrade(lab);
    thread::spawn(move || conduct(&lab, &told));
    Ok(())
}

/// What is to be done, and when.
struct Job {
    at: Instant,
    what: What,
}

enum What {
    Do(Step),
    /// Tell programs what was done to this place.
    Tell(Arc<Place>, Notice),
}

impl Job {
    fn at(later: Duration, what: What) -> Self {
        Self {
            at: Instant::now() + later,
            what,
        }
    }
}

/// What is to happen before the commands to one reader.
struct Cue {
    lab: Weak<Lab>,
    steps: Mutex<Vec<Step>>,
    tell: Sender<Job>,
}

impl Cue {
    /// Called before the command of this number, while the reader waits for its answer. The place is
    /// changed at once; programs are told by another thread, when the reader is free.
    fn before(&self, place: &Place, number: u64) -> Result<(), ChannelError> {
        let due: Vec<Step> = {
            let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
            steps
                .extract_if(.., |step| step.command == number)
                .collect()
        };
        for step in due {
            if !step.later.is_zero() {
                let _ = self.tell.send(Job::at(step.later, What::Do(step)));
                continue;
            }
            if matches!(&step.request, Request::RemoveReader { reader } if reader == place.name()) {
                let _ = self.tell.send(Job::at(Duration::ZERO, What::Do(step)));
                return Err(ChannelError::NoReader("it was unplugged".to_owned()));
            }
            let Some(lab) = self.lab.upgrade() else {
                break;
            };
            match lab.change(step.request.clone()) {
                Ok(changed) => {
                    if let (Some(place), Some(notice)) = (changed.place, changed.notice) {
                        let _ = self
                            .tell
                            .send(Job::at(Duration::ZERO, What::Tell(place, notice)));
                    }
                }
                Err(failure) => complain(&step, &failure),
            }
        }
        Ok(())
    }
}

/// Does what is due, until there is no laboratory any more.
fn conduct(lab: &Weak<Lab>, told: &Receiver<Job>) {
    let mut jobs: Vec<Job> = Vec::new();
    loop {
        let next = jobs.iter().map(|job| job.at).min();
        let wait = next.map_or(LOOK, |at| at.saturating_duration_since(Instant::now()));
        match told.recv_timeout(wait.min(LOOK)) {
            Ok(job) => jobs.push(job),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) if jobs.is_empty() => return,
            Err(RecvTimeoutError::Disconnected) => thread::sleep(wait.min(LOOK)),
        }
        let Some(lab) = lab.upgrade() else {
            return;
        };
        let now = Instant::now();
        for job in jobs.extract_if(.., |job| job.at <= now) {
            match job.what {
                What::Tell(place, notice) => lab.tell(&place, notice),
                What::Do(step) => {
                    if let Err(failure) = lab.answer(step.request.clone()) {
                        complain(&step, &failure);
                    }
                }
            }
        }
    }
}

fn complain(step: &Step, failure: &Failure) {
    warn(format_args!("--at '{}': {}", step.text, failure.message()));
}
