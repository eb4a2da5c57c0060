//! The way to the card: opened for each task, and let go after it.

use core::fmt;

use kortlab_apdu::Channel;
use kortlab_card::{CardError, Journal};
use kortlab_renewal::notes::{HolderNotes, MemoryNotes};

/// Opens the card anew. It is called on a thread that may block, and what it returns stays there.
pub trait CardOpener: Send + Sync + 'static {
    /// The card.
    ///
    /// # Errors
    /// There is no card, or another program holds it.
    fn open(&self) -> Result<OpenCard, CardUnavailable>;
}

impl<F> CardOpener for F
where
    F: Fn() -> Result<OpenCard, CardUnavailable> + Send + Sync + 'static,
{
    fn open(&self) -> Result<OpenCard, CardUnavailable> {
        self()
    }
}

/// A card, and where changes of it are noted down.
pub struct OpenCard {
    /// The way to the card.
    pub channel: Box<dyn Channel>,
    /// Where changes of this card are noted down while they are under way: the same place in which
    /// every other program looks for them that changes this card.
    pub journal: Box<dyn Journal>,
    /// Where its HCCs are kept while it has none.
    pub notes: Box<dyn HolderNotes>,
}

impl OpenCard {
    /// This card, of which nothing else is kept; see [`OpenCard::with_notes`].
    pub fn new(channel: impl Channel + 'static, journal: impl Journal + 'static) -> Self {
        Self {
            channel: Box::new(channel),
            journal: Box::new(journal),
            notes: Box::new(MemoryNotes::new()),
        }
    }

    /// With where its HCCs are kept while it has none, from this task to later ones.
    #[must_use]
    pub fn with_notes(mut self, notes: impl HolderNotes + 'static) -> Self {
        self.notes = Box::new(notes);
        self
    }
}

impl fmt::Debug for OpenCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCard").finish_non_exhaustive()
    }
}

/// Why there is no card to work with now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardUnavailable {
    /// The reader or the card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// Something else: a card image that is in use, a socket that nobody serves.
    #[error("{message}")]
    Other {
        /// What is in the way.
        message: String,
        /// What to do about it.
        next_step: Option<String>,
    },
}
