//! Signatures of certificates, and private keys that are not there.

use std::fs;

use serde_json::Value;

use crate::authority::{Authority, CERTIFICATE};
use crate::bench::*;
use crate::common::{assert_code, assert_plain_error, stderr};
use crate::der::{element, elements, replaced};

#[test]
fn a_private_key_file_that_is_not_there_is_a_finding() {
    let lab = valid();
    remove_file(&lab, KEY);
    let (document, exit) = check(&lab, &[]);
    assert_eq!(exit, 6);
    let found = problem(&document, "file-absent");
    assert_eq!(found["file"], "private key");
    assert_eq!(found["path"], "3F0050154B01");
    assert_eq!(found["object"]["id"], "45");
    assert_eq!(codes(&document).len(), 1, "{document:#}");
}

#[test]
fn a_signature_that_does_not_verify_is_found_with_the_issuers_certificate() {
    let lab = valid();
    let siths = "ca/test-siths-type-1-ca-v1.pem";
    let good = data(&lab, HCC);
    for options in [&["--ca-dir", "ca"][..], &["--issuer", siths]] {
        set_data(&lab, HCC, &good);
        assert_eq!(check(&lab, options).1, 0, "{options:?}");
        // A bit of the signature, and one of what is signed.
        for at in [good.len() - 1, 20] {
            let mut bad = good.clone();
            bad[at] ^= 0x01;
            set_data(&lab, HCC, &bad);
            let (document, exit) = check(&lab, options);
            assert_eq!(exit, 6, "{options:?} {at}");
            let row = certificate(&document, HCC);
            assert_eq!(row["problems"][0]["code"], "bad-signature", "{row:#}");
            assert_eq!(row["state"], "invalid");
            // Without the issuer it cannot be known, and that is said.
            let (document, _) = check(&lab, &[]);
            let row = certificate(&document, HCC);
            assert_eq!(row["not_checked"][0]["code"], "signature", "{row:#}");
        }
    }
}

#[test]
fn an_authority_on_the_card_is_used_by_itself_also_where_the_directory_does_not_say_that_it_is_one()
{
    let lab = valid();
    let ca = "ca/test-siths-type-1-ca-v1.pem";
    let write = ["cert", "write", ca, "--authority", "--key", "51", "--force"];
    assert_code(&lab.with_pins(&write), 0);
    let good = data(&lab, HCC);
    for listed in [true, false] {
        if !listed {
            change_data(&lab, CDF, |cdf| {
                let flag = cdf.windows(3).position(|part| part == [0x01, 0x01, 0xFF]);
                cdf[flag.expect("authority") + 2] = 0x00;
            });
        }
        set_data(&lab, HCC, &good);
        let (document, _) = check(&lab, &[]);
        let row = certificate(&document, HCC);
        assert_eq!(row["problems"].as_array().map(Vec::len), Some(0), "{row:#}");
        let unchecked = row["not_checked"].to_string();
        assert!(!unchecked.contains("\"signature\""), "{row:#}");
        for at in [good.len() - 1, 20] {
            let mut bad = good.clone();
            bad[at] ^= 0x01;
            set_data(&lab, HCC, &bad);
            let (document, exit) = check(&lab, &[]);
            assert_eq!(exit, 6, "{listed} {at}");
            let row = certificate(&document, HCC);
            assert_eq!(row["problems"][0]["code"], "bad-signature", "{row:#}");
        }
    }
}

