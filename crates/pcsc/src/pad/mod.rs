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
pub(crate) use structure::Entry;

use std::time::Instant;

use zeroize::Zeroizing;

/// What the pad answers itself, in the place of the card (part 10 §2.5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PadStatus {
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
    pub(crate) const fn bytes(self) -> [u8; 2] {
        (self as u16).to_be_bytes()
    }
}

/// Asks for the PINs of an entry, and gives the command with them in it. `gone` says whether there
/// is no card to send it to any more.
pub(crate) fn enter(
    pad: &PinPad,
    entry: &Entry<'_>,
    gone: impl Fn() -> bool,
) -> Result<Zeroizing<Vec<u8>>, PadStatus> {
    let mut turn = pad.begin();
    let mut pins = Vec::new();
    for asked in entry.asks_for() {
        let deadline = Instant::now() + entry.patience;
        let pin = turn.pin(asked, &entry.digits, entry.ends, deadline, &gone)?;
        pins.push((asked, pin));
    }
    drop(turn);
    entry.command(&pins)
}
