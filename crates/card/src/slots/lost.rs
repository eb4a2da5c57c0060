//! What tells that a directory of certificates has lost entries: keys that are left without any. What
//! it listed may be on the card still; see `unlisted`.

use std::collections::BTreeSet;

use kortlab_apdu::Channel;
use kortlab_pkcs15::{ObjectRef, Severity};

use crate::card::Card;
use crate::elsewhere;
use crate::problem::{Problem, code};

impl<C: Channel> Card<C> {
    /// The private keys for which there is no certificate. Where a directory of certificates could
    /// not be read whole, that is told, and not what is missing by it.
    pub(super) fn keys_without_certificate(&self) -> Vec<Problem> {
        let contents = self.contents();
        if contents.why_not_all_certificates().is_some() {
            return Vec::new();
        }
        let mut seen = BTreeSet::new();
        let mut problems = Vec::new();
        for file in &contents.private_keys {
            for (index, key) in file.directory.listed() {
                let has_one = contents.certificates_with(key.id()).next().is_some();
                if has_one || !seen.insert(key.id()) {
                    continue;
                }
                let problem = Problem::new(
                    Severity::Warning,
                    code::KEY_WITHOUT_CERTIFICATE,
                    "EF(PrKDF)",
                    &file.path,
                    "no certificate on the card is for this key",
                );
                let object = ObjectRef::of(index, &key.common, Some(key.id()));
                problems.push(problem.about(object).hint(
                    "write its certificate with `kortlab cert write`, or renew the card; where the \
                     key is to have none, check with --allow-empty",
                )
                .hint_elsewhere(format!(
                    "{}; where the key is to have none, check with --allow-empty",
                    elsewhere::write(Some(key.id()))
                )));
            }
        }
        problems
    }
}
