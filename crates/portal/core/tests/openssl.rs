//! Certificates, CRLs and receipts as OpenSSL sees them.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use core::time::Duration;

use kortlab_issuer::DocumentError;
use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::clock::{Clock, DAY};
use kortlab_issuer::profile::CarrierSubject;
use kortlab_issuer::receipt::{MessageToSign, SignedMessage};
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_core::Portal;
use support::{OpenSsl, World};

fn position(text: &str, part: &str) -> usize {
    text.find(part)
        .unwrap_or_else(|| panic!("{part:?} is missing in:\n{text}"))
}

/// Asserts that the parts appear in this order.
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = position(rest, part);
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn the_four_certificates_of_a_card_have_the_profiles_openssl_prints() {
    let mut world = World::new();
    let card = world.enrol("card");
    let person = world.enrol_as("person", CarrierSubject::Person);
    let pair = world.portal.issue_at_the_counter(&card.number).unwrap();
    let openssl = OpenSsl::new();
    let print = |der: &[u8]| {
        openssl.certificate("one.pem", der);
        openssl.must(&[
            "x509",
            "-in",
            "one.pem",
            "-noout",
            "-text",
            "-nameopt",
            "oneline,utf8,-esc_msb,sname",
        ])
    };

    let hcc_extensions = [
        "X509v3 Key Usage: critical",
        "1.2.752.34.2.1:",
        "9752",
        "X509v3 CRL Distribution Points",
        "http://ett.kort.example/test-siths-type-1-ca-v1.crl",
        "http://tva.kort.example/test-siths-type-1-ca-v1.crl",
        "Authority Information Access",
        "OCSP - URI:http://ett.kort.example/ocsp",
        "OCSP - URI:http://tva.kort.example/ocsp",
        "CA Issuers - URI:http://ett.kort.example/test-siths-type-1-ca-v1.cer",
        "CA Issuers - URI:http://tva.kort.example/test-siths-type-1-ca-v1.cer",
        "X509v3 Certificate Policies",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
    ];
    let hcc_names = [
        "Signature Algorithm: sha256WithRSAEncryption",
        "Issuer: C = SE, O = TEST Kortlab, CN = TEST SITHS Type 1 CA v1",
        "Subject: C = SE, L = TEST",
        "O = TEST",
        "CN = ",
        "SN = ",
        "GN = ",
        "serialNumber = TST0012345674-",
        "Public-Key: (2048 bit)",
    ];
    let text = print(&pair.authentication);
    in_order(&text, &hcc_names);
    in_order(&text, &hcc_extensions);
    in_order(
        &text,
        &[
            "Digital Signature, Key Encipherment\n",
            "X509v3 Extended Key Usage",
            "TLS Web Client Authentication, Microsoft Smartcard Login",
            "X509v3 Subject Alternative Name",
            "othername: UPN::tst0012345674-",
        ],
    );
    let text = print(&pair.signature);
    in_order(&text, &hcc_names);
    in_order(&text, &hcc_extensions);
    in_order(
        &text,
        &["Key Usage: critical\n                Non Repudiation\n"],
    );
    assert!(!text.contains("Extended Key Usage"), "{text}");

    let number = card.number.to_string();
    let carrier_names = [
        "Issuer: C = SE, O = TEST Kortlab, CN = TEST Telia Card Identifier CA v3",
        &format!("Subject: C = SE, CN = {number}, serialNumber = {number}"),
    ];
    let carrier_extensions = [
        "X509v3 Key Usage: critical",
        "X509v3 CRL Distribution Points",
        "Authority Information Access",
        "Policy: 1.2.752.35.1.4",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
    ];
    let text = print(&card.carrier.authentication);
    in_order(&text, &carrier_names);
    in_order(&text, &carrier_extensions);
    in_order(&text, &["Digital Signature, Key Encipherment\n"]);
    let text = print(&card.carrier.signature);
    in_order(&text, &carrier_names);
    in_order(&text, &carrier_extensions);
    in_order(
        &text,
        &["Key Usage: critical\n                Non Repudiation\n"],
    );

    let text = print(&person.carrier.authentication);
    in_order(
        &text,
        &[
            "Subject: C = SE, CN = ",
            "SN = ",
            "GN = ",
            "serialNumber = ",
        ],
    );
    let ca = print(world.portal.hcc_authority().certificate_der());
    in_order(
        &ca,
        &[
            "CA:TRUE, pathlen:0",
            "Certificate Sign, CRL Sign",
            "X509v3 Subject Key Identifier",
        ],
    );
}

