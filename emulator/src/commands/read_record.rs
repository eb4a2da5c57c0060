//! READ RECORD(S) (ISO/IEC 7816-4 §11.4.3).

use kortlab_apdu::{Command, Response, StatusWord};

use super::expect::expect_no_data;
use super::record_target::{Mode, ef, index, records, remember};
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Reads one record, or with modes 5 and 6 several one after another, up to Ne bytes. `6A83`:
/// there is no such record. `6282` if Ne bytes were asked for and fewer are there; the T=0 layer
/// makes `6Cxx` of it.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    expect_no_data(command)?;
    let ne = command.ne().ok_or(StatusWord::WRONG_LENGTH)?;
    let mode = Mode::of(command)?;
    let id = ef(context, command, Operation::Read)?;
    let first = index(context, id, command.p1(), mode, true)?;
    if let Some(told) = context.file(id)?.unreadable()
        && first + 1 >= told.from as usize
    {
        return Err(told.status.status());
    }
    let records = records(context, id)?;
    let data = match mode {
        Mode::ToLast => (first..records.len())
            .filter_map(|index| records.get(index))
            .collect::<Vec<_>>()
            .concat(),
        Mode::FromLast => (first..records.len())
            .rev()
            .filter_map(|index| records.get(index))
            .collect::<Vec<_>>()
            .concat(),
        _ => records
            .get(first)
            .ok_or(StatusWord::RECORD_NOT_FOUND)?
            .to_vec(),
    };
    remember(context, mode, first);
    let short = data.len() < usize::try_from(ne).unwrap_or(usize::MAX);
    let status = if short && !matches!(ne, 256 | 65_536) {
        StatusWord::END_OF_FILE
    } else {
        StatusWord::SUCCESS
    };
    Ok(Response::new(data, status))
}
