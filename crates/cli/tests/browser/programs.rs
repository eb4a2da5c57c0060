//! Logging in without a browser: curl and OpenSSL with the card through the PKCS#11 engine. The
//! PIN is in a file, so that no command line shows it.

use kortlab_interop::Command;
use kortlab_portal::admin::wire::EnrolledState;
use serde_json::Value;

use crate::lab::{self, Lab};

/// OpenSC's labels, which the image gives its certificates, and the one key they are for.
const CARRIER: &str = "Telia%20Legitimering";
const HCC: &str = "HCC%20Legitimering";

const SESSION: &str = "https://127.0.0.1:8444/api/v1/session";
const CERTIFICATES: &str = "https://127.0.0.1:8443/api/v1/certificates";

#[test]
fn curl_logs_in_with_the_carrier_certificate_and_is_told_why_not_with_an_hcc() {
    let lab = Lab::new(EnrolledState::Valid);
    for (version, options) in [
        ("TLSv1.3", ["--tlsv1.3", "--tls-max", "1.3"]),
        ("TLSv1.2", ["--tlsv1.2", "--tls-max", "1.2"]),
    ] {
        let answer = curl_with(&lab, CARRIER)
            .args(options)
            .args(["--verbose", "--request", "POST", SESSION])
            .run()
            .unwrap()
            .success()
            .unwrap()
            .containing(&format!("SSL connection using {version}"))
            .unwrap();
        let session: Value = serde_json::from_slice(&answer.stdout).unwrap();
        assert_eq!(session["card_number"], lab.enrolled.card_number.as_str());
        assert_token_is_good(&lab, &session);

        // What fails with --fail-with-body is 22 to curl.
        let answer = curl_with(&lab, HCC)
            .args(options)
            .args(["--verbose", "--request", "POST", SESSION])
            .run()
            .unwrap()
            .code(22)
            .unwrap()
            .containing(&format!("SSL connection using {version}"))
            .unwrap();
        let problem: Value = serde_json::from_slice(&answer.stdout).unwrap();
        assert_eq!(problem["code"], "hcc-log-in");
        let why = problem["swedish"].as_str().unwrap();
        assert!(why.contains("utfärdat av Telia Card Identifier"), "{why}");
        assert_eq!(problem["token"], Value::Null);
    }
}

#[test]
fn openssl_logs_in_with_the_carrier_certificate() {
    let lab = Lab::new(EnrolledState::Valid);
    let certificate = lab.sandbox.write(
        "carrier.der",
        lab.enrolled.carrier.authentication.as_bytes(),
    );
    let request = "POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let certificate = certificate.unwrap();
    for version in ["-tls1_3", "-tls1_2"] {
        let answer = with_card(lab.sandbox.command("openssl"))
            .args([
                "s_client",
                "-engine",
                "pkcs11",
                "-connect",
                "127.0.0.1:8444",
                version,
            ])
            .args(["-keyform", "engine", "-key", &key(&lab)])
            .args(["-certform", "DER", "-cert"])
            .arg(&certificate)
            .args(["-quiet", "-ign_eof", "-verify_return_error", "-CAfile"])
            .arg(lab.portal_file("tls-ca.pem"))
            .input(request)
            .run()
            .unwrap()
            .success()
            .unwrap();
        let text = answer.stdout_text();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 201"), "{head}");
        let session: Value = serde_json::from_str(body.trim()).unwrap();
        assert_eq!(session["card_number"], lab.enrolled.card_number.as_str());
        assert_token_is_good(&lab, &session);
    }
}

/// `curl` that shows one of the card's certificates for key 45, and proves with that key.
fn curl_with(lab: &Lab, label: &str) -> Command {
    with_card(lab::curl(&lab.sandbox))
        .args(["--engine", "pkcs11", "--cert-type", "ENG", "--cert"])
        .arg(format!("pkcs11:id=%45;type=cert;object={label}"))
        .args(["--key-type", "ENG", "--key", &key(lab)])
}

/// The key for Legitimering, as the engine names it (RFC 7512).
fn key(lab: &Lab) -> String {
    let pin = lab.pin_file();
    format!(
        "pkcs11:id=%45;type=private;pin-source=file:{}",
        pin.display()
    )
}

fn with_card(command: Command) -> Command {
    command.env(
        "PKCS11_MODULE_PATH",
        kortlab_interop::opensc_module().unwrap(),
    )
}

/// The session is one at the other addresses too, and is this card's.
#[track_caller]
fn assert_token_is_good(lab: &Lab, session: &Value) {
    let token = session["token"].as_str().unwrap();
    let header = lab
        .sandbox
        .write("session-header", format!("Authorization: Bearer {token}"));
    let header = format!("@{}", header.unwrap().display());
    let listed = lab::curl(&lab.sandbox).args(["--header", &header, CERTIFICATES]);
    let listed = listed.run().unwrap().success().unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert!(listed.to_string().contains("TEST SITHS"), "{listed}");
}
