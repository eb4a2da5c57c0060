//! What ACTIVATE, DEACTIVATE and TERMINATE share (ISO/IEC 7816-9).

use kortlab_apdu::{Command, StatusWord};

use super::select;
use crate::fs::FileId;
use crate::os::Context;

/// The file that the command means: with P1-P2 = 0000 and no data the current EF or else the
/// current DF; otherwise as SELECT reads P1 and the data, with P2 = 00 or 0C.
///
/// # Errors
/// As for SELECT; `6985`: a DF around the file is deactivated or terminated.
pub(super) fn target(context: &Context<'_>, command: &Command) -> Result<FileId, StatusWord> {
    if !matches!(command.p2(), 0x00 | 0x0C) {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let file = if names_current(command) {
        context.session.selection.file()
    } else {
        select::resolve(context, command.p1(), command.data())?
    };
    if let Some(df) = context.files().parent(file) {
        context.usable(df)?;
    }
    Ok(file)
}

/// Whether the command means the current file.
pub(super) fn names_current(command: &Command) -> bool {
    command.p1() == 0 && command.data().is_empty()
}
