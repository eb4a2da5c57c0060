//! PINs whose references in EF(AODF) are those of others, as the access conditions of the keys' files
//! have it: found, and not sent before the holder knows.

use std::fs;

use serde_json::Value;

use crate::bench::*;
use crate::common::{Lab, assert_code, stderr};

const AODF: &str = "4401";
const PRKDF: &str = "4402";
const CODE: &str = "pin-reference-mismatch";
const PROTOCOLS: [&str; 2] = ["t0", "t1"];

fn card(protocol: &str) -> Lab {
    Lab::with(&["--date", DAY, "--protocol", protocol])
}

/// Where the references of the PINs are in EF(AODF): 80 02 00 rr.
fn references(lab: &Lab) -> Vec<usize> {
    let bytes = data(lab, AODF);
    let places = bytes.windows(4).enumerate();
    let is_one = |part: &[u8]| part.starts_with(&[0x80, 0x02, 0x00]) && part[3] & 0xF0 == 0x80;
    places
        .filter(|(_, part)| is_one(part))
        .map(|(at, _)| at)
        .collect()
}

/// Gives the PINs whose references are at these places others.
fn set_references(lab: &Lab, places: &[usize], wanted: [u8; 2]) {
    assert_eq!(places.len(), 2, "two PINs");
    change_data(lab, AODF, |bytes| {
        for (place, reference) in places.iter().zip(wanted) {
            bytes[place + 3] = reference;
        }
    });
}

/// The tries of all PINs and the PUK.
fn tries(lab: &Lab) -> Vec<u64> {
    let image: Value = serde_json::from_slice(&lab.image()).expect("an image");
    let pins = image["pins"].as_array().expect("PINs").iter();
    pins.map(|pin| pin["tries_left"].as_u64().expect("tries"))
        .collect()
}

/// Both commands find just these objects of this file, in that order.
#[track_caller]
fn assert_found_at(lab: &Lab, expected: &[(u64, usize)]) {
    for command in [&["cert", "check"][..], &["diagnose"]] {
        let (document, exit) = run(lab, &[command, &["--date", DAY]].concat());
        assert_eq!(exit, 6, "{command:?}");
        let found = document["problems"].as_array().expect("a list").iter();
        let found: Vec<_> = found.filter(|one| one["code"] == CODE).collect();
        let places: Vec<_> = found
            .iter()
            .map(|one| {
                assert_eq!(one["severity"], "error");
                assert_eq!(one["path"], "3F0050154401", "{one:#}");
                let index = one["object"]["index"].as_u64().expect("an object");
                (index, one["offset"].as_u64().expect("an offset") as usize)
            })
            .collect();
        assert_eq!(places, expected, "{command:?}: {document:#}");
    }
}

/// No command that would send this PIN sends anything that costs a try.
#[track_caller]
fn assert_not_sent(lab: &Lab, role: &str, key: &str) {
    // As long as the modulus: a request that could work.
    fs::write(lab.path("block"), [1; 256]).expect("written");
    fs::write(lab.path("message"), "a message").expect("written");
    let before = tries(lab);
    let mut commands = vec![
        vec!["pin", "verify", role],
        vec!["pin", "change", role, "--new-pin", "env:AUTH"],
        vec![
            "pin",
            "unblock",
            role,
            "--puk",
            "env:PUK",
            "--new-pin",
            "env:AUTH",
        ],
        vec!["key", "sign", "--in", "message", "--key", key],
    ];
    if role == "auth" {
        if is_known_os(lab) {
            commands.push(vec!["cert", "remove", "4333"]);
        }
        commands.push(vec!["key", "decrypt", "--in", "block", "--key", key]);
    }
    for command in commands {
        let mut kortlab = lab.command(&command);
        let pins = [
            "--auth-pin",
            "env:AUTH",
            "--sign-pin",
            "env:SIGN",
            "--trace",
            "t.apdu",
        ];
        let output = kortlab
            .args(pins)
            .envs([("AUTH", "123456"), ("SIGN", "654321"), ("PUK", "12345678")])
            .output()
            .expect("kortlab runs");
        assert_code(&output, 1);
        let said = stderr(&output);
        assert!(
            said.contains("was not sent") && said.contains("--doubtful-pin"),
            "{command:?}: {said}"
        );
        assert!(said.contains("is used by PIN 8"), "{command:?}: {said}");
        let trace = fs::read_to_string(lab.path("t.apdu")).expect("a trace");
        let mut lines = trace.lines().map(|line| line.replace(' ', ""));
        let spends = |line: &String| {
            let starts = ["0020", "0024", "002C"];
            starts.iter().any(|start| line.starts_with(start)) && line.len() > "0020008100".len()
        };
        assert_eq!(lines.find(spends), None, "{command:?}");
        assert_eq!(tries(lab), before, "{command:?}");
    }
}

