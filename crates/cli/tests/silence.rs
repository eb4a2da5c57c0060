//! Cards that do not answer, and commands that end all the same.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const KORTLAB: &str = env!("CARGO_BIN_EXE_kortlab");

fn kortlab(directory: &Path, arguments: &[&str]) -> Command {
    // A shell that has started the tests in the background has them ignore SIGINT, and all that they
    // start.
    let mut command = Command::new("env");
    command
        .args(["--default-signal=INT,TERM", KORTLAB])
        .args(arguments)
        .current_dir(directory)
        .env("XDG_STATE_HOME", directory.join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

fn ended_within(child: &mut Child, limit: Duration) -> Option<i32> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    panic!("it did not end within {limit:?}");
}

#[test]
fn a_card_that_takes_too_long_is_called_silent_and_a_signal_ends_it_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let made = kortlab(directory, &["card", "new", "-o", "card.json"]).output();
    assert!(made.unwrap().status.success());
    for name in ["-INT", "-TERM"] {
        let slow = [
            "--fault",
            "delay:ms=60000,ins=A4",
            "emulate",
            "--socket",
            "card.socket",
            "card.json",
        ];
        let mut card = kortlab(directory, &slow).spawn().unwrap();
        while !directory.join("card.socket").exists() {
            assert!(card.try_wait().unwrap().is_none());
            thread::sleep(Duration::from_millis(20));
        }
        let begun = Instant::now();
        let asked = ["--card", "socket:card.socket", "--timeout", "1", "info"];
        let output = kortlab(directory, &asked).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("the card does not answer"), "{said}");
        assert!(!said.contains("another program holds"), "{said}");
        assert!(begun.elapsed() < Duration::from_secs(20));

        // A command that waits for it ends at once, and so does the card, which still computes.
        let asked = ["--card", "socket:card.socket", "info"];
        let mut waiting = kortlab(directory, &asked).spawn().unwrap();
        thread::sleep(Duration::from_millis(300));
        signal(&waiting, name);
        ended_within(&mut waiting, Duration::from_secs(3));
        signal(&card, name);
        assert_eq!(ended_within(&mut card, Duration::from_secs(5)), Some(0));
        let _ = std::fs::remove_file(directory.join("card.socket"));
    }
}
