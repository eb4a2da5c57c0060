//! `stale:`: the answer of the command before.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The program gets the answer that it got last, in the place of this one's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    last: Option<Vec<u8>>,
}

impl Mutation for Stale {
    const NAME: &'static str = "stale";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "the answer is that of the command before";
    const VECTOR: Vector = Vector::answers(
        "stale:ins=B0",
        &[
            (
                &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x44, 0x04],
                &[0x6F, 0x00, 0x90, 0x00],
                &[0x6F, 0x00, 0x90, 0x00],
            ),
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x00],
                &[0xAA, 0x90, 0x00],
                &[0x6F, 0x00, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(_: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self { last: None })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        let last = self.last.clone();
        strike.raw(|answer| *answer = last.unwrap_or_else(|| answer.clone()))
    }

    fn answered(&mut self, _: &[u8], answer: &[u8]) {
        self.last = Some(answer.to_vec());
    }
}
