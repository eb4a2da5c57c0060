//! Data objects in bytes, and how to put others in their place so that the lengths around them are
//! right again.

use kortlab_apdu::tlv::{DEFAULT_DEPTH, Filler, Tag, object, walk};

/// The most objects that are looked at; what comes later stays as it is.
const MAX_OBJECTS: usize = 16_384;

/// A data object in some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its tag.
    pub tag: Tag,
    /// Where it starts.
    pub start: usize,
    /// Where its value starts.
    pub value: usize,
    /// Where it ends.
    pub end: usize,
    /// The index of the object that it is in.
    pub parent: Option<usize>,
}

/// The data objects in some bytes, parents before children, as far as they can be read.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    /// Reads the objects; filler between those at the top is skipped, and the first that is
    /// malformed ends it.
    pub fn read(bytes: &[u8]) -> Self {
        let mut nodes: Vec<Node> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let visits = walk(bytes, DEFAULT_DEPTH).filler(Filler::Skip);
        for visit in visits.take(MAX_OBJECTS).map_while(Result::ok) {
            open.truncate(visit.depth);
            let start = visit.object.offset;
            nodes.push(Node {
                tag: visit.object.tag,
                start,
                value: visit.object.value_offset(),
                end: start + visit.object.raw.len(),
                parent: open.last().copied(),
            });
            open.push(nodes.len() - 1);
        }
        Self { nodes }
    }

    /// The objects.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The objects directly inside this one, or at the top.
    pub fn children(&self, parent: Option<usize>) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|&index| self.nodes[index].parent == parent)
            .collect()
    }

    /// The bytes with `new` in the place of an object, and the lengths around it made right.
    pub fn with(&self, bytes: &[u8], index: usize, new: &[u8]) -> Vec<u8> {
        let Some(mut node) = self.nodes.get(index) else {
            return bytes.to_vec();
        };
        let mut new = new.to_vec();
        while let Some(parent) = node.parent.and_then(|parent| self.nodes.get(parent)) {
            let value = splice(bytes, parent.value, node.start, &new, node.end, parent.end);
            new = object(parent.tag, &value);
            node = parent;
        }
        splice(bytes, 0, node.start, &new, node.end, bytes.len())
    }

    /// The bytes with another value in an object, and all lengths right.
    pub fn with_value(&self, bytes: &[u8], index: usize, value: &[u8]) -> Vec<u8> {
        let Some(node) = self.nodes.get(index) else {
            return bytes.to_vec();
        };
        self.with(bytes, index, &object(node.tag, value))
    }
}

impl Node {
    /// The whole object.
    pub fn raw<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Its value.
    pub fn value<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.value..self.end).unwrap_or_default()
    }
}

/// `bytes[from..start]`, `new`, `bytes[end..to]`.
fn splice(bytes: &[u8], from: usize, start: usize, new: &[u8], end: usize, to: usize) -> Vec<u8> {
    let part = |from, to| bytes.get(from..to).unwrap_or_default();
    [part(from, start), new, part(end, to)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_makes_the_lengths_around_it_right() {
        let bytes = [0x30, 7, 0x02, 1, 5, 0x30, 2, 0x05, 0, 0, 0, 0x04, 1, 0xAA];
        let tree = Tree::read(&bytes);
        let tags: Vec<_> = tree.nodes().iter().map(|node| node.tag.value()).collect();
        assert_eq!(tags, [0x30, 0x02, 0x30, 0x05, 0x04]);
        assert_eq!(tree.children(Some(0)), [1, 2]);
        assert_eq!(tree.children(None), [0, 4]);
        assert_eq!(tree.with(&bytes, 3, bytes.get(3..5).unwrap()).len(), 14);
        let long = tree.with_value(&bytes, 3, &[0x11; 130]);
        assert_eq!(long[..4], [0x30, 0x81, 139, 0x02]);
        assert_eq!(long[6..12], [0x30, 0x81, 133, 0x05, 0x81, 130]);
        assert_eq!(long[142..], [0, 0, 0x04, 1, 0xAA]);
        assert_eq!(Tree::read(&long).nodes().len(), 5);
        assert_eq!(tree.with(&bytes, 9, &[]), bytes);
    }

    #[test]
    fn what_is_no_object_ends_the_reading() {
        assert!(Tree::read(&[]).nodes().is_empty());
        assert!(Tree::read(&[0x30]).nodes().is_empty());
        let tree = Tree::read(&[0x04, 0, 0x30, 0x85]);
        assert_eq!(tree.nodes().len(), 1);
    }

    #[test]
    fn nesting_without_end_is_read_to_a_depth() {
        let tree = Tree::read(&[0x30, 0x80].repeat(100_000));
        assert!(tree.nodes().is_empty());
        let mut bytes = Vec::new();
        for _ in 0..2000 {
            bytes = object(Tag::SEQUENCE, &bytes);
        }
        assert_eq!(Tree::read(&bytes).nodes().len(), DEFAULT_DEPTH);
    }
}
