//! File control information: what SELECT answers (ISO/IEC 7816-4 §7.4, tables 10 and 11).

use super::{Body, File, Structure};
use kortlab_apdu::tlv::Builder;

/// Which template SELECT answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// FCI, tag 6F.
    Fci,
    /// FCP, tag 62.
    Fcp,
}

/// The template for a file: 81 size, 82 descriptor, 83 FID, 84 DF name, 86 access conditions,
/// 88 SFI, 8A life cycle status, A5 proprietary, in that order.
pub fn control_information(file: &File, template: Template) -> Vec<u8> {
    let tag = match template {
        Template::Fci => 0x6F,
        Template::Fcp => 0x62,
    };
    let objects = Builder::new()
        .primitive(0x81, &size(file).to_be_bytes())
        .primitive(0x82, descriptor(file).as_slice())
        .primitive(0x83, &file.fid.bytes())
        .maybe(file.name(), |objects, name| objects.primitive(0x84, name))
        .maybe(file.access_raw.as_deref(), |objects, access| {
            objects.primitive(0x86, access)
        })
        .maybe(file.sfi, |objects, sfi| match sfi {
            0 => objects.primitive(0x88, &[]),
            sfi => objects.primitive(0x88, &[sfi << 3]),
        })
        .primitive(0x8A, &[file.life_cycle.byte()])
        .maybe(file.proprietary.as_deref(), |objects, value| {
            objects.primitive(0xA5, value)
        })
        .finish();
    kortlab_apdu::tlv::object(tag, &objects)
}

/// The file descriptor byte of a DF.
pub const DF: u8 = 0x38;
/// The file descriptor byte of a key file.
pub const KEY_FILE: u8 = 0x11;
/// The file descriptor byte of a PIN file, which CREATE FILE refuses.
pub const PIN_FILE: u8 = 0x0A;
/// The file descriptor bit that says "shareable".
pub const SHAREABLE: u8 = 0x40;

/// The value of tag 82: the file descriptor byte, then the data coding byte if one was given,
/// and for records their length and number.
fn descriptor(file: &File) -> Vec<u8> {
    let shareable = if file.shareable { SHAREABLE } else { 0 };
    match &file.body {
        Body::Df { .. } => vec![DF],
        Body::Key { .. } => vec![KEY_FILE | shareable],
        Body::Transparent(_) => {
            let mut value = vec![0x01 | shareable];
            value.extend(file.data_coding);
            value
        }
        Body::Records(records) => {
            let structure = match records.structure {
                Structure::LinearFixed => 0x02,
                Structure::LinearVariable => 0x04,
                Structure::Cyclic => 0x06,
            };
            let [length_high, length_low] = records.record_length.to_be_bytes();
            let mut value = vec![
                structure | u8::from(records.tlv) | shareable,
                file.data_coding.unwrap_or(0x21),
                length_high,
                length_low,
            ];
            match records.record_count.to_be_bytes() {
                [0, count] => value.push(count),
                count => value.extend_from_slice(&count),
            }
            value
        }
    }
}

/// The value of tag 81: the bytes an EF may hold; 0 for a DF; the number of bits for a key file
/// whose size was given or that holds a key.
fn size(file: &File) -> u16 {
    let size = match &file.body {
        Body::Df { .. } => 0,
        Body::Transparent(bytes) => bytes.len() as u64,
        Body::Records(records) => u64::from(records.size),
        Body::Key { size, key } => size.map_or_else(
            || key.as_deref().map_or(0, |stored| stored.key.bits() as u64),
            u64::from,
        ),
    };
    u16::try_from(size).unwrap_or(u16::MAX)
}
