//! CRLs and OCSP over real HTTP, as openssl and curl see them, in every state of a certificate.

use std::fs;
use std::thread;

use serde_json::json;

use crate::support::{Card, Portal, curl, openssl, said, text, try_openssl};

/// What `openssl ocsp` says of a certificate of the card.
fn ocsp(portal: &Portal, card: &Card, extra: &[&str]) -> String {
    let certificate = card.certificate("hcc", "authentication");
    // The address is the one that the certificate itself names.
    let url = said(&openssl(&[
        "x509",
        "-in",
        &certificate,
        "-noout",
        "-ocsp_uri",
    ]));
    let authority = portal.authority("hcc");
    let mut arguments = vec![
        "ocsp",
        "-issuer",
        &authority,
        "-cert",
        &certificate,
        "-url",
        url.trim(),
        "-CAfile",
        &authority,
    ];
    arguments.extend(extra);
    let said = said(&openssl(&arguments));
    assert!(said.contains("Response verify OK"), "{said}");
    said
}

/// Where the HCC authority's responder is.
fn responder(portal: &Portal) -> String {
    let pki = &portal.running().urls().pki;
    format!("{pki}/ocsp/test-siths-type-1-ca-v1")
}

/// What `openssl verify -crl_check` says of it, with the CRL that the certificate names.
fn crl_check(portal: &Portal, card: &Card, at: Option<u64>) -> String {
    let certificate = card.certificate("hcc", "authentication");
    let printed = said(&openssl(&["x509", "-in", &certificate, "-noout", "-text"]));
    let url = printed
        .lines()
        .map(str::trim)
        .filter_map(|line| line.strip_prefix("URI:"))
        .find(|url| url.ends_with(".crl"))
        .unwrap()
        .to_owned();
    let (der, pem) = (portal.file("list.crl"), portal.file("list.pem"));
    let answer = curl(&["--output", &text(&der), &url]);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/pkix-crl"));
    openssl(&[
        "crl",
        "-inform",
        "DER",
        "-in",
        &text(&der),
        "-out",
        &text(&pem),
    ]);
    let authority = portal.authority("hcc");
    let at = at.map(|at| at.to_string());
    let pem = text(&pem);
    let mut arguments = vec![
        "verify",
        "-crl_check",
        "-CRLfile",
        &pem,
        "-CAfile",
        &authority,
    ];
    if let Some(at) = &at {
        arguments.extend(["-attime", at]);
    }
    arguments.push(&certificate);
    said(&try_openssl(&arguments))
}

#[test]
fn openssl_agrees_with_every_state_that_a_new_certificate_goes_through() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "delivered");
    let session = card.session(&portal);
    let (order, pair) = session.issue();

    let answer = ocsp(&portal, &card, &[]);
    assert!(answer.contains(": revoked"), "{answer}");
    assert!(answer.contains("Reason: certificateHold"), "{answer}");
    let answer = crl_check(&portal, &card, None);
    assert!(answer.contains("certificate revoked"), "{answer}");

    assert_eq!(session.sign_receipt(&order).status, 204);
    assert!(ocsp(&portal, &card, &[]).contains(": good"));
    assert!(crl_check(&portal, &card, None).contains(": OK"));

    let body = json!({"certificate": pair["authentication"], "reason": "keyCompromise"});
    let answer = portal.admin("POST", "/admin/v1/revocations", Some(body));
    assert_eq!(answer.status, 204, "{answer:?}");
    let answer = ocsp(&portal, &card, &[]);
    assert!(answer.contains("Reason: keyCompromise"), "{answer}");
    let answer = crl_check(&portal, &card, None);
    assert!(answer.contains("certificate revoked"), "{answer}");
}

#[test]
fn openssl_finds_an_expired_certificate_expired_and_not_revoked() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "expired");
    assert!(ocsp(&portal, &card, &[]).contains(": good"));
    let answer = crl_check(&portal, &card, None);
    assert!(answer.contains("certificate has expired"), "{answer}");
    assert!(!answer.contains("revoked"), "{answer}");
}

#[test]
fn openssl_finds_a_revoked_card_revoked_with_its_reason() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "revoked");
    let answer = ocsp(&portal, &card, &[]);
    assert!(answer.contains("Reason: affiliationChanged"), "{answer}");
    let answer = crl_check(&portal, &card, None);
    assert!(answer.contains("certificate revoked"), "{answer}");
}

