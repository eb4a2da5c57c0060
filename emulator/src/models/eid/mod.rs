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
pub use card::{CardCertificate, EidCard, EidError};

use kortlab_apdu::Protocol;

use super::CardModel;
use crate::image::Model;

/// The model, for the list of models.
pub const MODEL: CardModel = CardModel {
    model: Model::Eid,
    name: "eid",
    summary: "Swedish staff card with the EID applet (SetCOS), modelled on Telia EID IP5a",
    protocols: &[Protocol::T0, Protocol::T1],
    atr: atr::of,
};
