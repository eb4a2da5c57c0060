//! Two instances that only read beside the portal that writes to a PostgreSQL database.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use kortlab_interop::PostgresCluster;
use kortlab_portal::server::{Config, ReadOnlyConfig, RunningReadOnly, Server, Source};
use kortlab_portal::store::{self, Create, StoreUrl};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Card, Portal, curl, generous, openssl, said, text, try_openssl};

struct Trio {
    portal: Portal,
    readers: [RunningReadOnly; 2],
    cluster: PostgresCluster,
    url: StoreUrl,
    /// What the operator has copied: nothing else of the data directory.
    copy: TempDir,
}

impl Trio {
    fn start() -> Self {
        let cluster = PostgresCluster::start().unwrap();
        cluster.database("portal").unwrap();
        let url: StoreUrl = cluster.url("portal").parse().unwrap();
        let directory = TempDir::new().unwrap();
        let source = Source::Directory {
            path: directory.path().join("data"),
            store: Some(url.clone()),
        };
        let config = Config {
            limits: generous(),
            ..Config::on_free_ports()
        };
        let running = Server::start(config, source).unwrap();
        let portal = Portal {
            running: Some(running),
            directory,
        };
        let copy = TempDir::new().unwrap();
        for name in [
            "carrier-ca.pem",
            "hcc-ca.pem",
            "carrier-ocsp.pem",
            "hcc-ocsp.pem",
        ] {
            let from = portal.data().join(name);
            let began = Instant::now();
            while !from.exists() {
                assert!(
                    began.elapsed() < Duration::from_secs(20),
                    "{name} is not handed out"
                );
                thread::sleep(Duration::from_millis(20));
            }
            fs::copy(from, copy.path().join(name)).unwrap();
        }
        let start = || {
            let config = ReadOnlyConfig {
                limits: generous(),
                ..ReadOnlyConfig::on_a_free_port()
            };
            Server::start_read_only(config, copy.path(), &url).unwrap()
        };
        Self {
            readers: [start(), start()],
            portal,
            cluster,
            url,
            copy,
        }
    }

    fn at(&self, reader: usize) -> String {
        format!("http://{}", self.readers[reader].address())
    }

    /// What openssl is told by a reader of a card's HCC for authentication.
    fn ocsp(&self, reader: usize, card: &Card) -> String {
        self.ocsp_at(&self.at(reader), card)
    }

    /// The same, of the portal or an instance at this address.
    fn ocsp_at(&self, address: &str, card: &Card) -> String {
        let authority = self.portal.authority("hcc");
        said(&try_openssl(&[
            "ocsp",
            "-issuer",
            &authority,
            "-cert",
            &card.certificate("hcc", "authentication"),
            "-url",
            &format!("{address}/ocsp/test-siths-type-1-ca-v1"),
            "-CAfile",
            &authority,
        ]))
    }

    /// What openssl makes of that certificate with the CRL of a reader.
    fn by_crl(&self, reader: usize, card: &Card) -> String {
        let file = self.portal.file("reader.crl");
        let url = format!("{}/crl/test-siths-type-1-ca-v1.crl", self.at(reader));
        let answer = curl(&["--output", &text(&file), &url]);
        assert_eq!(answer.status, 200, "{answer:?}");
        let pem = text(&self.portal.file("reader.crl.pem"));
        openssl(&["crl", "-inform", "DER", "-in", &text(&file), "-out", &pem]);
        let authority = self.portal.authority("hcc");
        said(&try_openssl(&[
            "verify",
            "-CAfile",
            &authority,
            "-CRLfile",
            &pem,
            "-crl_check",
            &card.certificate("hcc", "authentication"),
        ]))
    }
}

