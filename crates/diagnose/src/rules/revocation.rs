//! Has its issuer taken a certificate back, by a list (--crl) or a responder (--ocsp)?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "revocation",
    help: "is a certificate revoked (--crl, --ocsp, --online)?",
    explanation: "its issuer has taken the certificate back; who checks that does not accept it",
    remedy: "renew the card",
    codes: &[
        "revoked",
        "unknown-to-responder",
        "list-expired",
        "list-not-yet-valid",
        "list-without-time",
        "list-bad-signature",
        "list-other-key",
        "list-not-authorised",
        "list-not-verified",
        "list-not-supported",
        "list-malformed",
        "list-not-used",
        "list-superseded",
        "ocsp-refused",
        "not-reached",
        "ocsp-expired",
        "ocsp-not-yet-valid",
        "ocsp-without-time",
        "ocsp-bad-signature",
        "ocsp-not-authorised",
        "ocsp-not-verified",
        "ocsp-not-supported",
        "ocsp-other-nonce",
        "ocsp-malformed",
        "ocsp-not-used",
    ],
    look: nothing_more,
    trips: &[],
};
