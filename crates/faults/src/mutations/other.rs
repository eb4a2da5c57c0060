//! `other:`: the answer of another file.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The program gets what the first command with the same instruction got: the content, or the control information, of another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Of each instruction the first answer.
    first: Vec<(u8, Vec<u8>)>,
}

impl Mutation for Other {
    const NAME: &'static str = "other";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "the answer is that of the first command with the same instruction";
    const VECTOR: Vector = Vector::answers(
        "other:ins=CA,from=2",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0xAA, 0x90, 0x00],
                &[0xAA, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x02, 0x02, 0x00],
                &[0xBB, 0x90, 0x00],
                &[0xAA, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(_: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self { first: Vec::new() })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        let ins = strike.command().get(1).copied();
        let first = self.first.iter().find(|(of, _)| Some(*of) == ins);
        let first = first.map(|(_, answer)| answer.clone());
        strike.raw(|answer| *answer = first.unwrap_or_else(|| answer.clone()))
    }

    fn answered(&mut self, command: &[u8], answer: &[u8]) {
        if let Some(&ins) = command.get(1)
            && self.first.iter().all(|(of, _)| *of != ins)
        {
            self.first.push((ins, answer.to_vec()));
        }
    }
}
