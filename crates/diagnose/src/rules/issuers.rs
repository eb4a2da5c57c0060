//! Is each certificate signed by the issuer that it names?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "issuers",
    help: "is each certificate signed by the issuer that it names?",
    explanation: "a signature that does not verify means that the certificate was changed after it was signed, \
               or is not its issuer's",
    remedy: "check the issuer's certificate that was given; otherwise have the certificate made anew",
    codes: &[
        "bad-signature",
        "issuer-key-mismatch",
        "issuer-not-authorised",
        "issuer-not-strict",
        "issuer-not-valid",
        "name-not-permitted",
        "unknown-issuer",
    ],
    look: nothing_more,
    trips: &[("bad-signature", "OpenSSL"), ("bad-signature", "rustls")],
};
