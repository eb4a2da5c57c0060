//! Running programs inside a sandbox: to their end with a time-out, or in the background.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::error::InteropError;
use crate::sandbox::Sandbox;
use crate::tools;

/// How long [`Command::run`] waits unless told otherwise. Generous, because the test machine may
/// be busy; a program that hangs is still ended.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// A program to run inside a sandbox.
#[must_use]
pub struct Command {
    sandbox: Sandbox,
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: PathBuf,
    input: Vec<u8>,
    timeout: Duration,
}

/// What a program that ran to its end left.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    command: String,
}

/// A program in the background. Dropping it kills it.
pub struct Running {
    child: Child,
    /// The program itself, not the nsenter that started it.
    pid: Pid,
    command: String,
    stdout: PathBuf,
    stderr: PathBuf,
    ended: Option<ExitStatus>,
}

impl Command {
    pub(crate) fn new(sandbox: Sandbox, program: &OsStr) -> Self {
        let directory = sandbox.directory().to_path_buf();
        Self {
            sandbox,
            program: program.to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory,
            input: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(|a| a.as_ref().to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// Sets an environment variable. The environment is otherwise the sandbox's, not the caller's.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let pair = (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.environment.push(pair);
        self
    }

    /// The working directory; the sandbox's own directory unless set.
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// What the program reads from its standard input; nothing unless set.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// How long [`Command::run`] waits before it kills the program.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    /// The program is missing, does not start, or is not done in time (it is killed then). How it
    /// ended is for the caller to judge: see [`Output::success`].
    pub fn run(self) -> Result<Output, InteropError> {
        let command = self.line();
        let mut child = self
            .prepare(&[])?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(InteropError::io(command.clone()))?;
        if let Some(mut stdin) = child.stdin.take() {
            let input = self.input.clone();
            // A program that does not read its input is none of our business.
            thread::spawn(move || stdin.write_all(&input));
        }
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        let status = wait(&mut child, self.timeout);
        if status.is_none() {
            end(&mut child);
        }
        // Whatever the program left in the background may hold the pipes open.
        let grace = Duration::from_millis(500);
        let stdout = stdout.recv_timeout(grace).unwrap_or_default();
        let stderr = stderr.recv_timeout(grace).unwrap_or_default();
        let Some(status) = status else {
            return Err(InteropError::TimedOut {
                what: format!("the end of: {command}"),
                after: self.timeout,
                details: format!(
                    "{}{}",
                    printed(&stdout, &stderr),
                    self.sandbox.pcscd_log_tail()
                ),
            });
        };
        Ok(Output {
            status,
            stdout,
            stderr,
            command,
        })
    }

    /// Starts the program in the background, its output going to files in the sandbox.
    ///
    /// # Errors
    /// The program is missing or does not start.
    pub fn spawn(self) -> Result<Running, InteropError> {
        // The shell notes its process id, as the outside sees it, and becomes the program. A caller
        // in the background of a script ignores SIGINT, and what it starts would too.
        const NOTE_PID: &str = r#"read -r pid rest </proc/self/stat; echo "$pid" >"$1.new" && mv "$1.new" "$1" && shift && exec env --default-signal=INT,QUIT "$@""#;
        let command = self.line();
        let number = self.sandbox.next_number();
        let path = |kind: &str| self.sandbox.directory().join(format!("{number}.{kind}"));
        let pid_file = path("pid");
        let create = |path: &Path| {
            File::create(path).map_err(InteropError::io(format!("creating {}", path.display())))
        };
        let (stdout, stderr) = (path("stdout"), path("stderr"));
        let shell = ["sh", "-c", NOTE_PID, "sh"].map(OsString::from);
        let wrapper: Vec<OsString> = shell.into_iter().chain([pid_file.clone().into()]).collect();
        let mut child = self
            .prepare(&wrapper)?
            .stdin(Stdio::null())
            .stdout(create(&stdout)?)
            .stderr(create(&stderr)?)
            .spawn()
            .map_err(InteropError::io(command.clone()))?;
        match noted_pid(&pid_file, &mut child) {
            Some(pid) => Ok(Running {
                child,
                pid,
                command,
                stdout,
                stderr,
                ended: None,
            }),
            None => {
                end(&mut child);
                Err(InteropError::Failed {
                    command,
                    status: "did not start".to_owned(),
                    details: fs::read_to_string(stderr).unwrap_or_default(),
                })
            }
        }
    }

    /// The process that this would be, for a test that talks with the program: it decides itself
    /// where input and output go, and has to wait for the end.
    ///
    /// # Errors
    /// The program is missing.
    pub fn to_talk_with(&self) -> Result<std::process::Command, InteropError> {
        self.prepare(&[])
    }

    /// The process to start: nsenter, the wrapper, the program, in a process group of its own.
    fn prepare(&self, wrapper: &[OsString]) -> Result<std::process::Command, InteropError> {
        let program = tools::find(&self.program)?;
        let prefix = self.sandbox.prefix(&self.directory);
        let mut words = prefix.iter().chain(wrapper);
        let first = words
            .next()
            .map_or(OsStr::new("nsenter"), |w| w.as_os_str());
        let mut command = std::process::Command::new(first);
        command
            .args(words)
            .arg(program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.sandbox.environment())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .process_group(0);
        Ok(command)
    }

    fn line(&self) -> String {
        let mut line = self.program.to_string_lossy().into_owned();
        for argument in &self.arguments {
            // Writing to a string cannot fail.
            let _ = write!(line, " {}", argument.to_string_lossy());
        }
        line
    }
}

impl Output {
    /// The output, if the program ended with exit code 0.
    ///
    /// # Errors
    /// It did not; the error shows all it printed.
    pub fn success(self) -> Result<Self, InteropError> {
        if self.status.success() {
            return Ok(self);
        }
        Err(self.unexpected("exit code 0"))
    }

    /// The output, if the program ended with a non-zero exit code (not by a signal).
    ///
    /// # Errors
    /// It did not; the error shows all it printed.
    pub fn failure(self) -> Result<Self, InteropError> {
        if self.status.code().is_some_and(|code| code != 0) {
            return Ok(self);
        }
        Err(self.unexpected("a failure"))
    }

    /// The output, if the program ended with this exit code.
    ///
    /// # Errors
    /// It did not; the error shows all it printed.
    pub fn code(self, code: i32) -> Result<Self, InteropError> {
        if self.status.code() == Some(code) {
            return Ok(self);
        }
        Err(self.unexpected(&format!("exit code {code}")))
    }

    /// The standard output as text.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The standard error as text.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Both outputs as text, standard output first.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout_text(), self.stderr_text())
    }

    /// The output, if it contains `needle`.
    ///
    /// # Errors
    /// It does not; the error shows all that was printed.
    pub fn containing(self, needle: &str) -> Result<Self, InteropError> {
        if self.text().contains(needle) {
            return Ok(self);
        }
        Err(self.unexpected(&format!("the text {needle:?}")))
    }

    fn unexpected(self, wanted: &str) -> InteropError {
        InteropError::Failed {
            status: format!("{} (wanted {wanted})", self.status),
            details: printed(&self.stdout, &self.stderr),
            command: self.command,
        }
    }
}

impl Running {
    /// The process id of the program, as this process sees it.
    pub fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Sends SIGINT, as Ctrl-C does.
    ///
    /// # Errors
    /// The program has ended.
    pub fn interrupt(&self) -> Result<(), InteropError> {
        self.signal(Signal::INT)
    }

