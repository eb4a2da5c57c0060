//! *Ta bort utgångna/spärrade HCC*: the list, shown again until nothing in it is expired or
//! revoked.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kortlab_portal_api::Serial;
use kortlab_portal_api::task::Work;
use kortlab_portal_core::HccEntry;

use super::certificate::{CertificateView, is_old};
use super::failure::{Failure, go_to};
use super::form::{Fields, SessionForm};
use super::frame::Frame;
use super::memory::Aim;
use super::menu::{list, to_be_removed};
use super::task::give;
use super::visit::LoggedIn;

#[derive(Template)]
#[template(path = "certificates.html")]
struct List {
    frame: Frame,
    csrf: String,
    missing: Option<Vec<Missing>>,
    old: Vec<CertificateView>,
    good: Vec<CertificateView>,
    gone: Vec<CertificateView>,
}

/// What is missing in a form, and the place where it is.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    pub(super) field: &'static str,
    pub(super) text: &'static str,
}

/// `GET /certificates`
pub(super) async fn certificates(holder: LoggedIn) -> Result<Response, Failure> {
    let entries = list(&holder).await?;
    Ok(page(&holder, &entries, None))
}

/// `POST /certificates/remove`
pub(super) async fn remove(form: SessionForm) -> Result<Response, Failure> {
    let SessionForm { holder, fields } = form;
    let entries = list(&holder).await?;
    let chosen = chosen(&fields)?;
    let serials: Vec<_> = entries
        .iter()
        .filter(|entry| is_old(entry.state))
        .filter_map(|entry| Serial::new(&entry.summary.serial).ok())
        .filter(|serial| chosen.contains(serial))
        .collect();
    if serials.is_empty() {
        return Ok(page(
            &holder,
            &entries,
            Some(holder.visit.t.list_choose_one()),
        ));
    }
    let aim = Aim::Session(holder.session.token.clone());
    give(
        &holder.visit,
        holder.seal.owner,
        Work::Remove { serials },
        aim,
        Some(holder.session.card_number),
    )?;
    Ok(go_to("/task"))
}

/// The serial numbers that were ticked.
pub(super) fn chosen(fields: &Fields) -> Result<Vec<Serial>, Failure> {
    fields
        .all("serial")
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .map_err(|_| Failure::Status(StatusCode::BAD_REQUEST))
}

fn page(holder: &LoggedIn, entries: &[HccEntry], missing: Option<&'static str>) -> Response {
    let views = |which: fn(&HccEntry) -> bool| {
        entries
            .iter()
            .filter(|entry| which(entry))
            .map(|entry| CertificateView::of_entry(entry, holder.visit.t))
            .collect()
    };
    let missing = missing.map(|text| {
        vec![Missing {
            field: "choose",
            text,
        }]
    });
    let status = match missing {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let list = List {
        frame: at(holder, "/certificates"),
        csrf: holder.seal.csrf(),
        missing,
        old: views(to_be_removed),
        good: views(|entry| !is_old(entry.state) && !entry.removed),
        gone: views(|entry| is_old(entry.state) && entry.removed),
    };
    holder.page(list).status(status).into_response()
}

/// The frame of a page that answers a form: its link for the other language leads to the page
/// with the form.
pub(super) fn at(holder: &LoggedIn, path: &str) -> Frame {
    let mut holder = holder.clone();
    path.clone_into(&mut holder.visit.path);
    holder.frame()
}