#[test]
fn references_that_are_swapped_are_found_and_no_try_is_spent() {
    for protocol in PROTOCOLS {
        let lab = card(protocol);
        let places = references(&lab);
        set_references(&lab, &places, [0x82, 0x81]);
        assert_found_at(&lab, &[(0, places[0]), (1, places[1])]);
        assert_not_sent(&lab, "auth", "45");
        assert_not_sent(&lab, "sign", "46");
        // Who knows better may: the PIN that is sent is the other one's.
        let before = tries(&lab);
        assert_code(
            &lab.with_pins(&["pin", "verify", "auth", "--doubtful-pin"]),
            4,
        );
        assert_ne!(tries(&lab), before);
    }
}

#[test]
fn a_pin_with_the_reference_of_the_puk_or_of_nobody_is_found_and_no_try_is_spent() {
    for (protocol, reference) in [("t0", 0x83), ("t1", 0x84), ("t0", 0x87), ("t1", 0x01)] {
        let lab = card(protocol);
        let places = references(&lab);
        set_references(&lab, &places, [reference, 0x82]);
        assert_found_at(&lab, &[(0, places[0])]);
        assert_not_sent(&lab, "auth", "45");
        assert_code(&lab.with_pins(&["pin", "verify", "sign"]), 0);
        set_references(&lab, &places, [0x81, reference]);
        assert_found_at(&lab, &[(1, places[1])]);
        assert_not_sent(&lab, "sign", "46");
        assert_code(&lab.with_pins(&["pin", "verify", "auth"]), 0);
    }
}

#[test]
fn keys_that_name_the_pin_of_the_other_are_found() {
    let lab = valid();
    let places = references(&lab);
    // authId of the two keys: 04 01 01 and 04 01 02.
    change_data(&lab, PRKDF, |bytes| {
        let ids: Vec<_> = bytes
            .windows(3)
            .enumerate()
            .filter(|(_, part)| matches!(part, [0x04, 0x01, 0x01 | 0x02]))
            .map(|(at, _)| at + 2)
            .collect();
        assert_eq!(ids.len(), 2);
        for at in ids {
            bytes[at] ^= 0x03;
        }
    });
    assert_found_at(&lab, &[(0, places[0]), (1, places[1])]);
    let before = tries(&lab);
    for role in ["auth", "sign"] {
        assert_code(&lab.with_pins(&["pin", "verify", role]), 1);
    }
    assert_eq!(tries(&lab), before);
}

#[test]
fn a_key_that_names_the_pin_of_another_key_is_found_where_it_does() {
    let lab = valid();
    let mut at = 0;
    change_data(&lab, PRKDF, |bytes| {
        let ids = bytes.windows(3).position(|part| part == [0x04, 0x01, 0x02]);
        at = ids.expect("authId of the second key");
        bytes[at + 2] = 0x01;
    });
    let (document, exit) = check(&lab, &[]);
    assert_eq!(exit, 6);
    let found = problem(&document, CODE);
    assert_eq!(found["path"], "3F0050154402", "{found:#}");
    assert_eq!(
        (&found["object"]["index"], &found["offset"]),
        (&1.into(), &at.into())
    );
    assert_code(&lab.with_pins(&["pin", "verify", "auth"]), 0);
    fs::write(lab.path("message"), "a message").expect("written");
    let before = tries(&lab);
    for key in ["45", "46"] {
        let exit = if key == "45" { 0 } else { 1 };
        assert_code(
            &lab.with_pins(&["key", "sign", "--in", "message", "--key", key]),
            exit,
        );
    }
    assert_eq!(tries(&lab), before);
}

