//! Answers of OCSP responders: which of them count, and that none but a good one makes a certificate good.
//! OpenSSL's responder makes them, and OpenSSL's client judges them beside us.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::authority::{Authority, CERTIFICATE};
use crate::bench::*;
use crate::common::{assert_plain_error, stderr};
use crate::der::{element, elements, replaced};

/// The certificate's number, as `openssl ocsp` takes it.
const SERIAL: &str = "0x1267";

/// What the authority knows of the certificate.
#[derive(Clone, Copy)]
enum Known {
    Good,
    Revoked,
    No,
}

/// Who signs, for how long, and what.
struct Responding<'a> {
    signer: &'a str,
    key: &'a str,
    /// Minutes until nextUpdate.
    minutes: Option<&'a str>,
    serial: &'a str,
    issuer: &'a str,
}

const OWN: Responding<'static> = Responding {
    signer: "own.pem",
    key: "own.key",
    minutes: Some("60"),
    serial: SERIAL,
    issuer: "own.pem",
};

impl Authority {
    fn knows(&self, known: Known) {
        let index = match known {
            Known::Good => "V\t400101000000Z\t\t1267\tunknown\t/CN=Kim\n",
            Known::Revoked => {
                "R\t400101000000Z\t240101000000Z,keyCompromise\t1267\tunknown\t/CN=Kim\n"
            }
            Known::No => "",
        };
        fs::write(self.lab.path("index.txt"), index).expect("written");
    }

    /// Makes the answer `name`.
    fn answer(&self, name: &str, known: Known, responding: &Responding<'_>) {
        self.knows(known);
        self.lab.openssl(&[
            "ocsp",
            "-issuer",
            responding.issuer,
            "-serial",
            responding.serial,
            "-reqout",
            "request.der",
        ]);
        let mut arguments = vec![
            "ocsp",
            "-index",
            "index.txt",
            "-CA",
            responding.issuer,
            "-rsigner",
            responding.signer,
            "-rkey",
            responding.key,
            "-reqin",
            "request.der",
            "-respout",
            name,
        ];
        if let Some(minutes) = responding.minutes {
            arguments.extend(["-nmin", minutes]);
        }
        self.lab.openssl(&arguments);
    }

    /// A certificate for a responder, with this usage and a key of its own.
    fn responder(&self, name: &str, usage: &str, key: &[&str]) {
        fs::write(
            self.lab.path("usage.cnf"),
            format!("[e]\nbasicConstraints=CA:false\n{usage}\n"),
        )
        .expect("written");
        let key_file = format!("{name}.key");
        let request = [
            &[
                "req",
                "-new",
                "-nodes",
                "-keyout",
                key_file.as_str(),
                "-subj",
                "/CN=Responder",
            ],
            key,
            &["-out", "responder.csr"],
        ];
        self.lab.openssl(&request.concat());
        let certificate = format!("{name}.pem");
        self.lab.openssl(&[
            "x509",
            "-req",
            "-in",
            "responder.csr",
            "-CA",
            "own.pem",
            "-CAkey",
            "own.key",
            "-set_serial",
            "77",
            "-days",
            "3000",
            "-extfile",
            "usage.cnf",
            "-extensions",
            "e",
            "-out",
            &certificate,
        ]);
    }

    /// What we say: the word, the codes, the exit code.
    fn says(&self, answer: &str, options: &[&str]) -> (String, Vec<String>, i32) {
        self.check(&[], &[&["--ocsp", answer], options].concat())
    }

    /// Whether OpenSSL's client takes the answer as genuine, in force, and good.
    fn openssl_says_good(&self, answer: &str) -> bool {
        let output = Command::new("openssl")
            .args([
                "ocsp",
                "-respin",
                answer,
                "-issuer",
                "own.pem",
                "-serial",
                SERIAL,
                "-CAfile",
                "own.pem",
                "-no_nonce",
            ])
            .current_dir(self.lab.directory())
            .stdin(Stdio::null())
            .output()
            .expect("openssl runs");
        let out = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        errors.contains("Response verify OK")
            && !errors.contains("Response verify error")
            && !out.contains("WARNING: Status times invalid")
            && !errors.contains("WARNING: Status times invalid")
            && out.contains(&format!("{SERIAL}: good"))
    }
}

