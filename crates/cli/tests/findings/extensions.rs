//! Extensions and names that make programs refuse a certificate, or not load it. OpenSSL is the judge.

use std::fs;

use crate::authority::{Authority, CERTIFICATE};
use crate::bench::*;
use crate::common::{Lab, assert_code, stderr};
use crate::der::{element, elements, replaced};

/// A certificate by an authority with these lines in the section of its extensions, on the card.
fn issue(authority: &Authority, subject: &str, lines: &str) {
    let lab = &authority.lab;
    let base = "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n";
    let own: Vec<_> = base
        .lines()
        .filter(|line| !lines.contains(line.split('=').next().unwrap_or_default()))
        .collect();
    fs::write(
        lab.path("ext.cnf"),
        format!("[e]\n{}\n{lines}\n", own.join("\n")),
    )
    .expect("written");
    lab.openssl(&[
        "req", "-new", "-key", "own.key", "-subj", subject, "-out", "new.csr",
    ]);
    authority.issue("strict.pem", &["-extfile", "ext.cnf", "-extensions", "e"]);
    lab.openssl(&[
        "x509", "-inform", "DER", "-in", "new.der", "-out", "new.pem",
    ]);
}

/// What OpenSSL says last of the authority's certificate, without what leads to it.
fn of_strict(authority: &Authority, what: &[&str]) -> String {
    let output = std::process::Command::new("openssl")
        .args(["x509", "-in", "strict.pem", "-noout"])
        .args(what)
        .current_dir(authority.lab.directory())
        .output()
        .expect("openssl runs; run: cargo xtask test");
    let text = String::from_utf8(output.stdout).expect("text");
    let last = text.lines().last().expect("a line");
    let value = last.rsplit('=').next().expect("a value");
    value.trim().replace(':', "")
}

/// State and codes of the certificate.
fn judged(authority: &Authority) -> (String, Vec<String>) {
    let (document, _) = run(&authority.lab, &["cert", "check", "--issuer", "strict.pem"]);
    let row = certificate(&document, CERTIFICATE);
    let codes = row["problems"].as_array().expect("problems").iter();
    (
        row["state"].as_str().expect("a state").to_owned(),
        codes
            .map(|problem| problem["code"].as_str().expect("a code").to_owned())
            .collect(),
    )
}

