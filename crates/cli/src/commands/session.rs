//! A session with the card that was named, and work that needs a PIN.

use kortlab_card::{Card, CardError, Pin, PinObject, PinRole, Session};

use super::Context;
use crate::channel::{AnyChannel, CardJournal};
use crate::failure::Failure;
use crate::output::warn;

/// Opens the card that was named.
///
/// # Errors
/// It is not there, or has no PKCS#15 application.
pub fn open(context: &Context) -> Result<Card<AnyChannel>, Failure> {
    open_over(context, context.open_channel()?)
}

fn open_over(context: &Context, channel: AnyChannel) -> Result<Card<AnyChannel>, Failure> {
    let mut card = Card::open_within(channel, context.budget)?;
    if context.pins.are_sent_in_doubt() {
        card.send_doubtful_pins();
    }
    Ok(card)
}

/// The PIN for `role`, from where the command line says. On a card with one PIN for everything the
/// source of either role will do.
///
/// # Errors
/// The card lists no such PIN, or the source gives none.
pub fn pin(context: &Context, card: &mut Card<AnyChannel>, role: PinRole) -> Result<Pin, Failure> {
    // Told before the PIN is typed, not after.
    card.can_send_pin(role)?;
    if card.has_one_pin() {
        context.pins.only_pin(role)
    } else {
        context.pins.pin(role)
    }
}

/// The same, and where changes of this card are noted down.
///
/// # Errors
/// As for [`open`].
pub fn open_with_journal(context: &Context) -> Result<(Card<AnyChannel>, CardJournal), Failure> {
    let (channel, journal) = context.open_channel_with_journal()?;
    Ok((open_over(context, channel)?, journal))
}

/// A session with the card that was named, whatever it holds, and where changes of this card are
/// noted down.
///
/// # Errors
/// It is not there.
pub fn begin_with_journal(
    context: &Context,
) -> Result<(Session<AnyChannel>, CardJournal), Failure> {
    let (channel, journal) = context.open_channel_with_journal()?;
    Ok((Session::new(channel), journal))
}

/// A session for what is about PINs alone, which takes half the commands, and where changes of this
/// card are noted down.
///
/// # Errors
/// As for [`open`].
pub fn open_for_pins(context: &Context) -> Result<(Card<AnyChannel>, CardJournal), Failure> {
    let (channel, journal) = context.open_channel_with_journal()?;
    Ok((Card::open_for_pins(channel, context.budget)?, journal))
}

/// Does work for which a PIN must be verified, with no other program in between; the card does not
/// keep the PIN verified.
///
/// # Errors
/// There is no PIN, it is wrong, or the work fails.
pub fn with_pin<T>(
    context: &Context,
    card: &mut Card<AnyChannel>,
    role: PinRole,
    work: impl FnOnce(&mut Card<AnyChannel>) -> Result<T, CardError>,
) -> Result<T, Failure> {
    let pin = pin(context, card, role)?;
    alone(card, |card| {
        card.verify(role, &pin)?;
        work(card)
    })
}

/// Does work in which PINs are verified, with no other program in between. What it verified does
/// not stay verified; where that cannot be had, it is said.
///
/// # Errors
/// The work fails.
pub fn alone<T>(
    card: &mut Card<AnyChannel>,
    work: impl FnOnce(&mut Card<AnyChannel>) -> Result<T, CardError>,
) -> Result<T, Failure> {
    let done = card.exclusively(|card| {
        let done = work(card);
        tell(card.forget_pins());
        done
    });
    Ok(done?)
}

/// Tells which PINs stay verified.
pub fn tell(forgotten: Result<Vec<PinObject>, CardError>) {
    match forgotten {
        Ok(pins) => {
            for pin in pins {
                warn(format_args!(
                    "the PIN {} stays verified until the card is reset or taken out: this card \
                     takes it back only with a reset, and another program uses the card",
                    pin.label.as_deref().unwrap_or("without a label")
                ));
            }
        }
        Err(error) => warn(format_args!(
            "it is not certain that the card has forgotten the PIN; take it out: {error}"
        )),
    }
}
