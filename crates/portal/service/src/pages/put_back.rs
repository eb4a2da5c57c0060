//! *Lägga tillbaka HCC*: a pair that is issued is written to the card again.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kortlab_portal_core::{HccEntry, OrderId};

use super::certificate::{CertificateView, is_good};
use super::certificates::{Missing, at};
use super::failure::{Failure, go_to};
use super::fetch::give_write;
use super::form::SessionForm;
use super::frame::Frame;
use super::menu::list;
use super::swedish_time::day;
use super::text::Texts;
use super::visit::LoggedIn;

#[derive(Template)]
#[template(path = "put_back.html")]
struct PutBack {
    frame: Frame,
    csrf: String,
    missing: Option<Vec<Missing>>,
    pairs: Vec<PairView>,
}

struct PairView {
    order: OrderId,
    issued: String,
    issued_day: String,
    certificates: Vec<CertificateView>,
}

/// `GET /put-back`
pub(super) async fn put_back(holder: LoggedIn) -> Result<Response, Failure> {
    let entries = list(&holder).await?;
    Ok(page(&holder, &entries, false))
}

/// `POST /put-back`
pub(super) async fn put_back_chosen(form: SessionForm) -> Result<Response, Failure> {
    let SessionForm { holder, fields } = form;
    let Some(order) = fields.one("order") else {
        let entries = list(&holder).await?;
        return Ok(page(&holder, &entries, true));
    };
    let order: OrderId = order
        .parse()
        .map_err(|_| Failure::Status(StatusCode::BAD_REQUEST))?;
    give_write(&holder, order).await?;
    Ok(go_to("/task"))
}

fn page(holder: &LoggedIn, entries: &[HccEntry], nothing_chosen: bool) -> Response {
    let t = holder.visit.t;
    let page = PutBack {
        frame: at(holder, "/put-back"),
        csrf: holder.seal.csrf(),
        missing: nothing_chosen.then(|| {
            vec![Missing {
                field: "choose",
                text: t.put_back_choose(),
            }]
        }),
        pairs: pairs(entries, t),
    };
    let status = match nothing_chosen {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    holder.page(page).status(status).into_response()
}

/// The orders whose certificates may all be on a card, newest first.
fn pairs(entries: &[HccEntry], t: Texts) -> Vec<PairView> {
    let mut pairs: Vec<PairView> = Vec::new();
    for entry in entries.iter().rev() {
        if pairs.iter().any(|pair| pair.order == entry.order) {
            continue;
        }
        let of_order = || entries.iter().filter(|one| one.order == entry.order);
        if of_order().all(|one| is_good(one.state)) {
            pairs.push(PairView {
                order: entry.order,
                issued: entry.summary.not_before.to_string(),
                issued_day: day(entry.summary.not_before),
                certificates: of_order()
                    .map(|one| CertificateView::of_entry(one, t))
                    .collect(),
            });
        }
    }
    pairs
}
