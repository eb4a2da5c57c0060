//! `truncate:`: an answer that ends too early.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters, size};
use crate::{Mutation, Strike, Vector};

/// The answer ends at a byte; what follows, the status word with it, is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truncate {
    at: usize,
}

impl Mutation for Truncate {
    const NAME: &'static str = "truncate";
    const PARAMETERS: &'static str = "at=K";
    const DOES: &'static str = "the answer ends after K bytes, its status word lost";
    const VECTOR: Vector = Vector::answers(
        "truncate:at=3",
        &[
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x00],
                &[0xAA, 0xBB, 0xCC, 0xDD, 0x90, 0x00],
                &[0xAA, 0xBB, 0xCC],
            ),
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x00],
                &[0xAA, 0x90, 0x00],
                &[0xAA, 0x90, 0x00],
            ),
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x00],
                &[0x90, 0x00],
                &[0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            at: parameters.required("at", "a number of bytes, at most 65536", size)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.raw(|answer| answer.truncate(self.at))
    }
}
