//! `flip:`: one bit is another.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Pick, Strike, Vector};

/// One bit of a file, or of the data of an answer, is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flip {
    pick: Pick,
}

impl Mutation for Flip {
    const NAME: &'static str = "flip";
    const PARAMETERS: &'static str = "[at=BIT]";
    const DOES: &'static str = "one bit is another: the BITth from 1, or, with seed=, any";
    const VECTOR: Vector = Vector::answers(
        "flip:ins=CA,at=9",
        &[(
            &[0x00, 0xCA, 0x01, 0x01, 0x00],
            &[0xAA, 0xBB, 0x90, 0x00],
            &[0xAA, 0x3B, 0x90, 0x00],
        )],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            pick: Pick::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            if let Some(bit) = self.pick.of(content.len() * 8) {
                content[bit / 8] ^= 0x80 >> (bit % 8);
            }
        })
    }
}
