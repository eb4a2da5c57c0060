//! A client of the administrator's interface: JSON over plain HTTP on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use kortlab_portal::token::AdminToken;
use kortlab_portal_api::Problem;
use kortlab_portal_client::bounded::{Bounds, Broken, Whole, exchange, plain};
use reqwest::Method;
use reqwest::blocking::Client as Http;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// How long a whole answer may take if nothing else is said: a long audit log is verified on the way.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest answer that is taken: a thousand entries of the audit log.
const MAX_ANSWER: usize = 4 << 20;

/// What to do where something else than a portal's administrator answers.
const WHERE: &str = "give with --url the address that `kortlab portal` names as that of the \
                     administrator; the data directory (--data) has it, too";

/// What to do where nobody answers.
const START: &str = "is the portal running? Start it with `kortlab portal`";

/// A portal's administrator.
pub struct Client {
    address: SocketAddr,
    token: AdminToken,
    http: Http,
    bounds: Bounds,
}

impl Client {
    /// The administrator at this address, with this token; each answer may take so long.
    pub fn new(
        address: SocketAddr,
        token: AdminToken,
        patience: Option<Duration>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            address,
            token,
            http: plain().map_err(|why| Failure::failed(format!("cannot make a client: {why}")))?,
            bounds: Bounds {
                time: patience.unwrap_or(PATIENCE),
                bytes: MAX_ANSWER,
            },
        })
    }

    /// Asks for something.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.send(Method::GET, path, None)?;
        self.read(&answer)
    }

    /// Sends something, and reads the answer.
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let answer = self.send(Method::POST, path, Some(json(body)?))?;
        self.read(&answer)
    }

    /// Sends something that has no answer but that it is done.
    pub fn tell(&self, path: &str, body: &impl Serialize) -> Result<(), Failure> {
        self.send(Method::POST, path, Some(json(body)?)).map(|_| ())
    }

    /// Ends something.
    pub fn delete(&self, path: &str) -> Result<(), Failure> {
        self.send(Method::DELETE, path, None).map(|_| ())
    }

    fn send(&self, method: Method, path: &str, body: Option<String>) -> Result<Vec<u8>, Failure> {
        let call = format!("{method} {path}");
        let url = format!("http://{}{path}", self.address);
        let mut request = self.http.request(method, url);
        request = request.bearer_auth(self.token.expose());
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let whole = exchange(request, self.bounds).map_err(|broken| self.broken(&call, &broken))?;
        if whole.is_too_long(self.bounds) {
            let said = format!(
                "the answer of {} to {call} is longer than {MAX_ANSWER} bytes",
                self.address
            );
            return Err(failed(said).hint(WHERE));
        }
        let Whole { status, body, .. } = whole;
        if status.is_success() {
            return Ok(body.to_vec());
        }
        Err(match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => failed(problem.detail),
            Err(_) => failed(format!(
                "{} answered with status {}",
                self.address,
                status.as_u16()
            ))
            .hint(WHERE),
        })
    }

    /// Why there is no whole answer to this call.
    fn broken(&self, call: &str, broken: &Broken) -> Failure {
        let address = self.address;
        match broken {
            Broken::NoHttp(why) => failed(format!(
                "what answers at {address} is not a portal: {call} got no answer of HTTP ({why})"
            ))
            .hint(WHERE),
            Broken::Late(_) => failed(format!("{broken} from {address} to {call}")).hint(
                "is it the address of a portal's administrator (--url, --data), and is that portal \
                 overloaded? --timeout SECONDS waits longer",
            ),
            broken => failed(format!("no answer from {address} to {call}: {broken}")).hint(START),
        }
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(body).map_err(|error| {
            failed(format!(
                "the answer of {} is not understood: {error}",
                self.address
            ))
            .hint("is it a portal of the same version as this program?")
        })
    }
}

fn failed(said: String) -> Failure {
    Failure::failed(said).of_kind("portal")
}

fn json(body: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(body)
        .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))
}
