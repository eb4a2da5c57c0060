//! From a world to a card image.

use kortlab_apdu::Protocol;
use kortlab_emulator::Image;
use kortlab_emulator::models::eid::layout;
use kortlab_emulator::models::{CardCertificate, CardModel, MODELS, Personalisation};
use kortlab_issuer::clock::Timestamp;
use kortlab_pkcs15::Id;

use super::CardState;
use crate::world::{TestWorld, WorldError};

/// What a full card has left: less than any certificate takes.
const LEFT_ON_A_FULL_CARD: u32 = 512;

/// A card, and the world that made it.
#[derive(Debug)]
pub struct NewCard {
    /// The card.
    pub image: Image,
    /// The authorities, the portal and the holder.
    pub world: TestWorld,
}

/// Makes a card of the usual model, the first of [`MODELS`]. The same state, protocol, seed and date give the same image,
/// byte for byte, and the same world.
///
/// # Errors
/// A key, a certificate or the image could not be made.
pub fn new_card(
    state: CardState,
    protocol: Protocol,
    seed: u64,
    date: Timestamp,
) -> Result<NewCard, WorldError> {
    let model = MODELS.first().ok_or_else(|| no_model("there is none"))?;
    new_card_of(model, state, protocol, seed, date)
}

/// The same of any model.
///
/// # Errors
/// As for [`new_card`]; the model has no such protocol.
pub fn new_card_of(
    model: &CardModel,
    state: CardState,
    protocol: Protocol,
    seed: u64,
    date: Timestamp,
) -> Result<NewCard, WorldError> {
    if !model.protocols.contains(&protocol) {
        return Err(no_model("it has another protocol"));
    }
    let world = TestWorld::new(state, seed, date)?;
    let image = image(model, &world, state, protocol)?;
    Ok(NewCard { image, world })
}

fn no_model(why: &str) -> WorldError {
    WorldError::Card(format!("no such card model: {why}"))
}

fn image(
    model: &CardModel,
    world: &TestWorld,
    state: CardState,
    protocol: Protocol,
) -> Result<Image, WorldError> {
    let holder = Personalisation {
        serial: world.card_number.to_string(),
        protocol,
        authentication_key: world.authentication_key.clone().into(),
        signature_key: world.signature_key.clone().into(),
        certificates: certificates(world, state),
    };
    let mut image = (model.make)(holder).map_err(|error| WorldError::Card(error.to_string()))?;
    match state {
        CardState::Blank => {
            image.pins.clear();
            if let Some(files) = image.master_file.files_mut() {
                files.clear();
            }
        }
        CardState::Full => fill(&mut image),
        CardState::Blocked => {
            // The PUK, which nothing unblocks, keeps its tries.
            let pins = image.pins.iter_mut();
            for pin in pins.filter(|pin| pin.unblocked_by.is_some()) {
                pin.tries_left = 0;
            }
        }
        _ => {}
    }
    image
        .check()
        .map_err(|error| WorldError::Card(error.to_string()))?;
    Ok(image)
}

fn certificates(world: &TestWorld, state: CardState) -> Vec<CardCertificate> {
    let mut certificates = Vec::new();
    let mut add = |der: &[u8], key_id: u8, label: &str, authority: bool| {
        certificates.push(CardCertificate {
            der: der.to_vec(),
            key_id: Id(vec![key_id]),
            label: label.to_owned(),
            authority,
        });
    };
    let (authentication, signature) = (layout::ID_AUTHENTICATION, layout::ID_SIGNATURE);
    if state.has_carrier_certificates() {
        let carrier = &world.carrier;
        add(
            &carrier.authentication,
            authentication,
            "Telia Legitimering",
            false,
        );
        add(&carrier.signature, signature, "Telia Underskrift", false);
    }
    if let Some(hcc) = &world.hcc {
        add(
            &hcc.authentication,
            authentication,
            "HCC Legitimering",
            false,
        );
        add(&hcc.signature, signature, "HCC Underskrift", false);
    }
    for (id, (name, der)) in (0x51..).zip(&world.ballast) {
        add(der, id, name, true);
    }
    certificates
}

/// Takes the memory down to what is used, and a little more.
fn fill(image: &mut Image) {
    let (mut too_small, mut enough) = (0, image.capacity);
    while enough - too_small > 1 {
        let middle = too_small + (enough - too_small) / 2;
        image.capacity = middle;
        match image.check() {
            Ok(()) => enough = middle,
            Err(_) => too_small = middle,
        }
    }
    image.capacity = enough.saturating_add(LEFT_ON_A_FULL_CARD);
}
