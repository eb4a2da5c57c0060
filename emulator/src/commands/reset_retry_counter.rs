//! RESET RETRY COUNTER (ISO/IEC 7816-4 §11.5.10).

use kortlab_apdu::{Command, StatusWord};

use super::done;
use super::pins;
use crate::memory::Write;
use crate::os::{Answer, Context};

/// Unblocks the PIN in P2 with the PUK that belongs to it:
///
/// | P1 | data field |
/// |---|---|
/// | 00 | PUK ‖ new PIN |
/// | 01 | PUK; the PIN keeps its value |
/// | 02 | new PIN; the PUK was verified before |
/// | 03 | nothing; the PUK was verified before |
///
/// The new PIN is checked first (`6A80`). A wrong PUK costs one of *its* tries (`63Cx`); a
/// blocked PUK is the end (`6983`). `6982`: P1 = 02 or 03 without a verified PUK. `6984`: the PIN
/// has no PUK. The PIN is not verified afterwards.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    let p1 = command.p1();
    if p1 > 0x03 {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let (with_puk, with_new) = (p1 & 0x02 == 0, p1 & 0x01 == 0);
    let index = pins::find(context, command.p2())?;
    let pin = pins::pin(context, index)?;
    let puk_reference = pin
        .unblocked_by
        .ok_or(StatusWord::REFERENCE_DATA_UNUSABLE)?;
    let puk_index = pins::find(context, puk_reference)?;
    let puk = pins::pin(context, puk_index)?;
    if puk.tries_left == 0 {
        return Err(StatusWord::BLOCKED);
    }
    let puk_length = if with_puk {
        usize::from(puk.stored_length)
    } else {
        0
    };
    let new_length = if with_new {
        usize::from(pin.stored_length)
    } else {
        0
    };
    let (presented, new) = command
        .data()
        .split_at_checked(puk_length)
        .filter(|(_, new)| new.len() == new_length)
        .ok_or(StatusWord::WRONG_LENGTH)?;
    let value = with_new.then(|| pins::new_value(pin, new)).transpose()?;
    let (reference, tries) = (pin.reference, pin.tries_max);
    if with_puk {
        pins::compare(context, puk_index, presented)?;
    } else if !context.session.verified.contains(puk_reference) {
        return Err(StatusWord::SECURITY_STATUS);
    }
    if let Some(value) = value {
        context
            .memory
            .apply(Write::PinValue { pin: index, value })?;
    }
    context
        .memory
        .apply(Write::PinTries { pin: index, tries })?;
    context.session.verified.set(reference, false);
    done()
}
