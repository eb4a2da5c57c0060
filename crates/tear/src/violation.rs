//! What must never be found after a recovery.

use crate::listing::Listing;

/// One thing that must not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The card does not open.
    #[error("the card does not open: {0}")]
    NotOpened(String),
    /// Recovery fails.
    #[error("recovery fails: {0}")]
    NotRecovered(String),
    /// Recovery left something undone.
    #[error("recovery left something undone: {0}")]
    LeftUndone(String),
    /// A card that only has the same serial number was not left alone.
    #[error("another card was recovered in place of the torn one: {0}")]
    WrongCopy(String),
    /// Recovery did not come to its end, though it was cut only once more.
    #[error("the journal still has the change after recovery")]
    StillPending,
    /// The certificates are neither the old nor the new ones.
    #[error("the certificates are neither all old nor all new: {0:?}")]
    Certificates(Listing),
    /// A directory does not parse cleanly.
    #[error("finding: {0}")]
    Finding(String),
    /// Tries of a PIN were gained.
    #[error("PIN {reference:02X} has {after} tries, and had {before}")]
    TriesGained {
        /// The PIN's reference.
        reference: u8,
        /// How many there may be.
        before: u8,
        /// How many there are.
        after: u8,
    },
    /// A file that nothing names, or one that is missing.
    #[error("the files are not those that the directories name: {0}")]
    Files(String),
    /// The card's account of its memory is wrong.
    #[error("the card counts {counted} bytes as taken, and its files take {taken}")]
    Memory {
        /// What it counts.
        counted: u64,
        /// What is right.
        taken: u64,
    },
    /// The image cannot be loaded any more.
    #[error("the card's image does not load: {0}")]
    Image(String),
    /// The recording and the repetition differ: an error of the harness.
    #[error("the command went another way than it was recorded: {0}")]
    NotReproduced(&'static str),
}
