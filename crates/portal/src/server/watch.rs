//! Around every request: its connection at hand, its rate limited, counted, and told in the log.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION as CONNECTION_HEADER, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::{debug, info};

use super::acceptor::{PeerAddress, connection_of};
use super::limits::Class;
use crate::app::App;
use crate::error::Refusal;
use crate::listener::{CONNECTION, Listener};

/// Where a request that found no route is counted.
const NO_ROUTE: &str = "none";

pub(super) async fn watch(
    State((app, listener)): State<(App, Listener)>,
    request: Request,
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
