//! The PINs of a card for its image: all but their values.

use kortlab_apdu::{Channel, StatusWord};
use kortlab_card::dialect::{Dialect as _, Eid};
use kortlab_card::pin::PinCoding;
use kortlab_card::{CardError, FoundPin, PinPurpose, PinState, WhyUnknown};
use kortlab_emulator::Application as _;
use kortlab_emulator::applications::eid;
use kortlab_emulator::image::{HexByte, PinEncoding, PinImage, SecretText};

use super::Reading;
use super::notes::{Kind, Notes};
use super::tree::Place;
use super::walk::{is_final, select};

/// The most bytes that a PIN is stored in, in an image.
const MAX_STORED: u32 = 64;
/// What is assumed of a PIN whose tries the card does not tell.
const ASSUMED_TRIES: u8 = 3;
/// The most tries in an image.
pub(super) const MAX_TRIES: u8 = 15;

impl<C: Channel> Reading<'_, C> {
    /// Asks for the tries of the PINs that access conditions name and the AODF does not list, where
    /// the card's OS tells without costing one. Only the EID applet's conditions are read.
    pub(super) fn extra_pins(&mut self) -> Result<(), CardError> {
        if !self.is_eid() {
            return Ok(());
        }
        let (named, perhaps) = (self.references(), self.perhaps());
        for &reference in named.iter().chain(&perhaps) {
            let is_new = self.extra_pins.iter().all(|(known, _)| *known != reference);
            if !is_new {
                continue;
            }
            let tries = self.tries_left(reference)?;
            // What a directory lists beside its files may be on no card; what access conditions name
            // an image must have.
            if tries.is_ok() || named.contains(&reference) {
                if let Err(Some(status)) = tries {
                    differs(reference, status, &mut self.walk.notes);
                }
                self.extra_pins.push((reference, tries.ok()));
            }
        }
        Ok(())
    }

    /// The PINs that access conditions name and the AODF does not list, each with its tries as far
    /// as the card was asked.
    pub(super) fn all_extra_pins(&self) -> Vec<(u8, Option<u8>)> {
        let asked = |reference: &u8| self.extra_pins.iter().find(|(known, _)| known == reference);
        if !self.is_eid() {
            return Vec::new();
        }
        let unasked = self
            .references()
            .into_iter()
            .filter(|one| asked(one).is_none());
        let unasked = unasked.map(|reference| (reference, None));
        self.extra_pins.iter().copied().chain(unasked).collect()
    }

    /// The references of PINs in the proprietary information of DFs (tag C1 in A5), which the AODF
    /// does not list.
    fn perhaps(&self) -> Vec<u8> {
        let files = self.walk.tree.iter();
        let references = files.flat_map(|(_, found)| Eid.pin_references(&found.info));
        self.unlisted(references.collect())
    }

    /// The references of PINs in access conditions that the AODF does not list.
    fn references(&self) -> Vec<u8> {
        self.unlisted(self.in_conditions())
    }

    /// The references of PINs in access conditions, as far as these are understood; an image must
    /// have each.
    pub(super) fn in_conditions(&self) -> Vec<u8> {
        let mut references: Vec<u8> = Vec::new();
        if !self.is_eid() {
            return references;
        }
        for (_, found) in self.walk.tree.iter() {
            let fcp = found.info.fcp.as_ref();
            let raw = fcp.and_then(|fcp| fcp.security.as_deref());
            let access = raw.and_then(|raw| eid::APPLICATION.access(raw).ok());
            references.extend(access.iter().flat_map(|access| access.pins()));
        }
        references
    }

    /// Those that the AODF does not list, each once.
    fn unlisted(&self, mut references: Vec<u8>) -> Vec<u8> {
        references.sort_unstable();
        references.dedup();
        let listed: Vec<_> = self
            .listed
            .pins
            .iter()
            .map(|found| found.pin.p2())
            .collect();
        references.retain(|&reference| !listed.contains(&Some(reference)));
        references
    }

    /// The tries that are left of a PIN, or the status word with which the card answers otherwise.
    fn tries_left(&mut self, reference: u8) -> Result<Result<u8, Option<StatusWord>>, CardError> {
        let command = self.dialect.pin_status(reference);
        let doing = format!("ask for the state of the PIN {reference:02X}");
        let answer = self.walk.repeated(|files| {
            select(files, &Place::of_path(&kortlab_apdu::FilePath::MASTER_FILE))?;
            files.send(&doing, &command)
        });
        match answer {
            Ok(answer) => Ok(match answer.status() {
                StatusWord::BLOCKED => Ok(0),
                StatusWord::SUCCESS => Err(None),
                status if status.value() & 0xFFF0 == 0x63C0 => Ok(status.sw2() & 0x0F),
                status => Err(Some(status)),
            }),
            Err(error) if is_final(&error) => Err(error),
            Err(error) => {
                let what = format!("PIN {reference:02X}");
                let notes = &mut self.walk.notes;
                notes.add(what, Kind::Nonsense, None, error.to_string());
                Ok(Err(None))
            }
        }
    }
}

