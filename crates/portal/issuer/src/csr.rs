//! PKCS#10 certification requests (RFC 2986) for keys that never leave a card.
//!
//! The host builds the CertificationRequestInfo, the card signs it ([`RequestToSign`]); the portal
//! checks that whoever asks has the key ([`CertificationRequest::verify`]).

use der::Encode;
use der::asn1::{BitString, SetOfVec};
use spki::AlgorithmIdentifierOwned;
use x509_cert::request::{CertReq, CertReqInfo, Version};

use crate::IssueError;
use crate::error::{DocumentError, decode_der};
use crate::name::{self, NameBuilder};
use crate::oid;
use crate::public_key::PublicKey;

const WHAT: &str = "the PKCS#10 request";
/// Requests for RSA-2048 have some 650 bytes.
const LIMIT: usize = 8 * 1024;

/// A request that waits for the card's signature.
#[derive(Clone, Debug)]
pub struct RequestToSign {
    info: CertReqInfo,
    bytes: Vec<u8>,
    key: PublicKey,
}

impl RequestToSign {
    /// A request for `key`, naming `common_name` (the portal takes its own data, not these).
    ///
    /// # Errors
    /// The name does not fit, or encoding failed.
    pub fn new(key: &PublicKey, common_name: &str) -> Result<Self, IssueError> {
        let info = CertReqInfo {
            version: Version::V1,
            subject: NameBuilder::new()
                .utf8(oid::COMMON_NAME, common_name)?
                .build()?,
            public_key: key.to_spki().map_err(IssueError::PublicKey)?,
            attributes: SetOfVec::new(),
        };
        let bytes = info.to_der().map_err(IssueError::encode(WHAT))?;
        Ok(Self {
            info,
            bytes,
            key: key.clone(),
        })
    }

    /// The DER CertificationRequestInfo: what the card signs, with RSASSA-PKCS1-v1_5 and SHA-256.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.bytes
    }

    /// Puts the signature in and returns the DER request.
    ///
    /// # Errors
    /// The signature is not by the request's key: another key of the card signed.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, DocumentError> {
        self.key.verify_sha256(WHAT, &self.bytes, signature)?;
        let malformed = |source| DocumentError::Malformed { what: WHAT, source };
        CertReq {
            info: self.info,
            algorithm: sha256_with_rsa(),
            signature: BitString::from_bytes(signature).map_err(malformed)?,
        }
        .to_der()
        .map_err(malformed)
    }

    /// Builds a request and has `sign` sign it: the whole in one call.
    ///
    /// # Errors
    /// As for [`RequestToSign::new`] and [`RequestToSign::finish`], and what `sign` fails with.
    pub fn sign_with<E>(
        key: &PublicKey,
        common_name: &str,
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, E>
    where
        E: From<IssueError> + From<DocumentError>,
    {
        let request = Self::new(key, common_name)?;
        let signature = sign(request.to_be_signed())?;
        Ok(request.finish(&signature)?)
    }
}

/// A request whose signature was checked with the key in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificationRequest {
    public_key: PublicKey,
    common_name: Option<String>,
}

impl CertificationRequest {
    /// Reads a DER request from anyone, and checks that it is signed with the key it names.
    ///
    /// # Errors
    /// Not DER, too long, another algorithm than sha256WithRSAEncryption, not an RSA key of 1024
    /// to 4096 bits, or a wrong signature.
    pub fn verify(der: &[u8]) -> Result<Self, DocumentError> {
        let request: CertReq = decode_der(WHAT, der, LIMIT)?;
        if !is_sha256_with_rsa(&request.algorithm) {
            return Err(DocumentError::unacceptable(
                "the PKCS#10 request's signature algorithm",
                format!(
                    "it is {}; only sha256WithRSAEncryption is accepted",
                    request.algorithm.oid
                ),
            ));
        }
        let public_key = PublicKey::from_spki(&request.info.public_key)?;
        // The canonical encoding equals the bytes received: decode_der has compared them.
        let signed = request
            .info
            .to_der()
            .map_err(|source| DocumentError::Malformed { what: WHAT, source })?;
        let signature = request.signature.as_bytes().unwrap_or_default();
        public_key.verify_sha256(WHAT, &signed, signature)?;
        Ok(Self {
            public_key,
            common_name: name::attribute(&request.info.subject, oid::COMMON_NAME),
        })
    }

