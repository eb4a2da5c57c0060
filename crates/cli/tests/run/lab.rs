//! A directory with a card image in it, and programs that run with that card.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common;

pub use crate::common::{assert_code, assert_plain_error, stderr, stdout};

pub const KORTLAB: &str = env!("CARGO_BIN_EXE_kortlab");

/// The PINs for Legitimering and for Underskrift.
pub const AUTH: &str = "123456";
pub const SIGN: &str = "654321";

/// A directory with at most one card in it, `card.json`, and one for the sockets.
pub struct Lab {
    lab: common::Lab,
    runtime: TempDir,
}

impl Lab {
    pub fn new(state: &str) -> Self {
        Self::with(&["--state", state])
    }

    pub fn with(options: &[&str]) -> Self {
        Self {
            lab: common::Lab::with(options),
            runtime: tempfile::tempdir().expect("a directory"),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.lab.path(name)
    }

    pub fn write(&self, name: &str, contents: &[u8]) {
        fs::write(self.path(name), contents).expect("written");
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect(name)
    }

    /// A second card, in `other.json`.
    pub fn other_card(&self) {
        let new = ["card", "new", "-o", "other.json", "--seed", "2"];
        assert_code(&self.kortlab(&new).output().expect("kortlab runs"), 0);
    }

    /// `kortlab` as a user without a PC/SC service starts it.
    pub fn kortlab(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = self.started(KORTLAB);
        command.args(arguments);
        command
    }

    /// Another program as that user starts it.
    pub fn started(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path(""))
            .env("XDG_RUNTIME_DIR", self.runtime.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("HOME", self.path(""))
            .env("OPENSC_CONF", self.path("opensc.conf"))
            .env("AUTH", AUTH)
            .env("SIGN", SIGN)
            .env_remove("KORTLAB_CARD")
            .env_remove("PCSCLITE_CSOCK_NAME")
            .stdin(Stdio::null());
        command
    }

    /// `kortlab run OPTIONS card.json -- PROGRAM`.
    pub fn run_with(&self, options: &[&str], program: &[&str]) -> Output {
        let command = [&["run"], options, &["card.json", "--"], program].concat();
        finish(self.kortlab(&command))
    }

    /// `kortlab run card.json -- PROGRAM`.
    pub fn run(&self, program: &[&str]) -> Output {
        self.run_with(&[], program)
    }

    /// The same of a program that succeeds: what it prints.
    #[track_caller]
    pub fn ran(&self, program: &[&str]) -> String {
        let output = self.run(program);
        let text = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(0), "{program:?}: {text}");
        text
    }

    /// What is in the directory of the sockets.
    pub fn sockets(&self) -> Vec<String> {
        let entries = fs::read_dir(self.runtime.path().join("kortlab"));
        let entries = entries.into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }

    pub fn socket_of(&self, process: &Child) -> PathBuf {
        self.runtime
            .path()
            .join(format!("kortlab/run-{}", process.id()))
    }

    pub fn runtime(&self) -> &Path {
        self.runtime.path()
    }
}

/// Runs a command to its end, which must come.
#[track_caller]
pub fn finish(mut command: Command) -> Output {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = child.expect("it starts; run: cargo xtask test");
    let id = child.id().to_string();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output()));
    match told.recv_timeout(Duration::from_secs(120)) {
        Ok(output) => output.expect("an end"),
        Err(_) => {
            let _ = Command::new("kill").args(["-9", &id]).status();
            panic!("{command:?} does not end");
        }
    }
}

/// Waits until something is so.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "still not: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn signal(signal: &str, process: u32) {
    let status = Command::new("kill")
        .args(["-s", signal, &process.to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}

/// Whether a process runs, dead ones apart that nobody has asked after.
pub fn runs(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .trim_start()
        .chars()
        .next();
    state.is_some_and(|state| state != 'Z')
}
