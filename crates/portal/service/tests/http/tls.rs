//! Log-in over TLS 1.2 and 1.3, and the certificates that are refused with a reason.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, SignatureScheme, SupportedProtocolVersion,
};

use crate::support::{Card, Portal, openssl, said, text, try_openssl};

#[test]
fn a_carrier_certificate_logs_in_over_tls_1_2_and_1_3() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "delivered");
    for version in [&["--tls-max", "1.2"][..], &["--tlsv1.3"]] {
        let answer = card.log_in(&portal, "carrier", "authentication", version);
        assert_eq!(answer.status, 201, "{version:?}: {answer:?}");
        let session = answer.json();
        assert_eq!(session["card_number"], card.enrolled["card_number"]);
        assert_eq!(session["holder"], card.enrolled["holder"]);
        assert_eq!(session["token"].as_str().unwrap().len(), 64);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn an_hcc_is_refused_with_a_document_that_says_which_certificate_to_use() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "valid");
    let answer = card.log_in(&portal, "hcc", "authentication", &[]);
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let problem = answer.json();
    assert_eq!(problem["code"], "hcc-log-in");
    assert_eq!(problem["status"], 403);
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("use the certificate issued by Telia Card Identifier"),
        "{detail}"
    );
    let swedish = problem["swedish"].as_str().unwrap();
    assert!(swedish.contains("Telia Card Identifier"), "{swedish}");
}

#[test]
fn other_certificates_are_refused_each_for_its_reason() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "delivered");
    let code = |answer: &crate::support::Answer| answer.json()["code"].clone();

    let answer = card.log_in(&portal, "carrier", "signature", &[]);
    assert_eq!(
        (answer.status, code(&answer)),
        (403, "not-for-log-in".into())
    );

    // A certificate of somebody else's, with the names of the portal's own authority.
    let key = card.key("authentication");
    let stranger = card.certificate("stranger", "authentication");
    openssl(&[
        "req",
        "-x509",
        "-new",
        "-key",
        &key,
        "-subj",
        "/C=SE/O=TEST Kortlab/CN=TEST Telia Card Identifier CA v3",
        "-days",
        "1",
        "-out",
        &stranger,
    ]);
    let answer = card.log_in(&portal, "stranger", "authentication", &[]);
    assert_eq!(
        (answer.status, code(&answer)),
        (403, "unknown-certificate".into())
    );

    // Six years later the carrier's certificate has expired.
    let later = serde_json::json!({"advance": 6 * 365 * 24 * 60 * 60});
    assert_eq!(
        portal.admin("POST", "/admin/v1/clock", Some(later)).status,
        200
    );
    let answer = card.log_in(&portal, "carrier", "authentication", &[]);
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(answer.json()["code"], "certificate-not-usable");
    assert_eq!(answer.json()["state"], "expired");
}

#[test]
fn a_revoked_carrier_certificate_is_refused() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "delivered");
    let body = serde_json::json!({
        "certificate": card.enrolled["carrier"]["authentication"],
        "reason": "keyCompromise",
    });
    let answer = portal.admin("POST", "/admin/v1/revocations", Some(body));
    assert_eq!(answer.status, 204, "{answer:?}");
    let answer = card.log_in(&portal, "carrier", "authentication", &[]);
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json()["reason"], "keyCompromise");
}

#[test]
fn no_certificate_at_all_is_refused_with_a_document_and_no_alert() {
    let portal = Portal::start();
    for version in [&["--tls-max", "1.2"][..], &["--tlsv1.3"]] {
        let url = format!("{}/api/v1/session", portal.running().urls().log_in);
        let mut arguments = vec!["-X", "POST", &url];
        arguments.extend(version);
        let answer = portal.curl(&arguments);
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(answer.json()["code"], "no-certificate");
    }
}

#[test]
fn a_certificate_without_its_key_does_not_get_through_the_handshake() {
    let portal = Portal::start();
    let anna = portal.enrol("anna", "delivered");
    let bertil = portal.enrol("bertil", "delivered");
    for version in [&TLS12, &TLS13] {
        let own = post_session(&portal, version, &anna, &anna);
        assert!(
            own.as_ref().unwrap().starts_with("HTTP/1.1 201 "),
            "{own:?}"
        );
        // openssl and curl compare key and certificate; a thief would not.
        let stolen = post_session(&portal, version, &anna, &bertil);
        assert!(stolen.is_err(), "{stolen:?}");
    }
}

