//! Commands on virtual cards: what each does, and its exit code when the card, the image, the
//! PIN or the certificate is not what it should be.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Lab, assert_code, assert_plain_error, stderr, stdout};
use serde_json::Value;

#[test]
fn a_card_is_not_overwritten_unless_that_is_asked_for() {
    let lab = Lab::new("blank-slots");
    let before = lab.image();
    let output = lab.run(&["card", "new", "-o", "card.json"]);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("--force"));
    assert_eq!(lab.image(), before);

    assert_code(&lab.run(&["card", "new", "-o", "card.json", "--force"]), 0);
    assert_ne!(lab.image(), before);
    assert_plain_error(&lab.run(&["card", "new", "-o", "card.bin"]), 2);
    assert_plain_error(&lab.run(&["card", "new", "-o", "no/such/card.json"]), 1);
}

#[test]
fn the_same_seed_and_date_make_the_same_card() {
    let lab = Lab::empty();
    let make = |name: &str, seed: &str, date: &str| {
        let arguments = ["card", "new", "-o", name, "--seed", seed, "--date", date];
        assert_code(&lab.run(&arguments), 0);
        fs::read(lab.path(name)).expect("an image")
    };
    let first = make("a.json", "7", "2026-11-24");
    assert_eq!(make("b.json", "7", "2026-11-24"), first);
    assert_ne!(make("c.json", "8", "2026-11-24"), first);
    assert_ne!(make("d.json", "7", "2026-11-25"), first);
}

#[test]
fn openssl_chains_a_new_cards_certificates_to_the_authorities_beside_it() {
    let lab = Lab::with(&["--state", "valid", "--ca-dir", "ca"]);
    for (id, authority) in [
        ("4331", "test-telia-card-identifier-ca-v3"),
        ("4332", "test-telia-card-identifier-ca-v3"),
        ("4333", "test-siths-type-1-ca-v1"),
        ("4334", "test-siths-type-1-ca-v1"),
    ] {
        let pem = lab.run(&["cert", "read", id, "--out", "cert.pem", "--force"]);
        assert_code(&pem, 0);
        lab.openssl(&[
            "crl",
            "-in",
            &format!("ca/{authority}.crl"),
            "-out",
            "crl.pem",
        ]);
        let ca = format!("ca/{authority}.pem");
        let verified = lab.openssl(&[
            "verify",
            "-crl_check",
            "-CRLfile",
            "crl.pem",
            "-CAfile",
            &ca,
            "cert.pem",
        ]);
        assert!(verified.contains("cert.pem: OK"), "{id}: {verified}");
    }
}

#[test]
fn images_that_are_none_are_refused_in_one_line_and_left_alone() {
    let lab = Lab::new("blank-slots");
    let whole = lab.image();
    let text = String::from_utf8(whole.clone()).expect("text");
    let cases: [(&str, Vec<u8>); 6] = [
        ("empty", Vec::new()),
        ("truncated", whole[..whole.len() / 2].to_vec()),
        (
            "random",
            (0..4096_u32)
                .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
                .collect(),
        ),
        (
            "another version",
            text.replace("\"version\": 2", "\"version\": 99").into(),
        ),
        (
            "an unknown field",
            text.replacen('{', "{\"colour\": \"blue\",", 1).into(),
        ),
        (
            "an unknown model",
            text.replace("\"eid\"", "\"abacus\"").into(),
        ),
    ];
    for (what, bytes) in cases {
        fs::write(lab.path("card.json"), &bytes).expect("written");
        for command in [&["info"][..], &["pin", "status"], &["emulate", "card.json"]] {
            let output = lab.run(command);
            assert_plain_error(&output, 1);
            assert!(
                stderr(&output).contains("card.json"),
                "{what}: {}",
                stderr(&output)
            );
            assert!(
                !stderr(&output).contains("123456"),
                "{what}: {}",
                stderr(&output)
            );
        }
        assert_eq!(lab.image(), bytes, "{what}");
    }
}

#[test]
fn an_image_that_is_not_there_or_is_a_directory_is_an_error_that_names_it() {
    let lab = Lab::empty();
    fs::create_dir(lab.path("dir.json")).expect("made");
    for image in ["none.json", "dir.json"] {
        let output = lab.run(&["-c", image, "info"]);
        assert_plain_error(&output, 1);
        assert!(stderr(&output).contains(image));
    }
}

