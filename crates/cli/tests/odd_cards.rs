//! The command line with cards that describe themselves wrongly, and with an odd world around it.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;

use common::{Lab, assert_code, assert_plain_error, stderr, stdout};
use kortlab_pkcs15::{Aodf, AuthenticationAttributes, Directory, Path, PinAttributes};
use serde_json::{Value, json};

/// A card whose first PIN has other rules.
fn with_first_pin(change: impl FnOnce(&mut PinAttributes)) -> Lab {
    with_aodf(|objects| {
        if let AuthenticationAttributes::Pin(pin) = &mut objects[0].attributes {
            change(pin);
        }
    })
}

fn with_aodf(change: impl FnOnce(&mut Vec<kortlab_pkcs15::AuthenticationObject>)) -> Lab {
    let lab = Lab::new("valid");
    let mut image: Value = serde_json::from_slice(&lab.image()).unwrap();
    let files = image["master_file"]["files"].as_array_mut().unwrap();
    let application = files.iter_mut().find(|file| file["fid"] == "5015").unwrap();
    let files = application["files"].as_array_mut().unwrap();
    let aodf = files.iter_mut().find(|file| file["fid"] == "4401").unwrap();
    let bytes = hex::decode(aodf["data"].as_str().unwrap()).unwrap();
    let mut objects: Vec<_> = Aodf::parse(&bytes).value.objects().cloned().collect();
    change(&mut objects);
    let encoded = Directory::new(objects).encode().unwrap();
    aodf["data"] = json!(hex::encode_upper(encoded));
    fs::write(lab.path("card.json"), image.to_string()).unwrap();
    lab
}

fn tries(lab: &Lab) -> Value {
    let image: Value = serde_json::from_slice(&lab.image()).unwrap();
    image["pins"][0]["tries_left"].clone()
}

#[test]
fn one_pin_whose_directory_is_missing_leaves_the_rest_to_be_shown() {
    let lab = with_first_pin(|pin| pin.path = Some(Path::file([0x3F, 0x00, 0x1F, 0xFF])));
    for command in [&["info"][..], &["pin", "status"]] {
        let output = lab.run(command);
        let text = stdout(&output);
        assert!(
            text.contains("6A82") && text.contains("3 tries left"),
            "{text}"
        );
        let document = lab.run(&[command, &["--json"]].concat());
        let document: Value = serde_json::from_slice(&document.stdout).unwrap();
        let pins = &document["pins"];
        assert_eq!(pins[0]["state"], "unknown");
        assert_eq!(pins[0]["status"], "6A82");
        assert!(pins[0]["reason"].as_str().unwrap().contains("directory"));
        assert_eq!(pins[1]["state"], "not-verified");
        assert_code(&output, 6);
        assert_eq!(codes(&document), ["dangling-path"]);
        assert!(text.contains("[dangling-path]"), "{text}");
    }
    // It is damage to a directory, whatever command reads that.
    assert_code(&lab.run(&["cert", "check"]), 6);
    let listed = lab.run(&["cert", "list"]);
    assert_code(&listed, 0);
    assert!(stdout(&listed).contains("[dangling-path]"));
    assert_plain_error(&lab.with_pins(&["pin", "verify", "auth"]), 1);
    assert_eq!(tries(&lab), 3);
}

fn codes(document: &Value) -> Vec<&str> {
    let problems = document["problems"].as_array().unwrap().iter();
    problems
        .map(|problem| problem["code"].as_str().unwrap())
        .collect()
}

#[test]
fn a_pin_that_the_card_does_not_know_is_a_finding_and_no_all_clear() {
    // No PIN has this reference: 6A88.
    let lab = with_first_pin(|pin| pin.reference = 0x87);
    for command in [&["info"][..], &["pin", "status"]] {
        let output = lab.run(command);
        assert_code(&output, 6);
        let text = stdout(&output);
        assert!(
            text.contains("[pin-state-unknown]") && text.contains("3 tries left"),
            "{text}"
        );
        let document = lab.run(&[command, &["--json"]].concat());
        let document: Value = serde_json::from_slice(&document.stdout).unwrap();
        // The key's file names another, which the card knows.
        assert_eq!(
            codes(&document),
            ["pin-state-unknown", "pin-reference-mismatch"]
        );
        assert_eq!(document["problems"][0]["object"]["index"], 0);
        assert_eq!(document["problems"][1]["object"]["index"], 0);
        assert_eq!(document["pins"][0]["status"], "6A88");
    }
}

