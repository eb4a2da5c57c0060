//! The control information of a file, and what is said in it.

use kortlab_apdu::tlv::Tag;

use crate::number::Change;
use crate::parameters::{FaultError, Parameters};
use crate::tree::Tree;

/// The control information with another value in the first object that has one of these tags.
pub fn with(data: &[u8], tags: &[u32], change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let tree = Tree::read(data);
    let template = tree
        .children(None)
        .into_iter()
        .find(|&index| matches!(tree.nodes()[index].tag.value(), 0x62 | 0x64 | 0x6F));
    let said = template.and_then(|template| {
        tree.children(Some(template)).into_iter().find(|&index| {
            tags.iter()
                .any(|&tag| tree.nodes()[index].tag == Tag::new(tag))
        })
    });
    said.map_or_else(
        || data.to_vec(),
        |index| tree.with_value(data, index, &change(tree.nodes()[index].value(data))),
    )
}

/// The size of a file: another, or so much more or less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size(Change);

impl Size {
    /// Reads `to=` or `by=`.
    ///
    /// # Errors
    /// Neither or both are there, or the value makes no sense.
    pub fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Change::from_parameters(parameters, u32::MAX.into()).map(Self)
    }

    /// The bytes of the size in the place of these, in as many bytes or in more if it needs them.
    pub fn of(&self, value: &[u8]) -> Vec<u8> {
        let size = value.iter().fold(0_i64, |size, &byte| {
            (size & 0xFF_FFFF) << 8 | i64::from(byte)
        });
        let bytes = self.0.of(size).to_be_bytes();
        let needed = 8 - bytes.iter().take_while(|byte| **byte == 0).count();
        bytes[8 - needed.max(value.len().min(8))..].to_vec()
    }
}
