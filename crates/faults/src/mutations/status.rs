//! `status:`: another status word behind the data.

use kortlab_apdu::{ChannelError, StatusWord};

use crate::parameters::{FaultError, Parameters, status};
use crate::{Mutation, Strike, Vector};

/// The data stays, and the status word behind it is another: a warning after SELECT, for example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    status: StatusWord,
}

impl Mutation for Status {
    const NAME: &'static str = "status";
    const PARAMETERS: &'static str = "sw=SW";
    const DOES: &'static str = "the data stays, and the status word behind it is this one";
    const VECTOR: Vector = Vector::answers(
        "status:ins=A4,sw=6283",
        &[
            (
                &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x44, 0x04],
                &[0x6F, 0x00, 0x90, 0x00],
                &[0x6F, 0x00, 0x62, 0x83],
            ),
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x00],
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
        strike.answer(|answer| answer.status = self.status)
    }
}