#[test]
fn a_puk_that_has_the_reference_of_a_pin_is_found() {
    use kortlab_pkcs15::{Aodf, AuthenticationAttributes, Directory, PinFlags};
    let lab = valid();
    let with_puk = |reference: u32| {
        let mut objects: Vec<_> = Aodf::parse(&data(&lab, AODF))
            .value
            .objects()
            .cloned()
            .collect();
        objects.truncate(2);
        let mut puk = objects[0].clone();
        puk.authentication.auth_id = 0x03.into();
        puk.common.label = Some("PUK".to_owned());
        if let AuthenticationAttributes::Pin(attributes) = &mut puk.attributes {
            attributes.reference = reference;
            attributes.flags = attributes.flags | PinFlags::UNBLOCKING_PIN;
        }
        objects.push(puk);
        let encoded = Directory::new(objects).encode().expect("it encodes");
        change_data(&lab, AODF, |bytes| *bytes = encoded);
        references(&lab)
    };
    with_puk(0x83);
    let (document, exit) = check(&lab, &[]);
    assert_eq!((codes(&document), exit), (Vec::new(), 0));
    for reference in [0x81, 0x82] {
        let places = with_puk(reference);
        assert_found_at(&lab, &[(2, places[2])]);
        // Nothing is sent for a PUK but the PIN's own reference.
        assert_code(&lab.with_pins(&["pin", "verify", "auth"]), 0);
    }
}

/// Has the card describe the files of its two keys with these access rules in the expanded coding
/// (ISO/IEC 7816-4 §9.3.4), in place of those of its own.
fn describe_keys(lab: &Lab, rules: [&str; 2]) {
    for (fid, rule) in ["4B01", "4B02"].into_iter().zip(rules) {
        let rule = rule.replace(' ', "");
        let fields = format!("8201118302{fid}AB{:02X}{rule}", rule.len() / 2);
        let described = format!("6F{:02X}{fields}", fields.len() / 2);
        change_file(lab, fid, |file| file["recorded"] = answer(&described));
    }
}

/// Whether the card OS says which it is: no certificate is removed from others.
fn is_known_os(lab: &Lab) -> bool {
    let image: Value = serde_json::from_slice(&lab.image()).expect("an image");
    !image["data_objects"].as_array().is_none_or(Vec::is_empty)
}

/// The card OS does not say which it is.
fn of_unknown_os(lab: &Lab) {
    change(lab, |image| {
        image["data_objects"] = Value::Array(Vec::new())
    });
}

/// Rules by which the two keys are used with the PINs 81 and 82, and others that say the same.
const EXPANDED: [[&str; 2]; 4] = [
    // PERFORM SECURITY OPERATION: user authentication with a PIN.
    ["84012A A406 950108 830181", "84012A A406 950108 830182"],
    // Reading first, then two commands, and a PIN of two.
    [
        "800101 9700 84022A88 A0 10 A406 830187 950108 A406 830181 950108",
        "800101 9700 84022A88 A0 10 A406 830182 950108 A406 830187 950108",
    ],
    // The whole header, and alternatives in a row.
    [
        "8F04002A9E9A A406 950108 830181 A406 950108 830187",
        "8F04002A9E9A A406 950108 830182 A406 950108 830187",
    ],
    // Both PINs at once.
    [
        "84012A AF 10 A406 950108 830181 A406 950108 830187",
        "84012A AF 10 A406 950108 830187 A406 950108 830182",
    ],
];

#[test]
fn the_reference_in_a_rule_of_the_expanded_coding_counts_whatever_the_card_os() {
    for (number, rules) in EXPANDED.into_iter().enumerate() {
        for known in [true, false] {
            let lab = card(PROTOCOLS[number % 2]);
            if !known {
                of_unknown_os(&lab);
            }
            describe_keys(&lab, rules);
            let (document, _) = check(&lab, &[]);
            let found = codes(&document);
            assert!(!found.contains(&CODE.to_owned()), "{rules:?}: {found:?}");
            assert_code(&lab.with_pins(&["pin", "verify", "auth"]), 0);
            // The PINs of EF(AODF) are each other's.
            let places = references(&lab);
            set_references(&lab, &places, [0x82, 0x81]);
            assert_found_at(&lab, &[(0, places[0]), (1, places[1])]);
            let before = tries(&lab);
            assert_code(&lab.with_pins(&["pin", "verify", "auth"]), 1);
            assert_code(&lab.with_pins(&["pin", "verify", "sign"]), 1);
            assert_eq!(tries(&lab), before, "{rules:?}");
        }
    }
}

