//! UPDATE RECORD (ISO/IEC 7816-4 §11.4.5).

use kortlab_apdu::{Command, StatusWord};

use super::record_target::{Mode, ef, index, records, remember};
use super::{append_record, done};
use crate::fs::Structure;
use crate::memory::Write;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Replaces a record: first, last, next, previous (P1 = 00), or the one with the number in P1. In
/// a cyclic EF "previous" replaces the oldest record, which becomes number 1. `6A83`: there is no
/// such record. `6700`: a length that does not suit. `6A84`: no room.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    let mode = Mode::of(command)?;
    if matches!(mode, Mode::ToLast | Mode::FromLast) {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let file = ef(context, command, Operation::Update)?;
    let cyclic = records(context, file)?.structure == Structure::Cyclic;
    if cyclic && mode == Mode::Previous && command.p1() == 0 {
        return append_record::add(context, file, command.data());
    }
    let index = index(context, file, command.p1(), mode, false)?;
    context.memory.apply(Write::Record {
        file,
        index,
        bytes: command.data().to_vec(),
    })?;
    remember(context, mode, index);
    done()
}
