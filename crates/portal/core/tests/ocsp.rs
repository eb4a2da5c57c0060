//! OCSP as `openssl ocsp` asks for it and reads it, and requests as nobody should write them.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use core::time::Duration;

use kortlab_issuer::DocumentError;
use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::clock::{Clock, DAY, SystemClock};
use kortlab_issuer::inspect::CertificateSummary;
use kortlab_issuer::ocsp::{ANSWER_VALIDITY, Refusal, Request, Responder, Status};
use kortlab_issuer::revocation::RevocationReason;
use support::{OpenSsl, World};

/// A world in the present, since openssl compares with the clock of the machine; with both
/// authorities' certificates in files.
struct Bench {
    world: World,
    openssl: OpenSsl,
    responder: Responder,
}

impl Bench {
    fn new() -> Self {
        let mut world = World::at(SystemClock.now());
        let openssl = OpenSsl::new();
        for kind in AuthorityKind::ALL {
            let authority = world.portal.authority(kind);
            openssl.certificate(&format!("{}.pem", kind.name()), authority.certificate_der());
        }
        let responder = world.portal.ocsp_responder(AuthorityKind::Hcc).unwrap();
        Self {
            world,
            openssl,
            responder,
        }
    }

    /// Has openssl write a request with these arguments, and reads the file.
    fn request(&self, arguments: &[&str]) -> Vec<u8> {
        let common = ["ocsp", "-reqout", "request.der"];
        self.openssl.must(&[&common, arguments].concat());
        std::fs::read(self.openssl.path().join("request.der")).unwrap()
    }

    fn answer(&self, request: &Request) -> Vec<u8> {
        let authority = self.world.portal.authority(self.responder.kind());
        let status = |serial: &[u8]| authority.ocsp_status(serial);
        self.responder
            .respond(request, status, self.world.clock.now())
    }

    /// Asks with openssl, answers, and has openssl verify the answer. Returns what it says.
    fn ask(&self, arguments: &[&str]) -> String {
        let request = Request::parse(&self.request(arguments)).unwrap();
        self.openssl.write("answer.der", &self.answer(&request));
        let verified = self.verify();
        assert!(verified.contains("Response verify OK"), "{verified}");
        // What the answer says of each certificate openssl tells only if it is named, and then it
        // does not compare nonces.
        let read = ["ocsp", "-respin", "answer.der", "-CAfile", "hcc.pem"];
        let about: Vec<_> = arguments
            .iter()
            .copied()
            .filter(|argument| !argument.ends_with("nonce"))
            .collect();
        let text = self
            .openssl
            .must(&[&read, ["-no_nonce", "-resp_text"].as_slice(), &about].concat());
        assert!(text.contains("Response verify OK"), "{text}");
        assert!(!text.contains("WARNING: Status times invalid"), "{text}");
        text + &verified
    }

    /// With an HCC of a card in `one.pem`.
    fn with_one() -> Self {
        let mut bench = Self::new();
        let card = bench.world.enrol("card");
        let portal = &mut bench.world.portal;
        let pair = portal.issue_at_the_counter(&card.number).unwrap();
        bench.openssl.certificate("one.pem", &pair.signature);
        bench
    }

    /// What `openssl verify` makes of an HCC with the CRL of now.
    fn by_crl(&mut self, certificate: &str) -> &'static str {
        let crl = self.world.portal.crl(AuthorityKind::Hcc).unwrap();
        self.openssl.crl("hcc.crl", &crl);
        let with = [
            "verify",
            "-CAfile",
            "hcc.pem",
            "-crl_check",
            "-CRLfile",
            "hcc.crl",
        ];
        let (ok, text) = self
            .openssl
            .run(&[with.as_slice(), &[certificate]].concat());
        match ok {
            true => "valid",
            false if text.contains("certificate revoked") => "revoked",
            false if text.contains("certificate has expired") => "expired",
            false => panic!("{text}"),
        }
    }

    /// Has openssl compare answer and request, nonces too, and verify the answer.
    fn verify(&self) -> String {
        let read = ["ocsp", "-reqin", "request.der", "-respin", "answer.der"];
        // Or openssl adds another nonce to the request that it reads.
        let how = ["-no_nonce", "-CAfile", "hcc.pem"];
        self.openssl.run(&[read.as_slice(), &how].concat()).1
    }
}

