//! Does filler stand before or between objects?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "filler",
    help: "does filler stand before or between objects?",
    explanation: "00 or FF is filler behind the last object; where an object follows it, some programs have \
               stopped reading already",
    remedy: "whoever wrote the file must move the filler behind the last object",
    codes: &["object-after-filler"],
    look: nothing_more,
    trips: &[
        ("object-after-filler", "OpenSC"),
        ("object-after-filler", "strict DER"),
    ],
};