#[test]
fn an_unknown_serial_number_is_unknown_and_another_authoritys_is_not_answered() {
    let portal = Portal::start();
    let url = responder(&portal);
    let authority = portal.authority("hcc");
    let ask = |issuer: &str| {
        said(&try_openssl(&[
            "ocsp", "-issuer", issuer, "-serial", "0x4A0B0C", "-url", &url, "-CAfile", &authority,
        ]))
    };
    let answer = ask(&authority);
    assert!(answer.contains("Response verify OK"), "{answer}");
    assert!(answer.contains("0x4A0B0C: unknown"), "{answer}");
    let answer = ask(&portal.authority("carrier"));
    assert!(answer.contains("unauthorized"), "{answer}");
}

#[test]
fn a_request_by_get_is_answered_as_the_one_by_post_and_answers_are_given_again() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "valid");
    let certificate = card.certificate("hcc", "signature");
    let authority = portal.authority("hcc");
    let request = portal.file("request.der");
    openssl(&[
        "ocsp",
        "-issuer",
        &authority,
        "-cert",
        &certificate,
        "-no_nonce",
        "-reqout",
        &text(&request),
    ]);
    let url = responder(&portal);
    let base64 = said(&openssl(&["base64", "-A", "-in", &text(&request)]));
    let encoded = base64
        .trim()
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    let mut answers = Vec::new();
    let [first, second, third] = ["1", "2", "3"].map(|name| text(&portal.file(name)));
    let data = format!("@{}", request.display());
    let post = curl(&[
        "--output",
        &first,
        "-H",
        "Content-Type: application/ocsp-request",
        "--data-binary",
        &data,
        &url,
    ]);
    let get = curl(&["--output", &second, &format!("{url}/{encoded}")]);
    // Some clients leave the slashes of base64 as they are.
    let bare = curl(&["--output", &third, &format!("{url}/{}", base64.trim())]);
    for (answer, file) in [(post, first), (get, second), (bare, third)] {
        assert_eq!(answer.status, 200, "{answer:?}");
        let kind = answer.header("content-type");
        assert_eq!(kind, Some("application/ocsp-response"));
        let caching = answer.header("cache-control").unwrap().to_owned();
        assert!(caching.contains("max-age=60"), "{caching}");
        let said = said(&openssl(&[
            "ocsp",
            "-respin",
            &file,
            "-issuer",
            &authority,
            "-cert",
            &certificate,
            "-CAfile",
            &authority,
        ]));
        assert!(said.contains(": good"), "{said}");
        answers.push(fs::read(file).unwrap());
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]));
    let metrics = portal.admin("GET", "/metrics", None).body;
    let counted = r#"kortlab_ocsp_answers_total{answer="good",cached="yes"} 2"#;
    assert!(metrics.contains(counted), "{metrics}");
}

#[test]
fn a_malformed_request_is_answered_as_such() {
    let portal = Portal::start();
    let url = responder(&portal);
    let long = portal.file("long");
    fs::write(&long, vec![0x30; 20_000]).unwrap();
    let long = format!("@{}", long.display());
    for arguments in [
        &["--data-binary", "hello", &url][..],
        &["--data-binary", "", &url],
        &["--data-binary", &long, &url],
        &[&format!("{url}/!!!!")],
    ] {
        let file = portal.file("answer");
        let mut all = vec!["--output".to_owned(), text(&file)];
        all.extend(arguments.iter().map(|one| (*one).to_owned()));
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        let answer = curl(&all);
        assert_eq!(answer.status, 200, "{answer:?}");
        let said = said(&try_openssl(&["ocsp", "-respin", &text(&file)]));
        assert!(said.contains("malformedrequest"), "{said}");
    }
    let elsewhere = format!("{}/ocsp/nobody", portal.running().urls().pki);
    assert_eq!(curl(&["--data-binary", "x", &elsewhere]).status, 404);
}

