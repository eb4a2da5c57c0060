//! UPDATE BINARY (ISO/IEC 7816-4 §11.3.5).

use kortlab_apdu::{Command, StatusWord};

use super::{binary, done};
use crate::memory::Write;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Replaces bytes of a transparent EF. `6700`: no data. `6B00`: the offset is outside the EF.
/// `6A84`: the data does not fit behind it; then nothing is changed.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    if command.data().is_empty() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    let (file, offset) = binary::target(context, command, Operation::Update)?;
    binary::range(context, file, offset, command.data().len())?;
    context.memory.apply(Write::EfBytes {
        file,
        offset,
        bytes: command.data().to_vec(),
    })?;
    done()
}
