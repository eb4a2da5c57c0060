//! `file-size:`: a size that is not the file's.

use kortlab_apdu::ChannelError;

use crate::fci;
use crate::number::Change;
use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The size of the file in its control information (80 or 81, ISO/IEC 7816-4 table 10) is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSize {
    size: Change,
}

impl Mutation for FileSize {
    const NAME: &'static str = "file-size";
    const PARAMETERS: &'static str = "to=N|by=±N";
    const DOES: &'static str = "the file size in the answer to SELECT is N, or N more or less";
    const VECTOR: Vector = Vector::answers(
        "file-size:to=0",
        &[
            (
                &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x44, 0x04],
                &[0x6F, 0x04, 0x80, 0x02, 0x01, 0x23, 0x90, 0x00],
                &[0x6F, 0x04, 0x80, 0x02, 0x00, 0x00, 0x90, 0x00],
            ),
            (
                &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x44, 0x04],
                &[0x90, 0x00],
                &[0x90, 0x00],
            ),
        ],
    );

    const ABOUT: Option<(&'static [u8], &'static str)> = Some(fci::SELECT);

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            size: Change::from_parameters(parameters, u32::MAX.into())?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.answer(|answer| {
            answer.data = fci::with(&answer.data, &[0x80, 0x81], |value| {
                fci::resized(value, &self.size)
            });
        })
    }
}
