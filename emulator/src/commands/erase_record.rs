//! ERASE RECORD(S) (ISO/IEC 7816-4 §11.4.8).

use kortlab_apdu::{Command, StatusWord};

use super::done;
use super::expect::expect_no_data;
use super::record_target::{Mode, ef, index, records};
use crate::memory::Write;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Sets the record with the number in P1, or with mode 5 that one and all after it, to the erased
/// state. Erased records stay, with their length. `6A83`: there is no such record.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    expect_no_data(command)?;
    let mode = Mode::of(command)?;
    if !matches!(mode, Mode::Number | Mode::ToLast) {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let file = ef(context, command, Operation::Update)?;
    let first = index(context, file, command.p1(), mode, false)?;
    let last = match mode {
        Mode::ToLast => records(context, file)?.len(),
        _ => first + 1,
    };
    let erased = context.file(file)?.erased_byte();
    for index in first..last {
        let length = records(context, file)?.get(index).map_or(0, <[u8]>::len);
        context.memory.apply(Write::Record {
            file,
            index,
            bytes: vec![erased; length],
        })?;
    }
    done()
}
