//! `kortlab portal` and `kortlab admin`: starting, ending, and what an administrator does.

#![cfg(feature = "portal")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::portal::Portal;
use common::{Lab, Running, assert_code, assert_plain_error, stderr, stdout};
use serde_json::Value;

const FREE_PORTS: [&str; 10] = [
    "--listen",
    "127.0.0.1:0",
    "--log-in-listen",
    "127.0.0.1:0",
    "--trial-listen",
    "127.0.0.1:0",
    "--pki-listen",
    "127.0.0.1:0",
    "--admin-listen",
    "127.0.0.1:0",
];

/// A portal whose log goes into the file `log`.
fn start(lab: &Lab, options: &[&str]) -> (Running, Value) {
    let mut command = lab.command(&["--json", "portal", "--data", "portal"]);
    command
        .args(FREE_PORTS)
        .args(options)
        .stderr(Stdio::from(fs::File::create(lab.path("log")).unwrap()));
    let portal = Running::start(command);
    let news = serde_json::from_str(portal.first_line()).expect("one line of JSON");
    (portal, news)
}

fn curl(lab: &Lab, arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "30",
            "--noproxy",
            "*",
        ])
        .args(["--cacert", "portal/tls-ca.pem"])
        .args(arguments)
        .current_dir(lab.directory())
        .output()
        .expect("curl is not installed; run: cargo xtask test");
    stdout(&output) + &stderr(&output)
}

#[test]
fn a_portal_says_where_it_listens_ends_at_a_signal_and_starts_again_with_what_it_had() {
    let lab = Lab::empty();
    let mut certificates = Vec::new();
    for signal in ["TERM", "INT"] {
        let (portal, news) = start(&lab, &[]);
        let url = news["url"].as_str().unwrap();
        assert_eq!(
            curl(&lab, &[&format!("{url}/status")]),
            r#"{"status":"ok"}"#
        );
        let addresses = fs::read(lab.path("portal/addresses.json")).unwrap();
        let addresses: Value = serde_json::from_slice(&addresses).unwrap();
        let main = addresses["main"].as_str().unwrap();
        assert_eq!(url, format!("https://{main}"));
        certificates.push(fs::read(lab.path("portal/hcc-ca.pem")).unwrap());

        let again = lab.command(&["portal", "--data", "portal"]);
        let second = { again }.args(FREE_PORTS).output().unwrap();
        assert_plain_error(&second, 1);
        assert!(
            stderr(&second).contains("another portal runs"),
            "{}",
            stderr(&second)
        );

        assert_eq!(portal.end_with(signal).code(), Some(0));
        let log = fs::read_to_string(lab.path("log")).unwrap();
        assert!(log.contains("the portal has ended"), "{log}");
    }
    assert_eq!(certificates[0], certificates[1]);
}

#[test]
fn an_address_that_is_taken_or_makes_no_sense_is_an_error_that_names_the_option() {
    let lab = Lab::empty();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let mut arguments = vec!["portal", "--data", "portal"];
    arguments.extend(FREE_PORTS);
    arguments[10] = &taken;
    let output = lab.run(&arguments);
    assert_plain_error(&output, 1);
    assert!(
        stderr(&output).contains("--pki-listen"),
        "{}",
        stderr(&output)
    );
    assert!(!lab.path("portal").exists());
    for wrong in [
        "postgres://u:hunter2@host:port/d",
        "mongo://u:hunter2@host/d",
    ] {
        let output = lab.run(&["portal", "--store", wrong]);
        assert_plain_error(&output, 2);
        assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
    }
}

