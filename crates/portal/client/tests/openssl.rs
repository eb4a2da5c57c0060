//! OpenSSL's server asks for a client certificate and checks the card's signature, in TLS 1.2 and
//! 1.3.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use kortlab_apdu::Protocol;
use kortlab_card::{Card, Pin, PinRole, PinState};
use kortlab_emulator::models::eid::layout;
use kortlab_emulator::{CardRng, InProcess, VirtualCard};
use kortlab_issuer::clock::Timestamp;
use kortlab_portal_client::HttpPortal;
use kortlab_portal_core::{LogInKey, Portal, PortalError};
use kortlab_renewal::card::CardLogIn;
use kortlab_renewal::states::{CardState, new_card};
use tempfile::TempDir;

use support::{Server, Tls, answer, connect, info, json};

const SESSION: &str = r#"{"token":"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff","card_number":"NUMBER","holder":{"given_name":"A","surname":"B","personal_number":"196408233234","hsa_id":"TST1-A","organisation":"O","county":"C"},"ends":"2026-11-24T00:10:00Z"}"#;

/// A card as delivered, its PIN, and the authority of its certificates.
struct Holder {
    card: Card<InProcess>,
    pin: Pin,
    certificate: Vec<u8>,
    authority_pem: String,
    card_number: String,
}

impl Holder {
    fn new(protocol: Protocol) -> Self {
        let date = Timestamp::from_date(2026, 11, 24).unwrap();
        let made = new_card(CardState::Delivered, protocol, 1, date).unwrap();
        let mut pins = made.image.pins.iter();
        let pin = pins
            .find(|pin| pin.reference.0 == layout::PIN_AUTHENTICATION)
            .map(|pin| pin.value.as_bytes().to_vec());
        let card = VirtualCard::new(made.image, CardRng::from_seed(1)).unwrap();
        let world = made.world;
        Self {
            card: Card::open(InProcess::ephemeral(card)).unwrap(),
            pin: Pin::new(pin.unwrap()).unwrap(),
            certificate: world.carrier.authentication,
            authority_pem: world.portal.carrier_authority().certificate_pem().unwrap(),
            card_number: world.card_number.to_string(),
        }
    }
}

/// `openssl s_server`, which asks for a client certificate and insists on one it can verify.
struct OpenSsl {
    process: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    port: u16,
}

