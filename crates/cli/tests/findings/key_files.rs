//! The files of private keys: what is none of a key, out of use, or another key's.

use serde_json::Value;

use crate::bench::*;
use crate::common::{Lab, stdout};
use crate::der::replaced;

const PRKDF: &str = "4402";
const OTHER_KEY: &str = "4B02";
/// Named by no directory: which programs made the card.
const PROFILE: &str = "4946";

/// Replaces the identifier of the file in the path of a key in EF(PrKDF).
fn lead(lab: &Lab, from: &str, to: &str) {
    change_data(lab, PRKDF, |bytes| {
        let (from, to) = (
            hex::decode(from).expect("hex"),
            hex::decode(to).expect("hex"),
        );
        let path = [&[0x50, 0x15][..], &from].concat();
        let at = bytes.windows(4).position(|part| part == path);
        let at = at.expect("the path") + 2;
        bytes[at..at + 2].copy_from_slice(&to);
    });
}

/// Of a copy of a card: what SELECT answers of this file.
fn described(lab: &Lab, fid: &str, answer: &str) {
    let recorded = serde_json::json!({ "answer": answer });
    change_file(lab, fid, |file| file["recorded"] = recorded);
}

/// The card OS does not say which it is.
fn of_unknown_os(lab: &Lab) {
    change(lab, |image| {
        image["data_objects"] = Value::Array(Vec::new())
    });
}

/// Both commands find this, and nothing else of the card.
#[track_caller]
fn assert_both_find(lab: &Lab, code: &str) -> Value {
    let found = problem(&check(lab, &[]).0, code);
    for command in [&["cert", "check"][..], &["diagnose"]] {
        let (document, exit) = run(lab, &[command, &["--date", DAY]].concat());
        assert_eq!(exit, 6, "{command:?}");
        // That an OS which is not known does not tell of its PINs is a note.
        let mut codes = codes(&document);
        codes.retain(|code| code != "pin-state-unknown");
        assert_eq!(codes, [code], "{command:?} {document:#}");
    }
    found
}

#[track_caller]
fn assert_silent(lab: &Lab) {
    for command in [&["cert", "check"][..], &["diagnose"]] {
        let (document, exit) = run(lab, &[command, &["--date", DAY]].concat());
        let counted = document["problems"].as_array().into_iter().flatten();
        let counted: Vec<_> = counted.filter(|one| one["severity"] != "note").collect();
        assert_eq!(counted, [] as [&Value; 0], "{command:?}");
        assert_eq!(exit, 0, "{command:?} {document:#}");
    }
}

#[test]
fn a_path_to_a_file_that_is_something_else_is_found_whatever_that_is() {
    for (fid, severity) in [
        ("4331", "error"),
        (PROFILE, "warning"),
        ("5031", "error"),
        ("5032", "error"),
        ("5033", "error"),
        ("4401", "error"),
        (PRKDF, "error"),
        (CDF, "error"),
    ] {
        let lab = valid();
        lead(&lab, KEY, fid);
        let found = assert_both_find(&lab, "not-a-key-file");
        assert_eq!(found["severity"], severity, "{fid}");
        assert_eq!(found["path"], "3F0050154402", "{fid}");
        assert_eq!(found["object"]["index"], 0, "{fid}");
        let message = found["message"].as_str().expect("a message");
        assert!(message.contains(&format!("3F00/5015/{fid}")), "{message}");
    }
}

#[test]
fn of_an_os_that_is_not_known_a_key_in_a_working_ef_is_odd_only_beside_others_that_are_not() {
    let lab = valid();
    of_unknown_os(&lab);
    assert_silent(&lab);
    lead(&lab, KEY, PROFILE);
    let found = assert_both_find(&lab, "not-a-key-file");
    assert_eq!(found["severity"], "warning");
    // All of them are, and none is what the standard knows, or a directory.
    for kind in ["01", "38", "3F", "00"] {
        let lab = valid();
        of_unknown_os(&lab);
        described(&lab, KEY, &format!("6F078201{kind}83024B01"));
        described(&lab, OTHER_KEY, &format!("6F078201{kind}83024B02"));
        assert_silent(&lab);
    }
}

