//! Two cards of one serial number: one is torn, and recovery is tried on the others first.

use kortlab_card::{Card, CardError, IfChanged, Journal as _, MemoryJournal, PinRole};
use kortlab_emulator::{InProcess, VirtualCard};

use crate::point::Case;
use crate::recording::{Recording, right_pin};
use crate::trial::{self, Verdict};
use crate::violation::Violation;

/// Tears the card at one point, recovers copies of it that nothing happened to (as it was before
/// the renewal, before and after the change that was torn, and after the renewal) with the same
/// journal, with and without force, and then the torn one. The copies must stay as they are, and
/// the torn one must have all that it needs.
pub fn run(recording: &Recording, case: Case) -> Verdict {
    let (point, host) = case;
    let torn = match trial::tear(recording, point) {
        Ok(torn) => torn,
        Err(violation) => {
            return Verdict {
                violations: vec![violation],
                ..Verdict::default()
            };
        }
    };
    let mut journal = MemoryJournal::shared();
    let mut verdict = Verdict::default();
    for transaction in torn.journal.transactions() {
        if let Err(error) = journal.begin(transaction) {
            verdict
                .violations
                .push(Violation::NotRecovered(error.to_string()));
        }
    }
    let boundaries = recording.boundaries.iter().map(|boundary| &boundary.card);
    for (index, copy) in boundaries.chain([&recording.end]).enumerate() {
        let found = spared(copy, &mut journal).unwrap_or_else(|error| Some(error.to_string()));
        let violation = found.map(|what| Violation::WrongCopy(format!("copy {index}: {what}")));
        verdict.violations.extend(violation);
    }
    let mut card = trial::insert(torn.card.clone(), torn.out);
    let recovered = trial::recover(&mut card, &mut journal, host, torn.known);
    trial::finish(
        recording,
        &torn,
        &mut card,
        &journal,
        recovered,
        &mut verdict,
    );
    verdict
}

/// What recovery did to a copy, or to what the journal has for the torn card; `None` if nothing.
fn spared(copy: &VirtualCard, journal: &mut MemoryJournal) -> Result<Option<String>, CardError> {
    let kept = journal.clone();
    let before = copy.image();
    let mut card = InProcess::ephemeral(copy.clone());
    let pin = right_pin(PinRole::Authentication)?;
    for if_changed in IfChanged::ALL {
        let mut session = Card::open(&mut card)?;
        if let Some(recovery) = session.recover(journal, &pin, if_changed)? {
            return Ok(Some(format!("its change was {}", recovery.way)));
        }
    }
    Ok(match () {
        () if card.card().image() != before => Some("it was changed".to_owned()),
        () if *journal != kept => Some("the journal was changed".to_owned()),
        () => None,
    })
}
