//! The PINs of a PIV application, which no directory lists (NIST SP 800-73-4, part 2, §3.2.1).

use kortlab_apdu::{Channel, Command, StatusWord, instruction};
use kortlab_card::CardError;
use kortlab_emulator::image::{HexByte, PinEncoding, PinImage};

use super::notes::{Kind, Notes};
use super::pins::{MAX_TRIES, pin};
use super::walk::{Walk, is_final, select};

/// The beginning of the AID of every PIV application.
const PIV: &[u8] = &[0xA0, 0x00, 0x00, 0x03, 0x08];

/// A PIN that PIV has.
struct Known {
    reference: u8,
    label: &'static str,
    encoding: PinEncoding,
    /// Its fewest characters; the most are 8.
    min_length: u8,
}

/// The PUK that unblocks the application's PIN.
const PUK: u8 = 0x81;
/// The application's PIN.
const APPLICATION_PIN: u8 = 0x80;

const KNOWN: [Known; 3] = [
    Known {
        reference: APPLICATION_PIN,
        label: "PIV Card Application PIN",
        encoding: PinEncoding::AsciiNumeric,
        min_length: 6,
    },
    Known {
        reference: PUK,
        label: "PIN Unblocking Key",
        encoding: PinEncoding::PrintableAscii,
        min_length: 8,
    },
    Known {
        reference: 0x00,
        label: "Global PIN",
        encoding: PinEncoding::AsciiNumeric,
        min_length: 6,
    },
];

/// A PIN that the card has: its reference, and the tries left, unless it is verified.
pub(super) type PivPin = (u8, Option<u8>);

impl<C: Channel> Walk<'_, C> {
    /// Asks the PIV application for the tries of its PINs with a VERIFY without data, which costs
    /// none there. Other applications are not asked: not all keep to it.
    ///
    /// # Errors
    /// Nothing more can be read from the card.
    pub(super) fn piv_pins(&mut self) -> Result<Vec<PivPin>, CardError> {
        let application = self.tree.iter().find(|(place, found)| {
            let aid = place.application.as_ref();
            let is_piv = aid.is_some_and(|aid| aid.starts_with(PIV));
            is_piv && place.below.is_empty() && found.refused.is_none()
        });
        let Some(place) = application.map(|(place, _)| place.clone()) else {
            return Ok(Vec::new());
        };
        let mut pins = Vec::new();
        for known in &KNOWN {
            let reference = known.reference;
            let command = Command::new(instruction::VERIFY, 0x00, reference);
            let doing = format!("ask for the state of the PIN {reference:02X}");
            let answer = self.repeated(|files| {
                select(files, &place)?;
                files.send(&doing, &command)
            });
            let status = match answer {
                Ok(answer) => answer.status(),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    let what = format!("PIN {reference:02X}");
                    self.notes
                        .add(what, Kind::Nonsense, None, error.to_string());
                    continue;
                }
            };
            match status {
                StatusWord::SUCCESS => pins.push((reference, None)),
                StatusWord::BLOCKED => pins.push((reference, Some(0))),
                _ if status.value() & 0xFFF0 == 0x63C0 => {
                    pins.push((reference, Some(status.sw2() & 0x0F)));
                }
                _ => {}
            }
        }
        Ok(pins)
    }
}

/// The PINs for the image, without their values.
pub(super) fn images(pins: &[PivPin], notes: &mut Notes) -> Vec<PinImage> {
    let has_puk = pins.iter().any(|(reference, _)| *reference == PUK);
    let known = KNOWN.iter().filter_map(|known| {
        let mut all = pins.iter();
        let (_, tries) = all.find(|(reference, _)| *reference == known.reference)?;
        Some((known, *tries))
    });
    known
        .map(|(known, tries)| PinImage {
            label: known.label.to_owned(),
            encoding: known.encoding,
            min_length: known.min_length,
            pad: HexByte(0xFF),
            tries_max: tries.unwrap_or(0).clamp(3, MAX_TRIES),
            unblocked_by: (known.reference == APPLICATION_PIN && has_puk).then_some(HexByte(PUK)),
            ..pin(known.reference, tries, notes)
        })
        .collect()
}
