//! `resize:`: a value longer or shorter than it should be.

use kortlab_apdu::ChannelError;

use crate::objects::{Objects, any};
use crate::parameters::{FaultError, Parameters, change};
use crate::{Mutation, Strike, Vector};

/// The value of a primitive object is longer (its last byte is repeated) or shorter, and all lengths say so: a serial number that does not fit its field, a modulus longer than a buffer, a path over 16 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resize {
    by: i64,
    objects: Objects,
}

impl Mutation for Resize {
    const NAME: &'static str = "resize";
    const PARAMETERS: &'static str = "by=±N[,tag=TAG][,at=N]";
    const DOES: &'static str = "the value of an object is N bytes longer or shorter, consistently";
    const VECTOR: Vector = Vector::answers(
        "resize:by=2,tag=04",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x30, 0x03, 0x04, 0x01, 0xAA, 0x90, 0x00],
                &[0x30, 0x05, 0x04, 0x03, 0xAA, 0xAA, 0xAA, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x04, 0x00, 0x90, 0x00],
                &[0x04, 0x02, 0x00, 0x00, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            by: parameters.required("by", "a number with its sign", change)?,
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            self.objects.replace_value(content, any, |value| {
                let length = (value.len() as i64).saturating_add(self.by).max(0);
                let mut value = value.to_vec();
                let last = value.last().copied().unwrap_or(0);
                value.resize(usize::try_from(length).unwrap_or(0), last);
                value
            });
        })
    }
}
