//! `one-byte:`: an answer of one byte.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters, byte};
use crate::{Mutation, Strike, Vector};

/// One byte: too short for a status word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneByte {
    byte: u8,
}

impl Mutation for OneByte {
    const NAME: &'static str = "one-byte";
    const PARAMETERS: &'static str = "[byte=HH]";
    const DOES: &'static str = "the answer is one byte";
    const VECTOR: Vector = Vector::answers(
        "one-byte:ins=B0",
        &[(
            &[0x00, 0xB0, 0x00, 0x00, 0x00],
            &[0xAA, 0xBB, 0x90, 0x00],
            &[0x90],
        )],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            byte: parameters
                .optional("byte", "two hexadecimal digits", byte)?
                .unwrap_or(0x90),
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.raw(|answer| *answer = vec![self.byte])
    }
}