    /// Sends SIGTERM.
    ///
    /// # Errors
    /// The program has ended.
    pub fn terminate(&self) -> Result<(), InteropError> {
        self.signal(Signal::TERM)
    }

    /// Kills the program (SIGKILL) and waits for its end.
    ///
    /// # Errors
    /// The program had ended already.
    pub fn kill(&mut self) -> Result<(), InteropError> {
        self.signal(Signal::KILL)?;
        wake(&self.child);
        self.wait(Duration::from_secs(5)).map(drop)
    }

    /// Stops the program (SIGSTOP); [`Running::resume`] lets it go on.
    ///
    /// # Errors
    /// The program has ended.
    pub fn pause(&self) -> Result<(), InteropError> {
        self.signal(Signal::STOP)
    }

    /// Lets a paused program go on.
    ///
    /// # Errors
    /// The program has ended.
    pub fn resume(&self) -> Result<(), InteropError> {
        self.signal(Signal::CONT)?;
        wake(&self.child);
        Ok(())
    }

    /// Waits for the end, and gives what the program printed.
    ///
    /// # Errors
    /// It is still running after `timeout`; it goes on running then.
    pub fn wait(&mut self, timeout: Duration) -> Result<Output, InteropError> {
        let status = self.ended.or_else(|| wait(&mut self.child, timeout));
        let Some(status) = status else {
            return Err(InteropError::TimedOut {
                what: format!("the end of: {}", self.command),
                after: timeout,
                details: self.printed(),
            });
        };
        self.ended = Some(status);
        Ok(Output {
            status,
            stdout: fs::read(&self.stdout).unwrap_or_default(),
            stderr: fs::read(&self.stderr).unwrap_or_default(),
            command: self.command.clone(),
        })
    }

