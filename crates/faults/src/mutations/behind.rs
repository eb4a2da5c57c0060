//! `behind:`: content with bytes behind it.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters, bytes};
use crate::{Mutation, Strike, Vector};

/// Bytes stand behind a file, or the data of an answer, that are none of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    bytes: Vec<u8>,
}

impl Mutation for Behind {
    const NAME: &'static str = "behind";
    const PARAMETERS: &'static str = "bytes=HEX";
    const DOES: &'static str = "these bytes stand behind the file, or the data of the answer";
    const VECTOR: Vector = Vector::answers(
        "behind:bytes=DEAD",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0xAA, 0xBB, 0x90, 0x00],
                &[0xAA, 0xBB, 0xDE, 0xAD, 0x90, 0x00],
            ),
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x00],
                &[0x6A, 0x82],
                &[0x6A, 0x82],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            bytes: parameters.required("bytes", "bytes in hexadecimal digits", bytes)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| content.extend_from_slice(&self.bytes))
    }
}
