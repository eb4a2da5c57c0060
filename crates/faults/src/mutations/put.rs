//! `put:`: another value.

use kortlab_apdu::ChannelError;

use crate::objects::{Objects, any};
use crate::parameters::{FaultError, Parameters, bytes};
use crate::{Mutation, Strike, Vector};

/// The value of a primitive object is another, and all lengths fit: a number out of range, an OID of nobody, a time that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    value: Vec<u8>,
    objects: Objects,
}

impl Mutation for Put {
    const NAME: &'static str = "put";
    const PARAMETERS: &'static str = "value=HEX[,tag=TAG][,at=N]";
    const DOES: &'static str = "the value of an object is this one";
    const VECTOR: Vector = Vector::answers(
        "put:value=FF,tag=01",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x30, 0x03, 0x01, 0x01, 0x00, 0x90, 0x00],
                &[0x30, 0x03, 0x01, 0x01, 0xFF, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x02, 0x02, 0x00, 0x0A, 0x90, 0x00],
                &[0x02, 0x02, 0x00, 0x0A, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            value: parameters.required("value", "bytes in hexadecimal digits", bytes)?,
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            self.objects
                .replace_value(content, any, |_| self.value.clone())
        })
    }
}