    /// Whether the program still runs.
    pub fn is_running(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended.is_none()
    }

    /// What the program has printed so far on its standard output.
    pub fn stdout_text(&self) -> String {
        let bytes = fs::read(&self.stdout).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What the program has printed so far, for messages.
    pub fn printed(&self) -> String {
        let read = |path| fs::read(path).unwrap_or_default();
        printed(&read(&self.stdout), &read(&self.stderr))
    }

    fn signal(&self, signal: Signal) -> Result<(), InteropError> {
        if self.ended.is_some() {
            return Err(InteropError::Failed {
                command: self.command.clone(),
                status: "has ended already".to_owned(),
                details: self.printed(),
            });
        }
        // The program is nsenter's unreaped child, so the process id is not anybody else's.
        rustix::process::kill_process(self.pid, signal)
            .map_err(io::Error::from)
            .map_err(InteropError::io(format!("a signal to: {}", self.command)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_running() {
            end(&mut self.child);
        }
    }
}

fn noted_pid(file: &Path, child: &mut Child) -> Option<Pid> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if let Ok(text) = fs::read_to_string(file) {
            return Pid::from_raw(text.trim().parse().ok()?);
        }
        if !matches!(child.try_wait(), Ok(None)) && !file.exists() {
            return None;
        }
        thread::sleep(Duration::from_millis(1));
    }
    None
}

/// Waits for the end of a child: often at first, for short commands, then less often.
fn wait(child: &mut Child, timeout: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(500);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if start.elapsed() < timeout => {}
            Ok(None) => return None,
            // The child was reaped by someone else; nothing is known about its end.
            Err(_) => return Some(ExitStatus::from_raw(0x7F00)),
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// Kills what nsenter runs. nsenter itself is left to reap it and end: were nsenter killed first,
/// the program would be left to the outside's process 1, and until that reaps it, the namespace
/// could not end.
fn end(nsenter: &mut Child) {
    let kill = |pid: Option<Pid>| pid.map(|p| rustix::process::kill_process(p, Signal::KILL));
    for pid in children_of(nsenter.id()) {
        kill(Pid::from_raw(pid));
    }
    wake(nsenter);
    if wait(nsenter, Duration::from_secs(2)).is_none() {
        let _ = nsenter.kill();
        let _ = nsenter.wait();
    }
    // What the program started in its turn belongs to process 1 of the namespace by now.
    let group = i32::try_from(nsenter.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
}

/// Lets nsenter go on: it stops itself when what it runs is stopped.
fn wake(nsenter: &Child) {
    if let Some(pid) = i32::try_from(nsenter.id()).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, Signal::CONT);
    }
}

/// The process ids of a process's children.
fn children_of(parent: u32) -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: i32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold spaces and parentheses; state and parent come after it.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}

fn printed(stdout: &[u8], stderr: &[u8]) -> String {
    let mut text = String::new();
    for (name, bytes) in [("stdout", stdout), ("stderr", stderr)] {
        if !bytes.is_empty() {
            let bytes = String::from_utf8_lossy(bytes);
            let _ = writeln!(text, "--- {name}\n{}", bytes.trim_end());
        }
    }
    text
}