/// The PINs of the image, without those that EF(AODF) lists and the card says it has not; `needed` are
/// those that an image must have all the same, for its access conditions. Their values are in no image that was read from a card.
pub(super) fn images(
    listed: &[FoundPin],
    extra: &[(u8, Option<u8>)],
    needed: &[u8],
    is_eid: bool,
    notes: &mut Notes,
) -> Vec<PinImage> {
    let mut images: Vec<PinImage> = Vec::new();
    for found in listed {
        let Some(reference) = found
            .pin
            .p2()
            .filter(|&reference| may_be(reference, is_eid))
        else {
            let what = format!("PIN {}", found.pin.reference);
            let why = "an image has no place for a PIN of this reference";
            notes.add(what, Kind::NoPlace, None, why);
            continue;
        };
        if images.iter().any(|image| image.reference.0 == reference) {
            continue;
        }
        let tries = match found.state {
            PinState::TriesLeft(tries) => Some(tries),
            PinState::Blocked => Some(0),
            PinState::Verified => Some(ASSUMED_TRIES),
            PinState::Unknown(WhyUnknown::Refused(StatusWord::REFERENCE_NOT_FOUND))
                if !needed.contains(&reference) =>
            {
                let why = "EF(AODF) lists it, and the card has no PIN of this reference; nor has the \
                           copy";
                let status = Some(StatusWord::REFERENCE_NOT_FOUND);
                let what = format!("PIN {reference:02X}");
                notes.add(what, Kind::Refused, status, why);
                continue;
            }
            PinState::Unknown(WhyUnknown::Refused(status) | WhyUnknown::NotTold(status)) => {
                differs(reference, status, notes);
                None
            }
            PinState::Unknown(_) => None,
        };
        let label = found.pin.label.clone().unwrap_or_default();
        let format = &found.pin.format;
        let stored = format.stored_length.clamp(1, MAX_STORED);
        let max = format.max_length.unwrap_or(stored).clamp(1, stored);
        let min = format.min_length.clamp(1, max);
        let encoding = match format.coding {
            PinCoding::AsciiNumeric => PinEncoding::AsciiNumeric,
            _ => PinEncoding::PrintableAscii,
        };
        if format.coding != PinCoding::AsciiNumeric {
            let why = "an image codes PINs in ASCII alone; this one is coded otherwise";
            notes.add(format!("PIN {reference:02X}"), Kind::Assumed, None, why);
        }
        let byte = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
        let image = PinImage {
            label: cut(label),
            encoding,
            min_length: byte(min),
            max_length: byte(max),
            stored_length: byte(stored),
            pad: HexByte(format.pad.unwrap_or(0xFF)),
            unblocked_by: None,
            ..pin(reference, tries, notes)
        };
        images.push(sound(image));
    }
    for &(reference, tries) in extra {
        if may_be(reference, is_eid) && images.iter().all(|image| image.reference.0 != reference) {
            images.push(pin(reference, tries, notes));
        }
    }
    unblocking(listed, &mut images);
    images
}

/// Notes that the copy tells how many tries are left where the card answered otherwise.
fn differs(reference: u8, status: StatusWord, notes: &mut Notes) {
    let why = format!(
        "the card answers {status} ({}) to the question how many tries are left; the copy tells a \
         number (63Cx)",
        status.meaning()
    );
    notes.add(
        format!("PIN {reference:02X}"),
        Kind::Differs,
        Some(status),
        why,
    );
}

/// A PIN of which only the reference and perhaps the tries are known.
pub(super) fn pin(reference: u8, tries: Option<u8>, notes: &mut Notes) -> PinImage {
    let what = format!("PIN {reference:02X}");
    let why = "its value never leaves the card: the copy takes none for it until `value` says one";
    notes.add(&what, Kind::Secret, None, why);
    if tries.is_none() {
        let why =
            format!("the card does not tell how many tries are left; {ASSUMED_TRIES} are assumed");
        notes.add(&what, Kind::Assumed, None, why);
    }
    let tries = tries.unwrap_or(ASSUMED_TRIES).min(MAX_TRIES);
    PinImage {
        value: SecretText::default(),
        pad: HexByte(0x00),
        tries_left: tries,
        tries_max: tries.max(ASSUMED_TRIES),
        ..PinImage::digits(reference, String::new(), "")
    }
}

/// Which PUK unblocks which PIN, as far as the AODF tells.
fn unblocking(listed: &[FoundPin], images: &mut [PinImage]) {
    let puks = listed
        .iter()
        .filter(|found| found.pin.purpose == PinPurpose::Unblocking);
    let puks: Vec<_> = puks
        .map(|found| (found.pin.auth_id.clone(), found.pin.p2()))
        .collect();
    let known: Vec<u8> = images.iter().map(|image| image.reference.0).collect();
    for found in listed {
        let puk = found.pin.unblocked_by.as_ref();
        let puk = puk.and_then(|id| puks.iter().find(|(known, _)| known == id)?.1);
        let image = images
            .iter_mut()
            .find(|image| Some(image.reference.0) == found.pin.p2());
        if let (Some(image), Some(puk)) = (image, puk)
            && known.contains(&puk)
            && puk != image.reference.0
        {
            image.unblocked_by = Some(HexByte(puk));
        }
    }
}

/// Whether an image may have a PIN of this reference.
fn may_be(reference: u8, is_eid: bool) -> bool {
    let application: &dyn kortlab_emulator::Application = match is_eid {
        true => &eid::APPLICATION,
        false => &kortlab_emulator::applications::iso::APPLICATION,
    };
    application.has_pin_reference(reference)
}

/// The same PIN with a padding that its coding allows.
fn sound(mut image: PinImage) -> PinImage {
    if image.encoding.allows(image.pad.0) && image.min_length != image.stored_length {
        image.pad = HexByte(0x00);
    }
    image
}

/// A label that an image has room for.
fn cut(mut label: String) -> String {
    const MAX: usize = 256;
    if label.len() > MAX {
        let mut end = MAX;
        while !label.is_char_boundary(end) {
            end -= 1;
        }
        label.truncate(end);
    }
    label
}
