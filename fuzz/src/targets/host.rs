//! What the host makes of a card that answers anything: the card's diagnosis, and its copy.

use std::time::{Duration, SystemTime};

use kortlab_apdu::Channel as _;
use kortlab_card::Against;
use kortlab_card::files::Budget;
use kortlab_diagnose::{Diagnosing, Options, diagnose, dump, html};
use kortlab_emulator::{CardRng, VirtualCard};

use crate::answers::Answers;

/// What reading may take: a small card.
const BUDGET: Budget = Budget {
    commands: 400,
    bytes: 1 << 16,
    objects: 64,
    time: Duration::from_secs(60),
};

/// Whatever a card answers: reading comes to an end within its budget; every finding says where it
/// is and what to do, in characters that do nothing to a terminal; the report is no other page than
/// ours; and a copy that was made is a card again.
pub fn host(data: &[u8]) {
    let options = Diagnosing {
        budget: BUDGET,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        against: Against::default(),
        rules: Vec::new(),
    };
    if let Ok(diagnosis) = diagnose(
        Answers::new(data),
        &options,
        |_, _| Vec::new(),
        Box::new(|_| {}),
    ) {
        // The guard lets through twice the budget, for what is read again.
        assert!(diagnosis.commands <= 3 * BUDGET.commands);
        for finding in &diagnosis.findings {
            let problem = &finding.problem;
            for text in [problem.to_string(), problem.next_step()] {
                assert!(
                    !text.is_empty() && !text.chars().any(char::is_control),
                    "{text:?}"
                );
            }
        }
        let page = html::report(&diagnosis, "fuzz");
        assert!(page.ends_with("</html>\n") && !page.contains("<script"));
    }
    let options = Options {
        budget: BUDGET,
        ..Options::default()
    };
    let card = Answers::new(data);
    let atr = card.atr().to_vec();
    if let Ok(copy) = dump(card, &options, Box::new(|_| {})) {
        let card = VirtualCard::new(copy.image, CardRng::from_seed(1));
        assert!(card.is_ok(), "{atr:02X?}: {:?}", card.err());
    }
}
