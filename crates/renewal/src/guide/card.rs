//! What the guide does with the card.

use kortlab_apdu::Channel;
use kortlab_card::{Card, CardError, Hash, NewCertificate, Pin, PinRole, Scheme, Slot};
use kortlab_issuer::public_key::PublicKey;

use super::error::Cause;

/// Signs with the card's key for `role`: RSASSA-PKCS1-v1_5 with SHA-256. `pin` is verified right
/// before, in the same hold on the card; without one the PIN counts as verified earlier.
pub(super) fn sign<C: Channel>(
    card: &mut Card<C>,
    role: PinRole,
    pin: Option<&Pin>,
    message: &[u8],
) -> Result<Vec<u8>, CardError> {
    let key = card.key_for(role)?;
    card.exclusively(|card| {
        if let Some(pin) = pin {
            card.verify(role, pin)?;
        }
        card.sign(&key.id, Scheme::Pkcs1(Hash::Sha256), message)
    })
}

/// The public key of the card's key for `role`.
pub(super) fn public_key<C: Channel>(
    card: &mut Card<C>,
    role: PinRole,
) -> Result<PublicKey, Cause> {
    let key = card.key_for(role)?;
    let public = card.public_key(&key.id)?.ok_or(Cause::NoKey(role))?;
    Ok(PublicKey::from_spki_der(&public.to_spki_der())?)
}

/// The holder's certificates on the card; what cannot be read as one is left out. Authorities'
/// certificates are in the list as well.
pub(super) fn certificates<C: Channel>(card: &mut Card<C>) -> Result<Vec<Slot>, CardError> {
    let mut slots = card.slots()?;
    slots.retain(|slot| slot.info.is_some());
    Ok(slots)
}

/// The HCC for the card's key for `role`, as the writer takes it.
pub(super) fn new_hcc<C: Channel>(
    card: &Card<C>,
    role: PinRole,
    der: &[u8],
) -> Result<NewCertificate, CardError> {
    let key = card.key_for(role)?;
    let label = format!("HCC {}", role.swedish());
    Ok(NewCertificate::new(der, key.id, label))
}
