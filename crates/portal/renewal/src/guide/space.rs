//! Whether two more certificates fit, found out before anything is removed or ordered.

use kortlab_apdu::Channel;
use kortlab_card::{Card, Journal};

use super::error::{Cause, FullCard};

/// What the file of one certificate takes: an HCC of these profiles has some 1,500 bytes.
const CERTIFICATE: usize = 1600;
/// What its entry in the CDF takes.
const ENTRY_AT_LEAST: usize = 50;
const ENTRY_AT_MOST: usize = 90;

/// Checks that `count` certificates fit once `old` ones of these lengths are gone. The card is
/// asked by creating a file as large as what is missing, and deleting it again, in a transaction
/// of its own: it has no command that tells how much is free, and the certificates themselves do
/// not exist before they are ordered. A card that refuses is unchanged by that.
pub(super) fn check<C: Channel>(
    card: &mut Card<C>,
    journal: &mut dyn Journal,
    count: usize,
    old: &[usize],
    removable: impl Iterator<Item = String>,
) -> Result<(), Cause> {
    let needed = count * CERTIFICATE;
    let freed: usize = old.iter().sum();
    let missing = needed.saturating_sub(freed);
    let listed = card.free_space().directory.is_none_or(|free| {
        free.saturating_add(old.len() * ENTRY_AT_LEAST) >= count * ENTRY_AT_MOST
    });
    if listed && (missing == 0 || card.has_room(missing, journal)?) {
        return Ok(());
    }
    Err(Cause::Full(FullCard {
        needed,
        freed,
        removable: removable.collect(),
    }))
}
