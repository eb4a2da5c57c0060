//! The JSON interface, as [`kortlab_portal_api`] writes it down.

pub(crate) mod body;
mod certificates;
mod orders;
mod session;
mod test_page;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use kortlab_portal_api::info::{Info, Status, Urls};
#[cfg(feature = "openapi")]
use kortlab_portal_api::openapi;
use kortlab_portal_api::paths;

use self::body::{Body, Text};
use crate::app::App;
use crate::error::Refusal;
use crate::listener::Listener;

/// The routes of one listener; [`Listener::Pki`] and [`Listener::Admin`] have others.
pub fn router(listener: Listener) -> Router<App> {
    match listener {
        Listener::Main => main(),
        Listener::LogIn => Router::new().route(paths::SESSION, post(session::log_in)),
        Listener::Trial => {
            Router::new().route(paths::AUTHENTICATION_TRIAL, post(test_page::authentication))
        }
        Listener::Pki | Listener::Admin => Router::new(),
    }
}

fn main() -> Router<App> {
    let routes = Router::new();
    #[cfg(feature = "openapi")]
    let routes = routes.route(paths::OPENAPI, get(interface));
    routes
        .route(paths::INFO, get(info))
        .route(paths::STATUS, get(status))
        .route(
            paths::SESSION,
            get(session::session)
                .delete(session::log_out)
                .post(session::log_in_elsewhere),
        )
        .route(paths::CERTIFICATES, get(certificates::list))
        .route(paths::REMOVED, post(certificates::removed))
        .route(paths::REVOCATION, post(certificates::revocation))
        .route(paths::ORDERS, post(orders::order))
        .route(paths::APPROVAL, post(orders::approval))
        .route(paths::ORDER_CERTIFICATES, get(orders::certificates))
        .route(paths::RECEIPT, get(orders::receipt))
        .route(paths::SIGNED_RECEIPT, post(orders::signed_receipt))
        .route(paths::TEST_PAGE, post(test_page::show))
        .route(paths::SIGNATURE_TRIAL, post(test_page::signature))
}

/// What a path that leads nowhere is answered with.
pub(crate) async fn not_found() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "not-found",
        "Nothing is here",
        format_args!(
            "there is nothing at this address; {} lists what there is",
            paths::OPENAPI
        ),
    )
}

async fn info(State(app): State<App>) -> Json<Info> {
    let places = app.places();
    let url = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
    Json(Info {
        name: "kortlab".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        time: app.now().into(),
        urls: Urls {
            main: url(&places.main),
            log_in: url(&places.log_in),
            trial: url(&places.trial),
            pki: url(&places.pki),
        },
    })
}

#[cfg(feature = "openapi")]
async fn interface() -> impl IntoResponse {
    Json(openapi::document())
}

async fn status(State(app): State<App>) -> impl IntoResponse {
    if app.service().is_well() {
        let status = "ok".to_owned();
        Ok(Json(Status { status }))
    } else {
        Err(crate::error::ServiceError::Store)
    }
}
