//! Is there a PKCS#15 application, and is it where EF.DIR says?

use kortlab_card::Problem;
use kortlab_card::problem::code;

use super::Rule;
use crate::evidence::Evidence;

pub(super) static RULE: Rule = Rule {
    id: "application",
    help: "is there a PKCS#15 application, and is it where EF.DIR says?",
    explanation: "programs find a card's keys and certificates by EF.DIR and the ODF; where those \
                  are missing or point elsewhere, the card looks empty or unknown to them",
    remedy: "whoever issued the card must correct EF.DIR or the ODF",
    codes: &[
        code::NOT_PKCS15,
        code::APPLICATION_NOT_LISTED,
        code::NO_CERTIFICATE_DIRECTORY,
        code::NO_CERTIFICATES,
    ],
    look,
    trips: &[("no-certificate-directory", "OpenSC")],
};

/// Of a card without PKCS#15 nothing was looked at but what it tells of itself; that is never an
/// all-clear.
fn look(evidence: &Evidence) -> Vec<Problem> {
    evidence.not_pkcs15.iter().cloned().collect()
}
