//! Is what a private key's path leads to a key, in use, and the one that its certificates are for?

use kortlab_card::{Problem, Severity};

use super::Rule;
use crate::evidence::{Evidence, KeyRead, Told};

/// The file holds no key.
const NO_KEY: &str = "no-key-in-file";
/// The file holds another key than the certificates of its identifier are for.
const KEY_STALE: &str = "key-stale";

pub(super) static RULE: Rule = Rule {
    id: "key-files",
    help: "is each key there, in use, and the one its certificates are for?",
    explanation: "EF(PrKDF) finds a key by its path or reference; after a renewal that may lead to \
                  an old key, or to none, while the certificates are for the new one",
    remedy: "whoever renewed the card must correct EF(PrKDF), or write the certificate of the key \
             that is there",
    codes: &[NO_KEY, KEY_STALE, "not-a-key-file", "key-file-not-active"],
    look,
    trips: &[(NO_KEY, "OpenSC")],
};

/// Only of cards that tell the public key of a key file, as the EID applet does.
fn look(evidence: &Evidence) -> Vec<Problem> {
    let mut problems = Vec::new();
    for key in &evidence.keys {
        let modulus = match &key.told {
            Told::Nothing => continue,
            Told::NoKey => {
                problems.push(no_key(key));
                continue;
            }
            Told::Modulus(modulus) => modulus,
        };
        let slots = evidence.slots();
        let of_key = slots.filter(|slot| !slot.is_authority() && *slot.key_id() == key.key.id);
        let moduli = of_key.filter_map(|slot| slot.info.as_ref()?.public_key.as_ref());
        let mut moduli = moduli.map(|public| public.modulus().to_vec()).peekable();
        if moduli.peek().is_none() || moduli.any(|other| other == *modulus) {
            continue;
        }
        let message = format!(
            "the key in {} is none of those that the certificates of key {} are for: what it signs \
             does not verify",
            key.key.path, key.key.id
        );
        let problem = Problem::new(
            Severity::Error,
            KEY_STALE,
            "EF(PrKDF)",
            &key.directory,
            message,
        );
        problems.push(problem.about(key.object.clone()));
    }
    problems
}

/// The card, which tells the public key of a key file without a PIN, says that there is none in this.
fn no_key(key: &KeyRead) -> Problem {
    let message = format!(
        "the card says that {} holds no key (6A88 to GET DATA 0101), and tells it of a file that does: \
         key {} cannot be used",
        key.key.path, key.key.id
    );
    let severity = Severity::Error;
    let problem = Problem::new(severity, NO_KEY, "EF(PrKDF)", &key.directory, message);
    problem.about(key.object.clone()).hint(
        "the key must be made anew, with its certificates, by whoever issued the card: a private key \
         cannot be restored",
    )
}
