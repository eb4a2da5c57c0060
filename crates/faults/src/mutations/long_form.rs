//! `long-form:`: a length in more bytes than it needs.

use kortlab_apdu::ChannelError;

use crate::objects::{Objects, any};
use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The length of a data object is coded in this many bytes, though it needs fewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongForm {
    bytes: usize,
    objects: Objects,
}

impl Mutation for LongForm {
    const NAME: &'static str = "long-form";
    const PARAMETERS: &'static str = "[bytes=N][,tag=TAG][,at=N]";
    const DOES: &'static str = "a length in N bytes (or 4), though it needs fewer";
    const VECTOR: Vector = Vector::answers(
        "long-form:bytes=2",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x04, 0x01, 0xAA, 0x90, 0x00],
                &[0x04, 0x82, 0x00, 0x01, 0xAA, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x30, 0x03, 0x04, 0x01, 0xAA, 0x90, 0x00],
                &[0x30, 0x82, 0x00, 0x03, 0x04, 0x01, 0xAA, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            bytes: parameters
                .optional("bytes", "a number from 2 to 8", |text| {
                    text.parse().ok().filter(|bytes| (2..=8).contains(bytes))
                })?
                .unwrap_or(4),
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            self.objects.replace(content, any, |node, bytes| {
                let value = node.value(bytes);
                let length = (value.len() as u64).to_be_bytes();
                let mut new = Vec::new();
                node.tag.write(&mut new);
                new.push(0x80 | self.bytes as u8);
                new.extend_from_slice(&length[8 - self.bytes..]);
                new.extend_from_slice(value);
                new
            });
        })
    }
}
