//! `diagnose --bundle`: nobody is in it, in no encoding, and what is in it plays.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;

use common::{Lab, assert_code, stderr, stdout};
use serde_json::Value;

/// The test PINs, as they are, as bytes in hexadecimal and as BCD with the length that GlobalPlatform puts in front.
const PINS: [&str; 3] = ["123456", "654321", "12345678"];

/// Every encoding in which somebody could look for a text.
fn encodings(text: &str) -> Vec<Vec<u8>> {
    let mut all = vec![text.as_bytes().to_vec()];
    all.push(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    all.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    if text.chars().all(|sign| (sign as u32) < 0x100) {
        all.push(text.chars().map(|sign| sign as u8).collect());
    }
    if text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // An odd digit more is left out: what is before it is telling enough.
        let even = &text[..text.len() & !1];
        let bcd = hex(even);
        all.push(bcd.iter().map(|byte| byte.rotate_left(4)).collect());
        all.push(bcd);
    }
    all
}

/// The spellings of a name that are neither an encoding of its letters nor ASCII.
fn others(text: &str) -> Vec<Vec<u8>> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric();
    let percent = |small: bool| -> String {
        let each = text.bytes().map(|byte| match (plain(&byte), small) {
            (true, _) => char::from(byte).to_string(),
            (false, true) => format!("%{byte:02x}"),
            (false, false) => format!("%{byte:02X}"),
        });
        each.collect()
    };
    let json: String = text
        .chars()
        .map(|sign| match sign.is_ascii() {
            true => sign.to_string(),
            false => format!("\\u{:04x}", sign as u32),
        })
        .collect();
    let accents = [
        ('å', 'a', 0xCA, '\u{30A}'),
        ('Å', 'A', 0xCA, '\u{30A}'),
        ('ä', 'a', 0xC8, '\u{308}'),
        ('Ä', 'A', 0xC8, '\u{308}'),
        ('ö', 'o', 0xC8, '\u{308}'),
        ('Ö', 'O', 0xC8, '\u{308}'),
        ('é', 'e', 0xC2, '\u{301}'),
    ];
    let mut teletex = Vec::new();
    let mut apart = String::new();
    for sign in text.chars() {
        match accents.iter().find(|(with, ..)| *with == sign) {
            Some((_, letter, accent, combining)) => {
                teletex.extend([*accent, *letter as u8]);
                apart.push(*letter);
                apart.push(*combining);
            }
            None => {
                teletex.extend(sign.to_string().bytes());
                apart.push(sign);
            }
        }
    }
    let universal = text.chars().flat_map(|sign| u32::from(sign).to_be_bytes());
    vec![
        percent(false).into_bytes(),
        percent(true).into_bytes(),
        json.into_bytes(),
        teletex,
        apart.into_bytes(),
        universal.collect(),
    ]
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn hex_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Fails if a text is in a file: as it is, or in any run of hexadecimal, in any encoding; also if it is
/// cut between two answers of a trace, all of which are looked at in a row.
fn assert_nowhere(name: &str, text: &str, secret: &str) {
    let mut all: Vec<Vec<u8>> = vec![text.as_bytes().to_vec()];
    let runs = text.split(|sign: char| !sign.is_ascii_hexdigit());
    all.extend(runs.filter(|run| run.len() >= 4).map(hex));
    let answers = text.lines().filter(|line| line.contains("# Received"));
    let answers = answers.map(|line| {
        line.rsplit(": ")
            .next()
            .unwrap()
            .trim_end_matches(['"', ','])
    });
    all.push(
        answers
            .flat_map(|answer| hex(&answer[..answer.len().saturating_sub(4)]))
            .collect(),
    );
    for encoded in encodings(secret).into_iter().chain(others(secret)) {
        for bytes in &all {
            let found = bytes
                .windows(encoded.len())
                .position(|window| window == encoded);
            assert_eq!(found, None, "{secret} as {encoded:02X?} is in {name}");
        }
    }
}

/// The names and numbers of the invented holder of a card.
fn holder(lab: &Lab) -> Vec<String> {
    let certificates = lab.run(&["--json", "cert", "list"]);
    let document: Value = serde_json::from_slice(&certificates.stdout).unwrap();
    let mut found = Vec::new();
    for certificate in document["certificates"].as_array().unwrap() {
        for field in ["holder", "hsa_id", "card_number"] {
            found.extend(certificate[field].as_str().map(str::to_owned));
        }
    }
    let names: Vec<_> = found
        .iter()
        .filter(|text| !text.bytes().any(|byte| byte.is_ascii_digit()))
        .flat_map(|name| name.split(' '))
        .filter(|word| word.chars().count() >= 4)
        .map(str::to_owned)
        .collect();
    found.extend(names);
    found.sort();
    found.dedup();
    assert!(found.len() >= 4, "{found:?}");
    found
}

