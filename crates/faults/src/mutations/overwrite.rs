//! `overwrite:`: bytes that are others.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters, bytes, size};
use crate::{Mutation, Strike, Vector};

/// Bytes of a file, or of the data of an answer, are others: its first byte is 00, its end is erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overwrite {
    offset: usize,
    bytes: Vec<u8>,
}

impl Mutation for Overwrite {
    const NAME: &'static str = "overwrite";
    const PARAMETERS: &'static str = "bytes=HEX[,offset=K]";
    const DOES: &'static str =
        "these bytes stand at offset K (or 0) in the place of the right ones";
    const VECTOR: Vector = Vector::answers(
        "overwrite:bytes=00",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x30, 0x03, 0x02, 0x01, 0x01, 0x90, 0x00],
                &[0x00, 0x03, 0x02, 0x01, 0x01, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x90, 0x00],
                &[0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            offset: parameters
                .optional("offset", "a number of bytes, at most 65536", size)?
                .unwrap_or(0),
            bytes: parameters.required("bytes", "bytes in hexadecimal digits", bytes)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            let places = content.iter_mut().skip(self.offset);
            for (place, byte) in places.zip(&self.bytes) {
                *place = *byte;
            }
        })
    }
}
