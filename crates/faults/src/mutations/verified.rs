//! `verified:`: a PIN that another has verified.

use kortlab_apdu::{ChannelError, StatusWord, instruction};

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// VERIFY without data says that no PIN is needed, as it does when another program has verified it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified;

impl Mutation for Verified {
    const NAME: &'static str = "verified";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "VERIFY without data says that the PIN is verified";
    const VECTOR: Vector = Vector::answers(
        "verified:ins=20",
        &[
            (&[0x00, 0x20, 0x00, 0x81], &[0x63, 0xC3], &[0x90, 0x00]),
            (
                &[0x00, 0x20, 0x00, 0x81, 0x01, 0x31],
                &[0x63, 0xC2],
                &[0x63, 0xC2],
            ),
        ],
    );

    const ABOUT: Option<(&'static [u8], &'static str)> =
        Some((&[instruction::VERIFY], "VERIFY (20)"));

    fn from_parameters(_: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self)
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        let asks =
            strike.command().len() <= 5 && strike.command().get(1) == Some(&instruction::VERIFY);
        strike.raw(|answer| {
            if asks {
                *answer = StatusWord::SUCCESS.bytes().to_vec();
            }
        })
    }
}