#[test]
fn a_wrong_pin_costs_a_try_three_block_it_and_the_puk_unblocks() {
    let lab = Lab::new("valid");
    let verify = |pin: &str| {
        let mut command = lab.command(&["pin", "verify", "auth", "--auth-pin", "env:PIN"]);
        command.env("PIN", pin).output().expect("kortlab runs")
    };
    assert_code(&verify("123456"), 0);
    for left in ["2 tries are left", "1 try is left"] {
        let output = verify("999999");
        assert_plain_error(&output, 4);
        assert!(stderr(&output).contains(left), "{}", stderr(&output));
        assert!(!stderr(&output).contains("999999"));
    }
    assert_plain_error(&verify("999999"), 4);
    let output = verify("123456");
    assert_plain_error(&output, 4);
    assert!(stderr(&output).contains("blocked"));
    assert_eq!(lab.json(&["pin", "status"])["pins"][0]["state"], "blocked");

    let unblock = |puk: &str| {
        let arguments = [
            "pin",
            "unblock",
            "auth",
            "--puk",
            "env:PUK",
            "--new-pin",
            "env:NEW",
        ];
        let mut command = lab.command(&arguments);
        command
            .env("PUK", puk)
            .env("NEW", "111111")
            .output()
            .expect("kortlab runs")
    };
    assert_plain_error(&unblock("00000000"), 4);
    assert_code(&unblock("12345678"), 0);
    assert_code(&verify("111111"), 0);
    let status = lab.json(&["pin", "status"]);
    assert_eq!(status["pins"][0]["tries_left"], 3);
    assert_eq!(status["pins"][1]["tries_left"], 3);
}

#[test]
fn a_pin_of_the_wrong_form_is_not_sent_and_costs_no_try() {
    let lab = Lab::new("valid");
    for pin in ["12345", "123456789", "12345x"] {
        let mut command = lab.command(&["pin", "verify", "auth", "--auth-pin", "env:PIN"]);
        let output = command.env("PIN", pin).output().expect("kortlab runs");
        assert_plain_error(&output, 1);
        assert!(!stderr(&output).contains(pin));
    }
    assert_eq!(lab.json(&["pin", "status"])["pins"][0]["tries_left"], 3);
}

#[test]
fn a_pin_is_changed_with_both_pins_from_any_source() {
    let lab = Lab::new("valid");
    fs::write(lab.path("old"), "123456\n").expect("written");
    fs::write(lab.path("new"), "24680135\r\n").expect("written");
    let change = lab.run(&[
        "pin",
        "change",
        "auth",
        "--auth-pin",
        "file:old",
        "--new-pin",
        "file:new",
    ]);
    assert_code(&change, 0);
    let verify = lab.run(&["pin", "verify", "auth", "--auth-pin", "file:new"]);
    assert_code(&verify, 0);

    // Through a file descriptor that the shell opens.
    let script = format!(
        "{} -c card.json pin verify auth --auth-pin fd:7 7<new",
        env!("CARGO_BIN_EXE_kortlab")
    );
    let mut shell = Command::new("bash");
    let output = shell
        .arg("-c")
        .arg(script)
        .current_dir(lab.directory())
        .output();
    assert_code(&output.expect("bash runs"), 0);
}

#[test]
fn a_pin_source_that_gives_nothing_is_a_usage_error() {
    let lab = Lab::new("valid");
    fs::write(lab.path("empty"), "\n").expect("written");
    for source in [
        "prompt",
        "env:KORTLAB_TEST_UNSET",
        "file:none",
        "file:empty",
        "fd:99",
    ] {
        let output = lab.run(&["pin", "verify", "auth", "--auth-pin", source]);
        assert_plain_error(&output, 2);
        assert!(stderr(&output).contains("hint: "), "{}", stderr(&output));
    }
    // Without a terminal nothing is asked, and no try is lost.
    let output = lab.run(&["pin", "verify", "auth"]);
    assert_plain_error(&output, 2);
    assert!(stderr(&output).contains("--auth-pin"));
    assert_eq!(lab.json(&["pin", "status"])["pins"][0]["tries_left"], 3);
}

