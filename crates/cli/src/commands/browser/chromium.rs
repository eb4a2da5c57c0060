//! Chromium's process: started with the profile, and ended with it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process, kill_process_group};

use super::profile::Profile;
use super::programs::Programs;
use crate::failure::Failure;

/// How often it is asked whether it still runs.
const GLANCE: Duration = Duration::from_millis(100);
/// How long it may take to close its windows.
const CLOSING: Duration = Duration::from_secs(5);
/// Lines of its log that a failure shows.
const LAST_LINES: usize = 5;

/// Quiet and self-contained: no first-run pages, no key ring, no account, no offer to translate a page
/// in Swedish, which lies over it and would send it elsewhere.
const FLAGS: [&str; 5] = [
    "--no-first-run",
    "--no-default-browser-check",
    "--password-store=basic",
    "--disable-sync",
    "--disable-features=Translate",
];
/// What would lead it to the user's own settings.
const SETTINGS: [&str; 3] = ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"];

/// A running Chromium. It is ended when dropped.
#[derive(Debug)]
pub struct Chromium {
    child: Child,
    ended: bool,
    log: std::path::PathBuf,
}

/// Refuses root, unless the sandbox is given up knowingly.
///
/// # Errors
/// Chromium would refuse as well, less clearly.
pub fn check_user(no_sandbox: bool) -> Result<(), Failure> {
    if no_sandbox || !geteuid().is_root() {
        return Ok(());
    }
    Err(Failure::usage("Chromium's sandbox does not work for root").hint(
        "run this as a user; or add --no-sandbox, if all pages that it will show may have root's rights",
    ))
}

/// Refuses to start where no window can be shown.
///
/// # Errors
/// There is no display.
pub fn check_display() -> Result<(), Failure> {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") {
        return Ok(());
    }
    Err(Failure::failed(
        "there is no display to show a window on: DISPLAY and WAYLAND_DISPLAY are not set",
    )
    .hint(
        "run this in a graphical session; without one, `kortlab renew` does the same in a terminal",
    ))
}

impl Chromium {
    /// Starts it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        programs: &Programs,
        profile: &Profile,
        url: &str,
        no_sandbox: bool,
        options: &[OsString],
    ) -> Result<Self, Failure> {
        let log = profile.log();
        let printed = File::create(&log).map_err(|error| Failure::file("write", &log, &error))?;
        let also = printed
            .try_clone()
            .map_err(|error| Failure::file("write", &log, &error))?;
        let mut user_data = OsString::from("--user-data-dir=");
        user_data.push(profile.user_data());
        let mut command = Command::new(&programs.chromium);
        command
            .args(FLAGS)
            .arg(user_data)
            .args(no_sandbox.then_some("--no-sandbox"))
            .args(options)
            .arg(url)
            .env("HOME", profile.directory())
            .env("OPENSC_CONF", profile.opensc_conf())
            .stdin(Stdio::null())
            .stdout(printed)
            .stderr(also)
            // Its own group: a Ctrl-C at the terminal is for us to pass on, and all of its
            // processes can be ended.
            .process_group(0);
        if let Some(temporary) = profile.temporary() {
            command.env("TMPDIR", temporary);
        }
        for name in SETTINGS {
            command.env_remove(name);
        }
        if let Some(authority) = x_authority() {
            command.env("XAUTHORITY", authority);
        }
        let child = command
            .spawn()
            .map_err(|error| Failure::file("run", &programs.chromium, &error))?;
        Ok(Self {
            child,
            ended: false,
            log,
        })
    }

    /// Waits until it is closed, or until `over` says that it is to be.
    ///
    /// # Errors
    /// It has ended by itself with a failure; the error shows what it printed last.
    pub fn wait(&mut self, over: &Receiver<()>) -> Result<(), Failure> {
        loop {
            if let Some(status) = self.status()? {
                return match status.success() {
                    true => Ok(()),
                    false => Err(self.failed(status)),
                };
            }
            match over.recv_timeout(GLANCE) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                    self.end();
                    return Ok(());
                }
            }
        }
    }

    fn status(&mut self) -> Result<Option<ExitStatus>, Failure> {
        let status = self.child.try_wait().map_err(|error| {
            Failure::failed(format!("cannot tell whether Chromium runs: {error}"))
        })?;
        self.ended = status.is_some();
        Ok(status)
    }

    fn failed(&self, status: ExitStatus) -> Failure {
        let printed = fs::read(&self.log).unwrap_or_default();
        let printed = String::from_utf8_lossy(&printed);
        let mut lines: Vec<_> = printed.lines().rev().take(LAST_LINES).collect();
        lines.reverse();
        let failure = Failure::failed(format!(
            "Chromium has ended by itself ({status}); it said: {}",
            lines.join(" | ")
        ));
        match printed.contains("No usable sandbox") {
            true => failure.hint("this system gives Chromium no sandbox; --no-sandbox does without, and pages then run with all rights of this user"),
            false => failure,
        }
    }

    /// Has it close its windows; kills what is left after a while.
    fn end(&mut self) {
        let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else {
            return;
        };
        if !self.ended {
            let _ = kill_process(group, Signal::TERM);
            let deadline = Instant::now() + CLOSING;
            while !self.ended && Instant::now() < deadline {
                std::thread::sleep(GLANCE / 4);
                if self.status().is_err() {
                    break;
                }
            }
        }
        // The helpers of a browser that has ended follow it; whatever does not is ended here.
        let _ = kill_process_group(group, Signal::KILL);
        if !self.ended {
            let _ = self.child.wait();
            self.ended = true;
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.end();
    }
}

/// The file with the keys to the X display, which is in the user's home unless said otherwise.
fn x_authority() -> Option<OsString> {
    if let Some(named) = env::var_os("XAUTHORITY") {
        return Some(named);
    }
    let file = Path::new(&env::var_os("HOME")?).join(OsStr::new(".Xauthority"));
    file.is_file().then(|| file.into_os_string())
}