#[test]
fn the_card_number_extension_is_a_printable_string() {
    let mut world = World::new();
    let card = world.enrol("card");
    let pair = world.portal.issue_at_the_counter(&card.number).unwrap();
    // OCTET STRING { PrintableString (19) } after the OID 1.2.752.34.2.1.
    let expected = [
        &[
            0x06, 0x06, 0x2A, 0x85, 0x70, 0x22, 0x02, 0x01, 0x04, 0x15, 0x13, 0x13,
        ],
        card.number.as_str().as_bytes(),
    ]
    .concat();
    for certificate in [&pair.authentication, &pair.signature] {
        let found = certificate
            .windows(expected.len())
            .any(|window| window == expected);
        assert!(found);
    }
}

#[test]
fn the_key_identifier_is_sha1_of_the_rsa_public_key() {
    let mut world = World::new();
    let card = world.enrol("card");
    let openssl = OpenSsl::new();
    openssl.certificate("one.pem", &card.carrier.authentication);
    let printed = openssl.must(&[
        "x509",
        "-in",
        "one.pem",
        "-noout",
        "-ext",
        "subjectKeyIdentifier",
    ]);
    let key = openssl.must(&["x509", "-in", "one.pem", "-noout", "-pubkey"]);
    openssl.write("key.pem", key.as_bytes());
    openssl.must(&[
        "rsa",
        "-pubin",
        "-in",
        "key.pem",
        "-RSAPublicKey_out",
        "-outform",
        "DER",
        "-out",
        "key.der",
    ]);
    let digest = openssl.must(&["dgst", "-sha1", "-r", "key.der"]);
    let digest = digest.split_whitespace().next().unwrap().to_uppercase();
    assert!(
        printed.replace(':', "").contains(&digest),
        "{printed} {digest}"
    );
}

#[test]
fn openssl_verifies_chains_purposes_and_crls_in_each_state() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let pair = world.issue(&card, &session);
    let openssl = OpenSsl::new();
    openssl.certificate("hcc-ca.pem", world.portal.hcc_authority().certificate_der());
    openssl.certificate(
        "carrier-ca.pem",
        world.portal.carrier_authority().certificate_der(),
    );
    openssl.certificate("hcc-auth.pem", &pair.authentication);
    openssl.certificate("hcc-sign.pem", &pair.signature);
    openssl.certificate("carrier-auth.pem", &card.carrier.authentication);
    openssl.certificate("carrier-sign.pem", &card.carrier.signature);

    let verify = |now: u64, ca: &str, extra: &[&str], certificate: &str| {
        let now = now.to_string();
        let arguments = [
            &["verify", "-attime", &now, "-CAfile", ca],
            extra,
            &[certificate],
        ];
        openssl.run(&arguments.concat())
    };
    let now = world.start.unix_seconds() + 60;
    for (ca, certificate, purpose, good) in [
        ("carrier-ca.pem", "carrier-auth.pem", "sslclient", true),
        ("carrier-ca.pem", "carrier-sign.pem", "smimesign", true),
        ("carrier-ca.pem", "carrier-sign.pem", "sslclient", false),
        ("hcc-ca.pem", "hcc-auth.pem", "sslclient", true),
        ("hcc-ca.pem", "hcc-auth.pem", "sslserver", false),
        ("hcc-ca.pem", "hcc-sign.pem", "smimesign", true),
        ("hcc-ca.pem", "hcc-sign.pem", "sslclient", false),
        ("carrier-ca.pem", "hcc-sign.pem", "smimesign", false),
    ] {
        let (ok, text) = verify(now, ca, &["-x509_strict", "-purpose", purpose], certificate);
        assert_eq!(ok, good, "{certificate} {purpose}: {text}");
    }

    // On hold until the receipt.
    let checked = ["-crl_check", "-CRLfile", "hcc.crl"];
    openssl.crl("hcc.crl", &world.portal.crl(AuthorityKind::Hcc).unwrap());
    let (ok, text) = verify(now, "hcc-ca.pem", &checked, "hcc-auth.pem");
    assert!(!ok && text.contains("certificate revoked"), "{text}");
    let printed = openssl.must(&["crl", "-in", "hcc.crl", "-noout", "-text"]);
    assert!(printed.contains("Certificate Hold"), "{printed}");
    assert!(printed.contains("X509v3 CRL Number"), "{printed}");

    // Valid after it.
    world.sign_receipt(&card, &session, &pair);
    openssl.crl("hcc.crl", &world.portal.crl(AuthorityKind::Hcc).unwrap());
    for certificate in ["hcc-auth.pem", "hcc-sign.pem"] {
        let (ok, text) = verify(now, "hcc-ca.pem", &checked, certificate);
        assert!(ok, "{text}");
    }
    let printed = openssl.must(&["crl", "-in", "hcc.crl", "-noout", "-text"]);
    assert!(printed.contains("No Revoked Certificates"), "{printed}");

    // Revoked.
    world
        .portal
        .revoke_at_the_counter(&pair.signature, RevocationReason::KeyCompromise)
        .unwrap();
    openssl.crl("hcc.crl", &world.portal.crl(AuthorityKind::Hcc).unwrap());
    assert!(verify(now, "hcc-ca.pem", &checked, "hcc-auth.pem").0);
    let (ok, text) = verify(now, "hcc-ca.pem", &checked, "hcc-sign.pem");
    assert!(!ok && text.contains("certificate revoked"), "{text}");
    let printed = openssl.must(&["crl", "-in", "hcc.crl", "-noout", "-text"]);
    assert!(printed.contains("Key Compromise"), "{printed}");
    openssl.must(&["crl", "-in", "hcc.crl", "-noout", "-CAfile", "hcc-ca.pem"]);

    // The carrier's, of the other authority: valid, revoked without a reason.
    let carrier_checked = ["-crl_check", "-CRLfile", "carrier.crl"];
    let carrier = |world: &mut World| {
        let crl = world.portal.crl(AuthorityKind::Carrier).unwrap();
        openssl.crl("carrier.crl", &crl);
        verify(now, "carrier-ca.pem", &carrier_checked, "carrier-auth.pem")
    };
    let (ok, text) = carrier(&mut world);
    assert!(ok, "{text}");
    world
        .portal
        .revoke_at_the_counter(&card.carrier.authentication, RevocationReason::Unspecified)
        .unwrap();
    let (ok, text) = carrier(&mut world);
    assert!(!ok && text.contains("certificate revoked"), "{text}");
    let printed = openssl.must(&["crl", "-in", "carrier.crl", "-noout", "-text"]);
    assert!(printed.contains("Serial Number: "), "{printed}");
    assert!(!printed.contains("Reason Code"), "{printed}");

    // Expired, with a CRL of that time.
    world.clock.advance(3 * 365 * DAY);
    openssl.crl("hcc.crl", &world.portal.crl(AuthorityKind::Hcc).unwrap());
    let later = world.clock.now().unix_seconds() + 60;
    let (ok, text) = verify(later, "hcc-ca.pem", &checked, "hcc-auth.pem");
    assert!(!ok && text.contains("certificate has expired"), "{text}");
    assert!(!text.contains("CRL"), "{text}");
}

