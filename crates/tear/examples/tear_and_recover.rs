//! A card torn out of the reader in the middle of a change, and recovered: afterwards all of the
//! change is there, or none of it.
//!
//! `cargo run -p kortlab-tear --example tear_and_recover`

use std::error::Error;

use kortlab_apdu::Protocol;
use kortlab_card::{Card, IfChanged, MemoryJournal, Pin, PinRole};
use kortlab_emulator::memory::PowerCut;
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_issuer::clock::Timestamp;
use kortlab_renewal::states::{CardState, new_card};

/// Removes a certificate while power is cut after so many bytes, pushes the card in again and
/// recovers; gives whether it was torn, and how many certificates there are then.
fn torn_after(bytes: u64, image: &Image, pin: &Pin) -> Result<(bool, usize), Box<dyn Error>> {
    let card = VirtualCard::new(image.clone(), CardRng::from_seed(1))?;
    let mut card = Card::open(InProcess::ephemeral(card))?;
    let mut journal = MemoryJournal::new();
    let slots = card.slots()?;
    let removed = slots.last().ok_or("a certificate")?;
    card.verify(PinRole::Authentication, pin)?;

    let inside = card.channel_mut().card_mut();
    inside.schedule_power_cut(PowerCut::AfterBytes(bytes));
    let change = card.remove_certificate(removed, &mut journal);
    let mut reader = card.into_channel();
    let torn = reader.is_out();
    println!(
        "torn after {bytes} bytes: {torn}, told as {:?}",
        change.err().map(|error| error.to_string())
    );

    reader.reinsert();
    let mut card = Card::open(reader)?;
    if let Some(recovery) = card.recover(&mut journal, pin, IfChanged::LeaveIt)? {
        println!("  {} is {}", recovery.purpose, recovery.way);
    }
    assert!(journal.is_empty(), "nothing is left to recover");
    assert!(card.contents().problems.is_empty());
    let slots = card.slots()?;
    assert!(slots.iter().all(|slot| slot.info.is_some()));
    Ok((torn, slots.len()))
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let date = Timestamp::from_date(2026, 11, 24).ok_or("a date")?;
    let image = new_card(CardState::Valid, Protocol::T1, 7, date)?.image;
    let pin = Pin::try_from("123456")?;
    let mut found = Vec::new();
    for bytes in [0, 1, 2, 100, 1_000_000] {
        let (torn, certificates) = torn_after(bytes, &image, &pin)?;
        assert!(matches!(certificates, 3 | 4), "{certificates}");
        found.push((torn, certificates));
    }
    // Torn before anything was written, and not at all.
    assert_eq!(found.first(), Some(&(true, 4)));
    assert_eq!(found.last(), Some(&(false, 3)));
    Ok(())
}
