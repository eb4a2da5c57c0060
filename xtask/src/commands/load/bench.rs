//! The servers that are measured, and how.

use std::process::Command;
use std::time::Duration;

use super::asking::Asking;
use super::parts::{self, Scratch, Server, free_port, member, openssl, output, text};
use super::report::Figures;
use crate::process::{self, Failure};

/// How hard the servers are asked.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How long one measurement takes.
    pub duration: Duration,
    /// How many connections ask at once.
    pub connections: usize,
}

/// What is asked of both.
#[derive(Debug)]
pub struct Question {
    /// Its name in the table.
    pub name: &'static str,
    /// At the portal.
    pub ours: Target,
    /// At OpenSSL's server.
    pub peer: Target,
}

/// One address, and what is sent to it.
#[derive(Debug)]
pub struct Target {
    url: String,
    /// What is posted, if it is not a GET.
    body: Option<Vec<u8>>,
}

/// The portal, its peers, and a certificate to ask about.
pub struct Bench {
    shape: Shape,
    places: Places,
    /// In the order in which they end; the directory goes last.
    _servers: [Server; 3],
    scratch: Scratch,
}

/// Where everything is asked.
struct Places {
    status: String,
    ocsp: String,
    peer_status: String,
    peer_ocsp: String,
}

/// A portal that runs.
struct Portal {
    server: Server,
    main: String,
    admin: String,
}

impl Bench {
    /// Starts the servers.
    pub fn start(shape: Shape) -> Result<Self, Failure> {
        let scratch = Scratch::new()?;
        let portal = portal(&scratch)?;
        let ocsp = certificate(&portal, &scratch)?;
        requests(&scratch)?;
        let (responder, peer_ocsp) = responder(&scratch)?;
        let status = format!("{}/status", portal.main.trim_end_matches('/'));
        let (tls, peer_status) = tls_server(&status, &scratch)?;
        Ok(Self {
            shape,
            places: Places {
                status,
                ocsp,
                peer_status,
                peer_ocsp,
            },
            _servers: [portal.server, responder, tls],
            scratch,
        })
    }

    /// Asks both responders for the status of the same certificate, with OpenSSL's client.
    pub fn check_that_both_say_the_same(&self) -> Result<(), Failure> {
        for url in [&self.places.ocsp, &self.places.peer_ocsp] {
            let ask = [
                "ocsp",
                "-issuer",
                "ca.pem",
                "-cert",
                "card.pem",
                "-noverify",
            ];
            let said = text(
                openssl(ask)
                    .args(["-url", url])
                    .current_dir(self.scratch.path()),
            )?;
            if !said.contains("card.pem: good") {
                return Err(Failure::new(format!("{url} does not say good: {said}")));
            }
        }
        Ok(())
    }

    /// What is asked.
    pub fn questions(&self) -> Result<Vec<Question>, Failure> {
        let plain = parts::read(&self.scratch.file("plain.base64"))?;
        // RFC 6960 Appendix A.1: the base64 is URL-encoded.
        let encoded = plain
            .trim()
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        let get = |url: &str| Target {
            url: format!("{}/{encoded}", url.trim_end_matches('/')),
            body: None,
        };
        let nonce = self.scratch.file("nonce.der");
        let nonce = std::fs::read(&nonce)
            .map_err(|error| Failure::new(format!("{}: {error}", nonce.display())))?;
        let post = |url: &str| Target {
            url: url.to_owned(),
            body: Some(nonce.clone()),
        };
        let page = |url: &str| Target {
            url: url.to_owned(),
            body: None,
        };
        let Places {
            status,
            ocsp,
            peer_status,
            peer_ocsp,
        } = &self.places;
        Ok(vec![
            Question {
                name: "GET /status, HTTPS",
                ours: page(status),
                peer: page(peer_status),
            },
            Question {
                name: "OCSP by GET, no nonce",
                ours: get(ocsp),
                peer: get(peer_ocsp),
            },
            Question {
                name: "OCSP by POST, nonce",
                ours: post(ocsp),
                peer: post(peer_ocsp),
            },
        ])
    }

