//! The order of the steps of a change, as a value.
//!
//! There is one right order, [`Procedure::SOUND`], and every session follows it. The others exist so
//! that a harness can show that it finds what is wrong with them.

/// In which order a change is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Procedure {
    /// The journal has the whole change before the card has any of it.
    pub(super) journal_first: bool,
    /// The old files are deleted before the directory is switched over.
    pub(super) old_released_first: bool,
}

impl Procedure {
    /// The journal first, the old files last. See [`Card::execute`](crate::Card::execute).
    pub const SOUND: Self = Self {
        journal_first: true,
        old_released_first: false,
    };
    /// Wrong: the old files are deleted before the directory is switched over.
    pub const OLD_RELEASED_FIRST: Self = Self {
        old_released_first: true,
        ..Self::SOUND
    };
    /// Wrong: the journal is written only when the card has the whole change.
    pub const JOURNAL_TOO_LATE: Self = Self {
        journal_first: false,
        ..Self::SOUND
    };
    /// All that are wrong, each with what it is called.
    pub const WRONG: [(&'static str, Self); 2] = [
        ("the old files released first", Self::OLD_RELEASED_FIRST),
        ("the journal written too late", Self::JOURNAL_TOO_LATE),
    ];
}
