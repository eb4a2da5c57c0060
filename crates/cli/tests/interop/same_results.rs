//! The same card, through pcscd and in process: the same answers.

use std::fs;

use serde_json::Value;

use crate::lab::{AUTH, Lab, Link, SIGN};

/// What a command says as JSON, without what must differ: where the card was found.
fn json(lab: &Lab, card: &str, arguments: &[&str]) -> Value {
    let command = lab.kortlab_on(card, &["--json"]).args(arguments);
    let output = command.run().unwrap().success().unwrap();
    let mut value: Value = serde_json::from_slice(&output.stdout).unwrap();
    if let Some(object) = value.as_object_mut() {
        for place in ["reader", "card"] {
            if object.get(place).is_some_and(Value::is_string) {
                object.remove(place);
            }
        }
    }
    value
}

fn same(link: Link) {
    let lab = Lab::new("valid", link);
    // The image in the reader is locked; a copy of it is the same card.
    let copy = lab.path("copy.json");
    fs::copy(&lab.image, &copy).unwrap();
    let input = lab.write("input", b"the same for both");
    let commands: [&[&str]; 8] = [
        &["atr"],
        &["info"],
        &["pin", "status"],
        &["key", "list"],
        &["cert", "list"],
        &["key", "sign", "--key", AUTH.key, "--in", &input],
        &["key", "sign", "--key", SIGN.key, "--in", &input],
        // The card in the reader has now seen both PINs, and so has the copy.
        &["pin", "status"],
    ];
    for command in commands {
        let in_the_reader = json(&lab, "pcsc", command);
        let in_process = json(&lab, &copy, command);
        assert_eq!(in_the_reader, in_process, "{command:?}");
        assert_ne!(in_process, Value::Null);
    }
}

#[test]
fn pcsc_and_the_image_give_the_same_results_under_t0() {
    same(Link::T0);
}

#[test]
fn pcsc_and_the_image_give_the_same_results_under_t1() {
    same(Link::T1);
}

#[test]
fn the_same_changes_leave_the_same_card() {
    let mut lab = Lab::new("valid", Link::T0);
    let copy = lab.path("copy.json");
    fs::copy(&lab.image, &copy).unwrap();
    for card in ["pcsc", &copy] {
        let wrong = lab
            .kortlab_on(card, &["pin", "verify", "sign"])
            .env("SIGN", "000000");
        wrong.run().unwrap().code(4).unwrap();
        let change = lab
            .kortlab_on(card, &["pin", "change", "auth", "--new-pin", "env:NEW"])
            .env("NEW", "112233");
        change.run().unwrap().success().unwrap();
    }
    lab.eject().success().unwrap();
    let read = |path: &std::path::Path| fs::read_to_string(path).unwrap();
    assert_eq!(read(&lab.image), read(copy.as_ref()));
    assert!(read(&lab.image).contains("112233"));
}
