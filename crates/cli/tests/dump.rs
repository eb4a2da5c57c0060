//! `kortlab dump`: what it writes plays again, costs no try, changes nothing, and is kept whatever
//! the card does.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;

use common::{Lab, assert_code, assert_plain_error, stderr, stdout};
use serde_json::{Value, json};

fn copy(lab: &Lab) -> Value {
    serde_json::from_slice(&fs::read(lab.path("copy.json")).unwrap()).unwrap()
}

/// The instructions that the card got, with how many bytes of data.
fn sent(lab: &Lab, name: &str) -> Vec<(String, usize)> {
    let text = fs::read_to_string(lab.path(name)).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (header, rest) = line.split_once(':').unwrap_or((line, ""));
            let header: String = header.split(['/', '=']).next().unwrap().replace(' ', "");
            let data = rest.split(['/', '=']).next().unwrap().replace(' ', "");
            (header, data.len() / 2)
        })
        .collect()
}

#[test]
fn a_dump_reads_as_the_card_does_with_every_command() {
    for protocol in ["t0", "t1"] {
        for state in [
            "valid",
            "blank",
            "blank-slots",
            "revoked",
            "blocked",
            "full",
        ] {
            let lab = Lab::with(&[
                "--state",
                state,
                "--protocol",
                protocol,
                "--date",
                "2026-11-24",
            ]);
            let read = lab.json(&["dump", "-o", "copy.json"]);
            assert_eq!(read["complete"], true, "{state}: {read:#}");
            let differs =
                |entry: &&Value| entry["kind"] == "differs" || entry["kind"] == "nonsense";
            let odd: Vec<_> = read["not_read"]
                .as_array()
                .unwrap()
                .iter()
                .filter(differs)
                .collect();
            assert!(odd.is_empty(), "{state}: {odd:#?}");
            for command in [
                &["info"][..],
                &["pin", "status"],
                &["key", "list"],
                &["cert", "list", "--date", "2026-11-24"],
                &["cert", "check", "--date", "2026-11-24"],
                &["apdu", "00A40800:50155031/256", "00B00000/256"],
                &[
                    "apdu",
                    "00A40800:50154B01/256",
                    "00A40800:5015/256",
                    "80AA0000/256",
                ],
                &["apdu", "00CADF30/5", "00200081", "00200083"],
                &["apdu", "00A40800:50154B01/256", "00CA0101/256"],
            ] {
                let of_card = lab.run(&[&["--json"], command].concat());
                let of_copy = lab.run(&[&["--json", "-c", "copy.json"], command].concat());
                assert_eq!(stdout(&of_copy), stdout(&of_card), "{state}: {command:?}");
                assert_eq!(of_copy.status.code(), of_card.status.code());
            }
        }
    }
}

#[test]
fn a_dump_tries_no_pin_and_writes_nothing() {
    let lab = Lab::new("valid");
    let before = lab.image();
    let dump = [
        "--trace",
        "all.apdu",
        "dump",
        "-o",
        "copy.json",
        "--brute-force=aids,objects",
    ];
    assert_code(&lab.run(&dump), 0);
    assert_eq!(lab.image(), before, "the card is as it was");
    let sent = sent(&lab, "all.apdu");
    assert!(sent.len() > 500, "{}", sent.len());
    let mut asked = 0;
    for (header, data) in &sent {
        let reads = ["00A4", "00B0", "00B2", "00C0", "00CA", "00CB", "80AA"];
        if header.starts_with("0020") {
            assert_eq!(*data, 0, "{header}");
            assert!(
                [8, 10].contains(&header.len()),
                "{header}: VERIFY without data, to ask for the tries"
            );
            asked += 1;
        } else {
            assert!(
                reads.iter().any(|read| header.starts_with(read)),
                "{header}"
            );
        }
    }
    assert_eq!(
        asked, 4,
        "the two PINs, the PUK, and 84, which is listed and not there"
    );
}

