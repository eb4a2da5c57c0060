//! `garbage:`: an answer that is noise.

use kortlab_apdu::{ChannelError, StatusWord};

use crate::parameters::{FaultError, Parameters, size};
use crate::{Dice, Mutation, Strike, Vector};

/// Noise of this length, and a good status word behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbage {
    count: usize,
    dice: Dice,
}

impl Mutation for Garbage {
    const NAME: &'static str = "garbage";
    const PARAMETERS: &'static str = "count=N";
    const DOES: &'static str = "N bytes of noise, and 9000 behind them";
    const VECTOR: Vector = Vector::answers(
        "garbage:count=4,seed=7",
        &[(
            &[0x00, 0xB0, 0x00, 0x00, 0x00],
            &[0xAA, 0xBB, 0xCC, 0xDD, 0x90, 0x00],
            &[0xBB, 0x43, 0xD7, 0x23, 0x90, 0x00],
        )],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            count: parameters.required("count", "a number of bytes, at most 65536", size)?,
            dice: parameters.any_dice(),
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        let noise = self.dice.bytes(self.count);
        strike.answer(|answer| {
            answer.data = noise;
            answer.status = StatusWord::SUCCESS;
        })
    }
}
