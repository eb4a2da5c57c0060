//! *Lägg tillbaka HCC*: a pair that is issued is written to the card again.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kortlab_issuer::authority::CertificateState;
use kortlab_portal_core::{HccEntry, OrderId, Portal as _};

use super::certificate::CertificateView;
use super::certificates::{Missing, at};
use super::failure::{Failure, go_to};
use super::fetch::give_write;
use super::form::SessionForm;
use super::frame::Frame;
use super::menu::list;
use super::swedish_time::day;
use super::text::Texts;
use super::visit::LoggedIn;
use crate::operation::Operation;

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
    let choice = Choice::of(&holder).await?;
    Ok(page(&holder, &choice, false))
}

/// `POST /put-back`
pub(super) async fn put_back_chosen(form: SessionForm) -> Result<Response, Failure> {
    let SessionForm { holder, fields } = form;
    let Some(order) = fields.one("order") else {
        let choice = Choice::of(&holder).await?;
        return Ok(page(&holder, &choice, true));
    };
    let order: OrderId = order
        .parse()
        .map_err(|_| Failure::Status(StatusCode::BAD_REQUEST))?;
    give_write(&holder, order).await?;
    Ok(go_to("/task"))
}

fn page(holder: &LoggedIn, choice: &Choice, nothing_chosen: bool) -> Response {
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
        pairs: choice.pairs(t),
    };
    let status = match nothing_chosen {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    holder.page(page).status(status).into_response()
}

/// What there is to choose from.
struct Choice {
    entries: Vec<HccEntry>,
    /// The order whose certificates wait for their receipt.
    waiting: Option<OrderId>,
}

impl Choice {
    /// Asks the portal.
    async fn of(holder: &LoggedIn) -> Result<Self, Failure> {
        let entries = list(holder).await?;
        let receipt = holder
            .call(Operation::Receipt, |portal, token| portal.receipt(token))
            .await?;
        Ok(Self {
            entries,
            waiting: receipt.map(|receipt| receipt.order),
        })
    }

    /// The orders whose certificates may all be on a card, newest first.
    fn pairs(&self, t: Texts) -> Vec<PairView> {
        let mut pairs: Vec<PairView> = Vec::new();
        for entry in self.entries.iter().rev() {
            if pairs.iter().any(|pair| pair.order == entry.order) {
                continue;
            }
            let of_order = || self.entries.iter().filter(|one| one.order == entry.order);
            if of_order().all(|one| self.may_be_on_card(one)) {
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

    /// Valid, or on hold until the receipt. One that was put on hold later comes to nothing.
    fn may_be_on_card(&self, entry: &HccEntry) -> bool {
        match entry.state {
            CertificateState::Valid => true,
            CertificateState::OnHold => Some(entry.order) == self.waiting,
            _ => false,
        }
    }
}
