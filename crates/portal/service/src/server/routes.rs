//! Which routes a listener has, and what is around them.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use kortlab_portal_api::limits::REQUEST;
use tower_http::timeout::TimeoutLayer;

use super::watch::watch;
use crate::app::App;
use crate::limits::Limits;
use crate::listener::Listener;
use crate::{admin, api, pages, pki};

/// Everything that a listener answers.
pub(super) fn of(listener: Listener, app: &App, limits: &Limits) -> Router {
    let routes = match listener {
        // The pages also say what there is at no other address.
        Listener::Main | Listener::LogIn | Listener::Trial => {
            api::router(listener).merge(pages::router(app, listener))
        }
        Listener::Pki => pki::router::<App>().fallback(api::not_found),
        Listener::Admin => admin::router(app).fallback(api::not_found),
    };
    let routes = routes
        .layer(DefaultBodyLimit::max(REQUEST))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            limits.request,
        ))
        .layer(from_fn_with_state((app.clone(), listener), watch::<App>));
    let routes = match listener {
        Listener::Main | Listener::LogIn | Listener::Trial => {
            routes.layer(from_fn_with_state((app.clone(), listener), pages::dress))
        }
        Listener::Pki | Listener::Admin => routes,
    };
    routes.with_state(app.clone())
}
