//! Doing what a page has shown and its visitor has confirmed with a PIN.

use kortlab_apdu::Channel;
use kortlab_card::{
    Card, CardError, Change, ErrorKind, IfChanged, Journal, Pin, PinRole, PinState, Recovery,
};
use kortlab_issuer::clock::Timestamp;
use kortlab_portal_api::Serial;
use kortlab_portal_api::task::SignPurpose;
use kortlab_portal_core::{Approval, Order};
use kortlab_renewal::card;

use crate::kept::Kept;
use crate::not_done::NotDone;
use crate::plan::Work;
use crate::seen::Seen;
use crate::words::visible;

/// The PINs that were typed.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    /// *Legitimering*.
    pub(crate) authentication: Option<Pin>,
    /// *Underskrift*.
    pub(crate) signature: Option<Pin>,
}

/// What was done.
#[derive(Clone, Debug)]
pub(crate) enum Performed {
    /// An earlier change is completed or undone.
    Recovered(Recovery),
    /// The portal may see these.
    Shown(Vec<Seen>),
    /// These HCCs are not on the card any more.
    Removed(Vec<Serial>),
    /// The requests and the approval.
    Requested {
        /// Both requests, and the signed approval.
        approval: Box<Approval>,
        /// The text that was signed.
        text: String,
    },
    /// These HCCs are on the card.
    Written(Vec<Serial>),
    /// A text is signed.
    Signed {
        /// The text.
        text: String,
        /// What it is.
        purpose: SignPurpose,
        /// CMS SignedData, DER.
        signed: Vec<u8>,
    },
}

/// Why it was not done.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// A PIN was wrong; the card says how many tries are left.
    WrongPin {
        /// Which.
        role: PinRole,
        /// How many tries are left, if the card says so.
        tries: Option<u8>,
    },
    /// A PIN was not given, or not of the card's form; it was not sent to the card.
    NoPin {
        /// Which.
        role: PinRole,
        /// What is wrong with it, in English.
        why: String,
    },
    /// Anything else.
    NotDone(NotDone),
}

impl<E: Into<NotDone>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::NotDone(error.into())
    }
}

/// Does `work`. Other programs are kept from the card meanwhile, and it has forgotten the PINs
/// afterwards.
pub(crate) fn perform<C: Channel>(
    card: &mut Card<C>,
    work: &Work,
    pins: &Pins,
    kept: &mut Kept,
    now: Timestamp,
) -> Result<Performed, Stopped> {
    if work.pins().is_empty() {
        return do_work(card, work, pins, kept, now);
    }
    card.exclusively(|card| {
        let done = spare_last_try(card, work.pins())
            .map_err(Stopped::from)
            .and_then(|()| do_work(card, work, pins, kept, now));
        match card.forget_pins() {
            Ok(left) if left.is_empty() => {}
            Ok(_) => tracing::warn!(
                "a PIN stays verified until the card is reset or taken out: this card takes it back \
                 only with a reset, and another program uses the card"
            ),
            Err(error) => tracing::warn!(%error, "the card may not have forgotten the PIN"),
        }
        Ok(done)
    })?
}

/// Refuses to go on where a wrong PIN would use up the last try, or where that cannot be told.
pub(crate) fn spare_last_try<C: Channel>(
    card: &mut Card<C>,
    roles: &[PinRole],
) -> Result<(), NotDone> {
    for &role in roles {
        match card.pin_status(role)? {
            // A right PIN gives a card all its tries back.
            PinState::Verified | PinState::TriesLeft(2..) => {}
            PinState::TriesLeft(_) => return Err(NotDone::last_try(role)),
            PinState::Blocked => return Err(NotDone::blocked(role)),
            PinState::Unknown(_) => return Err(NotDone::tries_unknown(role)),
        }
    }
    Ok(())
}

fn do_work<C: Channel>(
    card: &mut Card<C>,
    work: &Work,
    pins: &Pins,
    kept: &mut Kept,
    now: Timestamp,
) -> Result<Performed, Stopped> {
    match work {
        Work::Recover { .. } => recover(card, pins, &mut *kept.journal),
        Work::Show(certificates) => Ok(Performed::Shown(certificates.clone())),
        Work::Remove {
            certificates,
            absent,
            ..
        } => remove(card, certificates, absent, pins, kept),
        Work::Request { order, signer, .. } => request(card, order, signer, pins, now),
        Work::Write {
            certificates,
            present,
            ..
        } => write(card, certificates, present, pins, kept),
        Work::Sign {
            text,
            purpose,
            signer,
        } => {
            let pin = verify(card, PinRole::Signature, pins)?;
            Ok(Performed::Signed {
                signed: card::sign_text(card, pin, text.as_bytes(), &signer.der, now)?,
                text: text.clone(),
                purpose: *purpose,
            })
        }
    }
}

fn recover<C: Channel>(
    card: &mut Card<C>,
    pins: &Pins,
    journal: &mut dyn Journal,
) -> Result<Performed, Stopped> {
    let role = PinRole::Authentication;
    let pin = typed(role, pins)?;
    let recovered = card
        .recover(journal, pin, IfChanged::LeaveIt)
        .map_err(|error| about_pin(role, error))?;
    let recovery = recovered.ok_or_else(|| {
        NotDone::new(
            "Det finns ingen avbruten ändring längre. Försök igen.",
            "There is no interrupted change any more. Try again.",
        )
    })?;
    Ok(Performed::Recovered(recovery))
}

