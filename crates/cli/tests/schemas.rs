//! `vectors/schemas`: the JSON schemas take what the program writes, and refuse what it refuses, as
//! Python's `jsonschema` judges.

mod common;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Lab, assert_code, broken, stderr};
use serde_json::{Value, json};

/// Reads a case a line: a schema, a place in it, a document; writes a list of what is wrong for each.
const JUDGE: &str = r##"
import json, sys
from jsonschema import Draft202012Validator as Validator
for line in sys.stdin:
    case = json.loads(line)
    schema = case["schema"]
    Validator.check_schema(schema)
    if case["at"]:
        schema = {"$ref": case["at"], "$defs": schema["$defs"]}
    errors = Validator(schema).iter_errors(case["document"])
    print(json.dumps(["/".join(map(str, e.absolute_path)) + ": " + e.message[:200] for e in errors]))
"##;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

/// What is to be judged.
#[derive(Default)]
struct Cases(Vec<(String, Value)>);

impl Cases {
    fn add(&mut self, name: &str, schema: &str, at: &str, document: Value) {
        let path = vectors().join(format!("schemas/{schema}.schema.json"));
        let schema: Value =
            serde_json::from_slice(&fs::read(path).expect("a schema")).expect("JSON");
        let case = json!({ "schema": schema, "at": at, "document": document });
        self.0.push((name.to_owned(), case));
    }

    /// What is wrong with each.
    fn judged(&self) -> Vec<(&str, Vec<String>)> {
        let mut python = Command::new("/usr/bin/python3")
            .args(["-c", JUDGE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs; run: cargo xtask test");
        let mut input = python.stdin.take().expect("a pipe");
        let lines: String = self.0.iter().map(|(_, case)| format!("{case}\n")).collect();
        let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
        let output = python.wait_with_output().expect("it ends");
        writer.join().expect("no panic").expect("written");
        assert!(output.status.success(), "is python3-jsonschema there?");
        let text = String::from_utf8(output.stdout).expect("text");
        let errors: Vec<Vec<String>> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("a list"))
            .collect();
        assert_eq!(errors.len(), self.0.len());
        let names = self.0.iter().map(|(name, _)| name.as_str());
        names.zip(errors).collect()
    }

    #[track_caller]
    fn assert_valid(&self) {
        for (name, errors) in self.judged() {
            assert!(errors.is_empty(), "{name}: {errors:#?}");
        }
    }

    #[track_caller]
    fn assert_invalid(&self) {
        for (name, errors) in self.judged() {
            assert!(!errors.is_empty(), "{name} is taken");
        }
    }
}

fn image(lab: &Lab, name: &str) -> Value {
    serde_json::from_slice(&fs::read(lab.path(name)).expect("an image")).expect("JSON")
}

/// Takes out the nulls that looking for a field that is not there has left.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(values) => values.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// Cards of every state, a copy of one, one that keeps its generator, the broken ones, and those of
/// the vectors.
#[test]
fn every_image_that_is_written_is_one_by_the_schema() {
    let mut cases = Cases::default();
    let mut good = Value::Null;
    for state in [
        "blank",
        "blank-slots",
        "delivered",
        "valid",
        "blocked",
        "full",
    ] {
        let lab = Lab::with(&["--state", state, "--protocol", "t1"]);
        cases.add(state, "card-image", "", image(&lab, "card.json"));
        let dump = lab.run(&["dump", "-o", "copy.json"]);
        assert!(lab.path("copy.json").exists(), "{}", stderr(&dump));
        cases.add("a copy", "card-image", "", image(&lab, "copy.json"));
        if state == "valid" {
            let traced = ["--trace", "t.json", "--trace-start", "start.json", "info"];
            assert_code(&lab.run(&traced), 0);
            let start = image(&lab, "start.json");
            assert!(start["generator"].is_object());
            cases.add("with a generator", "card-image", "", start);
            good = image(&lab, "card.json");
        }
    }
    for vector in broken::vectors()["vectors"].as_array().expect("a list") {
        let name = vector["name"].as_str().expect("a name");
        if vector["state"].is_null() && vector["change"].is_array() {
            let mut image = good.clone();
            broken::break_as(&mut image, name);
            without_nulls(&mut image);
            cases.add(name, "card-image", "", image);
        }
    }
    let emulator = fs::read_dir(vectors().join("emulator")).expect("vectors");
    for file in emulator.flatten().map(|entry| entry.path()) {
        let text = fs::read(&file).expect("a file");
        if let Ok(document) = serde_json::from_slice::<Value>(&text)
            && document["format"] == "kortlab-card-image"
        {
            cases.add(&file.display().to_string(), "card-image", "", document);
        }
    }
    assert!(cases.0.len() > 50, "{}", cases.0.len());
    cases.assert_valid();
}

#[test]
fn what_is_no_image_by_the_schema_the_program_refuses_as_well() {
    let lab = Lab::with(&["--state", "valid", "--protocol", "t1"]);
    let good = image(&lab, "card.json");
    let mut cases = Cases::default();
    let last = |parent: &mut Value, name: &str| -> Option<Value> {
        parent.as_object_mut().expect("an object").remove(name)
    };
    let mut spoil = |name: &str, place: &str, value: Option<Value>| {
        let mut bad = good.clone();
        let (parent, field) = place.rsplit_once('/').expect("a pointer");
        let parent = bad.pointer_mut(parent).expect(name);
        match value {
            Some(value) => parent[field] = value,
            None => assert!(last(parent, field).is_some(), "{name}"),
        }
        fs::write(lab.path("card.json"), bad.to_string()).expect("written");
        let output = lab.run(&["atr"]);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{name}: the program takes it"
        );
        cases.add(name, "card-image", "", bad);
    };
    spoil("an unknown field", "/colour", Some(json!("blue")));
    spoil("no test secrets", "/test_secrets", Some(json!(false)));
    spoil("another version", "/version", Some(json!(3)));
    spoil("another format", "/format", Some(json!("card")));
    spoil("a protocol that is none", "/protocol", Some(json!("t2")));
    spoil("half a byte", "/atr", Some(json!("3B0")));
    spoil("an ATR of one byte", "/atr", Some(json!("3B")));
    spoil("no PINs", "/pins", None);
    spoil("no reference", "/pins/0/reference", None);
    spoil("too many tries", "/pins/0/tries_left", Some(json!(16)));
    spoil(
        "a setting that is none",
        "/settings/memory",
        Some(json!("magic")),
    );
    spoil(
        "an MF that is no DF",
        "/master_file/kind",
        Some(json!("transparent")),
    );
    spoil("a DF without files", "/master_file/files/1/files", None);
    spoil("a file of no size", "/master_file/files/0/size", None);
    spoil(
        "a file of no kind",
        "/master_file/files/0/kind",
        Some(json!("blob")),
    );
    spoil(
        "an EF with files",
        "/master_file/files/0/files",
        Some(json!([])),
    );
    spoil(
        "a long FID",
        "/master_file/files/0/fid",
        Some(json!("2F0000")),
    );
    let short = json!({ "seed": "00", "words": 0 });
    spoil("a short seed", "/generator", Some(short));
    cases.assert_invalid();
}

