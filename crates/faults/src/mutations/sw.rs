//! `sw:`: another status word in the place of an answer.

use kortlab_apdu::{ChannelError, StatusWord};

use crate::parameters::{FaultError, Parameters, status};
use crate::{Mutation, Strike, Vector};

/// The card does what the command says, and a status word alone is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sw {
    status: StatusWord,
}

impl Mutation for Sw {
    const NAME: &'static str = "sw";
    const PARAMETERS: &'static str = "sw=SW";
    const DOES: &'static str = "a status word alone is answered, though the card did the command";
    const VECTOR: Vector = Vector::answers(
        "sw:ins=B0,sw=6F00,nth=2",
        &[
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x01],
                &[0xAA, 0x90, 0x00],
                &[0xAA, 0x90, 0x00],
            ),
            (&[0x00, 0xA4, 0x00, 0x00], &[0x90, 0x00], &[0x90, 0x00]),
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x01],
                &[0xAA, 0x90, 0x00],
                &[0x6F, 0x00],
            ),
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x01],
                &[0xAA, 0x90, 0x00],
                &[0xAA, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            status: parameters.required(
                "sw",
                "a status word of four hexadecimal digits",
                status,
            )?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.raw(|answer| *answer = self.status.bytes().to_vec())
    }
}
