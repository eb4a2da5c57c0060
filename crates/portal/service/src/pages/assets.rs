//! The style sheet and the icon.

use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

/// The style sheet.
pub(super) const STYLE: &str = include_str!("../../assets/kortlab.css");
const ICON: &str = include_str!("../../assets/kortlab.svg");

/// `GET /assets/kortlab.css`
pub(super) async fn style() -> impl IntoResponse {
    asset("text/css; charset=utf-8", STYLE)
}

/// `GET /assets/kortlab.svg`
pub(super) async fn icon() -> impl IntoResponse {
    asset("image/svg+xml", ICON)
}

/// An hour is shorter than anybody waits between two versions. The pages of the other listeners
/// use them too: another port is another origin, and with an address for a name Chromium does not
/// take it as the same site either. There is nothing in them to keep.
fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "max-age=3600"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ),
    ];
    (headers, text)
}
