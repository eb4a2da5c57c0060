//! `kortlab tree`: every file of the card, what OpenSC says of the same card, and nothing done to it.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use common::{Lab, assert_code, stderr, stdout};
use serde_json::Value;

/// The paths of all files of an image.
fn paths(file: &Value, around: &str, found: &mut BTreeSet<String>) {
    let fid = file["fid"].as_str().unwrap_or("3F00").to_owned();
    let path = match around {
        "" => fid,
        around => format!("{around}/{fid}"),
    };
    for inside in file["files"].as_array().into_iter().flatten() {
        paths(inside, &path, found);
    }
    found.insert(path);
}

fn files(tree: &Value) -> Vec<Value> {
    tree["files"].as_array().unwrap().clone()
}

/// The conditions of a file, by operation.
fn conditions(file: &Value) -> BTreeMap<String, String> {
    let access = file["access"].as_array().into_iter().flatten();
    let rules = access.flat_map(|access| access["rules"].as_array().unwrap());
    rules
        .flat_map(|rule| {
            let condition = rule["condition"].as_str().unwrap().to_owned();
            let operations = rule["operations"].as_array().unwrap();
            let name = |operation: &Value| operation.as_str().unwrap().to_owned();
            operations
                .iter()
                .map(move |operation| (name(operation), condition.clone()))
        })
        .collect()
}

#[test]
fn every_file_of_the_card_is_shown_whatever_its_state() {
    for state in ["valid", "blank", "blank-slots", "full", "blocked"] {
        let lab = Lab::new(state);
        let image: Value = serde_json::from_slice(&lab.image()).unwrap();
        let mut expected = BTreeSet::new();
        paths(&image["master_file"], "", &mut expected);
        let tree = lab.json(&["tree"]);
        let found: BTreeSet<_> = files(&tree)
            .iter()
            .map(|file| file["path"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(found, expected, "{state}");
        assert_eq!(tree["complete"], true, "{state}");
    }
}

#[test]
fn an_application_that_answers_with_its_own_template_is_not_called_faulty() {
    let lab = Lab::new("blank");
    let mut image: Value = serde_json::from_slice(&lab.image()).unwrap();
    // As NIST SP 800-73-4, part 2, table 3 has it: an application property template.
    let answer = "61114F0600001000010079074F05A000000308";
    let file = |fid: &str, name: Value, answer: &str| {
        serde_json::json!({
            "fid": fid, "kind": "df", "name": name, "files": [], "recorded": {"answer": answer},
        })
    };
    image["master_file"]["files"] = serde_json::json!([
        file("7F66", Value::from("A000000308000010000100"), answer),
        file("5015", Value::Null, "6103010203"),
        file("7F67", Value::from("D27600012401"), "000606"),
    ]);
    fs::write(lab.path("card.json"), image.to_string()).unwrap();
    let tree = lab.json(&["tree"]);
    let found = |path: &str| {
        let all = files(&tree).into_iter();
        let mut found = all.filter(|file| file["path"].as_str().unwrap().contains(path));
        found.next().unwrap_or_else(|| panic!("{path}: {tree:#}"))
    };
    assert!(found("7F66").get("findings").is_none(), "{tree:#}");
    // Of a directory that is no application's, and of another answer, it stays one.
    assert!(found("5015")["findings"][0].is_string(), "{tree:#}");
    assert!(found("7F67")["findings"][0].is_string(), "{tree:#}");
    let text = stdout(&lab.run(&["tree"]));
    assert!(text.contains("application template: 61 11 4F 06"), "{text}");
}

#[test]
fn sizes_and_access_rules_are_what_opensc_says_of_the_same_card() {
    let lab = Lab::new("valid");
    let opensc = lab.run(&["run", "card.json", "--", "opensc-tool", "--list-files"]);
    assert_code(&opensc, 0);
    let text = stdout(&opensc);
    // `    3f0050154403 type: wEF, …, size: 2048`, then `    read[NONE] update[CHV129] …`.
    let mut judged = 0;
    let lines: Vec<_> = text.lines().collect();
    let tree = lab.json(&["tree"]);
    for pair in lines.windows(2) {
        let Some((path, rest)) = pair[0].trim().split_once(' ') else {
            continue;
        };
        let Some((_, size)) = rest.rsplit_once("size: ") else {
            continue;
        };
        let of_opensc: String = path.to_uppercase();
        let file = files(&tree)
            .into_iter()
            .find(|file| file["path"].as_str().unwrap().replace('/', "") == of_opensc)
            .unwrap_or_else(|| panic!("OpenSC finds {of_opensc}"));
        assert_eq!(file["size"], size.parse::<u64>().unwrap(), "{path}");
        let ours = conditions(&file);
        for part in pair[1].split_whitespace() {
            let Some((operation, condition)) = part.split_once('[') else {
                continue;
            };
            let ours = match (operation, rest.contains("type: DF")) {
                ("read" | "update" | "write", false) => ours.get(operation),
                ("delete", true) => ours.get("delete a child"),
                ("create", true) => ours.get("create an EF"),
                _ => continue,
            };
            let expected = match condition.trim_end_matches(']') {
                "NONE" => Some("always".to_owned()),
                "N/A" => None,
                pin => {
                    let number = pin.strip_prefix("CHV").expect("a PIN");
                    Some(format!("PIN {:02X}", number.parse::<u8>().unwrap()))
                }
            };
            assert_eq!(ours.cloned(), expected, "{path}: {operation}");
            judged += 1;
        }
    }
    assert!(judged > 40, "{judged} rules were compared: {text}");
}

#[test]
fn it_tries_no_pin_writes_nothing_and_fits_80_columns() {
    let lab = Lab::new("valid");
    let before = lab.image();
    let output = lab.run(&["--trace", "all.apdu", "tree", "--brute-force=aids"]);
    assert_code(&output, 0);
    assert_eq!(lab.image(), before);
    for line in stdout(&output).lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let trace = fs::read_to_string(lab.path("all.apdu")).unwrap();
    for line in trace.lines().filter(|line| !line.starts_with('#')) {
        let header = line.replace(' ', "");
        let reads = [
            "00A4", "00B0", "00B2", "00C0", "00CA", "00CB", "80AA", "0020",
        ];
        assert!(reads.iter().any(|read| header.starts_with(read)), "{line}");
        // VERIFY without data asks for the tries.
        assert!(!header.starts_with("0020") || header.len() <= 10, "{line}");
    }
}

#[test]
fn what_cannot_be_read_has_its_status_word_and_what_it_means() {
    let lab = Lab::new("valid");
    let fault = ["--fault", "sw:ins=B0,file=4403,sw=6982"];
    let tree = lab.json(&[&fault[..], &["tree"]].concat());
    let file = files(&tree)
        .into_iter()
        .find(|file| file["path"] == "3F00/5015/4403")
        .unwrap();
    assert_eq!(file["refused"][0]["status_word"], "6982");
    assert_eq!(file["refused"][0]["operation"], "read");
    let text = stdout(&lab.run(&[&fault[..], &["tree"]].concat()));
    assert!(
        text.contains("cannot be read from byte 0 on: 6982"),
        "{text}"
    );
}

#[test]
fn a_card_that_lies_in_any_known_way_is_shown_as_far_as_it_goes() {
    let lab = Lab::new("valid");
    let list = lab.json(&["--fault", "list"]);
    let mut tried = 0;
    for fault in list["faults"].as_array().unwrap() {
        if fault["virtual_card_only"] == true {
            continue;
        }
        let example = fault["example"].as_str().unwrap();
        let output = lab.run(&["--fault", example, "tree"]);
        let code = output.status.code();
        // Nothing but a refusal, an end, or findings; and what is shown fits.
        assert!(
            matches!(code, Some(0 | 1 | 3 | 5 | 6)),
            "{example}: {code:?} {}",
            stderr(&output)
        );
        assert!(!stderr(&output).contains("panicked"), "{example}");
        for line in stdout(&output).lines() {
            assert!(line.chars().count() <= 80, "{example}: {line}");
        }
        tried += 1;
    }
    assert!(tried > 30, "{tried}");
}

#[test]
fn a_card_that_is_pulled_out_shows_what_was_found_and_ends_with_3() {
    let lab = Lab::new("valid");
    let output = lab.run(&["--fault", "tear:before-command=30", "--json", "tree"]);
    assert_code(&output, 3);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["error"]["kind"], "no-card");
    assert_eq!(document["complete"], false);
    assert!(!files(&document).is_empty(), "{document:#}");
}

#[test]
fn answers_that_make_no_sense_are_not_taken_for_an_empty_card() {
    let lab = Lab::new("valid");
    for fault in ["nothing", "one-byte", "excess:count=9", "truncate:at=1"] {
        let output = lab.run(&["--fault", fault, "--json", "tree"]);
        assert_code(&output, 6);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["complete"], false, "{fault}");
        let not_read = document["not_read"].as_array().unwrap();
        assert!(
            not_read.iter().any(|one| one["kind"] == "nonsense"),
            "{fault}"
        );
        let text = stdout(&lab.run(&["--fault", fault, "tree"]));
        assert!(text.contains("[nonsense]"), "{text}");
        assert!(text.contains("not complete"), "{text}");
        // More commands would bring no more.
        assert!(!text.contains("--budget"), "{text}");
    }
}

