//! Is the answer to reset one?

use kortlab_card::Problem;
use kortlab_explain::atr;

use super::Rule;
use crate::evidence::Evidence;

pub(super) static RULE: Rule = Rule {
    id: "atr",
    help: "is the answer to reset one (ISO/IEC 7816-3 §8)?",
    explanation: "readers choose protocol and speed by it, and programs know a card by it; one that \
                  is broken makes either go wrong",
    remedy: "the card's operating system is at fault, or its contacts: clean them, try another \
             reader, and have the card replaced if it stays so",
    // Those of the parser, which others share.
    codes: &[],
    look,
    trips: &[],
};

fn look(evidence: &Evidence) -> Vec<Problem> {
    atr::explain(&evidence.atr).problems
}
