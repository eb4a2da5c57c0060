//! Nothing is counted: built without the feature `metrics`.

use std::time::Duration;

use axum::http::{Method, StatusCode};

use crate::event::Outcome;
use crate::listener::Listener;
use crate::operation::Operation;

/// Counts nothing.
#[derive(Debug, Default)]
pub struct Metrics;

impl Metrics {
    /// Counts nothing.
    pub const fn new() -> Self {
        Self
    }

    /// A comment that says so, in the text format of Prometheus.
    pub fn render(&self) -> String {
        "# this program was built without metrics\n".to_owned()
    }

    pub(crate) fn request(&self, _: Listener, _: &Method, _: &str, _: StatusCode, _: Duration) {}

    pub(crate) fn rate_limited(&self, _: Listener) {}

    pub(crate) fn call(&self, _: Operation, _: &Outcome) {}

    pub(crate) fn sessions(&self, _: usize) {}

    pub(crate) fn commit(&self, _: Duration, _: bool) {}

    pub(crate) fn ocsp(&self, _: &'static str, _: bool) {}

    pub(crate) fn crl(&self, _: &'static str, _: bool) {}
}