const ISSUER: &[&str] = &["--issuer", "own.pem"];

#[test]
fn a_genuine_answer_decides_and_one_that_is_not_known_is_never_good() {
    let authority = Authority::new("Own CA", "utf8only");
    for (known, word, codes, exit) in [
        (Known::Good, "good", &[][..], 0),
        (Known::Revoked, "revoked", &["revoked"], 6),
        (Known::No, "unknown", &["unknown-to-responder"], 6),
    ] {
        authority.answer("answer.der", known, &OWN);
        let (says, found, code) = authority.says("answer.der", ISSUER);
        assert_eq!((says.as_str(), code), (word, exit), "{found:?}");
        assert_eq!(found, codes);
        assert_eq!(authority.openssl_says_good("answer.der"), word == "good");
        // `diagnose` says the same.
        let arguments = [
            &["diagnose", "--ocsp", "answer.der", "--rules", "revocation"],
            ISSUER,
        ];
        let (document, _) = run(&authority.lab, &arguments.concat());
        let told: Vec<_> = self::codes(&document);
        assert_eq!(told, codes, "{document:#}");
    }
    // Without the issuer's certificate nobody knows whose answer it is.
    authority.answer("answer.der", Known::Good, &OWN);
    let (says, found, exit) = authority.says("answer.der", &[]);
    assert_eq!((says.as_str(), exit), ("unknown", 6));
    assert_eq!(found, ["ocsp-not-verified"]);
}

#[test]
fn a_responder_answers_for_an_issuer_only_if_that_has_said_so() {
    let authority = Authority::new("Own CA", "utf8only");
    let rsa = &["-newkey", "rsa:2048"][..];
    let p256 = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"][..];
    for (name, usage, key, is_good) in [
        ("right", "extendedKeyUsage=OCSPSigning", rsa, true),
        ("curve", "extendedKeyUsage=OCSPSigning", p256, true),
        ("server", "extendedKeyUsage=serverAuth", rsa, false),
        ("none", "keyUsage=digitalSignature", rsa, false),
        (
            "other",
            "extendedKeyUsage=OCSPSigning\n2.5.29.35=DER:3003820101",
            rsa,
            false,
        ),
        (
            "critical",
            "extendedKeyUsage=OCSPSigning\n1.2.3.4=critical,DER:0500",
            rsa,
            false,
        ),
    ] {
        authority.responder(name, usage, key);
        let (signer, key) = (format!("{name}.pem"), format!("{name}.key"));
        let responding = Responding {
            signer: &signer,
            key: &key,
            ..OWN
        };
        authority.answer("answer.der", Known::Good, &responding);
        assert_eq!(authority.openssl_says_good("answer.der"), is_good, "{name}");
        let (says, codes, exit) = authority.says("answer.der", ISSUER);
        match is_good {
            true => assert_eq!((says.as_str(), exit), ("good", 0), "{name}: {codes:?}"),
            false => {
                assert_eq!((says.as_str(), exit), ("unknown", 6), "{name}");
                assert_eq!(codes, ["ocsp-not-authorised"], "{name}");
            }
        }
    }
    // A responder of another authority, with the same name and the right usage.
    let stranger = Authority::new("Own CA", "utf8only");
    stranger.responder("right", "extendedKeyUsage=OCSPSigning", rsa);
    for file in ["right.pem", "right.key"] {
        fs::copy(stranger.lab.path(file), authority.lab.path(file)).expect("copied");
    }
    let responding = Responding {
        signer: "right.pem",
        key: "right.key",
        ..OWN
    };
    authority.answer("answer.der", Known::Good, &responding);
    assert!(!authority.openssl_says_good("answer.der"));
    let (says, codes, _) = authority.says("answer.der", ISSUER);
    assert_eq!(says, "unknown");
    assert_eq!(codes, ["ocsp-not-authorised"]);
}

