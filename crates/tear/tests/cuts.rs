//! The card torn out of the reader, in the time that a test may take: a sample of every kind of
//! memory. `cargo xtask tear` makes every cut.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use kortlab_apdu::Protocol;
use kortlab_emulator::memory::MemoryTechnology;
use kortlab_tear::sample::Dice;
use kortlab_tear::{Campaign, Point, Recording, Tally};

const SEED: u64 = 20_261_124;
const SINGLE: usize = 800;
const DOUBLE: usize = 100;
const COPIES: usize = 150;

fn nothing_is_violated(technology: MemoryTechnology, protocol: Protocol) {
    let recording = Recording::new(technology, protocol).unwrap();
    let cases = Point::cases(&recording);
    let mut dice = Dice::new(SEED);

    // A cut is only worth something if the renewal is the whole one: two transactions and the
    // trial of the room.
    assert_eq!(recording.operations.len(), 6);
    assert!(recording.programmed() > 6_000);
    assert_ne!(
        recording.boundaries[0].listing,
        recording.boundaries[3].listing
    );

    let single = dice.draw(&cases, SINGLE);
    let tally = Campaign::new(&recording, &single).run();
    assert_eq!(tally.runs, SINGLE as u64);
    assert_none(&tally);
    assert!(tally.completed > 0, "{tally:?}");
    assert!(tally.undone > 0, "{tally:?}");

    let copies = dice.draw(&cases, COPIES);
    let tally = Campaign::new(&recording, &copies).run_copies();
    assert_eq!(tally.runs, COPIES as u64);
    assert_none(&tally);
    assert!(tally.completed > 0 && tally.undone > 0, "{tally:?}");

    let double = dice.draw(&cases, DOUBLE);
    let tally = Campaign::new(&recording, &double).run_double(2, SEED);
    assert!(tally.runs > 0);
    assert_none(&tally);
}

fn assert_none(tally: &Tally) {
    assert_eq!(tally.violations, 0, "{}", tally.violations_text());
}

#[test]
fn a_sample_of_cuts_on_journalled_memory_over_t1_loses_nothing() {
    nothing_is_violated(MemoryTechnology::Journalled, Protocol::T1);
}

#[test]
fn a_sample_of_cuts_on_atomic_writes_loses_nothing() {
    nothing_is_violated(MemoryTechnology::AtomicWrites, Protocol::T0);
}

#[test]
fn a_sample_of_cuts_on_bytewise_memory_loses_nothing() {
    nothing_is_violated(MemoryTechnology::Bytewise, Protocol::T0);
}

#[test]
fn a_sample_of_cuts_on_paged_memory_loses_nothing() {
    nothing_is_violated(MemoryTechnology::Paged, Protocol::T0);
}
