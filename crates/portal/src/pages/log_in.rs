//! The log-in listener: the session begins, or a page says why not.

use askama::Template;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kortlab_issuer::portal::Portal as _;

use super::certificate::CertificateView;
use super::cookies;
use super::failure::{Failure, go_to};
use super::frame::{Frame, Page};
use super::text::Reason;
use super::visit::Visit;
use crate::error::ServiceError;
use crate::operation::Operation;

#[derive(Template)]
#[template(path = "log_in_refused.html")]
struct Refused {
    frame: Frame,
    reason: Reason,
    shown: Option<CertificateView>,
    again: String,
}

/// `GET /` at the log-in listener.
pub(super) async fn log_in(visit: Visit) -> Result<Response, Failure> {
    let Some(certificate) = visit.peer.0.as_deref().map(<[u8]>::to_vec) else {
        let reason = visit.t.no_certificate_reason();
        return Ok(refused(&visit, reason, None, StatusCode::FORBIDDEN));
    };
    match visit.app.service().log_in(certificate.clone()).await {
        Ok(session) => {
            let menu = visit.app.places().main.join("menu");
            let menu = menu.map_err(|_| Failure::from(ServiceError::Internal))?;
            let mut response = go_to(menu.as_str());
            if let Some(cookie) = cookies::begin_session(&session.token) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(ServiceError::Refused(error)) => {
            let shown = shown(&visit, certificate).await;
            let reason = visit.t.portal_error(&error);
            let status = ServiceError::Refused(error).status();
            Ok(refused(&visit, reason, shown, status))
        }
        Err(error) => Err(error.into()),
    }
}

/// A page that says why, also for the trial listener. The browser is asked to forget the
/// certificate, as far as there is a way to ask; that most do not, the page says.
pub(super) fn refused(
    visit: &Visit,
    reason: Reason,
    shown: Option<CertificateView>,
    status: StatusCode,
) -> Response {
    let page = Refused {
        frame: visit.frame(),
        reason,
        shown,
        again: "/".to_owned(),
    };
    let mut response = Page::new(page).status(status).into_response();
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cookies\""),
    );
    response
}

/// What the certificate is that was shown, if it can be read at all.
pub(super) async fn shown(visit: &Visit, certificate: Vec<u8>) -> Option<CertificateView> {
    let rows = visit
        .app
        .service()
        .call(Operation::TestPage, move |portal| {
            portal.test_page(&[certificate])
        })
        .await
        .ok()?;
    let row = rows.first()?;
    Some(CertificateView::of_row(row, visit.t))
}
