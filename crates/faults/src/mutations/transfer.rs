//! `transfer:`: a transfer that fails.

use kortlab_apdu::ChannelError;
use kortlab_apdu::channel::Occasion;

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The command does not reach the card, and the reader says so: a transfer error. With `ends=reset` the reader does not recover until the card is reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    until_reset: bool,
    stuck: bool,
}

impl Mutation for Transfer {
    const NAME: &'static str = "transfer";
    const PARAMETERS: &'static str = "[ends=reset]";
    const DOES: &'static str = "the command does not reach the card; until a reset, if so asked";
    const VECTOR: Vector = Vector::answers(
        "transfer:times=1",
        &[
            (&[0x00, 0xB0, 0x00, 0x00, 0x00], &[0xAA, 0x90, 0x00], &[]),
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x00],
                &[0xAA, 0x90, 0x00],
                &[0xAA, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            until_reset: parameters.switch("ends", "reset")?,
            stuck: false,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        let _ = strike;
        self.stuck = self.until_reset;
        Err(failed())
    }

    fn follow(&mut self, _: &[u8]) -> Option<Result<Vec<u8>, ChannelError>> {
        self.stuck.then(|| Err(failed()))
    }

    fn notice(&mut self, _: Occasion) {
        self.stuck = false;
    }
}

fn failed() -> ChannelError {
    ChannelError::Link("the transfer failed, as a fault asks for".to_owned())
}
