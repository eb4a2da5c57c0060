//! What `--json` says of a failure: one document, whatever the exit code.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Output;

use common::{Lab, assert_code, stderr};
use serde_json::Value;

/// The error of a command's only document.
#[track_caller]
fn error(output: &Output, code: i32) -> Value {
    assert_code(output, code);
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let error = document["error"].clone();
    assert_eq!(error["exit_code"], code, "{document}");
    let message = error["message"].as_str().expect("a message");
    assert!(!message.is_empty() && !message.contains('\n'), "{message}");
    // People are told the same.
    let text = stderr(output);
    assert!(text.contains(message), "{text}: {message}");
    if let Some(hint) = error["hint"].as_str() {
        assert!(text.contains(hint), "{text}: {hint}");
    }
    error
}

#[test]
fn a_group_of_commands_alone_is_told_for_what_is_missing() {
    let lab = Lab::new("valid");
    for group in ["card", "pin", "cert", "trace", "fuzz", "ctl"] {
        for with_card in [true, false] {
            let mut command = lab.command(&["--json", group]);
            if !with_card {
                command.env_remove("KORTLAB_CARD");
            }
            let output = command.output().expect("kortlab runs");
            assert_code(&output, 2);
            let document: Value = serde_json::from_slice(&output.stdout).expect("one document");
            let message = document["error"]["message"].as_str().expect("a message");
            assert!(message.contains("subcommand"), "{group}: {message}");
        }
    }
}

#[test]
fn a_trace_that_cannot_be_written_is_in_the_document_beside_what_there_is_to_show() {
    let lab = Lab::new("valid");
    symlink("/dev/full", lab.path("full.apdu")).expect("a link");
    let traced = ["--json", "--trace", "full.apdu", "--ephemeral"];
    for (arguments, field) in [
        (&["info"][..], "label"),
        (&["atr"], "atr"),
        (&["tree"], "files"),
        (&["cert", "list"], "certificates"),
        (&["cert", "check"], "findings"),
        (&["cert", "read", "4331"], "pem"),
        (&["cert", "remove", "4333"], "done"),
        (&["key", "list"], "keys"),
        (
            &["key", "sign", "--key", "45", "--in", "card.json"],
            "signature",
        ),
        (&["pin", "status"], "pins"),
        (&["pin", "verify", "auth"], "done"),
        (&["apdu", "00A4000C023F00"], "exchanges"),
        (&["recover"], "outcome"),
        (&["diagnose"], "problems"),
        (&["dump", "-o", "copy.json", "--force"], "image"),
    ] {
        let output = lab.with_pins(&[&traced[..], arguments].concat());
        let error = error(&output, 1);
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains("full.apdu is not complete"), "{message}");
        let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
        assert!(!document[field].is_null(), "{arguments:?}: {document}");
    }
    // What failed before it is the error, and the trace is told of all the same.
    let output = lab.run(&[&traced[..], &["cert", "read", "9999"]].concat());
    assert_eq!(error(&output, 1)["kind"], "not-found");
    let text = stderr(&output);
    assert!(text.contains("full.apdu is not complete"), "{text}");
}

fn with_wrong_pin(lab: &Lab, arguments: &[&str]) -> Output {
    lab.command(&[&["--json"], arguments].concat())
        .args(["--auth-pin", "env:WRONG"])
        .env("WRONG", "000000")
        .output()
        .expect("kortlab runs")
}

#[test]
fn failures_of_every_exit_code_are_documents_with_a_stable_kind() {
    let lab = Lab::new("valid");
    let run = |arguments: &[&str]| lab.run(&[&["--json"], arguments].concat());
    let der = lab.run(&["cert", "read", "4331", "--der"]).stdout;
    fs::write(lab.path("one.der"), der).expect("written");
    for (arguments, code, kind) in [
        (&["-c", "none.json", "info"][..], 1, "file"),
        (&["cert", "read", "4399"], 1, "not-found"),
        (&["cert", "read", "9999", "--raw"], 1, "not-found"),
        (&["cert", "remove", "9999"], 1, "not-found"),
        (
            &["key", "sign", "--key", "99", "--in", "card.json"],
            1,
            "not-found",
        ),
        (&["cert", "write", "--key", "99", "one.der"], 1, "not-found"),
        (&["card", "new", "-o", "card.json"], 1, "file"),
        (
            &["renew", "--portal", "https://[::1]:1", "--yes"],
            1,
            "file",
        ),
        (&["card", "new", "-o", "card.txt"], 2, "usage"),
        (&["pin", "verify", "auth"], 2, "usage"),
        (
            &["pin", "verify", "auth", "--auth-pin", "123456"],
            2,
            "usage",
        ),
        (&["-c", "socket:none", "info"], 3, "no-reader"),
        (&["--fault", "tear:before-command=1", "info"], 3, "no-card"),
    ] {
        assert_eq!(error(&run(arguments), code)["kind"], kind, "{arguments:?}");
    }
    fs::write(lab.path("broken.json"), "{}").expect("written");
    let broken = error(&run(&["-c", "broken.json", "info"]), 1);
    assert_eq!(broken["kind"], "image");
    assert!(broken["hint"].is_string(), "{broken}");
    let blank = Lab::new("blank");
    let refused = error(&blank.run(&["--json", "key", "list"]), 5);
    assert_eq!(refused["kind"], "not-pkcs15");
}

