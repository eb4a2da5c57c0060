//! Opens a card, tells what it holds, and signs: a virtual card in this process, so that it runs
//! without a reader. Another channel opens another card.
//!
//! `cargo run -p kortlab-card --example open_and_sign`

use std::error::Error;

use kortlab_apdu::{Channel, Protocol};
use kortlab_card::{Card, Hash, Pin, PinRole, Scheme};
use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::models::eid::EidCard;
use kortlab_emulator::{CardRng, InProcess, VirtualCard};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let message = b"a message";
    let signature = open_and_sign(virtual_card()?, &Pin::try_from("123456")?, message)?;
    println!("{}", hex::encode(&signature));
    Ok(())
}

/// Opens any card with PKCS#15, tells what it holds, and signs. `channel` may be a reader, too:
/// `kortlab_card::pcsc::connect`, with the feature `pcsc`.
fn open_and_sign(
    channel: impl Channel,
    pin: &Pin,
    message: &[u8],
) -> Result<Vec<u8>, kortlab_card::CardError> {
    let mut card = Card::open(channel)?;
    println!("card OS: {}", card.dialect().name());
    for key in card.keys() {
        println!("key {}: {}", key.id, key.usage);
    }
    for problem in &card.contents().problems {
        println!("{problem}; {}", problem.next_step());
    }
    // The signature is checked with the key's public key before it is given out.
    let signature = card.unlocked(PinRole::Authentication, pin, |key| {
        key.sign(Scheme::Pkcs1(Hash::Sha256), message)
    })?;
    card.forget_pins()?;
    Ok(signature)
}

/// A staff card in this process, as it is delivered without certificates; its PIN is 123456.
fn virtual_card() -> Result<InProcess, Box<dyn Error>> {
    let mut rng = CardRng::from_os()?;
    let authentication = RsaKey::generate(2048, &mut rng)?;
    let signature = RsaKey::generate(2048, &mut rng)?;
    let model = EidCard::new("9752269700000000008", authentication, signature);
    let image = model.protocol(Protocol::T1).build()?;
    Ok(InProcess::ephemeral(VirtualCard::new(image, rng)?))
}
