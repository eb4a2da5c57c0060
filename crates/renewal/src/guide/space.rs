//! Whether two more certificates fit, found out before anything is removed or ordered.

use kortlab_apdu::{Channel, StatusWord};
use kortlab_card::dialect::NewFile;
use kortlab_card::{Card, CardError, PinRole};

use super::error::{Cause, FullCard};

/// What the file of one certificate takes: an HCC of these profiles has some 1,500 bytes.
const CERTIFICATE: usize = 1600;
/// What its entry in the CDF takes.
const ENTRY_AT_LEAST: usize = 50;
const ENTRY_AT_MOST: usize = 90;

/// The file that tries the room: the last identifier in the range for certificates, which cards
/// reach only when they have 200 of them.
fn trial_file<C: Channel>(card: &Card<C>) -> u16 {
    *card.dialect().certificate_files().end()
}

/// Checks that `count` certificates fit once `old` ones of these lengths are gone. The card is
/// asked by creating a file as large as what is missing, and deleting it again: it has no command
/// that tells how much is free. A card that refuses is unchanged by that.
pub(super) fn check<C: Channel>(
    card: &mut Card<C>,
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
    if listed && (missing == 0 || fits(card, missing)?) {
        return Ok(());
    }
    Err(Cause::Full(FullCard {
        needed,
        freed,
        removable: removable.collect(),
    }))
}

fn fits<C: Channel>(card: &mut Card<C>, size: usize) -> Result<bool, CardError> {
    let file_id = trial_file(card);
    let pin = card.pin(PinRole::Authentication)?;
    let new = NewFile {
        file_id,
        size: u16::try_from(size).unwrap_or(u16::MAX),
        pin_reference: Some(pin.reference),
    };
    let (Some(create), Some(delete)) = (
        card.dialect().create_file(new),
        card.dialect().delete_file(file_id),
    ) else {
        // A card with files of fixed sizes: the writer says whether they suffice.
        return Ok(true);
    };
    let application = card.contents().application.clone();
    let trial = [application.as_slice(), &file_id.to_be_bytes()].concat();
    card.exclusively(|card| {
        let mut files = card.files();
        if files.exists(&trial)? {
            // A trial that was interrupted.
            files.select_silently(&application)?;
            files.demand("delete the trial file", &delete)?;
        }
        files.select_silently(&application)?;
        let response = files.send("try the room on the card", &create)?;
        match response.status() {
            _ if response.is_success() => {}
            StatusWord::NOT_ENOUGH_MEMORY => return Ok(false),
            status => {
                return Err(CardError::refused(
                    "try the room on the card",
                    &create,
                    status,
                ));
            }
        }
        files.select_silently(&application)?;
        files.demand("delete the trial file", &delete)?;
        Ok(true)
    })
}
