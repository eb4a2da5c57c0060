//! MANAGE SECURITY ENVIRONMENT.

use kortlab_apdu::{Command, StatusWord};

use super::{Answer, Context};

/// What MANAGE SECURITY ENVIRONMENT chose.
#[derive(Clone, Debug, Default)]
pub(crate) struct SecurityEnvironment {}

impl SecurityEnvironment {
    /// A file was deleted: what refers to files is no longer valid.
    pub(crate) fn forget_files(&mut self) {}
}

pub(super) fn execute(_: &mut Context<'_>, _: &Command) -> Answer {
    Err(StatusWord::INS_NOT_SUPPORTED)
}