#[test]
fn a_responder_with_a_name_that_its_issuer_may_not_give_says_nothing() {
    let authority = Authority::new("Own CA", "utf8only");
    let rsa = &["-newkey", "rsa:2048"];
    authority.responder("right", "extendedKeyUsage=OCSPSigning", rsa);
    let mut config = fs::read_to_string(authority.lab.path("own.cnf")).expect("written");
    config.push_str("[its_name]\nCN = Responder\n[another]\nCN = Other\n");
    fs::write(authority.lab.path("own.cnf"), config).expect("written");
    let responding = Responding {
        signer: "right.pem",
        key: "right.key",
        ..OWN
    };
    for (limits, is_good) in [("another", true), ("its_name", false)] {
        let limits = format!("nameConstraints=critical,excluded;dirName:{limits}");
        let extensions = [
            "basicConstraints=critical,CA:true",
            "keyUsage=critical,keyCertSign,cRLSign",
            &limits,
        ];
        authority.root("own.pem", "4000", &extensions);
        authority.answer("answer.der", Known::Good, &responding);
        assert_eq!(
            authority.openssl_says_good("answer.der"),
            is_good,
            "{limits}"
        );
        let (says, codes, exit) = authority.says("answer.der", ISSUER);
        match is_good {
            true => assert_eq!((says.as_str(), exit), ("good", 0), "{limits}: {codes:?}"),
            false => {
                assert_eq!((says.as_str(), exit), ("unknown", 6), "{limits}");
                assert_eq!(codes, ["ocsp-not-authorised"], "{limits}");
            }
        }
    }
}

#[test]
fn what_is_about_another_certificate_or_another_issuer_says_nothing() {
    let authority = Authority::new("Own CA", "utf8only");
    let other_serial = Responding {
        serial: "0x1268",
        ..OWN
    };
    authority.answer("answer.der", Known::Good, &other_serial);
    let (says, codes, exit) = authority.says("answer.der", ISSUER);
    assert_eq!((says.as_str(), exit), ("not-checked", 0));
    assert_eq!(codes, ["ocsp-not-used"]);
    // Another authority with the same name, and the same number: its key is another.
    let namesake = Authority::new("Own CA", "utf8only");
    namesake.answer("answer.der", Known::Good, &OWN);
    fs::copy(
        namesake.lab.path("answer.der"),
        authority.lab.path("answer.der"),
    )
    .expect("copied");
    assert!(!authority.openssl_says_good("answer.der"));
    let (says, codes, _) = authority.says("answer.der", ISSUER);
    assert_eq!(says, "not-checked");
    assert_eq!(codes, ["ocsp-not-used"]);
}