    /// One run. `keep`: whether connections are kept from one request to the next.
    pub fn measure(&self, target: &Target, keep: bool) -> Result<Figures, Failure> {
        let nothing = || Failure::new(format!("{}: nothing was answered", target.url));
        if let Some(place) = target.url.strip_prefix("http://") {
            let (host, path) = place.split_at(place.find('/').unwrap_or(place.len()));
            let body = target.body.as_deref();
            let asking = Asking {
                host,
                path,
                body,
                keep,
            };
            return asking.measure(self.shape).ok_or_else(nothing);
        }
        self.wrk(&target.url, keep)
    }

    fn wrk(&self, url: &str, keep: bool) -> Result<Figures, Failure> {
        let script = self.scratch.write("wrk.lua", parts::script(keep))?;
        let Shape {
            duration,
            connections,
        } = self.shape;
        let mut wrk = process::program("wrk");
        wrk.arg(format!("-t{}", parts::processors().min(connections)))
            .arg(format!("-c{connections}"))
            .arg(format!("-d{}s", duration.as_secs()))
            .args(["--timeout", "10s", "-s"])
            .arg(script)
            .arg(url);
        let said = text(&mut wrk)?;
        Figures::read(&said)
            .ok_or_else(|| Failure::new(format!("{url}: wrk measured nothing: {said}")))
    }
}

/// A portal on free ports, with no limit on how often a client may ask.
fn portal(scratch: &Scratch) -> Result<Portal, Failure> {
    // The authorities' certificates name this address.
    let pki = format!("127.0.0.1:{}", free_port()?);
    let any = "127.0.0.1:0";
    let mut cargo = process::cargo();
    cargo
        .args(["run", "--quiet", "--release", "--package", "kortlab"])
        .args(["--bin", "kortlab", "--", "--json", "portal", "--data"])
        .arg(scratch.file("portal"))
        .args(["--listen", any, "--log-in-listen", any])
        .args(["--trial-listen", any, "--admin-listen", any])
        .args(["--pki-listen", &pki, "--rate", "0", "--change-rate", "0"]);
    let mut server = Server::start("portal", &mut cargo, scratch)?;
    let said = server.says("}\n")?;
    let place = |name| {
        let place = member(&said, "{", name).map(str::to_owned);
        place.ok_or_else(|| server.failure("does not start"))
    };
    Ok(Portal {
        main: place("url")?,
        admin: place("admin_url")?,
        server,
    })
}

/// Enrols a card with HCCs; leaves one as `card.pem` and its authority as `ca.pem`. Returns where
/// the certificate says that its status is to be had.
fn certificate(portal: &Portal, scratch: &Scratch) -> Result<String, Failure> {
    let mut members = String::new();
    for name in ["authentication_key", "signature_key"] {
        let key = output(&mut openssl(["genrsa", "2048"]), &[])?;
        let public = output(&mut openssl(["pkey", "-pubout", "-outform", "DER"]), &key)?;
        members.push_str(&format!("\"{name}\":\"{}\",", base64(&public)?));
    }
    let body = format!("{{{members}\"state\":\"valid\"}}");
    let body = scratch.write("card.json", body)?;
    let token = parts::read(&scratch.file("portal/admin-token"))?;
    let mut curl = curl();
    curl.args([
        "--config",
        "-",
        "--header",
        "Content-Type: application/json",
    ])
    .arg("--data")
    .arg(format!("@{}", body.display()))
    .arg(format!("{}/admin/v1/cards", portal.admin));
    // By standard input, for arguments can be seen by all.
    let authorization = format!("header = \"Authorization: Bearer {}\"\n", token.trim());
    let enrolled = output(&mut curl, authorization.as_bytes())?;
    let enrolled = String::from_utf8_lossy(&enrolled);
    let hcc = member(&enrolled, "\"hcc\":", "authentication")
        .ok_or_else(|| Failure::new(format!("the card was not enrolled: {enrolled}")))?;
    let der = output(&mut openssl(["base64", "-d", "-A"]), hcc.as_bytes())?;
    let pem = output(&mut openssl(["x509", "-inform", "DER"]), &der)?;
    scratch.write("card.pem", &pem)?;

    let ask = ["x509", "-noout", "-ext", "authorityInfoAccess"];
    let access = output(&mut openssl(ask), &pem)?;
    let access = String::from_utf8_lossy(&access);
    let place = |method: &str| {
        let mut lines = access.lines().filter_map(|line| line.split_once(method));
        let place = lines.next().map(|(_, url)| url.trim().to_owned());
        place.ok_or_else(|| Failure::new(format!("the certificate has no {method} {access}")))
    };
    let authority = output(&mut curl_of(&place("CA Issuers - URI:")?), &[])?;
    let authority = output(&mut openssl(["x509", "-inform", "DER"]), &authority)?;
    scratch.write("ca.pem", authority)?;
    place("OCSP - URI:")
}