/// Removes HCCs in one transaction.
fn remove<C: Channel>(
    card: &mut Card<C>,
    certificates: &[Seen],
    absent: &[Serial],
    pins: &Pins,
    kept: &mut Kept,
) -> Result<Performed, Stopped> {
    // Before anything is removed: a serial number that could not be told to the portal.
    let mut serials = serials(certificates.iter())?;
    if !certificates.is_empty() {
        verify(card, PinRole::Authentication, pins)?;
        let slots = card::certificates(card)?;
        let on_card: Vec<_> = slots.iter().filter_map(Seen::in_slot).collect();
        let change = slots
            .into_iter()
            .filter(|slot| !slot.is_authority())
            .filter(|slot| certificates.iter().any(|seen| seen.der == slot.der))
            .fold(Change::new(), Change::remove);
        kept.keep_hccs(&on_card);
        let _ = card.change(&change, &mut *kept.journal)?;
    }
    serials.extend_from_slice(absent);
    Ok(Performed::Removed(serials))
}

/// Two requests, one by each key, and the approval of exactly these.
fn request<C: Channel>(
    card: &mut Card<C>,
    order: &Order,
    signer: &Seen,
    pins: &Pins,
    now: Timestamp,
) -> Result<Performed, Stopped> {
    let name = order.holder.full_name();
    let auth = verify(card, PinRole::Authentication, pins)?;
    let authentication = card::request(card, PinRole::Authentication, Some(auth), &name)?;
    let sign = verify(card, PinRole::Signature, pins)?;
    let signature = card::request(card, PinRole::Signature, Some(sign), &name)?;
    let text = order.approval_text(&authentication, &signature);
    let signed = card::sign_text(card, sign, text.as_bytes(), &signer.der, now)?;
    let approval = Box::new(Approval {
        authentication_request: authentication,
        signature_request: signature,
        signed_approval: signed,
    });
    Ok(Performed::Requested { approval, text })
}

/// Writes HCCs in one transaction, and reads them back.
fn write<C: Channel>(
    card: &mut Card<C>,
    certificates: &[(PinRole, Seen)],
    present: &[Seen],
    pins: &Pins,
    kept: &mut Kept,
) -> Result<Performed, Stopped> {
    let written = certificates.iter().map(|(_, seen)| seen);
    let serials = serials(written.clone().chain(present))?;
    if certificates.is_empty() {
        return Ok(Performed::Written(serials));
    }
    verify(card, PinRole::Authentication, pins)?;
    let mut change = Change::new();
    for (role, seen) in certificates {
        change = change.write(card::new_hcc(card, *role, &seen.der)?);
    }
    let _ = card
        .change(&change, &mut *kept.journal)
        .map_err(card::refused)?;
    let on_card = card::certificates(card)?;
    for seen in written {
        if !on_card.iter().any(|slot| slot.der == seen.der) {
            return Err(NotDone::new(
                "Det som lästes tillbaka från kortet är inte det som skrevs.",
                "What was read back from the card is not what was written.",
            )
            .into());
        }
    }
    let on_card: Vec<_> = on_card.iter().filter_map(Seen::in_slot).collect();
    kept.forget_hccs(&on_card);
    Ok(Performed::Written(serials))
}

/// The serial numbers as the portal is told them, each once.
fn serials<'a>(certificates: impl Iterator<Item = &'a Seen>) -> Result<Vec<Serial>, NotDone> {
    let mut serials = Vec::new();
    for seen in certificates {
        let serial = Serial::new(&seen.summary.serial).map_err(|error| {
            NotDone::new(
                "Ett av certifikaten har ett serienummer som inte kan användas.",
                "One of the certificates has a serial number that cannot be used.",
            )
            .detail(&error.to_string())
        })?;
        if !serials.contains(&serial) {
            serials.push(serial);
        }
    }
    Ok(serials)
}

/// Verifies the PIN for `role`.
fn verify<'a, C: Channel>(
    card: &mut Card<C>,
    role: PinRole,
    pins: &'a Pins,
) -> Result<&'a Pin, Stopped> {
    let pin = typed(role, pins)?;
    card.verify(role, pin)
        .map_err(|error| about_pin(role, error))?;
    Ok(pin)
}

fn typed(role: PinRole, pins: &Pins) -> Result<&Pin, Stopped> {
    let pin = match role {
        PinRole::Authentication => &pins.authentication,
        PinRole::Signature => &pins.signature,
    };
    pin.as_ref().ok_or_else(|| Stopped::NoPin {
        role,
        why: "none was typed".to_owned(),
    })
}

fn about_pin(role: PinRole, error: CardError) -> Stopped {
    match error.kind() {
        ErrorKind::PinWrong { tries } => Stopped::WrongPin { role, tries },
        ErrorKind::PinBlocked => NotDone::blocked(role).into(),
        ErrorKind::Invalid => Stopped::NoPin {
            role,
            why: visible(&error.to_string()),
        },
        _ => error.into(),
    }
}