#[test]
fn a_file_that_is_cut_or_something_else_is_refused_by_its_name_wherever_it_is_given() {
    let lab = Lab::new("valid");
    let der = lab.run(&["cert", "read", "4331", "--der"]).stdout;
    fs::write(lab.path("whole.der"), &der).expect("written");
    fs::write(lab.path("file"), &der[..der.len() / 2]).expect("written");
    fs::write(lab.path("broken"), [0x30, 3, 0x82, 0xFF, 0]).expect("written");
    let image = fs::read(lab.path("card.json")).expect("read");
    fs::write(lab.path("file.json"), &image[..image.len() / 2]).expect("written");
    let text = "00A4000C023F00\n".encode_utf16().flat_map(u16::to_le_bytes);
    fs::write(lab.path("script"), text.collect::<Vec<_>>()).expect("written");
    let renew = ["renew", "--portal", "https://[::1]:1", "--yes", "--ca"];
    let write = ["cert", "write", "--key", "45"];
    let revoke = [
        "admin",
        "--url",
        "http://127.0.0.1:1",
        "--token",
        "env:TOKEN",
        "revoke",
    ];
    for (arguments, name, said) in [
        (&["cert", "check", "--issuer", "file"][..], "file", "is cut"),
        (&["cert", "check", "--crl", "file"], "file", "is cut"),
        (
            &["cert", "check", "--issuer", "broken"],
            "broken",
            "outline",
        ),
        (
            &["cert", "check", "--crl", "broken"],
            "broken",
            "revocation list",
        ),
        (&[&write[..], &["file"]].concat(), "file", "is cut"),
        (&[&write[..], &["broken"]].concat(), "broken", "outline"),
        (
            &[&write[..], &["--issuer", "file", "whole.der"]].concat(),
            "file",
            "is cut",
        ),
        (&[&renew[..], &["file"]].concat(), "file", "is cut"),
        (&[&renew[..], &["broken"]].concat(), "broken", "outline"),
        (&[&revoke[..], &["file"]].concat(), "file", "is cut"),
        (&["-c", "file.json", "info"], "file.json", "is cut"),
        (&["apdu", "--script", "script"], "script", "UTF-16"),
        (&["apdu", "--script", "whole.der"], "whole.der", "no text"),
    ] {
        let mut command = lab.command(&[&["--json"], arguments].concat());
        let token = "00".repeat(32);
        let output = command.env("TOKEN", token).output().expect("kortlab runs");
        let error = error(&output, 1);
        let message = error["message"].as_str().expect("a message");
        let names =
            message.starts_with(&format!("{name}: ")) || message.starts_with(&format!("{name} "));
        assert!(names && message.contains(said), "{arguments:?}: {message}");
        assert!(error["hint"].is_string(), "{arguments:?}: {message}");
    }
}

#[test]
fn what_the_command_line_lacks_is_a_document_too_wherever_json_stands() {
    let lab = Lab::empty();
    for arguments in [
        &["--json"][..],
        &["--json", "frobnicate"],
        &["atr", "--frobnicate", "--json"],
        &["card", "new", "--json"],
        &["--json", "--card", "card.bin", "info"],
        &["--json", "--fault", "flip:bit=1", "info"],
    ] {
        let output = lab.run(arguments);
        assert_code(&output, 2);
        let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
        assert_eq!(document["error"]["kind"], "usage", "{arguments:?}");
        let message = document["error"]["message"].as_str().expect("a message");
        assert!(!message.starts_with("error"), "{message}");
        assert!(message.len() > 10, "{message}");
    }
    // What comes after `--` is not an option.
    let output = lab.run(&["man", "--", "--json"]);
    assert_code(&output, 2);
    assert_eq!(output.stdout, b"");
}

