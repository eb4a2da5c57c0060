//! `nest:`: objects in objects in objects.

use kortlab_apdu::ChannelError;
use kortlab_apdu::tlv::{Tag, object};

use crate::objects::{Objects, any};
use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// A data object stands inside this many SEQUENCEs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nest {
    depth: usize,
    objects: Objects,
}

impl Mutation for Nest {
    const NAME: &'static str = "nest";
    const PARAMETERS: &'static str = "depth=N[,tag=TAG][,at=N]";
    const DOES: &'static str = "a data object stands inside N more SEQUENCEs";
    const VECTOR: Vector = Vector::answers(
        "nest:depth=2",
        &[(
            &[0x00, 0xCA, 0x01, 0x01, 0x00],
            &[0x04, 0x01, 0xAA, 0x90, 0x00],
            &[0x30, 0x05, 0x30, 0x03, 0x04, 0x01, 0xAA, 0x90, 0x00],
        )],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            depth: parameters.required("depth", "a number from 1 to 4096", |text| {
                text.parse().ok().filter(|depth| (1..=4096).contains(depth))
            })?,
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            self.objects.replace(content, any, |node, bytes| {
                let mut new = node.raw(bytes).to_vec();
                for _ in 0..self.depth {
                    new = object(Tag::SEQUENCE, &new);
                }
                new
            });
        })
    }
}