/// A card with the holder's name and number in a file, in the encodings that its certificates have not.
fn lab_with_encodings() -> (Lab, Vec<String>) {
    let lab = Lab::new("valid");
    let people = holder(&lab);
    let number = people.iter().find(|text| text.len() == 19).unwrap().clone();
    let name = people
        .iter()
        .find(|text| text.contains(' '))
        .unwrap()
        .clone();
    let mut image: Value = serde_json::from_slice(&lab.image()).unwrap();
    let mut data = Vec::new();
    for encoded in encodings(&name) {
        data.extend(encoded);
        data.push(0);
    }
    data.extend(hex(&format!("{number}F")));
    data.extend(hex(&format!("0{number}")));
    data.extend(
        hex(&format!("{number}F"))
            .iter()
            .map(|byte| byte.rotate_left(4)),
    );
    // As URIs, JSON, TeletexString and macOS spell a name, and UniversalString.
    for spelt in others(&name) {
        data.extend(spelt);
        data.push(0);
    }
    data.extend(b"19121212-1212 ");
    // The same person's number, in every form, and another one's in BCD and in UTF-16 alone.
    data.extend(b"191212121212 1212121212 121212-1212 121212+1212 ");
    data.extend(hex("198112189876"));
    data.push(0);
    data.extend("20000101-2384".encode_utf16().flat_map(u16::to_be_bytes));
    data.push(0);
    data.extend(format!("{}@example.org", "anna.andersson").as_bytes());
    let file = serde_json::json!({
        "fid": "4AAA", "kind": "transparent", "size": 4096, "data": hex_text(&data),
        "access": "0101",
    });
    let files = image["master_file"]["files"].as_array_mut().unwrap();
    let application = files.iter_mut().find(|file| file["fid"] == "5015").unwrap();
    application["files"].as_array_mut().unwrap().push(file);
    fs::write(lab.path("card.json"), image.to_string()).unwrap();
    let mut all = people;
    let numbers = [
        "19121212-1212",
        "191212121212",
        "1212121212",
        "121212-1212",
        "121212+1212",
    ];
    all.extend(numbers.map(str::to_owned));
    all.extend(["198112189876", "20000101-2384", "anna.andersson"].map(str::to_owned));
    (lab, all)
}

#[test]
fn no_name_no_number_and_no_pin_is_in_any_artefact_in_any_encoding() {
    let (lab, people) = lab_with_encodings();
    let bundled = lab.run(&["diagnose", "--bundle", "bundle.json"]);
    assert_code(&bundled, 0);
    let unpacked = lab.run(&["card", "unpack", "bundle.json", "-o", "copy.json"]);
    assert_code(&unpacked, 0);
    let shown = lab.run(&["-c", "copy.json", "--trace", "copy.apdu", "cert", "list"]);
    assert!(
        matches!(shown.status.code(), Some(0 | 6)),
        "{}",
        stderr(&shown)
    );
    let of_card = fs::read_to_string(lab.path("card.json")).unwrap();
    for text in people.iter().map(String::as_str).chain(PINS) {
        for name in ["bundle.json", "copy.json", "copy.apdu"] {
            let bytes = fs::read(lab.path(name)).unwrap();
            assert_nowhere(name, &String::from_utf8(bytes).unwrap(), text);
        }
        assert_nowhere("what is said", &stderr(&bundled), text);
        assert_nowhere("the list of certificates", &stdout(&shown), text);
    }
    // The judge can find: the card itself has all of them.
    for text in people.iter().map(String::as_str).chain(PINS) {
        let found = std::panic::catch_unwind(|| assert_nowhere("card.json", &of_card, text));
        assert!(found.is_err(), "{text} is not even in the card");
    }
}

