//! APPEND RECORD (ISO/IEC 7816-4 §11.4.6).

use kortlab_apdu::{Command, StatusWord};

use super::done;
use super::record_target::{ef, records};
use crate::fs::{FileId, Structure};
use crate::memory::Write;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Adds a record: last in a linear EF, number 1 in a cyclic one, where it takes the place of the
/// oldest if the EF is full. `6A86`: P1 or the mode is not 0. `6700`: a length that does not
/// suit. `6A84`: no room.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    if command.p1() != 0 || command.p2() & 0x07 != 0 {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let file = ef(context, command, Operation::Write)?;
    add(context, file, command.data())
}

/// Adds a record and makes it the current one.
pub(super) fn add(context: &mut Context<'_>, file: FileId, data: &[u8]) -> Answer {
    context.memory.apply(Write::NewRecord {
        file,
        bytes: data.to_vec(),
    })?;
    let records = records(context, file)?;
    let added = match records.structure {
        Structure::Cyclic => 0,
        Structure::LinearFixed | Structure::LinearVariable => records.len().saturating_sub(1),
    };
    context.session.selection.record = Some(added);
    done()
}