#[test]
fn a_wrong_pin_tells_its_tries_and_the_status_word_and_a_blocked_one_none() {
    let lab = Lab::new("valid");
    for tries in [2, 1, 0] {
        let wrong = error(&with_wrong_pin(&lab, &["pin", "verify", "auth"]), 4);
        assert_eq!(wrong["tries_left"], tries, "{wrong}");
        if tries > 0 {
            assert_eq!(wrong["kind"], "pin-wrong");
            assert_eq!(wrong["status_word"], format!("63C{tries}"));
        }
    }
    let blocked = error(&with_wrong_pin(&lab, &["pin", "verify", "auth"]), 4);
    assert_eq!(blocked["kind"], "pin-blocked");
    assert_eq!(blocked["tries_left"], 0);
}

#[test]
fn an_interrupted_change_is_told_with_what_to_do() {
    let lab = Lab::new("valid");
    let torn = [
        "--json",
        "--fault",
        "tear:after-bytes=20",
        "cert",
        "remove",
        "4333",
    ];
    let torn = error(&lab.with_pins(&torn), 7);
    assert_eq!(torn["kind"], "unfinished");
    let hint = torn["hint"].as_str().expect("a hint");
    assert!(hint.contains("kortlab recover"), "{hint}");
}

#[test]
fn what_was_answered_before_a_failure_is_in_the_same_document() {
    let lab = Lab::new("valid");
    let output = lab.run(&["--json", "apdu", "00A4000C023F00=9000", "00B0000001=9000"]);
    error(&output, 1);
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let answered = document["exchanges"].as_array().expect("a list");
    assert_eq!(answered.len(), 2);
    assert_eq!(answered[0]["sw"], "9000");
}

#[test]
fn findings_and_success_are_no_failures() {
    let lab = Lab::new("expired");
    let output = lab.run(&["--json", "cert", "check"]);
    assert_code(&output, 6);
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert!(document["error"].is_null(), "{document}");
    assert_eq!(document["findings"], 2);
    assert!(lab.json(&["info"])["error"].is_null());
}

#[test]
fn what_is_wrong_with_a_file_or_an_atr_is_told_with_its_code_and_place() {
    let lab = Lab::new("valid");
    let problems = |arguments: &[&str], code| {
        let output = lab.run(&[&["--json"], arguments].concat());
        let error = error(&output, code);
        let problems = error["problems"].as_array().cloned();
        let problems = problems.unwrap_or_else(|| panic!("{arguments:?}: {error}"));
        for problem in &problems {
            for field in ["severity", "code", "file", "message", "next_step"] {
                assert!(problem[field].is_string(), "{field}: {problem}");
            }
        }
        problems
    };
    let atr = problems(&["atr", "3B"], 1);
    assert_eq!(atr[0]["code"], "truncated");
    assert_eq!(atr[0]["offset"], 0);

    fs::write(lab.path("x.crl"), [0x30, 0x03, 0x04, 0x01, 0xFF]).expect("written");
    let list = problems(&["cert", "check", "--crl", "x.crl"], 1);
    assert_eq!(list[0]["code"], "not-a-revocation-list");
    fs::write(lab.path("x.der"), [0x30, 0x03, 0x04, 0x01, 0xFF]).expect("written");
    let issuer = problems(&["cert", "check", "--issuer", "x.der"], 1);
    assert_eq!(issuer[0]["code"], "not-a-certificate");

    fs::write(
        lab.path("x.json"),
        r#"{"format": "card-image", "version": "x"}"#,
    )
    .expect("written");
    let image = problems(&["-c", "x.json", "info"], 1);
    assert_eq!(image[0]["code"], "image-syntax");
    assert!(
        image[0]["file"]
            .as_str()
            .is_some_and(|file| file.ends_with("x.json"))
    );
    assert!(
        image[0]["message"]
            .as_str()
            .is_some_and(|text| text.contains("line 1"))
    );
}

#[test]
fn every_kind_of_failure_is_in_the_document() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/json.md");
    let document = fs::read_to_string(path).expect("docs/json.md");
    for kind in [
        "failed",
        "file",
        "image",
        "image-in-use",
        "in-use",
        "storage",
        "portal",
        "usage",
        "program",
        "no-reader",
        "no-card",
        "pin-wrong",
        "pin-blocked",
        "pin-required",
        "refused",
        "nonsense",
        "card-full",
        "not-pkcs15",
        "not-found",
        "invalid",
        "unsupported",
        "interrupted",
        "link",
        "unfinished",
        "journal",
        "budget",
    ] {
        assert!(document.contains(&format!("`{kind}`")), "{kind}");
    }
}
