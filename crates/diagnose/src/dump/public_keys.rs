//! The public halves of the keys in key files, which the EID applet tells everybody who may read the
//! file.

use kortlab_apdu::{Channel, Command, StatusWord, instruction};
use kortlab_card::CardError;
use kortlab_card::files::Files;

use super::notes::Kind;
use super::tree::{Body, Found, Place};
use super::walk::{Walk, is_final, select};

/// GET DATA 0101: the modulus of the key in the selected key file.
fn command() -> Command {
    Command::new(instruction::GET_DATA, 0x01, 0x01).expecting_any()
}

/// What the card answers of the public half of the key in the file at this place.
///
/// # Errors
/// The file cannot be selected, or the answer makes no sense.
pub(super) fn ask<C: Channel + ?Sized>(
    files: &mut Files<'_, C>,
    place: &Place,
) -> Result<Result<Vec<u8>, StatusWord>, CardError> {
    select(files, place)?;
    let answer = files.send(&format!("get the public key in {place}"), &command())?;
    Ok(match answer.status() {
        status if answer.is_success() => match answer.into_data() {
            data if data.is_empty() => Err(status),
            data => Ok(data),
        },
        status => Err(status),
    })
}

impl<C: Channel> Walk<'_, C> {
    /// Asks for the public half of each key: the key itself never leaves the card.
    ///
    /// # Errors
    /// Nothing more can be read from the card.
    pub(super) fn public_keys(&mut self) -> Result<(), CardError> {
        let is_key = |found: &Found| {
            matches!(found.body, Body::Internal)
                && found.refused.is_none()
                && found.public.is_none()
        };
        let files = self.tree.iter().filter(|(_, found)| is_key(found));
        let places: Vec<Place> = files.map(|(place, _)| place.clone()).collect();
        for place in places {
            match self.repeated(|files| ask(files, &place)) {
                Ok(told) => self.tree.tell_public(&place, told),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    let what = format!("public key in {place}");
                    self.notes
                        .add(what, Kind::Nonsense, None, error.to_string());
                }
            }
        }
        Ok(())
    }
}
