//! DELETE FILE (ISO/IEC 7816-9 §5.2).

use kortlab_apdu::{Command, StatusWord};

use super::{done, select};
use crate::fs::FileId;
use crate::memory::Write;
use crate::os::session::Selection;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Deletes a file and what is in it, and frees its memory: with P1 = 00 and an FID, that file of
/// the current DF; with P1 = 00 and no data, the current EF or else the current DF; with P1 = 01,
/// 02, 08 or 09 as SELECT reads it.
///
/// It takes the file's own condition DELETE where that names it, else the DF's condition "delete
/// a child". If the current EF goes, its DF stays current; if the current DF goes, the DF around
/// the deleted file becomes current. `6985`: the MF.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    if command.p2() != 0x00 {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let file = target(context, command)?;
    let parent = context
        .files()
        .parent(file)
        .ok_or(StatusWord::CONDITIONS_OF_USE)?;
    context.usable(parent)?;
    authorise(context, file, parent)?;
    let selection = context.session.selection;
    let selected: Vec<FileId> = context.files().with_ancestors(selection.file()).collect();
    let answered = context.application();
    context.memory.apply(Write::Delete { file })?;
    context.session.environment.forget_files();
    if selected.contains(&file) {
        context.select_after(answered, Selection::df(parent));
    }
    done()
}

fn target(context: &Context<'_>, command: &Command) -> Result<FileId, StatusWord> {
    let selection = context.session.selection;
    match (command.p1(), command.data()) {
        (0x00, []) => Ok(selection.file()),
        (0x00, &[high, low]) => context
            .files()
            .child(selection.df, [high, low].into())
            .ok_or(StatusWord::FILE_NOT_FOUND),
        (0x00, _) => Err(StatusWord::WRONG_LENGTH),
        (p1 @ (0x01 | 0x02 | 0x08 | 0x09), data) => select::resolve(context, p1, data),
        _ => Err(StatusWord::INCORRECT_P1_P2),
    }
}

fn authorise(context: &Context<'_>, file: FileId, parent: FileId) -> Result<(), StatusWord> {
    let own = &context.file(file)?.access;
    if own.names(Operation::Delete) {
        return context.check(own, Operation::Delete);
    }
    let df = &context.file(parent)?.access;
    if df.names(Operation::DeleteChild) || !own.says_nothing() {
        return context.check(df, Operation::DeleteChild);
    }
    context.authorise_status(file, Operation::Delete)
}