#[test]
fn openssl_reads_the_answer_for_every_state_of_a_certificate() {
    let mut bench = Bench::new();
    let world = &mut bench.world;
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let pair = world.issue(&card, &session);
    bench.openssl.certificate("auth.pem", &pair.authentication);
    bench.openssl.certificate("sign.pem", &pair.signature);
    let issuer = ["-issuer", "hcc.pem", "-cert"];
    let about = |certificate| [issuer.as_slice(), &[certificate]].concat();

    for certificate in ["auth.pem", "sign.pem"] {
        let text = bench.ask(&about(certificate));
        assert!(text.contains(&format!("{certificate}: revoked")), "{text}");
        assert!(text.contains("Reason: certificateHold"), "{text}");
        assert_eq!(bench.by_crl(certificate), "revoked");
    }

    bench.world.sign_receipt(&card, &session, &pair);
    for certificate in ["auth.pem", "sign.pem"] {
        let text = bench.ask(&about(certificate));
        assert!(text.contains(&format!("{certificate}: good")), "{text}");
        assert_eq!(bench.by_crl(certificate), "valid");
    }

    for (reason, told) in [
        (RevocationReason::KeyCompromise, Some("keyCompromise (0x1)")),
        (
            RevocationReason::AffiliationChanged,
            Some("affiliationChanged (0x3)"),
        ),
        (RevocationReason::Superseded, Some("superseded (0x4)")),
        (
            RevocationReason::CessationOfOperation,
            Some("cessationOfOperation (0x5)"),
        ),
        (
            RevocationReason::PrivilegeWithdrawn,
            Some("(UNKNOWN) (0x9)"),
        ),
        (RevocationReason::Unspecified, None),
    ] {
        let portal = &mut bench.world.portal;
        let pair = portal.issue_at_the_counter(&card.number).unwrap();
        portal
            .revoke_at_the_counter(&pair.signature, reason)
            .unwrap();
        bench.openssl.certificate("revoked.pem", &pair.signature);
        let text = bench.ask(&about("revoked.pem"));
        assert!(text.contains("revoked.pem: revoked"), "{text}");
        let found = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("Revocation Reason: "));
        assert_eq!(found, told, "{text}");
        assert!(text.contains("Revocation Time: "), "{text}");
        assert_eq!(bench.by_crl("revoked.pem"), "revoked");
    }

    // Expired certificates are what they were.
    let long_ago = bench.world.start.before(760 * DAY);
    let old = bench.world.enrol_on("old", long_ago);
    let portal = &mut bench.world.portal;
    let pair = portal
        .issue_at_the_counter_at(&old.number, long_ago)
        .unwrap();
    portal
        .revoke_at_the_counter(&pair.signature, RevocationReason::Superseded)
        .unwrap();
    bench
        .openssl
        .certificate("expired.pem", &pair.authentication);
    bench.openssl.certificate("both.pem", &pair.signature);
    assert!(
        bench
            .ask(&about("expired.pem"))
            .contains("expired.pem: good")
    );
    assert!(bench.ask(&about("both.pem")).contains("both.pem: revoked"));
    assert_eq!(bench.by_crl("expired.pem"), "expired");
}