#[test]
fn the_log_has_a_line_for_each_request_and_no_secret() {
    let lab = Lab::empty();
    let (portal, news) = start(&lab, &["--log-format", "json"]);
    let url = news["url"].as_str().unwrap();
    let token =
        "Authorization: Bearer 5ec2e7015ec2e7015ec2e7015ec2e7015ec2e7015ec2e7015ec2e7015ec2e701";
    let cookie = "Cookie: __Host-kortlab=5ec2e701";
    for path in [
        "/api/v1/receipt?pin=5ec2e701",
        "/5ec2e701",
        "/?lang=5ec2e701",
    ] {
        curl(&lab, &["-H", token, "-H", cookie, &format!("{url}{path}")]);
    }
    let body = r#"{"certificates":["5ec2e701"]}"#;
    let json = "Content-Type: application/json";
    curl(
        &lab,
        &[
            "-H",
            json,
            "--data",
            body,
            &format!("{url}/api/v1/test-page"),
        ],
    );
    assert_eq!(portal.end_with("TERM").code(), Some(0));
    let log = fs::read_to_string(lab.path("log")).unwrap();
    let admin = fs::read_to_string(lab.path("portal/admin-token")).unwrap();
    assert!(
        !log.contains("5ec2e701") && !log.contains(admin.trim()),
        "{log}"
    );
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object in each line"))
        .collect();
    let requests: Vec<_> = lines
        .iter()
        .filter(|line| line["message"] == "request")
        .collect();
    assert_eq!(requests.len(), 4, "{log}");
    assert_eq!(requests[0]["route"], "/api/v1/receipt");
    assert_eq!(requests[0]["status"], 401);
    assert!(requests[3]["milliseconds"].is_number());
}

#[test]
fn a_card_with_keys_only_is_enrolled_and_gets_its_certificates_in_one_change() {
    let portal = Portal::start();
    let data = portal.ca().parent().unwrap().display().to_string();
    for (state, colours) in [("delivered", [2, 0]), ("expired", [2, 2])] {
        let lab = Lab::empty();
        let new = ["card", "new", "-o", "card.json", "--state", "blank-slots"];
        assert_code(&lab.run(&new), 0);
        let enrol = ["admin", "enrol", "--data", &data, "--state", state];
        let output = lab.with_pins(&[&["--json"], &enrol[..]].concat());
        assert_code(&output, 0);
        let enrolled: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(enrolled["state"], state);
        let info = lab.json(&["info"]);
        let serial = info.to_string();
        let number = enrolled["card_number"].as_str().unwrap();
        assert!(serial.contains(number), "{serial}");
        let list = lab.json(&["cert", "list"]);
        let certificates = list["certificates"].as_array().unwrap();
        for (colour, count) in ["blue", "pink"].into_iter().zip(colours) {
            let found = certificates.iter().filter(|one| one["colour"] == colour);
            assert_eq!(found.count(), count, "{list}");
        }
        let output = lab.with_pins(&enrol);
        assert_plain_error(&output, 1);
        assert!(stderr(&output).contains("certificates already"));
        // The portal knows the card: it can be renewed there.
        assert_code(&portal.renew(&lab), 0);
    }
}

#[test]
fn a_wrong_pin_enrols_nothing() {
    let portal = Portal::start();
    let data = portal.ca().parent().unwrap().display().to_string();
    let lab = Lab::with(&["--state", "blank-slots"]);
    let output = lab
        .command(&["admin", "enrol", "--data", &data, "--auth-pin", "env:PIN"])
        .env("PIN", "000000")
        .output()
        .unwrap();
    assert_plain_error(&output, 4);
    assert_eq!(portal.audited("enrol"), 0);
    assert_code(&lab.with_pins(&["admin", "enrol", "--data", &data]), 0);
    assert_eq!(portal.audited("enrol"), 1);
}

