//! What a card says when the directory of the application, or the file of a key, is selected.

use serde_json::{Value, json};

use crate::bench::*;
use crate::common::{Lab, assert_code, stderr};

/// What the card answers to SELECT of this file, whatever is asked.
fn answer_select(lab: &Lab, fid: &str, status: &str) {
    change_file(lab, fid, |file| {
        file["recorded"] = json!({ "select": status })
    });
}

/// What every command says that looks at the directories, each with its exit code.
fn said_by_all(lab: &Lab) -> Vec<(Value, i32)> {
    let commands: [&[&str]; 4] = [
        &["info"],
        &["pin", "status"],
        &["cert", "check", "--date", DAY],
        &["diagnose", "--date", DAY],
    ];
    commands.iter().map(|command| run(lab, command)).collect()
}

#[test]
fn a_directory_of_the_application_that_warns_is_a_finding() {
    for status in [
        "6281", "6283", "6284", "6285", "62F1", "6300", "6310", "63C2",
    ] {
        let lab = valid();
        answer_select(&lab, "5015", status);
        for (document, exit) in said_by_all(&lab) {
            let found = problem(&document, "selected-with-warning");
            assert_eq!(
                (&found["path"], exit),
                (&json!("3F005015"), 6),
                "{status}: {document:#}"
            );
        }
    }
}

#[test]
fn a_directory_of_the_application_that_cannot_be_selected_is_an_error_and_is_blamed() {
    for status in ["6A88", "6982", "6985", "6F00"] {
        let lab = valid();
        answer_select(&lab, "5015", status);
        for (document, exit) in said_by_all(&lab) {
            let problems = document["problems"].as_array().expect("problems");
            let found = problems
                .iter()
                .any(|one| one["path"] == "3F005015" && one["severity"] == "error");
            assert!(found && exit == 6, "{status}: {document:#}");
        }
        let text = stderr(&lab.with_pins(&["pin", "verify", "auth"]));
        assert!(text.contains("3F00/5015"), "{text}");
        assert!(!text.contains("EF(AODF) is wrong"), "{text}");
    }
    // A card that selects no directories is another thing.
    for status in ["6A81", "6A86", "6D00"] {
        let lab = valid();
        answer_select(&lab, "5015", status);
        let (document, exit) = check(&lab, &[]);
        assert_eq!(
            (codes(&document), exit),
            (Vec::new(), 0),
            "{status}: {document:#}"
        );
    }
}

#[test]
fn a_name_of_the_application_that_is_not_what_ef_dir_says_is_a_finding() {
    let lab = valid();
    change_file(&lab, "5015", |file| {
        file["name"] = "A000000063504B43532D3136".into()
    });
    for command in [&["info"][..], &["cert", "check", "--date", DAY]] {
        let (document, exit) = run(&lab, command);
        let found = problem(&document, "application-not-listed");
        assert_eq!((&found["file"], exit), (&json!("EF.DIR"), 6), "{found:#}");
    }
    // The AID may be the first part of the name (ISO/IEC 7816-4 §8.2.1.2).
    let lab = valid();
    change_file(&lab, "5015", |file| {
        file["name"] = "A000000063504B43532D313501".into()
    });
    let (document, exit) = check(&lab, &[]);
    assert_eq!((codes(&document), exit), (Vec::new(), 0), "{document:#}");
}

#[test]
fn a_key_file_that_cannot_be_selected_is_a_finding_unless_the_card_only_forbids_it() {
    for (status, severity) in [
        ("6A88", "warning"),
        ("6F00", "warning"),
        ("6581", "warning"),
        ("6982", "note"),
        ("6985", "note"),
        ("6D00", "note"),
    ] {
        let lab = valid();
        answer_select(&lab, KEY, status);
        let (document, exit) = check(&lab, &[]);
        let found = problem(&document, "file-unreadable");
        assert_eq!(found["path"], "3F0050154B01", "{found:#}");
        assert_eq!(found["severity"], severity, "{status}: {found:#}");
        assert_eq!(exit, if severity == "note" { 0 } else { 6 }, "{status}");
    }
}

