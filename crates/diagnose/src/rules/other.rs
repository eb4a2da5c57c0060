//! Anything else that reading the card has found.

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "other",
    help: "anything else that reading the card has found",
    explanation: "it belongs to no other rule",
    remedy: "look at the file, and ask whoever wrote it",
    codes: &[
        "odd",
        "change-unfinished",
        "change-elsewhere",
        "journal-unusable",
    ],
    look: nothing_more,
    trips: &[],
};
