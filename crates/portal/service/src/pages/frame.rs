//! What is around every page, and the headers it goes out with.

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, REFRESH,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use url::{Host, Url};

use super::notice::Notice;
use super::text::Texts;

/// What is around a page.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// The texts, in the page's language.
    pub(crate) t: Texts,
    /// Where the main listener's pages are: nothing there, its origin on the others.
    pub(crate) main: String,
    /// The link to the same page in the other language.
    pub(crate) other_language: String,
    /// Who is logged in.
    pub(crate) session: Option<SessionLine>,
    /// What there is to tell of the step before.
    pub(crate) notice: Option<Notice>,
}

/// Who is logged in, and until when.
#[derive(Clone, Debug)]
pub(crate) struct SessionLine {
    pub(crate) holder: String,
    pub(crate) card_number: String,
    pub(crate) csrf: String,
    pub(crate) minutes: u64,
    pub(crate) clock: String,
}

/// That an answer is a page already, though its status is an error's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rendered;

/// A page, and what is special about it.
#[derive(Debug)]
pub(crate) struct Page<T> {
    template: T,
    status: StatusCode,
    form_action: String,
    loads_from: String,
    leaves_after: Option<u64>,
}

impl<T: Template> Page<T> {
    /// A page whose forms go to this portal.
    pub(crate) fn new(template: T) -> Self {
        Self {
            template,
            status: StatusCode::OK,
            form_action: "'self'".to_owned(),
            loads_from: "'self'".to_owned(),
            leaves_after: None,
        }
    }

    /// With another status.
    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// With a form that goes to this origin as well.
    pub(crate) fn posts_to(self, origin: &str) -> Self {
        Self {
            form_action: format!("'self' {origin}"),
            ..self
        }
    }

    /// With the style sheet and the icon of this origin; images may come from here as well.
    pub(crate) fn loads_from(self, origin: &str) -> Self {
        Self {
            loads_from: format!("'self' {origin}"),
            ..self
        }
    }

    /// The browser goes to the end of the session by itself after so many seconds.
    pub(crate) fn leaves_after(self, seconds: u64) -> Self {
        Self {
            leaves_after: Some(seconds),
            ..self
        }
    }
}

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let body = match self.template.render() {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(%error, "a page could not be made");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        };
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        let policy = policy(&self.form_action, &self.loads_from);
        for (name, value) in [
            (CONTENT_SECURITY_POLICY, Some(policy)),
            (
                REFRESH,
                self.leaves_after
                    .map(|seconds| format!("{seconds};url=/session-over")),
            ),
        ] {
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                headers.insert(name, value);
            }
        }
        response.extensions_mut().insert(Rendered);
        response
    }
}

/// Nothing runs on a page, nothing is loaded from elsewhere, nobody frames it, and its forms go
/// nowhere else (CSP Level 3).
fn policy(form_action: &str, loads_from: &str) -> String {
    format!(
        "default-src 'none'; style-src {loads_from}; img-src {loads_from}; form-action {form_action}; \
         frame-ancestors 'none'; base-uri 'none'"
    )
}

/// Puts the headers on that every answer of the pages has.
pub(crate) fn protect(headers: &mut HeaderMap, main: &Url) {
    let mut default = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    default(CACHE_CONTROL, "no-store");
    default(
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    );
    default(X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(X_FRAME_OPTIONS, "DENY");
    // The agent checks the Origin of what it is asked. With the usual policies, and with
    // no-referrer, browsers send `null` there when a page goes from https to http, also on
    // loopback (Fetch, "append a request `Origin` header"); with this one they send the origin,
    // and never more than that.
    default(REFERRER_POLICY, "origin");
    let same_origin = "same-origin";
    default(
        HeaderName::from_static("cross-origin-opener-policy"),
        same_origin,
    );
    default(
        HeaderName::from_static("cross-origin-resource-policy"),
        same_origin,
    );
    if has_name(main) {
        default(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

/// Whether a portal has a name of its own. On `localhost`, HSTS would keep every other service of
/// that machine from being reached by http; for an address it means nothing (RFC 6797 §8.1.1).
fn has_name(main: &Url) -> bool {
    match main.host() {
        Some(Host::Domain(name)) => name != "localhost" && !name.ends_with(".localhost"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_portal_with_a_name_of_its_own_asks_for_https_for_ever() {
        for (url, expected) in [
            ("https://portal.example/", true),
            ("https://localhost:8443/", false),
            ("https://a.localhost/", false),
            ("https://127.0.0.1:8443/", false),
            ("https://[::1]/", false),
        ] {
            let mut headers = HeaderMap::new();
            protect(&mut headers, &Url::parse(url).unwrap());
            assert_eq!(
                headers.contains_key(STRICT_TRANSPORT_SECURITY),
                expected,
                "{url}"
            );
        }
    }

    #[test]
    fn the_policy_allows_no_script_and_no_other_form() {
        let policy = policy("'self'", "'self'");
        assert!(policy.starts_with("default-src 'none'"));
        assert!(policy.contains("form-action 'self';"));
        assert!(!policy.contains("script") && !policy.contains("unsafe"));
    }
}
