//! `cut:`: content that ends too early.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters, size};
use crate::{Mutation, Strike, Vector};

/// A file, or the data of an answer, ends at a byte. The status word says that all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    at: usize,
}

impl Mutation for Cut {
    const NAME: &'static str = "cut";
    const PARAMETERS: &'static str = "at=K";
    const DOES: &'static str = "the file, or the data of the answer, ends after K bytes";
    const VECTOR: Vector = Vector::answers(
        "cut:ins=CA,at=2",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0xAA, 0xBB, 0xCC, 0xDD, 0x90, 0x00],
                &[0xAA, 0xBB, 0x90, 0x00],
            ),
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x00],
                &[0xAA, 0xBB, 0xCC, 0x90, 0x00],
                &[0xAA, 0xBB, 0xCC, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            at: parameters.required("at", "a number of bytes, at most 65536", size)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| content.truncate(self.at))
    }
}