#[test]
fn a_card_that_selects_nothing_is_not_taken_for_an_empty_one() {
    let lab = Lab::new("valid");
    for status in ["6A82", "6F00", "6982"] {
        let fault = format!("sw:ins=A4,sw={status}");
        let output = lab.run(&["--fault", &fault, "--json", "tree"]);
        assert_code(&output, 6);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["complete"], false, "{status}");
        let text = stdout(&lab.run(&["--fault", &fault, "tree"]));
        assert!(text.contains("cannot be told"), "{text}");
        let output = lab.run(&["--fault", &fault, "dump", "--force", "-o", "copy.json"]);
        assert_code(&output, 6);
        let copy = std::fs::read(lab.path("copy.json")).unwrap();
        let copy: Value = serde_json::from_slice(&copy).unwrap();
        assert_eq!(copy["provenance"]["complete"], false, "{status}");
    }
}

#[test]
fn a_card_that_is_pulled_out_is_not_said_to_want_a_larger_budget() {
    let lab = Lab::new("valid");
    for command in [&["tree"][..], &["dump", "-o", "copy.json"]] {
        let torn = [&["--fault", "tear:before-command=30"], command].concat();
        let output = lab.run(&torn);
        assert_code(&output, 3);
        let text = stdout(&output);
        assert!(text.contains("not complete"), "{text}");
        assert!(!text.contains("--budget"), "{text}");
    }
}
