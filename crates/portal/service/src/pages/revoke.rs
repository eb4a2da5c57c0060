//! *Spärra HCC*: which, why, and once more whether.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_api::Serial;
use kortlab_portal_core::{HccEntry, Portal as _};

use super::certificate::{CertificateView, is_old};
use super::certificates::{Missing, at, chosen};
use super::failure::{Failure, go_to};
use super::form::{Fields, SessionForm};
use super::frame::Frame;
use super::menu::list;
use super::notice::Notice;
use super::visit::LoggedIn;
use crate::event::Subject;
use crate::operation::Operation;
use crate::service::Call;

/// The reasons a holder can choose.
const REASONS: [RevocationReason; 5] = [
    RevocationReason::KeyCompromise,
    RevocationReason::Superseded,
    RevocationReason::CessationOfOperation,
    RevocationReason::AffiliationChanged,
    RevocationReason::Unspecified,
];

#[derive(Template)]
#[template(path = "revoke.html")]
struct Choice {
    frame: Frame,
    csrf: String,
    missing: Option<Vec<Missing>>,
    certificates: Vec<CertificateView>,
    reasons: Vec<ReasonView>,
}

struct ReasonView {
    name: &'static str,
    text: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "revoke_confirm.html")]
struct Confirmation {
    frame: Frame,
    csrf: String,
    certificates: Vec<CertificateView>,
    reason: &'static str,
    reason_text: &'static str,
}

/// `GET /revoke`
pub(super) async fn revoke(holder: LoggedIn) -> Result<Response, Failure> {
    let entries = list(&holder).await?;
    Ok(choice(&holder, &entries, &Chosen::default(), false))
}

/// `POST /revoke`: nothing is revoked yet.
pub(super) async fn confirm(form: SessionForm) -> Result<Response, Failure> {
    let SessionForm { holder, fields } = form;
    let entries = list(&holder).await?;
    let chosen = Chosen::of(&fields)?;
    let certificates = chosen.among(&entries);
    let (false, Some(reason)) = (certificates.is_empty(), chosen.reason) else {
        return Ok(choice(&holder, &entries, &chosen, true));
    };
    let t = holder.visit.t;
    let page = Confirmation {
        frame: at(&holder, "/revoke"),
        csrf: holder.seal.csrf(),
        certificates: certificates
            .iter()
            .map(|entry| CertificateView::of_entry(entry, t))
            .collect(),
        reason: reason.name(),
        reason_text: t.revocation(reason),
    };
    Ok(holder.page(page).into_response())
}

/// `POST /revoke/confirmed`
pub(super) async fn confirmed(form: SessionForm) -> Result<Response, Failure> {
    let SessionForm { holder, fields } = form;
    let entries = list(&holder).await?;
    let chosen = Chosen::of(&fields)?;
    let certificates = chosen.among(&entries);
    let (false, Some(reason)) = (certificates.is_empty(), chosen.reason) else {
        return Ok(choice(&holder, &entries, &chosen, true));
    };
    let app = &holder.visit.app;
    for entry in certificates {
        let token = holder.session.token.clone();
        let serial = entry.summary.serial.clone();
        let subject = Subject::default()
            .certificate(&serial)
            .detail(reason.name());
        let call = Call::in_session(Operation::Revoke, &token).about(subject);
        app.service()
            .call(call, move |portal| portal.revoke(&token, &serial, reason))
            .await?;
    }
    let notice = Notice::good(holder.visit.t.revoke_done());
    app.pages().tell(holder.seal.owner, notice, app.now());
    Ok(go_to("/certificates"))
}

/// What was chosen in the form.
#[derive(Debug, Default)]
struct Chosen {
    serials: Vec<Serial>,
    reason: Option<RevocationReason>,
}

impl Chosen {
    fn of(fields: &Fields) -> Result<Self, Failure> {
        let reason = match fields.one("reason") {
            None => None,
            Some(name) => Some(
                REASONS
                    .into_iter()
                    .find(|reason| reason.name() == name)
                    .ok_or(Failure::Status(StatusCode::BAD_REQUEST))?,
            ),
        };
        Ok(Self {
            serials: chosen(fields)?,
            reason,
        })
    }

    fn has(&self, entry: &HccEntry) -> bool {
        self.serials
            .iter()
            .any(|serial| serial.as_bytes() == entry.summary.serial)
    }

    fn among<'a>(&self, entries: &'a [HccEntry]) -> Vec<&'a HccEntry> {
        entries
            .iter()
            .filter(|entry| !is_old(entry.state) && self.has(entry))
            .collect()
    }
}

fn choice(holder: &LoggedIn, entries: &[HccEntry], chosen: &Chosen, checked: bool) -> Response {
    let t = holder.visit.t;
    let mut missing = Vec::new();
    if checked && chosen.among(entries).is_empty() {
        missing.push(Missing {
            field: "choose",
            text: t.list_choose_one(),
        });
    }
    if checked && chosen.reason.is_none() {
        missing.push(Missing {
            field: "reason",
            text: t.revoke_choose_reason(),
        });
    }
    let page = Choice {
        frame: at(holder, "/revoke"),
        csrf: holder.seal.csrf(),
        certificates: entries
            .iter()
            .filter(|entry| !is_old(entry.state))
            .map(|entry| CertificateView::of_entry(entry, t).chosen(chosen.has(entry)))
            .collect(),
        reasons: REASONS
            .into_iter()
            .map(|reason| ReasonView {
                name: reason.name(),
                text: t.revocation(reason),
                chosen: chosen.reason == Some(reason),
            })
            .collect(),
        missing: checked.then_some(missing),
    };
    let status = match checked {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    holder.page(page).status(status).into_response()
}