#[test]
fn no_command_sends_a_pin_that_a_rule_of_the_expanded_coding_says_is_anothers() {
    for (protocol, known) in [("t0", true), ("t1", false)] {
        let lab = card(protocol);
        if !known {
            of_unknown_os(&lab);
        }
        describe_keys(&lab, EXPANDED[0]);
        // The PUK's, as PUKs are no PINs of keys.
        let places = references(&lab);
        set_references(&lab, &places, [0x83, 0x82]);
        assert_found_at(&lab, &[(0, places[0])]);
        assert_not_sent(&lab, "auth", "45");
        assert_code(&lab.with_pins(&["pin", "verify", "sign"]), 0);
    }
}

#[test]
fn of_a_rule_that_names_no_pin_or_cannot_be_read_nothing_is_said() {
    for rule in [
        // Always; a security condition byte; a key; secure messaging; not this PIN; nobody's.
        "84012A 9000",
        "84012A 9E0110",
        "84012A A406 950180 830187",
        "84012A B406 950108 830187",
        "84012A A708 A406 950108 830187",
        "84012A A403 830187",
        // Two references, one of two bytes, none.
        "84012A A409 950108 830187 830186",
        "84012A A407 950108 83020087",
        "84012A A403 950108",
        // Another command, an unknown mode, a rule that is cut, and one that nests too deep.
        "8401D6 A406 950108 830187",
        "9C0101 A406 950108 830187",
        "84012A A409 950108 830187",
        "84012A A010 A00E A00C A00A A008 A406 950108 830187",
    ] {
        for known in [true, false] {
            let lab = valid();
            if !known {
                of_unknown_os(&lab);
            }
            describe_keys(&lab, [rule, rule]);
            let (document, _) = check(&lab, &[]);
            let found = codes(&document);
            assert!(!found.contains(&CODE.to_owned()), "{rule}: {found:?}");
            assert_code(&lab.with_pins(&["pin", "verify", "auth"]), 0);
        }
    }
}

#[test]
fn where_the_card_does_not_say_by_which_pin_a_key_is_used_nothing_is_said() {
    type Change = fn(&Lab);
    let cases: [(&str, Change); 4] = [
        ("an unknown card OS", of_unknown_os),
        ("no access conditions", |lab| {
            change_file(lab, KEY, |file| {
                file["recorded"] = answer("6F0782011183024B01")
            });
        }),
        ("conditions that cannot be read", |lab| {
            change_file(lab, KEY, |file| {
                file["recorded"] = answer("6F0D82011183024B01860441AAAAAA");
            });
        }),
        ("use that is free for everybody", |lab| {
            change_file(lab, KEY, |file| {
                file["recorded"] = answer("6F0D82011183024B01860482012A00");
            });
        }),
    ];
    for (what, change) in cases {
        for protocol in PROTOCOLS {
            let lab = card(protocol);
            set_references(&lab, &references(&lab), [0x83, 0x82]);
            change(&lab);
            let (document, _) = check(&lab, &[]);
            assert!(!codes(&document).contains(&CODE.to_owned()), "{what}");
        }
    }
}

fn answer(bytes: &str) -> Value {
    serde_json::json!({ "answer": bytes })
}

/// Behind an object that cannot be read, the next one has the number that it has in the file.
#[test]
fn objects_behind_one_that_cannot_be_read_keep_their_numbers() {
    let lab = valid();
    let places = references(&lab);
    set_references(&lab, &places, [0x81, 0x87]);
    // The first object's attributes become something else.
    change_data(&lab, AODF, |bytes| {
        let at = bytes.iter().position(|byte| *byte == 0xA1).expect("[1]");
        bytes[at + 2] = 0x02;
    });
    let (document, _) = check(&lab, &[]);
    let found = problem(&document, CODE);
    assert_eq!(found["object"]["index"], 1, "{found:#}");
    assert_eq!(found["offset"], places[1]);
}

