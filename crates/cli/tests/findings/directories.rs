//! Damage to the directories.

use crate::bench::*;
use crate::common::{Lab, assert_code, stdout};

#[test]
fn a_directory_that_is_not_there_is_a_finding() {
    let lab = valid();
    remove_file(&lab, CDF);
    let found = assert_found(&lab, "file-absent");
    assert_eq!(found["file"], "EF(CDF)");
    assert_eq!(found["path"], "3F0050154403");
    assert_eq!(found["severity"], "error");
    assert_code(&lab.run(&["info"]), 6);
}

#[test]
fn a_directory_that_the_card_does_not_let_be_read_is_a_finding() {
    let lab = valid();
    change_file(&lab, CDF, |file| file["access"] = "020181".into());
    let found = assert_found(&lab, "file-unreadable");
    assert!(
        found["message"]
            .as_str()
            .is_some_and(|text| text.contains("6982")),
        "{found:#}"
    );
}

#[test]
fn a_directory_that_is_cut_or_has_a_wrong_length_in_it_is_a_finding() {
    let lab = valid();
    let whole = data(&lab, CDF);
    let starts = objects(&whole);
    assert_eq!(starts.len(), 4);
    set_data(&lab, CDF, &whole[..starts[3] + 9]);
    assert_found(&lab, "truncated");
    for (index, by) in [(0, 1_i16), (1, -1), (1, 7), (2, 40), (3, 20)] {
        let mut bytes = whole.clone();
        let length = &mut bytes[starts[index] + 1];
        *length = (i16::from(*length) + by) as u8;
        set_data(&lab, CDF, &bytes);
        let (document, exit) = check(&lab, &[]);
        assert_eq!(exit, 6, "object {index}, length by {by}: {document:#}");
    }
}

#[test]
fn an_odf_that_names_a_missing_file_or_none_or_is_empty_is_a_finding() {
    let lab = valid();
    let whole = data(&lab, ODF);
    let at = whole
        .windows(2)
        .position(|two| two == [0x44, 0x03])
        .expect("the CDF");
    let mut elsewhere = whole.clone();
    elsewhere[at] = 0x45;
    set_data(&lab, ODF, &elsewhere);
    let found = assert_found(&lab, "file-absent");
    assert_eq!(found["path"], "3F0050154503");

    // Without the entry for certificates: ten bytes of context tag, Path and path each.
    let entry = whole
        .iter()
        .position(|byte| *byte == 0xA4)
        .expect("the entry");
    let mut without = whole.clone();
    without.drain(entry..entry + 12);
    set_data(&lab, ODF, &without);
    assert_found(&lab, "no-certificate-directory");

    for empty in [&[][..], &[0x00; 32], &[0xFF; 32]] {
        set_data(&lab, ODF, empty);
        let found = assert_found(&lab, "no-certificate-directory");
        assert!(
            found["message"]
                .as_str()
                .is_some_and(|text| text.contains("empty")),
            "{found:#}"
        );
    }
}

#[test]
fn filler_before_the_first_object_is_a_finding() {
    let lab = valid();
    for filler in [&[0x00, 0x00][..], &[0xFF]] {
        let whole = data(&valid(), CDF);
        set_data(&lab, CDF, &[filler, &whole].concat());
        let found = assert_found(&lab, "object-after-filler");
        assert_eq!(found["offset"], filler.len());
        assert_code(&lab.run(&["info"]), 6);
        let (document, _) = check(&lab, &[]);
        assert_eq!(document["certificates"].as_array().map(Vec::len), Some(4));
    }
}

#[test]
fn an_object_of_indefinite_length_is_told_and_its_end_is_no_filler() {
    let lab = valid();
    let whole = data(&lab, CDF);
    let second = objects(&whole)[1];
    let mut bytes = whole.clone();
    bytes[1] = 0x80;
    bytes.splice(second..second, [0x00, 0x00]);
    set_data(&lab, CDF, &bytes);
    let (document, exit) = check(&lab, &[]);
    assert_eq!(exit, 6);
    assert_eq!(codes(&document), ["indefinite-length"], "{document:#}");
    assert_eq!(document["certificates"].as_array().map(Vec::len), Some(4));
}

