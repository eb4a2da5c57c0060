//! What ACTIVATE, DEACTIVATE and TERMINATE share (ISO/IEC 7816-9).

use kortlab_apdu::{Command, StatusWord};

use super::{Context, select};
use crate::fs::FileId;

/// The file that the command means: with P1-P2 = 0000 and no data the current EF or else the
/// current DF; otherwise as SELECT reads P1 and the data, with P2 = 00 or 0C.
///
/// # Errors
/// As for SELECT.
pub(super) fn target(context: &Context<'_>, command: &Command) -> Result<FileId, StatusWord> {
    if !matches!(command.p2(), 0x00 | 0x0C) {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    if command.p1() == 0 && command.data().is_empty() {
        return Ok(context.session.selection.file());
    }
    select::resolve(context, command.p1(), command.data())
}
