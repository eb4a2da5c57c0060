//! The start page, and the pages after a session.

use askama::Template;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use kortlab_portal_core::Portal as _;

use super::cookies::{self, Seal};
use super::failure::{Failure, go_to};
use super::form::SessionForm;
use super::frame::{Frame, Page};
use super::visit::Visit;
use crate::operation::Operation;

#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    frame: Frame,
    log_in: String,
}

/// `GET /`
pub(super) async fn start(visit: Visit) -> impl IntoResponse {
    Page::new(Start {
        frame: visit.frame(),
        log_in: visit.app.places().log_in.to_string(),
    })
}

#[derive(Template)]
#[template(path = "logged_out.html")]
struct LoggedOut {
    frame: Frame,
    log_in: String,
    title: &'static str,
    text: &'static str,
    over: bool,
}

/// `GET /logged-out`
pub(super) async fn logged_out(visit: Visit) -> impl IntoResponse {
    let t = visit.t;
    Page::new(LoggedOut {
        frame: visit.frame(),
        log_in: visit.app.places().log_in.to_string(),
        title: t.logged_out_title(),
        text: t.logged_out_text(),
        over: false,
    })
}

/// `GET /session-over`: where browsers go by themselves when the session has ended. If another
/// page has moved its end on meanwhile, the browser goes to the menu instead.
pub(super) async fn session_over(visit: Visit) -> Response {
    if let Some(token) = &visit.session {
        let owner = Seal::of_session(token).owner;
        let ends = visit.app.pages().end_of_session(owner);
        if ends.is_some_and(|ends| ends > visit.app.now()) {
            return go_to("/menu");
        }
        visit.app.pages().forget(owner);
    }
    let t = visit.t;
    let mut response = Page::new(LoggedOut {
        frame: visit.frame(),
        log_in: visit.app.places().log_in.to_string(),
        title: t.over_title(),
        text: t.over_text(),
        over: true,
    })
    .into_response();
    if let Some(cookie) = cookies::end_session() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// `POST /log-out`
pub(super) async fn log_out(form: SessionForm) -> Result<Response, Failure> {
    let holder = form.holder;
    holder
        .call(Operation::LogOut, |portal, token| portal.log_out(token))
        .await?;
    holder.visit.app.pages().forget(holder.seal.owner);
    let mut response = go_to("/logged-out");
    if let Some(cookie) = cookies::end_session() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}
