//! `counter:`: a counter that lies.

use kortlab_apdu::ChannelError;

use crate::number::Change;
use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The most tries that 63Cx can tell.
const MOST: u8 = 0x0F;

/// The tries left (63Cx) are others than the card counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    tries: Change,
}

impl Mutation for Counter {
    const NAME: &'static str = "counter";
    const PARAMETERS: &'static str = "to=N|by=±N";
    const DOES: &'static str =
        "the tries left (63Cx) are N, or N more or less, than the card counts";
    const VECTOR: Vector = Vector::answers(
        "counter:by=1",
        &[
            (
                &[0x00, 0x20, 0x00, 0x81, 0x01, 0x31],
                &[0x63, 0xC2],
                &[0x63, 0xC3],
            ),
            (&[0x00, 0x20, 0x00, 0x81], &[0x63, 0xCF], &[0x63, 0xCF]),
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x00],
                &[0xAA, 0x90, 0x00],
                &[0xAA, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            tries: Change::from_parameters(parameters, MOST.into())?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.raw(|answer| {
            if let [.., 0x63, low @ 0xC0..=0xCF] = answer.as_mut_slice() {
                let tries = self.tries.of(i64::from(*low & MOST)).min(MOST.into());
                *low = 0xC0 | u8::try_from(tries).unwrap_or(MOST);
            }
        })
    }
}
