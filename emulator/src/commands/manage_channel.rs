//! MANAGE CHANNEL (ISO/IEC 7816-4 §11.1.2).

use kortlab_apdu::{Command, StatusWord};

use crate::os::{Answer, Context};

/// `6881`: this card has the basic channel alone.
pub(crate) fn execute(_: &mut Context<'_>, _: &Command) -> Answer {
    Err(StatusWord::CHANNEL_NOT_SUPPORTED)
}
