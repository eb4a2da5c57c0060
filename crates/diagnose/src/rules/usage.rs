//! Does the card let a key do what its certificate is for?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "usage",
    help: "may each key do what its certificates are for?",
    explanation: "programs choose a certificate by its key usage and a key by EF(PrKDF)'s; where the \
                  two disagree, they find no key for the certificate, or the card refuses",
    remedy: "write the certificate for the key that it is for, or have EF(PrKDF) corrected",
    codes: &["usage-mismatch", "key-period"],
    look: nothing_more,
    trips: &[],
};