#[test]
fn keys_and_pins_are_not_in_the_copy_which_says_so_and_refuses_them() {
    let lab = Lab::new("valid");
    assert_code(&lab.run(&["dump", "-o", "copy.json"]), 0);
    let text = fs::read_to_string(lab.path("copy.json")).unwrap();
    for secret in ["123456\"", "654321\"", "12345678\"", "\"key\"", "\"d\":"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let not_read = copy(&lab)["provenance"]["not_read"].clone();
    let secret: Vec<_> = not_read
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["kind"] == "secret")
        .map(|entry| entry["what"].as_str().unwrap().to_owned())
        .collect();
    let all = [
        "3F00/5015/4B01",
        "3F00/5015/4B02",
        "PIN 81",
        "PIN 82",
        "PIN 83",
    ];
    assert_eq!(secret, all);
    let verify = lab.with_pins(&["-c", "copy.json", "pin", "verify", "auth"]);
    assert_plain_error(&verify, 4);
    // Whoever knows the PIN may put it in; a key is refused all the same.
    let mut image = copy(&lab);
    image["pins"][0]["value"] = json!("123456");
    image["pins"][0]["tries_left"] = json!(3);
    fs::write(lab.path("copy.json"), image.to_string()).unwrap();
    assert_code(
        &lab.with_pins(&["-c", "copy.json", "pin", "verify", "auth"]),
        0,
    );
    fs::write(lab.path("message"), "x").unwrap();
    let sign = [
        "-c",
        "copy.json",
        "key",
        "sign",
        "--key",
        "45",
        "--in",
        "message",
        "--out",
        "s",
    ];
    let signed = lab.with_pins(&sign);
    assert_plain_error(&signed, 5);
    assert!(stderr(&signed).contains("6A88"), "{}", stderr(&signed));
}

#[test]
fn what_the_card_refuses_is_refused_again_and_said_with_its_status_word() {
    let lab = Lab::new("valid");
    let mut image: Value = serde_json::from_slice(&lab.image()).unwrap();
    let files = image["master_file"]["files"].as_array_mut().unwrap();
    let access = |file: &mut Value, access: &str| file["access"] = json!(access);
    // Read with PIN 81 alone; and one that cannot even be selected.
    files.push(json!({"fid": "2FF1", "kind": "transparent", "size": 16, "data": "AABB"}));
    access(files.last_mut().unwrap(), "020381");
    files.push(
        json!({"fid": "2FF2", "kind": "linear-fixed", "record_length": 2, "record_count": 4,
        "records": ["0102", "0304"]}),
    );
    access(files.last_mut().unwrap(), "0101");
    files.push(
        json!({"fid": "2FF3", "kind": "transparent", "size": 4, "data": "AABB",
        "recorded": {"select": "6982"}}),
    );
    files.push(
        json!({"fid": "2FF4", "kind": "transparent", "size": 600, "data": "AA".repeat(600),
        "recorded": {"unreadable": {"from": 300, "status": "6F00"}}}),
    );
    access(files.last_mut().unwrap(), "0101");
    files.push(
        json!({"fid": "2FF5", "kind": "transparent", "size": 4, "data": "AABB",
        "recorded": {"answer": "6F0481021000"}}),
    );
    fs::write(lab.path("card.json"), image.to_string()).unwrap();
    let read = lab.json(&["dump", "-o", "copy.json"]);
    let note = |what: &str| {
        let mut all = read["not_read"].as_array().unwrap().iter();
        let found = all.find(|entry| entry["what"] == what);
        found.unwrap_or_else(|| panic!("{what}: {read:#}")).clone()
    };
    assert_eq!(note("3F00/2FF1")["status_word"], "6982");
    assert_eq!(note("3F00/2FF3")["status_word"], "6982");
    assert_eq!(note("3F00/2FF4")["status_word"], "6F00");
    assert!(
        note("3F00/2FF4")["why"]
            .as_str()
            .unwrap()
            .contains("byte 300")
    );
    for script in [
        &["00A40000:2FF1/256", "00B00000/16"][..],
        &[
            "00A40000:2FF2/256",
            "00B20104/2",
            "00B20204/2",
            "00B20304/2",
        ],
        &["00A40000:2FF3/256"],
        &["00A40000:2FF4/256", "00B00000/256", "00B00100/256"],
        // A size that lies: 4096 bytes said, 4 there.
        &["00A40000:2FF5/256", "00B00000/256", "00B00004/1"],
        &["00A40000:2FF6/256"],
    ] {
        let apdu = [&["--json", "apdu"], script].concat();
        let of_card = stdout(&lab.run(&apdu));
        let of_copy = stdout(&lab.run(&[&["-c", "copy.json"], &apdu[..]].concat()));
        assert!(!of_card.is_empty());
        assert_eq!(of_copy, of_card, "{script:?}");
    }
}

