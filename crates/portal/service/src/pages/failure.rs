//! Why a handler gives no page, and the page that is made of it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Request, State};
use axum::http::header::{ACCEPT, ALLOW, CONNECTION, HOST, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use kortlab_portal_core::PortalError;

use super::frame::{Frame, Page, Rendered, protect};
use super::text::{Reason, Texts};
use super::visit::frame;
use super::{cookies, language};
use crate::app::App;
use crate::error::ServiceError;
use crate::listener::Listener;

/// Why there is no page.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The service did not do it.
    Service(Arc<ServiceError>),
    /// The request is not one that can be answered.
    Status(StatusCode),
    /// The form was not made for this browser by this portal.
    Forgery,
    /// The result is of no task that waits.
    TaskOver,
    /// Nobody is logged in any more.
    SessionOver,
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Refused(PortalError::SessionOver) => Self::SessionOver,
            error => Self::Service(Arc::new(error)),
        }
    }
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Service(error) => error.status(),
            Self::Status(status) => *status,
            Self::Forgery => StatusCode::FORBIDDEN,
            Self::TaskOver => StatusCode::GONE,
            Self::SessionOver => StatusCode::SEE_OTHER,
        }
    }

    /// Whether the session has ended with it, which the page is about.
    fn ends_the_session(&self) -> bool {
        matches!(self, Self::Service(error) if matches!(
            error.as_ref(),
            ServiceError::Refused(PortalError::CardNotUsable { .. })
        ))
    }

    fn reason(&self, t: Texts) -> Reason {
        match self {
            Self::Service(error) => match error.as_ref() {
                ServiceError::Refused(refusal) => t.portal_error(refusal),
                error => t.status(error.status()),
            },
            Self::Forgery => t.forgery_reason(),
            Self::TaskOver => t.task_over_reason(),
            Self::Status(status) => t.status(*status),
            Self::SessionOver => t.status(StatusCode::UNAUTHORIZED),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if let Self::SessionOver = self {
            let mut response = Redirect::to("/session-over").into_response();
            if let Some(cookie) = cookies::end_session() {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            return response;
        }
        let mut response = self.status().into_response();
        if self.ends_the_session()
            && let Some(cookie) = cookies::end_session()
        {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    reason: Reason,
    /// The menu is of a session; not where that has ended with what failed.
    has_menu: bool,
}

/// Around everything a listener answers: what was refused before it came to the pages (too many
/// requests, too long a wait) becomes a page for whoever asks for one. Programs get what they got.
pub async fn dress(
    State((app, listener)): State<(App, Listener)>,
    request: Request,
    next: Next,
) -> Response {
    let accepts = request.headers().get(ACCEPT);
    let accepts = accepts.and_then(|accepts| accepts.to_str().ok());
    let wants_a_page = accepts.is_some_and(|accepts| accepts.contains("text/html"));
    if !wants_a_page || request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let response = next.run(request).await;
    as_page(&app, listener, &uri, &headers, response)
}

/// Makes a page of an error that is none. What else the answer says to programs stays with it.
fn as_page(
    app: &App,
    listener: Listener,
    uri: &Uri,
    headers: &HeaderMap,
    response: Response,
) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || response.extensions().get::<Rendered>().is_some() {
        return response;
    }
    let failure = response.extensions().get().cloned();
    let failure = failure.unwrap_or(Failure::Status(status));
    let mut made = page(app, listener, uri, headers, &failure);
    for name in [ALLOW, CONNECTION, RETRY_AFTER, SET_COOKIE] {
        for value in response.headers().get_all(&name) {
            made.headers_mut().append(&name, value.clone());
        }
    }
    protect(made.headers_mut(), &app.places().main);
    made
}

fn page(
    app: &App,
    listener: Listener,
    uri: &Uri,
    headers: &HeaderMap,
    failure: &Failure,
) -> Response {
    let t = Texts(language::of(uri, headers));
    // What failed may have no address that can be opened: the link for the other language leads
    // to the start.
    let frame = frame(app, listener, t, "/");
    let reason = failure.reason(t);
    let main = app.places().main.origin().ascii_serialization();
    let has_menu = !failure.ends_the_session();
    let page = ErrorPage {
        frame,
        reason,
        has_menu,
    };
    Page::new(page)
        .loads_from(&main)
        .status(failure.status())
        .into_response()
}

/// Around every page: the canonical address, a page for what failed, the language's cookie, and
/// the headers.
pub(crate) async fn finish(
    State(app): State<App>,
    Extension(listener): Extension<Listener>,
    request: Request,
    next: Next,
) -> Response {
    let main = &app.places().main;
    if let Some(elsewhere) = canonical(&app, listener, &request) {
        let mut response = Redirect::temporary(&elsewhere).into_response();
        protect(response.headers_mut(), main);
        return response;
    }
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let headers = request.headers().clone();
    let response = next.run(request).await;
    let mut response = as_page(&app, listener, &uri, &headers, response);
    if let Some(cookie) = language::cookie(&method, &uri) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    protect(response.headers_mut(), main);
    response
}

/// The address a page should have been asked for at: the session's cookie, and what the agent
/// allows, belong to one name of the portal.
fn canonical(app: &App, listener: Listener, request: &Request) -> Option<String> {
    let place = app.places().of(listener)?;
    let asked = request.headers().get(HOST)?.to_str().ok()?;
    let wanted = match place.port() {
        Some(port) => format!("{}:{port}", place.host_str()?),
        None => place.host_str()?.to_owned(),
    };
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads || asked.eq_ignore_ascii_case(&wanted) {
        return None;
    }
    // Set part by part: as a reference, `//elsewhere/` would lead elsewhere (RFC 3986 §4.2).
    let mut url = place.clone();
    url.set_path(request.uri().path());
    url.set_query(request.uri().query());
    Some(url.into())
}

/// Sends the browser on: 303 (RFC 9110 §15.4.4), so that it asks with GET.
pub(crate) fn go_to(address: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    match HeaderValue::try_from(address) {
        Ok(address) => {
            response.headers_mut().insert(LOCATION, address);
            response
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
