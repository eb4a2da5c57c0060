//! `kortlab diagnose`: of each broken card exactly what is broken, of each good one silence, and
//! nothing tried or written.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::broken::{change, place, vectors};
use common::{Lab, assert_code, stderr, stdout};
use serde_json::{Value, json};

const DAY: &str = "2026-11-24";

/// A card in this state and the files of its authorities.
fn card(state: &str) -> Lab {
    Lab::with(&["--state", state, "--date", DAY, "--ca-dir", "ca"])
}

/// The options that name the authorities' certificates and revocation lists.
fn evidence(lab: &Lab) -> Vec<String> {
    let mut options = vec!["--ca-dir".to_owned(), "ca".to_owned()];
    for entry in fs::read_dir(lab.path("ca")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "crl") {
            options.extend(["--crl".to_owned(), path.to_str().unwrap().to_owned()]);
        }
    }
    options
}

/// What `diagnose --json` says, with its exit code.
fn diagnose(lab: &Lab, options: &[&str]) -> (Value, i32) {
    let evidence = evidence(lab);
    let evidence: Vec<_> = evidence.iter().map(String::as_str).collect();
    // On another day the revocation lists say nothing.
    let dated = options.contains(&"--date");
    let (date, evidence) = match dated {
        true => (&[][..], &evidence[..2]),
        false => (&["--date", DAY][..], &evidence[..]),
    };
    let all = [&["--json", "diagnose"], date, evidence, options].concat();
    let output = lab.run(&all);
    let document = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)));
    (document, output.status.code().unwrap())
}

/// The findings of a document, without its notes.
fn findings(document: &Value) -> Vec<Value> {
    let problems = document["problems"].as_array().unwrap().iter();
    let counting = problems.filter(|problem| problem["severity"] != "note");
    counting.cloned().collect()
}

/// What a finding is compared by.
fn outline(finding: &Value) -> Value {
    json!({
        "rule": finding["rule"],
        "code": finding["code"],
        "path": finding["path"],
        "offset": finding["offset"],
        "object": finding["object"]["index"],
    })
}

/// The findings of this file that have an offset mark the byte that was planted, or begin with the
/// object in which it is.
#[track_caller]
fn assert_place(name: &str, findings: &[Value], fid: &str, at: usize) {
    for finding in findings {
        let in_file = finding["path"].as_str().unwrap().ends_with(fid);
        let (Some(offset), Some(length), true) = (
            finding["offset"].as_u64(),
            finding["length"].as_u64(),
            in_file,
        ) else {
            continue;
        };
        // Filler was planted before the object that it hides.
        let before = if finding["code"] == "object-after-filler" {
            2
        } else {
            0
        };
        let marked = offset as usize - before..(offset + length) as usize;
        assert!(
            marked.contains(&at),
            "{name}: byte {at} is not in {marked:?}"
        );
    }
}

