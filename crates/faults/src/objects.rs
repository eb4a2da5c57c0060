//! The data objects that a mutation may spoil: `tag=` and `at=`.

use kortlab_apdu::tlv::Tag;

use crate::Pick;
use crate::parameters::{FaultError, Parameters, bytes};
use crate::tree::{Node, Tree};

/// Chooses a data object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    tag: Option<Tag>,
    pick: Pick,
}

impl Objects {
    /// Reads `tag=`, so that only objects with this tag are meant, and what [`Pick`] reads.
    ///
    /// # Errors
    /// The values make no sense.
    pub fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            tag: parameters.optional("tag", "a tag in hexadecimal digits", tag)?,
            pick: Pick::from_parameters(parameters)?,
        })
    }

    /// Puts what `change` makes of the chosen object in its place; the lengths around it are made
    /// right. Only objects for which `fits` says so are counted.
    pub fn replace(
        &mut self,
        content: &mut Vec<u8>,
        fits: impl Fn(&Tree, usize, &[u8]) -> bool,
        change: impl FnOnce(&Node, &[u8]) -> Vec<u8>,
    ) {
        let tree = Tree::read(content);
        if let Some(index) = self.choose(&tree, content, fits) {
            let new = change(&tree.nodes()[index], content);
            *content = tree.with(content, index, &new);
        }
    }

    /// The same for the value of a primitive object.
    pub fn replace_value(
        &mut self,
        content: &mut Vec<u8>,
        fits: impl Fn(&Tree, usize, &[u8]) -> bool,
        change: impl FnOnce(&[u8]) -> Vec<u8>,
    ) {
        let tree = Tree::read(content);
        let primitive = |tree: &Tree, index: usize, bytes: &[u8]| {
            !tree.nodes()[index].tag.is_constructed() && fits(tree, index, bytes)
        };
        if let Some(index) = self.choose(&tree, content, primitive) {
            let value = change(tree.nodes()[index].value(content));
            *content = tree.with_value(content, index, &value);
        }
    }

    /// The index of the chosen object.
    pub fn choose(
        &mut self,
        tree: &Tree,
        content: &[u8],
        fits: impl Fn(&Tree, usize, &[u8]) -> bool,
    ) -> Option<usize> {
        let fitting: Vec<usize> = (0..tree.nodes().len())
            .filter(|&index| self.tag.is_none_or(|tag| tree.nodes()[index].tag == tag))
            .filter(|&index| fits(tree, index, content))
            .collect();
        self.pick.of(fitting.len()).map(|chosen| fitting[chosen])
    }
}

/// Every object fits.
pub fn any(_: &Tree, _: usize, _: &[u8]) -> bool {
    true
}

/// Objects with this tag fit.
pub fn tagged(wanted: impl Into<Tag>) -> impl Fn(&Tree, usize, &[u8]) -> bool {
    let wanted = wanted.into();
    move |tree, index, _| tree.nodes()[index].tag == wanted
}

/// A tag in hexadecimal digits, one to four bytes.
pub fn tag(text: &str) -> Option<Tag> {
    let bytes = bytes(text)?;
    let (tag, length) = Tag::parse(&bytes).ok()?;
    (length == bytes.len()).then_some(tag)
}

/// An OCTET STRING that is the path of a Path (PKCS#15 §6.1.7): the first of a SEQUENCE in which
/// nothing or an INTEGER follows, and of whole identifiers.
pub fn is_path(tree: &Tree, index: usize, bytes: &[u8]) -> bool {
    let node = tree.nodes()[index];
    let parent = node.parent.map(|parent| tree.nodes()[parent].tag);
    let siblings = tree.children(node.parent);
    let value = node.value(bytes);
    node.tag == Tag::OCTET_STRING
        && parent == Some(Tag::SEQUENCE)
        && siblings.first() == Some(&index)
        && siblings
            .get(1)
            .is_none_or(|&next| tree.nodes()[next].tag == Tag::INTEGER)
        && value.len().is_multiple_of(2)
        && (2..=16).contains(&value.len())
}