#[test]
fn a_card_without_pkcs15_is_refused_with_what_to_do() {
    let lab = Lab::new("blank");
    for command in [&["pin", "status"][..], &["key", "list"], &["cert", "list"]] {
        let output = lab.run(command);
        assert_plain_error(&output, 5);
        assert!(stderr(&output).contains("PKCS#15"));
    }
    // What needs no PKCS#15 works.
    assert_code(&lab.run(&["atr"]), 0);
    assert_code(&lab.run(&["apdu", "00A4000C023F00=9000"]), 0);
}

#[test]
fn info_of_a_card_without_pkcs15_shows_what_the_card_is_and_is_no_all_clear() {
    let lab = Lab::new("blank");
    let output = lab.run(&["info"]);
    assert_code(&output, 6);
    let text = stdout(&output);
    for part in [
        "not PKCS#15",
        "80 31 80 65",
        "Master file (3F00)",
        "yes, DF",
        "6A82",
        "PIV",
        "not looked at",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let output = lab.run(&["info", "--json"]);
    assert_code(&output, 6);
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(document["token"].is_null());
    assert_eq!(document["master_file"]["reply"], "selected");
    assert_eq!(document["ef_dir"]["reply"], "refused");
    assert_eq!(document["ef_dir"]["status_word"], "6A82");
    assert_eq!(document["answers_to_any_aid"], false);
    let applications = document["applications"].as_array().expect("a list");
    let refused = |one: &&Value| one["reply"] == "refused" && one["status_word"] == "6A82";
    assert_eq!(
        applications.iter().filter(refused).count(),
        applications.len()
    );
    assert!(applications.len() > 10);
    // Nothing else answers: it may be a card whose files are damaged.
    assert_eq!(document["problems"][0]["code"], "not-pkcs15");
    assert_eq!(document["problems"][0]["severity"], "error");
    // What was not looked at is not called empty.
    assert!(document.get("pins").is_none() && document.get("certificates").is_none());
}

#[test]
fn info_of_a_card_whose_odf_is_lost_names_the_application_that_ef_dir_lists() {
    let lab = Lab::new("valid");
    let mut image: Value = serde_json::from_slice(&lab.image()).expect("JSON");
    let files = image["master_file"]["files"].as_array_mut().expect("files");
    let application = files.iter_mut().find(|file| file["fid"] == "5015");
    let files = application.expect("DF(PKCS15)")["files"].as_array_mut();
    files.expect("files").retain(|file| file["fid"] != "5031");
    fs::write(lab.path("card.json"), image.to_string()).expect("written");
    let output = lab.run(&["info", "--json"]);
    assert_code(&output, 6);
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let first = &document["applications"][0];
    assert_eq!(first["aid"], "A000000063504B43532D3135");
    assert_eq!(
        (&first["listed"], &first["reply"]),
        (&true.into(), &"selected".into())
    );
    assert_eq!(document["problems"][0]["severity"], "error");
}

#[test]
fn certificates_are_listed_with_colour_purpose_and_revocation() {
    let lab = Lab::with(&["--state", "revoked", "--ca-dir", "ca"]);
    let list = |arguments: &[&str]| {
        lab.json(arguments)["certificates"]
            .as_array()
            .cloned()
            .expect("a list")
    };
    let certificates = list(&["cert", "list"]);
    let colours: Vec<_> = certificates
        .iter()
        .map(|one| one["colour"].as_str())
        .collect();
    assert_eq!(colours, ["blue", "blue", "pink", "pink"].map(Some));
    let purposes: Vec<_> = certificates
        .iter()
        .map(|one| one["purpose"].as_str())
        .collect();
    let pair = ["authentication", "signature"];
    assert_eq!(
        purposes,
        [pair, pair]
            .concat()
            .into_iter()
            .map(Some)
            .collect::<Vec<_>>()
    );
    assert!(
        certificates
            .iter()
            .all(|one| one["revocation"] == "not-checked")
    );

    let crl = "ca/test-siths-type-1-ca-v1.crl";
    let certificates = list(&["cert", "list", "--crl", crl]);
    let states: Vec<_> = certificates
        .iter()
        .map(|one| one["state"].as_str())
        .collect();
    assert_eq!(states, ["valid", "valid", "revoked", "revoked"].map(Some));
    assert_eq!(certificates[0]["revocation"], "not-checked");

    let output = lab.run(&["cert", "check", "--crl", crl]);
    assert_code(&output, 6);
    assert!(stdout(&output).contains("4333: revoked"));
    assert_code(&lab.run(&["cert", "check"]), 0);
    assert_plain_error(&lab.run(&["cert", "check", "--crl", "card.json"]), 1);
}

#[test]
fn check_finds_nothing_on_a_valid_card_and_exits_6_when_its_time_is_over() {
    let lab = Lab::with(&["--state", "valid", "--date", "2026-11-24"]);
    assert_code(&lab.run(&["cert", "check", "--date", "2026-11-24"]), 0);
    for (date, code) in [("2040-01-01", "expired"), ("2020-01-01", "not-yet-valid")] {
        let output = lab.run(&["--json", "cert", "check", "--date", date]);
        assert_code(&output, 6);
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(report["findings"], 4);
        assert_eq!(report["certificates"][0]["problems"][0]["code"], code);
    }
}

#[test]
fn a_certificate_is_read_removed_and_written_back_for_its_own_key_only() {
    let lab = Lab::new("valid");
    let der = lab.run(&["cert", "read", "4333", "--der"]).stdout;
    assert_code(&lab.run(&["cert", "read", "4333", "--out", "hcc.pem"]), 0);
    assert_eq!(
        lab.run(&["cert", "read", "HCC Legitimering", "--der"])
            .stdout,
        der
    );
    // Two certificates belong to key 45, so its identifier names none.
    assert_plain_error(&lab.run(&["cert", "read", "45"]), 2);
    assert_plain_error(&lab.run(&["cert", "read", "4399"]), 1);

    // Not while it is on the card.
    let write = |key: &str| lab.with_pins(&["cert", "write", "hcc.pem", "--key", key]);
    assert_plain_error(&write("45"), 1);

    let before = lab.image();
    let refused = lab.run(&["cert", "remove", "4333", "--auth-pin", "env:SIGN"]);
    assert_plain_error(&refused, 2);
    assert_eq!(lab.image(), before);
    assert_code(&lab.with_pins(&["cert", "remove", "4333"]), 0);
    assert_eq!(
        lab.json(&["cert", "list"])["certificates"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );

    assert_plain_error(&write("46"), 1);
    assert_plain_error(&write("47"), 1);
    assert_code(&write("45"), 0);
    assert_eq!(
        lab.run(&["cert", "read", "HCC Legitimering", "--der"])
            .stdout,
        der
    );
    assert_code(&lab.run(&["cert", "check"]), 0);
}

#[test]
fn the_other_certificates_of_a_chain_are_the_issuers_of_its_leaf() {
    let lab = Lab::with(&["--state", "valid", "--ca-dir", "ca"]);
    let run = |arguments: &[&str]| lab.run(&[&["--ephemeral"], arguments].concat());
    assert_code(
        &run(&["cert", "read", "4333", "--der", "--out", "leaf.der"]),
        0,
    );
    assert_code(&lab.with_pins(&["cert", "remove", "4333"]), 0);
    let pem = |name: &str| {
        let out = format!("{name}.pem");
        let der = format!("{name}.der");
        lab.openssl(&["x509", "-inform", "DER", "-in", &der, "-out", &out]);
        fs::read_to_string(lab.path(&out)).expect("PEM")
    };
    let leaf = pem("leaf");
    let mut der = fs::read(lab.path("leaf.der")).expect("a leaf");
    *der.last_mut().expect("a byte") ^= 1;
    fs::write(lab.path("spoilt.der"), der).expect("written");
    let spoilt = pem("spoilt");
    let ca = fs::read_to_string(lab.path("ca/test-siths-type-1-ca-v1.pem")).expect("an authority");
    let other = fs::read_to_string(lab.path("ca/test-telia-card-identifier-ca-v3.pem"));
    let other = other.expect("an authority");
    let orders = |leaf: &str| {
        [
            [leaf, &ca, &other].concat(),
            [&other, &ca, leaf].concat(),
            ["a word\n", &ca, leaf, "a word\n", &other].concat(),
        ]
    };
    let write = ["--ephemeral", "cert", "write", "chain.pem", "--key", "45"];
    for chain in orders(&spoilt) {
        fs::write(lab.path("chain.pem"), chain).expect("written");
        let output = lab.with_pins(&write);
        assert_plain_error(&output, 1);
        assert!(
            !stderr(&output).contains("not at hand"),
            "{}",
            stderr(&output)
        );
    }
    for chain in orders(&leaf) {
        fs::write(lab.path("chain.pem"), chain).expect("written");
        let output = lab.with_pins(&write);
        assert_code(&output, 0);
        assert!(
            !stderr(&output).contains("not at hand"),
            "{}",
            stderr(&output)
        );
    }
    // Alone it has no issuer at hand.
    let alone = lab.with_pins(&["--ephemeral", "cert", "write", "spoilt.pem", "--key", "45"]);
    assert_code(&alone, 0);
    assert!(stderr(&alone).contains("not at hand"), "{}", stderr(&alone));
    // Of a chain that is given as issuers all are.
    assert_code(
        &lab.run(&["cert", "check", "--issuer", "chain.pem", "--allow-empty"]),
        0,
    );
}

#[test]
fn what_is_no_certificate_is_refused_before_a_pin_is_asked_for() {
    let lab = Lab::new("blank-slots");
    let before = lab.image();
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for bytes in [
        &b""[..],
        b"hello",
        b"-----BEGIN nonsense",
        pem.as_bytes(),
        &[0x30, 0x82],
    ] {
        fs::write(lab.path("bad"), bytes).expect("written");
        assert_plain_error(&lab.run(&["cert", "write", "bad", "--key", "45"]), 1);
    }
    assert_plain_error(&lab.run(&["cert", "write", "none", "--key", "45"]), 1);
    assert_plain_error(&lab.run(&["cert", "write", "bad", "--key", "xyz"]), 2);
    assert_eq!(lab.image(), before);
}

#[test]
fn openssl_verifies_what_each_key_signs_in_each_scheme() {
    let lab = Lab::new("valid");
    fs::write(lab.path("message"), "Två blå och två rosa.").expect("written");
    for (key, certificate) in [("45", "4331"), ("46", "4332")] {
        let pem = lab.run(&["cert", "read", certificate, "--out", "c.pem", "--force"]);
        assert_code(&pem, 0);
        let public = lab.openssl(&["x509", "-in", "c.pem", "-noout", "-pubkey"]);
        fs::write(lab.path("public.pem"), public).expect("written");
        for (scheme, options) in [
            ("pkcs1-sha256", &["-sha256"][..]),
            ("pkcs1-sha1", &["-sha1"]),
            ("pkcs1-sha512", &["-sha512"]),
            (
                "pss-sha256",
                &["-sha256", "-sigopt", "rsa_padding_mode:pss"],
            ),
            (
                "pss-sha384",
                &["-sha384", "-sigopt", "rsa_padding_mode:pss"],
            ),
        ] {
            let sign = [
                "key",
                "sign",
                "--key",
                key,
                "--in",
                "message",
                "--scheme",
                scheme,
                "--out",
                "signature",
                "--force",
            ];
            assert_code(&lab.with_pins(&sign), 0);
            let verify = ["dgst", "-verify", "public.pem", "-signature", "signature"];
            let verified = lab.openssl(&[&verify, options, &["message"]].concat());
            assert!(
                verified.contains("Verified OK"),
                "{key} {scheme}: {verified}"
            );
        }
    }
    // In hexadecimal, the same as in the file.
    let sign = [
        "key",
        "sign",
        "--key",
        "45",
        "--in",
        "message",
        "--out",
        "signature",
        "--force",
    ];
    assert_code(&lab.with_pins(&sign), 0);
    let shown = lab.with_pins(&["--json", "key", "sign", "--key", "45", "--in", "message"]);
    let document: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    let signature = fs::read(lab.path("signature")).expect("a signature");
    assert_eq!(document["signature"], hex::encode_upper(signature));
}

#[test]
fn what_openssl_encrypts_is_decrypted_with_key_45_and_refused_with_46() {
    let lab = Lab::new("valid");
    assert_code(&lab.run(&["cert", "read", "4331", "--out", "c.pem"]), 0);
    let public = lab.openssl(&["x509", "-in", "c.pem", "-noout", "-pubkey"]);
    fs::write(lab.path("public.pem"), public).expect("written");
    fs::write(lab.path("plain"), "hemligt").expect("written");
    let encrypt = [
        "pkeyutl",
        "-encrypt",
        "-pubin",
        "-inkey",
        "public.pem",
        "-in",
        "plain",
    ];
    for (padding, options) in [
        ("pkcs1", &["-pkeyopt", "rsa_padding_mode:pkcs1"][..]),
        ("oaep-sha1", &["-pkeyopt", "rsa_padding_mode:oaep"]),
        (
            "oaep-sha256",
            &[
                "-pkeyopt",
                "rsa_padding_mode:oaep",
                "-pkeyopt",
                "rsa_oaep_md:sha256",
            ],
        ),
    ] {
        lab.openssl(&[&encrypt[..], options, &["-out", "secret"]].concat());
        let decrypt = [
            "key",
            "decrypt",
            "--in",
            "secret",
            "--padding",
            padding,
            "--key",
        ];
        let output = lab.with_pins(&[&decrypt[..], &["45", "--out", "-"]].concat());
        assert_code(&output, 0);
        assert_eq!(output.stdout, b"hemligt", "{padding}");
        assert_plain_error(&lab.with_pins(&[&decrypt[..], &["46"]].concat()), 5);
    }
    fs::write(lab.path("secret"), [0; 100]).expect("written");
    assert_plain_error(
        &lab.with_pins(&["key", "decrypt", "--key", "45", "--in", "secret"]),
        1,
    );
}

#[test]
fn a_key_that_is_not_there_or_a_wrong_pin_signs_nothing() {
    let lab = Lab::new("valid");
    fs::write(lab.path("message"), "x").expect("written");
    let output = lab.with_pins(&["key", "sign", "--key", "47", "--in", "message"]);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("45, 46"));
    assert_plain_error(
        &lab.with_pins(&["key", "sign", "--key", "45", "--in", "none"]),
        1,
    );
    let mut wrong = lab.command(&["key", "sign", "--key", "45", "--in", "message"]);
    let wrong = wrong
        .args(["--auth-pin", "env:PIN"])
        .env("PIN", "000000")
        .output();
    assert_plain_error(&wrong.expect("kortlab runs"), 4);
    assert_plain_error(&lab.run(&["key", "sign", "--in", "message"]), 2);
}

#[test]
fn apdus_are_answered_decoded_and_held_to_what_is_expected() {
    let lab = Lab::new("valid");
    let report = lab.json(&["apdu", "00A4080002 5015", "00A40800 :50155031 /256"]);
    let exchanges = report["exchanges"].as_array().expect("a list");
    assert_eq!(exchanges.len(), 2);
    assert_eq!(exchanges[1]["name"], "SELECT");
    assert_eq!(exchanges[1]["sw"], "9000");
    assert_eq!(exchanges[1]["file"]["id"], "5031");

    fs::write(lab.path("ok.apdu"), "# the MF\n00A4000C :3F00 =9000\n").expect("written");
    assert_code(&lab.run(&["apdu", "--script", "ok.apdu"]), 0);
    let script = "00A4000C :3F00 =9000\n\n00A4000C :1234 =9000|61xx\n00A4000C :3F00\n";
    fs::write(lab.path("bad.apdu"), script).expect("written");
    let output = lab.run(&["apdu", "--script", "bad.apdu"]);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("line 3") && stderr(&output).contains("6A82"));
    // What came before is shown, and what comes after is not sent.
    assert_eq!(stdout(&output).matches("SELECT").count(), 2);
}

