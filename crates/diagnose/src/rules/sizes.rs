//! Do the sizes that the card gives agree with what its files hold?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "sizes",
    help: "do the card's sizes agree with what its files hold?",
    explanation: "programs read as much as the card says a file has, or as its directory says: too little cuts \
               the content, too much makes some of them give up",
    remedy: "the card's file system is at fault: have the card checked by whoever issued it",
    codes: &["size-mismatch", "count-mismatch"],
    look: nothing_more,
    trips: &[],
};