/// Logs in with the certificate of one card and the key of another.
fn post_session(
    portal: &Portal,
    version: &'static SupportedProtocolVersion,
    certificate: &Card,
    key: &Card,
) -> io::Result<String> {
    let provider = Arc::new(ring::default_provider());
    let pem = std::fs::read(certificate.certificate("carrier", "authentication")).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(&pem).unwrap()];
    let pem = std::fs::read(key.key("authentication")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&pem).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let mut roots = RootCertStore::empty();
    let ca = portal.running().ca_certificate_pem().as_bytes();
    roots
        .add(CertificateDer::from_pem_slice(ca).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(Shown(Arc::new(CertifiedKey::new(chain, key)))));
    let name = "localhost".try_into().unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect(portal.running().addresses().log_in)?;
    let mut stream = rustls::Stream::new(&mut session, &mut socket);
    let request = "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        // The portal closes the connection after its answer.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(answer),
        read => read.map(|_| answer),
    }
}

/// Shows this certificate, whatever is asked for.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[test]
fn the_log_in_listener_names_both_authorities_and_resumes_no_session() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "delivered");
    let address = portal.running().addresses().log_in.to_string();
    let ticket = text(&portal.file("session.pem"));
    for version in ["-tls1_2", "-tls1_3"] {
        let output = openssl(&[
            "s_client",
            "-connect",
            &address,
            version,
            "-CAfile",
            &portal.ca(),
            "-verify_return_error",
            "-cert",
            &card.certificate("carrier", "authentication"),
            "-key",
            &card.key("authentication"),
            "-sess_out",
            &ticket,
        ]);
        let said = said(&output);
        assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
        for name in [
            "CN = TEST Telia Card Identifier CA v3",
            "CN = TEST SITHS Type 1 CA v1",
        ] {
            assert!(
                said.contains(name),
                "{name} is no hint in {version}: {said}"
            );
        }
        if std::fs::exists(&ticket).unwrap() {
            let again = openssl(&[
                "s_client",
                "-connect",
                &address,
                version,
                "-CAfile",
                &portal.ca(),
                "-sess_in",
                &ticket,
            ]);
            let said = crate::support::said(&again);
            assert!(said.contains("New, TLSv1"), "resumed: {said}");
            std::fs::remove_file(&ticket).unwrap();
        }
    }
}

#[test]
fn old_protocols_are_refused_and_plain_http_on_a_tls_port_is_no_answer() {
    let portal = Portal::start();
    let address = portal.running().addresses().main;
    for version in ["-tls1", "-tls1_1"] {
        let address = address.to_string();
        let output = try_openssl(&[
            "s_client",
            "-connect",
            &address,
            version,
            "-cipher",
            "DEFAULT@SECLEVEL=0",
        ]);
        assert!(said(&output).contains("Cipher is (NONE)"), "{version}");
    }
    let answer = portal.curl(&[&format!("http://{address}/status")]);
    assert_eq!(answer.status, 0, "{answer:?}");
    assert!(TcpStream::connect(address).is_ok());
    assert_eq!(portal.get("/status").status, 200);
}

#[test]
fn any_certificate_of_a_card_may_be_tried_at_the_trial_listener() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "valid");
    let url = format!("{}/api/v1/trial", portal.running().urls().trial);
    for issuer in ["carrier", "hcc"] {
        let certificate = card.certificate(issuer, "authentication");
        let key = card.key("authentication");
        let answer = portal.curl(&["--cert", &certificate, "--key", &key, "-X", "POST", &url]);
        assert_eq!(answer.status, 200, "{answer:?}");
        let row = answer.json();
        assert_eq!(
            (&row["state"], &row["known"]),
            (&"valid".into(), &true.into())
        );
        assert_eq!(row["summary"]["purpose"], "authentication");
    }
}

#[test]
fn a_browser_that_has_shown_the_wrong_certificate_is_made_to_forget_it_and_nobody_else_is() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "valid");
    let other = portal.enrol("bertil", "valid");
    let page = portal.running().urls().log_in.clone();
    let open = |card: &crate::support::Card, issuer: &str, extra: &[&str]| {
        let certificate = card.certificate(issuer, "authentication");
        let key = card.key("authentication");
        let mut arguments = vec!["--cert", &certificate, "--key", &key, &page];
        arguments.extend(extra);
        portal.curl(&arguments)
    };
    // As a browser that opens a page (Fetch Metadata).
    let browser = ["--header", "Sec-Fetch-Dest: document"];
    for version in [&["--tls-max", "1.2"][..], &["--tlsv1.3"]] {
        let shown = open(&card, "hcc", &[&browser[..], version].concat());
        assert_eq!(shown.status, 403, "{version:?}: {shown:?}");
        assert!(shown.body.contains("src=\"/forget\""), "{}", shown.body);
        // The handshake of the page's image.
        let image = open(&card, "hcc", version);
        assert_eq!(image.status, 0, "{version:?}: {image:?}");
        // Another certificate of the card, and another card, are not concerned.
        assert_eq!(open(&card, "carrier", version).status, 303);
        assert_eq!(open(&other, "hcc", version).status, 403);
        // It lasts a moment only.
        std::thread::sleep(std::time::Duration::from_secs(5));
        assert_eq!(open(&card, "hcc", version).status, 403, "{version:?}");
    }
}
