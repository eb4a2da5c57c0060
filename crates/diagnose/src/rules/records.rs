//! Are directories in one piece?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "records",
    help: "are directories files in one piece, and not of records?",
    explanation: "some programs read directories in one piece alone (READ BINARY), and find nothing in a file of \
               records",
    remedy: "whoever issued the card must put what is in it into a transparent file",
    codes: &["directory-of-records"],
    look: nothing_more,
    trips: &[("directory-of-records", "OpenSC")],
};
