//! How far reading a card is, on standard error.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use kortlab_diagnose::dump::Progress;

use crate::output::DIM;

/// How far reading is, for whoever sits at the terminal.
pub struct Shown {
    begun: Instant,
    told: Option<Instant>,
}

impl Shown {
    /// How often it is told.
    const EVERY: Duration = Duration::from_millis(500);

    /// Nothing is told yet.
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
            told: None,
        }
    }

    /// Tells it now and then.
    pub fn tell(&mut self, progress: &Progress) {
        let last = self.told.unwrap_or(self.begun);
        if last.elapsed() < Self::EVERY || !io::stderr().is_terminal() {
            return;
        }
        self.told = Some(Instant::now());
        // Nobody is left to tell when standard error is gone.
        let _ = write!(
            anstream::stderr(),
            "\r{DIM}reading: {} of at most {} commands, {:.0} of at most {:.0} s{DIM:#}",
            progress.commands,
            progress.budget.commands,
            progress.time.as_secs_f32(),
            progress.budget.time.as_secs_f32(),
        );
    }

    /// Ends the line.
    pub fn end(&self) {
        if self.told.is_some() {
            let _ = writeln!(anstream::stderr());
        }
    }
}
