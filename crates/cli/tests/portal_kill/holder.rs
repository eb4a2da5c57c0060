//! The holder, with a virtual card in this process.

use kortlab_card::{Card, MemoryJournal, Pin, PinRole};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_issuer::clock::SystemClock;
use kortlab_issuer::inspect::{CertificateSummary, Colour};
use kortlab_portal_api::Binary;
use kortlab_renewal::guide::{Interaction, Step, renew};
use kortlab_renewal::notes::MemoryNotes;
use serde_json::json;

use super::common::Lab;
use super::common::portal::Portal;
use super::portal::Watched;

pub struct Holder {
    card: Card<InProcess>,
    journal: MemoryJournal,
    notes: MemoryNotes,
}

/// Knows the PINs, and finds everything right.
struct Agreeing;

impl Interaction for Agreeing {
    fn pin(&mut self, role: PinRole, _step: Step) -> Result<Pin, String> {
        let pin = match role {
            PinRole::Authentication => "123456",
            PinRole::Signature => "654321",
        };
        Pin::try_from(pin).map_err(|error| error.to_string())
    }
}

impl Holder {
    /// The holder of the card in this directory.
    pub fn of(lab: &Lab) -> Self {
        let image = Image::from_json(&lab.image()).unwrap();
        let card = VirtualCard::new(image, CardRng::from_seed(1)).unwrap();
        Self {
            card: Card::open(InProcess::ephemeral(card)).unwrap(),
            journal: MemoryJournal::default(),
            notes: MemoryNotes::default(),
        }
    }

    /// Renews the card. If that succeeds, it has two blue and two pink certificates, all valid.
    pub fn renew(&mut self, portal: &mut Watched<'_>) -> Result<(), String> {
        let renewed = renew(
            &mut self.card,
            portal,
            &SystemClock,
            &mut Agreeing,
            &mut self.journal,
            &mut self.notes,
        );
        self.card.reset().unwrap();
        let outcome = renewed.map_err(|error| error.to_string())?;
        let valid = outcome.report().valid;
        assert_eq!((valid.blue, valid.pink), (2, 2));
        assert_eq!(self.card.slots().unwrap().len(), 4);
        Ok(())
    }

    /// Has both HCCs of the card revoked, so that there is something to renew.
    pub fn revoke_hccs(&mut self, portal: &Portal) {
        let mut revoked = 0;
        for slot in self.card.slots().unwrap() {
            let summary = CertificateSummary::from_der(&slot.der).unwrap();
            if summary.colour == Colour::Pink {
                let certificate = serde_json::to_value(Binary::from(slot.der.to_vec())).unwrap();
                let body = json!({"certificate": certificate, "reason": "superseded"});
                portal.admin("POST", "/admin/v1/revocations", &body);
                revoked += 1;
            }
        }
        assert_eq!(revoked, 2);
    }
}
