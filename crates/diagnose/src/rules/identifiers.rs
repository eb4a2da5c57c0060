//! Has each object an identifier of its own?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "identifiers",
    help: "has each object an identifier of its own?",
    explanation: "programs tell keys and PINs apart by their identifiers; of two with the same one only the \
               first is found",
    remedy: "whoever wrote the file must give each object its own identifier",
    codes: &["duplicate-id"],
    look: nothing_more,
    trips: &[],
};
