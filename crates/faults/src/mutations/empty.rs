//! `empty:`: a good status word with nothing in front of it.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The status word is the card's, and the data that is due is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Empty;

impl Mutation for Empty {
    const NAME: &'static str = "empty";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "the status word of the answer without its data";
    const VECTOR: Vector = Vector::answers(
        "empty:ins=B0",
        &[
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x00],
                &[0xAA, 0xBB, 0x90, 0x00],
                &[0x90, 0x00],
            ),
            (
                &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x44, 0x04],
                &[0x6F, 0x00, 0x90, 0x00],
                &[0x6F, 0x00, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(_: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self)
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.answer(|answer| answer.data.clear())
    }
}