impl OpenSsl {
    fn start(directory: &Path, tls: &Tls, authority_pem: &str, version: &str) -> Self {
        let write = |name: &str, text: &str| {
            let path = directory.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let mut process = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-naccept", "1"])
            .args(["-Verify", "1", "-verify_return_error", version])
            // The card's certificates have dates of their own.
            .args(["-attime", "1795478400"])
            .arg("-cert")
            .arg(write("server.pem", &tls.certificate_pem))
            .arg("-key")
            .arg(write("server.key", &tls.key_pem))
            .arg("-CAfile")
            .arg(write("carrier.pem", authority_pem))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssl is not installed; run: cargo xtask test");
        let (sender, lines) = mpsc::channel();
        for pipe in [
            Box::new(process.stdout.take().unwrap()) as Box<dyn Read + Send>,
            Box::new(process.stderr.take().unwrap()),
        ] {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        let mut server = Self {
            input: process.stdin.take().unwrap(),
            process,
            lines,
            port: 0,
        };
        let accept = server.until("ACCEPT ");
        let last = accept.last().unwrap();
        server.port = last.rsplit(':').next().unwrap().parse().unwrap();
        server
    }

    /// What it prints, until a line begins with this.
    fn until(&self, prefix: &str) -> Vec<String> {
        let ends = Instant::now() + Duration::from_secs(30);
        let mut seen = Vec::new();
        loop {
            let left = ends.saturating_duration_since(Instant::now());
            let line = self
                .lines
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("openssl never printed {prefix:?}, but: {seen:#?}"));
            let found = line.starts_with(prefix);
            seen.push(line);
            if found {
                return seen;
            }
        }
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A portal whose log-in listener is at that port.
fn portal_with_log_in_at(tls: &Tls, port: u16) -> (Server, HttpPortal) {
    let server = Server::start(tls, move |_, connection| {
        connection.write_all(&json(&info(port))).unwrap();
    });
    let portal = connect(&server.address(), tls);
    (server, portal)
}

/// Logs in at OpenSSL, and returns what it said of the client.
fn log_in(holder: &mut Holder, version: &str) -> String {
    let directory = TempDir::new().unwrap();
    let tls = Tls::new();
    let mut openssl = OpenSsl::start(directory.path(), &tls, &holder.authority_pem, version);
    let (_server, mut portal) = portal_with_log_in_at(&tls, openssl.port);
    let number = holder.card_number.clone();
    std::thread::scope(|scope| {
        let server = scope.spawn(move || {
            let mut said = openssl.until("POST /api/v1/session HTTP/1.1");
            said.extend(openssl.until("accept: "));
            // One write, since OpenSSL takes some letters at its beginning for commands.
            let session = SESSION.replace("NUMBER", &number);
            let answer = answer("201 Created", "application/json", &session);
            openssl.input.write_all(&answer).unwrap();
            openssl.input.flush().unwrap();
            (said.join("\n"), openssl)
        });
        let mut key = CardLogIn::new(&mut holder.card, &holder.pin, &holder.certificate);
        let session = portal.log_in(&mut key).unwrap();
        assert_eq!(session.card_number.to_string(), holder.card_number);
        assert_eq!(session.holder.full_name(), "A B");
        let said = server.join().unwrap().0;
        // OpenSSL goes on only after it has verified the chain and the signature.
        let subject = format!("CN = {}, serialNumber", holder.card_number);
        assert!(said.contains(&subject), "{said}");
        said
    })
}

#[test]
fn the_card_authenticates_in_tls_1_3_with_pss() {
    for protocol in [Protocol::T0, Protocol::T1] {
        let said = log_in(&mut Holder::new(protocol), "-tls1_3");
        assert!(said.contains("Peer signing digest: SHA256"), "{said}");
        assert!(said.contains("Peer signature type: RSA-PSS"), "{said}");
        assert!(said.contains("CIPHER is TLS_"), "{said}");
    }
}

#[test]
fn the_card_authenticates_in_tls_1_2_with_pkcs1() {
    for protocol in [Protocol::T0, Protocol::T1] {
        let said = log_in(&mut Holder::new(protocol), "-tls1_2");
        assert!(said.contains("Peer signing digest: SHA256"), "{said}");
        assert!(said.contains("Peer signature type: RSA\n"), "{said}");
        assert!(said.contains("CIPHER is ECDHE-"), "{said}");
    }
}

#[test]
fn a_wrong_pin_comes_back_as_the_cards_error_and_costs_one_try() {
    let mut holder = Holder::new(Protocol::T0);
    let directory = TempDir::new().unwrap();
    let tls = Tls::new();
    let mut tries = 3;
    for version in ["-tls1_2", "-tls1_3"] {
        let openssl = OpenSsl::start(directory.path(), &tls, &holder.authority_pem, version);
        let (_server, mut portal) = portal_with_log_in_at(&tls, openssl.port);
        let wrong = Pin::new(b"999999".to_vec()).unwrap();
        let mut key = CardLogIn::new(&mut holder.card, &wrong, &holder.certificate);
        let error = portal.log_in(&mut key).unwrap_err();
        let PortalError::KeyRefused(refused) = &error else {
            panic!("{error:?}");
        };
        assert!(refused.message.contains("PIN"), "{error}");
        assert!(key.into_failure().is_some());
        tries -= 1;
        let after = holder.card.pin_status(PinRole::Authentication).unwrap();
        assert_eq!(after, PinState::TriesLeft(tries));
    }
}

#[test]
fn a_certificate_that_is_not_the_keys_is_refused_by_the_server_not_by_a_wait() {
    let mut holder = Holder::new(Protocol::T0);
    let directory = TempDir::new().unwrap();
    let tls = Tls::new();
    // A server that knows another authority.
    let openssl = OpenSsl::start(directory.path(), &tls, &tls.authority_pem, "-tls1_3");
    let (_server, mut portal) = portal_with_log_in_at(&tls, openssl.port);
    let mut key = CardLogIn::new(&mut holder.card, &holder.pin, &holder.certificate);
    assert_eq!(key.certificate(), holder.certificate);
    let error = portal.log_in(&mut key).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, PortalError::Transport(_)), "{said}");
    assert!(
        said.contains("POST /api/v1/session: the TLS handshake failed"),
        "{said}"
    );
}
