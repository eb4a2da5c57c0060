//! Files of certificates that hold something else: named, and given out with `--raw` only.

use crate::bench::*;
use crate::common::{assert_code, assert_plain_error, stderr, stdout};

fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16;
    [&[tag, 0x82][..], &length.to_be_bytes(), content].concat()
}

#[test]
fn what_is_no_certificate_is_named_and_given_out_with_raw_only() {
    let lab = valid();
    let good = data(&lab, HCC);
    let piv = wrapped(
        0x53,
        &[wrapped(0x70, &good), vec![0x71, 1, 0, 0xFE, 0]].concat(),
    );
    let pkcs7 = hex::decode("300D06092A864886F70D010702A000").expect("hex");
    let public = hex::decode("30080203010001020103").expect("hex");
    for (what, content, code) in [
        (
            "zlib",
            [&[0x78, 0xDA][..], &good[..600]].concat(),
            "not-a-certificate",
        ),
        (
            "gzip",
            [&[0x1F, 0x8B, 0x08][..], &good[..600]].concat(),
            "not-a-certificate",
        ),
        ("tag 53", piv, "not-a-certificate"),
        ("tag 70", wrapped(0x70, &good), "not-a-certificate"),
        ("tag 04", wrapped(0x04, &good), "not-a-certificate"),
        ("cut", good[..900].to_vec(), "not-a-certificate"),
        ("cut", good[..good.len() - 1].to_vec(), "not-a-certificate"),
        (
            "PEM",
            b"-----BEGIN CERTIFICATE-----\nMIIF\n".to_vec(),
            "not-a-certificate",
        ),
        ("PKCS #7", pkcs7, "not-a-certificate"),
        ("public key", public, "not-a-certificate"),
        (
            "2 bytes",
            [&[0x00, 0x00][..], &good].concat(),
            "not-a-certificate",
        ),
        (
            "nothing that is known",
            b"hello".to_vec(),
            "not-a-certificate",
        ),
        ("empty", vec![0x00; 700], "empty-file"),
        ("empty", vec![0xFF; 700], "empty-file"),
    ] {
        set_data(&lab, HCC, &content);
        let found = assert_found(&lab, code);
        let message = found["message"].as_str().expect("a message");
        assert!(message.contains(what), "{what}: {message}");
        for options in [&[][..], &["--der"]] {
            let output = lab.run(&[&["cert", "read", HCC], options].concat());
            assert_plain_error(&output, 5);
            assert_eq!(stdout(&output), "", "{what}");
            assert!(
                stderr(&output).contains(what),
                "{what}: {}",
                stderr(&output)
            );
            assert!(stderr(&output).contains("--raw"), "{}", stderr(&output));
        }
        let raw = lab.run(&["cert", "read", HCC, "--raw"]);
        assert_code(&raw, 0);
        assert_eq!(raw.stdout, content, "{what}");
        let (document, _) = check(&lab, &[]);
        assert_eq!(certificate(&document, HCC)["state"], "unreadable", "{what}");
    }
}

#[test]
fn a_certificate_with_filler_behind_it_is_read_without() {
    let lab = valid();
    let good = data(&lab, HCC);
    for filler in [0x00, 0xFF] {
        let mut content = good.clone();
        content.resize(good.len() + 100, filler);
        set_data(&lab, HCC, &content);
        let output = lab.run(&["cert", "read", HCC, "--der"]);
        assert_code(&output, 0);
        assert_eq!(output.stdout, good);
        assert_eq!(check(&lab, &[]).1, 0);
    }
}

#[test]
fn a_private_key_is_named_and_never_given_out() {
    let lab = valid();
    let key = [vec![0x30, 27], [0x02, 0x01, 0x05].repeat(9)].concat();
    set_data(&lab, HCC, &key);
    let found = assert_found(&lab, "not-a-certificate");
    assert!(
        found["message"]
            .as_str()
            .is_some_and(|text| text.contains("private key"))
    );
    for options in [&[][..], &["--der"], &["--raw"]] {
        let output = lab.run(&[&["cert", "read", HCC], options].concat());
        assert_plain_error(&output, 5);
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn a_certificate_whose_file_is_gone_is_a_finding() {
    let lab = valid();
    remove_file(&lab, HCC);
    let (document, exit) = check(&lab, &[]);
    assert_eq!(exit, 6);
    assert_eq!(codes(&document), ["file-absent"], "{document:#}");
    assert_plain_error(&lab.run(&["cert", "read", HCC, "--raw"]), 5);
}

#[test]
fn what_stands_behind_a_certificate_is_found_at_its_byte_and_filler_is_not() {
    let lab = valid();
    let good = data(&lab, HCC);
    for filler in [[0x00; 40], [0xFF; 40]] {
        set_data(&lab, HCC, &[&good[..], &filler].concat());
        assert_eq!(check(&lab, &[]).1, 0);
    }
    // A few bytes, and another certificate whole.
    for behind in [&[0xDE, 0xAD][..], &good] {
        set_data(&lab, HCC, &[&good[..], behind].concat());
        let (document, exit) = check(&lab, &[]);
        assert_eq!(exit, 6);
        let found = problem(&document, "behind-certificate");
        assert_eq!(found["offset"].as_u64(), Some(good.len() as u64));
        let message = found["message"].as_str().expect("a message");
        assert!(
            message.starts_with(&format!("{} bytes", behind.len())),
            "{message}"
        );
    }
}

#[test]
fn a_certificate_that_its_own_length_cuts_is_not_given_out_where_openssl_cannot_load_it() {
    let lab = valid();
    let good = data(&lab, HCC);
    let length = usize::from(u16::from_be_bytes([good[2], good[3]]));
    for less in [1, 10, 255, 256, 262] {
        let mut cut = good.clone();
        let said = u16::try_from(length - less).expect("short");
        cut[2..4].copy_from_slice(&said.to_be_bytes());
        set_data(&lab, HCC, &cut);
        std::fs::write(lab.path("cut.der"), &cut[..cut.len() - less]).expect("written");
        let loaded = std::process::Command::new("openssl")
            .args(["x509", "-inform", "DER", "-noout", "-in"])
            .arg(lab.path("cut.der"))
            .output()
            .expect("openssl runs; run: cargo xtask test");
        assert!(!loaded.status.success(), "{less}");
        let output = lab.run(&["cert", "read", "4333"]);
        assert_plain_error(&output, 5);
        assert_eq!(stdout(&output), "", "{less}");
        let (document, exit) = check(&lab, &[]);
        assert_eq!(exit, 6);
        // What it says is shown all the same.
        assert!(certificate(&document, HCC)["holder"].is_string(), "{less}");
        assert_code(
            &lab.run(&["cert", "read", "4333", "--raw", "--out", "raw", "--force"]),
            0,
        );
    }
}
