//! Starting, ending, and starting again.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use kortlab_issuer::clock::SystemClock;
use kortlab_issuer::random::IssuerRng;
use kortlab_portal::clock::PortalClock;
use kortlab_portal::server::{Config, Server, Source};
use kortlab_portal_core::LocalPortal;
use serde_json::json;

use crate::support::{Portal, curl, generous};

#[test]
fn a_restart_forgets_sessions_and_nothing_else() {
    let mut portal = Portal::start();
    let card = portal.enrol("anna", "delivered");
    let (token, order, pair, entries) = {
        let session = card.session(&portal);
        let (order, pair) = session.issue();
        let log = portal
            .admin("GET", "/admin/v1/audit?limit=1000", None)
            .json();
        (session.token.clone(), order, pair, log["entries"].clone())
    };
    let ca = std::fs::read(portal.ca()).unwrap();
    portal.stop();
    portal.start_again(generous());

    assert_eq!(std::fs::read(portal.ca()).unwrap(), ca);
    let before = crate::support::Session {
        portal: &portal,
        card: &card,
        token,
    };
    assert_eq!(before.send("GET", "/api/v1/receipt", None).status, 401);
    let session = card.session(&portal);
    let path = format!("/api/v1/orders/{order}/certificates");
    assert_eq!(session.send("GET", &path, None).json(), pair);
    assert_eq!(session.sign_receipt(&order).status, 204);
    let log = portal
        .admin("GET", "/admin/v1/audit?limit=1000", None)
        .json();
    let log = log["entries"].as_array().unwrap();
    let earlier = entries.as_array().unwrap();
    assert_eq!(&log[..earlier.len()], earlier.as_slice());
    let verdict = portal
        .admin("GET", "/admin/v1/audit/verification", None)
        .json();
    assert_eq!(verdict["broken"], json!(null));
}

#[test]
fn a_request_that_has_begun_comes_to_its_end_when_the_portal_ends() {
    let mut portal = Portal::start();
    let addresses = *portal.running().addresses();
    let mut begun = TcpStream::connect(addresses.pki).unwrap();
    let head =
        "POST /ocsp/test-siths-type-1-ca-v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n0";
    begun.write_all(head.as_bytes()).unwrap();
    // Connections are taken in their order: once a later one is answered, this one has begun.
    let url = format!(
        "{}/ca/test-siths-type-1-ca-v1.cer",
        portal.running().urls().pki
    );
    assert_eq!(curl(&["--output", "/dev/null", &url]).status, 200);
    portal.running().stopper().stop();
    let ending = Instant::now();
    while TcpStream::connect(addresses.main).is_ok() {
        assert!(
            ending.elapsed() < Duration::from_secs(10),
            "it still listens"
        );
        thread::sleep(Duration::from_millis(10));
    }
    begun.write_all(b"0").unwrap();
    let mut answer = Vec::new();
    begun.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    portal.running.take().unwrap().wait().unwrap();
    assert!(
        TcpListener::bind(addresses.main).is_ok(),
        "the port is free"
    );
}

#[test]
fn an_idle_connection_does_not_keep_the_portal_from_ending() {
    let mut portal = Portal::start();
    let _idle = TcpStream::connect(portal.running().addresses().pki).unwrap();
    let _silent = TcpStream::connect(portal.running().addresses().main).unwrap();
    assert_eq!(portal.get("/status").status, 200);
    let began = Instant::now();
    portal.stop();
    assert!(
        began.elapsed() < Duration::from_secs(14),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_second_portal_on_a_directory_or_a_port_is_refused_and_the_first_goes_on() {
    let portal = Portal::start();
    let start = |config, path| {
        let store = None;
        let error = Server::start(config, Source::Directory { path, store }).unwrap_err();
        error.to_string()
    };
    let said = start(Config::on_free_ports(), portal.data());
    assert!(
        said.contains("another portal runs on this data directory"),
        "{said}"
    );
    let config = Config {
        log_in_listen: portal.running().addresses().log_in,
        ..Config::on_free_ports()
    };
    let elsewhere = portal.file("elsewhere");
    let said = start(config, elsewhere.clone());
    assert!(
        said.contains("another program listens there") && said.contains("--log-in-listen"),
        "{said}"
    );
    assert!(
        !elsewhere.exists(),
        "nothing is made before the ports are had"
    );
    let config = Config {
        admin_listen: "0.0.0.0:0".parse().unwrap(),
        ..Config::on_free_ports()
    };
    assert!(start(config, elsewhere).contains("must be on loopback"));
    assert_eq!(portal.get("/status").status, 200);
}

#[test]
fn a_store_that_was_lost_is_not_replaced_by_an_empty_one() {
    let mut portal = Portal::start();
    portal.enrol("anna", "valid");
    portal.stop();
    let store = portal.data().join("portal.sqlite");
    let away = portal.file("away.sqlite");
    std::fs::rename(&store, &away).unwrap();
    let source = || Source::Directory {
        path: portal.data(),
        store: None,
    };
    let said = Server::start(Config::on_free_ports(), source()).unwrap_err();
    let said = said.to_string();
    assert!(
        said.contains("no store of a portal here") && said.contains("portal.sqlite"),
        "{said}"
    );
    assert!(!store.exists());
    std::fs::rename(&away, &store).unwrap();
    portal.start_again(generous());
    let log = portal.admin("GET", "/admin/v1/audit", None).json();
    assert_eq!(log["entries"][1]["operation"], "enrol");
}

#[test]
fn a_portal_from_memory_needs_no_directory_and_gives_its_certificate_out() {
    let clock = PortalClock::over(SystemClock);
    let rng = IssuerRng::from_seed(7, "portal");
    let local = LocalPortal::create(clock.clone(), rng).unwrap();
    let portal = Box::new(local);
    let running = Server::start(Config::on_free_ports(), Source::Ready { portal, clock }).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, running.ca_certificate_pem()).unwrap();
    let ca = ca.to_str().unwrap();
    let url = format!("{}/status", running.urls().main);
    assert_eq!(curl(&["--cacert", ca, &url]).status, 200);
    assert_ne!(
        curl(&[&url]).exit,
        0,
        "without the certificate it is not trusted"
    );
    running.stop().unwrap();
    assert_eq!(curl(&["--cacert", ca, &url]).status, 0);
}
