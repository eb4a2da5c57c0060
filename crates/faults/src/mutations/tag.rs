//! `tag:`: another tag.

use kortlab_apdu::ChannelError;
use kortlab_apdu::tlv::{Tag, object};

use crate::objects::{Objects, any, tag};
use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// A data object has another tag: its neighbour's, or the one given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retag {
    to: Option<Tag>,
    objects: Objects,
}

impl Mutation for Retag {
    const NAME: &'static str = "tag";
    const PARAMETERS: &'static str = "[to=TAG][,tag=TAG][,at=N]";
    const DOES: &'static str = "a data object has this tag, or the next higher one";
    const VECTOR: Vector = Vector::answers(
        "tag:to=0C",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x04, 0x01, 0xAA, 0x90, 0x00],
                &[0x0C, 0x01, 0xAA, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x90, 0x00],
                &[0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            to: parameters.optional("to", "a tag in hexadecimal digits", tag)?,
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            self.objects.replace(content, any, |node, bytes| {
                let to = self
                    .to
                    .unwrap_or(Tag::new(node.tag.value().wrapping_add(1)));
                object(to, node.value(bytes))
            });
        })
    }
}