/// So many days from now, as --date has it.
fn day(from_now: &str) -> String {
    let output = Command::new("date")
        .args(["-u", "-d", from_now, "+%F"])
        .output()
        .expect("date runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn an_answer_counts_only_while_it_is_in_force_and_what_it_revoked_stays_so() {
    let authority = Authority::new("Own CA", "utf8only");
    let (later, earlier) = (day("+3 days"), day("-3 days"));
    let on = |day: &'static str| [ISSUER, &["--date", day]].concat();
    let on_later = on(later.leak());
    let on_earlier = on(earlier.leak());
    authority.answer("answer.der", Known::Good, &OWN);
    let (says, codes, exit) = authority.says("answer.der", &on_later);
    assert_eq!((says.as_str(), exit), ("unknown", 6));
    assert!(codes.contains(&"ocsp-expired".to_owned()), "{codes:?}");
    let (says, codes, _) = authority.says("answer.der", &on_earlier);
    assert_eq!(says, "unknown");
    assert!(
        codes.contains(&"ocsp-not-yet-valid".to_owned()),
        "{codes:?}"
    );
    // Nothing newer says otherwise.
    authority.answer("answer.der", Known::Revoked, &OWN);
    let (says, codes, _) = authority.says("answer.der", &on_later);
    assert_eq!(says, "revoked");
    assert!(codes.contains(&"ocsp-expired".to_owned()), "{codes:?}");
    // Without an end it counts while it is fresh.
    let endless = Responding {
        minutes: None,
        ..OWN
    };
    authority.answer("answer.der", Known::Good, &endless);
    assert_eq!(authority.says("answer.der", ISSUER).0, "good");
    let (says, codes, _) = authority.says("answer.der", &on_later);
    assert_eq!(says, "unknown");
    assert!(codes.contains(&"ocsp-without-time".to_owned()), "{codes:?}");
}

#[test]
fn what_revokes_counts_as_long_as_nothing_newer_is_good_be_it_a_list_or_an_answer_and_expired_or_not()
 {
    let authority = Authority::new("Own CA", "utf8only");
    let later = day("+3 days");
    let short = Responding {
        minutes: Some("1"),
        ..OWN
    };
    let long = Responding {
        minutes: Some("43200"),
        ..OWN
    };
    // Times have no parts of a second.
    let next = || thread::sleep(Duration::from_millis(1100));
    authority.answer("first-good.der", Known::Good, &long);
    authority.list("first-good.pem", false, &["-crldays", "30"]);
    next();
    authority.answer("second-bad.der", Known::Revoked, &short);
    authority.list("second-bad.pem", true, &["-crlhours", "1"]);
    next();
    authority.answer("third-good.der", Known::Good, &long);
    authority.list("third-good.pem", false, &["-crldays", "30"]);
    let options = |name: &'static str| match name.ends_with("pem") {
        true => ["--crl", name],
        false => ["--ocsp", name],
    };
    for bad in ["second-bad.der", "second-bad.pem"] {
        for (good, expected) in [
            ("first-good.der", "revoked"),
            ("first-good.pem", "revoked"),
            ("third-good.der", "good"),
            ("third-good.pem", "good"),
        ] {
            for order in [[bad, good], [good, bad]] {
                let evidence = order.map(options).concat();
                let (says, codes, exit) =
                    authority.check(&[], &[ISSUER, &evidence, &["--date", &later]].concat());
                assert_eq!((says.as_str(), exit), (expected, 6), "{order:?}: {codes:?}");
                let expired = codes.iter().any(|code| code.ends_with("-expired"));
                assert!(expired, "{order:?}: {codes:?}");
            }
        }
    }
}

#[test]
fn an_answer_that_was_changed_is_good_only_where_nothing_that_is_signed_was() {
    let authority = Authority::new("Own CA", "utf8only");
    authority.answer("answer.der", Known::Good, &OWN);
    // Without the certificates that it brings, which are not signed with it.
    authority.lab.openssl(&[
        "ocsp",
        "-index",
        "index.txt",
        "-CA",
        "own.pem",
        "-rsigner",
        "own.pem",
        "-rkey",
        "own.key",
        "-reqin",
        "request.der",
        "-respout",
        "answer.der",
        "-nmin",
        "60",
        "-resp_no_certs",
    ]);
    assert_eq!(authority.says("answer.der", ISSUER).0, "good");
    let whole = fs::read(authority.lab.path("answer.der")).expect("an answer");
    let mut good = Vec::new();
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut changed = whole.clone();
        changed[at] ^= 0x01;
        fs::write(authority.lab.path("changed.der"), &changed).expect("written");
        let arguments = ["--json", "cert", "check", "--ocsp", "changed.der"];
        let output = authority.lab.run(&[&arguments[..], ISSUER].concat());
        let document: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_default();
        if document["certificates"].is_array() {
            if certificate(&document, CERTIFICATE)["revocation"] == "good" {
                assert!(authority.openssl_says_good("changed.der"), "byte {at}");
                good.push(at);
            }
        } else {
            assert_ne!(output.status.code(), Some(0), "byte {at}");
        }
    }
    // The parameters of the algorithm are not signed, and say nothing.
    assert!(good.len() <= 2, "{good:?}");
}

