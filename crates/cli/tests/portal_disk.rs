//! `kortlab portal` on a disk that gets full, and on one that must not be written to.

#![cfg(feature = "portal")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::{Lab, Running, stderr, stdout};
use kortlab_portal_api::Binary;
use serde_json::{Value, json};

/// `kortlab portal` in `portal`, after `mount` has been done in a namespace of its own, with `$1`
/// the directory `disk`, where the store is.
fn portal(lab: &Lab, mount: &str) -> Command {
    fs::create_dir(lab.path("disk")).unwrap();
    let is_root = fs::read_to_string("/proc/self/status")
        .unwrap()
        .contains("Uid:\t0\t0");
    let mut command = Command::new("unshare");
    if !is_root {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(["--mount", "sh", "-c"])
        .arg(format!("{mount} && shift && exec \"$@\""))
        .arg("sh")
        .arg(lab.path("disk"))
        .arg(env!("CARGO_BIN_EXE_kortlab"))
        .args(["--json", "portal", "--data", "portal"])
        .args(["--store", "sqlite:disk/portal.sqlite"])
        .args(["--rate", "0", "--change-rate", "0"]);
    for listener in ["", "log-in-", "trial-", "pki-", "admin-"] {
        command.args([&format!("--{listener}listen"), "127.0.0.1:0"]);
    }
    command
        .current_dir(lab.directory())
        .env("KORTLAB_LOG", "warn")
        .stderr(Stdio::from(File::create(lab.path("log")).unwrap()));
    command
}

/// The administrator, with curl.
struct Administrator<'a> {
    lab: &'a Lab,
    url: String,
}

impl Administrator<'_> {
    /// The status and the body of an answer.
    fn ask(&self, path: &str, body: Option<&Value>) -> (u16, Value) {
        let token = fs::read_to_string(self.lab.path("portal/admin-token")).unwrap();
        let header = format!("Authorization: Bearer {}\n", token.trim());
        fs::write(self.lab.path("header"), header).unwrap();
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--noproxy", "*"])
            .args(["--max-time", "30", "--header", "@header"])
            .args(["--write-out", "\n%{http_code}"])
            .arg(format!("{}{path}", self.url))
            .current_dir(self.lab.directory());
        if let Some(body) = body {
            curl.args(["--json", &body.to_string()]);
        }
        let output = curl
            .output()
            .expect("curl is not installed; run: cargo xtask test");
        let said = stdout(&output);
        let (body, status) = said
            .rsplit_once('\n')
            .unwrap_or_else(|| panic!("{}", stderr(&output)));
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        (status.parse().unwrap(), body)
    }

    fn done(&self, operation: &str) -> usize {
        let (status, page) = self.ask("/admin/v1/audit?after=0&limit=1000", None);
        assert_eq!(status, 200);
        let entries = page["entries"].as_array().unwrap().iter();
        entries
            .filter(|entry| entry["operation"] == operation && entry["outcome"] == "done")
            .count()
    }
}

/// Who relies on a pair of HCCs, with curl and openssl.
struct RelyingParty<'a> {
    lab: &'a Lab,
    url: String,
}

impl<'a> RelyingParty<'a> {
    fn new(lab: &'a Lab, news: &Value, pair: &Value) -> Self {
        for which in ["authentication", "signature"] {
            let der: Binary = serde_json::from_value(pair[which].clone()).unwrap();
            fs::write(lab.path("certificate.der"), der.as_bytes()).unwrap();
            let pem = format!("{which}.pem");
            lab.openssl(&[
                "x509",
                "-inform",
                "DER",
                "-in",
                "certificate.der",
                "-out",
                &pem,
            ]);
        }
        Self {
            lab,
            url: news["pki_url"].as_str().unwrap().to_owned(),
        }
    }

    /// By OCSP and by the CRL alike, a certificate is revoked, or is not.
    fn is_told(&self, which: &str, revoked: bool) {
        let pem = format!("{which}.pem");
        let ocsp = format!("{}/ocsp/test-siths-type-1-ca-v1", self.url);
        let authority = "portal/hcc-ca.pem";
        let said = self.lab.openssl(&[
            "ocsp", "-issuer", authority, "-cert", &pem, "-url", &ocsp, "-CAfile", authority,
        ]);
        let expected = match revoked {
            true => ": revoked",
            false => ": good",
        };
        assert!(
            said.contains(expected) && said.contains("verify OK"),
            "{said}"
        );
        let crl = format!("{}/crl/test-siths-type-1-ca-v1.crl", self.url);
        let fetched = Command::new("curl")
            .args([
                "--silent",
                "--fail",
                "--max-time",
                "30",
                "--output",
                "crl.der",
                &crl,
            ])
            .current_dir(self.lab.directory())
            .status()
            .expect("curl is not installed; run: cargo xtask test");
        assert!(fetched.success());
        let list = self
            .lab
            .openssl(&["crl", "-inform", "DER", "-in", "crl.der", "-noout", "-text"]);
        let serial = self
            .lab
            .openssl(&["x509", "-in", &pem, "-noout", "-serial"]);
        let serial = serial.trim().trim_start_matches("serial=");
        assert_eq!(list.contains(serial), revoked, "{serial}: {list}");
    }
}

