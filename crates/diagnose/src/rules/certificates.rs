//! Is each certificate one, whole, and written as the standards have it?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "certificates",
    help: "is each certificate one, whole, and written by the standards?",
    explanation: "a file that holds something else, or a certificate that is not strict DER, loads in some \
               programs and not in others",
    remedy: "write the certificate anew, or have its issuer make it anew",
    codes: &[
        "behind-certificate",
        "empty-file",
        "not-a-certificate",
        "not-strict-der",
        "not-rfc5280",
    ],
    look: nothing_more,
    trips: &[
        ("empty-file", "strict DER"),
        ("empty-file", "OpenSSL"),
        ("empty-file", "NSS"),
        ("empty-file", "rustls"),
        ("not-a-certificate", "strict DER"),
        ("not-a-certificate", "OpenSSL"),
        ("not-a-certificate", "NSS"),
        ("not-a-certificate", "rustls"),
    ],
};