#[test]
fn a_pin_that_the_card_says_is_no_pin_of_the_holder_is_not_taken_for_another() {
    const AODF: &str = "4401";
    // soPin and unblockingPin (PKCS#15 §6.8.2) among the flags of the first PIN or the second.
    for second in [false, true] {
        for (flags, what) in [("0302004D", "security officer"), ("0302014E", "PUK")] {
            let lab = valid();
            change_data(&lab, AODF, |bytes| {
                let usual = [0x03, 0x02, 0x02, 0x4C];
                let at = |from: usize| {
                    let found = bytes[from..].windows(4).position(|part| part == usual);
                    from + found.expect("flags of a PIN")
                };
                let first = at(0);
                let place = if second { at(first + 4) } else { first };
                bytes[place..place + 4].copy_from_slice(&hex::decode(flags).expect("flags"));
            });
            let key = if second { "46" } else { "45" };
            for command in [
                &["info"][..],
                &["cert", "check", "--date", DAY],
                &["diagnose", "--date", DAY],
                &["pin", "status"],
            ] {
                let (document, exit) = run(&lab, command);
                let found = problem(&document, "no-such-pin");
                assert_eq!(
                    (&found["object"]["id"], exit),
                    (&json!(key), 6),
                    "{found:#}"
                );
                let message = found["message"].as_str().expect("a message");
                assert!(message.contains(what), "{message}");
            }
            // Nor is the other one said to be for the key, or for both.
            let (keys, _) = run(&lab, &["key", "list"]);
            for listed in keys["keys"].as_array().expect("keys") {
                let own = if listed["id"] == "45" { "auth" } else { "sign" };
                let expected = if listed["id"] == key {
                    Value::Null
                } else {
                    own.into()
                };
                assert_eq!(listed["pin"], expected, "{listed:#}");
            }
            let role = if second { "sign" } else { "auth" };
            let output = lab.with_pins(&["pin", "verify", role]);
            assert_code(&output, 1);
            let text = stderr(&output);
            assert!(
                text.contains(what) && !text.contains("does not list"),
                "{text}"
            );
            let status = lab.run(&["pin", "status"]);
            let text = crate::common::stdout(&status);
            assert!(!text.contains("one PIN is for everything"), "{text}");
        }
    }
}

/// The files that say what is on a card.
const FILES: [&str; 8] = [
    "2F00", "5031", "5032", "5033", "4401", "4402", "4403", "4404",
];

#[test]
fn what_a_card_gives_with_a_warning_is_used_and_the_warning_is_a_finding() {
    let lab = valid();
    let good = run(&lab, &["cert", "list", "--date", DAY]).0;
    let certificates = |document: &Value| {
        let all = document["certificates"].as_array().expect("a list").iter();
        all.map(|one| one["id"].clone()).collect::<Vec<_>>()
    };
    for (status, code) in [
        ("6281", "corrupted"),
        ("6200", "read-with-warning"),
        ("6286", "read-with-warning"),
        ("62F1", "read-with-warning"),
        ("6310", "read-with-warning"),
        ("63C1", "read-with-warning"),
    ] {
        for file in FILES.iter().chain(&["4333"]) {
            let fault = format!("status:sw={status},ins=B0,file={file}");
            let (document, exit) = run(&lab, &["--fault", &fault, "cert", "list", "--date", DAY]);
            assert_eq!(exit, 0, "{fault}: {document:#}");
            assert_eq!(certificates(&document), certificates(&good), "{fault}");
            for command in ["check", "diagnose"] {
                let words = match command {
                    "check" => &["cert", "check", "--date", DAY][..],
                    _ => &["diagnose", "--date", DAY],
                };
                let (document, exit) = run(&lab, &[&["--fault", &fault], words].concat());
                let found = problem(&document, code);
                assert_eq!(exit, 6, "{fault} {command}: {document:#}");
                let path = found["path"].as_str().expect("a path");
                assert!(path.ends_with(file), "{fault} {command}: {found:#}");
            }
        }
    }
}

#[test]
fn what_a_card_gives_with_a_warning_is_neither_deleted_nor_written_back() {
    for status in ["6281", "6310", "62F1"] {
        // The file of the certificate: its entry goes, the file stays.
        let lab = valid();
        let fault = format!("status:sw={status},ins=B0,file=4334");
        let output = lab.with_pins(&["--fault", &fault, "cert", "remove", "4334"]);
        assert_code(&output, 0);
        assert!(stderr(&output).contains("stays"), "{}", stderr(&output));
        assert!(!data(&lab, "4334").is_empty());
        // The directory: nothing is changed.
        let lab = valid();
        let before = lab.image();
        let fault = format!("status:sw={status},ins=B0,file=4403");
        let output = lab.with_pins(&["--fault", &fault, "cert", "remove", "4334"]);
        assert!(!output.status.success());
        let said = stderr(&output);
        assert!(said.contains("4403 is not rewritten"), "{said}");
        assert!(lab.image() == before, "{status}");
    }
}
