//! `drop:`: an object that is missing.

use kortlab_apdu::ChannelError;

use crate::objects::{Objects, any};
use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// A data object is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drop {
    objects: Objects,
}

impl Mutation for Drop {
    const NAME: &'static str = "drop";
    const PARAMETERS: &'static str = "[tag=TAG][,at=N]";
    const DOES: &'static str = "a data object is left out";
    const VECTOR: Vector = Vector::answers(
        "drop:tag=04",
        &[(
            &[0x00, 0xCA, 0x01, 0x01, 0x00],
            &[0x30, 0x06, 0x04, 0x01, 0x00, 0x02, 0x01, 0x05, 0x90, 0x00],
            &[0x30, 0x03, 0x02, 0x01, 0x05, 0x90, 0x00],
        )],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| self.objects.replace(content, any, |_, _| Vec::new()))
    }
}
