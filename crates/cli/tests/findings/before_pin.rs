//! What cannot work whatever the PIN is: said before the PIN is asked for, and no try is spent on it.

use std::fs;

use kortlab_pkcs15::{Aodf, AuthenticationAttributes, Directory, PinFlags};

use crate::bench::*;
use crate::common::{Lab, assert_code, stderr};

const AODF: &str = "4401";

/// Runs it with a PIN that would be wrong, and then with one that is not there to be read: both end in
/// these words, and every PIN has the tries that it had.
#[track_caller]
fn refused(lab: &Lab, arguments: &[&str], words: &str) {
    let before = lab.image();
    fs::write(lab.path("wrong"), "999999").expect("written");
    for source in ["file:wrong", "file:there-is-none"] {
        let options = ["--auth-pin", source, "--sign-pin", source, "--puk", source];
        let output = lab.run(&[&options[..], arguments].concat());
        assert!(matches!(output.status.code(), Some(1 | 5)), "{output:?}");
        let said = stderr(&output);
        assert!(said.contains(words), "{arguments:?}, {source}: {said}");
    }
    assert!(lab.image() == before, "{arguments:?} changed the card");
}

/// A card of which nobody here knows which OS it has.
fn unknown() -> Lab {
    let lab = valid();
    change(&lab, |image| {
        image["data_objects"] = serde_json::json!([]);
    });
    lab
}

#[test]
fn a_use_of_a_key_that_cannot_work_asks_for_no_pin_and_costs_no_try() {
    let lab = valid();
    for (name, bytes) in [
        ("text", &b"text"[..]),
        ("short", &[1; 10]),
        ("block", &[1; 256]),
    ] {
        fs::write(lab.path(name), bytes).expect("written");
    }
    // SHA-256, and a digest of 20 bytes.
    let info = "3025300d060960864801650304020105000414";
    let info = [hex::decode(info).expect("hex"), vec![1; 20]].concat();
    fs::write(lab.path("digestinfo"), info).expect("written");
    let sign = |input, scheme| {
        [
            "key", "sign", "--key", "45", "--in", input, "--scheme", scheme,
        ]
    };
    let decrypt = |key, input, padding| {
        [
            "key",
            "decrypt",
            "--key",
            key,
            "--in",
            input,
            "--padding",
            padding,
        ]
    };
    let no_info = "no DigestInfo";
    for (arguments, words) in [
        (sign("text", "pkcs1-digestinfo"), no_info),
        (sign("digestinfo", "pkcs1-digestinfo"), "SHA-256 gives 32"),
        (sign("short", "raw"), "must have 256"),
        (decrypt("45", "short", "pkcs1"), "the key's modulus 256"),
        (
            decrypt("45", "short", "oaep-sha256"),
            "the key's modulus 256",
        ),
        (decrypt("46", "block", "pkcs1"), "may not decipher"),
    ] {
        refused(&lab, &arguments, words);
    }
    // That there is a file where the result is to go is known, too.
    let there = [&sign("text", "pkcs1-sha256")[..], &["--out", "short"]].concat();
    refused(&lab, &there, "--force");
    // What works asks for it.
    let output = lab.run(&[
        "--auth-pin",
        "file:wrong",
        "key",
        "sign",
        "--key",
        "45",
        "--in",
        "text",
    ]);
    assert_code(&output, 4);
    assert!(stderr(&output).contains("2 tries are left"));
}

#[test]
fn a_key_without_its_file_asks_for_no_pin() {
    let lab = valid();
    remove_file(&lab, "4B01");
    fs::write(lab.path("text"), "text").expect("written");
    let sign = ["key", "sign", "--key", "45", "--in", "text"];
    refused(&lab, &sign, "3F00/5015/4B01 is not on the card");
}

#[test]
fn a_padding_that_is_not_known_of_a_card_os_asks_for_no_pin_and_nothing_is_promised_of_another() {
    let lab = unknown();
    fs::write(lab.path("block"), [1; 256]).expect("written");
    let sign = ["key", "sign", "--key", "45", "--in", "block", "--scheme"];
    let decrypt = [
        "key",
        "decrypt",
        "--key",
        "45",
        "--in",
        "block",
        "--padding",
    ];
    for arguments in [
        [&sign[..], &["pss-sha256"]].concat(),
        [&sign[..], &["raw"]].concat(),
        [&decrypt[..], &["oaep-sha1"]].concat(),
        [&decrypt[..], &["raw"]].concat(),
    ] {
        refused(&lab, &arguments, "the card OS is not known");
        let said = stderr(&lab.run(&arguments));
        // Whether another padding works is not known: the card was not asked, and says nothing of it.
        assert!(!said.contains("may work"), "{said}");
        assert!(said.contains("pkcs11-tool"), "{said}");
    }
}

#[test]
fn a_change_of_a_pin_that_cannot_be_asks_for_no_pin() {
    let lab = valid();
    fs::write(lab.path("short"), "12").expect("written");
    fs::write(lab.path("letters"), "abcdef").expect("written");
    for (new, words) in [("file:short", "too short"), ("file:letters", "digits")] {
        for command in ["change", "unblock"] {
            refused(&lab, &["pin", command, "auth", "--new-pin", new], words);
        }
    }
    for (command, flag) in [
        ("change", PinFlags::CHANGE_DISABLED),
        ("unblock", PinFlags::UNBLOCK_DISABLED),
    ] {
        let lab = valid();
        change_data(&lab, AODF, |bytes| {
            let mut objects: Vec<_> = Aodf::parse(bytes).value.objects().cloned().collect();
            if let Some(AuthenticationAttributes::Pin(pin)) =
                objects.first_mut().map(|object| &mut object.attributes)
            {
                pin.flags = pin.flags.union(flag);
            }
            *bytes = Directory::new(objects).encode().expect("it encodes");
        });
        refused(&lab, &["pin", command, "auth"], "the card says so");
    }
}

#[test]
fn a_change_of_certificates_that_cannot_be_asks_for_no_pin() {
    let lab = valid();
    let read = lab.run(&["cert", "read", "4334", "--der", "--out", "there.der"]);
    assert_code(&read, 0);
    let write = |key| ["cert", "write", "there.der", "--key", key];
    refused(&lab, &write("46"), "already");
    refused(&lab, &write("45"), "for another key");
    refused(&lab, &write("99"), "no private key 99");
    refused(&lab, &["cert", "remove", "4339"], "4339");
    let lab = unknown();
    let read = lab.run(&["cert", "read", "4334", "--der", "--out", "there.der"]);
    assert_code(&read, 0);
    refused(&lab, &["cert", "remove", "4334"], "not known here");
    let again = [&write("45")[..], &["--force"]].concat();
    refused(&lab, &again, "not known here");
}