#[test]
fn a_pin_in_an_apdu_is_sent_and_not_shown() {
    let lab = Lab::new("valid");
    let pin = "31 32 33 34 35 36 00 00";
    fs::write(lab.path("pin.apdu"), format!("00200081 :{pin} =9000\n")).expect("written");
    for output in [
        lab.run(&["apdu", "--script", "pin.apdu"]),
        lab.run(&["--json", "apdu", "--script", "pin.apdu"]),
        lab.run(&["apdu", "--raw", "00200081083132333435360000"]),
    ] {
        assert_code(&output, 0);
        let text = format!("{}{}", stdout(&output), stderr(&output));
        assert!(
            !text.contains("31 32 33") && !text.contains("313233"),
            "{text}"
        );
        assert!(text.contains("not shown"));
    }
}

#[test]
fn bad_hexadecimal_and_bad_scripts_are_usage_errors() {
    let lab = Lab::new("blank");
    for arguments in [
        &["apdu", "00A4zz00"][..],
        &["apdu", "00A40"],
        &["apdu", "00"],
        &["apdu", ""],
        &["apdu"],
        &["apdu", "--raw", "0"],
        &["apdu", "00A40000", "--script", "x"],
        &["atr", "3B7"],
        &["atr", "xyz"],
    ] {
        let output = lab.run(arguments);
        assert_code(&output, 2);
        assert!(!stderr(&output).contains("panicked"));
    }
    fs::write(lab.path("bad"), "00A40000 :12 =90\n").expect("written");
    let output = lab.run(&["apdu", "--script", "bad"]);
    assert_plain_error(&output, 2);
    assert!(stderr(&output).contains("line 1"));
    assert_plain_error(&lab.run(&["apdu", "--script", "none"]), 1);
    assert_plain_error(&lab.run(&["atr", "3A00"]), 1);
}

