//! One request and its whole answer, within a time and a number of bytes, whatever the server does. All
//! clients of HTTP here ask like this.

use std::error::Error;
use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::blocking::{Client, ClientBuilder, RequestBuilder};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use zeroize::Zeroizing;

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection and its TLS handshake; a card takes a second or two to sign.
    pub connect: Duration,
    /// For a whole call: from the connection to the last byte of the answer.
    pub call: Duration,
}

impl Default for Timeouts {
    /// 10 seconds for a connection, 30 for a call.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            call: Duration::from_secs(30),
        }
    }
}

/// What an answer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// For all of it: from the connection to the last byte of the answer.
    pub time: Duration,
    /// The most that its body has.
    pub bytes: usize,
}

/// A whole answer, of whatever status.
pub struct Whole {
    /// Its status code.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body: of one that is too long a byte more than there may be.
    pub body: Zeroizing<Vec<u8>>,
}

impl Whole {
    /// Whether its body has more than it may.
    pub fn is_too_long(&self, bounds: Bounds) -> bool {
        self.body.len() > bounds.bytes
    }
}

/// Why there is no whole answer.
#[derive(Debug, Error)]
pub enum Broken {
    /// No connection: why, as the system says it.
    #[error("no connection ({0})")]
    Unconnected(String),
    /// No connection (and TLS handshake) in the time that a client has for one alone.
    #[error("no connection in time")]
    NotInTime,
    /// The server, or this side, ended the TLS handshake.
    #[error("the TLS handshake failed ({0})")]
    Tls(rustls::Error),
    /// What came is no HTTP/1.1 (RFC 9112), or has a header without end.
    #[error("what answers does not speak HTTP ({0})")]
    NoHttp(String),
    /// The time was over before the last byte.
    #[error("no whole answer within {} s", .0.as_secs_f64())]
    Late(Duration),
    /// The connection broke off before anything was answered.
    #[error("the connection broke off ({0})")]
    Off(String),
    /// The connection broke off within the answer.
    #[error("the answer broke off ({0})")]
    Cut(String),
}

/// A client that goes to the address it is given and nowhere else: to no proxy, and to no address that the
/// server names. It asks once.
pub(crate) fn builder(tls: ClientConfig) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .user_agent(concat!("kortlab/", env!("CARGO_PKG_VERSION")))
        // The time for the whole answer is set on each request: on the client it would count for
        // each part of the answer anew.
        .timeout(None)
}

/// A client of plain HTTP, for what listens on this machine: it trusts no TLS.
///
/// # Errors
/// The system lets no client be made.
pub fn plain() -> Result<Client, String> {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    builder(tls).build().map_err(|error| error.to_string())
}

/// Sends a request and reads what is answered.
///
/// # Errors
/// There was no connection, or no whole answer in this time.
pub fn exchange(request: RequestBuilder, bounds: Bounds) -> Result<Whole, Broken> {
    let begun = Instant::now();
    let response = request
        .timeout(bounds.time)
        .send()
        .map_err(|error| broken(&error, bounds.time))?;
    let status = response.status();
    let headers = response.headers().clone();
    // One byte more than there may be tells an answer that is too long from one that is not.
    let mut body = Zeroizing::new(Vec::new());
    response
        .take(bounds.bytes as u64 + 1)
        .read_to_end(&mut body)
        // A server that sends a byte now and then breaks nothing off: its time is over.
        .map_err(|error| match begun.elapsed() >= bounds.time {
            true => Broken::Late(bounds.time),
            false => Broken::Cut(error.to_string()),
        })?;
    Ok(Whole {
        status,
        headers,
        body,
    })
}

/// What reqwest failed with in this time. Its own text repeats the address and leaves the reasons out.
fn broken(error: &reqwest::Error, time: Duration) -> Broken {
    match causes(error).find_map(tls_error) {
        Some(tls) => Broken::Tls(tls.clone()),
        None if causes(error).any(is_no_http) => Broken::NoHttp(last(error)),
        None if error.is_timeout() && error.is_connect() => Broken::NotInTime,
        None if error.is_timeout() => Broken::Late(time),
        None if error.is_connect() => Broken::Unconnected(last(error)),
        None => Broken::Off(last(error)),
    }
}

/// The error and what it says was the reason, and the reason of that.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        (*error).source()
    })
}

/// rustls hands its errors through `io::Error`, which keeps them inside, one in another.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut inner = Some(error);
    while let Some(error) = inner {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        let io = error.downcast_ref::<io::Error>()?;
        inner = io.get_ref().map(|inner| inner as &(dyn Error + 'static));
    }
    None
}

/// Whether what came back is no answer of HTTP/1.1 (RFC 9112).
fn is_no_http(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<hyper::Error>();
    error.is_some_and(hyper::Error::is_parse)
}

/// The innermost reason, without the system's number for it.
fn last(error: &(dyn Error + 'static)) -> String {
    let said = causes(error)
        .last()
        .map_or_else(String::new, ToString::to_string);
    match said.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => said,
    }
}
