//! The browser itself: started as a user starts it, with its door for WebDriver open.

use std::ffi::OsString;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::display::{Display, SIZE};
use crate::error::InteropError;
use crate::process::Running;
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
        let (width, height) = SIZE;
        let mut running = display
            .command(program())
            .args(FLAGS)
            .arg(format!("--window-size={width},{height}"))
            .arg(profile_flag)
            .args(flags)
            .arg("about:blank")
            .spawn()?;
        let port_file = profile.join("DevToolsActivePort");
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let text = fs::read_to_string(&port_file).unwrap_or_default();
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

/// The program itself rather than Debian's start script, which reads settings of the machine.
fn program() -> &'static str {
    const PROGRAM: &str = "/usr/lib/chromium/chromium";
    match tools::find(PROGRAM.as_ref()) {
        Ok(_) => PROGRAM,
        Err(_) => "chromium",
    }
}
