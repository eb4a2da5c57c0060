//! `more-empty:`: more is announced, and nothing comes.

use kortlab_apdu::{ChannelError, StatusWord, instruction};

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The answer says that data is waiting (61xx), and GET RESPONSE brings none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoreEmpty {
    announced: bool,
}

impl Mutation for MoreEmpty {
    const NAME: &'static str = "more-empty";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "61xx, and then a GET RESPONSE that brings nothing";
    const VECTOR: Vector = Vector::answers(
        "more-empty:ins=A4",
        &[
            (
                &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x44, 0x04],
                &[0x6F, 0x00, 0x90, 0x00],
                &[0x61, 0x10],
            ),
            (
                &[0x00, 0xC0, 0x00, 0x00, 0x10],
                &[0x6D, 0x00],
                &[0x90, 0x00],
            ),
            (
                &[0x00, 0xC0, 0x00, 0x00, 0x10],
                &[0x6D, 0x00],
                &[0x6D, 0x00],
            ),
        ],
    );

    fn from_parameters(_: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self { announced: false })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.send()?;
        self.announced = true;
        Ok(StatusWord::bytes_available(16).bytes().to_vec())
    }

    fn follow(&mut self, command: &[u8]) -> Option<Result<Vec<u8>, ChannelError>> {
        let announced = std::mem::take(&mut self.announced);
        (announced && command.get(1) == Some(&instruction::GET_RESPONSE))
            .then(|| Ok(StatusWord::SUCCESS.bytes().to_vec()))
    }
}
