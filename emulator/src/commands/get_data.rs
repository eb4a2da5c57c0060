//! GET DATA (ISO/IEC 7816-4 §11.6.2), with the tag in P1-P2.

use kortlab_apdu::{Command, Response, StatusWord};

use super::expect::expect_no_data;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Gives the value of a data object of the card. `6A88`: no such object. `6982`: its access
/// conditions are not satisfied.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    expect_no_data(command)?;
    if command.ne().is_none() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    let objects = &context.memory.state().data_objects;
    let object = objects
        .iter()
        .find(|object| object.tag == command.p1_p2())
        .ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
    if !object.access.says_nothing() {
        context.check(&object.access, Operation::Read)?;
    }
    Ok(Response::copy_of(object.value.as_slice()))
}
