//! How somebody who waits is told.

use crate::code::Code;

/// Somebody who waits for a reader to change, or for a card to be free.
pub trait Wake: Send + Sync {
    /// The wait is over: [`Code::SUCCESS`], or [`Code::CANCELLED`]. Called with locks held, so it
    /// must neither block nor call the service.
    fn wake(&self, code: Code);
}
