//! Are the directories whole and well-formed TLV?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "encoding",
    help: "are the directories whole and well-formed TLV?",
    explanation: "a length or a tag that is wrong loses the object it is in, and for some programs all that \
               follow",
    remedy: "if a change of the card was interrupted, run `kortlab recover`; otherwise whoever wrote the \
               file must correct it",
    codes: &[
        "truncated",
        "length-mismatch",
        "bad-length",
        "indefinite-length",
        "garbage",
        "unreadable-object",
        "too-deep",
        "mismatch",
    ],
    look: nothing_more,
    trips: &[("truncated", "strict DER"), ("truncated", "OpenSSL")],
};
