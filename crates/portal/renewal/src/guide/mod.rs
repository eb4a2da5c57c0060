//! The renewal as the user guide tells it, over any card and any portal.
//!
//! [`renew`] can be begun again whenever it stopped, also after a crash: what is removed stays
//! removed, an order that is under way goes on, certificates that are on the card are not written
//! twice, and a card that is valid already is left alone. The removals are one transaction on the
//! card, and so is the writing of the pair; one that was interrupted is completed or undone before
//! anything else, which takes the PIN for authentication.

mod error;
mod event;
mod flow;
mod space;
mod step;

pub use error::{Cause, FullCard, RenewalError};
pub use event::{Event, Interaction};
pub use step::Step;

use kortlab_apdu::Channel;
use kortlab_card::{Card, Journal};
use kortlab_issuer::clock::Clock;
use kortlab_portal_core::Portal;

use crate::notes::HolderNotes;
use crate::report::Report;
use crate::understood::CardFacts;

/// How a renewal ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do.
    AlreadyValid(Report),
    /// The card has two new HCCs.
    Renewed(Report),
}

impl Outcome {
    /// The table at the end.
    pub fn report(&self) -> &Report {
        match self {
            Self::AlreadyValid(report) | Self::Renewed(report) => report,
        }
    }
}

/// Carries out the guide with `card` at `portal`. `clock` dates the signatures; `holder` is told
/// what happens and asked for PINs. `journal` keeps the changes of the card while they are under way,
/// `notes` what its HCCs say while it has none.
///
/// # Errors
/// The step at which it stopped, why, and how to go on.
pub fn renew<C: Channel>(
    card: &mut Card<C>,
    portal: &mut dyn Portal,
    clock: &dyn Clock,
    holder: &mut dyn Interaction,
    journal: &mut dyn Journal,
    notes: &mut dyn HolderNotes,
) -> Result<Outcome, RenewalError> {
    flow::Flow {
        card,
        portal,
        clock,
        holder,
        journal,
        notes,
        facts: CardFacts::default(),
        confirmed: Vec::new(),
        receipt_signed: false,
    }
    .run()
}