#[test]
fn every_json_document_is_one_document() {
    let lab = Lab::new("valid");
    for command in [
        &["info"][..],
        &["atr"],
        &["pin", "status"],
        &["key", "list"],
        &["cert", "list"],
        &["cert", "check"],
        &["cert", "read", "4331"],
        &["apdu", "00A40000"],
        &["demo", "--seed", "1"],
    ] {
        assert!(lab.json(command).is_object(), "{command:?}");
    }
}

#[test]
fn colours_are_for_terminals_and_the_guides_words_are_for_all() {
    let lab = Lab::new("valid");
    let plain = stdout(&lab.run(&["cert", "list"]));
    assert!(!plain.contains('\u{1b}'));
    assert!(plain.contains("blue") && plain.contains("pink") && plain.contains("Legitimering"));
    let mut forced = lab.command(&["cert", "list"]);
    let forced = forced
        .env("CLICOLOR_FORCE", "1")
        .output()
        .expect("kortlab runs");
    assert!(stdout(&forced).contains("\u{1b}["));
    let mut never = lab.command(&["cert", "list"]);
    let never = never.env("NO_COLOR", "1").output().expect("kortlab runs");
    assert!(!stdout(&never).contains('\u{1b}'));
}

#[test]
fn the_demo_ends_with_two_blue_and_two_pink_and_a_seed_repeats_it() {
    let lab = Lab::empty();
    for state in ["expired", "revoked", "delivered"] {
        let demo = || stdout(&lab.run(&["demo", "--seed", "3", "--state", state]));
        let text = demo();
        assert_eq!(demo(), text);
        for words in [
            "Ta bort utgångna/spärrade HCC",
            "Kvittera kort",
            "2 blue and 2 pink",
            "log-in test passed",
            "signature test passed",
        ] {
            assert!(text.contains(words), "{state}: {text}");
        }
    }
    assert_eq!(fs::read_dir(lab.directory()).expect("listed").count(), 0);
}