#[test]
fn every_line_of_a_trace_is_one_by_the_schema_and_so_is_the_whole() {
    let lab = Lab::new("valid");
    let mut cases = Cases::default();
    assert_code(
        &lab.with_pins(&["--trace", "t.json", "pin", "verify", "auth"]),
        0,
    );
    let torn = ["--trace", "u.json", "--fault", "tear:after-bytes=1"];
    let _ = lab.with_pins(&[&torn[..], &["pin", "verify", "auth"]].concat());
    let mut seen = Vec::new();
    for name in ["t.json", "u.json"] {
        let text = fs::read_to_string(lab.path(name)).expect("a trace");
        let mut lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let mut whole = lines.next().expect("a head");
        cases.add("the head", "trace", "#/$defs/head", whole.clone());
        let events: Vec<Value> = lines.collect();
        for event in &events {
            let kind = event["event"].as_str().expect("a kind").to_owned();
            cases.add(&kind, "trace", "#/$defs/event", event.clone());
            seen.push(kind);
        }
        whole["events"] = Value::Array(events);
        cases.add("the whole", "trace", "", whole);
    }
    for kind in ["image", "card", "command", "answer", "no-answer"] {
        assert!(seen.iter().any(|seen| seen == kind), "no {kind}");
    }
    cases.assert_valid();
    let mut bad = Cases::default();
    for event in [
        json!({ "event": "command" }),
        json!({ "event": "command", "command": "00A" }),
        json!({ "event": "reset", "kind": "hot" }),
        json!({ "event": "image", "fingerprint": "00" }),
        json!({ "event": "card", "atr": "3B00", "protocol": "t7" }),
        json!({ "event": "dance" }),
        json!({ "command": "00A40000" }),
    ] {
        let trace = format!("{{\"format\":\"kortlab-trace\",\"version\":1}}\n{event}\n");
        let trace = trace + "{\"event\":\"command\",\"command\":\"00A40000\"}\n";
        fs::write(lab.path("bad.json"), trace).expect("written");
        assert_code(&lab.run(&["trace", "show", "bad.json"]), 6);
        bad.add(&event.to_string(), "trace", "#/$defs/event", event);
    }
    bad.assert_invalid();
}

#[test]
fn every_diagnosis_is_one_by_the_schema_and_so_are_the_broken_cards() {
    let lab = Lab::with(&["--state", "valid", "--protocol", "t1"]);
    let good = image(&lab, "card.json");
    let mut cases = Cases::default();
    let all = broken::vectors();
    let vectors = all["vectors"].as_array().expect("a list");
    let changed = vectors.iter().filter(|vector| vector["change"].is_array());
    for vector in changed
        .filter(|vector| vector["state"].is_null())
        .step_by(3)
    {
        let name = vector["name"].as_str().expect("a name");
        let mut image = good.clone();
        broken::break_as(&mut image, name);
        fs::write(lab.path("card.json"), image.to_string()).expect("written");
        let output = lab.run(&["--json", "diagnose"]);
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        for problem in document["problems"].as_array().expect("a list") {
            cases.add(name, "diagnosis", "#/$defs/finding", problem.clone());
        }
        cases.add(name, "diagnosis", "", document);
    }
    let lab = Lab::new("blank");
    let output = lab.run(&["--json", "diagnose"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    cases.add("blank", "diagnosis", "", document.clone());
    cases.add("the broken cards", "broken-cards", "", all);
    assert!(cases.0.len() > 20, "{}", cases.0.len());
    cases.assert_valid();
    let mut bad = Cases::default();
    let mut without = document.clone();
    without
        .as_object_mut()
        .expect("an object")
        .remove("problems");
    bad.add("no problems", "diagnosis", "", without);
    let mut another = document;
    another["problems"][0]["severity"] = json!("awful");
    bad.add("another severity", "diagnosis", "", another);
    bad.assert_invalid();
}
