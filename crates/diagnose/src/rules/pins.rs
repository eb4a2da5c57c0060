//! Can each key's PIN be found, asked for and typed?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "pins",
    help: "can each key's PIN be found, asked for and typed?",
    explanation: "a key whose PIN is not listed, or whose rules contradict each other, cannot be used",
    remedy: "whoever issued the card must correct EF(AODF)",
    codes: &[
        "no-such-pin",
        "key-without-pin",
        "doubtful-pin",
        "pin-reference-mismatch",
        "pin-forms-differ",
        "pin-state-unknown",
        "pin-lengths",
    ],
    look: nothing_more,
    trips: &[],
};
