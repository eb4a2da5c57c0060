//! How certificates are written: times that cannot be told, and DER all the way down.

use std::fs;

use serde_json::Value;

use crate::bench::*;
use crate::common::{Lab, assert_code, stderr, stdout};

const NOT_AFTER: usize = 1;

/// A certificate of the card with this time in the place of one of its own (0: notBefore).
/// The lengths around it are made to fit.
fn with_time(der: &[u8], which: usize, tag: u8, text: &str) -> Vec<u8> {
    let times: Vec<_> = (0..der.len() - 15)
        .filter(|&at| der[at..at + 2] == [0x17, 0x0D] && der[at + 14] == b'Z')
        .collect();
    let at = times[which];
    let start = if which == 0 { at } else { times[0] };
    let mut bytes = der.to_vec();
    let time = [&[tag, text.len() as u8], text.as_bytes()].concat();
    let by = time.len() as i16 - 15;
    bytes.splice(at..at + 15, time);
    let validity = start - 1;
    bytes[validity] = (i16::from(bytes[validity]) + by) as u8;
    grow(&mut bytes, by);
    bytes
}

/// Adds to the lengths of the certificate and its body.
fn grow(der: &mut [u8], by: i16) {
    for at in [2, 6] {
        let length = i16::from_be_bytes([der[at], der[at + 1]]) + by;
        der[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
}

/// What OpenSSL says the time is; `None` if it does not load the certificate.
fn openssl_says(lab: &Lab, der: &[u8], end: &str) -> Option<String> {
    fs::write(lab.path("one.der"), der).expect("written");
    let output = std::process::Command::new("openssl")
        .args([
            "x509", "-inform", "DER", "-in", "one.der", "-noout", "-dateopt", "iso_8601", end,
        ])
        .current_dir(lab.directory())
        .output()
        .expect("openssl runs; run: cargo xtask test");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, date) = text.trim().split_once('=')?;
    output.status.success().then(|| {
        date.replace(' ', "T")
            .split('.')
            .next()
            .unwrap_or_default()
            .to_owned()
    })
}

fn row(lab: &Lab, id: &str) -> Value {
    let document = lab.json(&["cert", "list", "--date", DAY]);
    certificate(&document, id)
}

#[test]
fn a_validity_that_cannot_be_told_is_unknown_and_the_rest_is_read() {
    let lab = valid();
    let good = data(&lab, HCC);
    for (tag, text, state) in [
        (0x17, "3001010000Z", "unknown"),
        (0x17, "300101000000+0100", "unknown"),
        (0x17, "3001010000-0230", "unknown"),
        (0x18, "20300101000000.5Z", "unknown"),
        (0x18, "20300101000000+0100", "unknown"),
        (0x18, "203001010000Z", "unknown"),
        (0x17, "301301000000Z", "unknown"),
        (0x17, "300230000000Z", "unknown"),
        (0x17, "300101000000", "unknown"),
        (0x17, "", "unknown"),
        (0x0C, "300101000000Z", "unknown"),
        (0x17, "2001010000Z", "expired"),
        (0x17, "200101000000+0100", "expired"),
        (0x18, "20200101000000.5Z", "expired"),
    ] {
        let der = with_time(&good, NOT_AFTER, tag, text);
        set_data(&lab, HCC, &der);
        let row = row(&lab, HCC);
        assert_eq!(row["state"], state, "{text}: {row:#}");
        assert_eq!(row["colour"], "pink", "{text}");
        assert_eq!(row["purpose"], "authentication", "{text}");
        assert_eq!(row["holder"], "Ivar Övningsfält", "{text}");
        let (document, exit) = check(&lab, &[]);
        assert_eq!(exit, 6, "{text}");
        assert!(
            codes(&document).contains(&"not-strict-der".to_owned()),
            "{text}: {document:#}"
        );
        // OpenSSL is the judge of what a lenient reader sees.
        if let (Some(ours), Some(theirs)) = (
            row["not_after"].as_str(),
            openssl_says(&lab, &der, "-enddate"),
        ) && !theirs.contains("Bad")
        {
            assert_eq!(
                ours.trim_end_matches('Z'),
                theirs.trim_end_matches('Z'),
                "{text}"
            );
        }
    }
}

#[test]
fn good_times_are_good_also_before_1970_and_after_2049() {
    let lab = valid();
    let good = data(&lab, HCC);
    for (which, tag, text, shown) in [
        (0, 0x17, "500101000000Z", "1950-01-01T00:00:00Z"),
        (0, 0x17, "691231235959Z", "1969-12-31T23:59:59Z"),
        (0, 0x17, "000229120000Z", "2000-02-29T12:00:00Z"),
        (NOT_AFTER, 0x18, "20500101000000Z", "2050-01-01T00:00:00Z"),
        (NOT_AFTER, 0x18, "99991231235959Z", "9999-12-31T23:59:59Z"),
    ] {
        let der = with_time(&good, which, tag, text);
        set_data(&lab, HCC, &der);
        let row = row(&lab, HCC);
        assert_eq!(row["state"], "valid", "{text}: {row:#}");
        let (field, end) = [("not_before", "-startdate"), ("not_after", "-enddate")][which];
        assert_eq!(row[field], shown, "{text}");
        let theirs = openssl_says(&lab, &der, end).expect("a date");
        assert_eq!(theirs.trim_end_matches('Z'), shown.trim_end_matches('Z'));
        let (document, exit) = check(&lab, &[]);
        assert_eq!(exit, 0, "{text}: {document:#}");
    }
}

#[test]
fn a_date_before_1970_that_is_over_is_expired() {
    let lab = valid();
    let der = with_time(&data(&lab, HCC), NOT_AFTER, 0x17, "690101000000Z");
    set_data(&lab, HCC, &der);
    assert_eq!(row(&lab, HCC)["state"], "expired");
}

/// Where these bytes stand in a certificate.
fn position(der: &[u8], bytes: &[u8]) -> usize {
    der.windows(bytes.len())
        .position(|part| part == bytes)
        .expect("they are in it")
}

/// Changes to a certificate that DER or RFC 5280 does not allow, each with the byte that is told.
fn broken(good: &[u8]) -> Vec<(&'static str, Vec<u8>, usize)> {
    let mut all = Vec::new();
    let mut add = |what, der: Vec<u8>, at| all.push((what, der, at));

    // The subject's common name, a UTF8String.
    let name = position(good, "Ivar Ö".as_bytes());
    let mut der = good.to_vec();
    der[name] = 0xFF;
    add("bad UTF-8", der, name);

    // The country, a PrintableString, with a character that it has not.
    let country = position(good, &[0x13, 0x02, b'S', b'E']);
    let mut der = good.to_vec();
    der[country + 2] = b'@';
    add("no PrintableString", der, country + 2);
    // The same as a BMPString of half a character pair, and as an IA5String with a high byte.
    let mut der = good.to_vec();
    der[country] = 0x1E;
    der[country + 2] = 0xD8;
    add("half a surrogate", der, country + 2);
    let mut der = good.to_vec();
    der[country] = 0x16;
    der[country + 3] = 0xE5;
    add("no ASCII", der, country + 3);

    // keyUsage, critical, in its OCTET STRING.
    let usage = position(
        good,
        &[0x55, 0x1D, 0x0F, 0x01, 0x01, 0xFF, 0x04, 0x04, 0x03, 0x02],
    );
    let mut der = good.to_vec();
    der[usage + 5] = 0x01;
    add("TRUE as 01", der, usage + 5);
    let mut der = good.to_vec();
    der[usage + 5] = 0x00;
    add("a default written out", der, usage + 3);
    let mut der = good.to_vec();
    der[usage + 10] = 0x00;
    add("trailing bits", der, usage + 8);
    let mut der = good.to_vec();
    der[usage + 11] |= 0x01;
    add("unused bits that are set", der, usage + 10);
    let mut der = good.to_vec();
    der[usage + 8] = 0x04;
    add("keyUsage of another type", der, usage + 8);

    // The same extension a second time.
    let sequence = usage - 4;
    let extension = good[sequence..sequence + 16].to_vec();
    let mut der = good.to_vec();
    der.splice(sequence..sequence, extension.iter().copied());
    for at in [sequence - 2, sequence - 6] {
        let length = u16::from_be_bytes([der[at], der[at + 1]]) + 16;
        der[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
    grow(&mut der, 16);
    add("an extension twice", der, sequence + 16);

    // The serial number with a superfluous byte.
    let serial = 13;
    assert_eq!(good[serial], 0x02);
    let mut der = good.to_vec();
    let length = usize::from(der[serial + 1]);
    der[serial + 1] += 1;
    der.insert(serial + 2, 0x00);
    grow(&mut der, 1);
    if der[serial + 3] < 0x80 {
        add("a long INTEGER", der, serial + 2);
    }

    // The signature algorithm inside is another one than outside.
    let inner = serial + 2 + length;
    let algorithm = inner + 2 + 2 + 8;
    let mut der = good.to_vec();
    assert_eq!(der[algorithm], 0x0B);
    der[algorithm] = 0x0C;
    let outer = good.len() - 256 - 5 - 15;
    add("two algorithms", der, outer);

    // The numbers of the key, which stand in a BIT STRING, with superfluous bytes.
    let exponent = position(good, &[0x02, 0x03, 0x01, 0x00, 0x01]);
    let mut der = good.to_vec();
    der[exponent + 2] = 0x00;
    add("a long exponent", der, exponent + 2);
    let modulus = position(good, &[0x02, 0x82, 0x01, 0x01, 0x00]);
    let mut der = good.to_vec();
    der[modulus + 5] &= 0x7F;
    add("a long modulus", der, modulus + 4);

    // A byte behind the certificate, taken into its length.
    let mut der = good.to_vec();
    der.push(0x05);
    der.push(0x00);
    let length = u16::from_be_bytes([der[2], der[3]]) + 2;
    der[2..4].copy_from_slice(&length.to_be_bytes());
    add("an element too many", der, good.len());
    all
}

#[test]
fn what_is_not_der_is_found_with_its_byte_and_not_written() {
    let lab = valid();
    let good = data(&lab, HCC);
    let blank = Lab::with(&["--state", "blank-slots", "--date", DAY]);
    for (what, der, at) in broken(&good) {
        set_data(&lab, HCC, &der);
        let (document, exit) = check(&lab, &[]);
        assert_eq!(exit, 6, "{what}: {document:#}");
        let problems = certificate(&document, HCC)["problems"].clone();
        let problems = problems.as_array().expect("problems");
        assert!(
            problems
                .iter()
                .any(|problem| problem["code"] == "not-strict-der" && problem["offset"] == at),
            "{what} at {at}: {problems:#?}"
        );
        fs::write(blank.path("new.der"), &der).expect("written");
        let before = blank.image();
        let output = blank.with_pins(&["cert", "write", "new.der", "--key", "45"]);
        assert_code(&output, 1);
        assert!(
            stderr(&output).contains("not strict DER"),
            "{what}: {}",
            stderr(&output)
        );
        assert_eq!(blank.image(), before, "{what}");
    }
}

#[test]
fn a_key_whose_algorithm_has_other_parameters_than_null_is_found() {
    let lab = valid();
    let good = data(&lab, HCC);
    let rsa = [
        0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01,
    ];
    let at = position(&good, &rsa);
    let mut der = good.clone();
    assert_eq!(der[at + 11..at + 13], [0x05, 0x00]);
    der[at + 11] = 0x04;
    set_data(&lab, HCC, &der);
    let (document, exit) = check(&lab, &[]);
    assert_eq!(exit, 6);
    let found = problem(&document, "not-rfc5280");
    assert_eq!(found["offset"], at - 2, "{found:#}");
    assert_eq!(certificate(&document, HCC)["state"], "valid");
}

#[test]
fn a_part_of_a_name_with_two_attributes_of_one_type_is_found() {
    let lab = valid();
    let good = data(&lab, HCC);
    // The country of the issuer, which begins the name: a SET of one attribute.
    let set = position(&good, &[0x13, 0x02, b'S', b'E']) - 9;
    assert_eq!(good[set..set + 4], [0x31, 0x0B, 0x30, 0x09]);
    assert_eq!(good[set - 2], 0x30, "a short length");
    let attribute = good[set + 2..set + 13].to_vec();
    // The same country once more, and another one behind it.
    for country in [b"SE", b"XX"] {
        let mut more = attribute.clone();
        more[9..].copy_from_slice(country);
        let mut der = good.clone();
        der.splice(set + 13..set + 13, more);
        der[set + 1] += 11;
        der[set - 1] += 11;
        assert!(der[set - 1] < 0x80);
        grow(&mut der, 11);
        assert!(openssl_says(&lab, &der, "-enddate").is_some());
        set_data(&lab, HCC, &der);
        let (document, exit) = check(&lab, &[]);
        assert_eq!(exit, 6, "{document:#}");
        let found = problem(&document, "not-rfc5280");
        assert_eq!(found["offset"], set + 13, "{found:#}");
        assert!(
            found["message"].as_str().unwrap().contains("twice"),
            "{found:#}"
        );
    }
}

#[test]
fn non_repudiation_is_read_in_every_form_and_the_loose_ones_are_named() {
    let lab = valid();
    let id = "4334";
    let good = data(&lab, id);
    let usage = position(&good, &[0x04, 0x04, 0x03, 0x02, 0x06, 0x40]);
    for (unused, loose) in [(6, false), (5, true), (0, true)] {
        let mut der = good.clone();
        der[usage + 4] = unused;
        set_data(&lab, id, &der);
        let (document, _) = check(&lab, &[]);
        let row = certificate(&document, id);
        assert_eq!(
            (&row["purpose"], &row["state"]),
            (&"signature".into(), &"valid".into())
        );
        let problems = row["problems"].as_array().expect("problems");
        assert_eq!(problems.len(), usize::from(loose), "{unused}: {row:#}");
        if loose {
            assert_eq!(problems[0]["severity"], "warning");
            assert_eq!(problems[0]["code"], "not-strict-der");
        }
        assert!(
            openssl_says(&lab, &der, "-enddate").is_some(),
            "OpenSSL loads it"
        );
    }
}

#[test]
fn openssl_loads_every_certificate_that_check_calls_valid() {
    let lab = valid();
    let good = data(&lab, HCC);
    for (what, der, _) in broken(&good) {
        if openssl_says(&lab, &der, "-enddate").is_none() {
            set_data(&lab, HCC, &der);
            assert_ne!(row(&lab, HCC)["state"], "valid", "{what}");
        }
    }
    let text = stdout(&lab.run(&["cert", "list", "--date", DAY]));
    assert!(text.contains("4331"));
}