#[test]
fn the_administrator_revokes_sets_the_clock_plans_failures_and_reads_the_audit_log() {
    let portal = Portal::start();
    let data = portal.ca().parent().unwrap().display().to_string();
    let lab = portal.card("valid", "t0");
    let admin = |arguments: &[&str]| {
        let all = [&["admin"], arguments, &["--data", &data]].concat();
        let output = lab.run(&all);
        (output.status.code(), stdout(&output) + &stderr(&output))
    };
    fs::write(lab.path("hcc.der"), hcc(&lab)).unwrap();
    let (code, said) = admin(&["revoke", "hcc.der", "--reason", "keyCompromise"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = admin(&["revoke", "hcc.der", "--reason", "superseded"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("revoked"), "{said}");
    let (code, said) = admin(&["revoke", "hcc.der", "--reason", "boredom"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("keyCompromise"), "{said}");

    let (code, said) = admin(&["clock", "--advance", "2d"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("(172800 s ahead)"), "{said}");
    let (_, said) = admin(&["status"]);
    assert!(said.contains("+172800 s"), "{said}");
    assert_eq!(admin(&["clock", "--real"]).0, Some(0));

    let (code, said) = admin(&["fail", "status-500", "--operation", "order", "--times", "1"]);
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "status-500 in order, once\n")
    );
    let (_, said) = admin(&["fail", "--end"]);
    assert_eq!(said, "no failure is planned\n");
    assert_eq!(admin(&["fail", "earthquake"]).0, Some(2));

    let (code, said) = admin(&["audit"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("revoke-at-the-counter") && said.contains("keyCompromise"),
        "{said}"
    );
    let (code, said) = admin(&["audit", "--verify"]);
    assert_eq!(code, Some(0), "{said}");
    let gone = "0".repeat(63) + "1";
    let (code, said) = admin(&["audit", "--verify", "--noted", &gone]);
    assert_eq!(code, Some(6), "{said}");
}

/// The first HCC on the card, DER.
fn hcc(lab: &Lab) -> Vec<u8> {
    let list = lab.json(&["cert", "list"]);
    let certificates = list["certificates"].as_array().unwrap();
    let pink = certificates
        .iter()
        .find(|one| one["colour"] == "pink")
        .expect("an HCC");
    let id = pink["id"].as_str().unwrap();
    let read = lab.run(&["cert", "read", id, "--der", "--out", "read.der"]);
    assert_code(&read, 0);
    fs::read(lab.path("read.der")).unwrap()
}

#[test]
fn what_another_program_has_is_told_as_in_use() {
    let lab = Lab::empty();
    let (_portal, news) = start(&lab, &[]);
    let taken = |url: &str| {
        news[url]
            .as_str()
            .unwrap()
            .rsplit_once('/')
            .unwrap()
            .1
            .to_owned()
    };
    let admin = taken("admin_url");
    let second = |data: &str, options: &[&str]| {
        let portal = ["--json", "portal", "--data", data];
        lab.run(&[&portal[..], &FREE_PORTS, options].concat())
    };
    fs::write(lab.path("file"), "").unwrap();
    fs::write(lab.path("store-address"), "sqlite:portal/portal.sqlite").unwrap();
    for (output, kind, said) in [
        (second("portal", &[]), "in-use", "another portal runs"),
        (
            second("other", &["--store-file", "store-address"]),
            "in-use",
            "another portal uses this store",
        ),
        (second("file", &[]), "file", "not a directory"),
        (
            lab.run(&[
                "--json",
                "agent",
                "--allow-origin",
                "https://localhost:8443",
                "--listen",
                &admin,
            ]),
            "in-use",
            "cannot listen",
        ),
    ] {
        assert_code(&output, 1);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["error"]["kind"], kind, "{document}");
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains(said), "{message}");
    }
    let output = lab.run(&["--json", "portal", "--data", "new", "--listen", &admin]);
    assert_code(&output, 1);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["error"]["kind"], "in-use", "{document}");
}

#[test]
fn an_answer_that_is_no_portals_is_told_as_one_and_not_as_silence() {
    let lab = Lab::empty();
    fs::write(lab.path("token"), "0".repeat(64)).unwrap();
    for (body, said) in [
        (
            "HTTP/1.1 200 OK\r\n\r\n<h1>Welcome</h1>",
            "is not understood",
        ),
        ("HTTP/1.1 200 OK\r\n\r\n[7]", "is not understood"),
        ("HTTP/1.1 404 Not Found\r\n\r\n<h1>No</h1>", "404"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "is not a portal"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answering = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(body.as_bytes()).unwrap();
            // What is not read would make the end a reset, which can overtake the answer.
            stream.shutdown(Shutdown::Write).unwrap();
            let _ = io::copy(&mut stream, &mut io::sink());
        });
        let url = format!("http://{address}");
        let status = ["admin", "status", "--url", &url, "--token", "file:token"];
        let output = lab.run(&[&["--json"], &status[..]].concat());
        answering.join().unwrap();
        assert_code(&output, 1);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["error"]["kind"], "portal", "{document}");
        let message = document["error"]["message"].as_str().unwrap();
        assert!(
            message.contains(said) && message.contains(&address),
            "{message}"
        );
        assert!(!stderr(&output).contains("is the portal running"));
    }
}