#[test]
fn certificates_never_received_are_on_the_crl_as_no_longer_in_use() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    world.issue(&card, &session);
    world.clock.advance(31 * DAY);
    let openssl = OpenSsl::new();
    openssl.crl("hcc.crl", &world.portal.crl(AuthorityKind::Hcc).unwrap());
    let printed = openssl.must(&["crl", "-in", "hcc.crl", "-noout", "-text"]);
    assert_eq!(
        printed.matches("Cessation Of Operation").count(),
        2,
        "{printed}"
    );
    assert!(!printed.contains("Certificate Hold"), "{printed}");
}

#[test]
fn a_delta_crl_takes_a_released_certificate_off_the_list() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let pair = world.issue(&card, &session);
    let mut authority = kortlab_issuer::authority::Authority::create(
        AuthorityKind::Hcc,
        kortlab_issuer::profile::AuthorityUrls::example("x"),
        world.start,
        &mut kortlab_issuer::random::IssuerRng::from_seed(5, "authority"),
    )
    .unwrap();
    assert!(!authority.has_issued(&[1], &pair.signature));
    let data = kortlab_issuer::authority::CertificateData {
        kind: kortlab_issuer::profile::CertificateKind::HccSignature,
        holder: &session.holder,
        card_number: &card.number,
        carrier_subject: CarrierSubject::Card,
        not_before: world.start,
        not_after: world.start.after(DAY),
    };
    let mut rng = kortlab_issuer::random::IssuerRng::from_seed(6, "serial");
    let one = authority
        .issue(&data, &card.signature.public(), &mut rng)
        .unwrap();
    let serial = kortlab_issuer::inspect::CertificateSummary::from_der(&one)
        .unwrap()
        .serial;
    authority
        .revoke(&serial, RevocationReason::CertificateHold, world.start)
        .unwrap();
    authority.crl(world.start).unwrap();
    let base = authority.newest_crl_number();
    authority.release(&serial, world.start).unwrap();
    let delta = authority.delta_crl(base, world.start).unwrap();
    let openssl = OpenSsl::new();
    openssl.certificate("ca.pem", authority.certificate_der());
    openssl.crl("delta.crl", &delta);
    let printed = openssl.must(&[
        "crl",
        "-in",
        "delta.crl",
        "-noout",
        "-text",
        "-CAfile",
        "ca.pem",
    ]);
    assert!(printed.contains("Remove From CRL"), "{printed}");
    assert!(
        printed.contains("Delta CRL Indicator: critical"),
        "{printed}"
    );
    assert!(printed.contains("verify OK"), "{printed}");
}