#[test]
fn the_demo_keeps_a_card_that_openssl_accepts() {
    let lab = Lab::empty();
    assert_code(&lab.run(&["demo", "--keep", "kept"]), 0);
    for (id, authority) in [
        ("4331", "test-telia-card-identifier-ca-v3"),
        ("HCC Legitimering", "test-siths-type-1-ca-v1"),
        ("HCC Underskrift", "test-siths-type-1-ca-v1"),
    ] {
        let read = ["-c", "kept/card.json", "cert", "read", id, "--out", "c.pem"];
        assert_code(&lab.run(&[&read[..], &["--force"]].concat()), 0);
        let ca = format!("kept/{authority}.pem");
        let crl = format!("kept/{authority}.crl");
        lab.openssl(&["crl", "-in", &crl, "-out", "crl.pem"]);
        let verified = lab.openssl(&[
            "verify",
            "-crl_check",
            "-CRLfile",
            "crl.pem",
            "-CAfile",
            &ca,
            "c.pem",
        ]);
        assert!(verified.contains("c.pem: OK"), "{verified}");
    }
}

#[test]
fn a_card_in_use_is_not_used_twice() {
    let lab = Lab::new("valid");
    let running = lab.emulate_on_socket();
    let output = lab.run(&["info"]);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("in use"), "{}", stderr(&output));
    let output = lab.run(&["card", "new", "-o", "card.json", "--force"]);
    assert_plain_error(&output, 1);
    assert!(running.end_with("TERM").success());
    assert_code(&lab.run(&["info"]), 0);
}

