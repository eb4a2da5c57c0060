//! A program in a process group of its own, with an end to its time, memory and output.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

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

/// Runs the program to its end.
///
/// # Errors
/// It cannot be started.
pub fn run(
    program: &Program,
    variables: &[(&str, &OsStr)],
    limits: &Limits,
    over: impl Fn() -> bool,
) -> io::Result<Ran> {
    let mut child = Command::new(&program.path)
        .args(&program.arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let printed = child.stdout.take().map(|out| end_of(out, KEPT_OUTPUT));
    let told = child.stderr.take().map(|err| end_of(err, KEPT));
    let ended = wait(&mut child, limits, over);
    // Whatever it has started goes with it, and lets go of the pipes; what has left its process
    // group does not.
    end_group(&child);
    let until = Instant::now() + LINGER;
    let whole = |pipe: Option<Pipe>| pipe.map(|pipe| pipe.end(until)).unwrap_or_default();
    let (stdout, stderr) = (whole(printed), whole(told));
    Ok(Ran {
        ended: ended?,
        stdout,
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}

fn wait(child: &mut Child, limits: &Limits, over: impl Fn() -> bool) -> io::Result<Ended> {
    let end = Instant::now() + limits.time();
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let ending = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let mut looked = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(ended(status));
        }
        let now = Instant::now();
        let why = if now >= end || over() {
            Some(Ended::TimeOver)
        } else if now >= looked + LOOK {
            looked = now;
            (resident(child.id()) > limits.mebibytes).then_some(Ended::MemoryOver)
        } else {
            None
        };
        if let Some(why) = why {
            end_group(child);
            child.wait()?;
            return Ok(why);
        }
        // Until it ends, or somebody has to look at what it does.
        let pause = LOOK.min(end.saturating_duration_since(now));
        match &ending {
            Some(ending) => {
                let pause = Timespec::try_from(pause).unwrap_or(Timespec {
                    tv_sec: 0,
                    tv_nsec: 1_000_000,
                });
                let _ = poll(&mut [PollFd::new(ending, PollFlags::IN)], Some(&pause));
            }
            None => thread::sleep(pause.min(Duration::from_millis(2))),
        }
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

/// What is read from a pipe beside us.
struct Pipe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<u8>>,
}

impl Pipe {
    /// What was read until it was closed, or until this moment.
    fn end(self, until: Instant) -> Vec<u8> {
        while !self.thread.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_micros(100));
        }
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

/// Reads to the end, and keeps so many of the last bytes.
fn end_of(mut from: impl Read + AsFd + Send + 'static, keep: usize) -> Pipe {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let thread = thread::spawn(move || {
        let mut kept = Vec::new();
        let mut buffer = [0; 8192];
        let pause = Timespec {
            tv_sec: 0,
            tv_nsec: 50_000_000,
        };
        loop {
            let readable = poll(&mut [PollFd::new(&from, PollFlags::IN)], Some(&pause));
            if readable.is_ok_and(|count| count == 0) {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                continue;
            }
            let Ok(count @ 1..) = from.read(&mut buffer) else {
                break;
            };
            kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
            if kept.len() > 2 * keep {
                kept.drain(..kept.len() - keep);
            }
            if stopped.load(Ordering::Relaxed) {
                break;
            }
        }
        kept.drain(..kept.len().saturating_sub(keep));
        kept
    });
    Pipe { stop, thread }
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
        let ran = run(&program, &[], &limits, || false).unwrap();
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
    fn a_process_that_was_sent_away_and_holds_the_pipes_keeps_nobody_waiting() {
        let (ended, told, took) = shell("setsid sleep 5 & echo err >&2", Limits::default());
        assert_eq!((ended, told.as_str()), (Ended::Exit(0), "err\n"));
        assert!(took < Duration::from_secs(4), "{took:?}");
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
