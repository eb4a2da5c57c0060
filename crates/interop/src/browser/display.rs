//! An X display that nobody else sees, with a window manager, a keyboard and a camera.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::InteropError;
use crate::process::{Command, Running};
use crate::sandbox::Sandbox;

const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Where X servers put their sockets.
const SOCKETS: &str = "/tmp/.X11-unix";

/// Width and height of the display in pixels.
pub(super) const SIZE: (u32, u32) = (1280, 1024);

/// Xvfb with openbox, in a sandbox.
pub(super) struct Display {
    sandbox: Sandbox,
    name: String,
    // They drop in this order.
    _window_manager: Running,
    _server: Running,
}

impl Display {
    /// Starts a display.
    pub(super) fn start(sandbox: &Sandbox) -> Result<Self, InteropError> {
        own_sockets(sandbox)?;
        // The lock files in /tmp tell process ids of other namespaces: they say nothing here.
        let (width, height) = SIZE;
        let mut server = sandbox
            .command("Xvfb")
            .args(["-displayfd", "1", "-nolock", "-nolisten", "tcp"])
            .args(["-screen", "0", &format!("{width}x{height}x24")])
            .spawn()?;
        let number = display_number(&mut server)?;
        let name = format!(":{number}");
        let window_manager = sandbox.command("openbox").env("DISPLAY", &name).spawn()?;
        let display = Self {
            sandbox: sandbox.clone(),
            name,
            _window_manager: window_manager,
            _server: server,
        };
        // Fails early where a tool is missing, not at the first dialogue.
        display.window_titles()?;
        display.is_dark(0, 0)?;
        Ok(display)
    }

    /// A program that opens its windows here.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.sandbox.command(program).env("DISPLAY", &self.name)
    }

    /// The titles of the windows that can be seen.
    pub(super) fn window_titles(&self) -> Result<Vec<String>, InteropError> {
        let mut titles = Vec::new();
        for window in self.windows(".")? {
            let name = self
                .command("xdotool")
                .args(["getwindowname", &window])
                .run()?;
            // The window may have gone since.
            if name.status.success() {
                titles.push(name.stdout_text().trim().to_owned());
            }
        }
        Ok(titles)
    }

    /// The windows that can be seen whose title matches the regular expression.
    pub(super) fn windows(&self, title: &str) -> Result<Vec<String>, InteropError> {
        let search = ["search", "--onlyvisible", "--name", title];
        let found = self.command("xdotool").args(search).run()?;
        // Finding none is a failure to xdotool.
        let found = found.stdout_text();
        Ok(found.split_whitespace().map(str::to_owned).collect())
    }

    /// Gives a window the keyboard. It may have gone before that.
    pub(super) fn activate(&self, window: &str) -> Result<(), InteropError> {
        let activate = ["windowactivate", "--sync", window];
        let timeout = Duration::from_secs(10);
        self.command("xdotool")
            .args(activate)
            .timeout(timeout)
            .run()
            .map(drop)
    }

    /// Types text into whatever has the keyboard. The text is not on a command line.
    pub(super) fn type_text(&self, text: &str) -> Result<(), InteropError> {
        self.command("xdotool")
            .args(["type", "--delay", "20", "--file", "-"])
            .input(text)
            .run()?
            .success()
            .map(drop)
    }

    /// Presses keys, by their X names, for example `Return`.
    pub(super) fn press(&self, keys: &[&str]) -> Result<(), InteropError> {
        let press = self.command("xdotool").arg("key").args(keys);
        press.run()?.success().map(drop)
    }

    /// Whether the pixel is darker than half way from black to white.
    pub(super) fn is_dark(&self, x: u32, y: u32) -> Result<bool, InteropError> {
        let crop = format!("1x1+{x}+{y}");
        let taken = self
            .command("import")
            .args(["-window", "root", "-crop", &crop, "-depth", "8", "gray:-"])
            .run()?
            .success()?;
        Ok(taken.stdout.first().is_some_and(|grey| *grey < 0x80))
    }

    /// Takes a picture of all that is shown.
    pub(super) fn picture(&self, file: &Path) -> Result<(), InteropError> {
        self.command("import")
            .args(["-window", "root"])
            .arg(file)
            .run()?
            .success()
            .map(drop)
    }
}

/// Lays a directory of the sandbox's over the one where X servers put their sockets, so that the
/// display's number is nobody else's and its socket is not left behind.
fn own_sockets(sandbox: &Sandbox) -> Result<(), InteropError> {
    let own = sandbox.file("x11");
    if own.exists() {
        return Ok(());
    }
    for directory in [Path::new(SOCKETS), &own] {
        let doing = || format!("creating {}", directory.display());
        if directory.exists() {
            continue;
        }
        // Sticky and open to all, as X servers want it.
        fs::create_dir(directory).map_err(InteropError::io(doing()))?;
        fs::set_permissions(directory, Permissions::from_mode(0o1777))
            .map_err(InteropError::io(doing()))?;
    }
    let mount = sandbox.command("mount").arg("--bind").arg(own).arg(SOCKETS);
    mount.run()?.success().map(drop)
}

/// Waits until the server tells its number.
fn display_number(server: &mut Running) -> Result<u32, InteropError> {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        let said = server.stdout_text();
        if said.ends_with('\n')
            && let Ok(number) = said.trim().parse()
        {
            return Ok(number);
        }
        if !server.is_running() || Instant::now() > deadline {
            return Err(InteropError::TimedOut {
                what: "Xvfb's start".to_owned(),
                after: START_TIMEOUT,
                details: server.printed(),
            });
        }
        thread::sleep(Duration::from_millis(5));
    }
}
