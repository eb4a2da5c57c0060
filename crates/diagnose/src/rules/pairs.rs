//! Has each certificate its key, and each issuer's pair of certificates both halves?

use std::collections::{BTreeMap, BTreeSet};

use kortlab_card::{Problem, Severity};

use super::Rule;
use crate::evidence::Evidence;

/// An issuer has certified some of the card's keys, where others have certified more.
const MISSING_HALF: &str = "missing-half";

pub(super) static RULE: Rule = Rule {
    id: "pairs",
    help: "has each certificate its key, and each pair both halves?",
    explanation: "a card's certificates come in pairs, one to log in and one to sign; half of a pair \
                  is what an interrupted renewal leaves, and a certificate without its key is of no \
                  use",
    remedy: "renew the card, so that the pair is made whole; remove a certificate whose key is gone",
    codes: &["no-key", "key-without-certificate", MISSING_HALF],
    look,
    trips: &[],
};

fn look(evidence: &Evidence) -> Vec<Problem> {
    // Where a certificate or its entry is broken, that is told, and not what is missing by it.
    let is_broken = |problem: &Problem| {
        let of_certificates = ["certificate", "EF(CDF)"].contains(&problem.file());
        of_certificates && problem.severity() == Severity::Error && !problem.is_state()
    };
    if !evidence.all_certificates || evidence.problems.iter().any(is_broken) {
        return Vec::new();
    }
    let mut certificates_of_keys = BTreeMap::<&[u8], usize>::new();
    let mut keys_of = BTreeMap::<&[u8], BTreeSet<&[u8]>>::new();
    let holders = || evidence.slots().filter(|slot| !slot.is_authority());
    for slot in holders() {
        if let Some(info) = &slot.info {
            let keys = keys_of.entry(&info.issuer_der).or_default();
            keys.insert(&slot.key_id().0);
            *certificates_of_keys.entry(&slot.key_id().0).or_default() += 1;
        }
    }
    // As many for each key: whoever issued them, there is a pair for each.
    let counts = certificates_of_keys.values().collect::<BTreeSet<_>>();
    if counts.len() <= 1 {
        return Vec::new();
    }
    let Some(all) = keys_of.values().max_by_key(|keys| keys.len()).cloned() else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    for slot in holders() {
        let Some(info) = &slot.info else { continue };
        // Once for each issuer, at its first certificate.
        let Some(keys) = keys_of.remove(info.issuer_der.as_slice()) else {
            continue;
        };
        let missing: Vec<_> = all.difference(&keys).map(hex::encode_upper).collect();
        if missing.is_empty() {
            continue;
        }
        let message = format!(
            "{} has issued a certificate for key {} and none for key {}, as others have",
            info.issuer_text().unwrap_or("its issuer"),
            slot.key_id(),
            missing.join(", ")
        );
        problems.push(evidence.of_slot(slot, Severity::Warning, MISSING_HALF, message));
    }
    problems
}
