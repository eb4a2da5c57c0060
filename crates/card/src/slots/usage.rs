//! Whether the card lets a key do what its certificates are for (PKCS#15 §6.1.9, table 2, which sets the
//! usage of a key beside keyUsage of X.509).

use kortlab_apdu::Channel;
use kortlab_pkcs15::{KeyUsage, PrivateKey, X509KeyUsage};

use super::{CheckedSlot, SlotProblem};
use crate::card::Card;
use crate::certificate::{CertificateInfo, KEY_USAGE};
use crate::contents::Contents;
use crate::keys::private_keys;

/// What signatures are made with.
const SIGNS: KeyUsage = KeyUsage::SIGN.union(KeyUsage::SIGN_RECOVER);
/// What a private key can be used for at all; the rest is for public and secret keys.
const PRIVATE: KeyUsage = SIGNS
    .union(KeyUsage::NON_REPUDIATION)
    .union(KeyUsage::DECRYPT)
    .union(KeyUsage::UNWRAP)
    .union(KeyUsage::DERIVE);

impl<C: Channel> Card<C> {
    /// Whether EF(PrKDF) lets the key of a holder's certificate do what that is for. A certificate of
    /// another key says nothing of this one, and that the card lists no key is told already.
    ///
    /// `commits`: whether any key of the card is said to be for signatures that commit the holder; an
    /// issuer of cards that says it of none does without, and any key that signs may be for them.
    pub(super) fn look_at_usage(
        &self,
        checked: &mut CheckedSlot,
        info: &CertificateInfo,
        commits: bool,
    ) {
        let is_of_another =
            |problem: &SlotProblem| matches!(problem, SlotProblem::KeyMismatch { .. });
        if checked.slot.is_authority() || checked.problems.iter().any(is_of_another) {
            return;
        }
        let Some(key) = self.contents().private_key(checked.slot.key_id()) else {
            return;
        };
        let id = key.id().clone();
        if !key.key.native {
            checked.problems.push(SlotProblem::KeyNotNative { key: id });
            return;
        }
        let wanted = wanted(info);
        if suits(wanted, key.usage(), commits) {
            return;
        }
        let wanted = wanted.map_or_else(|| "any use".to_owned(), |wanted| wanted.to_string());
        checked.problems.push(SlotProblem::UsageMismatch {
            key: id,
            wanted,
            usage: key.usage(),
        });
    }
}

/// Whether any private key of the card is said to be for signatures that commit the holder.
pub(super) fn is_any_for_commitment(contents: &Contents) -> bool {
    let mut keys = private_keys(contents).map(PrivateKey::usage);
    keys.any(|usage| usage.contains(KeyUsage::NON_REPUDIATION))
}

/// keyUsage of a certificate (RFC 5280 §4.2.1.3); `None` if it says none, and so is for everything.
pub(super) fn wanted(info: &CertificateInfo) -> Option<X509KeyUsage> {
    info.extension(KEY_USAGE).and_then(bits)
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
fn suits(wanted: Option<X509KeyUsage>, usage: KeyUsage, commits: bool) -> bool {
    let Some(wanted) = wanted else {
        return usage.intersects(PRIVATE);
    };
    let able = [
        (X509KeyUsage::DIGITAL_SIGNATURE, SIGNS),
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
    asked.peek().is_none()
        || asked.any(|(_, card)| usage.intersects(*card))
        || wanted.contains(X509KeyUsage::NON_REPUDIATION) && usage.intersects(SIGNS) && !commits
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
        let auth = Some(X509KeyUsage::DIGITAL_SIGNATURE | X509KeyUsage::KEY_ENCIPHERMENT);
        let commits = Some(X509KeyUsage::NON_REPUDIATION);
        let used = true;
        assert!(suits(auth, KeyUsage::SIGN, used));
        assert!(suits(auth, KeyUsage::DECRYPT, used));
        assert!(!suits(auth, KeyUsage::NON_REPUDIATION, used));
        assert!(!suits(commits, KeyUsage::SIGN, used));
        assert!(suits(commits, KeyUsage::SIGN | KeyUsage::DECRYPT, false));
        assert!(!suits(commits, KeyUsage::DECRYPT, false));
        assert!(suits(Some(X509KeyUsage::CRL_SIGN), KeyUsage::empty(), used));
        assert!(suits(None, KeyUsage::UNWRAP, used));
        assert!(!suits(None, KeyUsage::ENCRYPT | KeyUsage::VERIFY, used));
        assert!(!suits(None, KeyUsage::empty(), used));
    }
}
