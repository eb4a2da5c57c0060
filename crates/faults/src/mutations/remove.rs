//! `remove:`: the card is pulled out.

use kortlab_apdu::ChannelError;
use kortlab_apdu::channel::Occasion;

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The card is pulled out; power brings it back, where something gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remove {
    after: bool,
    gone: bool,
}

impl Mutation for Remove {
    const NAME: &'static str = "remove";
    const PARAMETERS: &'static str = "[after=yes]";
    const DOES: &'static str = "the card is pulled out before the command, or after it is done";
    const VECTOR: Vector = Vector::answers(
        "remove:ins=D6",
        &[
            (&[0x00, 0xD6, 0x00, 0x00, 0x01, 0xAA], &[0x90, 0x00], &[]),
            (&[0x00, 0xB0, 0x00, 0x00, 0x00], &[0xAA, 0x90, 0x00], &[]),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            after: parameters.switch("after", "yes")?,
            gone: false,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        if self.after {
            strike.send()?;
        }
        self.gone = true;
        Err(ChannelError::NoCard)
    }

    fn follow(&mut self, _: &[u8]) -> Option<Result<Vec<u8>, ChannelError>> {
        self.gone.then_some(Err(ChannelError::NoCard))
    }

    fn notice(&mut self, occasion: Occasion) {
        self.gone &= occasion == Occasion::PowerOff;
    }
}
