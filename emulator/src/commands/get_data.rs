//! GET DATA (ISO/IEC 7816-4 §11.6.2), with the tag in P1-P2.

use kortlab_apdu::{Command, Response, StatusWord};

use super::context::expect_no_data;
use super::{Answer, Context};
use crate::fs::Body;
use crate::security::Operation;

/// The tag with which the EID applet gives the public key of the selected key file.
const PUBLIC_KEY: u16 = 0x0101;

/// Gives the value of a data object of the card; `0101` with a key file selected gives the
/// modulus: its length in bits (two bytes), then its bytes. `6A88`: no such object, or no key in
/// the file. `6982`: its access conditions are not satisfied.
pub(super) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    expect_no_data(command)?;
    if command.ne().is_none() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    if command.p1_p2() == PUBLIC_KEY
        && let Some(answer) = public_key(context)
    {
        return answer;
    }
    let objects = &context.memory.state().data_objects;
    let object = objects
        .iter()
        .find(|object| object.tag == command.p1_p2())
        .ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
    if !object.access.says_nothing() {
        context.check(&object.access, Operation::Read)?;
    }
    Ok(Response::success(object.value.as_slice()))
}

/// The answer if the current EF is a key file.
fn public_key(context: &Context<'_>) -> Option<Answer> {
    let id = context.session.selection.ef?;
    let Body::RsaKey { key, .. } = &context.file(id).ok()?.body else {
        return None;
    };
    Some(context.authorise(id, Operation::Read).and_then(|()| {
        let key = key.as_deref().ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
        let bits = u16::try_from(key.bits()).map_err(|_| StatusWord::REFERENCE_NOT_FOUND)?;
        let mut data = bits.to_be_bytes().to_vec();
        data.extend_from_slice(key.n.as_slice());
        Ok(Response::success(data))
    }))
}
