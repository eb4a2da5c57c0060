//! What EF(PrKDF) lets a key do, where that is nothing of what its certificates are for: OpenSC finds no
//! such key then (`interop/diagnose.rs`).

use serde_json::Value;

use crate::authority::Authority;
use crate::bench::*;
use crate::common::Lab;
use crate::der::{element, replaced};

const PRKDF: &str = "4402";
const CODE: &str = "usage-mismatch";

/// The CommonKeyAttributes of the key, with this usage and what else is between that and accessFlags.
fn attributes(id: u8, usage: &[u8], more: &[u8]) -> Vec<u8> {
    let parts = [&[0x04, 0x01, id], usage, more, &[0x03, 0x02, 0x03, 0xB8]];
    element(0x30, &parts.concat())
}

const SIGNS_AND_DECRYPTS: &[u8] = &[0x03, 0x02, 0x05, 0x60];
const COMMITS: &[u8] = &[0x03, 0x03, 0x06, 0x00, 0x40];

/// A good card, but for what EF(PrKDF) says of the usage of a key.
fn with_usage(id: u8, usage: &[u8], more: &[u8]) -> Lab {
    let lab = again();
    let good = match id {
        0x45 => SIGNS_AND_DECRYPTS,
        _ => COMMITS,
    };
    let new = attributes(id, usage, more);
    change_whole(&lab, PRKDF, |prkdf| {
        *prkdf = replaced(prkdf, &attributes(id, good, &[]), &new);
    });
    lab
}

/// Which certificates the commands find that of, by their files.
#[track_caller]
fn assert_of(lab: &Lab, files: &[&str]) -> Value {
    assert_at(lab, DAY, files)
}

/// The same on this day.
#[track_caller]
fn assert_at(lab: &Lab, day: &str, files: &[&str]) -> Value {
    let mut last = Value::Null;
    for command in [&["cert", "check"][..], &["diagnose"]] {
        let (document, exit) = run(lab, &[command, &["--date", day]].concat());
        let own = document["problems"].as_array().into_iter().flatten();
        let certificates = document["certificates"].as_array().into_iter().flatten();
        let inner = certificates.flat_map(|one| one["problems"].as_array().into_iter().flatten());
        let found: Vec<_> = own.chain(inner).filter(|one| one["code"] == CODE).collect();
        let paths: Vec<_> = found
            .iter()
            .map(|one| one["path"].as_str().expect("a path")[8..].to_owned())
            .collect();
        assert_eq!(paths, files, "{command:?}: {document:#}");
        assert_eq!(
            exit,
            if files.is_empty() { 0 } else { 6 },
            "{command:?}: {document:#}"
        );
        last = found.first().map_or(Value::Null, |one| (*one).clone());
    }
    last
}

#[test]
fn a_key_that_may_do_nothing_of_what_its_certificates_are_for_is_found() {
    for usage in [
        // encrypt; nothing, in two forms; verify; wrap and encrypt; nonRepudiation.
        &[0x03, 0x02, 0x07, 0x80][..],
        &[0x03, 0x02, 0x07, 0x00],
        &[0x03, 0x01, 0x00],
        &[0x03, 0x02, 0x01, 0x02],
        &[0x03, 0x02, 0x03, 0x88],
        COMMITS,
    ] {
        assert_of(&with_usage(0x45, usage, &[]), &["4331", "4333"]);
    }
    for usage in [
        &[0x03, 0x03, 0x06, 0x00, 0x00][..],
        &[0x03, 0x02, 0x06, 0x40],
    ] {
        assert_of(&with_usage(0x46, usage, &[]), &["4332", "4334"]);
    }
    // What is no more said of nonRepudiation on the whole card, a key that signs can do.
    assert_of(&with_usage(0x46, &[0x03, 0x02, 0x04, 0x70], &[]), &[]);
    let lab = with_usage(0x46, &[0x03, 0x02, 0x05, 0x20], &[]);
    change_whole(&lab, PRKDF, |prkdf| {
        let both = [0x03, 0x03, 0x06, 0x20, 0x40];
        let (old, new) = (
            attributes(0x45, SIGNS_AND_DECRYPTS, &[]),
            attributes(0x45, &both, &[]),
        );
        *prkdf = replaced(prkdf, &old, &new);
    });
    assert_of(&lab, &["4332", "4334"]);
}

#[test]
fn a_key_that_may_do_some_of_it_and_more_is_nothing_wrong() {
    for (id, usage) in [
        (0x45, &[0x03, 0x02, 0x05, 0x20][..]),
        (0x45, &[0x03, 0x02, 0x04, 0x10]),
        (0x45, &[0x03, 0x02, 0x02, 0x04]),
        (0x45, &[0x03, 0x03, 0x06, 0x74, 0x40]),
        (0x46, &[0x03, 0x03, 0x06, 0x20, 0x40]),
        (0x46, &[0x03, 0x03, 0x06, 0x74, 0x40]),
    ] {
        assert_of(&with_usage(id, usage, &[]), &[]);
    }
}

#[test]
fn a_key_that_is_not_the_cards_own_to_use_is_found() {
    let lab = with_usage(0x45, SIGNS_AND_DECRYPTS, &[0x01, 0x01, 0x00]);
    let found = assert_of(&lab, &["4331", "4333"]);
    let message = found["message"].as_str().expect("text");
    assert!(message.contains("native"), "{message}");
}

#[test]
fn what_a_certificate_is_for_is_held_against_its_key() {
    // One for logging in, on the key for signatures.
    let lab = again();
    change_data(&lab, "4334", |der| {
        let usage = [0x04, 0x04, 0x03, 0x02, 0x06, 0x40];
        let at = der.windows(6).position(|part| part == usage);
        let at = at.expect("keyUsage") + 4;
        der[at..at + 2].copy_from_slice(&[0x07, 0x80]);
    });
    assert_of(&lab, &["4334"]);
    // One without keyUsage is for everything; that of OpenSSL is valid from now on.
    let Authority { lab } = Authority::new("Own CA", "utf8only");
    let day = "2028-01-01";
    assert_at(&lab, day, &[]);
    change_whole(&lab, PRKDF, |prkdf| {
        let old = attributes(0x45, SIGNS_AND_DECRYPTS, &[]);
        *prkdf = replaced(
            prkdf,
            &old,
            &attributes(0x45, &[0x03, 0x02, 0x07, 0x80], &[]),
        );
    });
    let found = assert_at(&lab, day, &["4331", "4333"]);
    let message = found["message"].as_str().expect("text");
    assert!(message.contains("for any use"), "{message}");
}
