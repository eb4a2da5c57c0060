//! The menu.

use askama::Template;
use axum::response::IntoResponse;
use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::holder::Holder;
use kortlab_portal_core::{HccEntry, Portal as _};

use super::certificate::is_old;
use super::failure::Failure;
use super::frame::Frame;
use super::visit::LoggedIn;
use crate::operation::Operation;

#[derive(Template)]
#[template(path = "menu.html")]
struct Menu {
    frame: Frame,
    csrf: String,
    holder: Holder,
    card_number: CardNumber,
    receipt_waits: bool,
    old: usize,
}

/// `GET /menu`
pub(super) async fn menu(holder: LoggedIn) -> Result<impl IntoResponse, Failure> {
    let standing = Standing::of(&holder).await?;
    Ok(holder.page(Menu {
        frame: holder.frame(),
        csrf: holder.seal.csrf(),
        holder: holder.session.holder.clone(),
        card_number: holder.session.card_number,
        receipt_waits: standing.receipt_waits,
        old: standing.old,
    }))
}

/// What there is to do for a card.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Whether certificates are issued and wait for their receipt.
    pub(super) receipt_waits: bool,
    /// How many HCCs are to be removed.
    pub(super) old: usize,
    /// How many HCCs are valid.
    pub(super) valid: usize,
}

impl Standing {
    /// Asks the portal.
    pub(super) async fn of(holder: &LoggedIn) -> Result<Self, Failure> {
        let entries = list(holder).await?;
        let receipt = holder
            .call(Operation::Receipt, |portal, token| portal.receipt(token))
            .await?;
        let count = |which: fn(&HccEntry) -> bool| entries.iter().filter(|one| which(one)).count();
        Ok(Self {
            receipt_waits: receipt.is_some(),
            old: count(to_be_removed),
            valid: count(|entry| entry.state == CertificateState::Valid),
        })
    }
}

/// The card's HCCs.
pub(super) async fn list(holder: &LoggedIn) -> Result<Vec<HccEntry>, Failure> {
    holder
        .call(Operation::Certificates, |portal, token| {
            portal.certificates(token)
        })
        .await
}

/// Whether the guide has this removed from the card.
pub(super) fn to_be_removed(entry: &HccEntry) -> bool {
    is_old(entry.state) && !entry.removed
}
