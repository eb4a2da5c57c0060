//! A client of the administrator's interface: JSON over HTTP/1.0 (RFC 1945) on loopback, one
//! connection for each request.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use kortlab_portal::token::AdminToken;
use kortlab_portal_api::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// How long an answer may take: the portal may be told to be slow.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest answer that is read: a thousand entries of the audit log.
const MAX_ANSWER: u64 = 4 << 20;

/// What to do where something else than a portal's administrator answers.
const WHERE: &str = "give with --url the address that `kortlab portal` names as that of the \
                     administrator; the data directory (--data) has it, too";

/// A portal's administrator.
pub struct Client {
    address: SocketAddr,
    token: AdminToken,
}

impl Client {
    /// The administrator at this address, with this token.
    pub const fn new(address: SocketAddr, token: AdminToken) -> Self {
        Self { address, token }
    }

    /// Asks for something.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.send("GET", path, None)?;
        self.read(&answer)
    }

    /// Sends something, and reads the answer.
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let answer = self.send("POST", path, Some(&json(body)?))?;
        self.read(&answer)
    }

    /// Sends something that has no answer but that it is done.
    pub fn tell(&self, path: &str, body: &impl Serialize) -> Result<(), Failure> {
        self.send("POST", path, Some(&json(body)?)).map(|_| ())
    }

    /// Ends something.
    pub fn delete(&self, path: &str) -> Result<(), Failure> {
        self.send("DELETE", path, None).map(|_| ())
    }

    fn send(&self, method: &str, path: &str, body: Option<&str>) -> Result<Vec<u8>, Failure> {
        let answer = self.exchange(method, path, body).map_err(|error| {
            Failure::failed(format!("no answer from {}: {error}", self.address))
                .of_kind("portal")
                .hint("is the portal running? Start it with `kortlab portal`")
        })?;
        let (status, body) = split(&answer).ok_or_else(|| {
            Failure::failed(format!("what answers at {} is not a portal", self.address))
                .of_kind("portal")
                .hint(WHERE)
        })?;
        if (200..300).contains(&status) {
            return Ok(body.to_vec());
        }
        Err(match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => Failure::failed(problem.detail).of_kind("portal"),
            Err(_) => Failure::failed(format!("{} answered with status {status}", self.address))
                .of_kind("portal")
                .hint(WHERE),
        })
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(body).map_err(|error| {
            Failure::failed(format!(
                "the answer of {} is not understood: {error}",
                self.address
            ))
            .of_kind("portal")
            .hint("is it a portal of the same version as this program?")
        })
    }

    fn exchange(&self, method: &str, path: &str, body: Option<&str>) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut request = Zeroizing::new(format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nAuthorization: Bearer {}\r\n",
            self.address,
            self.token.expose()
        ));
        if let Some(body) = body {
            let length = body.len();
            request.push_str(&format!(
                "Content-Type: application/json\r\nContent-Length: {length}\r\n"
            ));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes())?;
        stream.write_all(body.unwrap_or_default().as_bytes())?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
        Ok(answer)
    }
}

/// The status and the body of an answer.
fn split(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, rest) = answer.split_at_checked(end)?;
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let mut words = line.split(' ');
    words.next().filter(|word| word.starts_with("HTTP/1."))?;
    let status = words.next()?.parse().ok()?;
    Some((status, rest.get(4..).unwrap_or_default()))
}

fn json(body: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(body)
        .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_body_and_nonsense_is_neither() {
        let answer = b"HTTP/1.0 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(split(answer), Some((201, &b"{}"[..])));
        for nonsense in [
            &b""[..],
            b"HTTP/1.0 200 OK\r\n",
            b"SSH-2.0-OpenSSH\r\n\r\n",
            b"HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
            b"\xFF\xFE\r\n\r\n",
        ] {
            assert_eq!(split(nonsense), None, "{nonsense:?}");
        }
    }
}
