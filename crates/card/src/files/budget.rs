//! How much is read from a card before it is asked whether to go on.
//!
//! A broken or hostile card can keep a reader busy for ever: one byte with each READ BINARY, a
//! hundred thousand objects, an answer just before each time-out. So a reading has limits, in
//! proportion to what a card can hold, and [`Budget::times`] raises them.

use core::fmt;
use core::time::Duration;

use crate::error::{CardError, ErrorKind};

/// How much one reading of a card may take.
///
/// A reading is what [`Card::open`](crate::Card::open) or [`Card::refresh`](crate::Card::refresh)
/// begins; the certificates that are read later belong to it. Writing, and reading back what was
/// written, does not count: a change that has begun is not stopped by a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most commands.
    pub commands: usize,
    /// The most bytes of files.
    pub bytes: usize,
    /// The most objects in all directory files.
    pub objects: usize,
    /// The longest time that the card may take for its answers, all together.
    pub time: Duration,
}

impl Budget {
    /// What a card can hold, with room to spare: the largest cards with a PKCS#15 application
    /// have some 400 kB of memory and some hundred objects, take some 2 000 commands to be read
    /// whole, and, at the lowest speed of ISO/IEC 7816-3 (9600 bit/s), a minute for the 50 kB that
    /// a well-filled one holds.
    pub const CARD: Self = Self {
        commands: 10_000,
        bytes: 1 << 20,
        objects: 1024,
        time: Duration::from_secs(180),
    };

    /// So many times as much of everything.
    #[must_use]
    pub const fn times(self, factor: u32) -> Self {
        let many = factor as usize;
        Self {
            commands: self.commands.saturating_mul(many),
            bytes: self.bytes.saturating_mul(many),
            objects: self.objects.saturating_mul(many),
            time: self.time.saturating_mul(factor),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::CARD
    }
}

/// What a reading has taken of its budget.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    budget: Budget,
    commands: usize,
    bytes: usize,
    objects: usize,
    time: Duration,
}

impl Meter {
    /// Nothing is taken yet.
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            budget,
            ..Self::default()
        }
    }

    /// The budget.
    pub(crate) const fn budget(&self) -> Budget {
        self.budget
    }

    /// Whether there is something left for another command.
    pub(crate) fn check(&self) -> Result<(), CardError> {
        let limit = if self.commands >= self.budget.commands {
            Limit::Commands(self.budget.commands)
        } else if self.bytes >= self.budget.bytes {
            Limit::Bytes(self.budget.bytes)
        } else if self.time >= self.budget.time {
            Limit::Time(self.budget.time)
        } else {
            return Ok(());
        };
        Err(limit.reached())
    }

    /// Commands were sent, and the card took this time for them.
    pub(crate) fn sent(&mut self, commands: usize, time: Duration) {
        self.commands = self.commands.saturating_add(commands);
        self.time = self.time.saturating_add(time);
    }

    /// Bytes of a file came.
    pub(crate) const fn received(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// What was read is taken apart once more: its objects are counted from the first.
    pub(crate) const fn count_objects_anew(&mut self) {
        self.objects = 0;
    }

    /// Takes up to `count` objects: gives how many, and the reason if that is not all of them.
    pub(crate) fn objects(&mut self, count: usize) -> (usize, Option<CardError>) {
        let left = self.budget.objects.saturating_sub(self.objects);
        let taken = count.min(left);
        self.objects += taken;
        let stopped = (taken < count).then(|| Limit::Objects(self.budget.objects).reached());
        (taken, stopped)
    }
}

/// A limit that was reached.
enum Limit {
    Commands(usize),
    Bytes(usize),
    Objects(usize),
    Time(Duration),
}

impl Limit {
    fn reached(&self) -> CardError {
        CardError::new(
            ErrorKind::Budget,
            format!("reading was stopped after {self}: that is more than a card should need"),
        )
        .hint("`--budget 10` lets it go on to ten times as much; what was read until then is shown")
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commands(count) => write!(f, "{count} commands"),
            Self::Bytes(count) => write!(f, "{count} bytes"),
            Self::Objects(count) => write!(f, "{count} objects"),
            Self::Time(time) => write!(f, "{} s of waiting for the card", time.as_secs_f32()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_stops_the_reading_and_says_which_it_was_and_how_to_go_on() {
        let reached = |meter: &Meter| meter.check().expect_err("reached");
        let mut meter = Meter::new(Budget::CARD);
        assert_eq!(meter.check(), Ok(()));
        meter.sent(10_000, Duration::ZERO);
        assert!(reached(&meter).to_string().contains("10000 commands"));
        let mut meter = Meter::new(Budget::CARD);
        meter.received(1 << 20);
        assert!(reached(&meter).to_string().contains("1048576 bytes"));
        let mut meter = Meter::new(Budget::CARD);
        meter.sent(1, Duration::from_secs(180));
        let error = reached(&meter);
        assert!(error.to_string().contains("180 s"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Budget);
        assert!(
            error
                .next_step()
                .is_some_and(|next| next.contains("--budget"))
        );
    }

    #[test]
    fn objects_are_taken_up_to_the_limit_of_all_directories_together() {
        let mut meter = Meter::new(Budget::CARD);
        assert_eq!(meter.objects(1000), (1000, None));
        let (taken, stopped) = meter.objects(100);
        assert_eq!(taken, 24);
        assert!(stopped.is_some_and(|error| error.to_string().contains("1024 objects")));
        assert_eq!(meter.objects(0), (0, None));
    }

    #[test]
    fn a_budget_can_be_raised_without_end() {
        assert_eq!(Budget::CARD.times(3).commands, 30_000);
        assert_eq!(
            Budget::CARD.times(u32::MAX).times(u32::MAX).bytes,
            usize::MAX
        );
    }
}
