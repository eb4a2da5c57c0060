//! Files that nothing names, and a number that is another card's.

use serde_json::{Value, json};

use crate::bench::*;
use crate::common::{Lab, assert_code, stdout};

const TOKEN_INFO: &str = "5032";

/// The card OS does not say which it is.
fn of_unknown_os(lab: &Lab) {
    change(lab, |image| {
        image["data_objects"] = Value::Array(Vec::new())
    });
}

/// Puts a file into DF(PKCS15).
fn add(lab: &Lab, fid: &str, data: &[u8]) {
    change(lab, |image| {
        let files = image["master_file"]["files"].as_array_mut().expect("files");
        let application = files.iter_mut().find(|file| file["fid"] == "5015");
        let files = application.expect("DF(PKCS15)")["files"].as_array_mut();
        let file = json!({
            "fid": fid, "kind": "transparent", "size": data.len(), "access": "0101",
            "data": hex::encode_upper(data),
        });
        files.expect("files").push(file);
    });
}

/// Takes the entry for these objects (a tag) out of EF(ODF); gives the file that it named.
fn take_out(lab: &Lab, tag: u8) -> String {
    let mut path = String::new();
    change_data(lab, ODF, |bytes| {
        let at = bytes
            .iter()
            .position(|byte| *byte == tag)
            .expect("the entry");
        let entry: Vec<u8> = bytes
            .drain(at..at + 2 + usize::from(bytes[at + 1]))
            .collect();
        path = hex::encode_upper(&entry[entry.len() - 2..]);
    });
    path
}

/// What `diagnose` says, with its exit code.
fn diagnose(lab: &Lab) -> (Value, i32) {
    run(lab, &["diagnose", "--date", DAY])
}

#[test]
fn a_directory_that_the_odf_has_lost_is_found_where_the_card_has_it() {
    for (tag, own) in [
        // privateKeys, publicKeys, certificates, authObjects (PKCS#15 §6.2).
        (0xA0, "no-private-key"),
        (0xA1, ""),
        (0xA4, "no-certificate-directory"),
        (0xA8, "no-such-pin"),
    ] {
        for unknown in [false, true] {
            let lab = valid();
            let fid = take_out(&lab, tag);
            if unknown {
                of_unknown_os(&lab);
            }
            for (document, exit) in [check(&lab, &[]), diagnose(&lab)] {
                assert_eq!(exit, 6, "{tag:02X}");
                let codes = codes(&document);
                // What is missing by it is told where it is missed; else the file tells.
                match own {
                    "no-certificate-directory" | "no-such-pin" => {
                        assert!(codes.contains(&own.to_owned()), "{tag:02X}: {codes:?}");
                    }
                    _ => {
                        let found = problem(&document, "directory-not-listed");
                        assert_eq!(found["path"], format!("3F005015{fid}"), "{found:#}");
                    }
                }
            }
        }
    }
}

/// The files of the certificates.
const CERTIFICATES: [&str; 4] = ["4331", "4332", "4333", "4334"];

#[test]
fn a_card_on_which_nothing_was_stored_yet_is_told_from_one_that_has_lost_what_it_had() {
    for unknown in [false, true] {
        let lab = valid();
        let directories = [0xA0, 0xA1, 0xA4].map(|tag| take_out(&lab, tag));
        if unknown {
            of_unknown_os(&lab);
        }
        // What it has lost is there still.
        let (document, exit) = check(&lab, &["--allow-empty"]);
        assert_eq!(exit, 6, "{document:#}");
        for fid in directories.iter().map(|fid| &**fid).chain(CERTIFICATES) {
            remove_file(&lab, fid);
        }
        let (document, exit) = check(&lab, &["--allow-empty"]);
        assert_eq!(exit, 0, "{document:#}");
        let (document, exit) = check(&lab, &[]);
        problem(&document, "no-certificates");
        assert_eq!(exit, 6, "{document:#}");
        for command in [&["info"][..], &["pin", "status"]] {
            let (document, exit) = run(&lab, command);
            let found = problem(&document, "no-certificate-directory");
            assert_eq!(
                (&found["severity"], exit),
                (&json!("note"), 0),
                "{command:?}"
            );
        }
        let listed = lab.run(&["cert", "list"]);
        assert_code(&listed, 0);
        assert!(stdout(&listed).contains("names no directory of certificates"));
    }
}

