//! Insertions and removals, of cards and of readers, as they happen.

use std::collections::VecDeque;
use std::ffi::CStr;
use std::time::{Duration, Instant};

use kortlab_apdu::ChannelError;
use pcsc::{Context, PNP_NOTIFICATION, ReaderState, State};

use super::errors::explain;
use super::{Occupancy, names, occupancy};

/// The shortest pause after an answer that came at once and told nothing, so that a service that
/// never waits does not keep the processor busy.
const PAUSE: Duration = Duration::from_millis(200);

/// The longest single wait in the service. Some services do not tell of a new reader while one
/// waits, so the list is looked at again at least this often.
const SLICE: Duration = Duration::from_secs(1);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A reader is there; told of each one when a watch begins.
    ReaderAdded {
        /// Its name.
        reader: String,
    },
    /// A reader is gone.
    ReaderRemoved {
        /// Its name.
        reader: String,
    },
    /// What is in a reader changed; told of each one when a watch begins.
    Occupancy {
        /// The reader's name.
        reader: String,
        /// What is in it now.
        state: Occupancy,
    },
}

/// A watch over all readers (SCardGetStatusChange, with its plug-and-play notification).
pub struct Watch {
    context: Context,
    // One for each reader, in the same order as `told`.
    states: Vec<ReaderState>,
    told: Vec<Option<Occupancy>>,
    changes: VecDeque<Change>,
    listed: bool,
}

impl Watch {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            states: Vec::new(),
            told: Vec::new(),
            changes: VecDeque::new(),
            listed: false,
        }
    }

    /// The next change, waiting for it no longer than `timeout`; `None` if nothing changed.
    ///
    /// # Errors
    /// The PC/SC service went away. Make a new watch when it is back.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Change>, ChannelError> {
        let start = Instant::now();
        loop {
            if let Some(change) = self.changes.pop_front() {
                return Ok(Some(change));
            }
            let first = !self.listed;
            self.list()?;
            let left = timeout.saturating_sub(start.elapsed());
            let asked = Instant::now();
            self.wait(if first {
                Duration::ZERO
            } else {
                left.min(SLICE)
            })?;
            if !self.changes.is_empty() {
                continue;
            }
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            if !first && asked.elapsed() < PAUSE {
                std::thread::sleep(PAUSE.min(left));
            }
        }
    }

    /// Compares the list of readers with what was known.
    fn list(&mut self) -> Result<(), ChannelError> {
        let mut new = names(&self.context)?;
        let known = self.states.drain(..).zip(self.told.drain(..));
        let (mut states, mut told) = (Vec::new(), Vec::new());
        for (state, occupancy) in known {
            if let Some(at) = new.iter().position(|name| name.as_c_str() == state.name()) {
                new.remove(at);
                states.push(state);
                told.push(occupancy);
            } else {
                let reader = text(state.name());
                self.changes.push_back(Change::ReaderRemoved { reader });
            }
        }
        for name in new {
            let reader = text(&name);
            self.changes.push_back(Change::ReaderAdded { reader });
            states.push(ReaderState::new(name, State::UNAWARE));
            told.push(None);
        }
        (self.states, self.told, self.listed) = (states, told, true);
        Ok(())
    }

    /// Waits for the service to tell of a change.
    fn wait(&mut self, timeout: Duration) -> Result<(), ChannelError> {
        self.states
            .push(ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE));
        let result = self.context.get_status_change(timeout, &mut self.states);
        self.states.pop();
        match result {
            Ok(()) => {}
            Err(pcsc::Error::Timeout | pcsc::Error::UnknownReader | pcsc::Error::Cancelled) => {
                return Ok(());
            }
            Err(error) => return Err(explain(error, None)),
        }
        for (state, told) in self.states.iter_mut().zip(&mut self.told) {
            if state.event_state().contains(State::UNKNOWN) {
                continue;
            }
            // With the service's counter, so that it tells of a card that was pulled out and put
            // in again since.
            state.sync_current_state();
            let now = occupancy(state);
            if told.as_ref() == Some(&now) {
                continue;
            }
            self.changes.push_back(Change::Occupancy {
                reader: text(state.name()),
                state: now.clone(),
            });
            *told = Some(now);
        }
        Ok(())
    }
}

fn text(name: &CStr) -> String {
    name.to_string_lossy().into_owned()
}