#[test]
fn no_certificate_that_openssl_refuses_is_called_valid_and_no_good_one_is_called_bad() {
    let authority = Authority::strict();
    let subject = "/CN=Kim";
    let san = "subjectAltName=critical,DNS:a.example";
    let key = of_strict(&authority, &["-ext", "subjectKeyIdentifier"]);
    let critical_key = format!("2.5.29.35=critical,DER:30168014{key}");
    let serial = hex::decode(of_strict(&authority, &["-serial"])).expect("hex");
    let serial = hex::encode_upper(element(0x30, &element(0x82, &serial)));
    let serial_alone = format!("2.5.29.35=DER:{serial}");
    // Subject, extensions, the code, and whether OpenSSL takes it: also strictly.
    for (subject, lines, code, taken, strictly) in [
        (subject, "", None, true, true),
        ("/", san, None, true, true),
        (
            subject,
            "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,clientAuth\n\
             certificatePolicies=critical,1.2.3\nbasicConstraints=critical,CA:false\n\
             crlDistributionPoints=critical,URI:http://a.example/\n\
             inhibitAnyPolicy=critical,0\npolicyConstraints=critical,requireExplicitPolicy:0\n\
             1.3.6.1.5.5.7.48.1.5=critical,DER:0500",
            None,
            true,
            true,
        ),
        (
            subject,
            "subjectAltName=IP:10.0.0.1,IP:fe80::1,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:a@b.example,\
             dirName:dn,RID:1.2.3,email:a@b.example,URI:http://a.example/\n\
             issuerAltName=DNS:a.example\nfreshestCRL=URI:http://a.example/\n\
             2.5.29.16=DER:3011800F32303236303130313030303030305A\n\
             2.5.29.9=DER:3010300E06082B0601050507090431021300\n[dn]\nCN=Kim",
            None,
            true,
            true,
        ),
        (subject, "1.2.3.4=DER:0500", None, true, true),
        (
            subject,
            "1.3.6.1.5.5.7.1.24=DER:3003020105\n1.3.6.1.5.5.7.1.3=DER:300A3008060604008E460101\n\
             certificatePolicies=1.2.3,@policy\n[policy]\npolicyIdentifier=1.2.4\n\
             CPS.1=http://a.example/",
            None,
            true,
            true,
        ),
        // Critical, and not known or not to be.
        (
            subject,
            "1.2.3.4=critical,DER:0500",
            Some("not-rfc5280"),
            false,
            false,
        ),
        (
            subject,
            "subjectKeyIdentifier=critical,hash",
            Some("not-rfc5280"),
            false,
            false,
        ),
        (subject, &critical_key, Some("not-rfc5280"), false, false),
        (
            subject,
            "issuerAltName=critical,DNS:a.example",
            Some("not-rfc5280"),
            false,
            false,
        ),
        (
            subject,
            "freshestCRL=critical,URI:http://a.example/",
            Some("not-rfc5280"),
            false,
            false,
        ),
        (
            subject,
            "authorityInfoAccess=critical,OCSP;URI:http://a.example/",
            Some("not-rfc5280"),
            false,
            false,
        ),
        // Nonsense in the place of what an extension holds.
        (
            subject,
            "2.5.29.30=critical,DER:3003020101",
            Some("not-strict-der"),
            false,
            false,
        ),
        (
            subject,
            "2.5.29.31=DER:30043002A100",
            Some("not-strict-der"),
            false,
            false,
        ),
        // A distribution point with neither a name nor an issuer.
        (
            subject,
            "2.5.29.31=DER:3006300481020640",
            Some("not-rfc5280"),
            false,
            false,
        ),
        (
            subject,
            "2.5.29.31=DER:30023000",
            Some("not-rfc5280"),
            false,
            false,
        ),
        (
            subject,
            "2.5.29.31=DER:30043002A200",
            Some("not-rfc5280"),
            false,
            false,
        ),
        (
            subject,
            "2.5.29.31=DER:30063004A002A000",
            Some("not-rfc5280"),
            true,
            true,
        ),
        (
            subject,
            "2.5.29.46=DER:3006300481020640",
            Some("not-rfc5280"),
            true,
            true,
        ),
        (
            subject,
            "2.5.29.17=DER:3002A000",
            Some("not-strict-der"),
            false,
            false,
        ),
        (
            subject,
            "2.5.29.17=DER:30028800",
            Some("not-strict-der"),
            false,
            false,
        ),
        (
            subject,
            "2.5.29.33=DER:0400",
            Some("not-strict-der"),
            true,
            true,
        ),
        (
            subject,
            "2.5.29.36=DER:0400",
            Some("not-strict-der"),
            true,
            true,
        ),
        (
            subject,
            "2.5.29.54=DER:0400",
            Some("not-strict-der"),
            true,
            true,
        ),
        (
            subject,
            "2.5.29.46=DER:0400",
            Some("not-strict-der"),
            true,
            true,
        ),
        (
            subject,
            "2.5.29.16=DER:0400",
            Some("not-strict-der"),
            true,
            true,
        ),
        (
            subject,
            "2.5.29.18=DER:0400",
            Some("not-strict-der"),
            true,
            true,
        ),
        (
            subject,
            "1.3.6.1.5.5.7.48.1.5=DER:0400",
            Some("not-strict-der"),
            true,
            true,
        ),
        (
            subject,
            "1.3.6.1.5.5.7.48.1.5=DER:050100",
            Some("not-strict-der"),
            true,
            true,
        ),
        (
            subject,
            "1.3.6.1.5.5.7.1.24=DER:0400",
            Some("not-strict-der"),
            true,
            true,
        ),
        (
            subject,
            "1.3.6.1.5.5.7.1.24=DER:30020500",
            Some("not-strict-der"),
            true,
            true,
        ),
        (
            subject,
            "1.3.6.1.5.5.7.1.3=DER:0400",
            Some("not-strict-der"),
            true,
            true,
        ),
        (
            subject,
            "1.3.6.1.5.5.7.1.3=DER:30023000",
            Some("not-strict-der"),
            true,
            true,
        ),
        (
            subject,
            "2.5.29.32=DER:30020500",
            Some("not-strict-der"),
            true,
            true,
        ),
        (
            subject,
            "2.5.29.32=DER:3008300606022A033000",
            Some("not-strict-der"),
            true,
            true,
        ),
        // DER, and against the profile.
        (
            subject,
            "2.5.29.32=DER:300C300406022A03300406022A03",
            Some("not-rfc5280"),
            true,
            true,
        ),
        (
            subject,
            "2.5.29.35=DER:3005A103820178",
            Some("not-rfc5280"),
            true,
            false,
        ),
        (subject, &serial_alone, Some("not-rfc5280"), true, false),
        // No identifier of the issuer's key, and authorities without what they must have.
        (
            subject,
            "2.5.29.35=DER:3000",
            Some("not-rfc5280"),
            true,
            false,
        ),
        (
            subject,
            "authorityKeyIdentifier=none",
            Some("not-rfc5280"),
            true,
            false,
        ),
        (
            subject,
            "basicConstraints=CA:true\nkeyUsage=critical,keyCertSign",
            Some("not-rfc5280"),
            true,
            false,
        ),
        (
            subject,
            "basicConstraints=critical,CA:true",
            Some("not-rfc5280"),
            true,
            false,
        ),
        (
            subject,
            "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n\
             nameConstraints=critical,permitted;DNS:a.example",
            None,
            true,
            true,
        ),
        (
            subject,
            "nameConstraints=critical,permitted;DNS:a.example",
            Some("not-rfc5280"),
            true,
            true,
        ),
        (
            subject,
            "keyUsage=critical,digitalSignature,keyCertSign",
            Some("not-rfc5280"),
            true,
            false,
        ),
        ("/", "", Some("not-rfc5280"), true, false),
        (
            "/",
            "subjectAltName=DNS:a.example",
            Some("not-rfc5280"),
            true,
            false,
        ),
        (
            subject,
            "2.5.29.17=DER:30058703010203",
            Some("not-rfc5280"),
            true,
            true,
        ),
    ] {
        issue(&authority, subject, lines);
        let verify = ["verify", "-partial_chain", "-CAfile", "strict.pem"];
        let strictly_verify = [&verify[..], &["-x509_strict", "new.pem"]].concat();
        let verify = [&verify[..], &["new.pem"]].concat();
        assert_eq!(authority.openssl_does(&verify), taken, "{subject} {lines}");
        assert_eq!(
            authority.openssl_does(&strictly_verify),
            strictly,
            "{subject} {lines}"
        );
        let (state, codes) = judged(&authority);
        let expected: Vec<_> = code.into_iter().map(str::to_owned).collect();
        let mut told = codes.clone();
        told.dedup();
        assert_eq!(told, expected, "{subject} {lines}: {codes:?}");
        assert!(taken || state != "valid", "{subject} {lines}: {state}");
        if code.is_none() {
            assert_eq!(state, "valid", "{subject} {lines}");
        }
    }
}

