//! `card new` with one's own key and certificates: what it says, and what it refuses before anything
//! is written.

mod common;

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use common::Lab;

const WORDS: &str = "hemliga ord";

fn openssl(lab: &Lab, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .env("WORDS", WORDS)
        .current_dir(lab.directory())
        .output()
        .expect("openssl is missing; run: cargo xtask test");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {text}");
}

/// A self-signed certificate with its key, in PEM and PKCS#12.
fn files(usage: &str) -> Lab {
    let lab = Lab::empty();
    openssl(
        &lab,
        &format!(
            "req -x509 -newkey rsa:1024 -nodes -keyout me.key -out me.pem -days 30 -subj /CN=TEST-me -addext keyUsage={usage}"
        ),
    );
    openssl(
        &lab,
        "pkcs12 -export -inkey me.key -in me.pem -out me.p12 -passout env:WORDS",
    );
    lab
}

fn new(lab: &Lab, arguments: &[&str]) -> Output {
    let mut command = lab.command(&["card", "new", "-o", "mine.json", "--seed", "1"]);
    command.args(arguments).env("WORDS", WORDS);
    command.output().expect("kortlab runs")
}

#[track_caller]
fn assert_refused(lab: &Lab, arguments: &[&str], code: i32, said: &[&str]) {
    let output = new(lab, arguments);
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    for part in said {
        assert!(text.contains(part), "{arguments:?}: {text}");
    }
    assert!(
        !text.contains(WORDS) && !text.contains("panicked"),
        "{text}"
    );
    assert!(!lab.path("mine.json").exists(), "{arguments:?}");
}

#[test]
fn a_passphrase_comes_from_a_source_and_never_from_the_command_line() {
    let lab = files("digitalSignature");
    fs::write(lab.path("wrong"), "andra ord\n").expect("written");
    let p12 = ["--p12", "me.p12"];
    let refused = |source: &[&str], code, said: &[&str]| {
        assert_refused(&lab, &[&p12[..], source].concat(), code, said);
    };
    refused(
        &["--passphrase", WORDS],
        2,
        &["not a passphrase source", "never the passphrase itself"],
    );
    refused(&[], 2, &["there is no terminal to ask on", "--passphrase"]);
    refused(
        &["--passphrase", "file:wrong"],
        1,
        &["the passphrase is wrong", "me.p12"],
    );
    refused(&["--passphrase", "env:NOT_SET"], 2, &["NOT_SET"]);
    refused(&["--passphrase", "file:/dev/zero"], 2, &["longer than"]);
}

#[test]
fn what_makes_no_card_is_refused_with_a_next_step_and_nothing_is_written() {
    let lab = files("digitalSignature,nonRepudiation");
    openssl(
        &lab,
        "req -x509 -newkey rsa:1024 -nodes -keyout other.key -out other.pem -subj /CN=TEST-other",
    );
    openssl(
        &lab,
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.key",
    );
    let cases: [(&[&str], i32, &[&str]); 9] = [
        (
            &["--key", "me.key", "--cert", "me.pem"],
            2,
            &["TEST-me", "--role"],
        ),
        (
            &["--key", "me.key", "--cert", "other.pem"],
            1,
            &["do not belong together", "TEST-other"],
        ),
        (
            &["--key", "ec.key", "--cert", "me.pem"],
            1,
            &["an EC key: RSA only until EC keys come"],
        ),
        (
            &["--key", "me.pem", "--cert", "me.pem"],
            1,
            &["no private key"],
        ),
        (&["--key", "me.key", "--cert", "me.key"], 1, &["me.key"]),
        (&["--key", "me.key"], 2, &["--cert"]),
        (&["--p12", "me.pem"], 1, &["PKCS#12"]),
        (&["--p12", "nowhere.p12"], 1, &["nowhere.p12"]),
        (&["--role", "auth"], 2, &["--p12 or --key"]),
    ];
    for (arguments, code, said) in cases {
        assert_refused(&lab, arguments, code, said);
    }
    // What was cut or is something else is called so, by the name of its file.
    openssl(&lab, "x509 -in me.pem -outform DER -out me.der");
    openssl(&lab, "rsa -in me.key -outform DER -out key.der");
    for name in ["me.der", "key.der", "me.p12"] {
        let whole = fs::read(lab.path(name)).expect("read");
        fs::write(lab.path(&format!("cut-{name}")), &whole[..whole.len() / 2]).expect("written");
    }
    let both = ["--key", "me.key", "--cert"];
    for (arguments, said) in [
        (
            &[&both[..], &["cut-me.der"]].concat()[..],
            "error: cut-me.der: the file is cut",
        ),
        (
            &[&both[..], &["me.pem", "--chain", "cut-me.der"]].concat(),
            "error: cut-me.der: the file is cut",
        ),
        (
            &["--key", "cut-key.der", "--cert", "me.pem"],
            "error: cut-key.der: the file is cut",
        ),
        (
            &["--key", "me.p12", "--cert", "me.pem"],
            "error: me.p12: this is PKCS#12",
        ),
        (
            &["--p12", "cut-me.p12", "--passphrase", "env:WORDS"],
            "error: cut-me.p12: the file is cut",
        ),
        (&["--p12", "me.key"], "error: me.key: this is a private key"),
    ] {
        assert_refused(&lab, arguments, 1, &[said, "hint: "]);
    }
    for other in [
        ["--state", "valid"],
        ["--date", "2026-11-24"],
        ["--ca-dir", "ca"],
    ] {
        let arguments = [
            &["--p12", "me.p12", "--passphrase", "env:WORDS"][..],
            &other,
        ]
        .concat();
        assert_refused(&lab, &arguments, 2, &["cannot be used with"]);
    }
}

#[test]
fn the_card_that_was_made_is_told_as_json_and_signs_with_ones_own_key() {
    let lab = files("digitalSignature,nonRepudiation");
    let arguments = [
        "--p12",
        "me.p12",
        "--passphrase",
        "env:WORDS",
        "--role",
        "sign",
        "--json",
    ];
    let output = new(&lab, &arguments);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(made["state"], "own");
    assert_eq!(made["holder"], "TEST-me");
    assert_eq!(made["certificates"][0]["id"], "46");
    assert_eq!(made["certificates"][0]["label"], "TEST-me");
    assert_eq!(made["certificates"][0]["authority"], false);
    assert!(made.get("warnings").is_none());

    fs::write(lab.path("text"), "mitt eget").expect("written");
    let sign = [
        "-c",
        "mine.json",
        "key",
        "sign",
        "--key",
        "46",
        "--in",
        "text",
        "--out",
        "signature",
    ];
    let signed = lab.with_pins(&sign);
    assert!(
        signed.status.success(),
        "{}",
        String::from_utf8_lossy(&signed.stderr)
    );
    openssl(&lab, "x509 -in me.pem -noout -pubkey -out public.pem");
    openssl(
        &lab,
        "dgst -sha256 -verify public.pem -signature signature text",
    );
}