#[test]
fn a_refusal_is_told_and_what_is_no_answer_is_named() {
    let authority = Authority::new("Own CA", "utf8only");
    for status in [1, 2, 3, 5, 6, 9] {
        let refusal = [0x30, 0x03, 0x0A, 0x01, status];
        fs::write(authority.lab.path("answer.der"), refusal).expect("written");
        let (says, codes, exit) = authority.says("answer.der", ISSUER);
        assert_eq!((says.as_str(), exit), ("not-checked", 6), "{status}");
        assert_eq!(codes, ["ocsp-refused"], "{status}");
    }
    authority.answer("answer.der", Known::Good, &OWN);
    let whole = fs::read(authority.lab.path("answer.der")).expect("an answer");
    for (name, bytes) in [
        ("cut.der", &whole[..whole.len() / 2]),
        ("long.der", &[&whole[..], &[0]].concat()),
        ("empty.der", &[]),
        ("deep.der", &[0x30; 60_000]),
        ("status.der", &[0x30, 0x03, 0x0A, 0x01, 0x00]),
    ] {
        fs::write(authority.lab.path(name), bytes).expect("written");
        assert_plain_error(&authority.lab.run(&["cert", "check", "--ocsp", name]), 1);
    }
}

#[test]
fn of_a_list_and_an_answer_the_newer_counts() {
    let authority = Authority::new("Own CA", "utf8only");
    let old = [
        "-crl_lastupdate",
        "20250101000000Z",
        "-crl_nextupdate",
        "20490101000000Z",
    ];
    authority.list("old.pem", true, &old);
    authority.answer("answer.der", Known::Good, &OWN);
    let with = |options: &[&'static str]| [ISSUER, options].concat();
    assert_eq!(authority.check(&["old.pem"], &with(&[])).0, "revoked");
    let both = authority.check(&["old.pem"], &with(&["--ocsp", "answer.der"]));
    assert_eq!(both, ("good".to_owned(), vec![], 0));
    authority.list("good.pem", false, &old);
    authority.answer("answer.der", Known::Revoked, &OWN);
    let both = authority.check(&["good.pem"], &with(&["--ocsp", "answer.der"]));
    assert_eq!(both.0, "revoked");
}

/// OpenSSL's responder, until it is dropped.
struct Responder {
    process: Child,
    url: String,
}

impl Responder {
    fn start(authority: &Authority) -> Self {
        let port = free_port();
        let process = Command::new("openssl")
            .args([
                "ocsp",
                "-index",
                "index.txt",
                "-CA",
                "own.pem",
                "-rsigner",
                "own.pem",
                "-rkey",
                "own.key",
                "-nmin",
                "60",
                "-port",
                &port.to_string(),
            ])
            .current_dir(authority.lab.directory())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs");
        let until = Instant::now() + Duration::from_secs(20);
        let url = format!("http://127.0.0.1:{port}");
        // A connection that asks nothing, or nonsense, ends OpenSSL's responder: its own client asks.
        loop {
            let asked = Command::new("openssl")
                .args([
                    "ocsp", "-issuer", "own.pem", "-serial", SERIAL, "-url", &url,
                ])
                .args(["-CAfile", "own.pem"])
                .current_dir(authority.lab.directory())
                .output()
                .expect("openssl runs");
            if String::from_utf8_lossy(&asked.stdout).contains(SERIAL) {
                break;
            }
            assert!(Instant::now() < until, "the responder does not answer");
            thread::sleep(Duration::from_millis(50));
        }
        Self { process, url }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn a_responder_that_is_asked_decides_and_one_that_is_silent_is_told() {
    let authority = Authority::new("Own CA", "utf8only");
    for (known, word, exit) in [
        (Known::Good, "good", 0),
        (Known::Revoked, "revoked", 6),
        (Known::No, "unknown", 6),
    ] {
        authority.knows(known);
        let responder = Responder::start(&authority);
        let online = ["--online", "--responder", &responder.url];
        let (says, codes, code) = authority.check(&[], &[&online[..], ISSUER].concat());
        assert_eq!((says.as_str(), code), (word, exit), "{codes:?}");
    }
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let online = ["--online", "--responder", &nobody];
    let (says, codes, exit) = authority.check(&[], &[&online[..], ISSUER].concat());
    assert_eq!((says.as_str(), exit), ("not-checked", 6));
    assert_eq!(codes, ["not-reached"]);
    // What is not asked for is not asked.
    let output = authority
        .lab
        .run(&["cert", "check", "--responder", &nobody]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

/// Answers each connection with this, again and again if it is to have no end, until the client is gone.
fn answering(with: &'static [u8], endless: bool) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            // Whoever is answered in the middle of asking may miss the answer.
            let mut asked = Vec::new();
            let mut part = [0; 4096];
            while !is_whole(&asked) {
                match stream.read(&mut part) {
                    Ok(0) | Err(_) => break,
                    Ok(length) => asked.extend_from_slice(&part[..length]),
                }
            }
            let _ = stream.write_all(with);
            while endless && stream.write_all(&[0x30; 4096]).is_ok() {}
            // What a client says and nobody reads would make the end of the connection a reset, which can
            // overtake the answer.
            let _ = stream.shutdown(Shutdown::Write);
            let _ = io::copy(&mut stream, &mut io::sink());
        }
    });
    format!("http://127.0.0.1:{port}/")
}

/// Whether this is an HTTP request with all of the body that it announces.
fn is_whole(asked: &[u8]) -> bool {
    let Some(end) = asked.windows(4).position(|part| part == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&asked[..end]);
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let announced = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = announced.and_then(|(_, length)| length.trim().parse().ok());
    asked.len() >= end + 4 + length.unwrap_or(0)
}

#[test]
fn a_hostile_responder_takes_bounded_time_and_room_and_makes_nothing_good() {
    let authority = Authority::new("Own CA", "utf8only");
    authority.knows(Known::Good);
    for (with, endless, why) in [
        (&b"HTTP/1.1 200 OK\r\n\r\n"[..], true, "longer than"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhalt",
            false,
            "DER",
        ),
        (
            b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
            false,
            "500",
        ),
        (
            b"HTTP/1.1 302 Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
            false,
            "redirect",
        ),
        (b"nonsense\r\n\r\n", false, ""),
    ] {
        let url = answering(with, endless);
        let begun = Instant::now();
        let arguments = ["cert", "check", "--online", "--responder", &url];
        let (document, exit) = run(&authority.lab, &[&arguments[..], ISSUER].concat());
        assert!(begun.elapsed() < Duration::from_secs(15), "{why}");
        assert_eq!(
            certificate(&document, CERTIFICATE)["revocation"],
            "not-checked"
        );
        let silent = problem(&document, "not-reached");
        let message = silent["message"].as_str().expect("words");
        assert!(message.contains(why), "{message}");
        assert_eq!(exit, 6);
    }
}

/// Says this much to each connection, and then nothing more, for as long as the test runs.
fn falling_silent(after: &'static [u8]) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(after);
            open.push(stream);
        }
    });
    format!("http://127.0.0.1:{port}/")
}