#[test]
fn what_was_read_before_the_card_was_gone_is_written_and_the_exit_code_says_so() {
    let lab = Lab::new("valid");
    assert_code(
        &lab.run(&["--trace", "all.apdu", "dump", "-o", "whole.json"]),
        0,
    );
    let whole = fs::read_to_string(lab.path("all.apdu")).unwrap();
    let lines: Vec<_> = whole.lines().collect();
    let mut known = 0;
    for part in [20, 50, 90] {
        // The session with the card, cut: then there is no card any more.
        let cut = lines[..lines.len() * part / 100].join("\n") + "\n";
        fs::write(lab.path("cut.apdu"), cut).unwrap();
        let dump = [
            "--json",
            "-c",
            "replay:cut.apdu",
            "dump",
            "-o",
            "copy.json",
            "--force",
        ];
        let output = lab.run(&dump);
        assert_plain_error(&output, 1);
        let said = stderr(&output);
        assert!(said.contains("what was read is in copy.json"), "{said}");
        let read: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&read["complete"], &read["error"]["exit_code"]),
            (&json!(false), &json!(1))
        );
        let files = read["files"].as_u64().unwrap();
        assert!(files >= known && files > 0, "{part}: {files}");
        known = files;
        let provenance = copy(&lab)["provenance"].clone();
        assert_eq!(provenance["complete"], false);
        assert!(provenance["ended"].is_string());
    }
    // Nothing at all: no image.
    fs::write(lab.path("cut.apdu"), lines[..6].join("\n") + "\n").unwrap();
    let output = lab.run(&["-c", "replay:cut.apdu", "dump", "-o", "none.json"]);
    assert!(!output.status.success());
}

#[test]
fn a_budget_ends_it_with_what_was_read_and_exit_code_6() {
    let lab = Lab::new("valid");
    let output = lab.run(&["--json", "dump", "-o", "copy.json", "--brute-force"]);
    assert_code(&output, 6);
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read["complete"], false);
    assert_eq!(read["commands"], 10_000);
    assert!(
        read["ended"].as_str().unwrap().contains("10000 commands"),
        "{read:#}"
    );
    assert_eq!(copy(&lab)["provenance"]["complete"], false);
    assert_code(&lab.run(&["-c", "copy.json", "cert", "list"]), 0);
}

#[test]
fn what_nothing_names_is_found_by_trying() {
    let lab = Lab::new("blank");
    let mut image: Value = serde_json::from_slice(&lab.image()).unwrap();
    // An application that lists no files: another card OS than the EID applet's.
    image["master_file"]["application"] = json!("iso");
    image["master_file"]
        .as_object_mut()
        .unwrap()
        .remove("access");
    image["data_objects"] = json!([{"tag": "5F50", "value": "68747470"}]);
    image["pins"] = json!([]);
    image["atr"] = json!("3B00");
    image["master_file"]["files"] = json!([
        {"fid": "C0DE", "kind": "transparent", "size": 4, "data": "CAFE"},
        {"fid": "7F10", "kind": "df", "name": "F04B4F52544C4142", "files": [
            {"fid": "0001", "kind": "transparent", "size": 2, "data": "0102"},
        ]},
    ]);
    fs::write(lab.path("card.json"), image.to_string()).unwrap();
    let found = |text: &str| {
        fs::read_to_string(lab.path("copy.json"))
            .unwrap()
            .contains(text)
    };
    assert_code(&lab.run(&["dump", "-o", "copy.json"]), 0);
    assert!(!found("CAFE") && !found("F04B4F52544C4142") && !found("68747470"));
    let dump = [
        "--budget",
        "100",
        "dump",
        "-o",
        "copy.json",
        "--force",
        "--brute-force",
    ];
    assert_code(&lab.run(&dump), 0);
    for text in ["CAFE", "F04B4F52544C4142", "68747470", "0102"] {
        assert!(found(text), "{text}");
    }
}

