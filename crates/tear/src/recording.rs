//! One renewal from the first command to the last, with a copy of card and journal before each.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use kortlab_apdu::{FilePath, Protocol};
use kortlab_card::{Card, CardError, ErrorKind, MemoryJournal, Pin, PinRole};
use kortlab_emulator::memory::MemoryTechnology;
use kortlab_emulator::{CardRng, ImageError, InProcess, VirtualCard};
use kortlab_issuer::clock::Timestamp;
use kortlab_renewal::guide::{self, Interaction, Outcome, RenewalError, Step as GuideStep};
use kortlab_renewal::notes::MemoryNotes;
use kortlab_renewal::states::{CardState, NewCard, new_card};
use kortlab_renewal::world::WorldError;

use crate::listing::{self, Listing};
use crate::recorder::{RecordingChannel, RecordingJournal, SharedTape, Tape};

/// The seed of the card and its world.
pub const SEED: u64 = 3;

/// The session that carries out the renewal, for [`Recording::with`].
pub type Session = Card<RecordingChannel>;

/// A renewal, command by command.
pub struct Recording {
    /// What the card's memory is made of.
    pub technology: MemoryTechnology,
    /// The commands, in their order.
    pub steps: Vec<Step>,
    /// The operations of the journal, in their order.
    pub operations: Vec<Operation>,
    /// The card wherever no transaction is under way: at the beginning, and after each.
    pub boundaries: Vec<Boundary>,
    /// The files that are no certificate's.
    pub own_files: BTreeSet<FilePath>,
    /// The card at the end.
    pub end: VirtualCard,
}

/// One command.
pub struct Step {
    /// The card right before.
    pub card: VirtualCard,
    /// The command. It may hold a test PIN.
    pub command: Vec<u8>,
    /// How many bytes of memory it programs.
    pub programmed: u64,
    /// What the journal holds on disk.
    pub journal: MemoryJournal,
    /// The last boundary before.
    pub boundary: usize,
}

/// One operation of the journal.
pub struct Operation {
    /// How many commands were sent before.
    pub at: usize,
    /// What the journal held before.
    pub before: MemoryJournal,
    /// What it held after.
    pub after: MemoryJournal,
    /// The boundary whose certificates must be there, whichever of the two is on disk.
    pub boundary: usize,
}

/// A moment at which no transaction is under way.
pub struct Boundary {
    /// The card.
    pub card: VirtualCard,
    /// Its certificates.
    pub listing: Listing,
}

