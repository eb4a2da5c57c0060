//! `kortlab` in a directory of its own, with a card image in it.

// Each test program uses a part of this.
#![allow(dead_code)]

#[allow(clippy::unwrap_used, clippy::panic)]
pub mod broken;
pub mod operations;
#[cfg(feature = "portal")]
pub mod portal;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A directory with at most one card in it, `card.json`.
pub struct Lab {
    directory: TempDir,
}

impl Lab {
    /// An empty directory.
    pub fn empty() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    /// A directory with a card in this state.
    pub fn new(state: &str) -> Self {
        Self::with(&["--state", state])
    }

    /// A directory with a card made with these options.
    pub fn with(options: &[&str]) -> Self {
        let lab = Self::empty();
        let new = ["card", "new", "-o", "card.json", "--seed", "1"];
        assert_code(&lab.run(&[&new, options].concat()), 0);
        lab
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The bytes of the card image.
    pub fn image(&self) -> Vec<u8> {
        fs::read(self.path("card.json")).expect("an image")
    }

    /// `kortlab` on the card, with no terminal anywhere.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kortlab"));
        command
            .args(arguments)
            .current_dir(self.directory())
            .env("KORTLAB_CARD", "card.json")
            .env("XDG_STATE_HOME", self.path("state"))
            // A proxy of the machine is nobody's way to a server of a test.
            .env("NO_PROXY", "127.0.0.1")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("COLUMNS")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("kortlab runs")
    }

    /// `kortlab` with the right PINs.
    pub fn with_pins(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .args(["--auth-pin", "env:AUTH", "--sign-pin", "env:SIGN"])
            .env("AUTH", "123456")
            .env("SIGN", "654321")
            .output()
            .expect("kortlab runs")
    }

    /// The JSON document of a command that succeeds.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        assert_code(&output, 0);
        serde_json::from_slice(&output.stdout).expect("one JSON document")
    }

    /// What OpenSSL prints, on either stream; it must succeed.
    #[track_caller]
    pub fn openssl(&self, arguments: &[&str]) -> String {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(self.directory())
            .output()
            .expect("openssl runs; run: cargo xtask test");
        let text = format!("{}{}", stdout(&output), stderr(&output));
        assert!(output.status.success(), "openssl {arguments:?}: {text}");
        text
    }

    /// The card on the socket `card.socket`.
    pub fn emulate_on_socket(&self) -> Running {
        self.emulate(&[])
    }

    /// The same with more options.
    pub fn emulate(&self, options: &[&str]) -> Running {
        let emulate = ["emulate", "card.json", "--socket", "card.socket"];
        Running::emulation(self.command(&[&emulate, options].concat()))
    }

    /// The card on its way to a reader.
    pub fn emulate_for_a_reader(&self, address: &str) -> Running {
        Running::emulation(self.command(&["emulate", "card.json", "--vpcd", address]))
    }
}

/// A running `kortlab` that has told its first news.
pub struct Running {
    process: Child,
    news: String,
}

impl Running {
    /// Starts it, and waits for its first line on standard output.
    pub fn start(mut command: Command) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("kortlab runs");
        let mut output = BufReader::new(process.stdout.take().expect("piped"));
        let mut news = String::new();
        output.read_line(&mut news).expect("a line");
        // Read on, so that what follows does not meet a closed pipe.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Self { process, news }
    }

    fn emulation(command: Command) -> Self {
        let emulation = Self::start(command);
        let news = emulation.first_line();
        assert!(news.starts_with("card.json: "), "{news}");
        emulation
    }

    /// The first line it printed.
    pub fn first_line(&self) -> &str {
        &self.news
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it as kill -9 does.
    pub fn kill(mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("ended");
    }

    /// Sends a signal and waits for the end.
    pub fn end_with(mut self, signal: &str) -> ExitStatus {
        let status = Command::new("kill")
            .args(["-s", signal, &self.process.id().to_string()])
            .status();
        assert!(status.expect("kill runs").success());
        self.process.wait().expect("ended")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed before must leave nothing running.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address on which nobody listens.
pub fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

#[track_caller]
pub fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", stderr(output));
}

/// A failure says `error: …` on its first line and nothing that looks like Rust.
#[track_caller]
pub fn assert_plain_error(output: &Output, code: i32) {
    assert_code(output, code);
    let text = stderr(output);
    assert!(text.starts_with("error: "), "{text}");
    for debris in ["panicked", "RUST_BACKTRACE", "Err(", "Some(", "{ "] {
        assert!(!text.contains(debris), "{text}");
    }
}
