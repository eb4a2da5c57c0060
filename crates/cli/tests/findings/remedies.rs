//! The command that a finding names is typed as it stands there, and mends it.

use serde_json::Value;

use crate::bench::*;
use crate::common::{Lab, assert_code, stderr};

/// The words of the command to remove an entry that a next step names.
fn removal(next_step: &str) -> Vec<String> {
    let (_, from) = next_step
        .split_once("`kortlab cert remove ")
        .unwrap_or_else(|| unreachable!("no command: {next_step}"));
    let (entry, _) = from.split_once('`').expect("an end");
    ["cert", "remove", entry].map(str::to_owned).to_vec()
}

fn types_what_is_said_of(lab: &Lab, code: &str) {
    let (document, _) = check(lab, &[]);
    let found = problem(&document, code);
    let words = removal(found["next_step"].as_str().expect("text"));
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let output = lab.with_pins(&words);
    assert_code(&output, 0);
    let (document, _) = check(lab, &[]);
    let gone = !codes(&document).iter().any(|other| other == code);
    assert!(gone, "{}\n{document:#}", stderr(&output));
}

#[test]
fn an_entry_whose_file_holds_no_whole_certificate_goes_by_the_command_that_is_named() {
    let lab = valid();
    let whole = data(&lab, HCC);
    set_data(&lab, HCC, &whole[..900]);
    types_what_is_said_of(&lab, "not-a-certificate");
    let (document, _) = run(&lab, &["cert", "list"]);
    let left: Vec<&Value> = document["certificates"]
        .as_array()
        .expect("a list")
        .iter()
        .collect();
    assert_eq!(left.len(), 3);
    assert!(left.iter().all(|one| one["id"] != HCC));
}

#[test]
fn certificates_for_other_keys_go_by_the_commands_that_are_named() {
    let lab = valid();
    let [one, other] = ["4333", "4334"].map(|fid| data(&lab, fid));
    set_data(&lab, "4333", &other);
    set_data(&lab, "4334", &one);
    for _ in 0..2 {
        let (document, _) = check(&lab, &[]);
        let found = problem(&document, "key-mismatch");
        let words = removal(found["next_step"].as_str().expect("text"));
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        assert_code(&lab.with_pins(&words), 0);
    }
    let (document, _) = check(&lab, &[]);
    assert!(!codes(&document).contains(&"key-mismatch".to_owned()));
}

#[test]
fn an_entry_that_names_the_file_of_another_goes_and_the_file_stays() {
    let lab = valid();
    let carrier = data(&lab, "4331");
    change_data(&lab, CDF, |cdf| {
        let path = cdf.windows(2).position(|two| two == [0x43, 0x33]);
        let at = path.expect("the HCC's path");
        cdf[at + 1] = 0x31;
    });
    types_what_is_said_of(&lab, "duplicate-id");
    assert_eq!(data(&lab, "4331"), carrier);
}

/// Damage of many kinds, each on a card of its own.
fn damaged() -> Vec<(&'static str, Lab)> {
    let with = |work: fn(&Lab)| {
        let lab = valid();
        work(&lab);
        lab
    };
    let expired = Lab::with(&["--state", "expired", "--date", DAY, "--ca-dir", "ca"]);
    let empty = Lab::with(&["--state", "blank-slots", "--date", DAY, "--ca-dir", "ca"]);
    vec![
        ("expired", expired),
        ("no-certificates", empty),
        (
            "key-mismatch",
            with(|lab| {
                let [one, other] = ["4333", "4334"].map(|fid| data(lab, fid));
                set_data(lab, "4333", &other);
                set_data(lab, "4334", &one);
            }),
        ),
        (
            "not-a-certificate",
            with(|lab| {
                let whole = data(lab, HCC);
                set_data(lab, HCC, &whole[..900]);
            }),
        ),
        ("file-absent", with(|lab| remove_file(lab, HCC))),
        (
            "key-without-certificate",
            with(|lab| {
                let first = data(lab, CDF);
                let one = 2 + usize::from(first[1]);
                set_data(lab, CDF, &first[..one]);
            }),
        ),
        (
            "behind-certificate",
            with(|lab| change_data(lab, HCC, |bytes| bytes.extend(b"more"))),
        ),
        (
            "duplicate-id",
            with(|lab| {
                change_data(lab, CDF, |bytes| {
                    let one = 2 + usize::from(bytes[1]);
                    let first = bytes[..one].to_vec();
                    bytes.splice(0..0, first);
                });
            }),
        ),
    ]
}

#[test]
fn no_finding_on_a_card_of_an_unknown_os_names_a_command_that_is_refused_there() {
    let refused = ["kortlab cert remove", "kortlab cert write", "kortlab renew"];
    let mut named = [0; 2];
    for (code, lab) in damaged() {
        for is_known in [true, false] {
            if !is_known {
                change(&lab, |image| image["data_objects"] = serde_json::json!([]));
            }
            let mut said = String::new();
            for command in [
                &["info"][..],
                &["cert", "check", "--date", DAY],
                &["cert", "list", "--date", DAY],
                &["diagnose", "--date", DAY],
            ] {
                for json in [&[][..], &["--json"]] {
                    let output = lab.run(&[command, json].concat());
                    said += &String::from_utf8_lossy(&output.stdout);
                    said += &stderr(&output);
                }
            }
            assert!(said.contains(code), "{code}: {said}");
            // Lines of text are broken.
            let words: Vec<_> = said.split_whitespace().collect();
            let words = words.join(" ");
            let found = refused.iter().filter(|command| words.contains(**command));
            let found: Vec<_> = found.collect();
            match is_known {
                true => named[0] += found.len(),
                false => {
                    assert!(found.is_empty(), "{code}: {found:?}: {said}");
                    named[1] += usize::from(words.contains("pkcs15-init"));
                }
            }
        }
    }
    // Where it can be done it is named, and elsewhere another program is.
    assert!(named.iter().all(|count| *count > 3), "{named:?}");
}
