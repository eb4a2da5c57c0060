//! What READ, UPDATE, WRITE and ERASE BINARY share: which EF and which offset
//! (ISO/IEC 7816-4 §11.3.2).

use kortlab_apdu::{Command, StatusWord};

use crate::fs::FileId;
use crate::os::Context;
use crate::security::Operation;

/// The EF and the offset that P1-P2 say: with bit 8 of P1 set, an SFI and an offset up to 255,
/// else the current EF and an offset up to 32 767.
///
/// # Errors
/// `6A86`: bits 7 and 6 of P1 set beside bit 8. `6A82`, `6986`: no such EF. `6981`: not a
/// transparent EF. `6985`, `6982`: not usable, not allowed.
pub(super) fn target(
    context: &mut Context<'_>,
    command: &Command,
    operation: Operation,
) -> Result<(FileId, usize), StatusWord> {
    let (id, offset) = if command.p1() & 0x80 != 0 {
        if command.p1() & 0x60 != 0 {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        let id = context.by_sfi(command.p1() & 0x1F)?;
        (id, usize::from(command.p2()))
    } else {
        (context.current_ef()?, usize::from(command.p1_p2()))
    };
    context.contents(id)?;
    context.authorise(id, operation)?;
    context.make_current(id);
    Ok((id, offset))
}

/// The part of a transparent EF that begins at `offset` and has `length` bytes.
///
/// # Errors
/// `6B00`: the offset is outside the EF. `6A84`: the end is.
pub(super) fn range<'a>(
    context: &'a Context<'_>,
    id: FileId,
    offset: usize,
    length: usize,
) -> Result<&'a [u8], StatusWord> {
    let contents = context.contents(id)?;
    let rest = contents.get(offset..).ok_or(StatusWord::WRONG_P1_P2)?;
    if rest.is_empty() && length > 0 {
        return Err(StatusWord::WRONG_P1_P2);
    }
    rest.get(..length).ok_or(StatusWord::NOT_ENOUGH_MEMORY)
}
