//! `unused-bits:`: a BIT STRING that miscounts its bits.

use kortlab_apdu::ChannelError;
use kortlab_apdu::tlv::Tag;

use crate::objects::{Objects, tagged};
use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The first octet of a BIT STRING, the number of bits that do not count, is wrong (ISO/IEC 8825-1 §8.6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedBits {
    count: u8,
    objects: Objects,
}

impl Mutation for UnusedBits {
    const NAME: &'static str = "unused-bits";
    const PARAMETERS: &'static str = "[count=N][,at=N]";
    const DOES: &'static str = "a BIT STRING says that N (or 9) of its bits do not count";
    const VECTOR: Vector = Vector::answers(
        "unused-bits:ins=CA",
        &[(
            &[0x00, 0xCA, 0x01, 0x01, 0x00],
            &[0x03, 0x02, 0x06, 0xC0, 0x90, 0x00],
            &[0x03, 0x02, 0x09, 0xC0, 0x90, 0x00],
        )],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            count: parameters
                .optional("count", "a number, at most 255", |text| text.parse().ok())?
                .unwrap_or(9),
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            self.objects
                .replace_value(content, tagged(Tag::BIT_STRING), |value| {
                    let rest = value.get(1..).unwrap_or_default();
                    [&[self.count], rest].concat()
                });
        })
    }
}