#[test]
fn a_certificate_that_names_another_key_or_certificate_of_its_issuer_is_not_valid() {
    let authority = Authority::strict();
    let serial = of_strict(&authority, &["-serial"]);
    let length = serial.len() / 2;
    let serial = format!("82{length:02X}{serial}");
    // The name "Own CA" in its GeneralNames, and another one.
    let name = |text: &str| {
        let text = element(0x0C, text.as_bytes());
        let attribute = element(0x30, &[element(0x06, &[0x55, 0x04, 0x03]), text].concat());
        let name = element(0x30, &element(0x31, &attribute));
        hex::encode_upper(element(0xA1, &element(0xA4, &name)))
    };
    let (own, other) = (name("Own CA"), name("Other CA"));
    for (value, taken) in [
        (format!("{own}{serial}"), true),
        (format!("{own}820101"), false),
        (format!("{other}{serial}"), false),
        ("800141".to_owned(), false),
    ] {
        let value = hex::decode(value).expect("hex");
        let value = hex::encode_upper(element(0x30, &value));
        issue(&authority, "/CN=Kim", &format!("2.5.29.35=DER:{value}"));
        let verify = [
            "verify",
            "-partial_chain",
            "-CAfile",
            "strict.pem",
            "new.pem",
        ];
        assert_eq!(authority.openssl_does(&verify), taken, "{value}");
        let (state, mut codes) = judged(&authority);
        // A note: strict programs want the identifier of the key.
        codes.retain(|code| code != "not-rfc5280");
        match taken {
            true => assert_eq!((state.as_str(), codes), ("valid", vec![]), "{value}"),
            false => {
                let code = vec!["issuer-key-mismatch".to_owned()];
                assert_eq!((state.as_str(), codes), ("invalid", code), "{value}");
                let old = fs::read(authority.lab.path("old.der")).expect("kept");
                set_data(&authority.lab, CERTIFICATE, &old);
                let write = [
                    "cert",
                    "write",
                    "new.pem",
                    "--key",
                    "45",
                    "--issuer",
                    "strict.pem",
                ];
                let refused = authority.lab.with_pins(&write);
                assert_code(&refused, 1);
                let text = stderr(&refused);
                assert!(text.contains("names another key"), "{text}");
            }
        }
    }
}

