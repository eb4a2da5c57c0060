//! Signatures of certificates, and private keys that are not there.

use std::fs;

use crate::bench::*;
use crate::common::{assert_code, assert_plain_error};

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
