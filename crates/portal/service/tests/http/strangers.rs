//! Whoever is not a holder: certificates that prove nothing, of every kind, and many of them.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Portal, curl_with, openssl, text};

/// Extensions that make a certificate useless, or strange, in openssl's words.
const STRANGE: [(&str, &str); 6] = [
    (
        "critical policies",
        "certificatePolicies=critical,1.2.752.74.8.1",
    ),
    (
        "critical qcStatements",
        "1.3.6.1.5.5.7.1.3=critical,DER:30:0A:30:08:06:06:04:00:8E:46:01:01",
    ),
    (
        "an unknown critical extension",
        "1.2.3.4.5=critical,ASN1:UTF8String:x",
    ),
    (
        "a critical name constraint",
        "nameConstraints=critical,permitted;DNS:example.com",
    ),
    ("an authority's", "basicConstraints=critical,CA:true"),
    ("for servers only", "extendedKeyUsage=critical,serverAuth"),
];

/// Keys, in openssl's words, and the least security that a client must ask for to use them.
const KEYS: [(&str, &[&str]); 6] = [
    (
        "RSA-1024",
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    ),
    (
        "RSA-1536",
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1536"],
    ),
    (
        "RSA-2048 with exponent 3",
        &[
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
            "-pkeyopt",
            "rsa_keygen_pubexp:3",
        ],
    ),
    (
        "P-256",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ),
    (
        "P-384",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    ),
    ("Ed25519", &["-algorithm", "ED25519"]),
];

/// Makes a self-signed certificate and its key; returns the paths of both.
fn certificate(portal: &Portal, name: &str, key: &[&str], extensions: &str) -> [String; 2] {
    let path = |ending: &str| text(&portal.file(&format!("{name}.{ending}")));
    let [key_path, certificate, configuration] = ["key", "pem", "cnf"].map(path);
    let mut arguments = vec!["genpkey", "-out", &key_path];
    arguments.extend(key);
    openssl(&arguments);
    fs::write(
        &configuration,
        format!(
            "[req]\ndistinguished_name=name\nprompt=no\nx509_extensions=extensions\n\
             [name]\nCN=stranger\n[extensions]\n{extensions}\n"
        ),
    )
    .unwrap();
    openssl(&[
        "req",
        "-x509",
        "-new",
        "-key",
        &key_path,
        "-config",
        &configuration,
        "-days",
        "30",
        "-out",
        &certificate,
    ]);
    [certificate, key_path]
}

/// The same without extensions: version 1.
fn of_version_1(portal: &Portal) -> [String; 2] {
    let [certificate, key] = certificate(portal, "version-1", KEYS[2].1, "");
    let request = text(&portal.file("version-1.csr"));
    openssl(&[
        "req",
        "-new",
        "-key",
        &key,
        "-subj",
        "/CN=stranger",
        "-out",
        &request,
    ]);
    openssl(&[
        "x509",
        "-req",
        "-in",
        &request,
        "-signkey",
        &key,
        "-out",
        &certificate,
    ]);
    let shown = openssl(&["x509", "-in", &certificate, "-noout", "-text"]).stdout;
    if !String::from_utf8_lossy(&shown).contains("Version: 1 ") {
        // Newer versions of openssl make version 3 unless they are told.
        openssl(&[
            "req",
            "-x509",
            "-x509v1",
            "-new",
            "-key",
            &key,
            "-subj",
            "/CN=stranger",
            "-out",
            &certificate,
        ]);
    }
    [certificate, key]
}

/// Changes bytes of a certificate's DER, which openssl would not write so.
fn rewrite(portal: &Portal, certificate: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let file = text(&portal.file("rewritten.der"));
    let form = ["-outform", "DER", "-out"];
    openssl(&[&["x509", "-in", certificate][..], &form, &[&file]].concat());
    let mut der = fs::read(&file).unwrap();
    change(&mut der);
    fs::write(&file, der).unwrap();
    openssl(&["x509", "-inform", "DER", "-in", &file, "-out", certificate]);
}

/// One with an extension twice, which openssl does not make: the second of two is given the name of
/// the first. Its own signature fits no more, and nobody looks at that.
fn with_an_extension_twice(portal: &Portal) -> [String; 2] {
    let two = "1.2.3.4.5=ASN1:UTF8String:x\n1.2.3.4.6=ASN1:UTF8String:y";
    let [certificate, key] = certificate(portal, "twice", KEYS[2].1, two);
    rewrite(portal, &certificate, |der| {
        let second = [0x06, 0x04, 0x2A, 0x03, 0x04, 0x06];
        let place = der.windows(6).position(|six| six == second).unwrap();
        der[place + 5] = 0x05;
    });
    let shown = openssl(&["x509", "-in", &certificate, "-noout", "-text"]).stdout;
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert_eq!(shown.matches("1.2.3.4.5").count(), 2, "{shown}");
    [certificate, key]
}

