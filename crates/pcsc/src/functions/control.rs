//! SCardControl.

use crate::{Client, Code, Refusal};

/// `CM_IOCTL_GET_FEATURE_REQUEST` (PC/SC part 10 §2.2): which features the reader has.
const GET_FEATURE_REQUEST: u32 = 0x4200_0000 + 3400;
/// The control code of the feature "properties", as this reader numbers it.
const GET_TLV_PROPERTIES: u32 = 0x4200_0000 + 3500;
/// The tag of that feature (§2.3).
const FEATURE_GET_TLV_PROPERTIES: u8 = 0x12;
/// `dwMaxAPDUDataSize` (§2.6.14): how many bytes of data an APDU takes; 0 if only short ones.
const MAX_APDU_DATA_SIZE: u8 = 0x0A;

impl Client {
    /// Asks the reader itself. It has a list of features, with the properties alone in it, and
    /// these properties.
    ///
    /// # Errors
    /// No such handle, no such control code, or another handle is in a transaction
    /// ([`Refusal::Held`]).
    pub fn control(&self, handle: u32, code: u32, _input: &[u8]) -> Result<Vec<u8>, Refusal> {
        let reader = self.reader(handle)?;
        self.check_free(&reader, handle)?;
        reader.sharing().check_reader()?;
        match code {
            GET_FEATURE_REQUEST => {
                let mut features = vec![FEATURE_GET_TLV_PROPERTIES, 4];
                features.extend_from_slice(&GET_TLV_PROPERTIES.to_be_bytes());
                Ok(features)
            }
            GET_TLV_PROPERTIES => {
                let most = reader.slot().card.as_ref().map_or(0, |card| {
                    // 255 or less means: short APDUs only.
                    let most = card.max_command_data();
                    if most > 255 { most } else { 0 }
                });
                let most = u32::try_from(most).unwrap_or(u32::MAX);
                let mut properties = vec![MAX_APDU_DATA_SIZE, 4];
                properties.extend_from_slice(&most.to_le_bytes());
                Ok(properties)
            }
            _ => Err(Code::UNSUPPORTED_FEATURE.into()),
        }
    }
}
