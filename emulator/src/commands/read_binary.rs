//! READ BINARY (ISO/IEC 7816-4 §11.3.3).

use kortlab_apdu::{Command, Response, StatusWord};

use super::binary;
use super::expect::expect_no_data;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Reads from a transparent EF: Ne bytes, or up to its end where Le is 00 (short) or 0000
/// (extended). `6282` if Ne bytes were asked for and fewer are there; the T=0 layer makes `6Cxx`
/// of it. `6B00`: the offset is at or beyond the end. From where the card was not readable from which
/// the file was copied, what that card answered.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    expect_no_data(command)?;
    let ne = command.ne().ok_or(StatusWord::WRONG_LENGTH)?;
    let (id, offset) = binary::target(context, command, Operation::Read)?;
    let contents = context.contents(id)?;
    let told = context.file(id)?.unreadable();
    let contents = match told {
        Some(told) if offset >= told.from as usize => return Err(told.status.status()),
        Some(told) => contents.get(..told.from as usize).unwrap_or(contents),
        None => contents,
    };
    let rest = contents.get(offset..).ok_or(StatusWord::WRONG_P1_P2)?;
    if rest.is_empty() && !contents.is_empty() {
        return Err(StatusWord::WRONG_P1_P2);
    }
    let wanted = usize::try_from(ne).unwrap_or(usize::MAX);
    let up_to_the_end = matches!(ne, 256 | 65_536);
    let data = rest.get(..wanted).unwrap_or(rest);
    // The card from which the file was copied did not say that it ended there.
    let is_the_end = told.is_none();
    let status = if data.len() < wanted && !up_to_the_end && is_the_end {
        StatusWord::END_OF_FILE
    } else {
        StatusWord::SUCCESS
    };
    Ok(Response::new(data, status))
}
