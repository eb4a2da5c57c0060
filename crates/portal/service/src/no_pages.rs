//! There are no web pages: built without the feature `pages`. The JSON interface is all there is.

use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use kortlab_issuer::clock::Timestamp;
use url::Url;

use crate::api;
use crate::app::App;
use crate::listener::Listener;
use crate::tls::Unwanted;

/// Remembers nothing.
#[derive(Debug)]
pub struct Memory;

impl Memory {
    /// Remembers nothing.
    pub fn new(_: Option<&Url>, _: Unwanted) -> Self {
        Self
    }

    pub(crate) fn forget_what_ended(&self, _: Timestamp) {}
}

/// No page is at any address.
pub fn router(_: &App, _: Listener) -> Router<App> {
    Router::new().fallback(api::not_found)
}

/// Lets answers be as they are.
pub async fn dress(request: Request, next: Next) -> Response {
    next.run(request).await
}