#[test]
fn a_key_file_out_of_use_is_found_and_a_state_that_readable_files_have_too_is_none() {
    for state in ["deactivated", "terminated"] {
        let lab = valid();
        change_file(&lab, KEY, |file| file["life_cycle"] = state.into());
        let found = assert_both_find(&lab, "key-file-not-active");
        assert_eq!(found["path"], "3F0050154B01");
        assert_eq!(found["object"]["id"], "45");
        let message = found["message"].as_str().expect("a message");
        assert!(message.contains(state), "{message}");
    }
    for state in ["00", "01", "03", "10", "FF"] {
        let lab = valid();
        described(&lab, KEY, &format!("6F0A82011183024B018A01{state}"));
        assert_silent(&lab);
    }
    // This card says of everything that it is deactivated, and is read all the same.
    let lab = valid();
    described(&lab, KEY, "6F0A82011183024B018A0106");
    assert_both_find(&lab, "key-file-not-active");
    described(&lab, "5032", "6F0A820101830250328A0106");
    assert_silent(&lab);
}

#[test]
fn two_keys_at_one_place_are_found_and_the_key_in_it_is_not_said_to_be_tried() {
    for (from, to) in [(KEY, OTHER_KEY), (OTHER_KEY, KEY)] {
        let lab = valid();
        lead(&lab, from, to);
        let found = problem(&check(&lab, &[]).0, "key-named-twice");
        assert_eq!(found["severity"], "error");
        assert_eq!(found["object"]["index"], 1);
        let (document, _) = check(&lab, &[]);
        assert_eq!(codes(&document), ["key-named-twice"]);
    }
    // Each at the place of the other: only the card knows, and says which PIN is for which.
    let lab = valid();
    lead(&lab, KEY, "FFFF");
    lead(&lab, OTHER_KEY, KEY);
    lead(&lab, "FFFF", OTHER_KEY);
    let (document, exit) = check(&lab, &[]);
    let pins = ["pin-reference-mismatch", "pin-reference-mismatch"];
    assert_eq!(
        (&*codes(&document), exit),
        (&pins.map(str::to_owned)[..], 6)
    );
    let (document, exit) = run(&lab, &["diagnose", "--date", DAY]);
    assert_eq!(exit, 6);
    assert_eq!(
        codes(&document),
        [&["key-stale", "key-stale"], &pins[..]].concat()
    );
    // Where it does not say that either, no key is said to be tried.
    for fid in [KEY, OTHER_KEY] {
        described(&lab, fid, &format!("6F0782011183024B{}", &fid[2..]));
    }
    let text = stdout(&lab.run(&["cert", "check", "--date", DAY]));
    assert!(text.contains("no key was tried"), "{text}");
    assert!(!text.contains("no findings"), "{text}");
}

#[test]
fn a_file_that_was_read_and_is_said_to_be_a_directory_or_of_records_is_found() {
    for (fault, byte) in [("to=38", "38"), ("to=02", "02")] {
        let lab = valid();
        let fault = format!("file-type:{fault}");
        let (document, exit) = run(&lab, &["--fault", &fault, "diagnose", "--date", DAY]);
        assert_eq!(exit, 6, "{fault}");
        let found = document["problems"].as_array().expect("a list").iter();
        let found: Vec<_> = found
            .filter(|one| one["code"] == "file-kind-mismatch")
            .collect();
        // All of them: EF.DIR, ODF, TokenInfo, four directories, four certificates.
        assert!(found.len() >= 11, "{fault}: {}", found.len());
        for one in found {
            assert_eq!(one["rule"], "descriptions");
            assert_eq!(one["bytes"], byte, "{one:#}");
        }
    }
}

#[test]
fn a_warning_with_which_a_key_file_is_selected_is_told() {
    for status in ["6200", "6281", "6284", "6286", "62F1", "6310", "63C2"] {
        let lab = valid();
        change_file(&lab, KEY, |file| {
            file["recorded"] = serde_json::json!({ "select": status });
        });
        let found = assert_both_find(&lab, "selected-with-warning");
        assert_eq!(found["path"], "3F0050154B01", "{found:#}");
        assert_eq!(found["object"]["id"], "45");
        let message = found["message"].as_str().expect("a message");
        assert!(message.contains(status), "{message}");
    }
}

#[test]
fn a_wrong_length_of_a_public_key_is_found() {
    let lab = valid();
    // EF(PuKDF), with two keys of 2048 bits; an image leaves out zeros at the end of a file.
    let mut good = data(&lab, "4404");
    let right = [0x02, 0x02, 0x08, 0x00];
    if !good.ends_with(&right) {
        good.push(0x00);
    }
    for (wrong, said) in [
        (&[0x02, 0x02, 0x04, 0x00][..], 1024),
        (&[0x02, 0x01, 0x00], 0),
        (&[0x02, 0x02, 0x08, 0x10], 2064),
        (&[0x02, 0x03, 0x00, 0xFF, 0xFF], 65535),
    ] {
        set_data(&lab, "4404", &replaced(&good, &right, wrong));
        let found = assert_found(&lab, "key-size");
        let message = found["message"].as_str().expect("a message");
        assert!(
            message.contains("EF(PuKDF)") && message.contains(&format!("{said} bits")),
            "{message}"
        );
        let (document, _) = check(&lab, &[]);
        assert_eq!(codes(&document), vec!["key-size"; 4], "{document:#}");
    }
}

