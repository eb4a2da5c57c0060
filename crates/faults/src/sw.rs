//! `sw:`: another status word in the place of an answer.

use kortlab_apdu::{Channel, ChannelError, Layer, StatusWord};

use crate::parameters::{FaultError, Parameters, status};
use crate::{Mutation, Vector, Which};

/// The card does what the command says, and a status word alone is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sw {
    which: Which,
    status: StatusWord,
}

impl Mutation for Sw {
    const NAME: &'static str = "sw";
    const PARAMETERS: &'static str = "sw=SW[,ins=INS][,nth=N]";
    const DOES: &'static str = "the answer is this status word, though the card did the command";
    const VECTOR: Vector = Vector {
        text: "sw:ins=B0,sw=6F00,nth=2",
        exchanges: &[
            (&[0, 0xB0, 0, 0, 1], &[0xAA, 0x90, 0], &[0xAA, 0x90, 0]),
            (&[0, 0xA4, 0, 0], &[0x90, 0], &[0x90, 0]),
            (&[0, 0xB0, 0, 0, 1], &[0xAA, 0x90, 0], &[0x6F, 0]),
            (&[0, 0xB0, 0, 0, 1], &[0xAA, 0x90, 0], &[0xAA, 0x90, 0]),
        ],
    };

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            which: Which::from_parameters(parameters)?,
            status: parameters.required(
                "sw",
                "a status word of four hexadecimal digits",
                status,
            )?,
        })
    }
}

impl Layer for Sw {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        let spoilt = self.which.is_next(command);
        let answer = next.transmit(command)?;
        Ok(if spoilt {
            self.status.bytes().to_vec()
        } else {
            answer
        })
    }
}
