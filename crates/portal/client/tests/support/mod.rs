//! A TLS server whose answers a test decides, and a card to log in with.

#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use kortlab_portal_client::{HttpPortal, Timeouts, Trust};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A TLS authority, and a server certificate by it.
pub struct Tls {
    pub authority_pem: String,
    pub certificate_pem: String,
    pub key_pem: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Tls {
    /// For `localhost`, 127.0.0.1 and nothing else.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        Self {
            authority_pem: issuer.pem(),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }

    pub fn trust(&self) -> Trust {
        Trust::from_pem(self.authority_pem.as_bytes()).unwrap()
    }
}

/// A connection on which a request was read.
pub type Connection = StreamOwned<ServerConnection, TcpStream>;

/// A TLS server on a free port; it ends when dropped.
pub struct Server {
    pub port: u16,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// `answer` gets the head and body of each request, and the connection to answer on, which is
    /// closed afterwards.
    pub fn start(
        tls: &Tls,
        mut answer: impl FnMut(&str, &mut Connection) + Send + 'static,
    ) -> Self {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![tls.certificate.clone()], tls.key.clone_key())
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let stream = stream.unwrap();
                stream
                    .set_read_timeout(Some(Duration::from_secs(10)))
                    .unwrap();
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut connection = StreamOwned::new(connection, stream);
                // A client that does not trust this server ends here.
                if let Some(request) = read_request(&mut connection) {
                    answer(&request, &mut connection);
                    connection.conn.send_close_notify();
                    let _ = connection.flush();
                }
            }
        });
        Self {
            port,
            over,
            thread: Some(thread),
        }
    }

    pub fn address(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

fn read_request(connection: &mut Connection) -> Option<String> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    let head = String::from_utf8(request).unwrap();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    connection.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

/// An HTTP/1.1 answer.
pub fn answer(status: &str, kind: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub fn json(body: &str) -> Vec<u8> {
    answer("200 OK", "application/json", body)
}

/// What a portal says of itself whose log-in and trial listeners are at `port`.
pub fn info(port: u16) -> String {
    let at = format!("https://localhost:{port}");
    format!(
        r#"{{"name":"kortlab","version":"0","time":"2026-11-24T00:00:00Z","urls":{{"main":"{at}","log_in":"{at}","trial":"{at}","pki":"http://localhost:1"}}}}"#
    )
}

/// A portal that says it is one, and otherwise answers as `answers` does.
pub fn portal(
    tls: &Tls,
    mut answers: impl FnMut(&str, &mut Connection) + Send + 'static,
) -> (Server, HttpPortal) {
    let server = Server::start(tls, move |request, connection| {
        if request.starts_with("GET /api/v1 ") {
            connection.write_all(&json(&info(1))).unwrap();
        } else {
            answers(request, connection);
        }
    });
    let portal = connect(&server.address(), tls);
    (server, portal)
}

/// Connects with short time-outs.
pub fn connect(address: &str, tls: &Tls) -> HttpPortal {
    HttpPortal::connect_within(address, tls.trust(), timeouts()).unwrap()
}

pub fn timeouts() -> Timeouts {
    Timeouts {
        connect: Duration::from_secs(5),
        call: Duration::from_secs(5),
    }
}
