//! Status words (ISO/IEC 7816-4 §5.6).

use kortlab_apdu::StatusWord;

use crate::node::Node;
use crate::span::Span;

/// The status word in two bytes that stand at `offset` of `all`.
pub fn node(status: StatusWord, offset: usize, all: &[u8]) -> Node {
    Node::new("status word", Span::new(offset, 2), all).meaning(status.meaning())
}
