//! A program and the thread that serves it, on one processor while they talk fast.
//!
//! A command comes in three pieces, and both sides sleep while the other works: on two processors
//! each piece and each answer wakes a sleeping one, which costs more than everything else together.
//! So a program's first thread, while it sends one request after the other, is kept on the processor
//! on which it runs, and this thread comes there. When it pauses, both are where they may be again.

use std::fs;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::net::sockopt::socket_peercred;
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// How many requests have to come in [`SOON`] for the program to be one that talks fast.
const MANY: u32 = 4;
/// See [`MANY`].
const SOON: Duration = Duration::from_millis(4);
/// How long a program pauses that does not talk fast any more.
pub(super) const PAUSE: Duration = Duration::from_millis(5);
/// Of a program with more threads than so many it is not asked which one talks.
const MOST_THREADS: u32 = 16;

/// Whether a program and this thread are together, and how it was before.
pub(super) struct Together {
    /// The program; none if another one of its threads talks, or it cannot be seen.
    program: Option<Pid>,
    requests: u32,
    since: Instant,
    /// How often its first thread had gone to sleep by then.
    asleep: Option<u64>,
    before: Option<Before>,
}

/// Where a program and this thread may run when they are not together.
struct Before {
    own: CpuSet,
    /// Of the program: now, and before; none if it had no choice.
    program: Option<(CpuSet, CpuSet)>,
}

impl Together {
    /// The program at the other end, if it is to be met at all.
    pub(super) fn new(stream: &UnixStream, wanted: bool) -> Self {
        let peer = wanted.then(|| socket_peercred(stream).ok()).flatten();
        Self {
            program: peer.map(|peer| peer.pid),
            requests: 0,
            since: Instant::now(),
            asleep: None,
            before: None,
        }
    }

    /// Notes that a request has come; says whether the two have just met.
    pub(super) fn request(&mut self) -> bool {
        let Some(program) = self.program else {
            return false;
        };
        if self.before.is_some() {
            return false;
        }
        if self.requests == 0 {
            self.since = Instant::now();
            self.asleep = sleeps(program);
        }
        self.requests += 1;
        if self.requests < MANY {
            return false;
        }
        self.requests = 0;
        if self.since.elapsed() >= SOON {
            return false;
        }
        self.before = meet(program, self.asleep);
        if self.before.is_none() {
            self.program = None;
        }
        self.before.is_some()
    }

    /// Lets both go where they may; says whether they were together.
    pub(super) fn part(&mut self) -> bool {
        let Some(before) = self.before.take() else {
            return false;
        };
        let _ = sched_setaffinity(None, &before.own);
        if let (Some(program), Some((now, then))) = (self.program, before.program) {
            for thread in threads(program) {
                // Unless it has chosen for itself meanwhile.
                if sched_getaffinity(Some(thread)).is_ok_and(|found| found == now) {
                    let _ = sched_setaffinity(Some(thread), &then);
                }
            }
        }
        self.requests = 0;
        true
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        self.part();
    }
}

/// Brings this thread to where the program's first thread runs, and keeps it there. None: another one
/// of its threads talks, or the system does not let us.
fn meet(program: Pid, asleep: Option<u64>) -> Option<Before> {
    let own = sched_getaffinity(None).ok()?;
    let then = sched_getaffinity(Some(program)).ok()?;
    let stat = fs::read_to_string(format!("/proc/{}/stat", program.as_raw_pid())).ok()?;
    let (threads, processor) = threads_and_processor(&stat)?;
    if threads > MOST_THREADS || !then.is_set(processor) || !own.is_set(processor) {
        return None;
    }
    // Who asks sleeps until the answer is there.
    let slept = || Some(sleeps(program)?.saturating_sub(asleep?));
    if threads > 1 && slept()? < u64::from(MANY) - 1 {
        return None;
    }
    let mut now = CpuSet::new();
    now.set(processor);
    // One that has no choice stays where it is: another connection's thread may have met it.
    let program = match then.count() {
        1 => None,
        _ => {
            sched_setaffinity(Some(program), &now).ok()?;
            Some((now, then))
        }
    };
    let _ = sched_setaffinity(None, &now);
    Some(Before { own, program })
}

/// How often a program's first thread has gone to sleep by itself, as `/proc/PID/status` has it.
fn sleeps(program: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", program.as_raw_pid())).ok()?;
    let mut lines = status.lines();
    let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count?.trim().parse().ok()
}

/// The threads of a program: those that it had when it was met, and which it has made since, on the
/// same processor.
fn threads(program: Pid) -> Vec<Pid> {
    let listed = fs::read_dir(format!("/proc/{}/task", program.as_raw_pid()));
    let names = listed.into_iter().flatten().flatten();
    let numbers = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(Pid::from_raw).collect()
}

/// The number of threads and the last processor in a line of `/proc/PID/stat`: its fields 20 and 39.
fn threads_and_processor(stat: &str) -> Option<(u32, usize)> {
    // The name in field 2 may have anything in it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let threads = fields.nth(17)?.parse().ok()?;
    let processor = fields.nth(18)?.parse().ok()?;
    Some((threads, processor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_and_processor_are_read_behind_whatever_name_a_program_has() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 99 1000 10 \
                    18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 5 0 0 0 0 0";
        assert_eq!(threads_and_processor(stat), Some((3, 5)));
        let own = fs::read_to_string("/proc/thread-self/stat").expect("a file");
        assert!(threads_and_processor(&own).is_some_and(|(threads, _)| threads > 1));
        for broken in [
            "",
            "7 (a) S 1",
            "7 (a) S 1 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 x",
        ] {
            assert_eq!(threads_and_processor(broken), None);
        }
    }

    #[test]
    fn a_program_of_several_threads_is_left_alone_and_so_is_one_that_is_slow() {
        let (one, _other) = UnixStream::pair().expect("a pair");
        let before = sched_getaffinity(None).expect("a set");
        let mut together = Together::new(&one, true);
        assert!(!(0..100).any(|_| together.request()));
        let mut unwanted = Together::new(&one, false);
        assert!(!(0..100).any(|_| unwanted.request()));
        assert!(!together.part());
        assert_eq!(sched_getaffinity(None).expect("a set"), before);
    }
}