#[test]
fn what_was_never_issued_is_unknown_and_what_is_another_authority_s_is_not_answered() {
    let mut bench = Bench::new();
    let card = bench.world.enrol("card");
    bench
        .openssl
        .certificate("carrier-auth.pem", &card.carrier.authentication);
    let text = bench.ask(&["-issuer", "hcc.pem", "-serial", "0x1234"]);
    assert!(text.contains("0x1234: unknown"), "{text}");

    let foreign = ["-issuer", "carrier.pem", "-cert", "carrier-auth.pem"];
    let request = Request::parse(&bench.request(&foreign)).unwrap();
    let answer = bench.answer(&request);
    assert_eq!(answer, Refusal::Unauthorized.to_der());
    for (refusal, told) in [
        (Refusal::Unauthorized, "unauthorized (6)"),
        (Refusal::MalformedRequest, "malformedrequest (1)"),
        (Refusal::InternalError, "internalerror (2)"),
        (Refusal::TryLater, "trylater (3)"),
    ] {
        bench.openssl.write("answer.der", &refusal.to_der());
        let (_, text) = bench.openssl.run(&["ocsp", "-respin", "answer.der"]);
        assert!(text.contains(&format!("Responder Error: {told}")), "{text}");
    }

    // Beside one of ours, the stranger is unknown; and its own authority's responder knows it.
    let mixed = [
        &["-issuer", "hcc.pem", "-serial", "0x1234"],
        foreign.as_slice(),
    ]
    .concat();
    let answer = bench.answer(&Request::parse(&bench.request(&mixed)).unwrap());
    bench.openssl.write("answer.der", &answer);
    let text = bench
        .openssl
        .must(&["ocsp", "-respin", "answer.der", "-noverify", "-resp_text"]);
    assert_eq!(text.matches("Cert Status: unknown").count(), 2, "{text}");
    let portal = &mut bench.world.portal;
    let own = portal.ocsp_responder(AuthorityKind::Carrier).unwrap();
    let authority = portal.authority(AuthorityKind::Carrier);
    let answer = own.respond(
        &request,
        |serial| authority.ocsp_status(serial),
        bench.world.clock.now(),
    );
    bench.openssl.write("answer.der", &answer);
    let read = [
        "ocsp",
        "-no_nonce",
        "-respin",
        "answer.der",
        "-CAfile",
        "carrier.pem",
    ];
    let text = bench.openssl.must(&[read.as_slice(), &foreign].concat());
    assert!(text.contains("Response verify OK"), "{text}");
    assert!(text.contains("carrier-auth.pem: good"), "{text}");
}

#[test]
fn nonces_come_back_and_both_hashes_of_a_cert_id_are_understood() {
    let bench = Bench::with_one();
    for hash in ["-sha1", "-sha256"] {
        for nonce in ["-nonce", "-no_nonce"] {
            let arguments = [nonce, hash, "-issuer", "hcc.pem", "-cert", "one.pem"];
            let text = bench.ask(&arguments);
            assert!(text.contains("one.pem: good"), "{text}");
            let request = Request::parse(&bench.request(&arguments)).unwrap();
            assert_eq!(request.nonce().is_some(), nonce == "-nonce");
            assert_eq!(text.contains("OCSP Nonce"), nonce == "-nonce", "{text}");
            assert!(!text.contains("WARNING: no nonce"), "{text}");
            assert!(!text.contains("Nonce Verify error"), "{text}");
        }
    }
    // openssl would notice another nonce.
    let arguments = ["-nonce", "-issuer", "hcc.pem", "-cert", "one.pem"];
    let request = Request::parse(&bench.request(&arguments)).unwrap();
    bench.openssl.write("answer.der", &bench.answer(&request));
    bench.request(&arguments);
    let text = bench.verify();
    assert!(text.contains("Nonce Verify error"), "{text}");
    // An unknown hash names nobody this responder knows.
    let request = bench.request(&["-sha512", "-issuer", "hcc.pem", "-cert", "one.pem"]);
    let request = Request::parse(&request).unwrap();
    assert_eq!(bench.answer(&request), Refusal::Unauthorized.to_der());
}