#[test]
fn openssl_verifies_a_receipt_and_we_verify_openssl_s() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let pair = world.issue(&card, &session);
    let receipt = world.portal.receipt(&session.token).unwrap().unwrap();
    let signed =
        card.signature
            .sign_text(receipt.text.as_bytes(), &pair.signature, world.clock.now());
    let openssl = OpenSsl::new();
    openssl.certificate("ca.pem", world.portal.hcc_authority().certificate_der());
    openssl.write("receipt.cms", &signed);
    let now = world.start.unix_seconds().to_string();
    let text = openssl.must(&[
        "cms",
        "-verify",
        "-inform",
        "DER",
        "-in",
        "receipt.cms",
        "-CAfile",
        "ca.pem",
        "-attime",
        &now,
        "-purpose",
        "any",
        "-binary",
    ]);
    assert!(text.contains(&receipt.text), "{text}");
    let printed = openssl.must(&[
        "cms",
        "-cmsout",
        "-print",
        "-inform",
        "DER",
        "-in",
        "receipt.cms",
    ]);
    in_order(
        &printed,
        &[
            "version: 1",
            "d.issuerAndSerialNumber",
            "object: contentType",
            "object: signingTime",
            "object: messageDigest",
            "unsignedAttrs:\n          <ABSENT>",
        ],
    );

    // The other way round: a key and a certificate of OpenSSL's own.
    openssl.must(&[
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "own.pem",
        "-subj", "/CN=TEST", "-days", "1",
    ]);
    openssl.write("text", b"hello");
    let sign = |extra: &[&str]| {
        let how = "cms -sign -binary -nodetach -md sha256 -signer own.pem -inkey key.pem -in text";
        let arguments: Vec<_> = how.split(' ').chain(extra.iter().copied()).collect();
        openssl.must(&[&arguments[..], &["-outform", "DER", "-out", "own.cms"]].concat());
        std::fs::read(openssl.path().join("own.cms")).unwrap()
    };
    let own = sign(&[]);
    let message = SignedMessage::verify(&own).unwrap();
    assert_eq!(message.content(), b"hello");

    // What is missing or different is refused.
    for (extra, why) in [
        (&["-keyid"][..], "version is not 1"),
        (&["-nocerts"], "signer's certificate"),
        (&["-noattr"], "no signed attributes"),
    ] {
        let error = SignedMessage::verify(&sign(extra)).unwrap_err().to_string();
        assert!(error.contains(why), "{extra:?}: {error}");
    }
}

#[test]
fn each_changed_byte_of_a_signed_message_is_noticed() {
    let mut world = World::new();
    let card = world.enrol("card");
    let signed = card
        .signature
        .sign_text(b"text", &card.carrier.signature, world.start);
    let good = SignedMessage::verify(&signed).unwrap();
    assert_eq!(good.signing_time(), world.start);
    assert_eq!(good.certificate(), card.carrier.signature);
    for index in 0..signed.len() {
        let mut changed = signed.clone();
        changed[index] ^= 0x01;
        match SignedMessage::verify(&changed) {
            Err(_) => {}
            // The certificate's own signature is the portal's to check: by comparing it with what
            // was issued, byte by byte.
            Ok(message) => {
                let same = message.certificate() == card.carrier.signature;
                assert!(!same, "byte {index}");
            }
        }
        assert!(SignedMessage::verify(&signed[..index]).is_err());
    }
}

#[test]
fn a_signature_by_another_key_than_the_certificate_s_is_not_assembled() {
    let mut world = World::new();
    let card = world.enrol("card");
    let message = MessageToSign::new(b"text", &card.carrier.signature, world.start).unwrap();
    let signature = card.authentication.sign(message.to_be_signed());
    assert!(matches!(
        message.finish(&signature),
        Err(DocumentError::Signature { .. })
    ));
}

#[test]
fn the_same_seed_and_date_give_the_same_certificates_and_crls() {
    let make = || {
        let mut world = World::new();
        let card = world.enrol("card");
        world.clock.advance(Duration::from_secs(5));
        let pair = world.portal.issue_at_the_counter(&card.number).unwrap();
        let crl = world.portal.crl(AuthorityKind::Hcc).unwrap();
        (card.carrier, pair, crl)
    };
    assert_eq!(make(), make());
}