#[test]
fn an_empty_card_may_lack_a_directory_of_certificates_and_not_have_lost_one() {
    for unknown in [false, true] {
        let lab = valid();
        if unknown {
            of_unknown_os(&lab);
        }
        let fid = take_out(&lab, 0xA4);
        let (document, exit) = check(&lab, &["--allow-empty"]);
        assert_eq!(exit, 6, "{document:#}");
        let found = problem(&document, "no-certificate-directory");
        assert_eq!(found["severity"], "error");
        // The certificates are there still, and then only keys are.
        remove_file(&lab, &fid);
        assert_eq!(check(&lab, &["--allow-empty"]).1, 6);
        for fid in CERTIFICATES {
            remove_file(&lab, fid);
        }
        let (document, exit) = check(&lab, &["--allow-empty"]);
        assert_eq!((codes(&document), exit), (Vec::new(), 0), "{document:#}");
        assert_eq!(check(&lab, &[]).1, 6);
    }
}

#[test]
fn a_file_that_holds_no_objects_is_no_lost_directory() {
    let lab = valid();
    let fid = take_out(&lab, 0xA1);
    remove_file(&lab, &fid);
    for (at, content) in [
        ("4409", &[0x00; 64][..]),
        ("440A", b"\x30\x05text!"),
        ("440B", b""),
    ] {
        add(
            &lab,
            at,
            if content.is_empty() {
                &[0xFF; 8]
            } else {
                content
            },
        );
    }
    let (document, exit) = check(&lab, &[]);
    assert_eq!((codes(&document), exit), (Vec::new(), 0), "{document:#}");
    // That no public key was at hand is said.
    let text = stdout(&lab.run(&["cert", "check", "--date", DAY, "--ca-dir", "ca"]));
    assert!(
        text.contains("whether the public key is that of key 45"),
        "{text}"
    );
    assert!(!text.contains("no findings"), "{text}");
}

#[test]
fn a_certificate_without_an_entry_is_found_whatever_its_identifier_where_the_card_lists_its_files()
{
    let certificate = data(&valid(), HCC);
    for fid in ["4335", "4400", "43FE", "0001", "7777", "FFFE"] {
        let lab = valid();
        add(&lab, fid, &certificate);
        for (document, exit) in [check(&lab, &[]), diagnose(&lab)] {
            assert_eq!(
                (codes(&document), exit),
                (vec!["certificate-not-listed".to_owned()], 6)
            );
            let found = problem(&document, "certificate-not-listed");
            assert_eq!(found["path"], format!("3F005015{fid}"));
        }
    }
}

#[test]
fn where_the_card_does_not_list_its_files_it_is_said_which_were_looked_for() {
    let certificate = data(&valid(), HCC);
    let whole = [
        "--ca-dir",
        "ca",
        "--crl",
        "ca/test-telia-card-identifier-ca-v3.crl",
        "--crl",
        "ca/test-siths-type-1-ca-v1.crl",
    ];
    for (fid, exit) in [("4335", 6), ("7777", 0)] {
        let lab = valid();
        of_unknown_os(&lab);
        add(&lab, fid, &certificate);
        let output = lab.run(&[&["cert", "check", "--date", DAY][..], &whole].concat());
        assert_code(&output, exit);
        let text = stdout(&output);
        assert!(!text.contains("no findings"), "{text}");
        assert!(
            text.contains("not looked at: files that no directory names"),
            "{text}"
        );
        assert!(text.contains("3F00/5015/4331"), "{text}");
        let (document, _) = diagnose(&lab);
        let left = document["not_looked_at"].to_string();
        assert!(left.contains("files that no directory names"), "{left}");
    }
}

/// Where the serial number stands in EF(TokenInfo), and its digits.
fn serial(lab: &Lab) -> (usize, String) {
    let bytes = data(lab, TOKEN_INFO);
    let mut places = bytes.windows(3).enumerate();
    let (at, _) = places
        .find(|(_, part)| *part == [0x04, 0x0A, 0x97])
        .expect("19 digits");
    let digits = hex::encode_upper(&bytes[at + 2..at + 12]);
    (at, digits.trim_end_matches('F').to_owned())
}

/// Gives EF(TokenInfo) this serial number.
fn set_serial(lab: &Lab, serial: &[u8]) {
    change_data(lab, TOKEN_INFO, |bytes| {
        let at = bytes
            .iter()
            .position(|byte| *byte == 0x04)
            .expect("an OCTET STRING");
        let old = usize::from(bytes[at + 1]);
        bytes.splice(at + 2..at + 2 + old, serial.iter().copied());
        bytes[at + 1] = serial.len() as u8;
        bytes[1] = (usize::from(bytes[1]) - old + serial.len()) as u8;
    });
}