#[test]
fn what_was_replaced_is_said_and_the_same_is_the_same_everywhere() {
    let (lab, _) = lab_with_encodings();
    let bundled = lab.run(&["diagnose", "--bundle", "bundle.json"]);
    assert_code(&bundled, 0);
    let document: Value =
        serde_json::from_slice(&fs::read(lab.path("bundle.json")).unwrap()).unwrap();
    let replaced = document["replaced"].as_array().unwrap();
    for kind in ["name", "number", "address", "identifier"] {
        let of_kind = replaced.iter().find(|one| one["kind"] == kind);
        let of_kind = of_kind.unwrap_or_else(|| panic!("{kind}: {replaced:?}"));
        assert!(of_kind["places"].as_u64() >= of_kind["different"].as_u64());
        assert!(stderr(&bundled).contains(&format!("{kind}: ")), "{kind}");
    }
    assert_code(
        &lab.run(&["card", "unpack", "bundle.json", "-o", "copy.json"]),
        0,
    );
    // One holder, one number: in both certificates of each kind, and the card's own number is theirs.
    let listed = |card: &str| -> Value {
        let output = lab.run(&["-c", card, "--json", "cert", "list"]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let (before, after) = (listed("card.json"), listed("copy.json"));
    let (before, after) = (
        before["certificates"].as_array().unwrap(),
        after["certificates"].as_array().unwrap(),
    );
    assert_eq!(before.len(), after.len());
    for field in ["holder", "hsa_id", "card_number"] {
        for (a, b) in before.iter().zip(after) {
            assert_eq!(a[field].is_null(), b[field].is_null());
            for (c, d) in before.iter().zip(after) {
                assert_eq!(a[field] == c[field], b[field] == d[field], "{field}");
            }
            if let (Some(old), Some(new)) = (a[field].as_str(), b[field].as_str()) {
                assert_eq!(old.len(), new.len(), "{old}");
                assert_ne!(old, new);
            }
        }
    }
    // What is no person's stays.
    for (a, b) in before.iter().zip(after) {
        assert_eq!(a["issuer"], b["issuer"]);
        assert_eq!(a["serial"], b["serial"]);
        assert_eq!(a["size"], b["size"]);
    }
}

#[test]
fn the_card_in_a_bundle_plays_and_opensc_and_openssl_read_it() {
    let lab = Lab::new("valid");
    assert_code(&lab.run(&["diagnose", "--bundle", "bundle.json"]), 0);
    assert_code(
        &lab.run(&["card", "unpack", "bundle.json", "-o", "copy.json"]),
        0,
    );
    for (index, id) in ["45", "46"].iter().enumerate() {
        let of_copy = lab.run(&[
            "run",
            "copy.json",
            "--",
            "pkcs15-tool",
            "--read-certificate",
            id,
        ]);
        assert_code(&of_copy, 0);
        let name = format!("{index}.pem");
        fs::write(lab.path(&name), &of_copy.stdout).unwrap();
        let text = lab.openssl(&["x509", "-in", &name, "-noout", "-subject", "-issuer"]);
        assert!(text.contains("issuer="), "{text}");
    }
    let tree = |card: &str| {
        let output = lab.run(&["-c", card, "tree"]);
        assert_code(&output, 0);
        stdout(&output)
    };
    let without_end = |text: String| text.rsplit_once(" files, ").unwrap().0.to_owned();
    assert_eq!(
        without_end(tree("copy.json")),
        without_end(tree("card.json"))
    );
}

#[test]
fn what_else_is_to_be_replaced_can_be_said_and_a_bundle_that_is_there_stays() {
    let lab = Lab::new("valid");
    let bundle = ["diagnose", "--bundle", "bundle.json"];
    assert_code(
        &lab.run(&[&bundle[..], &["--replace", "Telia EID"]].concat()),
        0,
    );
    let text = fs::read_to_string(lab.path("bundle.json")).unwrap();
    assert_nowhere("bundle.json", &text, "Telia EID");
    let again = lab.run(&bundle);
    assert_code(&again, 1);
    assert_eq!(fs::read_to_string(lab.path("bundle.json")).unwrap(), text);
    for no_bundle in ["{}", "nonsense", "{\"format\":\"kortlab-bundle\"}"] {
        fs::write(lab.path("no.json"), no_bundle).unwrap();
        let output = lab.run(&["card", "unpack", "no.json", "-o", "x.json"]);
        assert_code(&output, 1);
        assert!(stderr(&output).contains("no.json: "), "{}", stderr(&output));
    }
}

#[test]
fn a_card_that_is_pulled_out_gives_a_bundle_of_what_was_read() {
    let lab = Lab::new("valid");
    let pulled = [
        "--fault",
        "tear:before-command=60",
        "diagnose",
        "--bundle",
        "bundle.json",
    ];
    let output = lab.run(&pulled);
    assert_code(&output, 3);
    let document: Value =
        serde_json::from_slice(&fs::read(lab.path("bundle.json")).unwrap()).unwrap();
    assert!(document["image"].is_null());
    assert!(document["trace"].as_array().unwrap().len() > 50);
    for text in holder(&lab) {
        assert_nowhere("bundle.json", &document.to_string(), &text);
    }
}

#[test]
fn a_card_is_unpacked_only_where_it_is_found_again_and_over_no_other_file() {
    let lab = Lab::new("valid");
    assert_code(&lab.run(&["diagnose", "--bundle", "bundle.json"]), 0);
    let unpack = |place: &str, options: &[&str]| {
        let unpack = ["card", "unpack", "bundle.json", "-o", place];
        lab.run(&[&unpack[..], options].concat())
    };
    for name in [
        "copy",
        "copy.jsn",
        ".json",
        "socket:copy.json",
        "pcsc:copy.json",
    ] {
        for options in [&[][..], &["--force"]] {
            let output = unpack(name, options);
            assert_code(&output, 2);
            assert!(!lab.path(name).exists(), "{name}");
        }
    }
    fs::write(lab.path("there.json"), "mine").unwrap();
    let output = unpack("there.json", &[]);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("--force"), "{}", stderr(&output));
    assert_eq!(fs::read(lab.path("there.json")).unwrap(), b"mine");
    let before = fs::read(lab.path("bundle.json")).unwrap();
    // It is the file that the same command reads.
    assert_code(&unpack("bundle.json", &[]), 2);
    assert_code(&unpack("bundle.json", &["--force"]), 2);
    assert_eq!(fs::read(lab.path("bundle.json")).unwrap(), before);
    assert_code(&unpack("there.json", &["--force"]), 0);
    for name in ["there.json", "./socket:copy.json", "copy.JSON"] {
        if name != "there.json" {
            assert_code(&unpack(name, &[]), 0);
        }
        assert_code(&lab.run(&["--card", name, "atr"]), 0);
    }
}
