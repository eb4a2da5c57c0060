//! A session with the card that was named, and work that needs a PIN.

use kortlab_card::{Card, CardError, PinRole};

use super::Context;
use crate::channel::{self, AnyChannel};
use crate::failure::Failure;

/// Opens the card that was named.
///
/// # Errors
/// It is not there, or has no PKCS#15 application.
pub fn open(context: &Context) -> Result<Card<AnyChannel>, Failure> {
    Ok(Card::open(channel::open(&context.card, context.fault)?)?)
}

/// Does work for which a PIN must be verified, with no other program in between, and makes the
/// card forget the PIN.
///
/// # Errors
/// There is no PIN, it is wrong, or the work fails.
pub fn with_pin<T>(
    context: &Context,
    card: &mut Card<AnyChannel>,
    role: PinRole,
    work: impl FnOnce(&mut Card<AnyChannel>) -> Result<T, CardError>,
) -> Result<T, Failure> {
    // Told before the PIN is typed, not after.
    card.pin(role)?;
    let pin = context.pins.pin(role)?;
    let result = card.exclusively(|card| {
        card.verify(role, &pin)?;
        work(card)
    });
    let forgotten = card.reset();
    let value = result?;
    forgotten?;
    Ok(value)
}
