//! A second cut, while the first one is being recovered from.

use kortlab_emulator::memory::PowerCut;

use crate::point::{Case, Host};
use crate::recording::Recording;
use crate::sample::Dice;
use crate::trial::{self, Verdict};

/// Tears the card at one point, cuts the recovery at `count` places drawn from `seed`, recovers
/// again, and checks. The places are counted from the moment in which the card is pushed in, so
/// that the card's own recovery is among them.
pub fn run(recording: &Recording, case: Case, count: usize, seed: u64) -> Vec<(PowerCut, Verdict)> {
    let (point, host) = case;
    let torn = match trial::tear(recording, point) {
        Ok(torn) => torn,
        Err(violation) => {
            let verdict = Verdict {
                violations: vec![violation],
                ..Verdict::default()
            };
            return vec![(PowerCut::AfterBytes(0), verdict)];
        }
    };
    // Once to the end, to know how long it is.
    let mut card = trial::insert(torn.card.clone(), torn.out);
    let mut journal = torn.journal.clone();
    let _ = trial::recover(&mut card, &mut journal, host, torn.known);
    let bytes = card.card().bytes_programmed() - torn.card.bytes_programmed();
    let commands = card.card().commands_received() - torn.card.commands_received();

    let places = bytes + 2 * commands;
    if places == 0 {
        // Nothing was under way, and a program that knows that does not ask the card.
        return Vec::new();
    }
    let mut dice = Dice::new(seed);
    let mut verdicts = Vec::with_capacity(count);
    for _ in 0..count {
        let pick = dice.below(places);
        let cut = match pick.checked_sub(bytes) {
            None => PowerCut::AfterBytes(pick),
            Some(rest) if rest % 2 == 0 => PowerCut::BeforeCommand(rest / 2 + 1),
            Some(rest) => PowerCut::BeforeAnswer(rest / 2 + 1),
        };
        let again = match dice.below(2) {
            0 => Host::GoesOn,
            _ => Host::Crashes,
        };
        verdicts.push((cut, second(recording, &torn, host, again, cut)));
    }
    verdicts
}

fn second(
    recording: &Recording,
    torn: &trial::Torn<'_>,
    host: Host,
    again: Host,
    cut: PowerCut,
) -> Verdict {
    let mut first = torn.card.clone();
    first.schedule_power_cut(cut);
    let mut card = trial::insert(first, torn.out);
    let mut journal = torn.journal.clone();
    // Whether it ends depends on where the cut is: after the journal has forgotten, only reading
    // is left.
    let interrupted = trial::recover(&mut card, &mut journal, host, torn.known);
    let mut verdict = Verdict {
        torn: interrupted.is_ok_and(|recovered| recovered.torn),
        ..Verdict::default()
    };
    while card.is_out() {
        card.reinsert();
    }
    let verified = torn
        .tries
        .clone()
        .verified(trial::AUTHENTICATION_PIN, card.card());
    verdict.violations = verified.gained(card.card());
    let recovered = trial::recover(&mut card, &mut journal, again, torn.known);
    let torn = trial::Torn {
        tries: verified,
        ..torn.clone()
    };
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
