//! The renewal of the guide, with a card and a portal in this process: an expired card goes in, one
//! with two blue and two pink certificates comes out.
//!
//! `cargo run -p kortlab-renewal --example renewal`

use std::error::Error;

use kortlab_apdu::Protocol;
use kortlab_card::{Card, MemoryJournal, Pin, PinRole};
use kortlab_emulator::{CardRng, InProcess, VirtualCard};
use kortlab_issuer::clock::Timestamp;
use kortlab_renewal::guide::{Event, Interaction, Outcome, Step, renew};
use kortlab_renewal::notes::MemoryNotes;
use kortlab_renewal::states::{CardState, NewCard, new_card};

/// Who holds the card: is told what happens, and gives the PINs.
struct Holder;

impl Interaction for Holder {
    fn event(&mut self, event: &Event) {
        if let Event::Began(step) = event {
            println!("{step:?}");
        }
    }

    fn pin(&mut self, role: PinRole, _: Step) -> Result<Pin, String> {
        let digits = match role {
            PinRole::Authentication => "123456",
            PinRole::Signature => "654321",
        };
        Pin::try_from(digits).map_err(|error| error.to_string())
    }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let date = Timestamp::from_date(2026, 11, 24).ok_or("a date")?;
    let NewCard { image, mut world } = new_card(CardState::Expired, Protocol::T1, 7, date)?;
    let card = VirtualCard::new(image, CardRng::from_seed(7))?;
    let mut card = Card::open(InProcess::ephemeral(card))?;

    let (clock, mut journal) = (world.clock.clone(), MemoryJournal::new());
    let outcome = renew(
        &mut card,
        &mut world.portal,
        &clock,
        &mut Holder,
        &mut journal,
        &mut MemoryNotes::new(),
    )?;

    assert!(matches!(outcome, Outcome::Renewed(_)));
    let report = outcome.report();
    println!("{} blue and {} pink", report.valid.blue, report.valid.pink);
    assert!(report.is_complete());
    Ok(())
}
