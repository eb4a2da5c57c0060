//! How many commands each command sends to a card, so that none asks twice for what it knows.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::Command;

const KORTLAB: &str = env!("CARGO_BIN_EXE_kortlab");

/// Runs it on a card image with a trace; gives the commands of the trace.
fn sent(directory: &Path, arguments: &[&str]) -> Vec<String> {
    let trace = directory.join("trace.apdu");
    let _ = fs::remove_file(&trace);
    let output = Command::new(KORTLAB)
        .args(["--card", "card.json", "--trace", "trace.apdu"])
        .args(["--auth-pin", "env:AUTH"])
        .args(arguments)
        .current_dir(directory)
        .env("AUTH", "123456")
        .env("XDG_STATE_HOME", directory.join("state"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    let text = fs::read_to_string(trace).unwrap();
    let is_command = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.lines().filter(is_command).map(str::to_owned).collect()
}

fn card(directory: &Path, protocol: &str) {
    let made = Command::new(KORTLAB)
        .args(["card", "new", "-o", "card.json", "--force", "--seed", "1"])
        .args(["--state", "valid", "--protocol", protocol])
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(made.status.success());
}

#[test]
fn no_command_sends_more_than_it_needs() {
    // Over T=0 each block of 256 bytes is a command, and each description of a file another one, as
    // in most readers. On this card OpenSC's pkcs15-tool sends 71 with -D, 19 with --list-pins and 61
    // with -c.
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    card(directory, "t0");
    for (arguments, most) in [
        (&["info"][..], 79),
        // Four of them ask by which PINs the keys are used, as OpenSC does not.
        (&["pin", "status"], 26),
        (&["cert", "list"], 71),
        // Six of them look for files that no directory names, and four ask what the files of the keys
        // are.
        (&["cert", "check"], 81),
        (&["pin", "verify", "auth"], 42),
        (&["key", "list"], 39),
        (&["cert", "read", "4334", "--der", "--out", "x.der"], 72),
        // Nine look for what else may name the file, in other applications and directories, and the last
        // looks whether it is gone.
        (&["cert", "remove", "4334"], 93),
        (&["cert", "write", "x.der", "--key", "46"], 92),
    ] {
        let sent = sent(directory, arguments);
        assert!(
            sent.len() <= most,
            "{arguments:?}: {} of {most}",
            sent.len()
        );
    }
}

#[test]
fn a_command_that_only_reads_reads_no_part_of_a_file_twice() {
    for protocol in ["t0", "t1"] {
        let directory = tempfile::tempdir().unwrap();
        card(directory.path(), protocol);
        for arguments in [&["info"][..], &["cert", "list"], &["pin", "status"]] {
            let mut file = String::new();
            let mut seen = Vec::new();
            for command in sent(directory.path(), arguments) {
                let command = command.replace(' ', "");
                if command.starts_with("00A4") {
                    file = command;
                } else if command.starts_with("00B0") {
                    let part = format!("{} {file}", &command[..8]);
                    assert!(!seen.contains(&part), "{arguments:?}: {part}");
                    seen.push(part);
                }
            }
            assert!(seen.len() > 3, "{arguments:?}: {seen:?}");
        }
    }
}
