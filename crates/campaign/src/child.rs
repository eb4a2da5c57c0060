//! A program in a process group of its own, with an end to its time, memory and output.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::guard::Guard;
use crate::limits::Limits;
use crate::outcome::Ended;
use crate::program::Program;

/// How much of what a program says on standard error is kept: the end of it.
const KEPT: usize = 64 * 1024;
/// How much of what it prints on standard output is kept.
const KEPT_OUTPUT: usize = 1 << 20;
/// How long its output is waited for once it has ended: a process that it has sent away may hold the
/// pipes for ever.
const LINGER: Duration = Duration::from_millis(200);
/// How often its memory is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How many times as long as it may take a program is waited for on a busy machine.
const PATIENCE: u32 = 20;
/// How often it is asked whether it has ended, where the system does not tell.
const ASK: Duration = Duration::from_millis(2);

/// What a program has done.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// The end of its standard output.
    pub stdout: Vec<u8>,
    /// The end of its standard error.
    pub stderr: String,
}

/// Runs the program to its end. Asked now and then, `rest` says how long it may go on, once something
/// has happened after which it should end.
///
/// # Errors
/// It cannot be started.
pub fn run(
    program: &Program,
    variables: &[(&str, &OsStr)],
    limits: &Limits,
    guard: &Guard,
    rest: impl Fn() -> Option<Duration>,
) -> io::Result<Ran> {
    let mut child = Command::new(&program.path)
        .args(&program.arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    guard.began(&child);
    let mut pipes = [
        Pipe::new(child.stdout.take().map(OwnedFd::from), KEPT_OUTPUT),
        Pipe::new(child.stderr.take().map(OwnedFd::from), KEPT),
    ];
    let why = wait(&mut child, &mut pipes, limits, rest);
    // Whatever it has started goes with it, and lets go of the pipes; what has left its process
    // group does not. Before it is asked how it ended: its number stays its own until then.
    end_group(&child);
    guard.ended(&child);
    let status = child.wait();
    let until = Instant::now() + LINGER;
    while pipes.iter().any(Pipe::is_open) && Instant::now() < until {
        read_or_hear(
            None,
            &mut pipes,
            until.saturating_duration_since(Instant::now()),
        );
    }
    let [stdout, stderr] = pipes.map(Pipe::into_kept);
    Ok(Ran {
        ended: match why {
            Some(why) => why,
            None => ended(status?),
        },
        stdout,
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}

/// Waits until the program has ended, or for a reason to end it, and reads what it prints meanwhile.
fn wait(
    child: &mut Child,
    pipes: &mut [Pipe],
    limits: &Limits,
    rest: impl Fn() -> Option<Duration>,
) -> Option<Ended> {
    let mut deadline = Deadline::new(child.id(), limits.time());
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let ending = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let mut looked = Instant::now();
    let mut leave: Option<Deadline> = None;
    loop {
        let now = Instant::now();
        if deadline.is_over(now) {
            return Some(Ended::TimeOver);
        }
        if now >= looked + LOOK {
            looked = now;
            if let (Some(rest), None) = (rest(), &leave) {
                leave = Some(Deadline::new(child.id(), rest));
            }
            if leave.as_mut().is_some_and(|leave| leave.is_over(now)) {
                return Some(Ended::TimeOver);
            }
            if resident(child.id()) > limits.mebibytes {
                return Some(Ended::MemoryOver);
            }
        }
        // Until it ends, or somebody has to look at what it does.
        let pause = LOOK.min(deadline.end.saturating_duration_since(now));
        let has_ended = match &ending {
            Some(ending) => read_or_hear(Some(ending), pipes, pause),
            None => {
                read_or_hear(None, pipes, pause.min(ASK));
                !matches!(child.try_wait(), Ok(None))
            }
        };
        if has_ended {
            return None;
        }
    }
}

/// When the time of a program is over: what it and this process, which has the card, have waited for a
/// processor does not count, as on a busy machine that says nothing of the program.
struct Deadline {
    program: u32,
    end: Instant,
    /// The last moment, however busy the machine is.
    last: Instant,
    /// What of their waiting has been given back already, or was before.
    counted: Duration,
}

impl Deadline {
    fn new(program: u32, time: Duration) -> Self {
        let now = Instant::now();
        Self {
            program,
            end: now + time,
            last: now + time.saturating_mul(PATIENCE),
            counted: waited(std::process::id()),
        }
    }

    /// Whether it has come; if it seems so, the time is given back that was spent waiting.
    fn is_over(&mut self, now: Instant) -> bool {
        if now < self.end {
            return false;
        }
        let waited = waited(self.program) + waited(std::process::id());
        self.end += waited.saturating_sub(self.counted);
        self.counted = self.counted.max(waited);
        now >= self.end.min(self.last)
    }
}

/// How long the threads of a process that there are have waited for a processor; zero if nobody says.
fn waited(process: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let statistics = threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split_ascii_whitespace().nth(1)?.parse().ok()
        });
    Duration::from_nanos(statistics.fold(0, u64::saturating_add))
}

/// Waits, at most so long, until there is something to read or `ending` tells of the end, and reads
/// what there is. Says whether the end was told.
fn read_or_hear(ending: Option<&OwnedFd>, pipes: &mut [Pipe], pause: Duration) -> bool {
    let open = pipes.iter().filter_map(|pipe| pipe.from.as_ref());
    let told = ending.map(|ending| PollFd::new(ending, PollFlags::IN));
    let read = open.map(|from| PollFd::new(from, PollFlags::IN));
    let mut polled: Vec<_> = told.into_iter().chain(read).collect();
    let pause = Timespec::try_from(pause).unwrap_or(Timespec {
        tv_sec: 0,
        tv_nsec: 1_000_000,
    });
    if poll(&mut polled, Some(&pause)).is_err() {
        return false;
    }
    let ready: Vec<bool> = polled
        .iter()
        .map(|polled| !polled.revents().is_empty())
        .collect();
    let mut ready = ready.into_iter();
    let has_ended = ending.is_some() && ready.next() == Some(true);
    let open = pipes.iter_mut().filter(|pipe| pipe.is_open());
    for (pipe, _) in open.zip(ready).filter(|(_, ready)| *ready) {
        pipe.read();
    }
    has_ended
}

/// What the program prints.
struct Pipe {
    from: Option<File>,
    kept: Vec<u8>,
    keep: usize,
}

impl Pipe {
    /// Of what comes from there, so many of the last bytes are kept.
    fn new(from: Option<OwnedFd>, keep: usize) -> Self {
        Self {
            from: from.map(File::from),
            kept: Vec::new(),
            keep,
        }
    }

    /// Whether more may come.
    const fn is_open(&self) -> bool {
        self.from.is_some()
    }

    /// Reads once; there has to be something.
    fn read(&mut self) {
        let Some(from) = &mut self.from else {
            return;
        };
        let mut buffer = [0; 16 * 1024];
        match from.read(&mut buffer) {
            Ok(count @ 1..) => {
                let read = buffer.get(..count).unwrap_or_default();
                self.kept.extend_from_slice(read);
                if self.kept.len() > 2 * self.keep {
                    self.kept.drain(..self.kept.len() - self.keep);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => self.from = None,
        }
    }

    fn into_kept(mut self) -> Vec<u8> {
        let more = self.kept.len().saturating_sub(self.keep);
        self.kept.drain(..more);
        self.kept
    }
}

fn end_group(child: &Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn ended(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exit(code),
        (None, Some(signal)) => Ended::Signal(signal),
        (None, None) => Ended::Exit(-1),
    }
}

/// How much memory a process holds, in MiB; 0 if nobody says.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limits: Limits) -> (Ended, String, Duration) {
        let program = Program {
            path: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
        };
        let before = Instant::now();
        let ran = run(&program, &[], &limits, &Guard::new().unwrap(), || None).unwrap();
        (ran.ended, ran.stderr, before.elapsed())
    }

    #[test]
    fn a_program_ends_by_itself_by_a_signal_or_when_its_time_is_over() {
        let limits = Limits::default();
        let (ended, told, _) = shell("echo out; echo err >&2; exit 3", limits);
        assert_eq!((ended, told.as_str()), (Ended::Exit(3), "err\n"));
        assert_eq!(shell("kill -SEGV $$", limits).0, Ended::Signal(11));
        let short = Limits {
            milliseconds: 200,
            ..limits
        };
        // What it has started does not keep anybody waiting either.
        let (ended, _, took) = shell("sleep 60 & sleep 60", short);
        assert_eq!(ended, Ended::TimeOver);
        assert!(took < Duration::from_secs(20), "{took:?}");
    }

    #[test]
    fn a_program_that_should_end_is_waited_for_a_while_only() {
        let program = |script: &str| Program {
            path: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
        };
        let guard = Guard::new().unwrap();
        let run = |script: &str, rest: Duration| {
            let limits = Limits {
                milliseconds: 3_600_000,
                ..Limits::default()
            };
            let ran = run(&program(script), &[], &limits, &guard, || Some(rest));
            ran.unwrap().ended
        };
        let (short, long) = (Duration::from_millis(200), Duration::from_secs(60));
        assert_eq!(run("sleep 3000", short), Ended::TimeOver);
        assert_eq!(run("sleep 3000", Duration::ZERO), Ended::TimeOver);
        assert_eq!(run("sleep 0.3; exit 4", long), Ended::Exit(4));
    }

    #[test]
    fn a_process_that_was_sent_away_and_holds_the_pipes_keeps_nobody_waiting() {
        let (ended, told, took) = shell("setsid sleep 5 & echo err >&2", Limits::default());
        assert_eq!((ended, told.as_str()), (Ended::Exit(0), "err\n"));
        assert!(took < Duration::from_secs(4), "{took:?}");
    }

    #[test]
    fn time_in_which_a_busy_machine_did_not_let_it_run_is_given_back_once() {
        let now = Instant::now();
        let mut deadline = Deadline {
            program: std::process::id(),
            end: now,
            last: now + Duration::from_secs(3600),
            counted: Duration::ZERO,
        };
        // These threads have waited at least once, twice counted here.
        assert!(waited(std::process::id()) > Duration::ZERO);
        assert!(!deadline.is_over(now));
        assert!(deadline.end > now && deadline.counted > Duration::ZERO);
        let given = deadline.end;
        deadline.counted = Duration::MAX;
        assert!(deadline.is_over(given), "nothing more to be given back");
        assert_eq!(deadline.end, given);
        deadline.counted = Duration::ZERO;
        assert!(deadline.is_over(deadline.last + Duration::from_secs(1)));
    }

    #[test]
    fn megabytes_of_output_are_read_and_their_end_is_kept() {
        let (ended, told, _) = shell(
            "head -c 3000000 /dev/zero >&2; echo end >&2",
            Limits::default(),
        );
        assert_eq!(ended, Ended::Exit(0));
        assert!(told.len() <= KEPT && told.ends_with("end\n"));
    }

    #[test]
    fn a_program_that_holds_too_much_memory_is_ended() {
        let limits = Limits {
            mebibytes: 64,
            ..Limits::default()
        };
        // A shell variable of 256 MiB.
        let script = "x=$(head -c 268435456 /dev/zero | tr '\\0' a); sleep 5";
        assert_eq!(shell(script, limits).0, Ended::MemoryOver);
    }
}
