//! `same-id:`: identifiers that are all the same.

use kortlab_apdu::ChannelError;
use kortlab_apdu::tlv::Tag;

use crate::parameters::{FaultError, Parameters};
use crate::tree::Tree;
use crate::{Mutation, Strike, Vector};

/// The objects of a directory all have the identifier of its first (CommonCertificateAttributes.iD and its like, PKCS#15 §6.1.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SameId;

impl Mutation for SameId {
    const NAME: &'static str = "same-id";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "all objects of a directory have the identifier of its first";
    const VECTOR: Vector = Vector::answers(
        "same-id:ins=CA",
        &[(
            &[0x00, 0xCA, 0x01, 0x01, 0x00],
            &[
                0x30, 0x07, 0x30, 0x00, 0x30, 0x03, 0x04, 0x01, 0x45, 0x30, 0x07, 0x30, 0x00, 0x30,
                0x03, 0x04, 0x01, 0x46, 0x90, 0x00,
            ],
            &[
                0x30, 0x07, 0x30, 0x00, 0x30, 0x03, 0x04, 0x01, 0x45, 0x30, 0x07, 0x30, 0x00, 0x30,
                0x03, 0x04, 0x01, 0x45, 0x90, 0x00,
            ],
        )],
    );

    fn from_parameters(_: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self)
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            let mut first = None;
            for object in 0.. {
                let tree = Tree::read(content);
                let Some(&object) = tree.children(None).get(object) else {
                    break;
                };
                let Some(id) = identifier(&tree, object) else {
                    continue;
                };
                let value = tree.nodes()[id].value(content).to_vec();
                let first = first.get_or_insert(value).clone();
                *content = tree.with_value(content, id, &first);
            }
        })
    }
}

/// The identifier of an object: the first OCTET STRING of the second SEQUENCE.
fn identifier(tree: &Tree, object: usize) -> Option<usize> {
    let class = *tree.children(Some(object)).get(1)?;
    let id = *tree.children(Some(class)).first()?;
    (tree.nodes()[id].tag == Tag::OCTET_STRING).then_some(id)
}
