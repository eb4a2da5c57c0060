//! PUT DATA (ISO/IEC 7816-4 §11.6.3), with the tag in P1-P2.

use kortlab_apdu::{Command, StatusWord};

use super::done;
use crate::memory::Write;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Replaces the value of a data object that is there. `6A88`: there is no such object. `6982`:
/// its access conditions allow no UPDATE. `6700`: no data, or more than 32 767 bytes. `6A84`: no
/// room.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    let objects = &context.memory.state().data_objects;
    let index = objects
        .iter()
        .position(|object| object.tag == command.p1_p2())
        .ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
    let object = objects.get(index).ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
    context.check(&object.access, Operation::Update)?;
    if !(1..=0x7FFF).contains(&command.data().len()) {
        return Err(StatusWord::WRONG_LENGTH);
    }
    context.memory.apply(Write::DataObject {
        index,
        value: command.data().to_vec(),
    })?;
    done()
}