/// Waits until something is so.
fn soon(what: &str, patience: u64, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(patience), "{what}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_the_portal_writes_is_seen_by_both_instances_soon_and_goes_on_when_it_has_ended() {
    let mut trio = Trio::start();
    let card = trio.portal.enrol("anna", "valid");
    for reader in 0..2 {
        soon("good", 10, || trio.ocsp(reader, &card).contains(": good"));
        assert!(trio.ocsp(reader, &card).contains("Response verify OK"));
    }
    let body = json!({
        "certificate": card.enrolled["hcc"]["authentication"], "reason": "keyCompromise",
    });
    let revoked = trio
        .portal
        .admin("POST", "/admin/v1/revocations", Some(body));
    assert_eq!(revoked.status, 204, "{revoked:?}");
    for reader in 0..2 {
        soon("revoked", 10, || {
            trio.ocsp(reader, &card).contains("Reason: keyCompromise")
        });
        // The portal makes a CRL within ten seconds, without being asked for one.
        soon("in the CRL", 30, || {
            trio.by_crl(reader, &card).contains("certificate revoked")
        });
    }
    // The portal that writes is gone; nobody waits for it.
    trio.portal.stop();
    for reader in 0..2 {
        assert!(trio.ocsp(reader, &card).contains("Reason: keyCompromise"));
        assert!(trio.by_crl(reader, &card).contains("certificate revoked"));
        assert_eq!(curl(&[&format!("{}/status", trio.at(reader))]).status, 200);
    }
    // And the database, too: for a while they say what they know.
    trio.cluster.stop();
    thread::sleep(Duration::from_secs(3));
    for reader in 0..2 {
        assert!(trio.ocsp(reader, &card).contains("Reason: keyCompromise"));
        assert_eq!(curl(&[&format!("{}/status", trio.at(reader))]).status, 200);
    }
}

#[test]
fn an_instance_that_only_reads_refuses_everything_else_clearly() {
    let trio = Trio::start();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/menu"),
        ("POST", "/api/v1/session"),
        ("POST", "/api/v1/orders"),
        ("POST", "/admin/v1/cards"),
        ("GET", "/metrics"),
        ("PUT", "/crl/test-siths-type-1-ca-v1.crl"),
        ("DELETE", "/status"),
    ] {
        let url = format!("{}{path}", trio.at(0));
        let answer = curl(&["-X", method, &url]);
        assert!(
            matches!(answer.status, 404 | 405),
            "{method} {path}: {answer:?}"
        );
        assert_eq!(answer.json()["code"], "read-only", "{method} {path}");
        assert!(
            answer.body.contains("ask the portal that writes"),
            "{}",
            answer.body
        );
    }
    let certificate = format!("{}/ca/test-siths-type-1-ca-v1.cer", trio.at(1));
    assert_eq!(curl(&["--output", "/dev/null", &certificate]).status, 200);
}

#[test]
fn an_instance_without_what_it_needs_does_not_start_and_says_what_is_missing() {
    let trio = Trio::start();
    let start = |data: &std::path::Path, url: &StoreUrl| {
        let config = ReadOnlyConfig::on_a_free_port();
        Server::start_read_only(config, data, url)
            .unwrap_err()
            .to_string()
    };
    let sqlite = StoreUrl::sqlite(trio.portal.file("other.sqlite"));
    assert!(start(trio.copy.path(), &sqlite).contains("only a PostgreSQL store"));
    let bare = TempDir::new().unwrap();
    assert!(start(bare.path(), &trio.url).contains("carrier-ca.pem"));
    for name in ["carrier-ca.pem", "hcc-ca.pem"] {
        fs::copy(trio.copy.path().join(name), bare.path().join(name)).unwrap();
    }
    let said = start(bare.path(), &trio.url);
    assert!(
        said.contains("carrier-ocsp.pem") && said.contains("copy it from there"),
        "{said}"
    );
    // The other authority's responder, and one that others can read.
    let from = trio.copy.path().join("hcc-ocsp.pem");
    fs::copy(&from, bare.path().join("carrier-ocsp.pem")).unwrap();
    let said = start(bare.path(), &trio.url);
    assert!(said.contains("not by this authority"), "{said}");
    let path = trio.copy.path().join("carrier-ocsp.pem");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(&path, mode).unwrap();
    let said = start(trio.copy.path(), &trio.url);
    assert!(said.contains("chmod 600"), "{said}");
}

