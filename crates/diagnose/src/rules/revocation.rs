//! Is a certificate on a revocation list that was given (--crl)?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "revocation",
    help: "is a certificate on a list that was given (--crl)?",
    explanation: "its issuer has taken the certificate back; who checks that does not accept it",
    remedy: "renew the card",
    codes: &[
        "revoked",
        "list-expired",
        "list-not-yet-valid",
        "list-without-time",
        "list-bad-signature",
        "list-not-supported",
        "list-not-used",
        "list-superseded",
    ],
    look: nothing_more,
    trips: &[],
};
