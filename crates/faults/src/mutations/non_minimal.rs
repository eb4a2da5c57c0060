//! `non-minimal:`: a number with bytes that it does not need.

use kortlab_apdu::ChannelError;
use kortlab_apdu::tlv::Tag;

use crate::objects::{Objects, tagged};
use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// An INTEGER begins with an octet that DER forbids (ISO/IEC 8825-1 §8.3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonMinimal {
    objects: Objects,
}

impl Mutation for NonMinimal {
    const NAME: &'static str = "non-minimal";
    const PARAMETERS: &'static str = "[at=N]";
    const DOES: &'static str = "an INTEGER with an octet in front that it does not need";
    const VECTOR: Vector = Vector::answers(
        "non-minimal:ins=CA",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x30, 0x03, 0x02, 0x01, 0x05, 0x90, 0x00],
                &[0x30, 0x04, 0x02, 0x02, 0x00, 0x05, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x02, 0x01, 0x80, 0x90, 0x00],
                &[0x02, 0x02, 0xFF, 0x80, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            self.objects
                .replace_value(content, tagged(Tag::INTEGER), |value| {
                    let sign = value
                        .first()
                        .map_or(0, |first| if first & 0x80 == 0 { 0 } else { 0xFF });
                    [&[sign], value].concat()
                });
        })
    }
}
