//! Is everything in DER's one form?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "non-minimal",
    help: "is everything in DER's one form?",
    explanation: "a value in another form than DER's means the same to a lenient reader, and nothing at all to \
               a strict one",
    remedy: "whoever wrote the file must write it in DER",
    codes: &["non-minimal-length", "non-der-value", "negative-number"],
    look: nothing_more,
    trips: &[("non-minimal-length", "strict DER")],
};