/// The value of the subject's common name, and of its serial number, in a certificate.
fn value_of(der: &[u8], kind: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let body = elements(elements(elements(der)[0].1)[0].1);
    let subject = body[5].1;
    for (_, attribute, _) in elements(subject) {
        let (_, parts, raw) = elements(attribute)[0];
        let parts = elements(parts);
        if parts[0].1 == kind {
            return (raw.to_vec(), parts[1].2.to_vec());
        }
    }
    unreachable!("no such attribute")
}

#[test]
fn an_attribute_that_openssl_cannot_load_is_found_and_not_written() {
    let lab = valid();
    let good = data(&lab, HCC);
    let blank = Lab::with(&["--state", "blank-slots", "--date", DAY]);
    let common_name = [0x55, 0x04, 0x03];
    let (attribute, _) = value_of(&good, &common_name);
    let kinds: [(&[u8], &[u8]); 5] = [
        (&common_name, &[0x0C, 0x13, 0x14, 0x1C, 0x1E]),
        (&[0x55, 0x04, 0x06], &[0x13]),
        (&[0x55, 0x04, 0x05], &[0x13]),
        (
            &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01],
            &[0x16],
        ),
        // A type that nobody knows: any value.
        (&[0x2A, 0x03, 0x04], &[]),
    ];
    let strings = [0x0C, 0x12, 0x13, 0x14, 0x16, 0x1C, 0x1E];
    let values: [(u8, &[u8]); 22] = [
        (0x01, &[0xFF]),
        (0x02, &[0x01]),
        (0x03, &[0x00, 0x41]),
        (0x04, b"A"),
        (0x05, b""),
        (0x06, &[0x55, 0x04]),
        (0x0A, &[0x01]),
        (0x0C, b"A"),
        (0x12, b"1"),
        (0x13, b"AA"),
        (0x14, b"A"),
        (0x15, b"A"),
        (0x16, b"A"),
        (0x17, b"261110000000Z"),
        (0x19, b"A"),
        (0x1A, b"A"),
        (0x1B, b"A"),
        (0x1C, &[0, 0, 0, 0x41]),
        (0x1E, &[0, 0x41]),
        (0x30, &[0x0C, 0x01, 0x41]),
        (0x31, &[0x0C, 0x01, 0x41]),
        (0x93, b"A"),
    ];
    for (kind, right) in kinds {
        for (tag, value) in values {
            let changed = [element(0x06, kind), element(tag, value)].concat();
            let der = replaced(&good, &attribute, &element(0x30, &changed));
            fs::write(lab.path("one.der"), &der).expect("written");
            let loads = std::process::Command::new("openssl")
                .args(["x509", "-inform", "DER", "-in", "one.der", "-noout"])
                .current_dir(lab.directory())
                .output()
                .expect("openssl runs; run: cargo xtask test")
                .status
                .success();
            set_data(&lab, HCC, &der);
            let (document, _) = check(&lab, &[]);
            let row = certificate(&document, HCC);
            let problems = row["problems"].as_array().expect("problems");
            let what = format!("{kind:02X?} {tag:02X}: {row:#}");
            let is_right = right.contains(&tag) || (right.is_empty() && loads);
            assert_eq!(problems.is_empty(), is_right, "{what}");
            let is_string = strings.contains(&tag);
            let valid = loads && (is_string || right.is_empty());
            assert_eq!(row["state"] == "valid", valid, "{what}");
            if kind == common_name && !valid {
                fs::write(blank.path("new.der"), &der).expect("written");
                let before = blank.image();
                let output = blank.with_pins(&["cert", "write", "new.der", "--key", "45"]);
                assert_code(&output, 1);
                assert!(stderr(&output).contains("not strict DER"), "{what}");
                assert_eq!(blank.image(), before, "{what}");
            }
        }
    }
}