#[test]
fn a_certificate_in_which_only_the_key_can_be_read_gets_a_page_that_says_so() {
    let portal = Portal::start();
    let [certificate, key] = certificate(&portal, "month-13", KEYS[3].1, "");
    rewrite(&portal, &certificate, |der| {
        // UTCTime: two digits of the year, two of the month.
        let time = der.windows(2).position(|two| two == [0x17, 0x0D]).unwrap();
        der[time + 4..time + 6].copy_from_slice(b"13");
    });
    for url in [
        &portal.running().urls().log_in,
        &portal.running().urls().trial,
    ] {
        let url = format!("{url}/");
        let page = [
            "-H",
            "Accept: text/html",
            "--cert",
            &certificate,
            "--key",
            &key,
            &url,
        ];
        let answer = portal.curl(&page);
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(
            answer.body.contains("Certifikatet kan inte läsas"),
            "{}",
            answer.body
        );
    }
}

#[test]
fn every_certificate_whose_key_is_shown_gets_a_page_that_says_why_it_is_no_good() {
    let portal = Portal::start();
    let usual: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    let mut all = vec![
        ("version 1", of_version_1(&portal)),
        ("an extension twice", with_an_extension_twice(&portal)),
    ];
    for (index, (what, extensions)) in STRANGE.into_iter().enumerate() {
        let name = format!("strange-{index}");
        all.push((what, certificate(&portal, &name, usual, extensions)));
    }
    for (index, (what, key)) in KEYS.into_iter().enumerate() {
        let name = format!("key-{index}");
        all.push((
            what,
            certificate(&portal, &name, key, "basicConstraints=CA:false"),
        ));
    }
    // What openssl's clients would not use by themselves: keys of any size.
    let weak = text(&portal.file("openssl.cnf"));
    fs::write(
        &weak,
        "openssl_conf=a\n[a]\nssl_conf=b\n[b]\nsystem_default=c\n[c]\n\
         CipherString=DEFAULT@SECLEVEL=0\n",
    )
    .unwrap();
    let ca = portal.ca();
    let curl = |arguments: &[&str]| {
        let trusting = ["--cacert", &ca];
        curl_with(&[&trusting, arguments].concat(), &[("OPENSSL_CONF", &weak)])
    };
    for (what, [certificate, key]) in &all {
        for version in [&["--tls-max", "1.2"][..], &["--tlsv1.3"]] {
            let shown = ["--cert", certificate, "--key", key];
            for (url, places) in [
                (&portal.running().urls().log_in, "Telia Card Identifier"),
                (&portal.running().urls().trial, "okänt här"),
            ] {
                let url = format!("{url}/");
                let mut arguments = vec!["-H", "Accept: text/html", &url];
                arguments.extend(shown.iter().chain(version));
                let answer = curl(&arguments);
                assert_eq!(answer.status, 403, "{what}, {version:?}: {answer:?}");
                let kind = answer.header("content-type").unwrap();
                assert!(kind.starts_with("text/html"), "{what}: {kind}");
                assert!(answer.body.contains("okänt här"), "{what}: {}", answer.body);
                assert!(answer.body.contains(places), "{what}: {}", answer.body);
            }
            let url = format!("{}/api/v1/session", portal.running().urls().log_in);
            let mut arguments = vec!["-X", "POST", &url];
            arguments.extend(shown.iter().chain(version));
            let answer = curl(&arguments);
            assert_eq!(answer.status, 403, "{what}, {version:?}: {answer:?}");
            assert_eq!(answer.json()["code"], "unknown-certificate", "{what}");
        }
    }
}

/// The audit log's entries.
fn entries(portal: &Portal) -> Vec<serde_json::Value> {
    let mut entries = Vec::new();
    loop {
        let path = format!("/admin/v1/audit?after={}&limit=1000", entries.len());
        let page = portal.admin("GET", &path, None).json();
        let page = page["entries"].as_array().unwrap().clone();
        if page.is_empty() {
            return entries;
        }
        entries.extend(page);
    }
}

/// For how long strangers come: a few seconds, or as the environment says.
fn patience() -> Duration {
    let seconds = std::env::var("KORTLAB_STRANGERS_SECONDS").ok();
    Duration::from_secs(seconds.map_or(6, |text| text.parse().unwrap()))
}

/// A certificate for these names that its own key has signed, and the key: two files.
fn stranger(portal: &Portal, names: &str) -> (String, String) {
    let key = text(&portal.file("stranger.key"));
    openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        &key,
    ]);
    let configuration = text(&portal.file("stranger.cnf"));
    fs::write(
        &configuration,
        format!("[req]\ndistinguished_name=name\nprompt=no\n[name]\n{names}"),
    )
    .unwrap();
    let stranger = text(&portal.file("stranger.pem"));
    openssl(&[
        "req",
        "-x509",
        "-new",
        "-key",
        &key,
        "-config",
        &configuration,
        "-days",
        "30",
        "-out",
        &stranger,
    ]);
    (stranger, key)
}