#[test]
fn a_card_on_a_socket_gives_what_it_gives_in_process() {
    let lab = Lab::new("valid");
    let commands = [
        &["info"][..],
        &["atr"],
        &["pin", "status"],
        &["key", "list"],
        &["cert", "list"],
        &["cert", "read", "4333"],
    ];
    let here: Vec<_> = commands.iter().map(|command| lab.json(command)).collect();
    let running = lab.emulate_on_socket();
    for (command, expected) in commands.iter().zip(here) {
        let found = lab.json(&[&["-c", "socket:card.socket"], *command].concat());
        assert_eq!(found, expected, "{command:?}");
    }
    let change = [
        "-c",
        "socket:card.socket",
        "pin",
        "verify",
        "auth",
        "--auth-pin",
        "env:WRONG",
    ];
    let mut command = lab.command(&change);
    let output = command
        .env("WRONG", "000000")
        .output()
        .expect("kortlab runs");
    assert_plain_error(&output, 4);
    assert!(running.end_with("INT").success());
    assert!(!lab.path("card.socket").exists());
    // What was changed was saved.
    assert_eq!(lab.json(&["pin", "status"])["pins"][0]["tries_left"], 2);
}

#[test]
fn an_ephemeral_card_forgets() {
    let lab = Lab::new("valid");
    let before = lab.image();
    let running = lab.emulate(&["--ephemeral"]);
    let verify = [
        "-c",
        "socket:card.socket",
        "pin",
        "verify",
        "auth",
        "--auth-pin",
        "env:WRONG",
    ];
    let mut command = lab.command(&verify);
    let output = command
        .env("WRONG", "000000")
        .output()
        .expect("kortlab runs");
    assert_plain_error(&output, 4);
    assert!(running.end_with("TERM").success());
    assert_eq!(lab.image(), before);
}

