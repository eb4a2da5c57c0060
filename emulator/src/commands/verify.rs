//! VERIFY (ISO/IEC 7816-4 §11.5.6).

use kortlab_apdu::{Command, Response, StatusWord};

use super::done;
use super::pins;
use crate::os::{Answer, Context};

/// P1 = 00 with data: compares a PIN, padded to its stored length, with the reference data P2.
/// `63Cx` wrong, x tries left; `6983` blocked; `6700` a wrong length, which costs no try; `6A88`
/// no such PIN.
///
/// P1 = 00 without data: tells the status and costs no try: `9000` verified, `63Cx`, `6983`.
/// P1 = FF without data: the PIN is no longer verified.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    if !matches!(command.p1(), 0x00 | 0xFF) {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let index = pins::find(context, command.p2())?;
    let pin = pins::pin(context, index)?;
    let reference = pin.reference;
    let presented = command.data();
    if command.p1() == 0xFF {
        if !presented.is_empty() {
            return Err(StatusWord::WRONG_LENGTH);
        }
        context.session.verified.set(reference, false);
        return done();
    }
    if presented.is_empty() {
        return Ok(Response::status_only(pins::status(context, index)?));
    }
    if presented.len() != usize::from(pin.stored_length) {
        return Err(StatusWord::WRONG_LENGTH);
    }
    pins::compare(context, index, presented)?;
    context.session.verified.set(reference, true);
    done()
}
