//! What is kept of a card on this computer: its changes while they are under way, and what its HCCs
//! said while it has none.

use kortlab_card::Journal;
use kortlab_renewal::notes::{self, HolderNotes, NotesError};
use kortlab_renewal::understood::CardFacts;

use crate::seen::Seen;

/// What is kept of the card at hand.
pub(crate) struct Kept {
    /// Its changes.
    pub(crate) journal: Box<dyn Journal>,
    /// Its HCCs.
    pub(crate) notes: Box<dyn HolderNotes>,
}

impl Kept {
    /// What the certificates on the card say, and if no HCC is among them, those that were.
    pub(crate) fn facts(&mut self, on_card: &[Seen]) -> CardFacts {
        notes::facts(&mut *self.notes, ders(on_card)).unwrap_or_else(|error| {
            warn_of(&error);
            CardFacts::of(ders(on_card))
        })
    }

    /// Keeps the HCCs on the card, before one of them goes.
    pub(crate) fn keep_hccs(&mut self, on_card: &[Seen]) {
        let hccs = on_card.iter().filter(|seen| seen.is_hcc());
        let hccs: Vec<_> = hccs.map(|seen| seen.der.as_slice()).collect();
        if let Some(number) = CardFacts::of(ders(on_card)).card_number()
            && let Err(error) = self.notes.keep(&number, &hccs)
        {
            warn_of(&error);
        }
    }

    /// Forgets the HCCs that the card had: it has new ones.
    pub(crate) fn forget_hccs(&mut self, on_card: &[Seen]) {
        if let Some(number) = CardFacts::of(ders(on_card)).card_number()
            && let Err(error) = self.notes.forget(&number)
        {
            warn_of(&error);
        }
    }
}

fn ders(certificates: &[Seen]) -> impl Iterator<Item = &[u8]> {
    certificates.iter().map(|seen| seen.der.as_slice())
}

fn warn_of(error: &NotesError) {
    tracing::warn!(%error, "an order's personal data may have nothing to be compared with");
}
