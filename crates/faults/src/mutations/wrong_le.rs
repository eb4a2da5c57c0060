//! `wrong-le:`: a length that is never right.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// Whatever Le is asked for, the card wants another (6Cxx), for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongLe;

impl Mutation for WrongLe {
    const NAME: &'static str = "wrong-le";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "6Cxx, with another length than the one that was asked for";
    const VECTOR: Vector = Vector::answers(
        "wrong-le:ins=B0",
        &[
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x10],
                &[0xAA, 0x90, 0x00],
                &[0x6C, 0x11],
            ),
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x11],
                &[0xAA, 0x90, 0x00],
                &[0x6C, 0x12],
            ),
        ],
    );

    fn from_parameters(_: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self)
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        let le = strike.command().last().copied().unwrap_or(0);
        strike.raw(|answer| *answer = vec![0x6C, le.wrapping_add(1).max(1)])
    }
}
