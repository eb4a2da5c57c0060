//! The EID-applet card: modelled on the Swedish staff card "Telia EID IP5a", a Java card with the
//! SetCOS-like EID applet v2.1.
//!
//! Two resident RSA keys, id 45 for authentication and decipherment and id 46 for signatures; a
//! PIN for each (references 81 and 82) and a PUK (83) that unblocks both; certificates in files
//! from 4331 on, which are written under the authentication PIN, those for key 46 as well. The
//! AODF lists the two PINs and not the PUK, for `pkcs15-tool -D` to list two PINs. No public dump
//! of such a card exists: the file layout, sizes and access conditions are ours, chosen so that
//! OpenSC reads and writes the card with every tool that it has for it.

mod atr;
mod card;
mod files;
pub mod layout;

pub use atr::{ATR_T0, ATR_T1};
pub use card::{EidCard, EidError};

// Its place is beside the other models'; its name has been this for long.
pub use super::CardCertificate;

use kortlab_apdu::Protocol;

use super::{CardModel, ModelError, Personalisation};
use crate::applications;
use crate::image::Image;

/// The model, for the list of models.
pub const MODEL: CardModel = CardModel {
    name: "eid",
    summary: "The EID-applet card of Swedish staff cards (label: Telia EID IP5a)",
    protocols: &[Protocol::T0, Protocol::T1],
    applications: &[&applications::eid::APPLICATION],
    make,
};

fn make(holder: Personalisation) -> Result<Image, ModelError> {
    let card = EidCard::new(
        holder.serial,
        holder.authentication_key,
        holder.signature_key,
    )
    .protocol(holder.protocol)
    .certificates(holder.certificates);
    card.build().map_err(ModelError::new)
}
