//! Are the certificates valid at this time?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "validity",
    help: "are the certificates valid at this time?",
    explanation: "outside of its validity no program accepts a certificate",
    remedy: "renew the card, or set this computer's clock right",
    codes: &["expired", "not-yet-valid", "unknown-validity"],
    look: nothing_more,
    trips: &[
        ("expired", "OpenSSL"),
        ("expired", "rustls"),
        ("not-yet-valid", "OpenSSL"),
        ("not-yet-valid", "rustls"),
    ],
};
