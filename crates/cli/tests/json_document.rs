//! `docs/json.md` names every field that the commands give.

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::Lab;
use common::portal::Portal;
use serde_json::Value;

fn fields(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                found.insert(name.clone());
                fields(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, found)),
        _ => {}
    }
}

#[test]
fn every_field_is_in_the_document() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/json.md");
    let document = fs::read_to_string(path).expect("docs/json.md");
    let lab = Lab::new("valid");
    fs::write(lab.path("message"), "x").expect("written");
    let mut found = BTreeSet::new();
    for command in [
        &["demo", "--seed", "1"][..],
        &["card", "new", "-o", "other.json", "--ca-dir", "ca"],
        &["info"],
        &["atr"],
        &["atr", "3BFD9600008131FE4580318065B0A31101F3830090 00"],
        &["pin", "status"],
        &["key", "list"],
        &["cert", "list"],
        &["cert", "read", "4331"],
        &["apdu", "00A40800 :50155031 /256 =9000"],
        &["dump", "-o", "copy.json"],
        &["tree"],
        &["diagnose"],
        &["diagnose", "--list"],
    ] {
        let output = lab.run(&[&["--json"], command].concat());
        // The ATR with T=1 lacks its TCK.
        let exit = match command {
            ["atr", _] => 6,
            _ => 0,
        };
        assert_eq!(output.status.code(), Some(exit), "{command:?}");
        fields(
            &serde_json::from_slice(&output.stdout).expect("JSON"),
            &mut found,
        );
    }
    let blank = Lab::new("blank").run(&["--json", "info"]);
    fields(
        &serde_json::from_slice(&blank.stdout).expect("JSON"),
        &mut found,
    );
    let sign = ["--json", "key", "sign", "--key", "45", "--in", "message"];
    for command in [&sign[..], &["--json", "cert", "remove", "4333"]] {
        let output = lab.with_pins(command);
        fields(
            &serde_json::from_slice(&output.stdout).expect("JSON"),
            &mut found,
        );
    }
    // The half of a pair that is left: what the session has broken.
    let lab = Lab::new("valid");
    let trace = ["--trace", "t.json", "--trace-start", "start.json"];
    let remove = [&trace[..], &["cert", "remove", "4334"]].concat();
    assert_eq!(lab.with_pins(&remove).status.code(), Some(0));
    for command in [
        &["trace", "show", "t.json"][..],
        &["trace", "at", "3", "t.json", "--image", "start.json"],
        &["trace", "at", "1", "t.json", "--image", "card.json"],
        &["trace", "bisect", "t.json", "--image", "start.json"],
    ] {
        let output = lab.run(&[&["--json"], command].concat());
        let is_other = command.contains(&"card.json");
        let exit = if is_other { 6 } else { 0 };
        assert_eq!(output.status.code(), Some(exit), "{command:?}");
        fields(
            &serde_json::from_slice(&output.stdout).expect("JSON"),
            &mut found,
        );
    }
    let portal = Portal::start();
    let card = portal.card("delivered", "t0");
    let output = portal.renew_with(&card, &["--json"]);
    fields(
        &serde_json::from_slice(&output.stdout).expect("JSON"),
        &mut found,
    );
    let data = portal
        .ca()
        .parent()
        .expect("a directory")
        .display()
        .to_string();
    for command in [
        &["fail", "timeout", "--operation", "log-in", "--times", "1"][..],
        &["status"],
        &["clock"],
        &["audit"],
        &["audit", "--verify"],
    ] {
        let admin = [&["admin", "--data", &data], command].concat();
        fields(&card.json(&admin), &mut found);
    }
    assert!(found.len() > 60, "{found:?}");
    let missing: Vec<_> = found
        .iter()
        .filter(|name| {
            !document.contains(&format!("`{name}`")) && !document.contains(&format!("`{name}[]`"))
        })
        .collect();
    assert!(missing.is_empty(), "not in docs/json.md: {missing:?}");
}