#[test]
fn a_portal_whose_store_another_one_has_stops_saying_good_and_goes_on_when_it_has_it_again() {
    let mut trio = Trio::start();
    let card = trio.portal.enrol("anna", "valid");
    let at_portal = format!("http://{}", trio.portal.running().addresses().pki);
    assert!(trio.ocsp_at(&at_portal, &card).contains(": good"));
    let ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE application_name = 'kortlab portal' AND datname = current_database()";
    // Its connection is lost while nobody asks anything of it, and another portal is faster.
    let mut other = loop {
        trio.cluster.psql("portal", ours).unwrap();
        if let Ok(other) = store::open(&trio.url, Create::No) {
            break other;
        }
    };
    other.load().unwrap();
    other.commit(&[], &[]).unwrap();
    soon("no answer", 20, || {
        trio.ocsp_at(&at_portal, &card).contains("trylater")
    });
    assert_eq!(trio.portal.get("/status").status, 503);
    drop(other);
    soon("an answer again", 30, || {
        trio.ocsp_at(&at_portal, &card).contains(": good")
    });
    soon("well again", 30, || {
        trio.portal.get("/status").status == 200
    });
    trio.portal.stop();
}

#[test]
fn while_the_database_is_gone_the_portal_says_so_and_does_nothing_that_it_refuses() {
    let mut trio = Trio::start();
    trio.cluster.stop();
    soon("unavailable", 20, || {
        trio.portal.get("/status").status == 503
    });
    let ask = |path: &str| trio.portal.admin("GET", path, None).json();
    assert_eq!(ask("/admin/v1/status")["status"], "unavailable");
    let plan = json!({"kind": "lost-answer", "operation": "approve"});
    for (path, body) in [
        ("/admin/v1/clock", json!({"advance": 3600})),
        ("/admin/v1/clock", json!({"advance": 3600})),
        ("/admin/v1/failures", plan.clone()),
    ] {
        let refused = trio.portal.admin("POST", path, Some(body));
        assert_eq!(refused.status, 503, "{refused:?}");
    }
    assert_eq!(ask("/admin/v1/clock")["seconds_ahead"], 0);
    assert_eq!(ask("/admin/v1/failures")["failures"], json!([]));
    trio.cluster.launch().unwrap();
    soon("well again", 30, || {
        trio.portal.get("/status").status == 200
    });
    let set = trio
        .portal
        .admin("POST", "/admin/v1/clock", Some(json!({"advance": 3600})));
    assert_eq!(set.json()["seconds_ahead"], 3600);
    let planned = trio.portal.admin("POST", "/admin/v1/failures", Some(plan));
    assert_eq!(planned.status, 201, "{planned:?}");
    // What is planned is ended, or not at all.
    trio.cluster.stop();
    let refused = trio.portal.admin("DELETE", "/admin/v1/failures", None);
    assert_eq!(refused.status, 503, "{refused:?}");
    let plans = trio.portal.admin("GET", "/admin/v1/failures", None).json();
    assert_eq!(plans["failures"].as_array().unwrap().len(), 1);
}

#[test]
fn what_was_revoked_just_before_the_end_is_in_the_crl() {
    let mut trio = Trio::start();
    let card = trio.portal.enrol("anna", "valid");
    let body = json!({
        "certificate": card.enrolled["hcc"]["authentication"], "reason": "keyCompromise",
    });
    let revoked = trio
        .portal
        .admin("POST", "/admin/v1/revocations", Some(body));
    assert_eq!(revoked.status, 204, "{revoked:?}");
    trio.portal.stop();
    soon("in the CRL", 10, || {
        trio.by_crl(0, &card).contains("certificate revoked")
    });
}
