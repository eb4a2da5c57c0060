//! `file-id:`: the file of another identifier.

use kortlab_apdu::{ChannelError, Fid};

use crate::fci;
use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The identifier in the control information (83) is another file's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileId {
    to: Fid,
}

impl Mutation for FileId {
    const NAME: &'static str = "file-id";
    const PARAMETERS: &'static str = "to=FID";
    const DOES: &'static str =
        "the answer to SELECT is that of another file: its identifier (83) is this";
    const VECTOR: Vector = Vector::answers(
        "file-id:to=4B01",
        &[(
            &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x44, 0x04],
            &[0x6F, 0x04, 0x83, 0x02, 0x44, 0x04, 0x90, 0x00],
            &[0x6F, 0x04, 0x83, 0x02, 0x4B, 0x01, 0x90, 0x00],
        )],
    );

    const ABOUT: Option<(&'static [u8], &'static str)> = Some(fci::SELECT);

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            to: parameters.required(
                "to",
                "a file identifier of four hexadecimal digits",
                |text| text.parse().ok(),
            )?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.answer(|answer| {
            answer.data = fci::with(&answer.data, &[0x83], |_| self.to.bytes().to_vec());
        })
    }
}
