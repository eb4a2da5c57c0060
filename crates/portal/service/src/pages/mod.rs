//! The web pages of the holder, made on the server: no script, no framework, two languages.
//!
//! # Map
//!
//! | page | file |
//! |---|---|
//! | `/`, `/logged-out`, `/session-over`, `POST /log-out` | `start.rs` |
//! | `/` of the log-in listener | `log_in.rs` |
//! | `/menu` | `menu.rs` |
//! | `/certificates`: *Ta bort utgångna/spärrade HCC* | `certificates.rs` |
//! | `/fetch`, `POST /receipt`, `/done`: *Hämta nytt HCC*, *Kvittera kort* | `fetch.rs` |
//! | `/put-back`: *Lägg tillbaka HCC* | `put_back.rs` |
//! | `/revoke`: *Spärra HCC* | `revoke.rs` |
//! | `/task`, `/test/task`: what the card is asked for | `task.rs` |
//! | `POST /task/{id}`: what came of it | `result.rs` |
//! | `/test`, and `/` of the trial listener | `test_page.rs` |
//!
//! What is needed for all of them: `text` has every word in both languages; `visit` says who asks,
//! `form` takes only forms that were made for the same browser; `frame` is around every page,
//! `failure` makes a page of what failed; `memory` keeps what the card is busy with; `swedish_time`
//! says days and times as they are in Sweden.

mod assets;
mod certificate;
mod certificates;
mod cookies;
mod failure;
mod fetch;
mod form;
mod frame;
mod language;
mod log_in;
mod memory;
mod menu;
mod notice;
mod put_back;
mod result;
mod revoke;
mod start;
mod swedish_time;
mod task;
mod test_page;
mod text;
mod visit;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router, middleware};

pub use failure::dress;
pub use memory::Memory;

use crate::api;
use crate::app::App;
use crate::listener::Listener;

/// The pages of one listener: [`Listener::Main`], [`Listener::LogIn`] or [`Listener::Trial`]; they
/// also answer for every address that nothing else has. What fails on the way to a handler, or in
/// it, becomes a page; for what is refused before, there is [`dress`].
pub fn router(app: &App, listener: Listener) -> Router<App> {
    let pages = match listener {
        Listener::Main => main(),
        Listener::LogIn => asking(get(log_in::log_in)),
        Listener::Trial => asking(get(test_page::trial)),
        Listener::Pki | Listener::Admin => return Router::new(),
    };
    pages
        .fallback(elsewhere)
        .layer(middleware::from_fn_with_state(app.clone(), failure::finish))
        .layer(Extension(listener))
}

/// What is at no address.
async fn elsewhere(request: Request) -> Response {
    match request.uri().path().starts_with("/api/") {
        true => api::not_found().await.into_response(),
        false => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A listener that asks for certificates: one page, and the image that is not to be seen.
fn asking(page: MethodRouter<App>) -> Router<App> {
    Router::new()
        .route("/", page)
        .route("/forget", get(async || StatusCode::NO_CONTENT))
}

fn main() -> Router<App> {
    Router::new()
        .route("/assets/kortlab.css", get(assets::style))
        .route("/assets/kortlab.svg", get(assets::icon))
        .route("/", get(start::start))
        .route("/logged-out", get(start::logged_out))
        .route("/session-over", get(start::session_over))
        .route("/log-out", post(start::log_out))
        .route("/menu", get(menu::menu))
        .route("/certificates", get(certificates::certificates))
        .route("/certificates/remove", post(certificates::remove))
        .route("/fetch", get(fetch::fetch).post(fetch::begin))
        .route("/receipt", post(fetch::receipt))
        .route("/done", get(fetch::done))
        .route(
            "/put-back",
            get(put_back::put_back).post(put_back::put_back_chosen),
        )
        .route("/revoke", get(revoke::revoke).post(revoke::confirm))
        .route("/revoke/confirmed", post(revoke::confirmed))
        .route("/task", get(task::task))
        .route("/task/{id}", post(result::result))
        .route("/test", get(test_page::test))
        .route("/test/show", post(test_page::show))
        .route("/test/sign", post(test_page::sign))
        .route("/test/task", get(task::test_task))
}