#[test]
fn a_changed_answer_or_one_for_another_authority_is_not_verified() {
    let bench = Bench::with_one();
    bench.ask(&["-issuer", "hcc.pem", "-cert", "one.pem"]);
    let verify = |authority: &str| {
        bench.openssl.run(&[
            "ocsp",
            "-no_nonce",
            "-respin",
            "answer.der",
            "-CAfile",
            authority,
            "-issuer",
            "hcc.pem",
            "-cert",
            "one.pem",
        ])
    };
    assert!(verify("hcc.pem").1.contains("Response verify OK"));
    assert!(verify("carrier.pem").1.contains("Response Verify Failure"));
    let mut answer = std::fs::read(bench.openssl.path().join("answer.der")).unwrap();
    let good = answer
        .windows(2)
        .position(|window| window == [0x80, 0x00])
        .unwrap();
    answer[good] = 0x82;
    bench.openssl.write("answer.der", &answer);
    assert!(verify("hcc.pem").1.contains("Response Verify Failure"));
}

#[test]
fn the_responder_s_certificate_is_good_for_ocsp_and_nothing_else_and_is_renewed() {
    let mut bench = Bench::new();
    bench.ask(&["-issuer", "hcc.pem", "-serial", "1"]);
    let text = bench
        .openssl
        .must(&["ocsp", "-respin", "answer.der", "-noverify", "-resp_text"]);
    let pem = text.find("-----BEGIN CERTIFICATE-----").unwrap();
    bench
        .openssl
        .write("responder.pem", &text.as_bytes()[pem..]);
    for (purpose, good) in [
        ("ocsphelper", true),
        ("sslclient", false),
        ("sslserver", false),
    ] {
        let arguments = [
            "verify",
            "-x509_strict",
            "-CAfile",
            "hcc.pem",
            "-purpose",
            purpose,
        ];
        let (ok, text) = bench
            .openssl
            .run(&[arguments.as_slice(), &["responder.pem"]].concat());
        assert_eq!(ok, good, "{purpose}: {text}");
    }
    let text = bench
        .openssl
        .must(&["x509", "-in", "responder.pem", "-noout", "-text"]);
    for part in [
        "CN = TEST SITHS Type 1 CA v1 OCSP",
        "NIST CURVE: P-256",
        "Digital Signature",
        "OCSP Signing",
        "OCSP No Check",
    ] {
        assert!(text.contains(part), "{text}");
    }

    let now = bench.world.clock.now();
    assert!(!bench.responder.is_due(now));
    assert!(!bench.responder.is_due(now.after(6 * DAY)));
    assert!(
        bench
            .responder
            .is_due(now.after(6 * DAY + Duration::from_secs(1)))
    );
    assert!(
        bench.responder.is_due(now.before(DAY)),
        "the clock was set back"
    );
    assert!(!format!("{:?}", bench.responder).contains("key"));
    // It is a certificate of the authority like every other: recorded, and known.
    let text = bench.openssl.must(&[
        "x509",
        "-in",
        "responder.pem",
        "-outform",
        "DER",
        "-out",
        "responder.der",
    ]);
    assert_eq!(text, "");
    let der = std::fs::read(bench.openssl.path().join("responder.der")).unwrap();
    let serial = CertificateSummary::from_der(&der).unwrap().serial;
    let authority = bench.world.portal.authority(AuthorityKind::Hcc);
    assert!(authority.has_issued(&serial, &der));
    assert_eq!(authority.ocsp_status(&serial), Status::Good);
    let first = bench.world.portal.take_changes();
    assert!(
        first
            .iter()
            .any(|change| change.key().ends_with(&hex::encode(&serial)))
    );
    // Answers are never good for longer than an hour, or than the certificate.
    assert_eq!(ANSWER_VALIDITY, Duration::from_secs(3600));
}

/// One DER value: tag, length, contents.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = match body.len() {
        length @ ..=0x7F => vec![length as u8],
        length @ ..=0xFF => vec![0x81, length as u8],
        length => vec![0x82, (length >> 8) as u8, length as u8],
    };
    [&[tag], length.as_slice(), &body].concat()
}

