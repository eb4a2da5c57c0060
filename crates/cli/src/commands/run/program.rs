//! The program that is run: how it is found, started, told of signals, and how it ends.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use super::starter::{NOT_RUN, Waiting};
use crate::failure::{Exit, Failure};

/// As shells have it: there is no such program.
const NOT_FOUND: u8 = 127;

/// A program that is there.
pub struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

/// Finds a program as shells do: by its path, or along `PATH`.
///
/// # Errors
/// There is none, or it cannot be run.
pub fn find(program: &[OsString]) -> Result<Program, Failure> {
    let Some((name, arguments)) = program.split_first() else {
        return Err(Failure::usage("no program").hint("give one behind --"));
    };
    let candidates: Vec<PathBuf> = match Path::new(name).components().count() {
        1 if !name.to_string_lossy().contains('/') => {
            let path = env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
            env::split_paths(&path)
                .map(|place| place.join(name))
                .collect()
        }
        _ => vec![name.into()],
    };
    let runs = |path: &&PathBuf| {
        let metadata = path.metadata();
        metadata.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if let Some(path) = candidates.iter().find(runs) {
        return Ok(Program {
            path: path.clone(),
            arguments: arguments.to_vec(),
        });
    }
    let shown = name.display();
    match candidates.iter().find(|path| path.exists()) {
        Some(path) => Err(Failure::new(
            Exit::Program(NOT_RUN),
            format!("{} cannot be run: it is no executable file", path.display()),
        )),
        None => Err(Failure::new(
            Exit::Program(NOT_FOUND),
            format!("there is no program {shown}"),
        )
        .hint("give its path, or install it")),
    }
}

impl Program {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The arguments behind it.
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// Has it ready to run: where that can be, a process is there that becomes it when it is told to.
    ///
    /// # Errors
    /// There can be no such process.
    pub fn ready(&self) -> Result<Ready<'_>, Failure> {
        let waiting = Waiting::new(&self.path, &self.arguments, Signal::KILL);
        Ok(Ready {
            waiting: waiting.map_err(|error| self.not_run(&error))?,
            program: self,
        })
    }

    fn not_run(&self, error: &io::Error) -> Failure {
        Failure::new(
            Exit::Program(NOT_RUN),
            format!("{} cannot be run: {error}", self.path.display()),
        )
    }
}

/// A program that can run at once. If it is given up, it has not run.
pub struct Ready<'a> {
    program: &'a Program,
    waiting: Waiting<'a>,
}

impl Ready<'_> {
    /// Runs it to its end, with these environment variables more. It does not outlive this process.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run(mut self, variables: &[(&'static str, &Path)]) -> Result<Exit, Failure> {
        let status = self.until_it_ends(variables);
        let status = status.map_err(|error| self.program.not_run(&error))?;
        Ok(Exit::Program(code(status)))
    }

    fn until_it_ends(&mut self, variables: &[(&'static str, &Path)]) -> io::Result<ExitStatus> {
        let signals = Signals::new(PASSED_ON)?;
        let child = self.waiting.go(variables)?;
        let ended = Arc::new(AtomicBool::new(false));
        pass_on(signals, child, Arc::clone(&ended));
        let status = child.wait()?;
        ended.store(true, Ordering::SeqCst);
        Ok(status)
    }
}

/// The signals that a program is told of.
const PASSED_ON: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// Passes signals on to the program until it has ended.
fn pass_on(mut signals: Signals, child: &Child, ended: Arc<AtomicBool>) {
    let Some(child) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return;
    };
    thread::spawn(move || {
        for signal in signals.forever() {
            if ended.load(Ordering::SeqCst) {
                return;
            }
            // What is typed on the terminal reaches the program by itself.
            if matches!(signal, SIGINT | SIGQUIT) && is_in_foreground() {
                continue;
            }
            if let Some(signal) = Signal::from_named_raw(signal) {
                let _ = kill_process(child, signal);
            }
        }
    });
}

/// Whether this process, and so the program, hears what is typed on a terminal.
fn is_in_foreground() -> bool {
    let stdin = io::stdin();
    stdin.is_terminal()
        && rustix::termios::tcgetpgrp(&stdin).is_ok_and(|foreground| foreground == getpgrp())
}

fn code(status: ExitStatus) -> u8 {
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => 1,
    };
    u8::try_from(code).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_is_the_programs_and_a_signal_is_128_and_its_number() {
        assert_eq!(code(ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(code(ExitStatus::from_raw(SIGTERM)), 143);
    }

    #[test]
    fn programs_are_found_as_shells_find_them() {
        let found = |name: &str| find(&[name.into()]).map(|program| program.path);
        assert!(found("sh").is_ok_and(|path| path.ends_with("sh") && path.is_absolute()));
        assert_eq!(found("/bin/sh"), Ok("/bin/sh".into()));
        for (name, code) in [
            ("no-such-program", 127),
            ("/no/such", 127),
            ("/etc/passwd", 126),
            ("/", 126),
        ] {
            assert_eq!(
                found(name).map_err(|failure| failure.exit().code()),
                Err(code),
                "{name}"
            );
        }
    }
}
