//! `accept:`: a refusal that is told as success.

use kortlab_apdu::{ChannelError, StatusWord};

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The card refuses, and the answer says that it has done what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept;

impl Mutation for Accept {
    const NAME: &'static str = "accept";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "whatever the card refuses is told as done (9000)";
    const VECTOR: Vector = Vector::answers(
        "accept:ins=20",
        &[
            (
                &[0x00, 0x20, 0x00, 0x81, 0x01, 0x31],
                &[0x63, 0xC2],
                &[0x90, 0x00],
            ),
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x00],
                &[0xAA, 0x90, 0x00],
                &[0xAA, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(_: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self)
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.raw(|answer| {
            if let [0x62..=0x6F, _] = answer.as_slice() {
                *answer = StatusWord::SUCCESS.bytes().to_vec();
            }
        })
    }
}
