//! `announced:`: an announcement that lies.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters, change};
use crate::{Mutation, Strike, Vector};

/// The number of bytes that 61xx announces is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    by: i64,
}

impl Mutation for Announced {
    const NAME: &'static str = "announced";
    const PARAMETERS: &'static str = "by=±N";
    const DOES: &'static str = "61xx announces N bytes more or less than there are";
    const VECTOR: Vector = Vector::answers(
        "announced:by=2",
        &[
            (
                &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x44, 0x04],
                &[0x61, 0x10],
                &[0x61, 0x12],
            ),
            (
                &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x44, 0x04],
                &[0x90, 0x00],
                &[0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            by: parameters.required("by", "a number with its sign", change)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.raw(|answer| {
            if let [0x61, count] = answer.as_mut_slice() {
                *count = (i64::from(*count) + self.by).rem_euclid(256) as u8;
            }
        })
    }
}
