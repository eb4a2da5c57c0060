//! Does what the directories say of a key fit together?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "key-claims",
    help: "does what is said of each key fit together?",
    explanation: "programs choose how to use a key, and show how well it is kept, by its accessFlags, \
                  algReference, keyReference and keyInfo (ISO/IEC 7816-15 §8.2.9)",
    remedy: "whoever wrote EF(PrKDF) must correct it: the key itself is as it is",
    codes: &["key-contradiction"],
    look: nothing_more,
    trips: &[],
};