    /// The key it asks a certificate for.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The common name it gives.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }
}

fn sha256_with_rsa() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: oid::SHA_256_WITH_RSA,
        parameters: Some(der::Any::null()),
    }
}

/// NULL parameters or none (RFC 4055 §5 has writers write NULL and readers take both).
fn is_sha256_with_rsa(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.oid == oid::SHA_256_WITH_RSA
        && algorithm.parameters.as_ref().is_none_or(der::Any::is_null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::IssuerRng;
    use rsa::pkcs8::EncodePublicKey;
    use sha2::Sha256;

    fn key(purpose: &str) -> (rsa::PrivateKey, PublicKey) {
        let private = rsa::PrivateKey::new(&mut IssuerRng::from_seed(1, purpose), 1024).unwrap();
        let der = private.to_public_key().to_public_key_der().unwrap();
        let public = PublicKey::from_spki_der(der.as_bytes()).unwrap();
        (private, public)
    }

    #[test]
    fn a_request_signed_by_the_card_verifies_and_openssl_agrees() {
        let (private, public) = key("one");
        let request = RequestToSign::new(&public, "Åsa Provkortsson").unwrap();
        let signature = private
            .pkcs1v15_sign::<Sha256>(request.to_be_signed())
            .unwrap();
        let der = request.finish(&signature).unwrap();
        let verified = CertificationRequest::verify(&der).unwrap();
        assert_eq!(verified.public_key(), &public);
        assert_eq!(verified.common_name(), Some("Åsa Provkortsson"));

        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("request.der");
        std::fs::write(&file, &der).unwrap();
        let out = std::process::Command::new("openssl")
            .args(["req", "-inform", "DER", "-verify", "-noout", "-in"])
            .arg(&file)
            .output()
            .expect("openssl is missing; run: cargo xtask test");
        assert!(out.status.success(), "{out:?}");
    }

    #[test]
    fn a_signature_by_another_key_is_refused_on_both_sides() {
        let (_, public) = key("one");
        let (other, _) = key("two");
        let request = RequestToSign::new(&public, "X").unwrap();
        let signature = other
            .pkcs1v15_sign::<Sha256>(request.to_be_signed())
            .unwrap();
        assert!(matches!(
            request.clone().finish(&signature),
            Err(DocumentError::Signature { .. })
        ));
        let forged = CertReq {
            info: request.info,
            algorithm: sha256_with_rsa(),
            signature: BitString::from_bytes(&signature).unwrap(),
        };
        assert!(matches!(
            CertificationRequest::verify(&forged.to_der().unwrap()),
            Err(DocumentError::Signature { .. })
        ));
    }

    #[test]
    fn each_changed_byte_of_a_request_is_noticed() {
        let (private, public) = key("one");
        let request = RequestToSign::new(&public, "X").unwrap();
        let signature = private
            .pkcs1v15_sign::<Sha256>(request.to_be_signed())
            .unwrap();
        let der = request.finish(&signature).unwrap();
        for index in 0..der.len() {
            let mut changed = der.clone();
            changed[index] ^= 0x01;
            assert!(CertificationRequest::verify(&changed).is_err(), "{index}");
            assert!(CertificationRequest::verify(&der[..index]).is_err());
        }
    }

    #[test]
    fn another_algorithm_and_an_oversized_request_are_refused() {
        let (_, public) = key("one");
        let request = RequestToSign::new(&public, "X").unwrap();
        let sha1 = CertReq {
            info: request.info,
            algorithm: AlgorithmIdentifierOwned {
                oid: const_oid::ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"),
                parameters: Some(der::Any::null()),
            },
            signature: BitString::from_bytes(&[0; 128]).unwrap(),
        };
        assert!(matches!(
            CertificationRequest::verify(&sha1.to_der().unwrap()),
            Err(DocumentError::Unacceptable { .. })
        ));
        assert!(matches!(
            CertificationRequest::verify(&[0x30; LIMIT + 1]),
            Err(DocumentError::TooLong { .. })
        ));
    }
}
