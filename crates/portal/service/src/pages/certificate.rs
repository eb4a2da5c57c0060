//! A certificate as the pages show it.

use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::inspect::CertificateSummary;
use kortlab_portal_core::{HccEntry, TestPageRow};

use super::swedish_time::day;
use super::text::Texts;

/// A certificate, ready to be shown: colour, purpose and state in words, and classes for the
/// style sheet that say the same.
#[derive(Clone, Debug)]
pub(crate) struct CertificateView {
    pub(crate) colour: &'static str,
    pub(crate) colour_is: &'static str,
    pub(crate) colour_class: &'static str,
    pub(crate) purpose: &'static str,
    pub(crate) state: String,
    pub(crate) state_class: &'static str,
    pub(crate) holder: String,
    pub(crate) hsa_id: Option<String>,
    pub(crate) card_number: Option<String>,
    pub(crate) issuer: String,
    pub(crate) serial: String,
    pub(crate) not_after: String,
    pub(crate) last_day: String,
    /// Whether the portal's own authorities issued it.
    pub(crate) known: bool,
    /// Whether it is ticked in a form.
    pub(crate) chosen: bool,
}

impl CertificateView {
    /// One that the portal lists.
    pub(crate) fn of_entry(entry: &HccEntry, t: Texts) -> Self {
        Self::new(&entry.summary, entry.state, true, t)
    }

    /// One of the test page.
    pub(crate) fn of_row(row: &TestPageRow, t: Texts) -> Self {
        let view = Self::new(&row.summary, row.state, row.known, t);
        match row.is_unknown() {
            true => Self {
                state: t.state_not_known().to_owned(),
                state_class: "over",
                ..view
            },
            false => view,
        }
    }

    fn new(summary: &CertificateSummary, state: CertificateState, known: bool, t: Texts) -> Self {
        Self {
            colour: t.colour(summary.colour),
            colour_is: t.colour_is(summary.colour),
            colour_class: summary.colour.name(),
            purpose: t.purpose(summary.purpose),
            state: t.certificate_state(state),
            state_class: match state {
                CertificateState::Valid => "valid",
                CertificateState::OnHold | CertificateState::NotYetValid => "waiting",
                CertificateState::Expired | CertificateState::Revoked(_) => "over",
            },
            holder: named(&summary.holder, t),
            hsa_id: summary.hsa_id.clone(),
            // A carrier certificate may name nobody but the card.
            card_number: summary
                .card_number
                .clone()
                .filter(|number| *number != summary.holder),
            issuer: named(&summary.issuer, t),
            serial: summary.serial_hex(),
            not_after: summary.not_after.to_string(),
            last_day: day(summary.not_after),
            known,
            chosen: false,
        }
    }

    /// Ticked, or not.
    pub(crate) fn chosen(self, chosen: bool) -> Self {
        Self { chosen, ..self }
    }
}

/// A name, or that there is none.
fn named(name: &str, t: Texts) -> String {
    match name.trim() {
        "" => t.without_name().to_owned(),
        _ => name.to_owned(),
    }
}

/// What the guide has removed: expired or revoked.
pub(crate) const fn is_old(state: CertificateState) -> bool {
    matches!(
        state,
        CertificateState::Expired | CertificateState::Revoked(_)
    )
}