#[test]
fn a_card_without_certificates_is_said_to_be_empty_and_found_unless_that_is_right() {
    let lab = valid();
    set_data(&lab, CDF, &[0; 64]);
    // A directory that was cleared is not one that is empty: the certificates are there.
    let (document, exit) = check(&lab, &[]);
    let lost = problem(&document, "certificate-not-listed");
    assert_eq!((exit, lost["path"].as_str()), (6, Some("3F0050154331")));
    assert_code(&lab.run(&["cert", "check", "--allow-empty"]), 6);
    for fid in ["4331", "4332", "4333", "4334"] {
        remove_file(&lab, fid);
    }
    let (document, exit) = check(&lab, &[]);
    assert_eq!(
        (codes(&document), exit),
        (vec!["no-certificates".to_owned()], 6)
    );
    assert_code(&lab.run(&["cert", "check", "--allow-empty"]), 0);
    let list = lab.run(&["cert", "list"]);
    assert_code(&list, 0);
    assert!(stdout(&list).contains("no certificates were found on the card"));
    // Not the same as a directory that is lost.
    remove_file(&lab, CDF);
    assert_code(&lab.run(&["cert", "check", "--allow-empty"]), 6);
}

#[test]
fn a_key_that_names_a_pin_that_is_not_listed_is_a_finding() {
    let lab = valid();
    let whole = data(&lab, "4401");
    set_data(&lab, "4401", &whole[..2 + usize::from(whole[1])]);
    let (document, exit) = check(&lab, &[]);
    assert_eq!(exit, 6);
    let codes = codes(&document);
    assert!(codes.contains(&"no-such-pin".to_owned()), "{codes:?}");
}

