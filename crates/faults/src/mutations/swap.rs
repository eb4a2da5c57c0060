//! `swap:`: two objects change places.

use kortlab_apdu::ChannelError;

use crate::objects::Objects;
use crate::parameters::{FaultError, Parameters};
use crate::tree::Tree;
use crate::{Mutation, Strike, Vector};

/// A data object changes places with the one behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    objects: Objects,
}

impl Mutation for Swap {
    const NAME: &'static str = "swap";
    const PARAMETERS: &'static str = "[tag=TAG][,at=N]";
    const DOES: &'static str = "a data object changes places with the one behind it";
    const VECTOR: Vector = Vector::answers(
        "swap:tag=04",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x30, 0x06, 0x04, 0x01, 0x00, 0x02, 0x01, 0x05, 0x90, 0x00],
                &[0x30, 0x06, 0x02, 0x01, 0x05, 0x04, 0x01, 0x00, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x04, 0x01, 0x00, 0x90, 0x00],
                &[0x04, 0x01, 0x00, 0x90, 0x00],
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
            let has_next = |tree: &Tree, index: usize, _: &[u8]| next(tree, index).is_some();
            let tree = Tree::read(content);
            let chosen = self.objects.choose(&tree, content, has_next);
            if let Some((index, other)) =
                chosen.and_then(|index| Some((index, next(&tree, index)?)))
            {
                let (first, second) = (tree.nodes()[index], tree.nodes()[other]);
                let swapped = [second.raw(content), first.raw(content)].concat();
                content.splice(first.start..second.end, swapped);
            }
        })
    }
}

/// The object that begins where this one ends, in the same object.
fn next(tree: &Tree, index: usize) -> Option<usize> {
    let node = tree.nodes().get(index)?;
    (index + 1..tree.nodes().len()).find(|&other| {
        let other = tree.nodes()[other];
        other.parent == node.parent && other.start == node.end
    })
}
