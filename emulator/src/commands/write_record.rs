//! WRITE RECORD (ISO/IEC 7816-4 §11.4.4).

use kortlab_apdu::{Command, StatusWord};

use super::record_target::{Mode, ef, index, records, remember};
use super::{append_record, done};
use crate::fs::Structure;
use crate::memory::Write;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Combines a record with the data as the EF's data coding byte says; addressing and status words
/// as for UPDATE RECORD. The data has the length of the record. In a cyclic EF "previous" acts
/// like APPEND RECORD.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    let mode = Mode::of(command)?;
    if matches!(mode, Mode::ToLast | Mode::FromLast) {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let file = ef(context, command, Operation::Write)?;
    let cyclic = records(context, file)?.structure == Structure::Cyclic;
    if cyclic && mode == Mode::Previous && command.p1() == 0 {
        return append_record::add(context, file, command.data());
    }
    let index = index(context, file, command.p1(), mode, false)?;
    let old = records(context, file)?
        .get(index)
        .ok_or(StatusWord::RECORD_NOT_FOUND)?;
    if old.len() != command.data().len() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    let bytes = context
        .file(file)?
        .write_function()
        .combine(old, command.data())
        .ok_or(StatusWord::CONDITIONS_OF_USE)?;
    context.memory.apply(Write::Record { file, index, bytes })?;
    remember(context, mode, index);
    done()
}
