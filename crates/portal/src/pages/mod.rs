//! The web pages of the holder.

use axum::Router;

use crate::app::App;
use crate::listener::Listener;

/// What the pages remember between requests.
#[derive(Debug, Default)]
pub struct Memory {}

/// The pages of one listener: [`Listener::Main`], [`Listener::LogIn`] or [`Listener::Trial`].
pub fn router(_listener: Listener) -> Router<App> {
    Router::new()
}
