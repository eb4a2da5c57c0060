//! Many cuts of one recording, on all processors.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::copies;
use crate::double;
use crate::point::Case;
use crate::recording::Recording;
use crate::tally::Tally;
use crate::trial;

/// How many cuts a thread takes at a time.
const BATCH: usize = 16;

/// Many cuts of one recording.
pub struct Campaign<'a> {
    recording: &'a Recording,
    cases: &'a [Case],
}

impl<'a> Campaign<'a> {
    /// These cuts of this recording.
    pub const fn new(recording: &'a Recording, cases: &'a [Case]) -> Self {
        Self { recording, cases }
    }

    /// Makes each cut once.
    pub fn run(&self) -> Tally {
        self.each(|tally, _, case| {
            let verdict = trial::run(self.recording, case);
            tally.count(verdict, || self.place(case));
        })
    }

    /// Makes each cut, and tries to recover copies of the card before the torn one.
    pub fn run_copies(&self) -> Tally {
        self.each(|tally, _, case| {
            let verdict = copies::run(self.recording, case);
            tally.count(verdict, || {
                format!("{}, with copies of the card", self.place(case))
            });
        })
    }

    /// Makes each cut, and cuts its recovery at `seconds` places drawn from `seed`.
    pub fn run_double(&self, seconds: usize, seed: u64) -> Tally {
        self.each(|tally, index, case| {
            let seed = seed.wrapping_add(index as u64);
            for (second, verdict) in double::run(self.recording, case, seconds, seed) {
                tally.count(verdict, || {
                    format!("{}, then in its recovery {second:?}", self.place(case))
                });
            }
        })
    }

    fn place(&self, (point, host): Case) -> String {
        format!("{}: {point}, {host}", self.recording.technology.name())
    }

    fn each(&self, work: impl Fn(&mut Tally, usize, Case) + Sync) -> Tally {
        let next = AtomicUsize::new(0);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let worker = || {
            let mut tally = Tally::default();
            loop {
                let start = next.fetch_add(BATCH, Ordering::Relaxed);
                let batch = self
                    .cases
                    .iter()
                    .copied()
                    .enumerate()
                    .skip(start)
                    .take(BATCH);
                let mut done = 0;
                for (index, case) in batch {
                    work(&mut tally, index, case);
                    done += 1;
                }
                if done < BATCH {
                    return tally;
                }
            }
        };
        let mut total = Tally::default();
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            for worker in workers {
                match worker.join() {
                    Ok(tally) => total.add(tally),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        total
    }
}
