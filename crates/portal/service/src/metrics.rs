//! What is counted and timed, for Prometheus.

use core::fmt;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Key, Label, Level, Metadata, Recorder as _, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::event::Outcome;
use crate::listener::Listener;
use crate::operation::Operation;

const REQUESTS: &str = "kortlab_requests_total";
const REQUEST_SECONDS: &str = "kortlab_request_seconds";
const RATE_LIMITED: &str = "kortlab_rate_limited_total";
const CALLS: &str = "kortlab_calls_total";
const SESSIONS: &str = "kortlab_sessions";
const COMMIT_SECONDS: &str = "kortlab_store_commit_seconds";
const COMMITS_FAILED: &str = "kortlab_store_commits_failed_total";
const OCSP: &str = "kortlab_ocsp_answers_total";
const CRL: &str = "kortlab_crl_answers_total";

/// From half a millisecond to half a minute: a commit on a disk, and a request that waits.
const BUCKETS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// The portal's own recorder: several portals in one process count apart.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Metrics {
    /// Counts from zero.
    pub fn new() -> Self {
        // It fails without buckets only.
        let builder = PrometheusBuilder::new()
            .set_buckets(BUCKETS)
            .unwrap_or_default();
        let recorder = builder.build_recorder();
        let metrics = Self {
            handle: recorder.handle(),
            recorder,
        };
        metrics.describe();
        metrics
    }

    /// Everything, in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// A request was answered.
    pub(crate) fn request(
        &self,
        listener: Listener,
        method: &Method,
        route: &str,
        status: StatusCode,
        took: Duration,
    ) {
        let route = || Label::new("route", route.to_owned());
        let labels = vec![
            Label::from_static_parts("listener", listener.name()),
            Label::from_static_parts("method", method_name(method)),
            route(),
            Label::new("status", status.as_u16().to_string()),
        ];
        self.count(REQUESTS, labels);
        let labels = vec![
            Label::from_static_parts("listener", listener.name()),
            route(),
        ];
        self.time(REQUEST_SECONDS, labels, took);
    }

    /// A request was one too many.
    pub(crate) fn rate_limited(&self, listener: Listener) {
        let labels = vec![Label::from_static_parts("listener", listener.name())];
        self.count(RATE_LIMITED, labels);
    }

    /// A call of the service came to its end.
    pub(crate) fn call(&self, operation: Operation, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Done => SharedString::const_str("done"),
            Outcome::Refused(code) => SharedString::from(code.clone()),
        };
        let labels = vec![
            Label::from_static_parts("operation", operation.name()),
            Label::new("outcome", outcome),
        ];
        self.count(CALLS, labels);
    }

    /// So many sessions there are.
    pub(crate) fn sessions(&self, open: usize) {
        let gauge = self
            .recorder
            .register_gauge(&Key::from_static_name(SESSIONS), &METADATA);
        gauge.set(u32::try_from(open).unwrap_or(u32::MAX));
    }

    /// The store has stored something, or could not.
    pub(crate) fn commit(&self, took: Duration, stored: bool) {
        self.time(COMMIT_SECONDS, Vec::new(), took);
        if !stored {
            self.count(COMMITS_FAILED, Vec::new());
        }
    }

    /// An OCSP answer went out: `good`, `revoked`, `unknown`, several, or an error.
    pub(crate) fn ocsp(&self, answer: &'static str, cached: bool) {
        let labels = vec![
            Label::from_static_parts("answer", answer),
            Label::from_static_parts("cached", if cached { "yes" } else { "no" }),
        ];
        self.count(OCSP, labels);
    }

    /// A CRL went out.
    pub(crate) fn crl(&self, authority: &'static str, cached: bool) {
        let labels = vec![
            Label::from_static_parts("authority", authority),
            Label::from_static_parts("cached", if cached { "yes" } else { "no" }),
        ];
        self.count(CRL, labels);
    }

    fn count(&self, name: &'static str, labels: Vec<Label>) {
        let key = Key::from_parts(name, labels);
        self.recorder.register_counter(&key, &METADATA).increment(1);
    }

    fn time(&self, name: &'static str, labels: Vec<Label>, took: Duration) {
        let key = Key::from_parts(name, labels);
        let histogram = self.recorder.register_histogram(&key, &METADATA);
        histogram.record(took.as_secs_f64());
    }

    fn describe(&self) {
        for (name, what) in [
            (REQUESTS, "Requests answered"),
            (RATE_LIMITED, "Requests that were one too many"),
            (CALLS, "Calls of the portal, and what came of them"),
            (COMMITS_FAILED, "Changes that could not be stored"),
            (OCSP, "OCSP answers"),
            (CRL, "CRLs handed out"),
        ] {
            self.recorder
                .describe_counter(name.into(), Some(Unit::Count), what.into());
        }
        self.recorder.describe_gauge(
            SESSIONS.into(),
            Some(Unit::Count),
            "Sessions that have begun and not ended".into(),
        );
        for (name, what) in [
            (REQUEST_SECONDS, "Time from a request to its answer"),
            (COMMIT_SECONDS, "Time to store a change"),
        ] {
            self.recorder
                .describe_histogram(name.into(), Some(Unit::Seconds), what.into());
        }
    }
}

static METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(…)")
    }
}

/// A client can send any word as a method; only the usual ones are counted by name.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::PUT => "PUT",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered_and_portals_count_apart() {
        let metrics = Metrics::new();
        let took = Duration::from_millis(3);
        for status in [StatusCode::OK, StatusCode::OK, StatusCode::NOT_FOUND] {
            metrics.request(Listener::Main, &Method::GET, "/status", status, took);
        }
        metrics.rate_limited(Listener::LogIn);
        metrics.call(Operation::LogIn, &Outcome::Refused("hcc-log-in".to_owned()));
        let text = metrics.render();
        for line in [
            r#"kortlab_requests_total{listener="main",method="GET",route="/status",status="200"} 2"#,
            r#"kortlab_request_seconds_count{listener="main",route="/status"} 3"#,
            r#"kortlab_rate_limited_total{listener="log-in"} 1"#,
            r#"kortlab_calls_total{operation="log-in",outcome="hcc-log-in"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(!Metrics::new().render().contains("/status"));
    }
}