#[test]
fn issuers_are_taken_in_der_and_in_pem_with_text_around_them() {
    let lab = valid();
    let pem = lab.path("ca/test-siths-type-1-ca-v1.pem");
    let text = lab.openssl(&["x509", "-in", pem.to_str().expect("a path"), "-text"]);
    fs::write(lab.path("text.pem"), &text).expect("written");
    lab.openssl(&[
        "x509",
        "-in",
        pem.to_str().expect("a path"),
        "-outform",
        "DER",
        "-out",
        "ca.der",
    ]);
    let mut bad = data(&lab, HCC);
    *bad.last_mut().expect("a byte") ^= 0x01;
    set_data(&lab, HCC, &bad);
    for issuer in ["text.pem", "ca.der"] {
        assert_eq!(check(&lab, &["--issuer", issuer]).1, 6, "{issuer}");
    }
    fs::create_dir(lab.path("empty")).expect("made");
    for wrong in [
        &["--issuer", "card.json"][..],
        &["--issuer", "missing"],
        &["--ca-dir", "empty"],
        &["--ca-dir", "missing"],
    ] {
        assert_plain_error(&lab.run(&[&["cert", "check"], wrong].concat()), 1);
    }
    assert_code(&lab.run(&["cert", "list", "--ca-dir", "ca"]), 0);
}

/// What is wrong with a certificate, and no note alone.
fn more_than_notes(row: &Value) -> Vec<Value> {
    let problems = row["problems"].as_array().expect("problems").iter();
    let more = problems.filter(|problem| problem["severity"] != "note");
    more.cloned().collect()
}

/// The certificate in `own.pem` made one of version 1: without its extensions.
fn of_version_1(authority: &Authority) {
    authority.lab.openssl(&[
        "x509", "-in", "own.pem", "-outform", "DER", "-out", "own.der",
    ]);
    let whole = fs::read(authority.lab.path("own.der")).expect("made");
    let old = authority.resigned(&whole, |body| {
        let parts = elements(elements(body)[0].1);
        let inner = parts.iter().filter(|part| !matches!(part.0, 0xA0 | 0xA3));
        element(
            0x30,
            &inner.flat_map(|part| part.2.to_vec()).collect::<Vec<_>>(),
        )
    });
    fs::write(authority.lab.path("v1.der"), old).expect("written");
    authority.lab.openssl(&[
        "x509", "-inform", "DER", "-in", "v1.der", "-out", "root.pem",
    ]);
}

#[test]
fn an_issuer_that_may_not_issue_or_is_not_valid_makes_no_certificate_valid() {
    let authority = Authority::new("Own CA", "utf8only");
    let lab = &authority.lab;
    lab.openssl(&[
        "x509", "-inform", "DER", "-in", "new.der", "-out", "new.pem",
    ]);
    fs::create_dir(lab.path("roots")).expect("made");
    let before = lab.image();
    let authority_alone = "basicConstraints=critical,CA:true";
    let critical = "1.2.3.4=critical,DER:0500";
    let signs = "keyUsage=critical,keyCertSign";
    for (extensions, words) in [
        (&[authority_alone][..], None),
        (&[authority_alone, signs], None),
        (
            &["basicConstraints=critical,CA:false"],
            Some("no authority"),
        ),
        (
            &["basicConstraints=critical,CA:false", signs],
            Some("no authority"),
        ),
        (
            &[authority_alone, "keyUsage=critical,cRLSign"],
            Some("keyCertSign"),
        ),
        (&[authority_alone, critical], Some("critical extension")),
        // Neither that it is one, nor that it is none; of version 3, and of version 1.
        (&[], Some("does not say that it is")),
        (&["1"], None),
    ] {
        match extensions {
            ["1"] => of_version_1(&authority),
            _ => authority.root("root.pem", "4000", extensions),
        }
        let verify = ["verify", "-CAfile", "root.pem", "new.pem"];
        assert_eq!(
            authority.openssl_does(&verify),
            words.is_none(),
            "{extensions:?}"
        );
        fs::copy(lab.path("root.pem"), lab.path("roots/root.pem")).expect("copied");
        let on_card = [
            "cert",
            "write",
            "root.pem",
            "--authority",
            "--key",
            "51",
            "--force",
        ];
        for given in [&["--issuer", "root.pem"][..], &["--ca-dir", "roots"], &[]] {
            fs::write(lab.path("card.json"), &before).expect("written");
            if given.is_empty() {
                assert_code(&lab.with_pins(&on_card), 0);
            }
            let (document, exit) = run(lab, &[&["cert", "check"], given].concat());
            let row = certificate(&document, CERTIFICATE);
            let problems = more_than_notes(&row);
            let Some(words) = words else {
                assert!(problems.is_empty(), "{extensions:?} {given:?}: {row:#}");
                assert_eq!(row["state"], "valid", "{extensions:?} {given:?}");
                continue;
            };
            assert_eq!(exit, 6);
            assert_eq!(row["state"], "invalid", "{extensions:?} {given:?}");
            assert_eq!(problems.len(), 1, "{row:#}");
            assert_eq!(problems[0]["code"], "issuer-not-authorised", "{row:#}");
            let message = problems[0]["message"].as_str().expect("words");
            assert!(message.contains(words), "{message}");
            let (document, _) = run(lab, &[&["diagnose", "--rules", "issuers"], given].concat());
            assert!(codes(&document).contains(&"issuer-not-authorised".to_owned()));
        }
        // What `cert check` calls invalid is not written.
        fs::write(lab.path("card.json"), &before).expect("written");
        let old = fs::read(lab.path("old.der")).expect("kept");
        set_data(lab, CERTIFICATE, &old);
        let image = lab.image();
        let write = [
            "cert", "write", "new.pem", "--key", "45", "--issuer", "root.pem",
        ];
        let output = lab.with_pins(&write);
        match words {
            None => assert_code(&output, 0),
            Some(words) => {
                assert_code(&output, 1);
                assert!(stderr(&output).contains(words), "{}", stderr(&output));
                assert_eq!(lab.image(), image);
            }
        }
    }
}