#[test]
fn a_serial_number_of_another_card_is_found_and_where_it_stands() {
    let lab = valid();
    let (at, own) = self::serial(&lab);
    // A number that is right by its check digit, and one that is not; packed, and as text.
    for other in ["9752269700000000008", "9752000000000000000"] {
        let packed = hex::decode(format!("{other}F")).expect("hex");
        for serial in [packed, other.as_bytes().to_vec()] {
            set_serial(&lab, &serial);
            for (document, exit) in [check(&lab, &[]), diagnose(&lab)] {
                assert_eq!(
                    (codes(&document), exit),
                    (vec!["card-number-mismatch".to_owned()], 6)
                );
                let found = problem(&document, "card-number-mismatch");
                assert_eq!(found["path"], "3F0050155032");
                assert_eq!(found["offset"], at);
                let message = found["message"].as_str().expect("a message");
                assert!(
                    message.contains(other) && message.contains(&own),
                    "{message}"
                );
            }
        }
    }
    // The same number as text is the same; a number of the chip is none of a card.
    for serial in [own.as_bytes(), &[0xAB; 8], b"12345678"] {
        set_serial(&lab, serial);
        let (document, exit) = check(&lab, &[]);
        assert_eq!((codes(&document), exit), (Vec::new(), 0), "{document:#}");
    }
}

#[test]
fn what_is_left_of_a_cards_number_is_found_and_the_number_of_a_chip_is_none() {
    let lab = valid();
    let (at, own) = self::serial(&lab);
    let packed = |digits: &str| hex::decode(digits).expect("hex");
    for damaged in [
        vec![0xFF; 10],
        vec![0x00; 10],
        vec![0xFF],
        Vec::new(),
        format!("{} {}", &own[..4], &own[4..]).into_bytes(),
        format!(" {own}").into_bytes(),
        format!("{own}00").into_bytes(),
        packed(&format!("{own}12F")),
        own.as_bytes()[..10].to_vec(),
        packed(&own[..10]),
        own.as_bytes()[..4].to_vec(),
        packed(&own[..4]),
        packed(&format!("D{}F", &own[1..])),
        packed(&format!("9F{}F", &own[2..])),
        packed(&format!("97D{}F", &own[3..])),
        format!("y{}", &own[1..]).into_bytes(),
        [&[0xB9], &own.as_bytes()[1..]].concat(),
    ] {
        set_serial(&lab, &damaged);
        for (document, exit) in [check(&lab, &[]), diagnose(&lab)] {
            assert_eq!(
                (codes(&document), exit),
                (vec!["card-number-mismatch".to_owned()], 6),
                "{damaged:02X?}"
            );
            let found = problem(&document, "card-number-mismatch");
            assert_eq!(found["path"], "3F0050155032");
            assert_eq!(found["offset"], at);
            let message = found["message"].as_str().expect("a message");
            assert!(message.contains(&own), "{message}");
        }
    }
    for chip in [
        &[0x04, 0x12, 0x97, 0x52, 0xAA, 0x01][..],
        b"00009752",
        &[0x12; 4],
        // As long as a card's number, and none of this card.
        &[0xD0, 0x12, 0xA4, 0x9F, 0x05, 0xC1, 0x33, 0x0E, 0x67, 0x1F],
    ] {
        set_serial(&lab, chip);
        let (document, exit) = check(&lab, &[]);
        assert_eq!((codes(&document), exit), (Vec::new(), 0), "{document:#}");
    }
    // Without a certificate that says a number, nothing says that it must be one.
    let blank = Lab::with(&["--state", "blank-slots", "--date", DAY]);
    set_serial(&blank, &[0xFF; 10]);
    let (document, _) = check(&blank, &["--allow-empty"]);
    assert_eq!(codes(&document), Vec::<String>::new(), "{document:#}");
}

#[test]
fn a_certificate_that_says_another_number_than_the_others_is_found() {
    let lab = valid();
    let (_, digits) = self::serial(&lab);
    change_data(&lab, HCC, |bytes| {
        let mut places = bytes.windows(digits.len());
        let place = places.position(|part| part == digits.as_bytes());
        bytes[place.expect("its number") + 10] ^= 0x01;
    });
    let (document, exit) = check(&lab, &[]);
    assert_eq!(exit, 6);
    let found = problem(&document, "card-number-mismatch");
    assert_eq!(found["path"], format!("3F005015{HCC}"));
    assert_eq!(found["object"]["index"], 2);
}
