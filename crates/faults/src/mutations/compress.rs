//! `compress:`: a certificate that is compressed.

use kortlab_apdu::ChannelError;

use crate::objects::{Objects, any};
use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The most bytes in a stored block (RFC 1951 §3.2.4).
const MAX_BLOCK: usize = 65_535;

/// A data object is in a zlib stream (RFC 1950, with stored blocks), as some cards keep certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compress {
    objects: Objects,
}

impl Mutation for Compress {
    const NAME: &'static str = "compress";
    const PARAMETERS: &'static str = "[tag=TAG][,at=N]";
    const DOES: &'static str = "a data object is in a zlib stream, as some cards keep certificates";
    const VECTOR: Vector = Vector::answers(
        "compress:ins=CA",
        &[(
            &[0x00, 0xCA, 0x01, 0x01, 0x00],
            &[0x04, 0x03, 0x61, 0x62, 0x63, 0x90, 0x00],
            &[
                0x78, 0x01, 0x01, 0x05, 0x00, 0xFA, 0xFF, 0x04, 0x03, 0x61, 0x62, 0x63, 0x02, 0x6F,
                0x01, 0x2E, 0x90, 0x00,
            ],
        )],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            self.objects
                .replace(content, any, |node, bytes| zlib(node.raw(bytes)))
        })
    }
}

/// A zlib stream of stored blocks.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = bytes.len().div_ceil(MAX_BLOCK).max(1);
    for (number, block) in bytes.chunks(MAX_BLOCK).enumerate() {
        let length = block.len() as u16;
        stream.push(u8::from(number + 1 == blocks));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    stream.extend(((high << 16) | low).to_be_bytes());
    stream
}