#[test]
fn an_issuer_that_has_expired_makes_no_certificate_valid_unless_another_one_for_its_key_has_not() {
    let authority = Authority::new("Own CA", "utf8only");
    let lab = &authority.lab;
    lab.openssl(&[
        "x509", "-inform", "DER", "-in", "new.der", "-out", "new.pem",
    ]);
    authority.root("short.pem", "30", &["basicConstraints=critical,CA:true"]);
    authority.root("none.pem", "4000", &["basicConstraints=critical,CA:false"]);
    let after = |days: &str, form: &str| {
        let mut date = std::process::Command::new("date");
        let output = date
            .args(["-u", "-d", days, form])
            .output()
            .expect("date runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    for (days, issuers, code) in [
        ("+10 days", &["short.pem"][..], None),
        ("+60 days", &["short.pem"], Some("issuer-not-valid")),
        ("+60 days", &["own.pem"], None),
        ("+60 days", &["short.pem", "own.pem"], None),
        ("+60 days", &["own.pem", "none.pem"], None),
        ("+60 days", &["none.pem", "own.pem"], None),
        ("+60 days", &["none.pem"], Some("issuer-not-authorised")),
    ] {
        if let [one] = issuers {
            let time = after(days, "+%s");
            let verify = ["verify", "-attime", &time, "-CAfile", one, "new.pem"];
            assert_eq!(
                authority.openssl_does(&verify),
                code.is_none(),
                "{days} {issuers:?}"
            );
        }
        let day = after(days, "+%F");
        let given = issuers.iter().flat_map(|one| ["--issuer", one]);
        let arguments: Vec<_> = ["cert", "check", "--date", &day]
            .into_iter()
            .chain(given)
            .collect();
        let (document, _) = run(lab, &arguments);
        let row = certificate(&document, CERTIFICATE);
        let problems = more_than_notes(&row);
        let told: Vec<_> = problems
            .iter()
            .filter_map(|problem| problem["code"].as_str())
            .collect();
        assert_eq!(told, Vec::from_iter(code), "{days} {issuers:?}");
        let state = if code.is_some() { "invalid" } else { "valid" };
        assert_eq!(row["state"], state, "{days} {issuers:?}");
    }
}

#[test]
fn a_certificate_that_is_signed_by_itself_need_be_no_authority_for_that() {
    let authority = Authority::new("Own CA", "utf8only");
    let lab = &authority.lab;
    authority.root(
        "self.pem",
        "4000",
        &[
            "basicConstraints=critical,CA:false",
            "keyUsage=digitalSignature",
        ],
    );
    lab.openssl(&[
        "x509", "-in", "self.pem", "-outform", "DER", "-out", "self.der",
    ]);
    assert!(authority.openssl_does(&["verify", "-CAfile", "self.pem", "self.pem"]));
    set_data(
        lab,
        CERTIFICATE,
        &fs::read(lab.path("self.der")).expect("made"),
    );
    let (document, _) = run(lab, &["cert", "check", "--issuer", "self.pem"]);
    let row = certificate(&document, CERTIFICATE).to_string();
    assert!(!row.contains("issuer-not-authorised"), "{row}");
}

/// A certificate by `own.pem`'s key with this subject and these lines in the section of its extensions, on
/// the card and in `new.pem`.
fn issue(authority: &Authority, subject: &str, lines: &str) {
    let lab = &authority.lab;
    fs::write(
        lab.path("ext.cnf"),
        format!("[e]\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n{lines}\n"),
    )
    .expect("written");
    lab.openssl(&[
        "req", "-new", "-utf8", "-key", "own.key", "-subj", subject, "-out", "new.csr",
    ]);
    authority.issue("own.pem", &["-extfile", "ext.cnf", "-extensions", "e"]);
    lab.openssl(&[
        "x509", "-inform", "DER", "-in", "new.der", "-out", "new.pem",
    ]);
}

/// An authority's certificate in `limits.pem` with these nameConstraints.
fn limit(authority: &Authority, limits: &str) {
    let extensions = [
        "basicConstraints=critical,CA:true",
        "keyUsage=critical,keyCertSign,cRLSign",
        "authorityKeyIdentifier=keyid",
        limits,
    ];
    authority.root("limits.pem", "4000", &extensions);
}

/// What OpenSSL says against the certificate, and state and codes of it.
fn judged_with_limits(authority: &Authority) -> (bool, String, Vec<String>) {
    let verify = ["verify", "-CAfile", "limits.pem", "new.pem"];
    let taken = authority.openssl_does(&verify);
    let (document, _) = run(&authority.lab, &["cert", "check", "--issuer", "limits.pem"]);
    let row = certificate(&document, CERTIFICATE);
    assert!(
        !row["not_checked"].to_string().contains("name-constraints"),
        "{row:#}"
    );
    let codes = more_than_notes(&row);
    let codes = codes.iter().filter_map(|problem| problem["code"].as_str());
    let state = row["state"].as_str().expect("a state").to_owned();
    (taken, state, codes.map(str::to_owned).collect())
}

/// A subject, lines of extensions, and limits with whether the names are within each.
type Named<'a> = (&'a str, &'a str, &'a [(&'a str, bool)]);

#[test]
fn names_that_an_issuer_may_not_give_make_a_certificate_invalid_as_openssl_has_it() {
    let authority = Authority::new("Own CA", "utf8only");
    let mut config = fs::read_to_string(authority.lab.path("own.cnf")).expect("written");
    config.push_str("[se]\nC = SE\n[se_o]\nC = SE\nO = A  b\n[cn]\nCN = Kim\n[no]\nC = NO\n");
    fs::write(authority.lab.path("own.cnf"), config).expect("written");
    let se = "/C=SE/O=a B/CN=Kim";
    let der = |kind: u8, name: &str, more: &[u8]| {
        let subtree = element(0x30, &[&element(kind, name.as_bytes())[..], more].concat());
        let value = element(0x30, &element(0xA0, &subtree));
        format!("nameConstraints=DER:{}", hex::encode_upper(value))
    };
    let maximum = der(0x82, "example", &[0x81, 0x01, 0x05]);
    let minimum = der(0x82, "example", &[0x80, 0x01, 0x01]);
    let registered = der(0x88, "\u{2a}\u{3}", &[]);
    let broken = "nameConstraints=critical,DER:3003020101";
    let dn = "[dn]\nC = SE\nO = A b\nCN = X\n[other]\nC = NO\n";
    let both = format!("subjectAltName=dirName:dn\n{dn}");
    let other = format!("subjectAltName=dirName:other\n{dn}");
    let upn = "subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:a@b.example";
    let mailbox = "subjectAltName=otherName:1.3.6.1.5.5.7.8.9;UTF8:\u{e5}@b.example";
    let rows: [Named<'_>; 13] = [
        (
            se,
            "",
            &[
                ("permitted;dirName:se", true),
                ("permitted;dirName:se_o", true),
                ("permitted;dirName:no,permitted;dirName:se", true),
                ("permitted;dirName:no", false),
                ("permitted;dirName:cn", false),
                ("excluded;dirName:no", true),
                ("excluded;dirName:se", false),
                ("excluded;dirName:se_o", false),
                ("permitted;dirName:se,excluded;dirName:se_o", false),
                ("permitted;email:b.example", true),
                ("permitted;DNS:b.example,permitted;URI:b.example", true),
                (&minimum, true),
                (broken, false),
            ],
        ),
        (
            se,
            &both,
            &[
                ("permitted;dirName:se_o", true),
                ("excluded;dirName:no", true),
            ],
        ),
        (
            se,
            &other,
            &[
                ("permitted;dirName:se", false),
                ("excluded;dirName:no", false),
            ],
        ),
        (
            "/CN=Kim/emailAddress=a@b.example",
            "",
            &[
                ("permitted;email:b.example", true),
                ("permitted;email:c.example", false),
                ("excluded;email:.example", false),
            ],
        ),
        (
            se,
            "subjectAltName=email:a@b.example",
            &[
                ("permitted;email:b.example", true),
                ("permitted;email:B.Example", true),
                ("permitted;email:.example", true),
                ("permitted;email:a@b.example", true),
                ("permitted;email:A@b.example", false),
                ("permitted;email:example", false),
                ("permitted;email:c.example,permitted;email:b.example", true),
                ("excluded;email:b.example", false),
                ("excluded;email:c@b.example", true),
            ],
        ),
        (
            se,
            "subjectAltName=DNS:a.b.example",
            &[
                ("permitted;DNS:b.example", true),
                ("permitted;DNS:.b.example", true),
                ("permitted;DNS:.a.b.example", false),
                ("permitted;DNS:x.example", false),
                ("excluded;DNS:example", false),
                ("excluded;DNS:ample", true),
                (&maximum, false),
                (&minimum, false),
            ],
        ),
        (
            se,
            "subjectAltName=URI:http://a.example:80/x",
            &[
                ("permitted;URI:a.example", true),
                ("permitted;URI:.example", true),
                ("permitted;URI:example", false),
                ("excluded;URI:a.example", false),
            ],
        ),
        (
            se,
            "subjectAltName=URI:urn:x",
            &[
                ("permitted;URI:a.example", false),
                ("permitted;DNS:a.example", true),
            ],
        ),
        (
            se,
            "subjectAltName=IP:10.0.1.2,IP:fe80::1",
            &[
                (
                    "permitted;IP:10.0.0.0/255.255.0.0,permitted;IP:fe80::/ffff::",
                    true,
                ),
                ("permitted;IP:10.0.0.0/255.255.0.0", false),
                ("excluded;IP:10.0.1.0/255.255.255.0", false),
                ("excluded;IP:10.0.2.0/255.255.255.0", true),
            ],
        ),
        (
            se,
            upn,
            &[
                ("permitted;email:c.example", true),
                ("permitted;otherName:1.2.3;UTF8:x", true),
                ("permitted;otherName:1.3.6.1.4.1.311.20.2.3;UTF8:x", false),
                ("excluded;otherName:1.3.6.1.4.1.311.20.2.3;UTF8:x", false),
            ],
        ),
        (
            se,
            mailbox,
            &[
                ("permitted;email:b.example", true),
                ("permitted;email:.example", false),
                ("permitted;email:c.example", false),
                ("excluded;email:b.example", false),
                ("excluded;email:.other", true),
            ],
        ),
        (
            se,
            "subjectAltName=RID:1.2.3",
            &[("permitted;DNS:x.example", true), (&registered, false)],
        ),
        // A host that is called commonName.
        (
            "/CN=a.example",
            "",
            &[
                ("permitted;DNS:example", true),
                ("permitted;DNS:b.example", false),
                ("excluded;DNS:example", false),
            ],
        ),
    ];
    for (subject, lines, limits) in rows {
        issue(&authority, subject, lines);
        for (limits, within) in limits {
            match limits.contains('=') {
                true => limit(&authority, limits),
                false => limit(&authority, &format!("nameConstraints=critical,{limits}")),
            }
            let (taken, state, codes) = judged_with_limits(&authority);
            let what = format!("{subject} {lines} {limits}: {state} {codes:?}");
            assert_eq!(taken, *within, "{what}");
            match within {
                true => assert_eq!((state.as_str(), codes), ("valid", vec![]), "{what}"),
                false => {
                    assert_eq!(state, "invalid", "{what}");
                    assert_eq!(codes, ["name-not-permitted"], "{what}");
                }
            }
        }
    }
}

#[test]
fn a_certificate_with_a_name_that_its_issuer_may_not_give_is_not_written() {
    let authority = Authority::new("Own CA", "utf8only");
    let lab = &authority.lab;
    issue(&authority, "/CN=Kim", "subjectAltName=email:a@b.example");
    let old = fs::read(lab.path("old.der")).expect("kept");
    for (limits, words) in [
        ("permitted;email:c.example", Some("do not permit")),
        ("excluded;email:b.example", Some("exclude an rfc822Name")),
        ("permitted;email:b.example", None),
    ] {
        limit(&authority, &format!("nameConstraints=critical,{limits}"));
        let new = fs::read(lab.path("new.der")).expect("made");
        set_data(lab, CERTIFICATE, &new);
        let given = ["--rules", "issuers", "--issuer", "limits.pem"];
        let (document, _) = run(lab, &[&["diagnose"], &given[..]].concat());
        let found = codes(&document).contains(&"name-not-permitted".to_owned());
        assert_eq!(found, words.is_some(), "{limits}");
        set_data(lab, CERTIFICATE, &old);
        let image = lab.image();
        let write = [
            "cert",
            "write",
            "new.pem",
            "--key",
            "45",
            "--issuer",
            "limits.pem",
        ];
        let output = lab.with_pins(&write);
        let Some(words) = words else {
            assert_code(&output, 0);
            continue;
        };
        assert_code(&output, 1);
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
        assert_eq!(lab.image(), image);
    }
}

#[test]
fn an_address_that_cannot_be_compared_with_its_issuers_limits_is_said_not_to_have_been() {
    let authority = Authority::new("Own CA", "utf8only");
    let lab = &authority.lab;
    let mailbox = "subjectAltName=otherName:1.3.6.1.5.5.7.8.9;UTF8:\u{e5}@\u{e5}.example";
    issue(&authority, "/CN=Kim", mailbox);
    limit(
        &authority,
        "nameConstraints=critical,permitted;email:xn--5ca.example",
    );
    let (document, _) = run(lab, &["cert", "check", "--issuer", "limits.pem"]);
    let row = certificate(&document, CERTIFICATE);
    let unchecked = row["not_checked"].to_string();
    assert!(unchecked.contains("\"name-constraints\""), "{row:#}");
    assert!(more_than_notes(&row).is_empty(), "{row:#}");
    let old = fs::read(lab.path("old.der")).expect("kept");
    set_data(lab, CERTIFICATE, &old);
    let write = [
        "cert",
        "write",
        "new.pem",
        "--key",
        "45",
        "--issuer",
        "limits.pem",
    ];
    let output = lab.with_pins(&write);
    assert_code(&output, 0);
    assert!(
        stderr(&output).contains("nameConstraints"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_issuer_that_only_strict_programs_refuse_is_noted_and_one_that_all_refuse_is_none() {
    let authority = Authority::new("Own CA", "utf8only");
    let lab = &authority.lab;
    issue(&authority, "/CN=Kim", "");
    let cases: [(&[&str], bool, bool); 6] = [
        (
            &[
                "basicConstraints=critical,CA:true",
                "keyUsage=critical,keyCertSign,cRLSign",
                "subjectKeyIdentifier=hash",
            ],
            true,
            true,
        ),
        (
            &[
                "basicConstraints=CA:true",
                "keyUsage=critical,keyCertSign,cRLSign",
                "subjectKeyIdentifier=hash",
            ],
            true,
            false,
        ),
        (
            &[
                "basicConstraints=critical,CA:true",
                "keyUsage=critical,keyCertSign,cRLSign",
                "subjectKeyIdentifier=none",
            ],
            true,
            false,
        ),
        (
            &[
                "basicConstraints=critical,CA:true",
                "subjectKeyIdentifier=hash",
            ],
            true,
            false,
        ),
        (
            &[
                "basicConstraints=critical,CA:true,pathlen:0",
                "subjectKeyIdentifier=hash",
            ],
            true,
            false,
        ),
        (
            &[
                "basicConstraints=critical,CA:true",
                "keyUsage=critical,keyCertSign,cRLSign",
                "subjectKeyIdentifier=hash",
                "2.5.29.31=DER:30023000",
            ],
            false,
            false,
        ),
    ];
    for (extensions, taken, strictly) in cases {
        let base = [
            "req", "-x509", "-key", "own.key", "-out", "root.pem", "-days", "4000", "-config",
            "own.cnf",
        ];
        let more = extensions
            .iter()
            .flat_map(|extension| ["-addext", extension]);
        lab.openssl(&base.into_iter().chain(more).collect::<Vec<_>>());
        let strict = ["verify", "-x509_strict", "-CAfile", "root.pem", "new.pem"];
        let verify = ["verify", "-CAfile", "root.pem", "new.pem"];
        assert_eq!(authority.openssl_does(&verify), taken, "{extensions:?}");
        assert_eq!(authority.openssl_does(&strict), strictly, "{extensions:?}");
        let (document, exit) = run(lab, &["cert", "check", "--issuer", "root.pem"]);
        let row = certificate(&document, CERTIFICATE);
        assert_eq!(row["state"] == "valid", taken, "{row:#}");
        assert_eq!(exit, if taken { 0 } else { 6 }, "{row:#}");
        let problems = row["problems"].as_array().expect("problems");
        let told: Vec<_> = problems.iter().map(|one| &one["code"]).collect();
        match (taken, strictly) {
            (true, true) => assert!(told.is_empty(), "{row:#}"),
            (true, false) => {
                assert_eq!(told, ["issuer-not-strict"], "{row:#}");
                assert_eq!(problems[0]["severity"], "note", "{row:#}");
            }
            (false, _) => assert_eq!(told, ["issuer-not-authorised"], "{row:#}"),
        }
    }
}

/// rsaEncryption with its NULL.
const RSA: &[u8] = &[
    0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// A number below PKCS #1's arc as an AlgorithmIdentifier with these parameters.
fn pkcs1(number: u8, parameters: &[u8]) -> Vec<u8> {
    let kind = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, number];
    element(0x30, &[&element(0x06, &kind)[..], parameters].concat())
}

#[test]
fn a_key_is_the_cards_under_whatever_algorithm_its_certificate_has_it() {
    let authority = Authority::new("Own CA", "utf8only");
    let lab = &authority.lab;
    issue(&authority, "/CN=Kim", "");
    let good = fs::read(lab.path("new.der")).expect("made");
    let old = fs::read(lab.path("old.der")).expect("kept");
    let ea_rsa = element(
        0x30,
        &[element(0x06, &[0x55, 0x08, 0x01, 0x01]), vec![0x05, 0x00]].concat(),
    );
    for (algorithm, codes, taken) in [
        (RSA.to_vec(), &[][..], true),
        // RSASSA-PSS, for any parameters and for those that are the default, and RSAES-OAEP.
        (pkcs1(0x0A, &[]), &[], true),
        (pkcs1(0x0A, &[0x30, 0x00]), &[], true),
        (pkcs1(0x07, &[0x30, 0x00]), &["not-rfc5280"], false),
        (pkcs1(0x0A, &[0x05, 0x00]), &["not-rfc5280"], false),
        (
            pkcs1(0x0A, &[0x30, 0x03, 0x02, 0x01, 0x01]),
            &["not-rfc5280"],
            false,
        ),
        (ea_rsa, &[], true),
        (pkcs1(0x01, &[]), &["not-rfc5280"], true),
        // Another algorithm: no key of this card.
        (pkcs1(0x63, &[0x05, 0x00]), &["key-mismatch"], false),
    ] {
        let der = authority.resigned(&good, |body| {
            // The signature's algorithm is another one.
            replaced(body, RSA, &algorithm)
        });
        fs::write(lab.path("new.der"), &der).expect("written");
        let verify = ["verify", "-CAfile", "own.pem", "new.der"];
        assert_eq!(authority.openssl_does(&verify), taken, "{algorithm:02X?}");
        set_data(lab, CERTIFICATE, &der);
        let (document, _) = run(lab, &["cert", "check", "--issuer", "own.pem"]);
        let row = certificate(&document, CERTIFICATE);
        let problems = more_than_notes(&row);
        let told: Vec<_> = problems.iter().map(|one| &one["code"]).collect();
        assert_eq!(told, codes, "{algorithm:02X?}: {row:#}");
        let is_own = codes != ["key-mismatch"];
        assert_eq!(row["state"] == "valid", taken || !is_own, "{row:#}");
        set_data(lab, CERTIFICATE, &old);
        let write = [
            "cert", "write", "new.der", "--key", "45", "--issuer", "own.pem",
        ];
        assert_code(&lab.with_pins(&write), if taken { 0 } else { 1 });
    }
    // Another number under it is another key.
    let other = authority.resigned(&good, |body| {
        let body = replaced(body, RSA, &pkcs1(0x0A, &[]));
        let at = body.windows(5).rposition(|part| part == [2, 3, 1, 0, 1]);
        let mut body = body;
        body[at.expect("an exponent") + 4] = 3;
        body
    });
    set_data(lab, CERTIFICATE, &other);
    let (document, _) = run(lab, &["cert", "check", "--issuer", "own.pem"]);
    assert!(codes(&document).contains(&"key-mismatch".to_owned()));
}

#[test]
fn a_key_for_pss_alone_makes_no_signature_of_pkcs1_good() {
    let authority = Authority::new("Own CA", "utf8only");
    let lab = &authority.lab;
    issue(&authority, "/CN=Kim", "");
    lab.openssl(&[
        "x509", "-in", "own.pem", "-outform", "DER", "-out", "own.der",
    ]);
    let own = fs::read(lab.path("own.der")).expect("made");
    let pss = authority.resigned(&own, |body| replaced(body, RSA, &pkcs1(0x0A, &[])));
    fs::write(lab.path("pss.der"), pss).expect("written");
    lab.openssl(&[
        "x509", "-inform", "DER", "-in", "pss.der", "-out", "pss.pem",
    ]);
    assert!(!authority.openssl_does(&["verify", "-CAfile", "pss.pem", "new.pem"]));
    let (document, _) = run(lab, &["cert", "check", "--issuer", "pss.pem"]);
    let row = certificate(&document, CERTIFICATE);
    let unchecked = row["not_checked"].to_string();
    assert!(unchecked.contains("signature-algorithm"), "{row:#}");
}
