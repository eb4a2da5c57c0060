//! What a call was about, as far as it can be seen: from its session, and from what it changed.

use kortlab_portal_core::LocalPortal;
use kortlab_portal_core::change::Change;

use super::Call;
use crate::event::Subject;

/// What the call says of itself, and the card of its session.
pub(super) fn of(call: &Call, portal: &LocalPortal) -> Subject {
    let mut subject = call.subject.clone();
    if subject.card.is_none()
        && let Some(token) = &call.session
        && let Some(card) = portal.card_of_session(token)
    {
        subject.card = Some(card.to_string());
    }
    subject
}

/// The same, with the card, the order and the certificates that were changed.
pub(super) fn with(mut subject: Subject, changes: &[Change]) -> Subject {
    for change in changes {
        match change {
            Change::Card(record) => {
                subject
                    .card
                    .get_or_insert_with(|| record.card_number.to_string());
            }
            Change::Order(record) => {
                subject
                    .card
                    .get_or_insert_with(|| record.card_number.to_string());
                subject.order.get_or_insert_with(|| record.id.to_string());
            }
            Change::Certificate(record) => note(&mut subject, &record.serial),
            Change::Revocation(record) => note(&mut subject, &record.serial),
            Change::CrlNumber(record) => {
                subject
                    .detail
                    .get_or_insert_with(|| format!("CRL {}", record.number));
            }
        }
    }
    subject
}

fn note(subject: &mut Subject, serial: &[u8]) {
    let serial = hex::encode_upper(serial);
    if !subject.certificates.contains(&serial) {
        subject.certificates.push(serial);
    }
}
