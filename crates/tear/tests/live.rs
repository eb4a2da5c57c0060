//! The renewal itself, cut and begun again, without a recording.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use kortlab_apdu::Protocol;
use kortlab_card::{Card, FileJournal, Fit};
use kortlab_emulator::memory::{MemoryTechnology, PowerCut};
use kortlab_emulator::{CardRng, InProcess, VirtualCard};
use kortlab_issuer::clock::Timestamp;
use kortlab_renewal::guide::{Outcome, renew};
use kortlab_renewal::notes::MemoryNotes;
use kortlab_renewal::states::{CardState, NewCard, new_card};
use kortlab_tear::recording::Holder;
use kortlab_tear::sample::Dice;

/// How often each kind of memory is cut.
const CUTS: usize = 12;

/// What a renewal programs and sends, less a little.
const BYTES: u64 = 6_000;
const COMMANDS: u64 = 280;

#[test]
fn a_renewal_that_was_cut_anywhere_goes_on_to_two_blue_and_two_pink_with_the_journal_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let mut dice = Dice::new(7);
    for technology in MemoryTechnology::ALL {
        let date = Timestamp::from_date(2026, 11, 24).unwrap();
        let NewCard {
            mut image,
            mut world,
        } = new_card(CardState::Expired, Protocol::T0, 3, date).unwrap();
        image.settings.memory = technology;
        let clock = world.clock.clone();
        for turn in 0..CUTS {
            let cut = match turn % 3 {
                0 => PowerCut::BeforeCommand(dice.below(COMMANDS) + 1),
                1 => PowerCut::BeforeAnswer(dice.below(COMMANDS) + 1),
                _ => PowerCut::AfterBytes(dice.below(BYTES)),
            };
            let mut card = VirtualCard::new(image.clone(), CardRng::from_seed(1)).unwrap();
            card.schedule_power_cut(cut);
            let mut card = InProcess::ephemeral(card);
            let mut run = |card: &mut InProcess| {
                let mut journal = FileJournal::at(directory.path());
                let mut session = Card::open(card).map_err(|error| error.to_string())?;
                renew(
                    &mut session,
                    &mut world.portal,
                    &clock,
                    &mut Holder,
                    &mut journal,
                    &mut MemoryNotes::new(),
                )
                .map_err(|error| error.to_string())
            };
            run(&mut card).expect_err("the power was cut");
            assert!(card.is_out(), "{technology:?} {cut:?}");
            card.reinsert();
            let outcome = run(&mut card);
            let outcome = outcome.unwrap_or_else(|error| panic!("{technology:?} {cut:?}: {error}"));
            let (Outcome::Renewed(report) | Outcome::AlreadyValid(report)) = outcome;
            assert!(report.is_complete(), "{technology:?} {cut:?}: {report:?}");
            assert_eq!(report.certificates.len(), 4, "{technology:?} {cut:?}");
            // What is left is about cards that were pulled out before anything was written, or
            // after all was: a copy of this card might need it.
            let mut journal = FileJournal::at(directory.path());
            let mut session = Card::open(&mut card).unwrap();
            for (_, fit) in session.notes(&mut journal).unwrap() {
                assert!(
                    !matches!(fit, Fit::Begun | Fit::Changed),
                    "{technology:?} {cut:?}: {fit:?}"
                );
            }
        }
    }
}