#[test]
fn a_certificate_with_a_distribution_point_that_openssl_refuses_is_not_written() {
    let authority = Authority::strict();
    for (value, written) in [
        ("3006300481020640", false),
        ("30023000", false),
        ("30063004A002A000", true),
    ] {
        issue(&authority, "/CN=Kim", &format!("2.5.29.31=DER:{value}"));
        let old = fs::read(authority.lab.path("old.der")).expect("kept");
        set_data(&authority.lab, CERTIFICATE, &old);
        let write = [
            "cert",
            "write",
            "new.pem",
            "--key",
            "45",
            "--issuer",
            "strict.pem",
        ];
        let output = authority.lab.with_pins(&write);
        assert_code(&output, if written { 0 } else { 1 });
        let text = stderr(&output);
        assert!(text.contains("distribution point"), "{text}");
    }
}

#[test]
fn a_name_that_is_shorter_or_longer_than_the_profile_lets_it_be_is_a_warning() {
    let lab = valid();
    let good = data(&lab, HCC);
    let (attribute, _) = value_of(&good, &[0x55, 0x04, 0x03]);
    let email = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01];
    let long = |letter: &str, count| letter.repeat(count).into_bytes();
    let wide = |count| [0x00, 0xE4].repeat(count);
    for (kind, tag, value, is_right) in [
        (&[0x55, 0x04, 0x06][..], 0x13, b"SE".to_vec(), true),
        (&[0x55, 0x04, 0x06], 0x13, b"S".to_vec(), false),
        (&[0x55, 0x04, 0x06], 0x13, b"SWE".to_vec(), false),
        (&[0x55, 0x04, 0x03], 0x0C, Vec::new(), false),
        (&[0x55, 0x04, 0x03], 0x0C, long("A", 64), true),
        (&[0x55, 0x04, 0x03], 0x0C, long("A", 65), false),
        // Characters, not bytes.
        (&[0x55, 0x04, 0x03], 0x0C, long("\u{e4}", 64), true),
        (&[0x55, 0x04, 0x03], 0x0C, long("\u{e4}", 65), false),
        (&[0x55, 0x04, 0x03], 0x1E, wide(64), true),
        (&[0x55, 0x04, 0x03], 0x1E, wide(65), false),
        (&[0x55, 0x04, 0x0A], 0x0C, long("A", 65), false),
        (&[0x55, 0x04, 0x05], 0x13, long("1", 65), false),
        (&[0x55, 0x04, 0x07], 0x0C, long("A", 128), true),
        (&[0x55, 0x04, 0x07], 0x0C, long("A", 129), false),
        (&[0x55, 0x04, 0x04], 0x0C, long("A", 300), true),
        (&email, 0x16, long("a", 255), true),
        (&email, 0x16, long("a", 256), false),
    ] {
        let changed = [element(0x06, kind), element(tag, &value)].concat();
        let der = replaced(&good, &attribute, &element(0x30, &changed));
        fs::write(lab.path("one.der"), &der).expect("written");
        lab.openssl(&["x509", "-inform", "DER", "-in", "one.der", "-noout"]);
        set_data(&lab, HCC, &der);
        let (document, _) = check(&lab, &[]);
        let row = certificate(&document, HCC);
        assert_eq!(row["state"], "valid", "{row:#}");
        let problems = row["problems"].as_array().expect("problems");
        let what = format!("{kind:02X?} {}: {row:#}", value.len());
        let told: Vec<_> = problems
            .iter()
            .map(|problem| problem["code"].clone())
            .collect();
        match is_right {
            true => assert!(told.is_empty(), "{what}"),
            false => {
                assert_eq!(told, ["not-rfc5280"], "{what}");
                assert_eq!(problems[0]["severity"], "warning", "{what}");
            }
        }
    }
}

