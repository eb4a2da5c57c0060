//! A portal on free ports, cards whose keys are PEM files, and curl and openssl to talk to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kortlab_portal::server::{Config, Limits, Running, Server, Source};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A portal in this process, with its data in a directory that goes away with it.
pub struct Portal {
    pub running: Option<Running>,
    pub directory: TempDir,
}

/// Limits that no test meets by accident.
pub fn generous() -> Limits {
    Limits {
        requests_per_second: 0,
        changes_per_second: 0,
        ..Limits::default()
    }
}

impl Portal {
    pub fn start() -> Self {
        Self::with(generous())
    }

    pub fn with(limits: Limits) -> Self {
        let directory = TempDir::new().unwrap();
        let mut portal = Self {
            running: None,
            directory,
        };
        portal.start_again(limits);
        portal
    }

    /// Starts on the same directory, after [`Portal::stop`].
    pub fn start_again(&mut self, limits: Limits) {
        let config = Config {
            limits,
            ..Config::on_free_ports()
        };
        let source = Source::Directory {
            path: self.data(),
            store: None,
        };
        self.running = Some(Server::start(config, source).unwrap());
    }

    pub fn stop(&mut self) {
        self.running.take().unwrap().stop().unwrap();
    }

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// What curl trusts.
    pub fn ca(&self) -> String {
        text(&self.data().join("tls-ca.pem"))
    }

    /// Sends a request with curl to an address of the main listener.
    pub fn get(&self, path: &str) -> Answer {
        let url = format!("{}{path}", self.running().urls().main);
        self.curl(&[&url])
    }

    /// Runs curl, which trusts the portal.
    pub fn curl(&self, arguments: &[&str]) -> Answer {
        let ca = self.ca();
        let mut all = vec!["--cacert", &ca];
        all.extend(arguments);
        curl(&all)
    }

    /// Sends something to the administrator's side.
    pub fn admin(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let token = fs::read_to_string(self.data().join("admin-token")).unwrap();
        let url = format!("http://{}{path}", self.running().addresses().admin);
        let authorization = format!("Authorization: Bearer {}", token.trim());
        let body = body.map(|body| body.to_string());
        let mut arguments = vec!["-X", method, "-H", &authorization, &url];
        if let Some(body) = &body {
            arguments.extend(["-H", "Content-Type: application/json", "--data", body]);
        }
        curl(&arguments)
    }

    /// Enrols a card whose keys openssl makes.
    pub fn enrol(&self, name: &str, state: &str) -> Card {
        let directory = self.file(name);
        fs::create_dir(&directory).unwrap();
        let key = |which: &str| {
            let path = text(&directory.join(format!("{which}.key")));
            openssl(&["genrsa", "-out", &path, "2048"]);
            let der = openssl(&["pkey", "-in", &path, "-pubout", "-outform", "DER"]);
            STANDARD.encode(der.stdout)
        };
        let body = json!({
            "state": state,
            "authentication_key": key("authentication"),
            "signature_key": key("signature"),
        });
        let answer = self.admin("POST", "/admin/v1/cards", Some(body));
        assert_eq!(answer.status, 201, "{}", answer.body);
        let card = Card {
            enrolled: answer.json(),
            directory,
        };
        for (pair, color) in [("carrier", "carrier"), ("hcc", "hcc")] {
            for which in ["authentication", "signature"] {
                if let Some(der) = card.enrolled[pair][which].as_str() {
                    card.write_certificate(color, which, &STANDARD.decode(der).unwrap());
                }
            }
        }
        card
    }

    /// Writes both authorities' certificates as PEM, and returns the path of one.
    pub fn authority(&self, name: &str) -> String {
        text(&self.data().join(format!("{name}-ca.pem")))
    }
}

/// A card whose keys and certificates are PEM files.
pub struct Card {
    /// What the administrator's side said of it.
    pub enrolled: Value,
    pub directory: PathBuf,
}

impl Card {
    pub fn write_certificate(&self, issuer: &str, which: &str, der: &[u8]) -> String {
        let path = self.directory.join(format!("{issuer}-{which}.der"));
        fs::write(&path, der).unwrap();
        let pem = self.certificate(issuer, which);
        openssl(&["x509", "-inform", "DER", "-in", &text(&path), "-out", &pem]);
        pem
    }

    /// The PEM file of a certificate: `carrier` or `hcc`, `authentication` or `signature`.
    pub fn certificate(&self, issuer: &str, which: &str) -> String {
        text(&self.directory.join(format!("{issuer}-{which}.pem")))
    }

    /// The PEM file of a key: `authentication` or `signature`.
    pub fn key(&self, which: &str) -> String {
        text(&self.directory.join(format!("{which}.key")))
    }

    /// Logs in with one of the card's certificates.
    pub fn log_in(&self, portal: &Portal, issuer: &str, which: &str, extra: &[&str]) -> Answer {
        let url = format!("{}/api/v1/session", portal.running().urls().log_in);
        let (certificate, key) = (self.certificate(issuer, which), self.key(which));
        let mut arguments = vec!["--cert", &certificate, "--key", &key, "-X", "POST", &url];
        arguments.extend(extra);
        portal.curl(&arguments)
    }

