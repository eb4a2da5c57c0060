//! A running `kortlab portal`, and cards that are enrolled there.

use std::cell::Cell;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use kortlab_card::{Card, PinRole};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_portal_api::Binary;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Lab, Running, assert_code};

/// A portal on free ports, with a data directory of its own.
pub struct Portal {
    data: TempDir,
    store: Option<String>,
    process: Option<Running>,
    /// How many cards it has made: each has keys of its own.
    cards: Cell<u64>,
    /// Where the pages and the JSON interface are.
    pub url: String,
    admin: String,
}

impl Portal {
    pub fn start() -> Self {
        Self::with_store(None)
    }

    /// With the store at this address.
    pub fn start_on(store: &str) -> Self {
        Self::with_store(Some(store.to_owned()))
    }

    fn with_store(store: Option<String>) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let (process, news) = start(data.path(), store.as_deref(), &[]);
        Self {
            url: text(&news, "url"),
            admin: text(&news, "admin_url"),
            data,
            store,
            process: Some(process),
            cards: Cell::new(0),
        }
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Its TLS authority.
    pub fn ca(&self) -> PathBuf {
        self.data.path().join("tls-ca.pem")
    }

    /// Ends it, and gives its data directory.
    pub fn stop(mut self) -> TempDir {
        if let Some(process) = self.process.take() {
            assert!(process.end_with("TERM").success());
        }
        self.data
    }

    /// Kills it and starts it again, at the same address.
    pub fn kill_and_restart(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
        let port = self.url.rsplit(':').next().expect("a port");
        let (process, news) = start(
            self.data.path(),
            self.store.as_deref(),
            &["--listen", &format!("127.0.0.1:{port}")],
        );
        assert_eq!(text(&news, "url"), self.url);
        self.admin = text(&news, "admin_url");
        self.process = Some(process);
    }

    /// Asks something of the administrator's side; it must do it.
    #[track_caller]
    pub fn admin(&self, method: &str, path: &str, body: &Value) -> Value {
        let token = fs::read_to_string(self.data.path().join("admin-token")).expect("a token");
        let host = self.admin.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).expect("the administrator's side listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("set");
        let body = body.to_string();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            token.trim(),
            body.len()
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("HTTP");
        let status = head.split(' ').nth(1).expect("a status");
        assert!(status.starts_with('2'), "{method} {path}: {answer}");
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// A failure on purpose, once.
    pub fn fail_once(&self, operation: &str, kind: &str) {
        let plan = json!({"operation": operation, "kind": kind, "times": 1});
        self.admin("POST", "/admin/v1/failures", &plan);
    }

    /// How many times this was done, by the audit log.
    pub fn audited(&self, operation: &str) -> usize {
        let page = self.admin("GET", "/admin/v1/audit?after=0&limit=1000", &Value::Null);
        let entries = page["entries"].as_array().expect("entries").iter();
        entries
            .filter(|entry| entry["operation"] == operation && entry["outcome"] == "done")
            .count()
    }

    /// A directory with a card of this portal, `card.json`, in this state: `delivered`, `valid`,
    /// `expired` or `revoked`.
    pub fn card(&self, state: &str, protocol: &str) -> Lab {
        self.cards.set(self.cards.get() + 1);
        let seed = self.cards.get().to_string();
        let lab = Lab::empty();
        let new = ["card", "new", "-o", "card.json", "--state", "blank-slots"];
        let new = [&new[..], &["--protocol", protocol, "--seed", &seed]].concat();
        assert_code(&lab.run(&new), 0);
        let [authentication, signature] = public_keys(&lab);
        let info = lab.run(&["--json", "info"]);
        let info: Value = serde_json::from_slice(&info.stdout).expect("JSON");
        let enrolled = self.admin(
            "POST",
            "/admin/v1/cards",
            &json!({
                "authentication_key": authentication,
                "signature_key": signature,
                "state": state,
                "card_number": info["serial"],
            }),
        );
        for (pair, name) in [("carrier", "Telia"), ("hcc", "HCC")] {
            for (purpose, key) in [("authentication", "45"), ("signature", "46")] {
                let Some(der) = enrolled[pair][purpose].as_str() else {
                    continue;
                };
                let der: Binary = serde_json::from_value(json!(der)).expect("base64");
                fs::write(lab.path("new.der"), der.as_bytes()).expect("written");
                let label = format!("{name} {purpose}");
                let write = [
                    "cert", "write", "new.der", "--key", key, "--force", "--label",
                ];
                assert_code(&lab.with_pins(&[&write[..], &[label.as_str()]].concat()), 0);
            }
        }
        lab
    }

    /// The arguments of a renewal here that asks nothing.
    pub fn renewal(&self) -> Vec<String> {
        let ca = self.ca().display().to_string();
        ["renew", "--portal", &self.url, "--ca", &ca, "--yes"]
            .map(str::to_owned)
            .into()
    }

    /// `kortlab renew` with the right PINs.
    pub fn renew(&self, lab: &Lab) -> Output {
        self.renew_with(lab, &[])
    }

    /// The same, with more options.
    pub fn renew_with(&self, lab: &Lab, options: &[&str]) -> Output {
        let arguments = self.renewal();
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.extend(options);
        lab.with_pins(&arguments)
    }
}

fn start(data: &Path, store: Option<&str>, more: &[&str]) -> (Running, Value) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kortlab"));
    command
        .args(["--json", "portal", "--data"])
        .arg(data)
        .args(["--rate", "0", "--change-rate", "0"])
        .env("KORTLAB_LOG", "warn");
    for listener in ["log-in-", "trial-", "pki-", "admin-"] {
        command.args([&format!("--{listener}listen"), "127.0.0.1:0"]);
    }
    match more {
        [] => command.args(["--listen", "127.0.0.1:0"]),
        more => command.args(more),
    };
    if let Some(store) = store {
        command.env("KORTLAB_STORE", store);
    }
    let process = Running::start(command);
    let news = serde_json::from_str(process.first_line()).expect("one line of JSON");
    (process, news)
}

fn text(news: &Value, field: &str) -> String {
    news[field].as_str().expect("a text").to_owned()
}

/// SubjectPublicKeyInfo in base64: of the authentication key, and of the signature key.
fn public_keys(lab: &Lab) -> [Value; 2] {
    let image = Image::from_json(&lab.image()).expect("an image");
    let card = VirtualCard::new(image, CardRng::from_seed(1)).expect("a card");
    let mut card = Card::open(InProcess::ephemeral(card)).expect("PKCS#15");
    [PinRole::Authentication, PinRole::Signature].map(|role| {
        let id = card.key_for(role).expect("a key").id;
        let key = card.public_key(&id).expect("read").expect("a public key");
        serde_json::to_value(Binary::from(key.to_spki_der())).expect("base64")
    })
}
