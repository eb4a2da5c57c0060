//! Does the card let a key do what its certificate is for?

use kortlab_card::{Problem, Severity};
use kortlab_pkcs15::{KeyUsage, X509KeyUsage};

use super::Rule;
use crate::evidence::Evidence;

/// The certificate is for something that the card does not let its key do.
const USAGE_MISMATCH: &str = "usage-mismatch";

/// The keyUsage extension, 2.5.29.15 (RFC 5280 §4.2.1.3).
const KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x0F];

pub(super) static RULE: Rule = Rule {
    id: "usage",
    help: "may each key do what its certificates are for?",
    explanation: "programs choose a certificate by its key usage and a key by EF(PrKDF)'s; where the \
                  two disagree, they find no key for the certificate, or the card refuses",
    remedy: "write the certificate for the key that it is for, or have EF(PrKDF) corrected",
    codes: &[USAGE_MISMATCH],
    look,
    trips: &[],
};

fn look(evidence: &Evidence) -> Vec<Problem> {
    let mut problems = Vec::new();
    for slot in evidence.slots().filter(|slot| !slot.is_authority()) {
        let key = evidence
            .keys
            .iter()
            .find(|key| key.key.id == *slot.key_id());
        let extension = slot
            .info
            .as_ref()
            .and_then(|info| info.extension(KEY_USAGE));
        let (Some(key), Some(wanted)) = (key, extension.and_then(bits)) else {
            continue;
        };
        // A certificate of another key says nothing of this one.
        if suits(wanted, key.key.usage) || evidence.is_of_another_key(slot) {
            continue;
        }
        let (wanted, usage) = (names(wanted.names()), names(key.key.usage.names()));
        let message = format!(
            "the certificate is for {wanted}; EF(PrKDF) lets key {} do {usage} alone",
            key.key.id
        );
        problems.push(evidence.of_slot(slot, Severity::Warning, USAGE_MISMATCH, message));
    }
    problems
}

/// The bits of the extension, a BIT STRING.
fn bits(value: &[u8]) -> Option<X509KeyUsage> {
    let [0x03, _, _unused, content @ ..] = value else {
        return None;
    };
    let bits = content
        .iter()
        .take(2)
        .enumerate()
        .fold(0_u32, |bits, (index, byte)| {
            bits | u32::from(byte.reverse_bits()) << (8 * index)
        });
    (bits != 0).then(|| X509KeyUsage::from_bits(bits))
}

/// Whether a key of this usage can do any of what the certificate is for. A certificate for nothing
/// that a card's key does is not looked at.
fn suits(wanted: X509KeyUsage, usage: KeyUsage) -> bool {
    let able = [
        (
            X509KeyUsage::DIGITAL_SIGNATURE,
            KeyUsage::SIGN | KeyUsage::SIGN_RECOVER,
        ),
        (X509KeyUsage::NON_REPUDIATION, KeyUsage::NON_REPUDIATION),
        (
            X509KeyUsage::KEY_ENCIPHERMENT,
            KeyUsage::DECRYPT | KeyUsage::UNWRAP,
        ),
        (X509KeyUsage::DATA_ENCIPHERMENT, KeyUsage::DECRYPT),
        (X509KeyUsage::KEY_AGREEMENT, KeyUsage::DERIVE),
    ];
    let mut asked = able
        .iter()
        .filter(|(x509, _)| wanted.contains(*x509))
        .peekable();
    asked.peek().is_none() || asked.any(|(_, card)| usage.intersects(*card))
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<_> = names.collect();
    match all.is_empty() {
        true => "nothing".to_owned(),
        false => all.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_the_extension_are_those_that_openssl_names() {
        // `openssl x509 -text` of a certificate with 03 02 05 A0: Digital Signature, Key
        // Encipherment; 03 02 06 40: Non Repudiation.
        let auth = bits(&[0x03, 0x02, 0x05, 0xA0]);
        let expected = X509KeyUsage::DIGITAL_SIGNATURE | X509KeyUsage::KEY_ENCIPHERMENT;
        assert_eq!(auth, Some(expected));
        assert_eq!(
            bits(&[0x03, 0x02, 0x06, 0x40]),
            Some(X509KeyUsage::NON_REPUDIATION)
        );
        for nonsense in [
            &[][..],
            &[0x03],
            &[0x03, 0x01, 0x00],
            &[0x04, 0x02, 0x06, 0x40],
        ] {
            assert_eq!(bits(nonsense), None, "{nonsense:02X?}");
        }
    }

    #[test]
    fn a_key_suits_if_it_can_do_any_of_what_the_certificate_is_for() {
        let auth = X509KeyUsage::DIGITAL_SIGNATURE | X509KeyUsage::KEY_ENCIPHERMENT;
        assert!(suits(auth, KeyUsage::SIGN));
        assert!(suits(auth, KeyUsage::DECRYPT));
        assert!(!suits(auth, KeyUsage::NON_REPUDIATION));
        assert!(!suits(X509KeyUsage::NON_REPUDIATION, KeyUsage::SIGN));
        assert!(suits(X509KeyUsage::CRL_SIGN, KeyUsage::empty()));
    }
}
