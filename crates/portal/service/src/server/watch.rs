//! Around every request: its connection at hand, its rate limited, counted, and told in the log.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION as CONNECTION_HEADER, HOST, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::{debug, info};

use super::acceptor::connection_of;
use crate::app::App;
use crate::error::Refusal;
use crate::limits::{Class, Rates};
use crate::listener::{CONNECTION, Listener, PeerAddress};
use crate::metrics::Metrics;

/// Where a request that found no route is counted.
const NO_ROUTE: &str = "none";

/// What counts requests.
pub(super) trait Counting: Clone + Send + Sync + 'static {
    /// Of each client.
    fn rates(&self) -> &Rates;

    /// For Prometheus.
    fn metrics(&self) -> &Metrics;
}

impl Counting for App {
    fn rates(&self) -> &Rates {
        App::rates(self)
    }

    fn metrics(&self) -> &Metrics {
        App::metrics(self)
    }
}

pub(super) async fn watch<C: Counting>(
    State((app, listener)): State<(C, Listener)>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    // The route as it was declared: no numbers, tokens or query get into logs and metrics.
    let route = match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str().to_owned(),
        None => NO_ROUTE.to_owned(),
    };
    let address = match request.extensions().get::<PeerAddress>() {
        Some(PeerAddress(address)) => address.ip(),
        // Only tests call a router without a connection.
        None => IpAddr::from(Ipv4Addr::UNSPECIFIED),
    };
    let connection = connection_of(&request);
    let mut response = match app.rates().count(class(listener, &method), address) {
        Ok(()) if !names_its_host(&request) || !target_is_the_host(&mut request) => no_host(),
        Ok(()) => CONNECTION.scope(connection, next.run(request)).await,
        Err(wait) => {
            app.metrics().rate_limited(listener);
            too_many(wait)
        }
    };
    if listener.asks_for_a_certificate() {
        // The next log-in is to prove its key, and may be by another card.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION_HEADER, close);
    }
    guard(listener, response.headers_mut());
    let took = began.elapsed();
    let status = response.status();
    app.metrics()
        .request(listener, &method, &route, status, took);
    let milliseconds = took.as_secs_f64() * 1000.0;
    match listener {
        // Programs ask these all the time.
        Listener::Pki => {
            debug!(%listener, %method, route, status = status.as_u16(), %address, milliseconds, "request");
        }
        _ => {
            info!(%listener, %method, route, status = status.as_u16(), %address, milliseconds, "request");
        }
    }
    response
}

/// Whether a request says for which host it is meant (RFC 9112 §3.2: with exactly one Host, whose value is a
/// host and perhaps a port; before HTTP/1.1 there need be none).
fn names_its_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host,
        (None, _) => return request.version() < Version::HTTP_11,
        (Some(_), Some(_)) => return false,
    };
    host.to_str()
        .is_ok_and(|host| host.parse().is_ok_and(|host: Authority| is_host(&host)))
}

/// A host and perhaps a port (RFC 9112 §3.2: no user).
fn is_host(host: &Authority) -> bool {
    let port = host.as_str().strip_prefix(host.host()).unwrap_or_default();
    !host.as_str().contains('@')
        && !host.host().is_empty()
        && (matches!(port, "" | ":") || host.port_u16().is_some())
}

/// Takes the host of a request whose target is a whole address from there, whatever its Host says
/// (RFC 9112 §3.2.2). `false` if that is none.
fn target_is_the_host(request: &mut Request) -> bool {
    let Some(authority) = request.uri().authority().cloned() else {
        return true;
    };
    let is_web = matches!(request.uri().scheme_str(), Some("http" | "https"));
    match HeaderValue::from_str(authority.as_str()) {
        Ok(host) if is_web && is_host(&authority) => {
            request.headers_mut().insert(HOST, host);
            true
        }
        _ => false,
    }
}

fn no_host() -> Response {
    let refusal = Refusal::new(
        StatusCode::BAD_REQUEST,
        "no-host",
        "The request does not say for which host it is",
        "an HTTP/1.1 request has exactly one Host, with a name or an address and perhaps a port, and so does a target that is a whole address (RFC 9112 §3.2)",
    );
    // What else such a client sends is not to be relied on.
    ([(CONNECTION_HEADER, "close")], refusal).into_response()
}

/// What keeps an answer from being taken for something else, or kept where others find it, unless
/// the answer says more itself.
fn guard(listener: Listener, headers: &mut HeaderMap) {
    headers
        .entry(X_CONTENT_TYPE_OPTIONS)
        .or_insert(HeaderValue::from_static("nosniff"));
    if !matches!(listener, Listener::Pki) {
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
}

/// What changes something or proves a key is counted apart; OCSP asks with POST, too.
fn class(listener: Listener, method: &Method) -> Class {
    match listener {
        Listener::LogIn | Listener::Trial => Class::Changing,
        Listener::Main if !matches!(*method, Method::GET | Method::HEAD) => Class::Changing,
        Listener::Main | Listener::Pki | Listener::Admin => Class::Reading,
    }
}

fn too_many(wait: Duration) -> Response {
    let seconds = wait.as_secs().saturating_add(1);
    let mut refusal = Refusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-requests",
        "Too many requests",
        format_args!("this client asks too often; try again in {seconds} s"),
    );
    refusal.0.swedish = Some(format!(
        "För många försök. Vänta {seconds} s och försök igen."
    ));
    let mut response = refusal.into_response();
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}
