//! Do certificates, public and private keys belong together?

use super::{Rule, nothing_more};

pub(super) static RULE: Rule = Rule {
    id: "keys",
    help: "do certificates, public and private keys belong together?",
    explanation: "a certificate whose public key is another than the card's key makes signatures that nobody \
               can verify",
    remedy: "remove the certificate, and write the one that was made for the key",
    codes: &[
        "key-mismatch",
        "no-public-key",
        "key-size",
        "key-kind",
        "key-in-directory",
        "not-an-authority",
        "listed-otherwise",
    ],
    look: nothing_more,
    trips: &[],
};
