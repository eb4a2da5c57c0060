//! Where a card's content comes from, if it was read from another card: [`Provenance`].

use serde::{Deserialize, Serialize};

use crate::fs::recorded::Refusal;

/// The most entries of [`Provenance::not_read`].
pub const MAX_NOT_READ: usize = 8192;

/// From what card an image was read, and what of that card is not in it. The card makes nothing of
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The program that read it, with its version.
    pub program: String,
    /// How many commands that took.
    pub commands: u64,
    /// Whether reading came to its end. If not, there may be more on the card than is here and in
    /// the list below.
    pub complete: bool,
    /// Why it did not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// What of the card is not in the image, or not as it is on the card.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_read: Vec<NotRead>,
}

/// Something of a card that is not in its image, or not as it is on the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotRead {
    /// What: `3F00/5015/4B01`, `PIN 81`, `data object 5FC102`.
    pub what: String,
    /// A stable word for why: `refused`, `secret`, `nonsense`, `no-place`, `not-looked-at`,
    /// `assumed`, `differs`.
    pub kind: String,
    /// The status word with which the card refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Refusal>,
    /// Why, in words.
    pub why: String,
}
