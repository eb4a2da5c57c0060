//! Clients that send too much, too slowly, too often, or from too many sockets.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use kortlab_portal::server::Limits;
use serde_json::json;

use crate::support::{Portal, generous};

/// Waits for the other end to close, at most a while.
fn is_closed_within(mut stream: &TcpStream, patience: Duration) -> bool {
    stream.set_read_timeout(Some(patience)).unwrap();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => {
                return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            }
        }
    }
}

#[test]
fn a_body_that_is_too_long_is_refused() {
    let portal = Portal::start();
    let file = portal.file("long.json");
    fs::write(
        &file,
        format!(r#"{{"certificates":["{}"]}}"#, "A".repeat(600_000)),
    )
    .unwrap();
    let data = format!("@{}", file.display());
    let url = format!("{}/api/v1/test-page", portal.running().urls().main);
    let json = "Content-Type: application/json";
    for extra in [&[][..], &["-H", "Transfer-Encoding: chunked"]] {
        let mut arguments = vec!["-H", json, "--data-binary", &data, &url];
        arguments.extend(extra);
        let answer = portal.curl(&arguments);
        assert_eq!(answer.status, 413, "{answer:?}");
        assert_eq!(answer.json()["code"], "too-long");
    }
    let long = format!("X-Long: {}", "x".repeat(20_000));
    let answer = portal.curl(&["-H", &long, &url]);
    assert_eq!(answer.status, 431, "{answer:?}");
}

#[test]
fn a_client_that_asks_too_often_is_told_when_to_come_back() {
    let portal = Portal::with(Limits {
        changes_per_second: 1,
        ..generous()
    });
    let url = format!("{}/api/v1/test-page", portal.running().urls().main);
    let body = json!({"certificates": []}).to_string();
    // One curl sends all: starting twenty-five takes longer than the limit is short.
    let mut arguments = vec!["-H", "Content-Type: application/json", "--data", &body];
    arguments.extend(std::iter::repeat_n(url.as_str(), 25));
    let answer = portal.curl(&arguments);
    assert!(answer.headers.contains(" 200 OK"), "{answer:?}");
    assert!(answer.headers.contains(" 429 Too Many"), "{answer:?}");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    // Reading is counted apart.
    assert_eq!(portal.get("/status").status, 200);
    let metrics = portal.admin("GET", "/metrics", None).body;
    assert!(
        metrics.contains(r#"kortlab_rate_limited_total{listener="main"}"#),
        "{metrics}"
    );
}

#[test]
fn slow_clients_are_sent_away_and_others_are_served() {
    let portal = Portal::with(Limits {
        handshake: Duration::from_millis(500),
        head: Duration::from_millis(500),
        request: Duration::from_secs(1),
        idle: Duration::from_secs(2),
        ..generous()
    });
    let addresses = *portal.running().addresses();
    // Nothing at all, half a TLS record, half a request, half a body, one byte at a time.
    let silent = TcpStream::connect(addresses.main).unwrap();
    let mut half_hello = TcpStream::connect(addresses.log_in).unwrap();
    half_hello.write_all(&[0x16, 0x03, 0x01]).unwrap();
    let mut half_head = TcpStream::connect(addresses.pki).unwrap();
    half_head
        .write_all(b"GET /crl/x HTTP/1.1\r\nHost:")
        .unwrap();
    let mut half_body = TcpStream::connect(addresses.pki).unwrap();
    half_body
        .write_all(
            b"POST /ocsp/test-siths-type-1-ca-v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx",
        )
        .unwrap();
    let began = Instant::now();
    let mut dripping = TcpStream::connect(addresses.pki).unwrap();
    let mut dripped = 0;
    while dripping.write_all(b"G").is_ok() && began.elapsed() < Duration::from_secs(10) {
        dripped += 1;
        assert_eq!(portal.get("/status").status, 200);
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{dripped} bytes were taken"
    );
    for (stream, what) in [
        (silent, "silent"),
        (half_hello, "half a handshake"),
        (half_head, "half a head"),
        (half_body, "half a body"),
    ] {
        assert!(is_closed_within(&stream, Duration::from_secs(5)), "{what}");
    }
    assert_eq!(portal.get("/status").status, 200);
}

#[test]
fn more_connections_than_a_client_may_have_are_closed_and_places_become_free_again() {
    let portal = Portal::with(Limits {
        connections_of_one_client: 4,
        ..generous()
    });
    let address = portal.running().addresses().main;
    let opened: Vec<_> = (0..8)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let held: Vec<_> = opened
        .into_iter()
        .filter(|stream| !is_closed_within(stream, Duration::from_millis(800)))
        .collect();
    assert_eq!(held.len(), 4);
    let answer = portal.get("/status");
    assert_eq!(answer.status, 0, "{answer:?}");
    // Other listeners have places of their own.
    assert_eq!(portal.admin("GET", "/admin/v1/status", None).status, 200);
    drop(held);
    let began = Instant::now();
    while portal.get("/status").status != 200 {
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_request_that_does_not_say_for_which_host_it_is_is_refused_on_every_listener() {
    let portal = Portal::start();
    let addresses = *portal.running().addresses();
    let ask = |address, head: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(format!("{head}\r\n\r\n").as_bytes())
            .unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    for (address, path) in [
        (addresses.pki, "/ca/test-siths-type-1-ca-v1.cer"),
        (addresses.admin, "/admin/v1/status"),
    ] {
        for wrong in [
            "",
            "\r\nHost:",
            "\r\nHost: a\r\nHost: b",
            "\r\nHost: a\r\nHost: a",
            "\r\nHost: a b",
            "\r\nHost: a/b",
            "\r\nHost: user@a",
            "\r\nHost: a:port",
        ] {
            let answer = ask(address, &format!("GET {path} HTTP/1.1{wrong}"));
            assert_eq!(answer, "HTTP/1.1 400", "{wrong:?}");
            let absolute = ask(address, &format!("GET http://a{path} HTTP/1.1{wrong}"));
            assert_eq!(absolute, "HTTP/1.1 400", "{wrong:?}");
        }
        for right in [
            "Host: a",
            "Host: a:80",
            "Host: [::1]:8080",
            "hOST: 127.0.0.1",
        ] {
            let answer = ask(address, &format!("GET {path} HTTP/1.1\r\n{right}"));
            assert_ne!(answer, "HTTP/1.1 400", "{right}");
        }
        // Before HTTP/1.1 there was none, and whoever sends one sends one.
        for (host, is_refused) in [
            ("", false),
            ("\r\nHost: a", false),
            ("\r\nHost: a\r\nHost: a", true),
            ("\r\nHost: a b", true),
        ] {
            let answer = ask(address, &format!("GET {path} HTTP/1.0{host}"));
            assert_eq!(answer.ends_with("400"), is_refused, "{host:?}: {answer}");
        }
    }
    let urls = portal.running().urls();
    for url in [&urls.main, &urls.log_in, &urls.trial] {
        let answer = portal.curl(&["-H", "Host:", &format!("{url}/")]);
        assert_eq!(answer.status, 400, "{url}: {answer:?}");
        let page = portal.curl(&["-H", "Host:", "-H", "Accept: text/html", &format!("{url}/")]);
        assert_eq!(page.status, 400, "{url}: {page:?}");
    }
}

#[test]
fn a_target_that_is_a_whole_address_names_the_host_whatever_host_says() {
    let portal = Portal::start();
    let url = portal.running().urls().main.clone();
    let ask = |target: &str, host: &str| {
        let host = format!("Host: {host}");
        portal.curl(&["--request-target", target, "-H", &host, &format!("{url}/")])
    };
    let own = url.strip_prefix("https://").unwrap();
    let page = ask(&format!("{url}/test"), "elsewhere.example");
    assert_eq!(page.status, 200, "{page:?}");
    let info = ask(&format!("{url}/api/v1"), "elsewhere.example");
    assert_eq!(info.status, 200, "{info:?}");
    // A whole address without a path is that of the root (RFC 9110 §4.2.3).
    let root = ask(&url, "elsewhere.example");
    assert_eq!(root.status, 200, "{root:?}");
    // One of somewhere else is sent on, whatever Host says.
    let elsewhere = ask("https://elsewhere.example/test", own);
    assert_eq!(elsewhere.status, 307, "{elsewhere:?}");
    let nobody = ask("https://user@elsewhere.example/test", own);
    assert_eq!(nobody.status, 400, "{nobody:?}");
    let other = ask("ftp://elsewhere.example/test", own);
    assert_eq!(other.status, 400, "{other:?}");
}
