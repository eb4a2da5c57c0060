//! The control information of a file, and what is said in it.

use kortlab_apdu::instruction;
use kortlab_apdu::tlv::Tag;

use crate::number::Change;
use crate::tree::Tree;

/// What faults of control information are about: SELECT by path or identifier, and what fetches its
/// answer.
pub const SELECT: (&[u8], &str) = (
    &[instruction::SELECT, instruction::GET_RESPONSE],
    "SELECT (A4)",
);

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

/// Another size in the place of these bytes, in as many or in more if it needs them.
pub fn resized(value: &[u8], size: &Change) -> Vec<u8> {
    let before = value.iter().fold(0_i64, |size, &byte| {
        (size & 0xFF_FFFF) << 8 | i64::from(byte)
    });
    let bytes = size.of(before).to_be_bytes();
    let needed = 8 - bytes.iter().take_while(|byte| **byte == 0).count();
    bytes[8 - needed.max(value.len().min(8))..].to_vec()
}