#[test]
fn emulate_ends_cleanly_on_either_signal_also_while_it_waits_for_a_reader() {
    let lab = Lab::new("blank");
    for signal in ["INT", "TERM"] {
        let running = lab.emulate_for_a_reader(&common::free_address());
        assert!(running.end_with(signal).success(), "{signal}");
    }
    for arguments in [
        &["emulate"][..],
        &["emulate", "card.json", "--vpcd", "nowhere"],
        &["emulate", "card.json", "card.json", "--socket", "s"],
        &[
            "emulate",
            "card.json",
            "--socket",
            "s",
            "--vpcd",
            "127.0.0.1:1",
        ],
    ] {
        let output = lab.run(arguments);
        assert_ne!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!stderr(&output).contains("panicked"));
    }
    assert!(!Path::new(&lab.path("s")).exists());
}

#[test]
fn nobody_on_the_socket_is_no_reader() {
    let lab = Lab::empty();
    let output = lab.run(&["-c", "socket:none", "info"]);
    assert_plain_error(&output, 3);
}

#[test]
fn without_a_pcsc_service_there_is_no_reader_and_the_message_says_what_to_do() {
    let lab = Lab::empty();
    for command in [
        &["readers"][..],
        &["-c", "pcsc", "info"],
        &["-c", "pcsc:3", "atr"],
    ] {
        let mut command = lab.command(command);
        // libpcsclite looks for the service's socket here.
        let output = command
            .env("PCSCLITE_CSOCK_NAME", lab.path("none"))
            .output();
        assert_plain_error(&output.expect("kortlab runs"), 3);
    }
}

#[test]
fn an_answer_to_reset_with_something_wrong_exits_6_and_a_good_one_0() {
    let lab = Lab::new("blank");
    for (atr, findings) in [
        ("3B7D96000080318065B0A31101F383009000", 0),
        ("3B00", 0),
        ("3B8001 81", 0),
        // T=1 and no TCK; a wrong TCK; a byte too many; T=0 alone with a TCK.
        ("3BFD9600008131FE4580318065B0A31101F383009000", 1),
        ("3B800180", 1),
        ("3B80018100", 1),
        ("3B003B", 1),
    ] {
        let output = lab.run(&["atr", atr]);
        let exit = if findings == 0 { 0 } else { 6 };
        assert_code(&output, exit);
        let json = lab.run(&["--json", "atr", atr]);
        assert_code(&json, exit);
        let document: Value = serde_json::from_slice(&json.stdout).expect("JSON");
        let told = document["findings"].as_array().expect("a list");
        assert_eq!(told.len(), findings, "{atr}: {told:?}");
        for finding in told {
            let message = finding["message"].as_str().expect("text");
            assert!(stdout(&output).contains(message), "{message}");
        }
    }
}

#[test]
fn a_card_without_certificates_is_said_to_have_none() {
    let lab = Lab::new("blank-slots");
    let text = stdout(&lab.run(&["info"]));
    assert!(
        text.contains("no certificates were found on the card"),
        "{text}"
    );
}
