//! SCardGetAttrib.

use crate::reader::Reader;
use crate::terms::state;
use crate::{Client, Code, Protocols, Refusal};

/// What the vendor's name is said to be.
const VENDOR: &str = "Kortlab";
/// The version of the reader, 0xMMmmbbbb.
const VERSION: u32 = 0x0001_0000;
/// The kind of connection in a channel id: the vendor's own, number 0.
const CHANNEL: u32 = 0x00F0_0000;

impl Client {
    /// The value of an attribute of the reader, or of the card in it. Numbers are in the byte order
    /// of the machine, texts end with a zero.
    ///
    /// # Errors
    /// No such handle or attribute, somebody reset the card, or another handle is in a transaction
    /// ([`Refusal::Held`]).
    pub fn get_attrib(&self, handle: u32, attribute: u32) -> Result<Vec<u8>, Refusal> {
        let reader = self.reader(handle)?;
        self.check_free(&reader, handle)?;
        {
            let sharing = reader.sharing();
            sharing.check_reader()?;
            sharing.check_event_of(handle)?;
        }
        Ok(value(&reader, attribute).ok_or(Code::UNSUPPORTED_FEATURE)?)
    }
}

fn value(reader: &Reader, attribute: u32) -> Option<Vec<u8>> {
    // SCARD_ATTR_MAXINPUT: header, extended lengths and the data. It asks the card, which is never
    // done with the sharing locked.
    if attribute == 0x0007_A007 {
        let slot = reader.slot();
        let most = slot.card.as_ref()?.max_command_data();
        let most = if most > 255 { 4 + 3 + most + 2 } else { 261 };
        return Some(number(u32::try_from(most).unwrap_or(u32::MAX)));
    }
    let sharing = reader.sharing();
    let public = &sharing.public;
    let present = public.state & state::PRESENT != 0;
    Some(match attribute {
        // SCARD_ATTR_VENDOR_NAME
        0x0001_0100 => text(VENDOR),
        // SCARD_ATTR_VENDOR_IFD_TYPE
        0x0001_0101 => text("Virtual reader"),
        // SCARD_ATTR_VENDOR_IFD_VERSION
        0x0001_0102 => number(VERSION),
        // SCARD_ATTR_CHANNEL_ID
        0x0002_0110 => number(CHANNEL),
        // SCARD_ATTR_ICC_PRESENCE: none, or in position
        0x0009_0300 => vec![if present { 2 } else { 0 }],
        // SCARD_ATTR_ICC_INTERFACE_STATUS
        0x0009_0301 => vec![u8::from(public.state & state::POWERED != 0)],
        // SCARD_ATTR_ATR_STRING
        0x0009_0303 => public.atr.clone(),
        // SCARD_ATTR_CURRENT_PROTOCOL_TYPE
        0x0008_0201 if public.protocol != Protocols::UNDEFINED => number(public.protocol.0),
        // SCARD_ATTR_DEVICE_FRIENDLY_NAME, SCARD_ATTR_DEVICE_SYSTEM_NAME
        0x7FFF_0003 | 0x7FFF_0004 => text(&public.name),
        _ => return None,
    })
}

fn text(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

fn number(number: u32) -> Vec<u8> {
    number.to_ne_bytes().to_vec()
}
