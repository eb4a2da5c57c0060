//! Do the directories point at files that are there, once, and not in a circle?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "pointers",
    help: "do paths lead to files that are there, once, and in no circle?",
    explanation: "directories name files by paths; a path that leads nowhere, to itself or to a file of \
               another kind hides whatever it should name",
    remedy: "if a change of the card was interrupted, run `kortlab recover`; otherwise whoever wrote the \
               directory must correct it",
    codes: &[
        "certificate-not-listed",
        "directory-not-listed",
        "file-absent",
        "dangling-path",
        "path-to-directory",
        "entry-without-file",
        "file-named-twice",
        "key-named-twice",
        "key-without-file",
        "circular-path",
        "empty-path",
        "odd-path",
        "long-path",
    ],
    look: nothing_more,
    trips: &[],
};