#[test]
fn of_each_broken_card_exactly_what_was_planted_is_found_at_its_place() {
    let vectors = vectors();
    let mut labs = BTreeMap::new();
    let mut wrong = Vec::new();
    for vector in vectors["vectors"].as_array().unwrap() {
        let name = vector["name"].as_str().unwrap();
        let state = vector["state"].as_str().unwrap_or("valid");
        let (lab, good) = labs.entry(state.to_owned()).or_insert_with(|| {
            let lab = card(state);
            let good = lab.image();
            (lab, good)
        });
        let mut image: Value = serde_json::from_slice(good).unwrap();
        let steps = vector["change"].as_array().into_iter().flatten();
        let mut planted = Vec::new();
        for step in steps {
            planted.extend(place(&mut image, step));
            change(&mut image, step);
        }
        fs::write(lab.path("card.json"), image.to_string()).unwrap();
        let options = vector["options"].as_array().into_iter().flatten();
        let options: Vec<_> = options.map(|option| option.as_str().unwrap()).collect();
        let (document, exit) = diagnose(lab, &options);
        if let Some((fid, at)) = planted.first() {
            assert_place(name, &findings(&document), fid, *at);
        }
        let found: Vec<_> = findings(&document).iter().map(outline).collect();
        let expected: Vec<_> = vector["findings"].as_array().unwrap().clone();
        if found != expected || exit != 6 {
            let messages: Vec<_> = findings(&document)
                .iter()
                .map(|finding| finding["message"].to_string())
                .collect();
            let line = |all: &[Value]| serde_json::to_string(all).unwrap();
            wrong.push(format!(
                "{name} (exit {exit}):\n  found    {}\n  expected {}\n  {}",
                line(&found),
                line(&expected),
                messages.join("\n  ")
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_rule_has_a_broken_card_and_the_document_says_which() {
    let lab = Lab::empty();
    let rules = lab.json(&["diagnose", "--list"]);
    let vectors = vectors();
    let mut of_rule = BTreeMap::<String, Vec<String>>::new();
    for vector in vectors["vectors"].as_array().unwrap() {
        for finding in vector["findings"].as_array().unwrap() {
            let names = of_rule
                .entry(finding["rule"].as_str().unwrap().to_owned())
                .or_default();
            let name = vector["name"].as_str().unwrap().to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    // What no rule has: `a_change_that_was_interrupted_is_told` makes one.
    of_rule.insert(
        "other".to_owned(),
        vec!["(an interrupted change)".to_owned()],
    );
    let mut table = String::from("| rule | looks at | broken cards |\n|---|---|---|\n");
    for rule in rules["rules"].as_array().unwrap() {
        let id = rule["id"].as_str().unwrap();
        let names = of_rule
            .remove(id)
            .unwrap_or_else(|| panic!("{id} has no broken card"));
        let help = rule["help"].as_str().unwrap();
        table.push_str(&format!("| `{id}` | {help} | {} |\n", names.join(", ")));
    }
    assert!(of_rule.is_empty(), "no such rules: {of_rule:?}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/diagnose.md");
    let page = fs::read_to_string(page).unwrap();
    assert!(
        page.contains(&table),
        "docs/diagnose.md lacks this table:\n{table}"
    );
}

#[test]
fn of_a_good_card_nothing_is_said_but_what_time_and_holders_bring() {
    for protocol in ["t0", "t1"] {
        for (state, expected) in [
            ("valid", &[][..]),
            ("full", &[]),
            ("delivered", &[]),
            ("blank-slots", &[]),
            ("expired", &["expired", "expired"]),
            ("revoked", &["revoked", "revoked"]),
            ("blocked", &["pin-blocked", "pin-blocked"]),
            ("blank", &["not-pkcs15"]),
        ] {
            let options = [
                "--state",
                state,
                "--protocol",
                protocol,
                "--date",
                DAY,
                "--ca-dir",
                "ca",
            ];
            let lab = Lab::with(&options);
            let (document, exit) = diagnose(&lab, &[]);
            let codes: Vec<_> = findings(&document)
                .iter()
                .map(|finding| finding["code"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(codes, expected, "{state}: {document:#}");
            assert_eq!(exit, if expected.is_empty() { 0 } else { 6 }, "{state}");
            assert!(!document["looked_at"].as_array().unwrap().is_empty());
        }
    }
}

#[test]
fn it_is_silent_only_of_what_it_has_looked_at() {
    let lab = card("valid");
    let text = stdout(&lab.run(&["diagnose", "--date", DAY]));
    assert!(
        text.contains("nothing wrong in what was looked at"),
        "{text}"
    );
    assert!(text.contains("not looked at: revocation by"), "{text}");
    let evidence = evidence(&lab);
    let evidence: Vec<_> = evidence.iter().map(String::as_str).collect();
    let text = stdout(&lab.run(&[&["diagnose", "--date", DAY][..], &evidence].concat()));
    assert!(text.contains("\nno findings\n"), "{text}");
}

#[test]
fn it_tries_no_pin_and_writes_nothing() {
    for state in ["valid", "blocked"] {
        let lab = card(state);
        let before = lab.image();
        let output = lab.run(&["--trace", "all.apdu", "diagnose", "--date", DAY]);
        assert!([Some(0), Some(6)].contains(&output.status.code()));
        assert_eq!(lab.image(), before);
        let trace = fs::read_to_string(lab.path("all.apdu")).unwrap();
        let lines = trace
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut sent = 0;
        for line in lines {
            sent += 1;
            let command: String = line.split(['=', ':']).next().unwrap().replace(' ', "");
            let header = command.split('/').next().unwrap();
            let reads = ["00A4", "00B0", "00B2", "00C0", "00CA", "00CB", "80AA"];
            let asks = header.starts_with("0020") && !line.contains(':');
            assert!(
                asks || reads.iter().any(|read| header.starts_with(read)),
                "{line}"
            );
        }
        assert!(sent > 50, "{sent}");
    }
}

#[test]
fn a_change_that_was_interrupted_is_told() {
    let lab = card("valid");
    let torn = lab.with_pins(&["--fault", "tear:after-bytes=20", "cert", "remove", "4334"]);
    assert!(!torn.status.success());
    let (document, exit) = diagnose(&lab, &[]);
    assert_eq!(exit, 6);
    let all = findings(&document);
    let found = all
        .iter()
        .find(|finding| finding["code"] == "change-unfinished");
    assert_eq!(
        found.unwrap_or_else(|| panic!("{document:#}"))["rule"],
        "other"
    );
}

#[test]
fn text_marks_the_bytes_and_fits_eighty_columns() {
    let lab = card("valid");
    let mut image: Value = serde_json::from_slice(&lab.image()).unwrap();
    let step = json!({"file": "4403", "find": "302D3018", "with": "0000302D3018"});
    change(&mut image, &step);
    fs::write(lab.path("card.json"), image.to_string()).unwrap();
    let output = lab.run(&["diagnose", "--date", DAY]);
    assert_code(&output, 6);
    let text = stdout(&output);
    assert!(text.contains("0000  00 00[30 2D"), "{text}");
    assert!(text.contains("[object-after-filler]"), "{text}");
    assert!(text.contains("trips over it: OpenSC"), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line:?}");
    }
    let (document, _) = diagnose(&lab, &[]);
    let found = &findings(&document)[0];
    assert_eq!(
        (&found["offset"], &found["length"]),
        (&json!(2), &json!(47))
    );
    assert!(found["bytes"].as_str().unwrap().starts_with("302D3018"));
}

#[test]
fn the_rules_that_are_named_are_the_only_ones_that_speak() {
    let lab = card("blocked");
    let (document, exit) = diagnose(&lab, &["--rules", "pairs,filler"]);
    assert_eq!((findings(&document).len(), exit), (0, 0));
    let (document, exit) = diagnose(&lab, &["--rules", "tries"]);
    assert_eq!((findings(&document).len(), exit), (2, 6));
    assert_code(&lab.run(&["diagnose", "--rules", "nothing"]), 2);
}

#[test]
fn the_report_needs_no_network_and_no_script_and_nothing_of_a_card_is_markup_in_it() {
    let lab = card("valid");
    let mut image: Value = serde_json::from_slice(&lab.image()).unwrap();
    // A label that would be markup: `<script>a`, in the length of "Legitimering".
    let step = json!({"file": "4401", "find": "0C0C4C65676974696D6572696E67",
        "with": "0C0C3C7363726970743E61223E26"});
    change(&mut image, &step);
    change(&mut image, &json!({"pin": "81", "set": {"tries_left": 1}}));
    change(
        &mut image,
        &json!({"file": "4403", "find": "302D3018", "with": "0000302D3018"}),
    );
    fs::write(lab.path("card.json"), image.to_string()).unwrap();
    assert_code(
        &lab.run(&["diagnose", "--date", DAY, "--html", "report.html"]),
        6,
    );
    let page = fs::read_to_string(lab.path("report.html")).unwrap();
    assert!(page.contains("&lt;script&gt;a\\&quot;&gt;&amp;"), "{page}");
    for never in [
        "<script", "src=", "http:", "https:", "url(", "@import", "<link", "onload",
    ] {
        assert!(!page.contains(never), "{never}");
    }
    assert!(page.contains("prefers-color-scheme: dark"));
    assert!(
        page.contains("<mark>30 2D"),
        "the bytes at fault are marked"
    );
    for part in [
        "<html lang=\"en\">",
        "<h1>",
        "<h2>Findings</h2>",
        "<h3 id=\"finding-1\">",
        "scope=\"col\"",
        "scope=\"row\"",
        "<caption>",
        "What was not looked at",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for look in kortlab_interop::axe::Look::ALL {
        let violations = kortlab_interop::axe::violations(&[("report", page.as_str())], "", look);
        assert_eq!(violations.unwrap(), [""; 0], "{look:?}");
    }
    // It is not written over another file unless that is said.
    assert_code(
        &lab.run(&["diagnose", "--date", DAY, "--html", "report.html"]),
        1,
    );
    let again = [
        "diagnose",
        "--date",
        DAY,
        "--html",
        "report.html",
        "--force",
    ];
    assert_code(&lab.run(&again), 6);
}

#[test]
fn whatever_a_card_answers_it_ends_and_is_told_in_plain_words() {
    let lab = card("valid");
    let listed = stdout(&lab.run(&["--json", "--fault", "list"]));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let mut tried = 0;
    for fault in listed["faults"].as_array().unwrap() {
        let example = fault["example"].as_str().unwrap();
        // As shown, and of every answer of any command where that says less.
        let everywhere = example.replace(",nth=2", "").replace(",nth=3", "");
        for fault in [example, &everywhere] {
            for command in [&["diagnose"][..], &["dump", "-o", "copy.json", "--force"]] {
                let output = lab.run(&[&["--fault", fault, "--timeout", "5"], command].concat());
                let said = format!("{}{}", stdout(&output), stderr(&output));
                assert!(!said.contains("panicked"), "{fault}: {said}");
                let code = output
                    .status
                    .code()
                    .unwrap_or_else(|| panic!("{fault}: {said}"));
                assert!([0, 1, 3, 5, 6].contains(&code), "{fault}: {code}: {said}");
                tried += 1;
            }
        }
    }
    assert!(tried > 200, "{tried}");
}

#[test]
fn of_a_card_for_something_else_diagnose_names_what_works_with_it_as_info_does() {
    let lab = Lab::new("blank");
    let mut image: Value = serde_json::from_slice(&lab.image()).unwrap();
    image["master_file"]["files"] = serde_json::json!([{
        "fid": "7F66", "kind": "df", "name": "A000000308000010000100", "files": [],
    }]);
    fs::write(lab.path("card.json"), image.to_string()).unwrap();
    let output = lab.run(&["--json", "diagnose"]);
    assert_code(&output, 6);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = findings(&document);
    let [finding] = found.as_slice() else {
        panic!("{document:#}");
    };
    assert_eq!(finding["code"], "not-pkcs15");
    assert_eq!(finding["severity"], "warning");
    let told: Value = serde_json::from_slice(&lab.run(&["info", "--json"]).stdout).unwrap();
    let told = &told["problems"][0];
    assert_eq!(finding["next_step"], told["next_step"]);
    assert_eq!(finding["message"], told["message"]);
    let next = told["next_step"].as_str().unwrap();
    assert!(next.contains("piv-tool"), "{next}");
}

#[test]
fn of_a_card_that_was_pulled_out_what_was_read_is_shown_and_bundled() {
    let lab = Lab::new("valid");
    // EF.DIR lists the application twice; it is read with the third command.
    let mut card: Value = serde_json::from_slice(&lab.image()).unwrap();
    let files = card["master_file"]["files"].as_array_mut().unwrap();
    let dir = files.iter_mut().find(|file| file["fid"] == "2F00").unwrap();
    let entry = dir["data"].as_str().unwrap().to_owned();
    dir["data"] = format!("{entry}{entry}").into();
    fs::write(lab.path("card.json"), card.to_string()).unwrap();
    for pulled in [5, 35, 60, 100, 150] {
        let fault = format!("tear:before-command={pulled}");
        let output = lab.run(&[
            "--ephemeral",
            "--fault",
            &fault,
            "diagnose",
            "--bundle",
            "bundle.json",
            "--force",
        ]);
        assert_code(&output, 3);
        let text = stdout(&output);
        assert!(text.contains("duplicate-id"), "{pulled}: {text}");
        assert!(
            text.contains("looked at: answer to reset; "),
            "{pulled}: {text}"
        );
        assert!(
            text.contains("not looked at: what follows"),
            "{pulled}: {text}"
        );
        let bundle = fs::read(lab.path("bundle.json")).unwrap();
        let bundle: Value = serde_json::from_slice(&bundle).unwrap();
        let findings = bundle["findings"].to_string();
        assert!(findings.contains("duplicate-id"), "{pulled}: {findings}");
        assert!(bundle["trace"].as_array().unwrap().len() > 3, "{pulled}");
    }
}
