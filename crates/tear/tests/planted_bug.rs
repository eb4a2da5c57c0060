//! The harness can fail: an error in the slot writer is found on every kind of memory.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use kortlab_apdu::Protocol;
use kortlab_card::slots::Procedure;
use kortlab_emulator::memory::MemoryTechnology;
use kortlab_tear::{Campaign, Host, Point, Recording, Violation};

fn violations(technology: MemoryTechnology, procedure: Procedure) -> Vec<(String, Violation)> {
    let recording = Recording::with(technology, Protocol::T0, |session| {
        session.follow(procedure)
    })
    .unwrap();
    // Every other command: the errors show over several in a row.
    let cases: Vec<_> = (0..recording.steps.len())
        .step_by(2)
        .map(|step| (Point::BeforeCommand { step }, Host::Crashes))
        .collect();
    Campaign::new(&recording, &cases).run().kept
}

#[test]
fn releasing_the_old_files_before_the_switch_over_is_found_on_every_memory() {
    for technology in MemoryTechnology::ALL {
        let found = violations(technology, Procedure::OLD_RELEASED_FIRST);
        let lost =
            |(_, violation): &(String, Violation)| matches!(violation, Violation::Certificates(_));
        assert!(found.iter().any(lost), "{technology:?}: {found:?}");
    }
}

#[test]
fn a_journal_that_is_written_too_late_is_found_on_every_memory() {
    for technology in MemoryTechnology::ALL {
        let found = violations(technology, Procedure::JOURNAL_TOO_LATE);
        assert!(!found.is_empty(), "{technology:?}");
    }
}
