//! The way to the card: opened for each task, and let go after it.

use kortlab_apdu::Channel;
use kortlab_card::CardError;

/// Opens the card anew. It is called on a thread that may block, and what it returns stays there.
pub trait CardOpener: Send + Sync + 'static {
    /// A channel to the card.
    ///
    /// # Errors
    /// There is no card, or another program holds it.
    fn open(&self) -> Result<Box<dyn Channel>, CardUnavailable>;
}

impl<F> CardOpener for F
where
    F: Fn() -> Result<Box<dyn Channel>, CardUnavailable> + Send + Sync + 'static,
{
    fn open(&self) -> Result<Box<dyn Channel>, CardUnavailable> {
        self()
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
