//! The test page: two blue and two pink, and a trial of each key. Nobody logs in here; and the
//! trial listener.

use askama::Template;
use axum::response::{IntoResponse, Response};
use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::inspect::{CertificateSummary, Colour, Purpose};
use kortlab_portal_api::task::{SignPurpose, Work};
use kortlab_portal_core::{Portal as _, TRIAL_TEXT, TestPageRow};

use super::certificate::CertificateView;
use super::cookies::Seal;
use super::failure::{Failure, go_to};
use super::form::VisitorForm;
use super::frame::{Frame, Page};
use super::log_in::{Seen, asking_page, forget, refused, shown};
use super::memory::Aim;
use super::task::give;
use super::text::Texts;
use super::visit::Visit;
use crate::error::ServiceError;
use crate::operation::Operation;

#[derive(Template)]
#[template(path = "test.html")]
struct TestPage {
    frame: Frame,
    csrf: String,
    trial: String,
    shown: Option<Shown>,
}

/// The table.
struct Shown {
    rows: Vec<CertificateView>,
    blue: usize,
    pink: usize,
    complete: bool,
    /// How many, blue or pink, the portal has not issued.
    unknown: usize,
    /// Whether a receipt waits.
    waiting: bool,
    /// Whether something on the card could not be read.
    unreadable: bool,
}

/// `GET /test`
pub(super) async fn test(visit: Visit) -> Result<Response, Failure> {
    let visitor = visit.visitor()?;
    let owner = visitor.seal().owner;
    let pages = visit.app.pages();
    let shown = match pages.shown(owner) {
        Some(certificates) => Some(table(&visit, certificates).await?),
        None => None,
    };
    let page = Page::new(TestPage {
        frame: Frame {
            notice: pages.told(owner),
            ..visit.frame()
        },
        csrf: visitor.seal().csrf(),
        trial: visit.app.places().trial.to_string(),
        shown,
    });
    Ok(visitor.remember(page.into_response()))
}

/// `POST /test/show`
pub(super) async fn show(form: VisitorForm) -> Result<Response, Failure> {
    let VisitorForm { visit, seal } = form;
    welcome(&visit, &seal);
    give(&visit, seal.owner, Work::Show, Aim::Test, None)?;
    Ok(go_to("/test/task"))
}

/// `POST /test/sign`
pub(super) async fn sign(form: VisitorForm) -> Result<Response, Failure> {
    let VisitorForm { visit, seal } = form;
    welcome(&visit, &seal);
    let work = Work::Sign {
        text: TRIAL_TEXT.to_owned(),
        purpose: SignPurpose::Trial,
    };
    give(&visit, seal.owner, work, Aim::Test, None)?;
    Ok(go_to("/test/task"))
}

/// Who asks the card for something is remembered until it answers.
fn welcome(visit: &Visit, seal: &Seal) {
    let app = &visit.app;
    app.pages().welcome(seal.owner, visit.address, app.now());
}

#[derive(Template)]
#[template(path = "trial.html")]
struct Trial {
    frame: Frame,
    certificate: CertificateView,
    forget: bool,
}

/// `GET /` at the trial listener.
pub(super) async fn trial(visit: Visit) -> Result<Response, Failure> {
    let Some(certificate) = visit.peer.0.as_deref().map(<[u8]>::to_vec) else {
        let reason = visit.t.no_certificate_reason();
        let status = axum::http::StatusCode::FORBIDDEN;
        return Ok(refused(&visit, reason, Seen::default(), status));
    };
    let trying = certificate.clone();
    let service = visit.app.service();
    let tried = service
        .call(Operation::TryAuthentication, move |portal| {
            portal.try_authentication_proven(&trying)
        })
        .await;
    match tried {
        Ok(row) => {
            let page = Trial {
                frame: visit.frame(),
                certificate: CertificateView::of_row(&row, visit.t),
                forget: forget(&visit, true),
            };
            Ok(asking_page(&visit, page).into_response())
        }
        Err(ServiceError::Refused(error)) => {
            let shown = shown(&visit, certificate).await;
            let reason = visit.t.trial_error(&error);
            let status = ServiceError::Refused(error).status();
            Ok(refused(&visit, reason, shown, status))
        }
        Err(error) => Err(error.into()),
    }
}

async fn table(visit: &Visit, certificates: Vec<Vec<u8>>) -> Result<Shown, Failure> {
    let all = certificates.len();
    // What the portal could not read would only make it refuse the whole page.
    let readable: Vec<_> = certificates
        .into_iter()
        .filter(|certificate| CertificateSummary::from_der(certificate).is_ok())
        .collect();
    let unreadable = readable.len() < all;
    let rows = visit
        .app
        .service()
        .call(Operation::TestPage, move |portal| {
            portal.test_page(&readable)
        })
        .await?;
    Ok(Shown {
        unreadable,
        ..Shown::new(rows, visit.t)
    })
}

impl Shown {
    /// Blue before pink, authentication before signature, older before newer. Authorities' own
    /// certificates are not the holder's and are left out.
    fn new(mut rows: Vec<TestPageRow>, t: Texts) -> Self {
        rows.retain(|row| !row.summary.is_authority);
        rows.sort_by_key(|row| {
            let summary = &row.summary;
            (summary.colour, summary.purpose, summary.not_before)
        });
        let valid = |colour: Colour, purpose: Option<Purpose>| {
            rows.iter()
                .filter(|row| row.is_valid() && row.summary.colour == colour)
                .filter(|row| purpose.is_none_or(|purpose| row.summary.purpose == purpose))
                .count()
        };
        let one_of_each = |colour| {
            valid(colour, None) == 2
                && [Purpose::Authentication, Purpose::Signature]
                    .into_iter()
                    .all(|purpose| valid(colour, Some(purpose)) == 1)
        };
        let unknown = rows
            .iter()
            .filter(|row| !row.known && row.summary.colour != Colour::Other)
            .count();
        Self {
            blue: valid(Colour::Blue, None),
            pink: valid(Colour::Pink, None),
            complete: unknown == 0 && one_of_each(Colour::Blue) && one_of_each(Colour::Pink),
            unknown,
            waiting: rows.iter().any(|row| row.state == CertificateState::OnHold),
            unreadable: false,
            rows: rows
                .iter()
                .map(|row| CertificateView::of_row(row, t))
                .collect(),
        }
    }
}
