//! A PIN pad (PC/SC part 10): a reader whose keys are pressed from elsewhere, so that the PIN is in
//! no program.
//!
//! | module | what it knows |
//! |---|---|
//! | `structure` | what a program asks for: `PIN_VERIFY_STRUCTURE`, `PIN_MODIFY_STRUCTURE` |
//! | `block` | a PIN's digits to their place in a command |
//! | `keys` | the keys, who presses them, who waits for them |

mod block;
mod keys;
mod structure;

pub(crate) use keys::MAX_DIGITS;
pub use keys::{Asked, Key, MAX_KEYS, PinPad};
use structure::{Ends, Entry};

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// What the pad answers itself, in the place of the card (part 10 §2.5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PadStatus {
    /// Nobody pressed a key in time.
    Timeout = 0x6400,
    /// "Cancel" was pressed.
    Cancelled = 0x6401,
    /// The new PIN was not the same twice.
    Mismatch = 0x6402,
    /// The PIN has fewer or more digits than it may have.
    Length = 0x6403,
    /// The structure asks for what there is not.
    Parameter = 0x6B80,
}

impl PadStatus {
    /// The status word.
    pub const fn bytes(self) -> [u8; 2] {
        (self as u16).to_be_bytes()
    }
}

/// What a program asks the pad to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// `FEATURE_VERIFY_PIN_DIRECT`, which takes a `PIN_VERIFY_STRUCTURE`.
    Verify,
    /// `FEATURE_MODIFY_PIN_DIRECT`, which takes a `PIN_MODIFY_STRUCTURE`.
    Modify,
}

/// A PIN that is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which.
    pub asked: Asked,
    /// How many digits it may have.
    pub digits: RangeInclusive<usize>,
    /// How long it may take.
    pub patience: Duration,
    ends: Ends,
}

/// The command that a structure asks for, with the PINs in it that `ask` gives, a digit a byte.
///
/// # Errors
/// The structure asks for what there is not, the PINs do not fit, or `ask` has none.
pub fn command(
    feature: Feature,
    structure: &[u8],
    mut ask: impl FnMut(&Wanted) -> Result<Zeroizing<Vec<u8>>, PadStatus>,
) -> Result<Zeroizing<Vec<u8>>, PadStatus> {
    let entry = match feature {
        Feature::Verify => Entry::verify(structure)?,
        Feature::Modify => Entry::modify(structure)?,
    };
    let mut pins = Vec::new();
    for asked in entry.asks_for() {
        let pin = ask(&Wanted {
            asked,
            digits: entry.digits.clone(),
            patience: entry.patience,
            ends: entry.ends,
        })?;
        if pin.iter().any(|digit| *digit > 9) {
            return Err(PadStatus::Parameter);
        }
        pins.push((asked, pin));
    }
    entry.command(&pins)
}

/// The same with the PINs that are keyed in at this pad. `gone` says whether there is no card to send
/// the command to any more.
pub(crate) fn enter(
    pad: &PinPad,
    feature: Feature,
    structure: &[u8],
    gone: impl Fn() -> bool,
) -> Result<Zeroizing<Vec<u8>>, PadStatus> {
    let mut turn = None;
    command(feature, structure, |wanted| {
        let turn = turn.get_or_insert_with(|| pad.begin());
        // One's turn has been waited for.
        let deadline = Instant::now() + wanted.patience;
        turn.pin(wanted.asked, &wanted.digits, wanted.ends, deadline, &gone)
    })
}