/// CertID with SHA-1 of nobody, and a serial number.
fn cert_id(serial: &[u8]) -> Vec<u8> {
    let algorithm = tlv(
        0x30,
        &[&tlv(0x06, &[&[0x2B, 0x0E, 0x03, 0x02, 0x1A]]), &[5, 0]],
    );
    let hash = tlv(0x04, &[&[7; 20]]);
    tlv(0x30, &[&algorithm, &hash, &hash, &tlv(0x02, &[serial])])
}

fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let flag: &[u8] = if critical { &[0x01, 0x01, 0xFF] } else { &[] };
    tlv(0x30, &[&tlv(0x06, &[oid]), flag, &tlv(0x04, &[value])])
}

const NONCE: [u8; 9] = [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];

fn nonce(length: usize) -> Vec<u8> {
    extension(&NONCE, false, &tlv(0x04, &[&vec![9; length]]))
}

/// OCSPRequest for `count` certificates, with extensions of the request and of each certificate.
fn request(count: usize, extensions: &[&[u8]], single: &[&[u8]]) -> Vec<u8> {
    let of_one = match single.is_empty() {
        true => Vec::new(),
        false => tlv(0xA0, &[&tlv(0x30, single)]),
    };
    let one = tlv(0x30, &[&cert_id(&[0x42]), &of_one]);
    let list = tlv(0x30, &vec![one.as_slice(); count]);
    let of_all = match extensions.is_empty() {
        true => Vec::new(),
        false => tlv(0xA2, &[&tlv(0x30, extensions)]),
    };
    tlv(0x30, &[&tlv(0x30, &[&list, &of_all])])
}

#[test]
fn requests_are_bounded_and_what_is_critical_and_unknown_is_refused() {
    let refused = |der: &[u8], why: &str| {
        let error = Request::parse(der).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    assert_eq!(
        Request::parse(&request(1, &[], &[]))
            .unwrap()
            .certificates(),
        1
    );
    assert_eq!(
        Request::parse(&request(100, &[], &[]))
            .unwrap()
            .certificates(),
        100
    );
    refused(&request(0, &[], &[]), "asks for no certificate");
    assert!(matches!(
        Request::parse(&request(200, &[], &[])),
        Err(DocumentError::TooLong { limit: 8192, .. })
    ));

    for length in [1, 16, 32, 128] {
        let der = request(1, &[&nonce(length)], &[]);
        assert_eq!(Request::parse(&der).unwrap().nonce().unwrap().len(), length);
    }
    refused(&request(1, &[&nonce(0)], &[]), "nonce has 0 bytes");
    refused(&request(1, &[&nonce(129)], &[]), "nonce has 129 bytes");
    refused(&request(1, &[&nonce(16), &nonce(16)], &[]), "two nonces");
    refused(
        &request(1, &[&extension(&NONCE, false, b"bare")], &[]),
        "the nonce",
    );

    let known_to_nobody = [0x2A, 0x03, 0x04];
    let shrugged_at = extension(&known_to_nobody, false, &[5, 0]);
    assert!(Request::parse(&request(1, &[&shrugged_at], &[&shrugged_at])).is_ok());
    let critical = extension(&known_to_nobody, true, &[5, 0]);
    refused(&request(1, &[&critical], &[]), "critical extension 1.2.3.4");
    refused(&request(1, &[], &[&critical]), "critical extension 1.2.3.4");
}

/// OCSPRequest for one certificate, named by these parts.
fn request_for(algorithm: &[u8], name: &[u8], key: &[u8], serial: &[u8]) -> Vec<u8> {
    let id = [
        algorithm,
        &tlv(0x04, &[name]),
        &tlv(0x04, &[key]),
        &tlv(0x02, &[serial]),
    ];
    let one = tlv(0x30, &[&tlv(0x30, &id)]);
    tlv(0x30, &[&tlv(0x30, &[&tlv(0x30, &[&one])])])
}

#[test]
fn a_cert_id_that_its_hash_algorithm_does_not_make_is_refused() {
    const SHA_1: &[u8] = &[0x2B, 0x0E, 0x03, 0x02, 0x1A];
    const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
    const SHA3_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x08];
    let algorithm = |oid: &[u8], parameters: &[u8]| tlv(0x30, &[&tlv(0x06, &[oid]), parameters]);
    let is_read = |der: &[u8]| Request::parse(der).is_ok();
    for (oid, length) in [(SHA_1, 20), (SHA_256, 32), (SHA3_256, 32)] {
        let hash = vec![7; length];
        for null in [&[][..], &[0x05, 0x00]] {
            assert!(is_read(&request_for(
                &algorithm(oid, null),
                &hash,
                &hash,
                &[0x42]
            )));
        }
        for parameters in [
            &[0x05, 0x01, 0x00][..],
            &[0x04, 0x00],
            &[0x04, 0x03, b'e', b'c', b'h'],
            &[0x30, 0x00],
            &[0x06, 0x01, 0x2A],
            &[0x05, 0x00, 0x05, 0x00],
        ] {
            let der = request_for(&algorithm(oid, parameters), &hash, &hash, &[0x42]);
            assert!(!is_read(&der), "{oid:02X?} {parameters:02X?}");
        }
        let long = vec![7; length + 1];
        let plain = algorithm(oid, &[]);
        for (name, key) in [
            (&hash[..], &long[..]),
            (&long, &hash),
            (&hash, &[]),
            (&[], &[]),
        ] {
            assert!(!is_read(&request_for(&plain, name, key, &[0x42])));
        }
        let endless = [7; 2000];
        assert!(!is_read(&request_for(&plain, &endless, &endless, &[0x42])));
        for serial in [
            &[0x00][..],
            &[0x80],
            &[0xFF, 0x01],
            &[0x01; 21],
            &[0x01; 400],
            &[],
        ] {
            assert!(
                !is_read(&request_for(&plain, &hash, &hash, serial)),
                "{serial:02X?}"
            );
        }
        for serial in [&[0x01; 20][..], &[0x00, 0x80], &[0x7F]] {
            assert!(
                is_read(&request_for(&plain, &hash, &hash, serial)),
                "{serial:02X?}"
            );
        }
    }
}

