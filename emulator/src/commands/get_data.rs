//! GET DATA (ISO/IEC 7816-4 §11.6.2), with the tag in P1-P2.

use kortlab_apdu::{Command, Response, StatusWord};

use super::expect::expect_no_data;
use super::get_data_of_df;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Gives the value of a data object of the card, or else of the current DF. `6A88`: no such object. `6982`: its access
/// conditions are not satisfied.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    expect_no_data(command)?;
    let objects = &context.memory.state().data_objects;
    let of_card = objects.iter().find(|object| object.tag == command.p1_p2());
    let Some(object) = of_card else {
        let tag = command.p1_p2().to_be_bytes();
        let tag = tag.strip_prefix(&[0]).unwrap_or(&tag);
        let df = context.current_df();
        get_data_of_df::expect_le(context, df, command)?;
        return get_data_of_df::object(context, df, tag);
    };
    if command.ne().is_none() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    if !object.access.says_nothing() {
        context.check(&object.access, Operation::Read)?;
    }
    Ok(Response::copy_of(object.value.as_slice()))
}
