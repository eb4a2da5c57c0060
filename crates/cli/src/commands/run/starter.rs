//! How programs are started: by way of this program once more, which sees to it that they do not outlive
//! this process, and can wait before it becomes the program.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitCode};

use rustix::fs::{Stat, fstat, stat};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// As shells have it: a program cannot be run.
pub const NOT_RUN: u8 = 126;

/// What this program is called when it is about to become another one. Nobody types that.
const STARTER: &str = "kortlab run: starts a program";
/// In place of the number of a pipe: there is nothing to wait for.
const AT_ONCE: &str = "-";
/// The most bytes of environment variables that are read from a pipe.
const MAX_TOLD: u64 = 64 * 1024;

/// A command that becomes the program at this path, and is sent a signal when this process, or the
/// thread that starts it, is gone.
///
/// # Errors
/// Where this program is cannot be found out.
pub fn bound(path: &Path, signal: Signal) -> io::Result<Command> {
    starting(path, signal, AT_ONCE)
}

/// A program that is to be started, by a process that is there already where that can be. It is ended
/// when this is dropped.
///
/// Signals that this process ignores the program ignores, too, as if a shell had started it: so it is to
/// be made before any of them is handled.
pub struct Waiting<'a> {
    path: &'a Path,
    arguments: &'a [OsString],
    signal: Signal,
    child: Option<Child>,
    /// Over which the process is told; it opens the other end when it gets there.
    pipe: Option<(PipeReader, PipeWriter)>,
}

impl<'a> Waiting<'a> {
    /// The program at this path, with these arguments; it is sent `signal` when this process, or the
    /// thread that calls this, is gone.
    ///
    /// # Errors
    /// There can be no process.
    pub fn new(path: &'a Path, arguments: &'a [OsString], signal: Signal) -> io::Result<Self> {
        let mut waiting = Self {
            path,
            arguments,
            signal,
            child: None,
            pipe: None,
        };
        let (told, go) = io::pipe()?;
        // In a namespace of processes without a /proc of its own nobody else finds the pipe.
        if leads_to(&way_to(process::id(), told.as_raw_fd()), &told) {
            let pipe = told.as_raw_fd().to_string();
            waiting.child = Some(waiting.starting(&pipe)?.spawn()?);
            waiting.pipe = Some((told, go));
        }
        Ok(waiting)
    }