#[test]
fn a_pin_with_a_reference_of_two_bytes_is_shown_with_it() {
    let lab = Lab::new("valid");
    let image = String::from_utf8(lab.image()).unwrap();
    // pinReference 81 of the first PIN.
    assert!(image.contains("80020081"));
    fs::write(
        lab.path("card.json"),
        image.replacen("80020081", "80020181", 1),
    )
    .unwrap();
    for command in [&["info"][..], &["pin", "status"]] {
        let output = lab.run(command);
        assert_code(&output, 6);
        let text = stdout(&output);
        assert!(text.contains("does not fit P2"), "{text}");
        let document = lab.run(&[command, &["--json"]].concat());
        let document: Value = serde_json::from_slice(&document.stdout).unwrap();
        assert_eq!(document["pins"][0]["reference"], "181");
        assert_eq!(document["pins"][0]["name"], "auth");
        assert!(!codes(&document).is_empty());
    }
    let output = lab.with_pins(&["pin", "verify", "auth"]);
    assert_plain_error(&output, 5);
    assert_eq!(tries(&lab), 3);
}

#[test]
fn damage_to_the_files_that_tell_of_pins_is_told_with_their_status() {
    let lab = Lab::new("valid");
    let mut image: Value = serde_json::from_slice(&lab.image()).unwrap();
    let files = image["master_file"]["files"].as_array_mut().unwrap();
    let application = files.iter_mut().find(|file| file["fid"] == "5015").unwrap();
    let files = application["files"].as_array_mut().unwrap();
    files.retain(|file| file["fid"] != "4401");
    fs::write(lab.path("card.json"), image.to_string()).unwrap();
    let output = lab.run(&["pin", "status"]);
    assert_code(&output, 6);
    let text = stdout(&output);
    assert!(text.contains("[file-absent]"), "{text}");
}

#[test]
fn rules_that_contradict_each_other_stop_a_pin_until_the_holder_knows() {
    type Change = fn(&mut PinAttributes);
    let cases: [(Change, &str); 6] = [
        (
            |pin| {
                pin.min_length = 9;
                pin.max_length = Some(4);
            },
            "minLength 9 is above maxLength 4",
        ),
        (
            |pin| {
                pin.stored_length = 100;
                pin.max_length = Some(100);
            },
            "storedLength is 100",
        ),
        (|pin| pin.pad_char = None, "padChar is missing"),
        (|pin| pin.pad_char = Some(b'1'), "padChar 31 is the digit 1"),
        (|pin| pin.min_length = 256, "minLength 256 is more than"),
        (
            |pin| pin.max_length = Some(u32::MAX),
            "maxLength 4294967295",
        ),
    ];
    for (change, part) in cases {
        let lab = with_first_pin(change);
        let output = lab.with_pins(&["pin", "verify", "auth"]);
        assert_plain_error(&output, 1);
        let said = stderr(&output);
        assert!(
            said.contains(part) && said.contains("--doubtful-pin"),
            "{said}"
        );
        assert_eq!(tries(&lab), 3);
        // Before anybody types it, too.
        let said = stderr(&lab.run(&["pin", "unblock", "auth"]));
        assert!(said.contains(part), "{said}");
        let text = stdout(&lab.run(&["pin", "status"]));
        assert!(text.contains(part), "{text}");
        assert_code(&lab.with_pins(&["pin", "verify", "sign"]), 0);
    }
    let lab = with_first_pin(|pin| {
        pin.min_length = 9;
        pin.max_length = Some(4);
    });
    assert_code(
        &lab.with_pins(&["pin", "verify", "auth", "--doubtful-pin"]),
        0,
    );
}

#[test]
fn a_greatest_length_of_zero_below_a_least_one_is_found_and_takes_nothing_from_the_pin() {
    let lab = with_first_pin(|pin| pin.max_length = Some(0));
    for command in [&["info"][..], &["cert", "check"], &["pin", "status"]] {
        let output = lab.run(&[&["--json"], command].concat());
        assert_code(&output, 6);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(codes(&document).contains(&"pin-lengths"), "{document:#}");
    }
    assert_code(&lab.with_pins(&["pin", "verify", "auth"]), 0);
    assert_eq!(tries(&lab), 3);
}

