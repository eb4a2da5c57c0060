//! `bad-text:`: text that is none.

use kortlab_apdu::ChannelError;

use crate::objects::Objects;
use crate::parameters::{FaultError, Parameters};
use crate::tree::Tree;
use crate::{Mutation, Strike, Vector};

/// UTF8String, PrintableString, TeletexString, IA5String, and the label of a template of EF.DIR.
const STRINGS: [u32; 5] = [0x0C, 0x13, 0x14, 0x16, 0x50];

/// A string begins with a byte that is in no UTF-8, PrintableString or IA5String.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadText {
    objects: Objects,
}

impl Mutation for BadText {
    const NAME: &'static str = "bad-text";
    const PARAMETERS: &'static str = "[at=N]";
    const DOES: &'static str = "a string begins with a byte that no text has";
    const VECTOR: Vector = Vector::answers(
        "bad-text:ins=CA",
        &[(
            &[0x00, 0xCA, 0x01, 0x01, 0x00],
            &[0x0C, 0x03, 0x41, 0x42, 0x43, 0x90, 0x00],
            &[0x0C, 0x03, 0xFF, 0x42, 0x43, 0x90, 0x00],
        )],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            let string = |tree: &Tree, index: usize, bytes: &[u8]| {
                let node = tree.nodes()[index];
                STRINGS.contains(&node.tag.value()) && !node.value(bytes).is_empty()
            };
            self.objects.replace_value(content, string, |value| {
                [&[0xFF], value.get(1..).unwrap_or_default()].concat()
            });
        })
    }
}
