//! `lost:`: an answer that is lost.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The card does what the command says, and the answer does not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost;

impl Mutation for Lost {
    const NAME: &'static str = "lost";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "the card does the command, and its answer is lost";
    const VECTOR: Vector = Vector::answers(
        "lost:ins=D6,times=1",
        &[
            (&[0x00, 0xD6, 0x00, 0x00, 0x01, 0xAA], &[0x90, 0x00], &[]),
            (
                &[0x00, 0xD6, 0x00, 0x00, 0x01, 0xAA],
                &[0x90, 0x00],
                &[0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(_: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self)
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.send()?;
        Err(ChannelError::Link(
            "the answer was lost, as a fault asks for".to_owned(),
        ))
    }
}
