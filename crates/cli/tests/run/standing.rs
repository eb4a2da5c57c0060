//! `kortlab pcscd` with virtual cards.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use crate::common::Running;
use crate::lab::{Lab, assert_plain_error, finish, stderr};

/// A program that finds the service by this line.
fn with_line(lab: &Lab, line: &str, program: &str) -> String {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{line}\n{program}")])
        .current_dir(lab.path(""));
    let output = finish(command);
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        stderr(&output)
    );
    assert!(output.status.success(), "{program}: {text}");
    text
}

#[test]
fn the_line_it_prints_brings_programs_in_until_it_is_told_to_stop() {
    let lab = Lab::new("valid");
    let service = Running::start(lab.kortlab(&["pcscd", "card.json"]));
    let line = service.first_line().trim().to_owned();
    let socket = lab.runtime().join("kortlab/pcscd.comm");
    assert_eq!(
        line,
        format!("export PCSCLITE_CSOCK_NAME='{}'", socket.display())
    );
    let mode =
        |path: &std::path::Path| path.metadata().expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(&lab.runtime().join("kortlab")), 0o700);
    for _ in 0..2 {
        assert!(with_line(&lab, &line, "opensc-tool -n").contains("SetCOS"));
    }
    let second = finish(lab.kortlab(&["pcscd", "--ephemeral", "card.json"]));
    assert_plain_error(&second, 1);
    assert!(
        stderr(&second).contains("another service"),
        "{}",
        stderr(&second)
    );
    assert!(with_line(&lab, &line, "opensc-tool -n").contains("SetCOS"));
    assert_eq!(service.end_with("INT").code(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn a_socket_that_was_left_behind_is_replaced_and_a_path_may_look_as_it_likes() {
    let lab = Lab::new("valid");
    let pcscd = ["pcscd", "card.json", "--socket", "it's here"];
    Running::start(lab.kortlab(&pcscd)).kill();
    assert!(lab.path("it's here").exists());
    let service = Running::start(lab.kortlab(&pcscd));
    let line = service.first_line().trim().to_owned();
    assert!(with_line(&lab, &line, "opensc-tool -n").contains("SetCOS"));
    assert_eq!(service.end_with("TERM").code(), Some(0));
}

#[test]
fn as_json_it_names_socket_variable_and_readers() {
    let lab = Lab::new("valid");
    let service = Running::start(lab.kortlab(&["--json", "pcscd", "card.json"]));
    let line: Value = serde_json::from_str(service.first_line()).expect("a document");
    assert_eq!(line["event"], "listening");
    assert_eq!(line["variable"], "PCSCLITE_CSOCK_NAME");
    assert_eq!(line["readers"][0]["reader"], "Kortlab 00 00");
    assert_eq!(line["readers"][0]["image"], "card.json");
    assert!(
        line["socket"]
            .as_str()
            .is_some_and(|path| path.ends_with("pcscd.comm"))
    );
    assert_eq!(service.end_with("INT").code(), Some(0));
}
