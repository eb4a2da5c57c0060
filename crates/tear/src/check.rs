//! What must hold on a card after a cut, and after its recovery.

use kortlab_apdu::{Channel as _, ResetKind};
use kortlab_card::Card;
use kortlab_emulator::{CardRng, InProcess, VirtualCard};

use crate::listing::{self, Listing};
use crate::recording::Recording;
use crate::violation::Violation;

/// The tries left of each PIN, by reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tries(Vec<(u8, u8)>);

impl Tries {
    /// Those of a card.
    pub fn of(card: &VirtualCard) -> Self {
        let pins = card.state().pins.iter();
        Self(pins.map(|pin| (pin.reference, pin.tries_left)).collect())
    }

    /// The larger number of each.
    pub fn or(mut self, other: &Self) -> Self {
        for ((_, tries), (_, more)) in self.0.iter_mut().zip(&other.0) {
            *tries = (*tries).max(*more);
        }
        self
    }

    /// The same, where the PIN with this reference may have been verified since.
    pub fn verified(mut self, reference: u8, card: &VirtualCard) -> Self {
        let pin = card.state().pins.iter();
        for pin in pin.filter(|pin| pin.reference == reference) {
            for (_, tries) in self.0.iter_mut().filter(|(r, _)| *r == reference) {
                *tries = pin.tries_max;
            }
        }
        self
    }

    /// The tries that a card has more than these.
    pub fn gained(&self, card: &VirtualCard) -> Vec<Violation> {
        let now = Self::of(card);
        let pairs = self.0.iter().zip(&now.0);
        pairs
            .filter(|((_, before), (_, after))| after > before)
            .map(
                |(&(reference, before), &(_, after))| Violation::TriesGained {
                    reference,
                    before,
                    after,
                },
            )
            .collect()
    }
}

/// Looks at a card after its recovery, as a program does that knows nothing of it.
pub fn recovered(
    recording: &Recording,
    card: &mut InProcess,
    allowed: &[&Listing],
    tries: &Tries,
) -> Vec<Violation> {
    let mut found = tries.gained(card.card());
    found.extend(account(card.card()));
    if let Err(error) = card.reset(ResetKind::Cold) {
        found.push(Violation::NotOpened(error.to_string()));
        return found;
    }
    let opened = Card::open(&mut *card).and_then(|mut session| {
        let problems = session.contents().problems.iter();
        found.extend(problems.map(|problem| Violation::Finding(problem.to_string())));
        let slots = session.slots()?;
        for slot in &slots {
            let name = slot.name();
            let findings = slot.findings.iter();
            found.extend(findings.map(|text| Violation::Finding(format!("{name}: {text}"))));
        }
        Listing::read(&mut session)
    });
    let listing = match opened {
        Ok(listing) => listing,
        Err(error) => {
            found.push(Violation::NotOpened(error.to_string()));
            return found;
        }
    };
    found.extend(files(recording, card.card(), &listing));
    if !allowed.contains(&&listing) {
        found.push(Violation::Certificates(listing));
    }
    found
}

fn files(recording: &Recording, card: &VirtualCard, listing: &Listing) -> Option<Violation> {
    let mut expected = recording.own_files.clone();
    expected.extend(
        listing
            .certificates
            .iter()
            .map(|listed| listed.path.clone()),
    );
    let there = listing::files(card);
    if there == expected {
        return None;
    }
    let orphans: Vec<_> = there.difference(&expected).collect();
    let missing: Vec<_> = expected.difference(&there).collect();
    Some(Violation::Files(format!(
        "named by none: {orphans:?}; missing: {missing:?}"
    )))
}

/// Whether the image loads again and takes what the card counts.
fn account(card: &VirtualCard) -> Option<Violation> {
    match VirtualCard::new(card.image(), CardRng::from_seed(0)) {
        Err(error) => Some(Violation::Image(error.to_string())),
        Ok(loaded) if loaded.state().used != card.state().used => Some(Violation::Memory {
            counted: card.state().used,
            taken: loaded.state().used,
        }),
        Ok(_) => None,
    }
}
