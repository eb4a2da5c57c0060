//! What is to be signed or written, where it is other than the card's certificates say.

use kortlab_portal_core::DataLine;

/// Personal data of an order, or something in a pair, that are other than the card's certificates say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What the order says.
    pub line: DataLine,
    /// What the card's certificates say.
    pub on_card: Vec<String>,
}
