//! GET DATA with a tag list (ISO/IEC 7816-4 §11.6.2, odd instruction): the data objects of a DF.

use kortlab_apdu::tlv::read_one;
use kortlab_apdu::{Command, Fid, Protocol, Response, StatusWord};

use crate::fs::{Body, FileId, FileSystem};
use crate::os::{Answer, Context};

/// The tag list (ISO/IEC 7816-4 §8.4.3).
const TAG_LIST: u32 = 0x5C;

/// Gives the data object with the one tag in the tag list. P1-P2 say of which DF: `3FFF` and `0000`
/// the current one, `3F00` the MF. `6A88`: it has no such object; `6A82`: another P1-P2; `6A80`: no
/// tag list, or one of several tags; or what the card answered from which the DF was copied.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    let df = match Fid(command.p1_p2()) {
        Fid::CURRENT_DF | Fid(0) => context.current_df(),
        Fid::MASTER_FILE => FileSystem::MASTER_FILE,
        _ => return Err(StatusWord::FILE_NOT_FOUND),
    };
    expect_le(context, df, command)?;
    let list = read_one(command.data()).map_err(|_| StatusWord::WRONG_DATA)?;
    if list.tag.value() != TAG_LIST || list.value.is_empty() {
        return Err(StatusWord::WRONG_DATA);
    }
    object(context, df, list.value)
}

/// Checks that the command asks for data. A command under T=0 that has data has no Le: what there is
/// to give is offered by `61xx`. Nor needs it one in a DF that was copied from a card which gives its
/// objects either way.
///
/// # Errors
/// `6700`: it asks for none.
pub(super) fn expect_le(
    context: &mut Context<'_>,
    df: FileId,
    command: &Command,
) -> Result<(), StatusWord> {
    if command.ne().is_some() || context.memory.state().protocol == Protocol::T0 {
        return Ok(());
    }
    let recorded = context.file(df)?.recorded.as_deref();
    if !recorded.is_some_and(|recorded| recorded.objects_unasked) {
        return Err(StatusWord::WRONG_LENGTH);
    }
    context.session.unasked = true;
    Ok(())
}

/// The data object of this DF with this tag.
///
/// # Errors
/// `6A88`: there is none; or what the card answered from which the DF was copied.
pub(super) fn object(context: &Context<'_>, df: FileId, tag: &[u8]) -> Answer {
    let Body::Df { objects, .. } = &context.file(df)?.body else {
        return Err(StatusWord::REFERENCE_NOT_FOUND);
    };
    let mut all = objects.iter();
    let found = all.find(|object| object.tag.as_slice() == tag);
    let found = found.ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
    match (&found.value, found.status) {
        (Some(value), _) => Ok(Response::copy_of(value.as_slice())),
        (None, Some(refusal)) => Err(refusal.status()),
        (None, None) => Err(StatusWord::REFERENCE_NOT_FOUND),
    }
}
