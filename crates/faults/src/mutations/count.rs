//! `count:`: a path that miscounts.

use kortlab_apdu::ChannelError;
use kortlab_apdu::tlv::Tag;

use crate::objects::{Objects, is_path};
use crate::parameters::{FaultError, Parameters, lie};
use crate::tree::Tree;
use crate::{Mutation, Strike, Vector};

/// The count of a path of PKCS#15 (§6.1.7), the bytes that belong to the object, says more or less than there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    by: i64,
    objects: Objects,
}

impl Mutation for Count {
    const NAME: &'static str = "count";
    const PARAMETERS: &'static str = "by=±N[,at=N]";
    const DOES: &'static str = "the count of a path says N more or less than there is";
    const VECTOR: Vector = Vector::answers(
        "count:by=-1",
        &[(
            &[0x00, 0xCA, 0x01, 0x01, 0x00],
            &[
                0x30, 0x0B, 0x04, 0x02, 0x43, 0x31, 0x02, 0x01, 0x00, 0x80, 0x02, 0x01, 0x23, 0x90,
                0x00,
            ],
            &[
                0x30, 0x0B, 0x04, 0x02, 0x43, 0x31, 0x02, 0x01, 0x00, 0x80, 0x02, 0x01, 0x22, 0x90,
                0x00,
            ],
        )],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            by: parameters.required("by", "a number with its sign", lie)?,
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            self.objects.replace_value(content, is_count, |value| {
                let count = value
                    .iter()
                    .fold(0_i64, |count, &byte| (count << 8) | i64::from(byte));
                integer(count.saturating_add(self.by).max(0))
            });
        })
    }
}

/// `[0]` in the SEQUENCE of a path.
fn is_count(tree: &Tree, index: usize, bytes: &[u8]) -> bool {
    let node = tree.nodes()[index];
    let siblings = tree.children(node.parent);
    node.tag == Tag::context(0, false)
        && (1..=4).contains(&node.value(bytes).len())
        && siblings
            .first()
            .is_some_and(|&first| is_path(tree, first, bytes))
}

/// The octets of an INTEGER that is not negative.
fn integer(number: i64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take(7).take_while(|byte| **byte == 0).count();
    let needs_zero = bytes[zeros] & 0x80 != 0;
    bytes[zeros - usize::from(needs_zero)..].to_vec()
}
