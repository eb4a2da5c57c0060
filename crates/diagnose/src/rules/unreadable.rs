//! Could everything be read that was to be read?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "unreadable",
    help: "could everything be read that was to be read?",
    explanation: "what cannot be read cannot be checked: nothing is said of it, good or bad",
    remedy: "read the card again; if it stays so, have it replaced",
    codes: &[
        "file-unreadable",
        "unreadable",
        "nonsense-answer",
        "corrupted",
        "read-with-warning",
        "selected-with-warning",
        "budget",
        "too-many",
        "more-findings",
        "kind-not-read",
    ],
    look: nothing_more,
    trips: &[],
};
