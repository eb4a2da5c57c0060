//! The log-in listener: the session begins, or a page says why not.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use kortlab_portal_core::Portal as _;

use super::certificate::CertificateView;
use super::cookies;
use super::failure::{Failure, go_to};
use super::frame::{Frame, Page};
use super::text::Reason;
use super::visit::Visit;
use crate::error::ServiceError;
use crate::listener::Listener;
use crate::operation::Operation;
use crate::tls::Whose;

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
        return Ok(refused(
            &visit,
            reason,
            Seen::default(),
            StatusCode::FORBIDDEN,
        ));
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
pub(super) fn refused(visit: &Visit, reason: Reason, shown: Seen, status: StatusCode) -> Response {
    let page = Refused {
        frame: visit.frame(),
        reason,
        shown: shown.view,
        is_log_in: visit.listener == Listener::LogIn,
        forget: forget(visit, shown.is_ours),
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
/// whose handshake fails. Programs are left alone. `is_ours`: whether it is on a card of this portal.
pub(super) fn forget(visit: &Visit, is_ours: bool) -> bool {
    let Some(certificate) = visit.peer.0.as_deref().filter(|_| visit.is_opened) else {
        return false;
    };
    let unwanted = visit.app.pages().unwanted();
    let whose = match is_ours {
        true => Whose::Card,
        false => Whose::Stranger(visit.address),
    };
    unwanted.refuse(visit.listener, certificate, whose);
    true
}

/// The certificate that was shown.
#[derive(Default)]
pub(super) struct Seen {
    /// What it is, if it can be read at all.
    view: Option<CertificateView>,
    /// Whether an authority of this portal has issued it.
    is_ours: bool,
}

/// What the certificate is that was shown.
pub(super) async fn shown(visit: &Visit, certificate: Vec<u8>) -> Seen {
    let looked_at = visit
        .app
        .service()
        .call(Operation::TestPage, move |portal| {
            let is_ours = portal.has_issued(&certificate);
            Ok((portal.test_page(&[certificate])?, is_ours))
        })
        .await;
    let Ok((rows, is_ours)) = looked_at else {
        return Seen::default();
    };
    let row = rows.first();
    Seen {
        view: row.map(|row| CertificateView::of_row(row, visit.t)),
        is_ours,
    }
}
