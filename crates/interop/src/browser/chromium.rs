//! The browser itself: started as a user starts it, with its door for WebDriver open.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::display::{Display, SIZE};
use crate::error::InteropError;
use crate::process::{Output, Running};
use crate::sandbox::Sandbox;
use crate::tools;

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Quiet and self-contained: no network traffic of its own, no key ring, no first-run page. Root
/// has no use of Chromium's sandbox, and containers give little shared memory.
const FLAGS: [&str; 14] = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    "--password-store=basic",
    "--lang=en-US",
    "--window-position=0,0",
    "--remote-debugging-port=0",
];

/// Where Chromium notes the port of the DevTools protocol, in its directory.
const PORT_FILE: &str = "DevToolsActivePort";

/// A running Chromium.
pub(super) struct Chromium {
    // Asking whether it runs needs it mutable.
    running: Mutex<Running>,
    debugging_port: u16,
}

impl Chromium {
    /// Starts Chromium with a new profile and an empty page.
    pub(super) fn start(
        sandbox: &Sandbox,
        display: &Display,
        flags: &[String],
    ) -> Result<Self, InteropError> {
        let profile = sandbox.file(&format!("chromium-{}", sandbox.next_number()));
        let mut profile_flag = OsString::from("--user-data-dir=");
        profile_flag.push(&profile);
        let running = display
            .command(program())
            .args(FLAGS)
            .arg(window_size())
            .arg(profile_flag)
            .args(flags)
            .arg("about:blank")
            .spawn()?;
        let port_file = profile.join(PORT_FILE);
        Self::running(display, running, move || Some(port_file.clone()))
    }

    /// Starts a program that starts Chromium, with what a test needs of Chromium's options after
    /// the program's own. `profiles` is where the profile will be, in a directory of any name.
    pub(super) fn start_by(
        display: &Display,
        program: &Path,
        arguments: &[String],
        flags: &[String],
        profiles: &Path,
    ) -> Result<Self, InteropError> {
        let mut needed = FLAGS.to_vec();
        needed.retain(|flag| *flag != "--no-sandbox");
        let running = display
            .command(program.as_os_str())
            .args(arguments)
            .arg("--")
            .args(needed)
            .arg(window_size())
            .args(flags)
            .env("TMPDIR", profiles)
            .spawn()?;
        let profiles = profiles.to_path_buf();
        Self::running(display, running, move || {
            let made = fs::read_dir(&profiles).ok()?;
            let mut files = made.filter_map(|entry| {
                let file = entry.ok()?.path().join("chromium").join(PORT_FILE);
                file.is_file().then_some(file)
            });
            files.next()
        })
    }

    /// Waits until Chromium shows itself.
    fn running(
        display: &Display,
        mut running: Running,
        port_file: impl Fn() -> Option<PathBuf>,
    ) -> Result<Self, InteropError> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let text = port_file().and_then(|file| fs::read_to_string(file).ok());
            let text = text.unwrap_or_default();
            let port = text.lines().next().and_then(|line| line.parse().ok());
            let shown = || display.windows("Chromium").map(|found| !found.is_empty());
            if let Some(debugging_port) = port
                && shown()?
            {
                return Ok(Self {
                    running: Mutex::new(running),
                    debugging_port,
                });
            }
            if !running.is_running() || Instant::now() > deadline {
                return Err(InteropError::TimedOut {
                    what: "Chromium's start".to_owned(),
                    after: START_TIMEOUT,
                    details: running.printed(),
                });
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it (SIGTERM), and says how it ended.
    pub(super) fn terminate(&self, patience: Duration) -> Result<Output, InteropError> {
        let mut running = lock(&self.running);
        running.terminate()?;
        running.wait(patience)
    }

    /// The port of the DevTools protocol, on the sandbox's loopback.
    pub(super) fn debugging_port(&self) -> u16 {
        self.debugging_port
    }

    /// Whether it still runs.
    pub(super) fn is_running(&self) -> bool {
        lock(&self.running).is_running()
    }

    /// What it has printed so far, for messages, without what it always has to say where there is no
    /// desktop.
    pub(super) fn printed(&self) -> String {
        let printed = lock(&self.running).printed();
        let noise = |line: &&str| line.contains("/dbus/") || line.contains("adjust OOM score");
        let lines: Vec<&str> = printed.lines().filter(|line| !noise(line)).collect();
        lines.join("\n")
    }
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

fn window_size() -> String {
    let (width, height) = SIZE;
    format!("--window-size={width},{height}")
}

/// The program itself rather than Debian's start script, which reads settings of the machine.
fn program() -> &'static str {
    const PROGRAM: &str = "/usr/lib/chromium/chromium";
    match tools::find(PROGRAM.as_ref()) {
        Ok(_) => PROGRAM,
        Err(_) => "chromium",
    }
}
