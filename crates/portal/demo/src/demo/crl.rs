//! The CRLs that the demo's portal publishes: plain HTTP on loopback (RFC 5280 §4.2.1.13).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use kortlab_portal_client::bounded::{Bounds, exchange, plain};

/// A CRL of a portal that was just started has a few entries, and comes at once.
const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(10),
    bytes: 1 << 20,
};

/// Fetches the CRL of the authority with this file name, DER.
///
/// # Errors
/// There was no whole answer, or another than 200.
pub fn published(pki: SocketAddr, name: &str) -> io::Result<Vec<u8>> {
    let failed = |why: String| io::Error::other(format!("http://{pki}/crl/{name}.crl: {why}"));
    let client = plain().map_err(failed)?;
    let request = client.get(format!("http://{pki}/crl/{name}.crl"));
    let whole = exchange(request, BOUNDS).map_err(|broken| failed(broken.to_string()))?;
    match whole.status.as_u16() {
        200 if whole.is_too_long(BOUNDS) => Err(failed("it is too long".to_owned())),
        200 => Ok(whole.body.to_vec()),
        status => Err(failed(format!("the portal answered {status}"))),
    }
}