#[test]
fn what_only_strict_programs_refuse_is_a_note_and_no_finding() {
    let authority = Authority::strict();
    let before = authority.lab.image();
    for lines in [
        "2.5.29.35=DER:3000",
        "authorityKeyIdentifier=none",
        "basicConstraints=CA:true\nkeyUsage=critical,keyCertSign",
        "basicConstraints=critical,CA:true",
    ] {
        fs::write(authority.lab.path("card.json"), &before).expect("written");
        issue(&authority, "/CN=Kim", lines);
        let (document, exit) = run(&authority.lab, &["cert", "check", "--issuer", "strict.pem"]);
        let row = certificate(&document, CERTIFICATE);
        let problems = row["problems"].as_array().expect("problems");
        assert!(!problems.is_empty(), "{lines}");
        for problem in problems {
            assert_eq!(problem["severity"], "note", "{lines}: {row:#}");
        }
        assert_eq!((exit, &row["state"]), (0, &"valid".into()), "{lines}");
        let old = fs::read(authority.lab.path("old.der")).expect("kept");
        set_data(&authority.lab, CERTIFICATE, &old);
        let write = [
            "cert",
            "write",
            "new.pem",
            "--key",
            "45",
            "--issuer",
            "strict.pem",
        ];
        let output = authority.lab.with_pins(&write);
        assert_code(&output, 0);
        let text = stderr(&output);
        assert!(text.contains("not as RFC 5280 has it"), "{text}");
    }
}

/// A policy 1.2.3 with a qualifier: of this kind below id-qt, with this in it.
fn qualified(kind: u8, value: &[u8]) -> String {
    let identifier = [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02, kind];
    let qualifier = element(0x30, &[&element(0x06, &identifier)[..], value].concat());
    let policy = [element(0x06, &[0x2A, 0x03]), element(0x30, &qualifier)].concat();
    let list = element(0x30, &element(0x30, &policy));
    format!("2.5.29.32=DER:{}", hex::encode_upper(list))
}

