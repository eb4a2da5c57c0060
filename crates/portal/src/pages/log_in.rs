//! The log-in listener: the session begins, or a page says why not.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use kortlab_issuer::portal::Portal as _;

use super::certificate::CertificateView;
use super::cookies;
use super::failure::{Failure, go_to};
use super::frame::{Frame, Page};
use super::text::Reason;
use super::visit::Visit;
use crate::error::ServiceError;
use crate::listener::Listener;
use crate::operation::Operation;

#[derive(Template)]
#[template(path = "log_in_refused.html")]
struct Refused {
    frame: Frame,
    reason: Reason,
    shown: Option<CertificateView>,
    is_log_in: bool,
    forget: bool,
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

/// A page that says why, also for the trial listener.
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
        is_log_in: visit.listener == Listener::LogIn,
        forget: forget(visit),
    };
    asking_page(visit, page).status(status).into_response()
}

/// A page of a listener that asks for certificates. The style sheet comes from the main listener:
/// for each file from here the browser would show a certificate.
pub(super) fn asking_page<T: Template>(visit: &Visit, template: T) -> Page<T> {
    let main = visit.app.places().main.origin().ascii_serialization();
    Page::new(template).loads_from(&main)
}

/// Whether the page is to make the browser forget the certificate that it has shown, by an image
/// whose handshake fails. Programs are left alone.
pub(super) fn forget(visit: &Visit) -> bool {
    let Some(certificate) = visit.peer.0.as_deref().filter(|_| visit.is_opened) else {
        return false;
    };
    let unwanted = visit.app.pages().unwanted();
    unwanted.refuse(visit.listener, certificate);
    true
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
