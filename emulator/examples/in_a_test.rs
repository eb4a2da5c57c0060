//! A card for a test, in this process: no reader, no daemon, the same card each time.
//!
//! `cargo run -p kortlab-emulator --example in_a_test`

use std::error::Error;

use kortlab_apdu::{Command, StatusWord, exchange, instruction};
use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::models::eid::EidCard;
use kortlab_emulator::{CardRng, InProcess, VirtualCard};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut rng = CardRng::from_seed(1);
    let authentication = RsaKey::generate(1024, &mut rng)?;
    let signature = RsaKey::generate(1024, &mut rng)?;
    let image = EidCard::new("9752269700000000008", authentication, signature).build()?;
    let mut card = InProcess::ephemeral(VirtualCard::new(image, rng)?);

    // The card is a channel: what your program sends to a reader, it can send to this.
    let odf = [0x50, 0x15, 0x50, 0x31];
    let select = Command::new(instruction::SELECT, 0x08, 0x0C).with_data(odf);
    assert_eq!(exchange(&mut card, &select)?.status(), StatusWord::SUCCESS);
    let read = Command::new(instruction::READ_BINARY, 0x00, 0x00).expecting_any();
    let directory = exchange(&mut card, &read)?;
    println!("EF(ODF): {:02X?}", directory.data());

    // A wrong PIN takes a try, and the card remembers it: also in the image that is saved.
    let verify = Command::new(instruction::VERIFY, 0x00, 0x81);
    let wrong = exchange(&mut card, &verify.clone().with_data(*b"999999\0\0"))?;
    println!(
        "VERIFY: {} ({})",
        wrong.status(),
        wrong.status().meaning_after(0x20)
    );
    assert_eq!(wrong.status(), StatusWord::tries_left(2));
    let saved = card.card().image();

    let mut again = InProcess::ephemeral(VirtualCard::new(saved, CardRng::from_seed(2))?);
    let left = exchange(&mut again, &verify)?.status();
    assert_eq!(left, StatusWord::tries_left(2));
    Ok(())
}
