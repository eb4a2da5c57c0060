//! `nothing:`: an answer without a byte.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// Not even a status word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nothing;

impl Mutation for Nothing {
    const NAME: &'static str = "nothing";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "the answer has no bytes, not even a status word";
    const VECTOR: Vector = Vector::answers(
        "nothing:ins=B0",
        &[(
            &[0x00, 0xB0, 0x00, 0x00, 0x00],
            &[0xAA, 0xBB, 0x90, 0x00],
            &[],
        )],
    );

    fn from_parameters(_: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self)
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.raw(Vec::clear)
    }
}
