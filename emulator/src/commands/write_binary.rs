//! WRITE BINARY (ISO/IEC 7816-4 §11.3.4).

use kortlab_apdu::{Command, StatusWord};

use super::{binary, done};
use crate::memory::Write;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Combines bytes of a transparent EF with the data as the EF's data coding byte says: OR where
/// it says nothing. Status words as for UPDATE BINARY; `6985` where the EF allows one write only
/// and the bytes are no longer in the erased state.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    if command.data().is_empty() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    let (file, offset) = binary::target(context, command, Operation::Write)?;
    let old = binary::range(context, file, offset, command.data().len())?;
    let bytes = context
        .file(file)?
        .write_function()
        .combine(old, command.data())
        .ok_or(StatusWord::CONDITIONS_OF_USE)?;
    context.memory.apply(Write::EfBytes {
        file,
        offset,
        bytes,
    })?;
    done()
}
