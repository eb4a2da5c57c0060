//! `reset:`: the card is reset by another.

use kortlab_apdu::{ChannelError, ResetKind};

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The card is reset before the command: what was selected and verified is lost. The program is told, as PC/SC tells it, or, with `told=no`, is not, as when a card resets itself in the middle of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    told: bool,
}

impl Mutation for Reset {
    const NAME: &'static str = "reset";
    const PARAMETERS: &'static str = "[told=no]";
    const DOES: &'static str = "another program resets the card; with told=no nobody says so";
    const VECTOR: Vector = Vector::answers(
        "reset:nth=1",
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
            told: !parameters.switch("told", "no")?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.card().reset(ResetKind::Warm)?;
        if self.told {
            return Err(ChannelError::WasReset);
        }
        strike.send()
    }
}
