//! How many commands a change of the slots sends.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use kortlab_apdu::Protocol;
use kortlab_card::{Card, Change, MemoryJournal, NewCertificate, PinRole};
use kortlab_emulator::InProcess;
use support::{OpenSsl, insert, keys, model, on_card, pin};

/// Half of what it took when every directory was read four times and each certificate twice.
const MOST: u64 = 92;

/// A card with four certificates under T=0, where a selection that describes its file takes two
/// commands, and how many commands it has had.
fn four() -> (Card<InProcess>, Vec<u8>) {
    let authority = OpenSsl::authority();
    let mut image = model(Protocol::T0);
    for (serial, key) in [("1", 0x45), ("2", 0x46), ("3", 0x45), ("4", 0x46)] {
        let of = if key == 0x45 { &keys().0 } else { &keys().1 };
        let der = authority.certificate(of, serial, 30);
        image = image.certificate(on_card(&der, key, &format!("Certificate {serial}")));
    }
    let card = Card::open(insert(image.build().unwrap())).unwrap();
    (card, authority.certificate(&keys().0, "5", 30))
}

fn sent(card: &mut Card<InProcess>) -> u64 {
    card.channel_mut().card().commands_received()
}

fn carry_out(card: &mut Card<InProcess>, change: &Change) -> u64 {
    let plan = card.plan(change).unwrap();
    card.verify(PinRole::Authentication, &pin("123456"))
        .unwrap();
    let executed = card.execute(&plan, &mut MemoryJournal::new()).unwrap();
    assert_eq!(executed.warnings, [""; 0]);
    sent(card)
}

#[test]
fn writing_a_certificate_takes_few_commands() {
    let (mut card, new) = four();
    let change = Change::new().write(NewCertificate::new(new, 0x45, "New"));
    let sent = carry_out(&mut card, &change);
    println!("cert write: {sent} commands");
    assert!(sent <= MOST, "{sent}");
    assert_eq!(card.slots().unwrap().len(), 5);
}

#[test]
fn removing_a_certificate_takes_few_commands() {
    let (mut card, _) = four();
    let slot = card.listed_slots().pop().unwrap();
    let sent = carry_out(&mut card, &Change::new().remove(slot));
    println!("cert remove: {sent} commands");
    assert!(sent <= MOST, "{sent}");
    assert_eq!(card.slots().unwrap().len(), 3);
}
