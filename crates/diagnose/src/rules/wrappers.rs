//! Is there something around the objects that the standard has not?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "wrappers",
    help: "is something around the objects that the standard has not?",
    explanation: "some cards wrap a file's objects in one more SEQUENCE, or add elements of their own; \
               programs that do not expect it see no object",
    remedy: "whoever wrote the file must leave the wrapper out",
    codes: &["extra-sequence", "unknown-element", "misplaced-element"],
    look: nothing_more,
    trips: &[],
};