/// Leaves a request without a nonce as base64 and one with a nonce as DER.
fn requests(scratch: &Scratch) -> Result<(), Failure> {
    let ask = ["ocsp", "-issuer", "ca.pem", "-cert", "card.pem", "-reqout"];
    let make = |file: &str, nonce: &str| {
        text(openssl(ask).args([file, nonce]).current_dir(scratch.path())).map(drop)
    };
    make("plain.der", "-no_nonce")?;
    make("nonce.der", "-nonce")?;
    let encode = ["base64", "-A", "-in", "plain.der"];
    let encoded = text(openssl(encode).current_dir(scratch.path()))?;
    scratch.write("plain.base64", encoded).map(drop)
}

/// `openssl ocsp` for the same authority, with as many processes as there are processors and a
/// key of the kind that the portal's responders have.
fn responder(scratch: &Scratch) -> Result<(Server, String), Failure> {
    peer_key("responder", scratch)?;
    let ask = ["x509", "-in", "card.pem", "-noout", "-serial"];
    let serial = text(openssl(ask).current_dir(scratch.path()))?;
    let serial = serial.trim().trim_start_matches("serial=");
    let entry = format!("V\t391231235959Z\t\t{serial}\tunknown\t/CN=TEST\n");
    scratch.write("index.txt", entry)?;
    let port = free_port()?;
    let mut command = openssl([
        "ocsp",
        "-index",
        "index.txt",
        "-CA",
        "ca.pem",
        "-ndays",
        "1",
    ]);
    command
        .args(["-rsigner", "responder.pem", "-rkey", "responder.key"])
        .args(["-port", &port.to_string()])
        .args(["-multi", &parts::processors().to_string()])
        .current_dir(scratch.path());
    let mut server = Server::start("openssl-ocsp", &mut command, scratch)?;
    // Not by connecting: see `asking`.
    server.says("ACCEPT")?;
    Ok((server, format!("http://127.0.0.1:{port}/")))
}

/// `openssl s_server`, which hands out what `url` says now.
fn tls_server(url: &str, scratch: &Scratch) -> Result<(Server, String), Failure> {
    peer_key("tls", scratch)?;
    let page = text(curl_of(url).arg("--insecure"))?;
    let length = page.len();
    // With -HTTP it sends files as they are, header included.
    let answer = format!(
        "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{page}"
    );
    scratch.write("status", answer)?;
    let port = free_port()?;
    let mut command = openssl(["s_server", "-HTTP", "-quiet", "-cert", "tls.pem"]);
    command
        .args(["-key", "tls.key", "-accept", &format!("127.0.0.1:{port}")])
        .current_dir(scratch.path());
    let mut server = Server::start("openssl-s_server", &mut command, scratch)?;
    server.listens(port)?;
    Ok((server, format!("https://127.0.0.1:{port}/status")))
}

/// A P-256 key and a certificate of its own: `NAME.key`, `NAME.pem`.
fn peer_key(name: &str, scratch: &Scratch) -> Result<(), Failure> {
    let make = ["req", "-x509", "-nodes", "-newkey", "ec", "-days", "2"];
    let mut command = openssl(make);
    command
        .args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj"])
        .arg(format!("/CN=TEST {name}"))
        .args(["-keyout", &format!("{name}.key")])
        .args(["-out", &format!("{name}.pem")])
        .current_dir(scratch.path());
    text(&mut command).map(drop)
}

fn base64(bytes: &[u8]) -> Result<String, Failure> {
    let encoded = output(&mut openssl(["base64", "-A"]), bytes)?;
    Ok(String::from_utf8_lossy(&encoded).trim().to_owned())
}

fn curl() -> Command {
    let mut curl = process::program("curl");
    curl.args(["--silent", "--show-error", "--fail-with-body"]);
    curl
}

fn curl_of(url: &str) -> Command {
    let mut curl = curl();
    curl.arg(url);
    curl
}