/// Why a renewal could not be recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The world or the card could not be made.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The image is none.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The renewal.
    #[error(transparent)]
    Renewal(#[from] RenewalError),
    /// It went another way than it must.
    #[error("the renewal cannot be recorded: {0}")]
    Unexpected(&'static str),
}

impl Recording {
    /// Records the renewal of an expired card.
    ///
    /// # Errors
    /// It does not end with two new certificates.
    pub fn new(technology: MemoryTechnology, protocol: Protocol) -> Result<Self, RecordingError> {
        Self::with(technology, protocol, |_| {})
    }

    /// Records the renewal by a session that was prepared.
    ///
    /// Before it each PIN is entered wrong once, so that a try gained by a cut would show.
    ///
    /// # Errors
    /// As for [`Recording::new`].
    pub fn with(
        technology: MemoryTechnology,
        protocol: Protocol,
        prepare: impl FnOnce(&mut Session),
    ) -> Result<Self, RecordingError> {
        let date = Timestamp::from_date(2026, 11, 24)
            .ok_or(RecordingError::Unexpected("the date is none"))?;
        let NewCard {
            mut image,
            mut world,
        } = new_card(CardState::Expired, protocol, SEED, date)?;
        image.settings.memory = technology;
        let card = VirtualCard::new(image, CardRng::from_seed(SEED))?;
        let tape = SharedTape::default();
        let mut session = Card::open(RecordingChannel {
            card: InProcess::ephemeral(card.clone()),
            tape: Rc::clone(&tape),
        })?;
        prepare(&mut session);
        for role in [PinRole::Authentication, PinRole::Signature] {
            match session.verify(role, &pin("999999")?) {
                Err(error) if matches!(error.kind(), ErrorKind::PinWrong { .. }) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Err(RecordingError::Unexpected("a wrong PIN was right")),
            }
        }
        let clock = world.clock.clone();
        let mut journal = RecordingJournal(Rc::clone(&tape));
        let outcome = guide::renew(
            &mut session,
            &mut world.portal,
            &clock,
            &mut Holder,
            &mut journal,
            &mut MemoryNotes::new(),
        )?;
        if !matches!(outcome, Outcome::Renewed(_)) {
            return Err(RecordingError::Unexpected("there was nothing to renew"));
        }
        let end = session.into_channel().card.into_parts().0;
        Self::from_tape(technology, card, end, tape.as_ref())
    }

    fn from_tape(
        technology: MemoryTechnology,
        start: VirtualCard,
        end: VirtualCard,
        tape: &RefCell<Tape>,
    ) -> Result<Self, RecordingError> {
        let tape = tape.take();
        let first = Boundary::new(start)?;
        let mut own_files = listing::files(&first.card);
        for certificate in &first.listing.certificates {
            own_files.remove(&certificate.path);
        }
        let mut boundaries = vec![first];
        let mut operations = Vec::new();
        let mut starts = vec![0];
        for operation in tape.operations {
            if operation.after.is_empty() {
                let card = tape.sent.get(operation.at).map_or(&end, |sent| &sent.card);
                boundaries.push(Boundary::new(card.clone())?);
                starts.push(operation.at);
            }
            operations.push(Operation {
                at: operation.at,
                before: operation.before,
                after: operation.after,
                boundary: boundaries.len() - 1,
            });
        }
        let steps = tape
            .sent
            .into_iter()
            .enumerate()
            .map(|(index, sent)| Step {
                card: sent.card,
                command: sent.command,
                programmed: sent.programmed,
                journal: sent.journal,
                boundary: starts.partition_point(|start| *start <= index) - 1,
            })
            .collect();
        Ok(Self {
            technology,
            steps,
            operations,
            boundaries,
            own_files,
            end,
        })
    }

    /// How many bytes the whole renewal programs.
    pub fn programmed(&self) -> u64 {
        self.steps.iter().map(|step| step.programmed).sum()
    }

    /// The card right after a step.
    pub fn card_after(&self, step: usize) -> &VirtualCard {
        self.steps
            .get(step + 1)
            .map_or(&self.end, |next| &next.card)
    }

    /// The certificates that may be on the card when the power goes at this step: those of the last
    /// boundary, and, while a transaction is under way, those of the next one.
    pub fn allowed(&self, step: &Step) -> Vec<&Listing> {
        let under_way = usize::from(!step.journal.is_empty());
        let until = step.boundary + under_way;
        self.boundaries
            .get(step.boundary..=until)
            .unwrap_or_default()
            .iter()
            .map(|boundary| &boundary.listing)
            .collect()
    }
}

impl Boundary {
    fn new(card: VirtualCard) -> Result<Self, RecordingError> {
        let mut session = Card::open(InProcess::ephemeral(card.clone()))?;
        if let Some(problem) = session.contents().problems.first() {
            let _ = problem;
            return Err(RecordingError::Unexpected(
                "the card has findings by itself",
            ));
        }
        let listing = Listing::read(&mut session)?;
        Ok(Self { card, listing })
    }
}

/// The test PIN of a role.
///
/// # Errors
/// Never: the PINs are well-formed.
pub fn right_pin(role: PinRole) -> Result<Pin, CardError> {
    pin(match role {
        PinRole::Authentication => "123456",
        PinRole::Signature => "654321",
    })
}

fn pin(digits: &str) -> Result<Pin, CardError> {
    Pin::try_from(digits).map_err(|error| CardError::new(ErrorKind::Invalid, error.to_string()))
}

/// Gives the test PINs and agrees to everything.
pub struct Holder;

impl Interaction for Holder {
    fn pin(&mut self, role: PinRole, _: GuideStep) -> Result<Pin, String> {
        right_pin(role).map_err(|error| error.to_string())
    }
}