#[test]
fn of_a_responder_that_answers_nothing_that_helps_it_is_said_what_it_did() {
    let late = "no whole answer within 10 s";
    let cases = [
        (falling_silent(b""), late),
        (
            falling_silent(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
            late,
        ),
        (
            answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", false),
            "it was cut",
        ),
        (
            answering(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", false),
            "it answered 404",
        ),
        (
            format!("http://127.0.0.1:{}/", free_port()),
            "Connection refused",
        ),
    ];
    thread::scope(|scope| {
        for (url, why) in &cases {
            scope.spawn(move || {
                let authority = Authority::new("Own CA", "utf8only");
                let arguments = ["cert", "check", "--online", "--responder", url];
                let (document, exit) = run(&authority.lab, &[&arguments[..], ISSUER].concat());
                let silent = problem(&document, "not-reached");
                let message = silent["message"].as_str().expect("words");
                assert!(message.starts_with("no usable answer: "), "{message}");
                assert!(message.contains(why), "{message}");
                let is_late = message.contains("10 s");
                assert_eq!(is_late, *why == late, "{message}");
                assert_eq!(exit, 6);
            });
        }
    });
}

#[test]
fn an_old_answer_to_somebody_else_is_refused_by_its_nonce() {
    let authority = Authority::new("Own CA", "utf8only");
    authority.answer("answer.der", Known::Good, &OWN);
    // In force and genuine, but to a question with another nonce.
    assert_eq!(authority.says("answer.der", ISSUER).0, "good");
    let answer = fs::read(authority.lab.path("answer.der")).expect("an answer");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
        answer.len()
    );
    let url = answering([head.as_bytes(), &answer].concat().leak(), false);
    let online = ["--online", "--responder", &url];
    let (says, codes, exit) = authority.check(&[], &[&online[..], ISSUER].concat());
    assert_eq!((says.as_str(), exit), ("unknown", 6));
    assert_eq!(codes, ["ocsp-other-nonce"]);
}

/// An answer with what is signed in it changed, and signed anew.
fn changed(authority: &Authority, answer: &[u8], change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let outer = elements(answer)[0].1;
    let (status, wrapper) = (elements(outer)[0].2, elements(outer)[1].1);
    let bytes = elements(elements(wrapper)[0].1);
    let basic = authority.resigned(bytes[1].1, change);
    let bytes = element(0x30, &[bytes[0].2, &element(0x04, &basic)].concat());
    element(0x30, &[status, &element(0xA0, &bytes)].concat())
}

#[test]
fn an_answer_that_is_not_der_makes_nothing_good_and_what_it_revokes_stays_revoked() {
    let authority = Authority::new("Own CA", "utf8only");
    type Change = fn(&[u8]) -> Vec<u8>;
    let cases: [(&str, bool, Change); 4] = [
        ("as it is", true, <[u8]>::to_vec),
        ("a number with a zero too many", false, |body| {
            replaced(
                body,
                &[0x02, 0x02, 0x12, 0x67],
                &[0x02, 0x03, 0x00, 0x12, 0x67],
            )
        }),
        ("a single response that is a SET", false, |body| {
            let single = elements(elements(body)[0].1);
            let singles = single
                .iter()
                .find(|part| part.0 == 0x30)
                .expect("responses");
            let single = elements(singles.1)[0];
            replaced(body, single.2, &element(0x31, single.1))
        }),
        ("a date of two digits", false, |body| {
            let parts = elements(elements(body)[0].1);
            let date = parts
                .iter()
                .find(|part| part.0 == 0x18)
                .expect("producedAt");
            replaced(body, date.2, &element(0x17, &date.1[2..]))
        }),
    ];
    for known in [Known::Good, Known::Revoked] {
        authority.answer("answer.der", known, &OWN);
        let answer = fs::read(authority.lab.path("answer.der")).expect("an answer");
        for (what, loads, change) in &cases {
            let der = changed(&authority, &answer, change);
            fs::write(authority.lab.path("changed.der"), der).expect("written");
            let openssl = ["ocsp", "-respin", "changed.der", "-noverify"];
            assert_eq!(authority.openssl_does(&openssl), *loads, "{what}");
            let options = ["--issuer", "own.pem", "--ocsp", "changed.der"];
            let (says, codes, exit) = authority.check(&[], &options);
            let malformed = *what != "as it is";
            assert_eq!(
                codes.contains(&"ocsp-malformed".to_owned()),
                malformed,
                "{what}: {codes:?}"
            );
            let expected = match (known, malformed) {
                (Known::Revoked, _) => ("revoked", 6),
                (_, false) => ("good", 0),
                (_, true) => ("unknown", 6),
            };
            assert_eq!((says.as_str(), exit), expected, "{what}");
        }
    }
}
