//! The processes of AFL++: started, looked after, and ended.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kortlab_campaign::Laboratory;
use kortlab_campaign::engines::afl::{Instance, Stats, Trouble, end_of, trouble};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::commands::run::bound;
use crate::failure::Failure;

/// How long a process has to end by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process of AFL++.
pub struct Running {
    child: Child,
    /// Where it keeps what it finds.
    directory: PathBuf,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Running {
    /// Starts one; what it says goes into a file. It ends with this process.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        afl_fuzz: &Path,
        instance: &Instance,
        laboratory: &Laboratory,
        commands: usize,
        log: PathBuf,
    ) -> Result<Self, Failure> {
        let open = || -> io::Result<(File, File)> {
            let mut options = OpenOptions::new();
            let file = options.create(true).write(true).truncate(true).open(&log)?;
            Ok((file.try_clone()?, file))
        };
        let (out, err) = open().map_err(|error| Failure::file("write", &log, &error))?;
        let failed = |error: io::Error| Failure::file("run", afl_fuzz, &error);
        // Not killed: it has a fork server to end.
        let mut command = bound(afl_fuzz, Signal::TERM).map_err(failed)?;
        command
            .args(instance.arguments(laboratory))
            .envs(instance.environment(laboratory, commands))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0);
        Ok(Self {
            child: command.spawn().map_err(failed)?,
            directory: instance.sync.join(&instance.name),
            log,
            ended: None,
        })
    }

    /// Whether it is still at work.
    pub fn is_at_work(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap_or(None);
        }
        self.ended.is_none()
    }

    /// Why it has given up, if it has.
    pub fn trouble(&mut self) -> Option<Trouble> {
        if self.is_at_work() || self.ended.is_some_and(|status| status.success()) {
            return None;
        }
        Some(trouble(&end_of(&self.log)))
    }

    /// Where what it said is kept.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How far it has come.
    pub fn stats(&self) -> Option<Stats> {
        Stats::of_instance(&self.directory)
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

/// However a command ends, no process of it stays.
impl Drop for Running {
    fn drop(&mut self) {
        if self.is_at_work()
            && let Some(pid) = self.pid()
        {
            let _ = kill_process_group(pid, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// Has all of them end, and waits until they have.
pub fn end(all: &mut [Running]) {
    for one in all.iter_mut() {
        if one.is_at_work()
            && let Some(pid) = one.pid()
        {
            let _ = kill_process(pid, Signal::INT);
        }
    }
    let until = Instant::now() + PATIENCE;
    while all.iter_mut().any(Running::is_at_work) && Instant::now() < until {
        thread::sleep(Duration::from_millis(20));
    }
}
