//! The PIN pad: OpenSC has a PIN typed on it, and never sees it.

use std::fs;
use std::process::{Child, Output, Stdio};

use serde_json::json;

use crate::door::Client;
use crate::lab::{AUTH, Lab, assert_code, assert_plain_error, stderr, stdout, until};

/// A PIN whose digits are nowhere else on the card.
const PIN: &str = "739184";
/// The same as it is sent, and as a log or a trace may show it.
const SHOWN: [&str; 3] = [PIN, "373339313834", "37 33 39 31 38 34"];

/// A program with a PIN pad, and a trace of what it does.
struct Run {
    program: Child,
    client: Client,
}

impl Run {
    fn start(lab: &Lab, program: &[&str]) -> Self {
        let _ = fs::remove_file(lab.path("door"));
        let options = ["run", "--pin-pad", "--control", "door", "--trace", "t.apdu"];
        let arguments = [&options[..], &["card.json", "--"], program].concat();
        let mut command = lab.kortlab(&arguments);
        command
            .env_remove("AUTH")
            .env_remove("SIGN")
            .env("OPENSC_DEBUG", "9")
            .stdout(file(lab, "stdout"))
            .stderr(file(lab, "stderr"));
        let program = command.spawn().expect("kortlab runs");
        until("the door is open", || lab.path("door").exists());
        Self {
            client: Client::new(&lab.path("door")),
            program,
        }
    }

    fn press(&mut self, what: serde_json::Value) {
        let mut request = what;
        request["do"] = json!("press");
        let answer = self.client.ask(&request);
        assert!(answer["error"].is_null(), "{answer}");
    }

    fn end(mut self, lab: &Lab) -> Output {
        Output {
            status: self.program.wait().expect("an end"),
            stdout: lab.read("stdout"),
            stderr: lab.read("stderr"),
        }
    }
}

/// A file for what a program says, which is more than a pipe holds.
fn file(lab: &Lab, name: &str) -> Stdio {
    fs::File::create(lab.path(name)).expect("a file").into()
}

#[track_caller]
fn assert_not_shown(lab: &Lab, output: &Output) {
    let trace = fs::read_to_string(lab.path("t.apdu")).expect("a trace");
    assert!(trace.contains("# Not shown: "), "{trace}");
    for shown in SHOWN {
        let places = [
            ("output", stdout(output)),
            ("log", stderr(output)),
            ("trace", trace.clone()),
        ];
        for (place, text) in &places {
            let line = text.lines().find(|line| line.contains(shown));
            assert_eq!(line, None, "in the {place}");
        }
    }
}

#[test]
fn pkcs11_tool_logs_in_and_tests_the_keys_with_a_pin_that_it_never_has() {
    let lab = Lab::new("valid");
    let change = ["-c", "card.json", "pin", "change", "auth"];
    let mut change = lab.kortlab(&change);
    change.args(["--auth-pin", "env:AUTH", "--new-pin", "env:KEYED"]);
    assert_code(&change.env("KEYED", PIN).output().expect("kortlab runs"), 0);
    let test = ["pkcs11-tool", "--login", "--test", "--slot", "0"];
    let mut run = Run::start(&lab, &test);
    until("it asks", || {
        run.client.done(&json!({"do": "state"}))["pin_pad"] == "pin"
    });
    run.press(json!({"pin": PIN}));
    let output = run.end(&lab);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("No errors"), "{}", stdout(&output));
    assert_not_shown(&lab, &output);
}

#[test]
fn a_pin_is_verified_changed_refused_and_cancelled() {
    let lab = Lab::new("valid");
    let verify = ["pkcs15-tool", "--verify-pin", "--auth-id", "01"];
    let mut run = Run::start(&lab, &verify);
    run.press(json!({"pin": "999999"}));
    assert_ne!(run.end(&lab).status.code(), Some(0));
    let mut run = Run::start(&lab, &verify);
    run.press(json!({"pin": AUTH}));
    assert_eq!(run.end(&lab).status.code(), Some(0));
    let mut run = Run::start(&lab, &verify);
    run.press(json!({"key": "cancel"}));
    assert_ne!(run.end(&lab).status.code(), Some(0));

    let change = ["pkcs15-tool", "--change-pin", "--auth-id", "01"];
    let mut run = Run::start(&lab, &change);
    for pin in [AUTH, PIN, PIN] {
        run.press(json!({"pin": pin}));
    }
    let output = run.end(&lab);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_not_shown(&lab, &output);
    let with = |pin| {
        let mut verify = lab.kortlab(&["-c", "card.json", "pin", "verify", "auth"]);
        verify.args(["--auth-pin", "env:KEYED"]).env("KEYED", pin);
        verify.output().expect("kortlab runs").status.code()
    };
    assert_eq!(with(AUTH), Some(4));
    assert_eq!(with(PIN), Some(0));
}

/// A press can be what lets the program end, and with it the door.
#[test]
fn whoever_presses_is_answered_also_when_the_program_has_ended() {
    let lab = Lab::new("valid");
    let mut run = Run::start(&lab, &["sleep", "0.7"]);
    let press = json!({"do": "press", "key": "cancel", "wait": 1});
    let kind = run.client.refused(&press);
    assert_eq!(kind, "not-asked");
    assert_eq!(run.end(&lab).status.code(), Some(0));
}

#[test]
fn keys_that_nobody_asks_for_and_readers_without_a_pad_are_told() {
    let lab = Lab::new("valid");
    let script = |options: &[&str], ctl: &str| lab.run_with(options, &["sh", "-c", ctl]);
    let ctl = format!("{} ctl press", crate::lab::KORTLAB);
    let output = script(&["--pin-pad"], &format!("{ctl} --wait 0 cancel"));
    assert_plain_error(&output, 1);
    assert_plain_error(&script(&[], &format!("{ctl} cancel")), 1);
    assert_plain_error(&script(&["--pin-pad"], &format!("{ctl} --pin 918273")), 2);
    // A PIN that was typed as an argument by mistake is not repeated.
    for mistake in ["--pin 918273", "--pin env:LETTERS", "918273"] {
        let output = script(&["--pin-pad"], &format!("LETTERS=918273x {ctl} {mistake}"));
        assert_eq!(output.status.code(), Some(2), "{mistake}");
        assert!(
            mistake == "918273" || !stderr(&output).contains("918273"),
            "{}",
            stderr(&output)
        );
    }
}
