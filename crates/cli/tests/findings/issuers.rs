//! Signatures of certificates, and private keys that are not there.

use std::fs;

use crate::authority::{Authority, CERTIFICATE};
use crate::bench::*;
use crate::common::{assert_code, assert_plain_error, stderr};
use crate::der::{element, elements};

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
            let problems = row["problems"].as_array().expect("problems");
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
        let problems = row["problems"].as_array().expect("problems").iter();
        let told: Vec<_> = problems
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

#[test]
fn that_an_issuers_limits_of_names_were_not_looked_at_is_said() {
    let authority = Authority::new("Own CA", "utf8only");
    let lab = &authority.lab;
    let extensions = [
        "basicConstraints=critical,CA:true",
        "nameConstraints=critical,permitted;dirName:subtree",
    ];
    let mut config = fs::read_to_string(lab.path("own.cnf")).expect("written");
    config.push_str("[subtree]\nC = SE\n");
    fs::write(lab.path("own.cnf"), config).expect("written");
    authority.root("limits.pem", "4000", &extensions);
    // OpenSSL refuses the certificate, whose name is not in Sweden.
    lab.openssl(&[
        "x509", "-inform", "DER", "-in", "new.der", "-out", "new.pem",
    ]);
    assert!(!authority.openssl_does(&["verify", "-CAfile", "limits.pem", "new.pem"]));
    let not_checked = |issuer: &str| {
        let (document, _) = run(lab, &["cert", "check", "--issuer", issuer]);
        certificate(&document, CERTIFICATE)["not_checked"].to_string()
    };
    assert!(not_checked("limits.pem").contains("\"name-constraints\""));
    assert!(!not_checked("own.pem").contains("\"name-constraints\""));
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
    assert!(
        stderr(&output).contains("nameConstraints"),
        "{}",
        stderr(&output)
    );
}
