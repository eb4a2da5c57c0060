//! CHANGE REFERENCE DATA (ISO/IEC 7816-4 §11.5.7).

use kortlab_apdu::{Command, StatusWord};

use super::done;
use super::pins;
use crate::memory::Write;
use crate::os::{Answer, Context};

/// P1 = 00: old value ‖ new value, each padded to the stored length. The new value is checked
/// first (`6A80`), which costs no try; then the old one is compared as VERIFY does. A wrong old
/// value also ends an earlier verification; a right one does not begin one.
///
/// P1 = 01, a new value without the old one, is refused with `6A86`: the card could not tell who
/// asks.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    if command.p1() != 0x00 {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let index = pins::find(context, command.p2())?;
    let pin = pins::pin(context, index)?;
    if pin.tries_left == 0 {
        return Err(StatusWord::BLOCKED);
    }
    let length = usize::from(pin.stored_length);
    let (old, new) = command
        .data()
        .split_at_checked(length)
        .filter(|(_, new)| new.len() == length)
        .ok_or(StatusWord::WRONG_LENGTH)?;
    let value = pins::new_value(pin, new)?;
    pins::compare(context, index, old)?;
    context
        .memory
        .apply(Write::PinValue { pin: index, value })?;
    done()
}