/// A card to be enrolled: two keys, base64.
fn new_card(lab: &Lab) -> Value {
    let mut card = json!({"state": "valid"});
    for name in ["authentication_key", "signature_key"] {
        let rsa = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
        let new = [&["genpkey", "-out", "key.pem"][..], &rsa].concat();
        lab.openssl(&new);
        lab.openssl(&[
            "pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "key.der",
        ]);
        let der = fs::read(lab.path("key.der")).unwrap();
        card[name] = serde_json::to_value(Binary::from(der)).unwrap();
    }
    card
}

#[test]
fn on_a_full_disk_nothing_is_acknowledged_and_with_room_again_it_goes_on() {
    let lab = Lab::empty();
    let process = Running::start(portal(&lab, "mount -t tmpfs -o size=2m tmpfs \"$1\""));
    let news: Value = serde_json::from_str(process.first_line()).expect("one line of JSON");
    let administrator = Administrator {
        lab: &lab,
        url: news["admin_url"].as_str().unwrap().to_owned(),
    };
    // No two cards have the same keys.
    let enrol = || administrator.ask("/admin/v1/cards", Some(&new_card(&lab)));
    let (status, enrolled) = enrol();
    assert_eq!(status, 201);
    let mut acknowledged = 1;
    let relying = RelyingParty::new(&lab, &news, &enrolled["hcc"]);
    let revoke = |which: &str| {
        let body = json!({"certificate": enrolled["hcc"][which], "reason": "keyCompromise"});
        administrator.ask("/admin/v1/revocations", Some(&body)).0
    };
    assert_eq!(revoke("authentication"), 204);
    relying.is_told("authentication", true);
    relying.is_told("signature", false);

    // As the portal sees the disk.
    let disk = PathBuf::from(format!("/proc/{}/root", process.id()))
        .join(lab.path("disk").strip_prefix("/").unwrap());
    let filler = disk.join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let mut refused = 0;
    while refused < 5 {
        let (status, body) = enrol();
        match status {
            201 => acknowledged += 1,
            503 => {
                assert_eq!(body["code"], "store", "{body}");
                refused += 1;
            }
            _ => panic!("{status}: {body}"),
        }
        assert!(acknowledged < 1000, "the disk never gets full");
    }
    let (status, health) = administrator.ask("/admin/v1/status", None);
    assert_eq!((status, &health["status"]), (200, &json!("unavailable")));
    // Relying parties are told what is stored, and of nothing that is not.
    assert_eq!(revoke("signature"), 503);
    for _ in 0..3 {
        relying.is_told("authentication", true);
        relying.is_told("signature", false);
    }
    let log = fs::read_to_string(lab.path("log")).unwrap();
    assert!(log.contains("cannot store a change"), "{log}");
    assert!(log.contains("disk is full"), "{log}");

    drop(file);
    fs::remove_file(&filler).unwrap();
    assert_eq!(enrol().0, 201);
    acknowledged += 1;
    assert_eq!(revoke("signature"), 204);
    relying.is_told("signature", true);
    let (status, verdict) = administrator.ask("/admin/v1/audit/verification", None);
    assert_eq!((status, &verdict["broken"]), (200, &Value::Null));
    assert_eq!(administrator.done("enrol"), acknowledged);
    let (_, health) = administrator.ask("/admin/v1/status", None);
    assert_eq!(health["status"], "ok");

    // And by what is on the disk, once the portal has ended.
    let kept = File::open(disk.join("portal.sqlite")).unwrap();
    assert!(process.end_with("TERM").success());
    std::io::copy(&mut &kept, &mut File::create(lab.path("kept")).unwrap()).unwrap();
    let output = Command::new("sqlite3")
        .args(["kept", "SELECT count(*) FROM card; PRAGMA integrity_check"])
        .current_dir(lab.directory())
        .output()
        .expect("sqlite3 is not installed; run: cargo xtask test");
    assert_eq!(stdout(&output), format!("{acknowledged}\nok\n"));
}

#[test]
fn on_a_disk_that_must_not_be_written_to_it_does_not_start_and_says_why() {
    let lab = Lab::empty();
    let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\"";
    let output = portal(&lab, mount).stdout(Stdio::null()).status().unwrap();
    assert_eq!(output.code(), Some(1));
    let said = fs::read_to_string(lab.path("log")).unwrap();
    assert!(said.contains("sqlite:disk/portal.sqlite"), "{said}");
    assert!(said.contains("Read-only file system"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}
