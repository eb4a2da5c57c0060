//! `wrap:`: one wrapper too many.

use kortlab_apdu::ChannelError;
use kortlab_apdu::tlv::{Tag, object};

use crate::objects::{Objects, any, tag};
use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// A data object stands inside another that does not belong there: a SEQUENCE (CIA_ESIGN's ODF), a PIV container's 53 and 70, an OCTET STRING around a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrap {
    tag: Tag,
    objects: Objects,
}

impl Mutation for Wrap {
    const NAME: &'static str = "wrap";
    const PARAMETERS: &'static str = "[in=TAG][,tag=TAG][,at=N]";
    const DOES: &'static str = "a data object stands inside one more, a SEQUENCE or this one";
    const VECTOR: Vector = Vector::answers(
        "wrap:in=53",
        &[(
            &[0x00, 0xCA, 0x01, 0x01, 0x00],
            &[0x30, 0x03, 0x04, 0x01, 0x00, 0x90, 0x00],
            &[0x53, 0x05, 0x30, 0x03, 0x04, 0x01, 0x00, 0x90, 0x00],
        )],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            tag: parameters
                .optional("in", "a tag in hexadecimal digits", tag)?
                .unwrap_or(Tag::SEQUENCE),
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            self.objects.replace(content, any, |node, bytes| {
                object(self.tag, node.raw(bytes))
            });
        })
    }
}