#[test]
fn requests_that_are_not_der_are_refused_at_every_byte() {
    let der = request(2, &[&nonce(16)], &[]);
    assert!(Request::parse(&der).is_ok());
    for length in 0..der.len() {
        assert!(Request::parse(&der[..length]).is_err(), "{length}");
    }
    assert!(Request::parse(&[der.as_slice(), &[0]].concat()).is_err());
    // A length in more bytes than it needs is BER.
    let body = &der[3..];
    let length = body.len() as u8;
    assert_eq!(der[..3], [0x30, 0x81, length]);
    let ber = [&[0x30, 0x82, 0x00, length], body].concat();
    assert!(Request::parse(&ber).is_err());
    // The default version, written out, is not DER either.
    let list = tlv(0x30, &[&tlv(0x30, &[&cert_id(&[1])])]);
    let version = tlv(0xA0, &[&[0x02, 0x01, 0x00]]);
    let explicit = tlv(0x30, &[&tlv(0x30, &[&version, &list])]);
    assert!(Request::parse(&explicit).is_err());
}

#[test]
fn a_signed_request_and_one_with_a_name_are_answered_like_any_other() {
    let bench = Bench::new();
    bench.openssl.must(&[
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "own.pem",
        "-subj", "/CN=TEST", "-days", "1",
    ]);
    let request = bench.request(&[
        "-issuer", "hcc.pem", "-serial", "7", "-signer", "own.pem", "-signkey", "key.pem",
    ]);
    let request = Request::parse(&request).unwrap();
    assert_eq!(bench.answer(&request)[..1], [0x30]);
    assert_ne!(bench.answer(&request), Refusal::InternalError.to_der());
}