#[test]
fn strangers_fill_no_audit_log_and_a_holder_beside_them_comes_to_the_end() {
    let mut portal = Portal::start();
    let card = portal.enrol("anna", "delivered");
    // Names as long as a handshake takes: 15 kB each.
    let long = "x".repeat(60);
    let names: String = (0..200).map(|n| format!("{n}.OU={long}\n")).collect();
    let (stranger, key) = stranger(&portal, &names);
    let before = entries(&portal).len();
    let (patience, over) = (patience(), AtomicBool::new(false));
    let began = Instant::now();
    let attempts: usize = thread::scope(|scope| {
        let strangers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let url = format!("{}/api/v1/session", portal.running().urls().log_in);
                    let mut attempts = 0;
                    while !over.load(Ordering::SeqCst) {
                        let mut arguments = vec!["--cert", &stranger, "--key", &key];
                        arguments.extend(["--data", ""]);
                        arguments.extend(std::iter::repeat_n(url.as_str(), 50));
                        let answer = portal.curl(&arguments);
                        attempts += answer.headers.matches(" 403 Forbidden").count();
                    }
                    attempts
                })
            })
            .collect();
        // The holder's flow, to its end.
        let session = card.session(&portal);
        let (order, _) = session.issue();
        assert_eq!(session.sign_receipt(&order).status, 204);
        assert_eq!(session.send("DELETE", "/api/v1/session", None).status, 204);
        while began.elapsed() < patience {
            thread::sleep(Duration::from_millis(50));
        }
        over.store(true, Ordering::SeqCst);
        strangers.into_iter().map(|one| one.join().unwrap()).sum()
    });
    let took = began.elapsed();
    assert!(attempts >= 50, "{attempts}");
    let log = entries(&portal);
    let visitors = |log: &[serde_json::Value]| {
        let told = log.iter().filter(|entry| entry["actor"] == "visitor");
        told.cloned().collect::<Vec<_>>()
    };
    // One entry a minute at most, each of some hundred bytes, however many come.
    let most = 1 + usize::try_from(took.as_secs() / 60).unwrap();
    assert!(visitors(&log).len() <= most, "{log:#?}");
    let grown: usize = log[before..]
        .iter()
        .map(|entry| entry.to_string().len())
        .sum();
    eprintln!("{attempts} attempts in {took:?}: the audit log has grown by {grown} bytes");
    assert!(
        grown < 100_000 * usize::max(1, took.as_secs() as usize) / 60 + 3000,
        "{grown}"
    );
    // The end tells of the rest.
    portal.stop();
    portal.start_again(crate::support::generous());
    let log = entries(&portal);
    let told = visitors(&log);
    assert!(!told.is_empty() && told.len() <= most + 1, "{told:#?}");
    let sum: usize = told
        .iter()
        .map(|entry| {
            assert_eq!(entry["operation"], "log-in");
            assert_eq!(entry["outcome"], "refused: proves-nothing");
            assert!(entry.to_string().len() < 600, "{entry}");
            let detail = entry["subject"]["detail"].as_str().unwrap();
            detail.split(' ').next().unwrap().parse::<usize>().unwrap()
        })
        .sum();
    assert!(sum >= attempts, "{sum} told of {attempts}");
    let verdict = portal.admin("GET", "/admin/v1/audit/verification", None);
    assert_eq!(verdict.json()["broken"], serde_json::Value::Null);
}

#[test]
fn attempts_are_told_of_within_seconds_so_that_a_kill_loses_few_of_them() {
    let portal = Portal::start();
    let (stranger, key) = stranger(&portal, "CN=nobody\n");
    let url = format!("{}/api/v1/session", portal.running().urls().log_in);
    let arguments = ["--cert", &stranger, "--key", &key, "--data", "", &url];
    assert_eq!(portal.curl(&arguments).status, 403);
    let deadline = Instant::now() + Duration::from_secs(30);
    let told = loop {
        let log = entries(&portal);
        let told = log.into_iter().find(|entry| entry["actor"] == "visitor");
        if let Some(told) = told {
            break told;
        }
        assert!(Instant::now() < deadline, "nothing is told while it runs");
        thread::sleep(Duration::from_millis(200));
    };
    let detail = told["subject"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("1 attempts since"), "{detail}");
}

#[test]
fn a_known_certificate_that_is_refused_is_told_of_in_an_entry_of_its_own() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "valid");
    assert_eq!(
        card.log_in(&portal, "hcc", "authentication", &[]).status,
        403
    );
    let log = entries(&portal);
    let last = log.last().unwrap();
    assert_eq!(last["actor"], "holder");
    assert_eq!(last["outcome"], "refused: hcc-log-in");
    assert_eq!(last["subject"]["certificates"].as_array().unwrap().len(), 1);
}
