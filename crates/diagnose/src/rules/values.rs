//! Have the elements the values that they must have?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "values",
    help: "have the elements the values that they must have?",
    explanation: "a value out of range, of another type, or missing makes its object unusable for programs \
               that need it",
    remedy: "whoever wrote the file must correct the value",
    codes: &[
        "bad-value",
        "card-number-mismatch",
        "missing-element",
        "not-utf8",
        "unknown-version",
    ],
    look: nothing_more,
    trips: &[],
};