#[test]
fn an_empty_path_of_a_pin_is_found_and_the_pin_can_be_used() {
    let lab = with_first_pin(|pin| pin.path = Some(Path::file([])));
    for command in [&["info"][..], &["cert", "check"], &["pin", "status"]] {
        let output = lab.run(&[&["--json"], command].concat());
        assert_code(&output, 6);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(codes(&document).contains(&"empty-path"), "{document:#}");
    }
    assert_code(&lab.with_pins(&["pin", "verify", "auth"]), 0);
    // Without one nothing is wrong.
    let lab = with_first_pin(|pin| pin.path = None);
    assert_code(&lab.run(&["info"]), 0);
}

/// A card with one PIN, by which both keys are used, as the directories and the keys' files say.
fn with_one_pin() -> Lab {
    let lab = with_aodf(|objects| objects.truncate(1));
    let mut image = String::from_utf8(lab.image()).unwrap();
    for (two, one) in [
        ("020780040102300C", "020780040101300C"),
        ("010183012A82", "010183012A81"),
    ] {
        assert_eq!(image.matches(two).count(), 1, "{two}");
        image = image.replace(two, one);
    }
    fs::write(lab.path("card.json"), image).unwrap();
    lab
}

#[test]
fn one_pin_for_everything_is_said_to_be_one_and_takes_either_source() {
    let lab = with_one_pin();
    let text = stdout(&lab.run(&["pin", "status"]));
    assert!(text.contains("auth, sign"), "{text}");
    assert!(text.contains("are the same"), "{text}");
    let output = lab.run(&["--json", "pin", "status"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["pins"][0]["roles"], json!(["auth", "sign"]));
    assert_code(&output, 0);
    assert_eq!(codes(&document), [""; 0]);
    fs::write(lab.path("pin.txt"), "123456\n").unwrap();
    for source in ["--auth-pin", "--sign-pin"] {
        for role in ["auth", "sign"] {
            let output = lab.run(&["pin", "verify", role, source, "file:pin.txt"]);
            assert_code(&output, 0);
        }
    }
}

#[test]
fn a_pin_is_not_for_everything_where_a_key_names_one_that_is_gone() {
    let lab = with_aodf(|objects| objects.truncate(1));
    let text = stdout(&lab.run(&["pin", "status"]));
    assert!(!text.contains("are the same"), "{text}");
    let output = lab.run(&["--json", "pin", "status"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["pins"][0]["roles"], json!(["auth"]));
    assert_code(&output, 6);
    assert_eq!(codes(&document), ["no-such-pin"]);
    fs::write(lab.path("pin.txt"), "123456\n").unwrap();
    let output = lab.run(&["pin", "verify", "auth", "--auth-pin", "file:pin.txt"]);
    assert_code(&output, 0);
    // It may be another PIN that is only not listed any more.
    let sign = ["pin", "verify", "sign", "--sign-pin", "file:pin.txt"];
    let output = lab.run(&sign);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("which the card does not list"));
    let output = lab.run(&[&sign[..], &["--doubtful-pin"]].concat());
    assert_code(&output, 0);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let lab = Lab::new("valid");
    let mut command = lab.command(&["atr"]);
    let output = command.env("KORTLAB_CARD", "").output().unwrap();
    // No reader is here: the default is taken, and nobody is told that "" is no kind of card.
    let said = stderr(&output);
    assert!(!said.contains("no such kind"), "{said}");
    assert_code(&output, 3);
    let mut command = lab.command(&["--card", "", "atr"]);
    assert_code(&command.output().unwrap(), 2);
}

#[test]
fn a_clock_before_1970_is_one_clear_line() {
    let lab = Lab::new("valid");
    for arguments in [
        &["info"][..],
        &["cert", "check"],
        &["card", "new", "-o", "x.json"],
        &["demo"],
    ] {
        let kortlab = lab.command(arguments);
        let mut faked = std::process::Command::new("faketime");
        faked.args(["-f", "@1960-01-01 00:00:00"]);
        faked.arg(kortlab.get_program()).args(kortlab.get_args());
        faked
            .current_dir(lab.directory())
            .env("KORTLAB_CARD", "card.json");
        let output = faked
            .output()
            .expect("faketime is missing: run: cargo xtask test");
        assert_plain_error(&output, 1);
        let said = stderr(&output);
        assert!(said.contains("before 1970"), "{said}");
    }
}
