//! `indefinite:`: a length that is not said.

use kortlab_apdu::ChannelError;

use crate::objects::Objects;
use crate::parameters::{FaultError, Parameters};
use crate::tree::Tree;
use crate::{Mutation, Strike, Vector};

/// The length of a constructed object is indefinite (ISO/IEC 8825-1 §8.1.3.6), which neither DER nor ISO/IEC 7816-4 has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indefinite {
    objects: Objects,
}

impl Mutation for Indefinite {
    const NAME: &'static str = "indefinite";
    const PARAMETERS: &'static str = "[tag=TAG][,at=N]";
    const DOES: &'static str = "a constructed object has an indefinite length";
    const VECTOR: Vector = Vector::answers(
        "indefinite:ins=CA",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x30, 0x03, 0x04, 0x01, 0xAA, 0x90, 0x00],
                &[0x30, 0x80, 0x04, 0x01, 0xAA, 0x00, 0x00, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x04, 0x01, 0xAA, 0x90, 0x00],
                &[0x04, 0x01, 0xAA, 0x90, 0x00],
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
            let constructed =
                |tree: &Tree, index: usize, _: &[u8]| tree.nodes()[index].tag.is_constructed();
            self.objects.replace(content, constructed, |node, bytes| {
                let mut new = Vec::new();
                node.tag.write(&mut new);
                new.push(0x80);
                new.extend_from_slice(node.value(bytes));
                new.extend([0, 0]);
                new
            });
        })
    }
}
