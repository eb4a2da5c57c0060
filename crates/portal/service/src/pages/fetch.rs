//! *Hämta nytt HCC* and *Kvittera kort*: an order, its certificates, the receipt.

use askama::Template;
use axum::response::{IntoResponse, Response};
use kortlab_portal_api::task::{SignPurpose, Work};
use kortlab_portal_core::{IssuedPair, OrderId, OrderState, Portal as _, Receipt};

use super::certificate::CertificateView;
use super::failure::{Failure, go_to};
use super::form::SessionForm;
use super::frame::Frame;
use super::memory::Aim;
use super::menu::{Standing, list};
use super::notice::Notice;
use super::task::give;
use super::visit::LoggedIn;
use crate::operation::Operation;

#[derive(Template)]
#[template(path = "fetch.html")]
struct Fetch {
    frame: Frame,
    csrf: String,
    receipt_waits: bool,
    old: usize,
    valid: usize,
}

/// `GET /fetch`: what will happen. Nothing is ordered yet.
pub(super) async fn fetch(holder: LoggedIn) -> Result<impl IntoResponse, Failure> {
    let standing = Standing::of(&holder).await?;
    Ok(holder.page(Fetch {
        frame: holder.frame(),
        csrf: holder.seal.csrf(),
        receipt_waits: standing.receipt_waits,
        old: standing.old,
        valid: standing.valid,
    }))
}

/// `POST /fetch`: places an order, or goes on with the one that is under way.
pub(super) async fn begin(form: SessionForm) -> Result<Response, Failure> {
    let holder = form.holder;
    let order = holder
        .call(Operation::Order, |portal, token| portal.order(token))
        .await?;
    if order.state == OrderState::Issued {
        give_write(&holder, order.id).await?;
        return Ok(go_to("/task"));
    }
    let aim = Aim::Order(holder.session.token.clone(), order.id);
    let work = Work::Request {
        order: Box::new(order),
    };
    give_to(&holder, work, aim)?;
    Ok(go_to("/task"))
}

/// `POST /receipt`
pub(super) async fn receipt(form: SessionForm) -> Result<Response, Failure> {
    let holder = form.holder;
    let receipt = holder
        .call(Operation::Receipt, |portal, token| portal.receipt(token))
        .await?;
    let Some(receipt) = receipt else {
        let app = &holder.visit.app;
        let notice = Notice::remark(holder.visit.t.no_receipt_waits());
        app.pages().tell(holder.seal.owner, notice, app.now());
        return Ok(go_to("/menu"));
    };
    let aim = Aim::Order(holder.session.token.clone(), receipt.order);
    give_to(&holder, sign_receipt(receipt), aim)?;
    Ok(go_to("/task"))
}

#[derive(Template)]
#[template(path = "done.html")]
struct Done {
    frame: Frame,
    csrf: String,
    certificates: Vec<CertificateView>,
    receipt: String,
    old: usize,
}

/// `GET /done`: the receipt that was signed in this session.
pub(super) async fn done(holder: LoggedIn) -> Result<Response, Failure> {
    let app = &holder.visit.app;
    let Some(signed) = app.pages().receipt(holder.seal.owner) else {
        return Ok(go_to("/menu"));
    };
    let t = holder.visit.t;
    let entries = list(&holder).await?;
    let page = Done {
        frame: holder.frame(),
        csrf: holder.seal.csrf(),
        old: Standing::of(&holder).await?.old,
        certificates: entries
            .iter()
            .filter(|entry| entry.order == signed.order)
            .map(|entry| CertificateView::of_entry(entry, t))
            .collect(),
        receipt: signed.text,
    };
    Ok(holder.page(page).into_response())
}

/// Fetches the certificates of an order, and asks the card to write them.
pub(super) async fn give_write(holder: &LoggedIn, order: OrderId) -> Result<(), Failure> {
    let token = holder.session.token.clone();
    let service = holder.visit.app.service();
    let pair = service.fetch(token.clone(), order).await?;
    give_to(holder, write(&pair), Aim::Order(token, order))
}

/// What the card is asked to write.
pub(super) fn write(pair: &IssuedPair) -> Work {
    Work::Write {
        authentication: pair.authentication.as_slice().into(),
        signature: pair.signature.as_slice().into(),
    }
}

/// What the card is asked to sign.
pub(super) fn sign_receipt(receipt: Receipt) -> Work {
    Work::Sign {
        text: receipt.text,
        purpose: SignPurpose::Receipt,
    }
}

fn give_to(holder: &LoggedIn, work: Work, aim: Aim) -> Result<(), Failure> {
    let card = Some(holder.session.card_number);
    give(&holder.visit, holder.seal.owner, work, aim, card)
}
