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
    data.extend(b"191212121212 1212121212 121212-1212 121212+1212, 121212 1212, 19121212 1212 ");
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
        "121212 1212",
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
fn a_card_that_is_pulled_out_anywhere_gives_nobody_away_and_nothing_is_called_clean() {
    let lab = Lab::new("valid");
    let people = holder(&lab);
    // The holder's name as the label of a certificate, in no certificate that is read by then.
    let mut image: Value = serde_json::from_slice(&lab.image()).unwrap();
    let application = image["master_file"]["files"].as_array_mut().unwrap();
    let application = application.iter_mut().find(|file| file["fid"] == "5015");
    let files = application.unwrap()["files"].as_array_mut().unwrap();
    let cdf = files.iter_mut().find(|file| file["fid"] == "4403").unwrap();
    let label = hex_text(b"Legitimering");
    let text = cdf["data"].as_str().unwrap().to_owned();
    assert!(text.contains(&label), "{text}");
    cdf["data"] = text.replace(&label, &hex_text(b"Petronella B")).into();
    fs::write(lab.path("card.json"), image.to_string()).unwrap();
    let mut bundles = 0;
    for before in (20..64).step_by(2).chain([41, 45, 100, 140]) {
        let fault = format!("tear:before-command={before}");
        let pulled = [
            "--fault", &fault, "diagnose", "--bundle", "b.json", "--force",
        ];
        let output = lab.run(&pulled);
        assert_code(&output, 3);
        assert!(
            !stderr(&output).contains("nothing was found"),
            "{}",
            stderr(&output)
        );
        let Ok(text) = fs::read_to_string(lab.path("b.json")) else {
            continue;
        };
        bundles += 1;
        fs::remove_file(lab.path("b.json")).unwrap();
        assert!(
            stderr(&output).contains("not read to its end"),
            "{}",
            stderr(&output)
        );
        for secret in people.iter().map(String::as_str).chain(["Petronella"]) {
            assert_nowhere(&format!("pulled before {before}"), &text, secret);
        }
        let document: Value = serde_json::from_str(&text).unwrap();
        let left = document["left"].as_str().unwrap();
        assert!(left.contains("cut short"), "{left}");
    }
    assert!(bundles > 10, "{bundles}");
}

/// What `names` makes of subject and alternative names, in a self-signed certificate of OpenSSL's, on a card.
fn card_of(lab: &Lab, subject: &str, names: &str) {
    if !lab.path("ss.key").exists() {
        lab.openssl(&["genrsa", "-out", "ss.key", "2048"]);
    }
    let names = format!("subjectAltName={names}");
    lab.openssl(&[
        "req",
        "-x509",
        "-key",
        "ss.key",
        "-out",
        "ss.pem",
        "-days",
        "30",
        "-utf8",
        "-subj",
        subject,
        "-addext",
        "keyUsage=digitalSignature",
        "-addext",
        &names,
    ]);
    let new = [
        "card",
        "new",
        "-o",
        "card.json",
        "--force",
        "--key",
        "ss.key",
        "--cert",
        "ss.pem",
    ];
    assert_code(&lab.run(&new), 0);
}

#[test]
fn openssl_reads_each_certificate_of_a_bundle_and_nothing_breaks_that_was_whole() {
    let lab = Lab::empty();
    for (subject, names, secrets) in [
        (
            "/CN=Anna Hemligsson",
            "email:anna@hemligsson.se",
            &["Hemligsson", "hemligsson"][..],
        ),
        (
            "/CN=Anna Hemligsson/serialNumber=850101-1236",
            "URI:mailto:anna@hemligsson.se",
            &["hemligsson", "850101-1236"],
        ),
        (
            "/serialNumber=198501011236/CN=Anna Hemligsson",
            "DNS:anna.hemligsson.se,email:a.b@hemligsson.se",
            &["198501011236", "hemligsson"],
        ),
        (
            "/CN=Åsa Öhn/SN=Öhn/GN=Åsa",
            "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:asa.ohn@hemlig.se",
            &["Åsa Öhn", "asa.ohn"],
        ),
        (
            "/CN=Bo Ek/emailAddress=bo.ek@hemlig.se",
            "email:bo.ek@hemlig.se,DNS:hemlig.se",
            &["bo.ek@"],
        ),
        (
            "/CN=850101 1236",
            "email:x850101@hemlig.se,URI:urn:id:8501011236",
            &["850101 1236", "8501011236", "x850101@"],
        ),
        // Its length, 48, is the byte of the digit 0.
        (
            "/CN=Anna Hemligsson",
            "email:anna.anna.anna.anna.anna.anna@hemligsson.lang.se",
            &["hemligsson"],
        ),
    ] {
        card_of(&lab, subject, names);
        assert_code(&lab.run(&["diagnose", "--bundle", "b.json", "--force"]), 6);
        let text = fs::read_to_string(lab.path("b.json")).unwrap();
        for secret in secrets {
            assert_nowhere("b.json", &text, secret);
        }
        assert_code(
            &lab.run(&["card", "unpack", "b.json", "-o", "copy.json", "--force"]),
            0,
        );
        let read = [
            "-c",
            "copy.json",
            "cert",
            "read",
            "4331",
            "--raw",
            "--out",
            "c.der",
            "--force",
        ];
        assert_code(&lab.run(&read), 0);
        lab.openssl(&["x509", "-inform", "DER", "-in", "c.der", "-noout", "-text"]);
        let codes = |card: &str| -> Vec<String> {
            let output = lab.run(&["-c", card, "--json", "diagnose"]);
            let document: Value = serde_json::from_slice(&output.stdout).unwrap();
            let problems = document["problems"].as_array().unwrap().iter();
            problems
                .map(|one| one["code"].as_str().unwrap().to_owned())
                .collect()
        };
        let (before, after) = (codes("card.json"), codes("copy.json"));
        for code in ["not-strict-der", "malformed", "truncated"] {
            let count = |codes: &[String]| codes.iter().filter(|one| *one == code).count();
            assert_eq!(count(&before), count(&after), "{subject}: {after:?}");
        }
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
