//! `df-name:`: a DF with a name that is too long.

use kortlab_apdu::ChannelError;

use crate::fci;
use crate::parameters::{FaultError, Parameters, size};
use crate::{Mutation, Strike, Vector};

/// The name of a DF (84, ISO/IEC 7816-4 §8.2.1.2: at most 16 bytes) has this length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DfName {
    length: usize,
}

impl Mutation for DfName {
    const NAME: &'static str = "df-name";
    const PARAMETERS: &'static str = "[length=N]";
    const DOES: &'static str = "the name of a DF in the answer to SELECT has N (or 17) bytes";
    const VECTOR: Vector = Vector::answers(
        "df-name:length=3",
        &[(
            &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x44, 0x04],
            &[0x6F, 0x04, 0x84, 0x02, 0xA0, 0x00, 0x90, 0x00],
            &[0x6F, 0x05, 0x84, 0x03, 0xA0, 0x00, 0x00, 0x90, 0x00],
        )],
    );

    const ABOUT: Option<(&'static [u8], &'static str)> = Some(fci::SELECT);

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            length: parameters
                .optional("length", "a number of bytes, at most 65536", size)?
                .unwrap_or(17),
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.answer(|answer| {
            answer.data = fci::with(&answer.data, &[0x84], |value| {
                let mut name = value.to_vec();
                name.resize(self.length, name.last().copied().unwrap_or(0));
                name
            });
        })
    }
}
