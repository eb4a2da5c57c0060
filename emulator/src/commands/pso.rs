//! pso.

use kortlab_apdu::{Command, StatusWord};

use super::{Answer, Context};

pub(super) fn execute(_: &mut Context<'_>, _: &Command) -> Answer {
    Err(StatusWord::INS_NOT_SUPPORTED)
}