/// Replaces this part of EF(PrKDF); what stands around it must fit.
fn rewrite(lab: &Lab, from: &str, to: &str) {
    change_data(lab, PRKDF, |bytes| {
        let text = hex::encode(&bytes);
        assert_eq!(text.matches(from).count(), 1, "{text}");
        *bytes = hex::decode(text.replace(from, to)).expect("hex");
    });
}

/// `info`, which reads no more than it shows, finds it, too.
#[track_caller]
fn assert_info_finds(lab: &Lab, code: &str) {
    let (document, exit) = run(lab, &["info"]);
    assert_eq!((&*codes(&document), exit), (&[code.to_owned()][..], 6));
}

/// The first key's label and flags, and behind them its authId.
const LABELLED: &str = "0c0c4c65676974696d6572696e6703020780";

#[test]
fn a_key_that_names_no_pin_and_wants_one_is_found_by_the_access_conditions_of_its_file() {
    let lab = valid();
    let named = format!("30363015{LABELLED}040101");
    rewrite(&lab, &named, &format!("30333012{LABELLED}"));
    let found = assert_both_find(&lab, "key-without-pin");
    assert_eq!(found["severity"], "error");
    assert_eq!(found["object"]["id"], "45");
    let message = found["message"].as_str().expect("a message");
    assert!(message.contains("PIN 81"), "{message}");
    assert_info_finds(&lab, "key-without-pin");
}

#[test]
fn a_key_that_names_no_pin_and_wants_none_is_nothing_wrong() {
    let lab = valid();
    let named = format!("30363015{LABELLED}040101");
    rewrite(&lab, &named, &format!("30333012{LABELLED}"));
    // As a card describes it that lets everybody use the key.
    described(&lab, KEY, "6F0983024B018201018600");
    let (document, _) = run(&lab, &["info"]);
    assert_eq!(codes(&document), [""; 0], "{document:#}");
}

#[test]
fn a_key_whose_path_is_empty_is_found() {
    let lab = valid();
    rewrite(
        &lab,
        "a110300e300804063f0050154b02020208",
        "a10a300830020400020208",
    );
    rewrite(&lab, "30363014", "30303014");
    let found = assert_both_find(&lab, "key-without-file");
    assert_eq!(found["severity"], "error");
    assert_eq!(found["object"]["id"], "46");
    assert_info_finds(&lab, "key-without-file");
}

#[test]
fn what_info_has_read_it_does_not_take_for_the_file_of_a_key() {
    for (fid, severity) in [("4331", "error"), ("5031", "error"), (CDF, "error")] {
        let lab = valid();
        lead(&lab, KEY, fid);
        assert_info_finds(&lab, "not-a-key-file");
        let found = problem(&run(&lab, &["info"]).0, "not-a-key-file");
        assert_eq!(found["severity"], severity, "{fid}");
    }
    let lab = valid();
    lead(&lab, KEY, OTHER_KEY);
    assert_info_finds(&lab, "key-named-twice");
    assert_eq!(codes(&run(&valid(), &["info"]).0), [""; 0]);
}

#[test]
fn a_key_whose_path_leads_to_a_directory_is_found_and_of_an_unknown_os_that_is_nothing_wrong() {
    for (path, less) in [("3F005015", 2), ("3F00", 4)] {
        let lab = valid();
        let length = 6 - less;
        let (key, value, inner) = (0x36 - less, 0x10 - less, 0x0E - less);
        rewrite(&lab, "30363014", &format!("30{key:02x}3014"));
        rewrite(
            &lab,
            "a110300e300804063f0050154b02",
            &format!(
                "a1{value:02x}30{inner:02x}30{:02x}04{length:02x}{path}",
                length + 2
            ),
        );
        let found = assert_both_find(&lab, "not-a-key-file");
        assert_eq!(found["severity"], "warning");
        assert_info_finds(&lab, "not-a-key-file");
        let text = stdout(&lab.run(&["info"]));
        assert!(text.contains("directory (DF)"), "{text}");
        of_unknown_os(&lab);
        let (document, exit) = run(&lab, &["info"]);
        let mut codes = codes(&document);
        codes.retain(|code| code != "pin-state-unknown");
        assert_eq!((&*codes, exit), (&[][..], 0), "{document:#}");
    }
}
