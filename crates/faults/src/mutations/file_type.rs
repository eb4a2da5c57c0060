//! `file-type:`: a file of another kind.

use kortlab_apdu::ChannelError;

use crate::fci;
use crate::parameters::{FaultError, Parameters, byte};
use crate::{Mutation, Strike, Vector};

/// The descriptor of the file (82, ISO/IEC 7816-4 table 12) is another: records where bytes are expected, a DF where an EF is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileType {
    to: u8,
}

impl Mutation for FileType {
    const NAME: &'static str = "file-type";
    const PARAMETERS: &'static str = "[to=HH]";
    const DOES: &'static str = "the file in the answer to SELECT is of another kind: records (02)";
    const VECTOR: Vector = Vector::answers(
        "file-type:to=38",
        &[(
            &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x44, 0x04],
            &[0x6F, 0x03, 0x82, 0x01, 0x01, 0x90, 0x00],
            &[0x6F, 0x03, 0x82, 0x01, 0x38, 0x90, 0x00],
        )],
    );

    const ABOUT: Option<(&'static [u8], &'static str)> = Some(fci::SELECT);

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            to: parameters
                .optional("to", "two hexadecimal digits", byte)?
                .unwrap_or(0x02),
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.answer(|answer| {
            answer.data = fci::with(&answer.data, &[0x82], |value| {
                [&[self.to], value.get(1..).unwrap_or_default()].concat()
            });
        })
    }
}