#[test]
fn a_crl_is_made_anew_when_something_has_changed_and_only_then() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "valid");
    let url = format!(
        "{}/crl/test-siths-type-1-ca-v1.crl",
        portal.running().urls().pki
    );
    let fetch = |etag: Option<&str>| {
        let condition = format!("If-None-Match: {}", etag.unwrap_or("\"\""));
        curl(&["--output", "/dev/null", "-H", &condition, &url])
    };
    let first = fetch(None);
    assert_eq!(first.status, 200);
    let etag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(fetch(Some(&etag)).status, 304);
    let body = json!({
        "certificate": card.enrolled["hcc"]["signature"], "reason": "superseded",
    });
    let revoked = portal.admin("POST", "/admin/v1/revocations", Some(body));
    assert_eq!(revoked.status, 204);
    let next = fetch(Some(&etag));
    assert_eq!(next.status, 200);
    let etag = next.header("etag").unwrap().to_owned();
    assert_eq!(fetch(Some(&etag)).status, 304);
    // It is due once a day.
    let set = portal.admin("POST", "/admin/v1/clock", Some(json!({"advance": 90_000})));
    assert_eq!(set.status, 200, "{set:?}");
    let due = fetch(Some(&etag));
    assert_eq!(due.status, 200);
    // A clock that was set back makes it a CRL of the future.
    let etag = due.header("etag").unwrap().to_owned();
    assert_eq!(fetch(Some(&etag)).status, 304);
    let set = portal.admin("POST", "/admin/v1/clock", Some(json!("real")));
    assert_eq!(set.status, 200, "{set:?}");
    assert_eq!(fetch(Some(&etag)).status, 200);
    let other = curl(&[&format!("{}/crl/nobody.crl", portal.running().urls().pki)]);
    assert_eq!(other.status, 404);
}

#[test]
fn the_authoritys_certificate_is_where_certificates_say() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "valid");
    for (issuer, authority) in [("carrier", "carrier"), ("hcc", "hcc")] {
        let certificate = card.certificate(issuer, "signature");
        let printed = said(&openssl(&["x509", "-in", &certificate, "-noout", "-text"]));
        let url = printed
            .lines()
            .find_map(|line| line.trim().strip_prefix("CA Issuers - URI:"))
            .unwrap();
        let file = text(&portal.file("authority.cer"));
        assert_eq!(curl(&["--output", &file, url]).status, 200);
        let fetched = openssl(&["x509", "-inform", "DER", "-in", &file]);
        let stored = openssl(&["x509", "-in", &portal.authority(authority)]);
        assert_eq!(fetched.stdout, stored.stdout);
        assert!(
            said(&openssl(&[
                "verify",
                "-CAfile",
                &portal.authority(authority),
                &certificate
            ]))
            .contains(": OK")
        );
    }
}

#[test]
fn answers_are_right_while_certificates_change_under_load() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "valid");
    thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    (0..10)
                        .map(|_| ocsp(&portal, &card, &[]))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let body = json!({
            "certificate": card.enrolled["hcc"]["authentication"], "reason": "superseded",
        });
        let revoked = portal.admin("POST", "/admin/v1/revocations", Some(body));
        assert_eq!(revoked.status, 204);
        // Whoever asks from here on is told.
        assert!(ocsp(&portal, &card, &["-no_nonce"]).contains(": revoked"));
        for answers in asking {
            for answer in answers.join().unwrap() {
                assert!(answer.contains(": good") || answer.contains(": revoked"));
            }
        }
    });
}

#[test]
fn what_makes_no_sense_in_a_request_does_not_come_back_signed() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "valid");
    let url = responder(&portal);
    let good = portal.file("request");
    let (authority, certificate) = (
        portal.authority("hcc"),
        card.certificate("hcc", "authentication"),
    );
    openssl(&[
        "ocsp",
        "-issuer",
        &authority,
        "-cert",
        &certificate,
        "-no_nonce",
        "-reqout",
        &text(&good),
    ]);
    let good = fs::read(good).unwrap();
    let ask = |request: &[u8]| {
        let (sent, file) = (portal.file("sent"), portal.file("answer"));
        fs::write(&sent, request).unwrap();
        let data = format!("@{}", text(&sent));
        let answer = curl(&["--output", &text(&file), "--data-binary", &data, &url]);
        assert_eq!(answer.status, 200, "{answer:?}");
        fs::read(file).unwrap()
    };
    assert!(ask(&good).len() > 100, "a signed answer");
    // openssl writes the NULL of SHA-1's parameters; each of these is as long.
    let null = good.windows(2).position(|two| two == [0x05, 0x00]).unwrap();
    for strange in [
        [0x04, 0x00],
        [0x30, 0x00],
        [0x31, 0x00],
        [0x80, 0x00],
        [0x0C, 0x00],
    ] {
        let mut request = good.clone();
        request[null..null + 2].copy_from_slice(&strange);
        assert_eq!(
            ask(&request),
            [0x30, 0x03, 0x0A, 0x01, 0x01],
            "{strange:02X?}"
        );
    }
}
