//! The CRLs that the demo's portal publishes: plain HTTP on loopback (RFC 5280 §4.2.1.13).

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A CRL of a portal that was just started has a few entries.
const LIMIT: u64 = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

/// Fetches the CRL of the authority with this file name, DER.
///
/// # Errors
/// The connection broke, or the answer is another than 200.
pub fn published(pki: SocketAddr, name: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&pki, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // HTTP/1.0: the answer ends where the connection does.
    write!(
        stream,
        "GET /crl/{name}.crl HTTP/1.0\r\nHost: {pki}\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.take(LIMIT).read_to_end(&mut answer)?;
    let nonsense = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or_else(|| nonsense("no HTTP answer"))?;
    let (head, body) = answer.split_at(end);
    let status = head.split(|byte| *byte == b' ').nth(1);
    match (status, body.get(4..)) {
        (Some(b"200"), Some(body)) => Ok(body.to_vec()),
        _ => Err(nonsense("the portal did not answer 200")),
    }
}
