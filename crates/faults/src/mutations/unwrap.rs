//! `unwrap:`: one wrapper too few.

use kortlab_apdu::ChannelError;

use crate::objects::{Objects, any};
use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// A data object is replaced by its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwrap {
    objects: Objects,
}

impl Mutation for Unwrap {
    const NAME: &'static str = "unwrap";
    const PARAMETERS: &'static str = "[tag=TAG][,at=N]";
    const DOES: &'static str = "the value of a data object stands there without tag and length";
    const VECTOR: Vector = Vector::answers(
        "unwrap:ins=CA",
        &[(
            &[0x00, 0xCA, 0x01, 0x01, 0x00],
            &[0x30, 0x03, 0x04, 0x01, 0x00, 0x90, 0x00],
            &[0x04, 0x01, 0x00, 0x90, 0x00],
        )],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            self.objects
                .replace(content, any, |node, bytes| node.value(bytes).to_vec());
        })
    }
}