/// Has the card describe the files of its two keys by references (tag 8B) to records of the EF.ARR
/// that is put into the MF, or into the DF of the keys.
fn refer_keys(lab: &Lab, references: [&str; 2], around: &str, fid: &str, records: &[&str]) {
    for (fid, reference) in ["4B01", "4B02"].into_iter().zip(references) {
        let fields = format!("8201118302{fid}8B{:02X}{reference}", reference.len() / 2);
        let described = format!("6F{:02X}{fields}", fields.len() / 2);
        change_file(lab, fid, |file| file["recorded"] = answer(&described));
    }
    let records: Vec<_> = records
        .iter()
        .map(|record| record.replace(' ', ""))
        .collect();
    let file = serde_json::json!({
        "fid": fid, "kind": "linear-variable", "access": "0101",
        "size": 512, "record_length": 64, "record_count": 9, "records": records,
    });
    change_file(lab, around, |directory| {
        directory["files"].as_array_mut().expect("files").push(file);
    });
}

/// A rule for another file, and those of the two keys, filled up.
const RECORDS: [&str; 3] = [
    "800101 9000",
    "84012A A406 950108 830181 FFFFFFFF",
    "800101 9700 84022A88 A406 830182 950108 000000",
];

#[test]
fn the_reference_in_a_record_to_which_a_key_file_refers_counts_whatever_the_card_os() {
    for (number, (references_to, around, fid)) in [
        // A record of the EF.ARR; a file and a record; a file, and a record for each environment.
        (["02", "03"], "3F00", "2F06"),
        (["02", "03"], "5015", "2F06"),
        (["500602", "500603"], "5015", "5006"),
        (["2F060102", "2F0601030203"], "3F00", "2F06"),
    ]
    .into_iter()
    .enumerate()
    {
        for known in [true, false] {
            let lab = card(PROTOCOLS[number % 2]);
            if !known {
                of_unknown_os(&lab);
            }
            refer_keys(&lab, references_to, around, fid, &RECORDS);
            let (document, exit) = check(&lab, &[]);
            assert_eq!(exit, 0, "{document:#}");
            let found = codes(&document);
            assert!(
                !found.contains(&CODE.to_owned()),
                "{references_to:?}: {found:?}"
            );
            assert!(
                !found.contains(&"file-unreadable".to_owned()),
                "{document:#}"
            );
            assert_code(&lab.with_pins(&["pin", "verify", "auth"]), 0);
            // The PINs of EF(AODF) are each other's.
            let places = references(&lab);
            set_references(&lab, &places, [0x82, 0x81]);
            assert_found_at(&lab, &[(0, places[0]), (1, places[1])]);
            let before = tries(&lab);
            assert_code(&lab.with_pins(&["pin", "verify", "auth"]), 1);
            assert_code(&lab.with_pins(&["pin", "verify", "sign"]), 1);
            assert_eq!(tries(&lab), before, "{references_to:?}");
        }
    }
}

#[test]
fn of_a_record_that_cannot_be_read_that_is_said_and_the_pin_is_sent() {
    for references_to in [
        // No such record, no such file, and a reference of no length that there is.
        ["09", "02"],
        ["4F4F02", "02"],
        ["2F060109", "02"],
        ["2F06", "02"],
    ] {
        let lab = card("t1");
        refer_keys(
            &lab,
            references_to,
            "3F00",
            "2F06",
            &[RECORDS[0], RECORDS[2]],
        );
        let (document, _) = check(&lab, &[]);
        let found = problem(&document, "file-unreadable");
        assert_eq!(found["severity"], "note", "{found:#}");
        assert_eq!(found["path"], "3F0050154B01", "{found:#}");
        let message = found["message"].as_str().expect("a message");
        assert!(message.contains("tag 8B"), "{message}");
        assert!(!codes(&document).contains(&CODE.to_owned()), "{document:#}");
        assert_code(&lab.with_pins(&["pin", "verify", "auth"]), 0);
    }
}
