//! One request and its answer.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use kortlab_portal_api::{ParseError, Problem, limits, parse, problem};
use kortlab_portal_core::{PortalError, SessionToken};
use reqwest::Method;
use reqwest::blocking::Client;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use rustls::client::ResolvesClientCert;
use serde::de::DeserializeOwned;
use url::Url;
use zeroize::Zeroizing;

use crate::bounded::{Bounds, Broken, Timeouts, Whole, builder, exchange};
use crate::error::{Came, Failure};
use crate::trust::Trust;

/// Pauses before a call is made again.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// A server that wants a longer pause (Retry-After, RFC 9110 §10.2.3) gets none: the user decides.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Characters of the type of an answer that are told.
const LONGEST_TYPE: usize = 40;

/// A call to be made.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// From the root, as in [`kortlab_portal_api::paths`].
    pub(crate) path: String,
    pub(crate) token: Option<&'a SessionToken>,
    /// JSON.
    pub(crate) body: Option<Vec<u8>>,
    /// Whether it changes nothing the second time.
    pub(crate) repeatable: bool,
}

impl Call<'_> {
    /// As it is named in errors: `GET /api/v1/certificates`.
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What the portal answered to a call it did not refuse.
pub(crate) struct Answer {
    call: String,
    status: u16,
    /// The type of the body, where it is given and is not JSON.
    other_type: Option<String>,
    body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// The body, as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        parse("the answer", &self.body, limits::ANSWER).map_err(|error| self.nonsense(&error))
    }

    /// The value that a JSON body stands for.
    pub(crate) fn value<T, B>(&self) -> Result<T, Failure>
    where
        B: DeserializeOwned,
        T: TryFrom<B, Error = kortlab_portal_api::ParseError>,
    {
        T::try_from(self.json()?).map_err(|error| self.nonsense(&error))
    }

    fn nonsense(&self, error: &ParseError) -> Failure {
        let what = match &self.other_type {
            Some(other) => format!("it is of the type {other}, not JSON: {error}"),
            None => error.to_string(),
        };
        Failure::nonsense(&self.call, what)
    }

    /// Whether there is nothing in it: 204 No Content.
    pub(crate) fn is_empty(&self) -> bool {
        self.status == 204
    }
}

/// Why a call came to nothing.
pub(crate) enum NoAnswer {
    /// The portal refused.
    Refused(PortalError),
    /// It did not get there, or what came back is none.
    Failed(Failure),
}

impl From<Failure> for NoAnswer {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<NoAnswer> for PortalError {
    fn from(reason: NoAnswer) -> Self {
        match reason {
            NoAnswer::Refused(error) => error,
            NoAnswer::Failed(failure) => failure.into(),
        }
    }
}

/// A client of servers that `trust` vouches for; `identity` answers those that ask for a client
/// certificate.
pub(crate) fn client(
    trust: &Trust,
    timeouts: Timeouts,
    identity: Option<Arc<dyn ResolvesClientCert>>,
) -> Result<Client, String> {
    let tls = trust
        .configuration(identity)
        .map_err(|error| error.to_string())?;
    builder(tls)
        .connect_timeout(timeouts.connect)
        .https_only(true)
        .build()
        .map_err(|error| error.to_string())
}

/// Makes a call, again if need be and if it may be.
pub(crate) fn make(
    client: &Client,
    base: &Url,
    call: &Call<'_>,
    timeouts: Timeouts,
) -> Result<Answer, NoAnswer> {
    let mut pauses = PAUSES.into_iter();
    loop {
        let (reason, wanted) = match once(client, base, call, timeouts) {
            Ok(answer) => return Ok(answer),
            Err(Unanswered { reason, again }) => (reason, again),
        };
        let (Again::Yes(wanted), Some(pause)) = (wanted, pauses.next()) else {
            return Err(reason);
        };
        thread::sleep(wanted.unwrap_or(pause));
    }
}

/// Makes a call, and not again whatever happens.
pub(crate) fn make_once(
    client: &Client,
    base: &Url,
    call: &Call<'_>,
    timeouts: Timeouts,
) -> Result<Answer, NoAnswer> {
    once(client, base, call, timeouts).map_err(|unanswered| unanswered.reason)
}

/// A call that came to nothing, and whether it may be made again.
struct Unanswered {
    reason: NoAnswer,
    again: Again,
}

enum Again {
    /// After this pause, if the server has named one.
    Yes(Option<Duration>),
    No,
}

/// Makes a call once.
fn once(
    client: &Client,
    base: &Url,
    call: &Call<'_>,
    timeouts: Timeouts,
) -> Result<Answer, Unanswered> {
    let name = call.name();
    let final_ = |reason: NoAnswer| Unanswered {
        reason,
        again: Again::No,
    };
    let url = base
        .join(&call.path)
        .map_err(|error| final_(Failure::new(&name, error.to_string()).into()))?;
    let mut request = client.request(call.method.clone(), url);
    if let Some(token) = call.token {
        request = request.bearer_auth(token.expose());
    }
    if let Some(body) = &call.body {
        request = request
            .header(CONTENT_TYPE, "application/json")
            .body(body.clone());
    }
    let failed = |failure: Failure| {
        let again = call.repeatable || failure.came == Came::Nowhere;
        Unanswered {
            reason: failure.into(),
            again: if again { Again::Yes(None) } else { Again::No },
        }
    };
    let bounds = Bounds {
        time: timeouts.call,
        bytes: limits::ANSWER,
    };
    let Whole {
        status,
        headers,
        body,
    } = exchange(request, bounds).map_err(|broken| {
        let failure = Failure::of_broken(&name, &broken, timeouts);
        // Who has waited for all of the time is not made to wait for it twice.
        match broken {
            Broken::Late(_) => final_(failure.into()),
            _ => failed(failure),
        }
    })?;
    if status.is_success() {
        return Ok(Answer {
            call: name,
            status: status.as_u16(),
            other_type: other_type(&headers),
            body,
        });
    }
    if status.is_redirection() {
        let what = "the server sends elsewhere (a redirect), which is not followed; give the portal's own address";
        return Err(final_(Failure::nonsense(&name, what).into()));
    }
    let again = match (status.as_u16(), pause(&headers)) {
        // 429 and 503 come before anything was done.
        (429 | 503, Some(pause)) if pause > LONGEST_PAUSE => Again::No,
        (429 | 503, pause) => Again::Yes(pause),
        (502 | 504, _) if call.repeatable => Again::Yes(None),
        _ => Again::No,
    };
    let reason = match problem_in(&headers, &body) {
        Some(problem) => NoAnswer::Refused(problem.into_error()),
        None => {
            let what = format!("the server answered {status} and no reason");
            Failure::nonsense(&name, what).into()
        }
    };
    Err(Unanswered { reason, again })
}

/// What a body says that it is, where that is not JSON: printable ASCII, and not much of it.
fn other_type(headers: &HeaderMap) -> Option<String> {
    let kind = text(headers, &CONTENT_TYPE)?.split(';').next()?.trim();
    let json = kind.eq_ignore_ascii_case("application/json");
    (!json && !kind.is_empty()).then(|| kind.chars().take(LONGEST_TYPE).collect())
}

/// The problem document in an answer, if it is one that can be read.
fn problem_in(headers: &HeaderMap, body: &[u8]) -> Option<Problem> {
    let kind = text(headers, &CONTENT_TYPE)?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(problem::CONTENT_TYPE) {
        return None;
    }
    parse("the answer", body, limits::ANSWER).ok()
}

fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = text(headers, &RETRY_AFTER)?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