    /// Starts the program, with these environment variables more.
    ///
    /// # Errors
    /// It cannot be started, or a variable cannot be told.
    pub fn go(&mut self, variables: &[(&'static str, &Path)]) -> io::Result<&mut Child> {
        if let Some((_, go)) = &mut self.pipe {
            go.write_all(&as_told(variables))?;
        }
        let child = match self.child.take() {
            Some(child) => child,
            None => {
                let mut command = self.starting(AT_ONCE)?;
                command.envs(variables.iter().copied()).spawn()?
            }
        };
        Ok(self.child.insert(child))
    }

    fn starting(&self, pipe: &str) -> io::Result<Command> {
        let mut command = starting(self.path, self.signal, pipe)?;
        command.args(self.arguments);
        Ok(command)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// If this process was started by a command of this module, becomes the program. Comes back otherwise.
pub fn start_as_told() -> Option<ExitCode> {
    let mut arguments = env::args_os();
    if arguments.next().as_deref() != Some(OsStr::new(STARTER)) {
        return None;
    }
    let mut number = || -> Option<i32> { arguments.next()?.to_str()?.parse().ok() };
    let parent = number()?;
    let signal = number().and_then(Signal::from_named_raw)?;
    let pipe = arguments.next()?;
    let path = arguments.next()?;
    let asked = set_parent_process_death_signal(Some(signal));
    let orphan = getppid().map(|pid| pid.as_raw_pid()) != Some(parent);
    if asked.is_err() || orphan {
        return Some(ExitCode::from(NOT_RUN));
    }
    let variables = match pipe.to_str() {
        Some(AT_ONCE) => Ok(Some(Vec::new())),
        // As this process has it still.
        Some(pipe) => File::open(way_to(parent, pipe))
            .and_then(|pipe| variables(BufReader::new(pipe.take(MAX_TOLD)))),
        None => return None,
    };
    let error = match variables {
        Ok(Some(variables)) => Command::new(&path).args(arguments).envs(variables).exec(),
        Ok(None) => return Some(ExitCode::from(NOT_RUN)),
        Err(error) => error,
    };
    let path = Path::new(&path).display();
    crate::output::note(format_args!("error: {path} cannot be run: {error}"));
    Some(ExitCode::from(NOT_RUN))
}

fn starting(path: &Path, signal: Signal, pipe: &str) -> io::Result<Command> {
    // This program once more, which asks for the signal before it becomes the other one.
    let mut command = Command::new(env::current_exe()?);
    command
        .arg0(STARTER)
        .arg(process::id().to_string())
        .arg(signal.as_raw().to_string())
        .arg(pipe)
        .arg(path);
    Ok(command)
}

/// Where another process finds what this one has open.
fn way_to(process: impl Display, descriptor: impl Display) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/fd/{descriptor}"))
}

/// Whether that is this pipe.
fn leads_to(way: &Path, pipe: &PipeReader) -> bool {
    let file = |stat: Stat| (stat.st_dev, stat.st_ino);
    let (there, here) = (stat(way), fstat(pipe));
    there.is_ok_and(|there| here.is_ok_and(|here| file(there) == file(here)))
}

/// Environment variables as they are told: each with a zero byte behind it, and another one at the end.
fn as_told(variables: &[(&'static str, &Path)]) -> Vec<u8> {
    let mut told = Vec::new();
    for (name, value) in variables {
        told.extend_from_slice(name.as_bytes());
        told.push(b'=');
        told.extend_from_slice(value.as_os_str().as_bytes());
        told.push(0);
    }
    told.push(0);
    told
}

/// The environment variables that are told, up to the empty one behind the last. `None` if it does not
/// come: nobody wants the program any more.
fn variables(mut told: impl BufRead) -> io::Result<Option<Vec<(OsString, OsString)>>> {
    let mut variables = Vec::new();
    loop {
        let mut one = Vec::new();
        told.read_until(0, &mut one)?;
        match one.split_last() {
            None => return Ok(None),
            Some((0, [])) => return Ok(Some(variables)),
            Some((0, variable)) => {
                let mut parts = variable.splitn(2, |&byte| byte == b'=');
                let name = parts.next().unwrap_or_default().to_vec();
                let value = parts.next().unwrap_or_default().to_vec();
                variables.push((OsString::from_vec(name), OsString::from_vec(value)));
            }
            Some(_) => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_starts_only_when_it_is_told_to_the_end_what_it_gets() {
        let read = |told: &[u8]| variables(told).expect("bytes");
        let pair = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        assert_eq!(read(b"\0"), Some(Vec::new()));
        assert_eq!(
            read(b"A=b=c\0D=\0\0"),
            Some(vec![pair("A", "b=c"), pair("D", "")])
        );
        for cut in [&b""[..], b"A", b"A=b", b"A=b\0", b"A=b\0D=\0"] {
            assert_eq!(read(cut), None, "{cut:?}");
        }
    }

    #[test]
    fn what_is_told_is_what_is_read() {
        let told = as_told(&[("A", Path::new("b=c")), ("D", Path::new(""))]);
        assert_eq!(told, b"A=b=c\0D=\0\0");
    }

    #[test]
    fn a_pipe_is_found_where_it_is_and_not_where_another_process_would_look() {
        let ((one, _one), (other, _other)) = (io::pipe().expect("one"), io::pipe().expect("two"));
        let way = way_to(process::id(), one.as_raw_fd());
        assert!(leads_to(&way, &one) && !leads_to(&way, &other));
        assert!(!leads_to(&way_to("none", one.as_raw_fd()), &one));
    }

    #[test]
    fn a_process_that_is_given_up_is_gone() {
        let child = Command::new("sleep").arg("1000").spawn().expect("sleep");
        let pid = child.id();
        drop(Waiting {
            path: Path::new("sleep"),
            arguments: &[],
            signal: Signal::KILL,
            child: Some(child),
            pipe: None,
        });
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}
