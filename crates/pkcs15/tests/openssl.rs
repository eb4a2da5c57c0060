//! What is written is read by OpenSSL's ASN.1 parser, every file to its end.

mod common;

use std::process::Command;

use common::card;
use proptest::prelude::*;

/// Has `openssl asn1parse` read `file` and returns what it prints.
fn asn1parse(file: &[u8]) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("file.der");
    std::fs::write(&path, file).expect("written");
    let output = Command::new("openssl")
        .args(["asn1parse", "-inform", "DER", "-in"])
        .arg(&path)
        .output()
        .expect("openssl is missing; run: cargo xtask test");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}{}",
        text,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// How many elements OpenSSL prints, against how many `der` counts.
fn assert_same_count(file: &[u8]) {
    let text = asn1parse(file);
    let printed = text.lines().filter(|line| line.contains("hl=")).count();
    assert_eq!(printed, common::count(file), "{text}");
}

#[test]
fn openssl_reads_every_file_of_a_card() {
    let encoded = [
        card::ef_dir().encode(),
        card::odf().encode(),
        card::token_info().encode(),
        card::prkdf().encode(),
        card::pukdf().encode(),
        card::skdf().encode(),
        card::cdf().encode(),
        card::aodf().encode(),
        card::dodf().encode(),
        card::unused_space().encode(),
    ];
    for file in encoded {
        assert_same_count(&file.expect("valid"));
    }
}

#[test]
fn openssl_finds_the_values_that_were_written() {
    let text = asn1parse(&card::aodf().encode().expect("valid"));
    assert!(text.contains("UTF8STRING        :Legitimering"), "{text}");
    assert!(text.contains("ENUMERATED        :01"), "{text}");
    let text = asn1parse(&card::token_info().encode().expect("valid"));
    assert!(
        text.contains("GENERALIZEDTIME   :20261124062000Z"),
        "{text}"
    );
    let text = asn1parse(&card::prkdf().encode().expect("valid"));
    assert!(text.contains("INTEGER           :0800"), "{text}");
}

proptest! {
    // Each case runs a program.
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn openssl_reads_whatever_is_written(
        keys in proptest::collection::vec(common::private_key(), 1..3),
        certificates in proptest::collection::vec(common::certificate(), 1..3),
        token in common::token_info(),
    ) {
        assert_same_count(&kortlab_pkcs15::PrKdf::new(keys).encode().expect("valid"));
        assert_same_count(&kortlab_pkcs15::Cdf::new(certificates).encode().expect("valid"));
        assert_same_count(&token.encode().expect("valid"));
    }
}
