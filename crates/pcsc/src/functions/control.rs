//! SCardControl.

use crate::pad::{Feature, PadStatus, enter};
use crate::reader::Reader;
use crate::terms::state;
use crate::{Client, Code, Refusal};

/// The control codes of this reader begin here, as `CM_IOCTL_GET_FEATURE_REQUEST` does.
const CODES: u32 = 0x4200_0000;
/// `CM_IOCTL_GET_FEATURE_REQUEST` (PC/SC part 10 §2.2): which features the reader has.
const GET_FEATURE_REQUEST: u32 = CODES + 3400;
/// The control codes of the features, as this reader numbers them.
const GET_TLV_PROPERTIES: u32 = CODES + 3500;
const VERIFY_PIN_DIRECT: u32 = CODES + 3501;
const MODIFY_PIN_DIRECT: u32 = CODES + 3502;
const IFD_PIN_PROPERTIES: u32 = CODES + 3503;

/// The features by their tags (§2.3): those of every reader, and those of one with a PIN pad.
const FEATURES: [(u8, u32); 1] = [(0x12, GET_TLV_PROPERTIES)];
const PAD_FEATURES: [(u8, u32); 3] = [
    (0x06, VERIFY_PIN_DIRECT),
    (0x07, MODIFY_PIN_DIRECT),
    (0x0A, IFD_PIN_PROPERTIES),
];

/// `dwMaxAPDUDataSize` (§2.6.14): how many bytes of data an APDU takes; 0 if only short ones.
const MAX_APDU_DATA_SIZE: u8 = 0x0A;
/// `bEntryValidationCondition`: as many digits as may be, OK, or the end of the time.
const ENDS: u8 = 0x07;
/// Properties of a PIN pad (§2.6): no display, what ends a PIN, one time for all of it, and how many
/// digits a PIN has.
const PAD_PROPERTIES: [&[u8]; 5] = [
    &[0x01, 2, 0, 0],
    &[0x02, 1, ENDS],
    &[0x03, 1, 0],
    &[0x06, 1, 0],
    &[0x07, 1, crate::pad::MAX_DIGITS],
];
/// `PIN_PROPERTIES_STRUCTURE` (§2.5.1), which says the same: no display, what ends a PIN, one time.
const PIN_PROPERTIES: [u8; 4] = [0, 0, ENDS, 0];

impl Client {
    /// Asks the reader itself: for its features, its properties, and, if it has a PIN pad, to have a
    /// PIN entered and sent to the card. That waits for keys, and for nobody else.
    ///
    /// # Errors
    /// No such handle, no such control code, another handle is in a transaction
    /// ([`Refusal::Held`]), or the card was reset or pulled out.
    pub fn control(&self, handle: u32, code: u32, input: &[u8]) -> Result<Vec<u8>, Refusal> {
        let reader = self.reader(handle)?;
        self.check_free(&reader, handle)?;
        reader.sharing().check_reader()?;
        let pad = reader.pad();
        match (code, &pad) {
            (GET_FEATURE_REQUEST, _) => {
                let own = PAD_FEATURES.iter().filter(|_| pad.is_some());
                let tlv = |(tag, code): &(u8, u32)| {
                    let mut tlv = vec![*tag, 4];
                    tlv.extend_from_slice(&code.to_be_bytes());
                    tlv
                };
                Ok(own.chain(&FEATURES).flat_map(tlv).collect())
            }
            (GET_TLV_PROPERTIES, _) => {
                let mut properties = Vec::new();
                if pad.is_some() {
                    properties.extend(PAD_PROPERTIES.concat());
                }
                properties.extend([MAX_APDU_DATA_SIZE, 4]);
                properties.extend(max_apdu_data_size(&reader).to_le_bytes());
                Ok(properties)
            }
            (IFD_PIN_PROPERTIES, Some(_)) => Ok(PIN_PROPERTIES.to_vec()),
            (VERIFY_PIN_DIRECT | MODIFY_PIN_DIRECT, Some(pad)) => {
                let feature = match code {
                    VERIFY_PIN_DIRECT => Feature::Verify,
                    _ => Feature::Modify,
                };
                self.check_card(&reader, handle)?;
                let gone = || self.check_card(&reader, handle).is_err();
                let command = enter(pad, feature, input, gone);
                self.check_card(&reader, handle)?;
                match command {
                    Ok(command) => {
                        let protocol = reader.sharing().public.protocol;
                        self.transmit(handle, protocol, &command)
                    }
                    Err(status) => Ok(PadStatus::bytes(status).to_vec()),
                }
            }
            _ => Err(Code::UNSUPPORTED_FEATURE.into()),
        }
    }

    /// Refuses a handle whose card is not there any more, or was reset.
    fn check_card(&self, reader: &Reader, handle: u32) -> Result<(), Code> {
        let sharing = reader.sharing();
        sharing.check_reader()?;
        sharing.check_event_of(handle)?;
        match sharing.public.state & state::PRESENT {
            0 => Err(Code::NO_SMARTCARD),
            _ => Ok(()),
        }
    }
}

fn max_apdu_data_size(reader: &Reader) -> u32 {
    let most = reader.slot().card.as_ref().map_or(0, |card| {
        // 255 or less means: short APDUs only.
        let most = card.max_command_data();
        if most > 255 { most } else { 0 }
    });
    u32::try_from(most).unwrap_or(u32::MAX)
}
