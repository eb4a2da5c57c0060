//! How many objects this thread has tried to read: the work of whatever reads BER-TLV, in a unit that no
//! other program on the machine changes. Only with the feature of the same name, which tests turn on.

use std::cell::Cell;

thread_local! {
    static READ: Cell<u64> = const { Cell::new(0) };
}

/// One more.
pub(super) fn one() {
    READ.set(READ.get().saturating_add(1));
}

/// How many since the last time.
pub fn take() -> u64 {
    READ.replace(0)
}