    /// Logs in with the carrier's certificate, and returns a session.
    pub fn session<'a>(&'a self, portal: &'a Portal) -> Session<'a> {
        let answer = self.log_in(portal, "carrier", "authentication", &[]);
        assert_eq!(answer.status, 201, "{}", answer.body);
        Session {
            portal,
            card: self,
            token: answer.json()["token"].as_str().unwrap().to_owned(),
        }
    }
}

/// A session in the JSON interface.
pub struct Session<'a> {
    pub portal: &'a Portal,
    pub card: &'a Card,
    pub token: String,
}

impl Session<'_> {
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let url = format!("{}{path}", self.portal.running().urls().main);
        let authorization = format!("Authorization: Bearer {}", self.token);
        let file = self.card.directory.join("body.json");
        let data = format!("@{}", file.display());
        let mut arguments = vec!["-X", method, "-H", &authorization, &url];
        if let Some(body) = body {
            fs::write(&file, body.to_string()).unwrap();
            arguments.extend(["-H", "Content-Type: application/json", "--data", &data]);
        }
        self.portal.curl(&arguments)
    }

    /// Places an order and writes what approves it, with openssl.
    pub fn approval(&self) -> (String, Value) {
        let order = self.send("POST", "/api/v1/orders", None);
        assert_eq!(order.status, 200, "{}", order.body);
        let body: kortlab_portal_api::orders::OrderBody =
            serde_json::from_str(&order.body).unwrap();
        let order = kortlab_portal_core::Order::try_from(body).unwrap();
        let authentication = self.request("authentication");
        let signature = self.request("signature");
        let approval = order.approval_text(&authentication, &signature);
        let signed = self.sign(&approval, "carrier");
        let body = json!({
            "authentication_request": STANDARD.encode(authentication),
            "signature_request": STANDARD.encode(signature),
            "signed_approval": STANDARD.encode(signed),
        });
        (order.id.to_string(), body)
    }

    /// Orders and approves, and returns the order's name and its two certificates.
    pub fn issue(&self) -> (String, Value) {
        let (order, approval) = self.approval();
        let path = format!("/api/v1/orders/{order}/approval");
        let answer = self.send("POST", &path, Some(&approval));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let pair = answer.json();
        for which in ["authentication", "signature"] {
            let der = STANDARD.decode(pair[which].as_str().unwrap()).unwrap();
            self.card.write_certificate("hcc", which, &der);
        }
        (order, pair)
    }

    /// Signs the receipt that waits, and sends it in.
    pub fn sign_receipt(&self, order: &str) -> Answer {
        let receipt = self.send("GET", "/api/v1/receipt", None);
        assert_eq!(receipt.status, 200, "{}", receipt.body);
        let text = receipt.json()["text"].as_str().unwrap().to_owned();
        let body = json!({"signed_receipt": STANDARD.encode(self.sign(&text, "hcc"))});
        let path = format!("/api/v1/orders/{order}/receipt");
        self.send("POST", &path, Some(&body))
    }

    fn request(&self, which: &str) -> Vec<u8> {
        let key = self.card.key(which);
        openssl(&[
            "req", "-new", "-key", &key, "-subj", "/CN=TEST", "-sha256", "-outform", "DER",
        ])
        .stdout
    }

    fn sign(&self, message: &str, issuer: &str) -> Vec<u8> {
        let input = self.card.directory.join("message");
        fs::write(&input, message).unwrap();
        let certificate = self.card.certificate(issuer, "signature");
        openssl(&[
            "cms",
            "-sign",
            "-binary",
            "-nodetach",
            "-md",
            "sha256",
            "-outform",
            "DER",
            "-signer",
            &certificate,
            "-inkey",
            &self.card.key("signature"),
            "-in",
            &text(&input),
        ])
        .stdout
    }
}

/// What curl was answered.
#[derive(Debug)]
pub struct Answer {
    /// curl's own exit code.
    pub exit: i32,
    /// The status; 0 if no answer came.
    pub status: u16,
    pub headers: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Runs curl. Headers and body come apart.
pub fn curl(arguments: &[&str]) -> Answer {
    curl_with(arguments, &[])
}

/// Runs curl with these variables in its environment.
pub fn curl_with(arguments: &[&str], variables: &[(&str, &str)]) -> Answer {
    let headers = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60"])
        .args(["--write-out", "%{stderr}\n%{http_code}"])
        .arg("--dump-header")
        .arg(headers.path())
        .args(arguments)
        .env_remove("http_proxy")
        .env_remove("https_proxy")
        .env("NO_PROXY", "*")
        .envs(variables.iter().copied())
        .output()
        .expect("curl is not installed; run: cargo xtask test");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let status = said.lines().last().unwrap_or_default().trim();
    Answer {
        exit: output.status.code().unwrap_or(-1),
        status: status.parse().unwrap_or(0),
        headers: fs::read_to_string(headers.path()).unwrap(),
        body: String::from_utf8_lossy(&output.stdout).into_owned(),
    }
}

/// Runs openssl, which must succeed.
pub fn openssl(arguments: &[&str]) -> Output {
    let output = try_openssl(arguments);
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Runs openssl.
pub fn try_openssl(arguments: &[&str]) -> Output {
    Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("openssl is not installed; run: cargo xtask test")
}

/// Everything that a program said.
pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
