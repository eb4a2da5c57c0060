//! What stood in a command that a trace does not show whole, as far as the card itself tells.
//!
//! A virtual card knows its PINs. A VERIFY that was answered 9000 had the right one, and one that was
//! answered otherwise did to the card what any wrong value of its length does. Only a PIN that a
//! command has set, and what PUT DATA and the like have written, is nowhere but in the command.

use kortlab_apdu::instruction;
use kortlab_emulator::state::{Pin, State};
use kortlab_trace::Sent;
use zeroize::Zeroizing;

/// Commands that the hidden one may have been, in the order in which they are to be tried.
pub(super) struct Guess {
    pub commands: Vec<Zeroizing<Vec<u8>>>,
    /// Whether the first needs the next new PIN, and had it.
    pub takes_new_pin: bool,
}

/// What the command may have been, on a card in this state, if it was answered so, or not at all.
pub(super) fn guess(
    sent: &Sent,
    answer: Option<&[u8]>,
    state: &State,
    new: Option<&[u8]>,
) -> Guess {
    let mut guess = Guess {
        commands: Vec::new(),
        takes_new_pin: false,
    };
    let shown = sent.shown();
    let Some(length) = length(shown, sent.hidden()) else {
        return guess;
    };
    let is_done = answer.is_none_or(|answer| matches!(answer, [.., 0x90 | 0x61, _]));
    let [class, ins, p1, p2, ..] = *shown else {
        return guess;
    };
    let mut add = |data: &[u8]| {
        if data.len() == length {
            let mut command = Zeroizing::new(Vec::with_capacity(sent.length()));
            command.extend_from_slice(shown);
            command.extend_from_slice(data);
            command.resize(sent.length(), 0);
            guess.commands.push(command);
        }
    };
    let pin = |reference: u8| {
        let index = state.pin_index(reference)?;
        state.pins.get(index)
    };
    let named = pin(p2);
    let puk = named.and_then(|named| pin(named.unblocked_by?));
    let is_chained = class & 0x10 != 0;
    // What comes first, which the card compares, and whether it keeps what comes then.
    let (compared, sets) = match (ins, p1) {
        _ if is_chained => (None, true),
        (instruction::VERIFY, 0) => (named, false),
        (instruction::CHANGE_REFERENCE_DATA, 0) => (named, true),
        (instruction::RESET_RETRY_COUNTER, 0) => (puk, true),
        (instruction::RESET_RETRY_COUNTER, 1) => (puk, false),
        (instruction::RESET_RETRY_COUNTER, 2) => (None, true),
        _ => (None, true),
    };
    let right = compared.map(|pin| padded(pin, &pin.value.0));
    let right = right.as_deref().map(Vec::as_slice).unwrap_or_default();
    let mut is_new = false;
    if is_done {
        if !sets {
            add(right);
        } else if let (Some(new), Some(named), false) = (new, named, is_chained) {
            let mut data = Zeroizing::new(right.to_vec());
            data.extend_from_slice(&padded(named, new));
            add(&data);
            is_new = true;
        }
    }
    if answer.is_some() && is_done {
        guess.takes_new_pin = is_new && !guess.commands.is_empty();
        return guess;
    }
    // What was refused was kept nowhere. Wrong at its beginning, wrong behind what is right, of
    // another form.
    let wrong = wrong(compared);
    let mut values = vec![Zeroizing::new(vec![wrong; length])];
    if let Some(named) = named {
        // A well-formed new PIN behind a wrong old one, and the other way round.
        let well_formed = Zeroizing::new(vec![wrong; usize::from(named.min_length)]);
        let well_formed = padded(named, &well_formed);
        let before = length.saturating_sub(well_formed.len());
        let mut data = Zeroizing::new(vec![wrong; before]);
        data.extend_from_slice(&well_formed);
        values.push(data);
    }
    let mut data = Zeroizing::new(right.to_vec());
    data.resize(length, 0xFE);
    values.push(data);
    values.push(Zeroizing::new(vec![0xFE; length]));
    for data in &values {
        add(data);
    }
    // Without an answer, a command that sets a PIN is none of the others.
    if answer.is_none() && sets {
        guess.commands.truncate(usize::from(is_new));
        guess.takes_new_pin = is_new;
    }
    guess
}

/// How many bytes of data a command has of which these are shown and so many are not; Le may follow
/// them. `None`: its length fields make no sense.
fn length(shown: &[u8], hidden: usize) -> Option<usize> {
    let (length, most) = match shown.get(4..)? {
        [length] => (usize::from(*length), 1),
        [0, high, low] => (usize::from(u16::from_be_bytes([*high, *low])), 2),
        _ => return None,
    };
    let rest = hidden.checked_sub(length)?;
    (rest == 0 || rest == most).then_some(length)
}

/// A digit that the PIN does not begin with.
fn wrong(pin: Option<&Pin>) -> u8 {
    match pin.and_then(|pin| pin.value.0.first()) {
        Some(b'0') => b'1',
        _ => b'0',
    }
}

/// A value as the card has it: padded to the length that it keeps.
fn padded(pin: &Pin, value: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(64));
    bytes.extend_from_slice(value);
    bytes.resize(usize::from(pin.stored_length).max(value.len()), pin.pad);
    bytes
}