#[test]
fn the_image_is_not_written_over_another_file_unless_that_is_said() {
    let lab = Lab::new("blank");
    fs::write(lab.path("copy.json"), "mine").unwrap();
    assert_plain_error(&lab.run(&["dump", "-o", "copy.json"]), 1);
    assert_eq!(fs::read(lab.path("copy.json")).unwrap(), b"mine");
    assert_plain_error(&lab.run(&["dump", "-o", "copy.txt"]), 2);
    assert_code(&lab.run(&["dump", "-o", "copy.json", "--force"]), 0);
    assert_code(&lab.run(&["-c", "copy.json", "info"]), 6);
}

#[test]
fn the_data_objects_of_piv_are_in_the_copy_and_their_refusals() {
    let lab = Lab::new("blank");
    let mut image: Value = serde_json::from_slice(&lab.image()).unwrap();
    image["master_file"]["application"] = json!("iso");
    let fields = image["master_file"].as_object_mut().unwrap();
    fields.remove("access");
    image["data_objects"] = json!([]);
    image["pins"] = json!([]);
    image["protocol"] = json!("t1");
    image["atr"] = json!("3B800181");
    let certificate = format!("5382012C{}", "70".repeat(300));
    image["master_file"]["files"] = json!([{
        "fid": "7F66", "kind": "df", "name": "A000000308000010000100",
        "recorded": {"answer": "61114F0600001000010079074F05A000000308"},
        "objects": [
            {"tag": "5FC102", "value": "530301020A"},
            {"tag": "5FC105", "value": certificate},
            {"tag": "5FC103", "status": "6982"},
            {"tag": "7E", "value": "7E0312AB34"},
        ],
        "files": [],
    }]);
    fs::write(lab.path("card.json"), image.to_string()).unwrap();
    let read = lab.json(&["dump", "-o", "copy.json"]);
    assert_eq!(read["complete"], true);
    assert_eq!(read["data_objects"], 4);
    let copy_text = fs::read_to_string(lab.path("copy.json")).unwrap();
    // Its whole AID, though it was selected by the beginning.
    assert!(
        copy_text.contains("\"A000000308000010000100\""),
        "{copy_text}"
    );
    let get = |tag: &str| format!("00CB3FFF:5C{:02X}{tag}/256", tag.len() / 2);
    for select in [
        "00A40400:A000000308000010000100/256",
        "00A40400:A00000030800001000/256",
    ] {
        for tag in ["5FC102", "5FC105", "5FC103", "5FC106", "7E"] {
            let apdu = ["--json", "apdu", select, &get(tag)];
            let of_card = stdout(&lab.run(&apdu));
            let of_copy = stdout(&lab.run(&[&["-c", "copy.json"], &apdu[..]].concat()));
            assert!(of_card.contains("61114F06"), "{of_card}");
            assert_eq!(of_copy, of_card, "{tag}");
        }
    }
    let notes = read["not_read"].as_array().unwrap();
    let refused = notes.iter().find(|note| note["status_word"] == "6982");
    assert!(
        refused.unwrap()["what"]
            .as_str()
            .unwrap()
            .ends_with("5FC103"),
        "{read:#}"
    );
}
