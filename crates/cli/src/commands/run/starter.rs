//! How programs are started: by way of this program once more, which sees to it that they do not outlive
//! this process, and can wait before it becomes the program.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode};

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

/// A process that becomes a program when it is told to. It is ended when this is dropped.
pub struct Waiting {
    child: Child,
    go: PipeWriter,
    /// Stays open: the process opens it when it gets there.
    _told: PipeReader,
}

impl Waiting {
    /// The process for the program at this path, with these arguments; it is sent `signal` when this
    /// process, or the thread that calls this, is gone.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn new(path: &Path, arguments: &[OsString], signal: Signal) -> io::Result<Self> {
        let (told, go) = io::pipe()?;
        let pipe = told.as_raw_fd().to_string();
        let child = starting(path, signal, &pipe)?.args(arguments).spawn()?;
        Ok(Self {
            child,
            go,
            _told: told,
        })
    }

    /// Lets it become the program, with these environment variables more.
    ///
    /// # Errors
    /// A variable cannot be told.
    pub fn go(&mut self, variables: &[(&'static str, &Path)]) -> io::Result<&mut Child> {
        let mut told = Vec::new();
        for (name, value) in variables {
            told.extend_from_slice(name.as_bytes());
            told.push(b'=');
            told.extend_from_slice(value.as_os_str().as_bytes());
            told.push(0);
        }
        told.push(0);
        self.go.write_all(&told)?;
        Ok(&mut self.child)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
        _ => File::open(Path::new(&format!("/proc/{parent}/fd")).join(pipe))
            .and_then(|pipe| variables(BufReader::new(pipe.take(MAX_TOLD)))),
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
        .arg(std::process::id().to_string())
        .arg(signal.as_raw().to_string())
        .arg(pipe)
        .arg(path);
    Ok(command)
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
    fn a_process_that_is_given_up_is_gone() {
        let (told, go) = io::pipe().expect("a pipe");
        let child = Command::new("sleep").arg("1000").spawn().expect("sleep");
        let pid = child.id();
        drop(Waiting {
            child,
            go,
            _told: told,
        });
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}
