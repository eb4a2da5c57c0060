//! The nodes of a tree one after the other.

use super::Node;

/// Every node of a tree with its depth, parents before their parts.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    stack: Vec<core::slice::Iter<'a, Node>>,
}

impl<'a> Lines<'a> {
    /// Those of these nodes.
    pub(crate) fn new(nodes: &'a [Node]) -> Self {
        Self {
            stack: vec![nodes.iter()],
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a Node);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.stack.last_mut()?.next() {
                None => {
                    self.stack.pop();
                }
                Some(node) => {
                    let depth = self.stack.len() - 1;
                    self.stack.push(node.parts.iter());
                    return Some((depth, node));
                }
            }
        }
    }
}
