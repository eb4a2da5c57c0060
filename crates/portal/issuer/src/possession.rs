//! The key of a certificate, whatever else is in it, and signatures by keys of any usual size: for a
//! TLS handshake that is to show who has the key, and not whether the certificate is any good.

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use sha2::{Sha256, Sha384, Sha512};
use spki::SubjectPublicKeyInfoOwned;

use crate::error::DocumentError;
use crate::public_key::PublicKey;

const WHAT: &str = "the certificate";

/// The SubjectPublicKeyInfo of a DER certificate (RFC 5280 §4.1): its DER. Nothing else of the
/// certificate is read: its version, extensions and dates may be what they like.
///
/// # Errors
/// It does not have the shape of a certificate.
pub fn subject_public_key_info(certificate: &[u8]) -> Result<&[u8], DocumentError> {
    let malformed = |source| DocumentError::Malformed { what: WHAT, source };
    let certificate = AnyRef::from_der(certificate).map_err(malformed)?;
    find(certificate).map_err(malformed)
}

fn find<'a>(certificate: AnyRef<'a>) -> Result<&'a [u8], der::Error> {
    certificate.tag().assert_eq(Tag::Sequence)?;
    let mut certificate = SliceReader::new(certificate.value())?;
    let to_be_signed = AnyRef::decode(&mut certificate)?;
    to_be_signed.tag().assert_eq(Tag::Sequence)?;
    let mut fields = SliceReader::new(to_be_signed.value())?;
    // version is DEFAULT v1; then serialNumber, signature, issuer, validity, subject.
    if Tag::peek(&fields)?.is_context_specific() {
        fields.tlv_bytes()?;
    }
    for _ in 0..5 {
        fields.tlv_bytes()?;
    }
    fields.tlv_bytes()
}

/// The two parts of a SubjectPublicKeyInfo, as cryptographic libraries ask for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyInfo<'a> {
    /// The contents of the AlgorithmIdentifier.
    pub algorithm: &'a [u8],
    /// The bits of the key.
    pub key: &'a [u8],
}

impl<'a> KeyInfo<'a> {
    /// Takes a DER SubjectPublicKeyInfo apart.
    ///
    /// # Errors
    /// It does not have its shape.
    pub fn from_der(der: &'a [u8]) -> Result<Self, DocumentError> {
        let parts = || {
            let info = AnyRef::from_der(der)?;
            info.tag().assert_eq(Tag::Sequence)?;
            let mut fields = SliceReader::new(info.value())?;
            let algorithm = AnyRef::decode(&mut fields)?;
            algorithm.tag().assert_eq(Tag::Sequence)?;
            let key = BitStringRef::decode(&mut fields)?;
            let key = key
                .as_bytes()
                .ok_or_else(|| Tag::BitString.length_error())?;
            Ok(Self {
                algorithm: algorithm.value(),
                key,
            })
        };
        parts().map_err(|source: der::Error| DocumentError::Malformed { what: WHAT, source })
    }
}

/// How an RSA key signs a TLS handshake (RFC 8446 §4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaScheme {
    /// rsa_pkcs1_sha256.
    Pkcs1Sha256,
    /// rsa_pkcs1_sha384.
    Pkcs1Sha384,
    /// rsa_pkcs1_sha512.
    Pkcs1Sha512,
    /// rsa_pss_rsae_sha256.
    PssSha256,
    /// rsa_pss_rsae_sha384.
    PssSha384,
    /// rsa_pss_rsae_sha512.
    PssSha512,
}

impl RsaScheme {
    /// Checks a signature by the RSA key of a SubjectPublicKeyInfo (DER), of 1024 bits or more: too
    /// weak to be trusted is not too weak to show who has it.
    ///
    /// # Errors
    /// Not an RSA key of 1024 to 4096 bits, or the signature does not verify.
    pub fn verify(self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), DocumentError> {
        let malformed = |source| DocumentError::Malformed { what: WHAT, source };
        let key = SubjectPublicKeyInfoOwned::from_der(key).map_err(malformed)?;
        let key = PublicKey::from_spki(&key)?;
        let key = key.rsa();
        let verified = match self {
            Self::Pkcs1Sha256 => key.pkcs1v15_verify::<Sha256>(message, signature),
            Self::Pkcs1Sha384 => key.pkcs1v15_verify::<Sha384>(message, signature),
            Self::Pkcs1Sha512 => key.pkcs1v15_verify::<Sha512>(message, signature),
            Self::PssSha256 => key.pss_verify::<Sha256>(message, signature),
            Self::PssSha384 => key.pss_verify::<Sha384>(message, signature),
            Self::PssSha512 => key.pss_verify::<Sha512>(message, signature),
        };
        verified.map_err(|_| DocumentError::Signature {
            what: "the handshake",
            key: "of the certificate",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsa::pkcs8::EncodePublicKey as _;

    #[test]
    fn the_key_is_found_in_a_certificate_with_and_without_a_version_and_nowhere_else() {
        let private =
            rsa::PrivateKey::new(&mut crate::random::IssuerRng::from_seed(1, "key"), 1024).unwrap();
        let key = private.to_public_key().to_public_key_der().unwrap();
        let sequence = |content: &[u8]| {
            // 128 to 255 bytes.
            let mut der = vec![0x30, 0x81, content.len() as u8];
            der.extend(content);
            der
        };
        let fields = [
            &[0x02, 1, 1][..],
            &[0x30, 0],
            &[0x30, 0],
            &[0x30, 0],
            &[0x30, 0],
        ]
        .concat();
        for version in [&[][..], &[0xA0, 3, 2, 1, 2]] {
            let whole = [version, &fields, key.as_bytes()].concat();
            let whole = sequence(&sequence(&whole));
            assert_eq!(subject_public_key_info(&whole).unwrap(), key.as_bytes());
            for end in 0..whole.len() {
                assert!(subject_public_key_info(&whole[..end]).is_err());
            }
        }
        assert!(subject_public_key_info(&[0x04, 0]).is_err());
        let signature = private.pss_sign::<Sha384>(b"hello").unwrap();
        let scheme = RsaScheme::PssSha384;
        assert!(scheme.verify(key.as_bytes(), b"hello", &signature).is_ok());
        assert!(scheme.verify(key.as_bytes(), b"hallo", &signature).is_err());
        assert!(
            RsaScheme::PssSha256
                .verify(key.as_bytes(), b"hello", &signature)
                .is_err()
        );
    }
}
