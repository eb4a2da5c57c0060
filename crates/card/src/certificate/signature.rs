//! Signatures over certificates, revocation lists and answers of responders.

use kortlab_apdu::tlv::{Tag, Tlv, read_one};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::{Signature, VerifyingKey};

use crate::keys::{EC_PUBLIC_KEY, RsaPublicKey};
use crate::padding::{Hash, pkcs1_encode};

/// The arc of PKCS #1, 1.2.840.113549.1.1.
const PKCS_1: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01];
/// The arc of ANSI X9.62's signatures, 1.2.840.10045.4.
const ECDSA: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04];
/// prime256v1, 1.2.840.10045.3.1.7.
const P_256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

/// Whether the key in a SubjectPublicKeyInfo (RFC 5280 §4.1) signed `signed`: a certificate or a
/// revocation list in DER, or anything else of the form SEQUENCE { body, algorithm, signature }.
/// `None` if that cannot be told: another algorithm than RSASSA-PKCS1-v1_5 and ECDSA on P-256
/// (RFC 5758 §3.2) with a hash of [`Hash::ALL`], a key of another kind than that algorithm's, or
/// nothing of that form.
pub fn is_signed_by_spki(signed: &[u8], key: &[u8]) -> Option<bool> {
    let signed = Signed::read(signed)?;
    match RsaPublicKey::for_all_schemes(key) {
        Some(key) => signed.by_rsa(&key),
        None => signed.by_p256(&p256_key(key)?),
    }
}

/// SEQUENCE { body, algorithm, signature }.
struct Signed<'a> {
    body: &'a [u8],
    /// The content of the algorithm's identifier.
    algorithm: &'a [u8],
    signature: Tlv<'a>,
}

impl<'a> Signed<'a> {
    fn read(signed: &'a [u8]) -> Option<Self> {
        let mut parts = read_one(signed).ok()?.children();
        let body = parts.next()?.ok()?;
        let algorithm = parts.next()?.ok()?.children().next()?.ok()?;
        let signature = parts.next()?.ok()?;
        Some(Self {
            body: body.raw,
            algorithm: algorithm.value,
            signature,
        })
    }

    /// The bytes of the signature; `None` if it is no whole number of them.
    fn bits(&self) -> Option<&'a [u8]> {
        let (&unused, bits) = self.signature.value.split_first()?;
        (self.signature.tag == Tag::BIT_STRING && unused == 0).then_some(bits)
    }

    fn by_rsa(&self, key: &RsaPublicKey) -> Option<bool> {
        // RFC 8017 §A.2.4.
        let hash = match self.algorithm.strip_prefix(PKCS_1)? {
            [0x05] => Hash::Sha1,
            [0x0B] => Hash::Sha256,
            [0x0C] => Hash::Sha384,
            [0x0D] => Hash::Sha512,
            _ => return None,
        };
        let Some(signature) = self.bits() else {
            return Some(false);
        };
        let info = hash.digest_info(&hash.digest(self.body));
        let expected = pkcs1_encode(&info, key.modulus().len()).ok()?;
        let opened = key.open(signature);
        Some(opened.is_some_and(|opened| opened == expected))
    }

    fn by_p256(&self, key: &VerifyingKey) -> Option<bool> {
        // RFC 5758 §3.2, RFC 3279 §2.2.3.
        let hash = match self.algorithm.strip_prefix(ECDSA)? {
            [0x01] => Hash::Sha1,
            [0x03, 0x02] => Hash::Sha256,
            [0x03, 0x03] => Hash::Sha384,
            [0x03, 0x04] => Hash::Sha512,
            _ => return None,
        };
        let signature = self.bits().and_then(|bits| Signature::from_der(bits).ok());
        let Some(signature) = signature else {
            return Some(false);
        };
        let digest = hash.digest(self.body);
        Some(key.verify_prehash(&digest, &signature).is_ok())
    }
}

/// The key on P-256 in a SubjectPublicKeyInfo (RFC 5480 §2.1).
fn p256_key(spki: &[u8]) -> Option<VerifyingKey> {
    let mut parts = read_one(spki).ok()?.children();
    let mut algorithm = parts.next()?.ok()?.children();
    let kind = algorithm.next()?.ok()?;
    let curve = algorithm.next()?.ok()?;
    let bits = parts.next()?.ok()?;
    let is_p256 = kind.value == EC_PUBLIC_KEY && curve.value == P_256;
    let (&unused, point) = bits.value.split_first()?;
    let is_whole = bits.tag == Tag::BIT_STRING && unused == 0;
    (is_p256 && is_whole)
        .then(|| VerifyingKey::from_sec1_bytes(point).ok())
        .flatten()
}