#[test]
fn a_policy_extension_that_openssl_refuses_when_it_looks_at_policies_is_not_valid() {
    let authority = Authority::strict();
    let text = |tag: u8| element(0x30, &element(tag, b"ABCD"));
    let notice = |organization: &[u8], numbers: &[u8]| {
        element(0x30, &element(0x30, &[organization, numbers].concat()))
    };
    let one = element(0x30, &element(0x02, &[1]));
    let organization = element(0x0C, b"ABCD");
    let mapped = |value: &str| format!("certificatePolicies=1.2.3\n2.5.29.33=DER:{value}");
    let mut rows = vec![
        (qualified(1, &element(0x16, b"http://a.example/")), true),
        (qualified(1, &element(0x0C, b"http://a.example/")), false),
        (qualified(1, &element(0x13, b"http://a.example/")), false),
        (qualified(1, &element(0x30, b"")), false),
        (qualified(2, &element(0x30, b"")), true),
        (qualified(2, &element(0x05, b"")), false),
        (qualified(2, &notice(&organization, &one)), true),
        (
            qualified(
                2,
                &notice(&organization, &element(0x30, &element(0x04, b"1"))),
            ),
            false,
        ),
        (qualified(2, &notice(&organization, b"")), false),
        (qualified(2, &notice(&element(0x13, b"ABCD"), &one)), false),
        (qualified(3, &element(0x05, b"")), true),
        // Mapped to anyPolicy, from it, and otherwise.
        (mapped("300C300A06022A030604551D2000"), false),
        (mapped("300C300A0604551D200006022A03"), false),
        (mapped("300A300806022A0306022A04"), true),
        (
            "2.5.29.32=DER:300C300406022A03300406022A03".to_owned(),
            false,
        ),
        ("2.5.29.36=critical,DER:3000".to_owned(), false),
        ("2.5.29.36=critical,DER:30038001FF".to_owned(), false),
        ("2.5.29.36=critical,DER:3003800101".to_owned(), true),
    ];
    for (tag, taken) in [
        (0x0C, true),
        (0x16, true),
        (0x1A, true),
        (0x1E, true),
        (0x12, false),
        (0x13, false),
        (0x14, false),
        (0x1C, false),
        (0x04, false),
    ] {
        rows.push((qualified(2, &text(tag)), taken));
    }
    for (line, taken) in rows {
        issue(&authority, "/CN=Kim", &line);
        let verify = [
            "verify",
            "-policy_check",
            "-partial_chain",
            "-CAfile",
            "strict.pem",
            "new.pem",
        ];
        assert_eq!(authority.openssl_does(&verify), taken, "{line}");
        let (state, codes) = judged(&authority);
        assert_eq!(state == "valid", taken, "{line}: {codes:?}");
        assert_eq!(codes.is_empty(), taken, "{line}: {codes:?}");
    }
}

#[test]
fn a_name_or_a_text_that_the_profile_does_not_have_is_told() {
    let authority = Authority::strict();
    let name = |tag: u8, value: &[u8]| {
        let names = element(0x30, &element(tag, value));
        format!("2.5.29.17=DER:{}", hex::encode_upper(names))
    };
    let long = |count| {
        qualified(
            2,
            &element(0x30, &element(0x0C, "\u{e4}".repeat(count).as_bytes())),
        )
    };
    for (line, severity) in [
        (name(0x81, b"kim@a.example"), None),
        (name(0x81, b"\"kim k\"@a.example"), None),
        (name(0x81, b""), Some("warning")),
        (name(0x81, b"kim"), Some("warning")),
        (name(0x81, b"@a.example"), Some("warning")),
        (name(0x81, b"kim@"), Some("warning")),
        (name(0x81, b"Kim <kim@a.example>"), Some("warning")),
        (name(0x82, b"a.example"), None),
        (name(0x82, b"*.a_b.example"), None),
        (name(0x82, b""), Some("warning")),
        (name(0x82, b" "), Some("warning")),
        (name(0x82, b"a..example"), Some("warning")),
        (name(0x86, b"http://a.example/"), None),
        (name(0x86, b"urn:a"), None),
        (name(0x86, b"ldap:///CN=a"), None),
        (name(0x86, b""), Some("warning")),
        (name(0x86, b"a/b"), Some("warning")),
        (name(0x86, b"//a.example/"), Some("warning")),
        (name(0x86, b"http:"), Some("warning")),
        (name(0xA4, &[0x30, 0x00]), Some("warning")),
        (long(200), None),
        // Longer ones are to be coped with (RFC 5280 §4.2.1.4).
        (long(201), Some("note")),
    ] {
        issue(&authority, "/CN=Kim", &line);
        let (document, _) = run(&authority.lab, &["cert", "check", "--issuer", "strict.pem"]);
        let row = certificate(&document, CERTIFICATE);
        assert_eq!(row["state"], "valid", "{line}");
        let problems = row["problems"].as_array().expect("problems").iter();
        let told: Vec<_> = problems
            .map(|one| (one["code"].as_str(), one["severity"].as_str()))
            .collect();
        let expected: Vec<_> = severity
            .map(|severity| (Some("not-rfc5280"), Some(severity)))
            .into_iter()
            .collect();
        assert_eq!(told, expected, "{line}: {row:#}");
    }
}
