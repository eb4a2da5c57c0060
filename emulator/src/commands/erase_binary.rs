//! ERASE BINARY (ISO/IEC 7816-4 §11.3.7).

use kortlab_apdu::{Command, StatusWord};

use super::{binary, done};
use crate::memory::Write;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Sets bytes of a transparent EF to the erased state: from the offset in P1-P2 to the end, or up
/// to but not including the offset in the data field (two bytes). `6A80`: an end that is not
/// beyond the start. `6B00`, `6A84`: outside the EF.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    let (file, offset) = binary::target(context, command, Operation::Update)?;
    let size = context.contents(file)?.len();
    let end = match *command.data() {
        [] => size.max(offset),
        [high, low] => usize::from(u16::from_be_bytes([high, low])),
        _ => return Err(StatusWord::WRONG_LENGTH),
    };
    if end <= offset && !command.data().is_empty() {
        return Err(StatusWord::WRONG_DATA);
    }
    let length = binary::range(context, file, offset, end.saturating_sub(offset))?.len();
    if length == 0 {
        return Err(StatusWord::WRONG_P1_P2);
    }
    let erased = context.file(file)?.erased_byte();
    context.memory.apply(Write::EfBytes {
        file,
        offset,
        bytes: vec![erased; length],
    })?;
    done()
}