/// What a server sends as long as it is listened to.
fn without_end(mut stream: TcpStream, head: &[u8], then: &[u8], pause: Duration) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).unwrap();
    let mut sent = stream.write_all(head);
    // Silence, until the other side goes.
    if then.is_empty() {
        let _ = stream.read(&mut request);
        return;
    }
    while sent.is_ok() {
        thread::sleep(pause);
        sent = stream.write_all(then);
    }
}

#[test]
fn an_answer_to_the_administrator_has_a_limit_of_time_and_of_size() {
    let lab = Lab::empty();
    fs::write(lab.path("token"), "0".repeat(64)).unwrap();
    let line = format!("X-A: {}\r\n", "a".repeat(1000));
    let (late, slowly, at_once) = (
        "no whole answer within 2 s",
        Duration::from_millis(200),
        Duration::ZERO,
    );
    let body = "HTTP/1.1 200 OK\r\n\r\n";
    let cases: [(&str, &str, Duration, &str, &str); 6] = [
        ("", "", at_once, late, "--timeout"),
        (body, " ", slowly, late, "--timeout"),
        ("HTTP/1.1 200 OK\r\nX-A: ", "a", slowly, late, "--timeout"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{",
            "",
            at_once,
            late,
            "--timeout",
        ),
        (
            "HTTP/1.1 200 OK\r\n",
            &line,
            at_once,
            "is not a portal",
            "--url",
        ),
        (
            body,
            &" ".repeat(1 << 16),
            at_once,
            "is longer than 4194304 bytes",
            "--url",
        ),
    ];
    for (head, then, pause, said, next_step) in cases {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let url = format!("http://{address}");
        let begun = Instant::now();
        let output = thread::scope(|scope| {
            scope.spawn(|| {
                let (stream, _) = listener.accept().unwrap();
                without_end(stream, head.as_bytes(), then.as_bytes(), pause);
            });
            let mut command = lab.command(&["--timeout", "2", "admin", "status"]);
            command.args(["--url", &url, "--token", "file:token"]);
            ended(command, Duration::from_secs(20))
        });
        assert_plain_error(&output, 1);
        let told = stderr(&output)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        for words in [said, &address, "/admin/v1/status", next_step] {
            assert!(told.contains(words), "{head:?} {words}: {told}");
        }
        assert!(!told.contains("os error"), "{told}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{told}");
    }
}

/// Runs a command, and ends it if it does not end in this time.
fn ended(mut command: Command, limit: Duration) -> Output {
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > limit {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn without_a_portal_or_its_token_the_administrator_is_told_what_to_do() {
    let lab = Lab::empty();
    let output = lab.run(&["admin", "status"]);
    assert_plain_error(&output, 1);
    assert!(
        stderr(&output).contains("kortlab portal"),
        "{}",
        stderr(&output)
    );
    fs::write(lab.path("token"), "0".repeat(64)).unwrap();
    let free = common::free_address();
    let url = format!("http://{free}");
    let output = lab.run(&["admin", "status", "--url", &url, "--token", "file:token"]);
    assert_plain_error(&output, 1);
    assert!(
        stderr(&output).contains("is the portal running"),
        "{}",
        stderr(&output)
    );
    assert!(!stderr(&output).contains("os error"), "{}", stderr(&output));
    for (token, next_step) in [
        (&["--token", "file:nofile"][..], "give another --token"),
        (&[], "say with --token or --data where the token is"),
    ] {
        let output = lab.run(&[&["admin", "status", "--url", &url], token].concat());
        assert_plain_error(&output, 1);
        let told = stderr(&output);
        assert!(told.contains(next_step), "{told}");
        assert!(!told.contains("kortlab portal`"), "{told}");
    }
    let secret = "5ec2e701".repeat(8);
    let output = lab.run(&["admin", "status", "--url", &url, "--token", &secret]);
    assert_plain_error(&output, 2);
    assert!(!stderr(&output).contains(&secret));

    let portal = Portal::start();
    let data = portal.ca();
    let data: &Path = data.parent().unwrap();
    let data = data.display().to_string();
    let output = lab.run(&["admin", "status", "--data", &data, "--token", "file:token"]);
    assert_plain_error(&output, 1);
    assert!(
        stderr(&output).contains("admin-token"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_responder_and_the_lists_that_certificates_name_are_asked_if_that_is_wanted() {
    let portal = Portal::start();
    let issuers: Vec<_> = ["hcc-ca.pem", "carrier-ca.pem"]
        .map(|name| portal.data().join(name).display().to_string())
        .into();
    let check = |lab: &Lab, online: bool| -> (Vec<String>, Value) {
        let mut arguments = vec!["--json", "cert", "check"];
        for issuer in &issuers {
            arguments.extend(["--issuer", issuer]);
        }
        arguments.extend(online.then_some("--online"));
        let output = lab.run(&arguments);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let rows = document["certificates"].as_array().unwrap().iter();
        let words = rows.map(|row| row["revocation"].as_str().unwrap().to_owned());
        (words.collect(), document)
    };
    let valid = portal.card("valid", "t1");
    let (words, document) = check(&valid, false);
    assert!(
        words.iter().all(|word| word == "not-checked"),
        "{document:#}"
    );
    let (words, document) = check(&valid, true);
    assert_eq!(words, ["good"; 4], "{document:#}");
    assert_eq!(document["findings"], 0, "{document:#}");
    let revoked = portal.card("revoked", "t1");
    let (words, document) = check(&revoked, true);
    assert_eq!(
        words,
        ["good", "good", "revoked", "revoked"],
        "{document:#}"
    );
    // `diagnose` is of the same opinion.
    let mut arguments = vec!["--json", "diagnose", "--online", "--rules", "revocation"];
    for issuer in &issuers {
        arguments.extend(["--issuer", issuer]);
    }
    let output = revoked.run(&arguments);
    assert_code(&output, 6);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let codes = document["problems"].as_array().unwrap().iter();
    let codes: Vec<_> = codes
        .map(|problem| problem["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["revoked", "revoked"], "{document:#}");
    // A responder that fails is told, and the issuer's list says it in its place.
    let plan = serde_json::json!({"kind": "ocsp-unreachable", "times": 1});
    portal.admin("POST", "/admin/v1/failures", &plan);
    let (words, document) = check(&revoked, true);
    assert_eq!(
        words,
        ["good", "good", "revoked", "revoked"],
        "{document:#}"
    );
    let problems = document["problems"].as_array().unwrap().iter();
    let codes: Vec<_> = problems
        .map(|problem| problem["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["not-reached"], "{document:#}");
}

/// An instance that only reads writes nothing to the store.
#[test]
fn a_store_that_does_not_answer_is_to_be_there_and_good_for_what_is_done_with_it() {
    let lab = Lab::new("valid");
    let (portal, _) = start(&lab, &[]);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !["carrier-ocsp.pem", "hcc-ocsp.pem"]
        .iter()
        .all(|name| lab.path("portal").join(name).exists())
    {
        assert!(Instant::now() < deadline, "the responders' files are made");
        thread::sleep(Duration::from_millis(50));
    }
    drop(portal);
    let store = "postgres://reader@127.0.0.1:1/kortlab";
    let portal = ["portal", "--data", "portal", "--store", store];
    for (options, said, not) in [
        (
            &["--read-only", "--pki-listen", "127.0.0.1:0"][..],
            "can be read",
            "written",
        ),
        (&FREE_PORTS[..], "can be written", "can be read"),
    ] {
        let output = lab.run(&[&portal[..], options].concat());
        assert_code(&output, 1);
        let error = stderr(&output);
        let hint = error.lines().find(|line| line.starts_with("hint: "));
        let hint = hint.unwrap_or_else(|| panic!("{error}"));
        assert!(hint.contains(said) && !hint.contains(not), "{error}");
    }
}
