//! What the commands for PINs share: how a value is compared, and its state told.
//!
//! The tries left are persistent, and are counted down in memory *before* the comparison, so
//! that power taken away at the right moment gains no try. Whether a PIN stays verified when
//! another application is selected is that application's rule.
//!
//! A PUK is a PIN like the others with its own tries. Once it is blocked nothing unblocks it:
//! the PINs that it protects can still be used and changed, but never again unblocked.

use kortlab_apdu::StatusWord;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::memory::Write;
use crate::os::Context;
use crate::state::{Pin, SecretValue};

/// The index of the PIN that P2 of a command refers to.
///
/// # Errors
/// `6A88`: there is no such PIN. `6A86`: P2 has bits that the standard reserves.
pub(crate) fn find(context: &Context<'_>, reference: u8) -> Result<usize, StatusWord> {
    let state = context.memory.state();
    state
        .pin_index(reference)
        .ok_or(StatusWord::REFERENCE_NOT_FOUND)
}

/// The PIN with this index.
pub(crate) fn pin<'a>(context: &'a Context<'_>, index: usize) -> Result<&'a Pin, StatusWord> {
    let state = context.memory.state();
    state.pins.get(index).ok_or(StatusWord::REFERENCE_NOT_FOUND)
}

/// Compares `presented`, padded, with the value of a PIN; counts the tries.
///
/// # Errors
/// `6983`: it is blocked. `63Cx`: wrong, x tries left.
pub(crate) fn compare(
    context: &mut Context<'_>,
    index: usize,
    presented: &[u8],
) -> Result<(), StatusWord> {
    let pin = pin(context, index)?;
    let (reference, tries_max) = (pin.reference, pin.tries_max);
    let Some(tries) = pin.tries_left.checked_sub(1) else {
        return Err(StatusWord::BLOCKED);
    };
    // Of a copied card nobody knows the PINs: then nothing is right.
    let is_known = !pin.value.0.is_empty();
    let expected = padded(pin, &pin.value.0);
    context
        .memory
        .apply(Write::PinTries { pin: index, tries })?;
    if is_known & bool::from(expected.as_slice().ct_eq(presented)) {
        let tries = tries_max;
        context
            .memory
            .apply(Write::PinTries { pin: index, tries })?;
        return Ok(());
    }
    context.session.verified.set(reference, false);
    Err(StatusWord::tries_left(tries))
}

/// Reads a new value of a PIN from its padded form.
///
/// # Errors
/// `6A80`: a character that the encoding does not have, padding that does not reach the end, or
/// too few or too many characters.
pub(crate) fn new_value(pin: &Pin, presented: &[u8]) -> Result<SecretValue, StatusWord> {
    let length = presented
        .iter()
        .position(|&byte| byte == pin.pad && !pin.encoding.allows(byte))
        .unwrap_or(presented.len());
    let (value, padding) = presented.split_at_checked(length).unwrap_or_default();
    let well_formed = value.iter().all(|&byte| pin.encoding.allows(byte))
        && padding.iter().all(|&byte| byte == pin.pad)
        && (usize::from(pin.min_length)..=usize::from(pin.max_length)).contains(&length);
    if !well_formed {
        return Err(StatusWord::WRONG_DATA);
    }
    Ok(SecretValue(Zeroizing::new(value.to_vec())))
}

/// The status word that tells the state of a PIN without a try: `9000` verified, `63Cx` x tries
/// left, `6983` blocked.
pub(crate) fn status(context: &Context<'_>, index: usize) -> Result<StatusWord, StatusWord> {
    let pin = pin(context, index)?;
    Ok(if pin.tries_left == 0 {
        StatusWord::BLOCKED
    } else if context.session.verified.contains(pin.reference) {
        StatusWord::SUCCESS
    } else {
        StatusWord::tries_left(pin.tries_left)
    })
}

fn padded(pin: &Pin, value: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::from(pin.stored_length)));
    bytes.extend_from_slice(value);
    bytes.resize(usize::from(pin.stored_length), pin.pad);
    bytes
}