#[test]
fn an_ef_dir_of_records_is_read_record_by_record_and_its_padding_is_nothing_wrong() {
    // The second has discretionary data of its own (ISO/IEC 7816-4 §8.2.1.1).
    let others = [
        "61094F07A0000001510000",
        "61144F05A0000000735102D002730780010081023032",
    ];
    for (other, padding) in others
        .into_iter()
        .flat_map(|other| [(other, 0x00), (other, 0xFF)])
    {
        let kind = "linear-fixed";
        let lab = valid();
        let pkcs15 = data(&lab, "2F00");
        let mut other = hex::decode(other).expect("hex");
        other.resize(pkcs15.len() + 9, padding);
        let mut pkcs15 = pkcs15.clone();
        pkcs15.resize(other.len(), padding);
        records(&lab, "2F00", kind, &[other, pkcs15]);
        let (document, exit) = run(&lab, &["info"]);
        assert_eq!(exit, 0, "{document:#}");
        assert_eq!(
            document["problems"].as_array().map(Vec::len),
            Some(0),
            "{document:#}"
        );
        assert_eq!(document["applications"].as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn a_record_of_ef_dir_that_is_broken_is_named_and_the_others_are_read() {
    let lab = valid();
    let pkcs15 = data(&lab, "2F00");
    let mut broken = vec![0x61, 0x7F, 0x4F];
    broken.resize(pkcs15.len(), 0x00);
    records(&lab, "2F00", "linear-fixed", &[broken, pkcs15]);
    let (document, exit) = run(&lab, &["info"]);
    assert_eq!(exit, 6);
    let file = document["problems"][0]["file"].as_str().expect("a file");
    assert!(file.contains("record 1"), "{file}");
    assert_eq!(document["certificates"].as_array().map(Vec::len), Some(4));
}

#[test]
fn an_aid_in_ef_dir_by_which_the_card_does_not_know_the_application_is_a_finding() {
    for behind in [&[0x00][..], &[0x31, 0x35], &[0xFF; 4]] {
        let lab = valid();
        change_data(&lab, "2F00", |bytes| {
            let more = behind.len() as u8;
            let end = 4 + usize::from(bytes[3]);
            bytes.splice(end..end, behind.iter().copied());
            bytes[3] += more;
            bytes[1] += more;
        });
        let problem = assert_found(&lab, "application-not-listed");
        let message = problem["message"].as_str().expect("a message");
        let name = "A000000063504B43532D3135";
        assert!(message.contains(&format!("{name}{}", hex::encode_upper(behind))));
        assert!(
            message.contains(&format!("knows it as {name}")),
            "{message}"
        );
    }
}

#[test]
fn what_damage_makes_of_a_tag_is_a_finding_and_no_extension() {
    // The label of the first key and of the first certificate, and one in EF.DIR.
    for (fid, tag) in [("4402", 0x0C), (CDF, 0x0C), ("4401", 0x0C), ("2F00", 0x50)] {
        for bit in [0x10, 0x20, 0x40, 0x80] {
            let lab = valid();
            change_data(&lab, fid, |bytes| {
                let label = bytes.iter().position(|byte| *byte == tag);
                bytes[label.expect("a label")] ^= bit;
            });
            let (document, exit) = check(&lab, &[]);
            assert_eq!(exit, 6, "{fid} {bit:02X}: {document:#}");
        }
    }
    let lab = valid();
    change_data(&lab, "2F00", |bytes| bytes[0] = 0x63);
    assert_found(&lab, "bad-value");
    remove_file(&lab, "2F00");
    assert_found(&lab, "application-not-listed");
}

#[test]
fn a_path_in_ef_dir_that_leads_nowhere_is_found_and_the_card_still_read() {
    let lab = valid();
    change_data(&lab, "2F00", |bytes| {
        let length = bytes.len();
        bytes[length - 2..].copy_from_slice(&[0xFF, 0xFF]);
    });
    let found = assert_found(&lab, "dangling-path");
    let message = found["message"].as_str().expect("a message");
    assert!(message.contains("3F00/FFFF"), "{message}");
    let (document, exit) = run(&lab, &["info"]);
    assert_eq!(exit, 6);
    assert_eq!(document["certificates"].as_array().map(Vec::len), Some(4));
}

/// A DF in the MF, with nothing in it.
const OTHER_DF: &[u8] = &[0x3F, 0x00, 0x50, 0x99];

fn add_df(lab: &Lab) {
    change(lab, |image| {
        let files = image["master_file"]["files"].as_array_mut().expect("files");
        files.push(serde_json::json!({ "fid": "5099", "kind": "df", "files": [] }));
    });
}

/// Has the entry of the ODF with this tag lead there; without one, puts one behind the others.
fn lead_odf(lab: &Lab, tag: u8, path: &[u8]) {
    let length = path.len() as u8;
    let entry = [&[tag, length + 4, 0x30, length + 2, 0x04, length][..], path].concat();
    change_data(lab, ODF, |bytes| {
        // Each of the card's own has twelve bytes.
        let own = bytes.chunks(12).position(|own| own.first() == Some(&tag));
        match own {
            Some(own) => drop(bytes.splice(own * 12..own * 12 + 12, entry)),
            None => bytes.extend(entry),
        }
    });
}

#[test]
fn a_directory_file_whose_path_leads_to_a_df_is_said_to_and_is_no_empty_one() {
    for (tag, file, beside) in [
        (0xA0, "EF(PrKDF)", &[][..]),
        (0xA1, "EF(PuKDF)", &[]),
        (0xA2, "EF(PuKDF)", &[]),
        (0xA3, "EF(SKDF)", &[]),
        (0xA4, "EF(CDF)", &["no-certificates"]),
        (0xA5, "EF(CDF)", &[]),
        (0xA6, "EF(CDF)", &[]),
        (0xA7, "EF(DODF)", &[]),
        (0xA8, "EF(AODF)", &[]),
    ] {
        let lab = valid();
        add_df(&lab);
        lead_odf(&lab, tag, OTHER_DF);
        let found = assert_found(&lab, "path-to-directory");
        assert_eq!(found["file"], file);
        assert_eq!(found["path"], "3F005099");
        assert_eq!(found["severity"], "error");
        let (document, _) = check(&lab, &[]);
        let mut codes = codes(&document);
        codes.retain(|code| code != "path-to-directory");
        assert_eq!(codes, beside, "{tag:02X}: {document:#}");
        for command in [&["info"][..], &["diagnose", "--date", DAY]] {
            let (document, exit) = run(&lab, command);
            assert_eq!(exit, 6, "{tag:02X} {command:?}");
            problem(&document, "path-to-directory");
        }
    }
    // Nor is it said that there is none.
    let lab = valid();
    add_df(&lab);
    lead_odf(&lab, 0xA4, OTHER_DF);
    let found = problem(&check(&lab, &[]).0, "no-certificates");
    let message = found["message"].as_str().expect("a message");
    assert!(message.contains("EF(CDF) was not read"), "{message}");
}

#[test]
fn what_a_directory_lists_that_leads_back_is_not_said_to_be_absent() {
    for back in [
        &[0x3F, 0x00][..],
        &[0x3F, 0x00, 0x50, 0x15],
        &[0x3F, 0x00, 0x50, 0x15, 0x50, 0x31],
    ] {
        for (tag, beside) in [
            (0xA0, &[][..]),
            (0xA1, &[]),
            (0xA4, &["no-certificates"]),
            (0xA8, &[]),
        ] {
            let lab = valid();
            lead_odf(&lab, tag, back);
            let found = assert_found(&lab, "circular-path");
            assert_eq!(found["path"], "3F0050155031");
            let (document, _) = check(&lab, &[]);
            let mut codes = codes(&document);
            codes.retain(|code| code != "circular-path");
            assert_eq!(codes, beside, "{back:02X?} {tag:02X}: {document:#}");
        }
        let lab = valid();
        lead_odf(&lab, 0xA4, back);
        let found = problem(&check(&lab, &[]).0, "no-certificates");
        let message = found["message"].as_str().expect("a message");
        assert!(message.contains("EF(CDF) was not read"), "{message}");
    }
}

/// Replaces the path of the first certificate, and the lengths around it.
fn lead_certificate(lab: &Lab, path: &[u8]) {
    let whole = data(lab, CDF);
    let own = hex::decode("A10C300A300804063F0050154331").expect("hex");
    let length = path.len() as u8;
    let around = [length + 6, length + 4, length + 2];
    let value = [
        0xA1, around[0], 0x30, around[1], 0x30, around[2], 0x04, length,
    ];
    let value = [&value[..], path].concat();
    let at = whole.windows(own.len()).position(|part| part == own);
    let at = at.expect("the path");
    let mut bytes = whole.clone();
    bytes[1] = bytes[1] - 6 + length;
    bytes.splice(at..at + own.len(), value);
    set_data(lab, CDF, &bytes);
}

#[test]
fn a_certificate_whose_path_is_empty_or_leads_to_a_df_is_said_to_and_its_file_is_not_empty() {
    for (path, code, place) in [
        (&[][..], "entry-without-file", "3F0050154403"),
        (OTHER_DF, "path-to-directory", "3F005099"),
        (&[0x3F, 0x00, 0x50, 0x15], "path-to-directory", "3F005015"),
        (&[0x3F, 0x00], "path-to-directory", "3F00"),
    ] {
        let lab = valid();
        add_df(&lab);
        lead_certificate(&lab, path);
        let found = assert_found(&lab, code);
        assert_eq!(found["path"], place);
        assert_eq!(found["severity"], "error");
        let (document, _) = check(&lab, &[]);
        let codes = codes(&document);
        let empty = codes.iter().any(|code| code == "empty-path");
        assert_eq!(empty, path.is_empty(), "{codes:?}");
        assert!(!codes.iter().any(|code| code == "empty-file"), "{codes:?}");
        for command in [&["info"][..], &["diagnose", "--date", DAY]] {
            let (document, exit) = run(&lab, command);
            assert_eq!(exit, 6, "{command:?}");
            problem(&document, code);
        }
    }
}

#[test]
fn a_path_of_ef_dir_to_a_df_instead_of_a_file_is_found_and_the_card_still_read() {
    for (tag, file, path, code) in [
        (0x30, "EF.DIR", OTHER_DF, "path-to-directory"),
        (0x30, "EF.DIR", &[0x3F, 0x00], "path-to-directory"),
        (0x30, "EF.DIR", &[0x3F, 0x00, 0x51, 0x15], "dangling-path"),
        (0xA0, "EF(TokenInfo)", OTHER_DF, "path-to-directory"),
        (0xA1, "EF(UnusedSpace)", OTHER_DF, "path-to-directory"),
    ] {
        let lab = valid();
        add_df(&lab);
        change_data(&lab, "2F00", |bytes| {
            let length = path.len() as u8;
            let ddo = [&[0x73, length + 4, tag, length + 2, 0x04, length][..], path].concat();
            let end = 2 + usize::from(bytes[1]);
            bytes[1] += ddo.len() as u8;
            bytes.splice(end..end, ddo);
        });
        let found = assert_found(&lab, code);
        assert_eq!(found["file"], file);
        for command in [&["info"][..], &["cert", "check", "--date", DAY]] {
            let (document, exit) = run(&lab, command);
            assert_eq!(exit, 6, "{command:?}");
            assert_eq!(codes(&document), [code], "{command:?} {document:#}");
            assert_eq!(document["certificates"].as_array().map(Vec::len), Some(4));
        }
    }
}
