//! CMS SignedData (RFC 5652) by a card: the approval of an order, and the receipt.
//!
//! The shape is the one such cards' clients produce: version 1, the content inside, the signer's
//! certificate only, the signer named by issuer and serial number, and the signed attributes
//! contentType, signingTime and messageDigest. The host builds it, the card signs the attributes
//! ([`MessageToSign`]), the portal checks it ([`SignedMessage::verify`]).

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::ObjectIdentifier;
use der::asn1::{Any, OctetString, SetOfVec};
use der::{Decode, Encode};
use sha2::{Digest, Sha256};
use spki::AlgorithmIdentifierOwned;
use subtle::ConstantTimeEq;
use x509_cert::Certificate;
use x509_cert::attr::{Attribute, Attributes};
use x509_cert::time::Time;

use crate::clock::Timestamp;
use crate::error::{DocumentError, decode_der};
use crate::inspect::CERTIFICATE_LIMIT;
use crate::oid;
use crate::public_key::PublicKey;

const WHAT: &str = "the signed message";
/// The content is a page of text, the certificate some 2 kB.
const LIMIT: usize = 32 * 1024;
/// A signer that adds attributes adds a few.
const MAX_ATTRIBUTES: usize = 16;

/// A message that waits for the card's signature.
#[derive(Clone, Debug)]
pub struct MessageToSign {
    content: Vec<u8>,
    certificate: Certificate,
    key: PublicKey,
    attributes: Attributes,
    bytes: Vec<u8>,
}

impl MessageToSign {
    /// A message with `content`, to be signed with the key of the DER `certificate`.
    ///
    /// # Errors
    /// The certificate cannot be read, or encoding failed.
    pub fn new(
        content: &[u8],
        certificate: &[u8],
        signing_time: Timestamp,
    ) -> Result<Self, DocumentError> {
        let certificate: Certificate =
            decode_der("the signer's certificate", certificate, CERTIFICATE_LIMIT)?;
        let key = PublicKey::from_spki(certificate.tbs_certificate().subject_public_key_info())?;
        let attributes = signed_attributes(content, signing_time).map_err(malformed)?;
        let bytes = attributes.to_der().map_err(malformed)?;
        Ok(Self {
            content: content.to_vec(),
            certificate,
            key,
            attributes,
            bytes,
        })
    }

    /// The DER SET OF signed attributes (RFC 5652 §5.4): what the card signs, with
    /// RSASSA-PKCS1-v1_5 and SHA-256.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.bytes
    }

    /// Puts the signature in and returns the DER ContentInfo.
    ///
    /// # Errors
    /// The signature is not by the certificate's key, or encoding failed.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, DocumentError> {
        self.key.verify_sha256(WHAT, &self.bytes, signature)?;
        self.assemble(signature).map_err(malformed)
    }

    /// Builds a message and has `sign` sign it: the whole in one call.
    ///
    /// # Errors
    /// As for [`MessageToSign::new`] and [`MessageToSign::finish`], and what `sign` fails with.
    pub fn sign_with<E: From<DocumentError>>(
        content: &[u8],
        certificate: &[u8],
        signing_time: Timestamp,
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, E> {
        let message = Self::new(content, certificate, signing_time)?;
        let signature = sign(message.to_be_signed())?;
        Ok(message.finish(&signature)?)
    }

    fn assemble(self, signature: &[u8]) -> Result<Vec<u8>, der::Error> {
        let tbs = self.certificate.tbs_certificate();
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: tbs.issuer().clone(),
                serial_number: tbs.serial_number().clone(),
            }),
            digest_alg: sha256(),
            signed_attrs: Some(self.attributes),
            signature_algorithm: AlgorithmIdentifierOwned {
                oid: oid::RSA_ENCRYPTION,
                parameters: Some(Any::null()),
            },
            signature: OctetString::new(signature)?,
            unsigned_attrs: None,
        };
        let signed = SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::try_from(vec![sha256()])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: oid::DATA,
                econtent: Some(Any::encode_from(&OctetString::new(self.content)?)?),
            },
            certificates: Some(CertificateSet::try_from(vec![
                CertificateChoices::Certificate(self.certificate),
            ])?),
            crls: None,
            signer_infos: SignerInfos::try_from(vec![signer])?,
        };
        ContentInfo {
            content_type: oid::SIGNED_DATA,
            content: Any::encode_from(&signed)?,
        }
        .to_der()
    }
}

/// A message whose signature was checked with the certificate inside it. Whether that
/// certificate is to be trusted, and for what, is for the caller to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedMessage {
    content: Vec<u8>,
    certificate: Vec<u8>,
    public_key: PublicKey,
    signing_time: Timestamp,
}

impl SignedMessage {
    /// Reads a DER ContentInfo from anyone and checks digest and signature.
    ///
    /// # Errors
    /// Not DER, too long, not of the shape described at the top of this module, or a digest or
    /// signature that does not fit.
    pub fn verify(der: &[u8]) -> Result<Self, DocumentError> {
        let outer: ContentInfo = decode_der(WHAT, der, LIMIT)?;
        require(
            outer.content_type == oid::SIGNED_DATA,
            "it is not CMS SignedData",
        )?;
        let inner = outer.content.to_der().map_err(malformed)?;
        let signed: SignedData = decode_der(WHAT, &inner, LIMIT)?;
        require(
            signed.version == CmsVersion::V1,
            "its version is not 1 (RFC 5652 §5.1)",
        )?;
        require(
            signed.encap_content_info.econtent_type == oid::DATA,
            "its content is not of type id-data",
        )?;
        require(
            matches!(signed.digest_algorithms.as_slice(), [one] if is(one, oid::SHA_256)),
            "its digest algorithms are not SHA-256 alone",
        )?;
        require(signed.crls.is_none(), "it carries CRLs")?;
        let content = content(&signed)?;
        let certificate = only_certificate(&signed)?;
        let signer = match signed.signer_infos.0.as_slice() {
            [signer] => signer,
            signers => {
                return Err(refused(format!(
                    "it has {} signers, not one",
                    signers.len()
                )));
            }
        };
        let (attributes, signing_time) = check_signer(signer, certificate, &content)?;
        let public_key =
            PublicKey::from_spki(certificate.tbs_certificate().subject_public_key_info())?;
        let bytes = attributes.to_der().map_err(malformed)?;
        public_key.verify_sha256(WHAT, &bytes, signer.signature.as_bytes())?;
        Ok(Self {
            content,
            certificate: certificate.to_der().map_err(malformed)?,
            public_key,
            signing_time,
        })
    }

    /// What was signed.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The signer's certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The key in that certificate.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// When the signer says it signed.
    pub fn signing_time(&self) -> Timestamp {
        self.signing_time
    }
}

fn content(signed: &SignedData) -> Result<Vec<u8>, DocumentError> {
    let Some(content) = &signed.encap_content_info.econtent else {
        return Err(refused("its content is missing (a detached signature)"));
    };
    let octets = content.decode_as::<OctetString>().map_err(malformed)?;
    Ok(octets.as_bytes().to_vec())
}

fn only_certificate(signed: &SignedData) -> Result<&Certificate, DocumentError> {
    let certificates = signed
        .certificates
        .as_ref()
        .map(|set| set.0.as_slice())
        .unwrap_or_default();
    match certificates {
        [CertificateChoices::Certificate(certificate)] => Ok(certificate),
        _ => Err(refused(
            "it must carry the signer's certificate and no other",
        )),
    }
}

/// Checks everything of the SignerInfo but the signature.
fn check_signer<'a>(
    signer: &'a SignerInfo,
    certificate: &Certificate,
    content: &[u8],
) -> Result<(&'a Attributes, Timestamp), DocumentError> {
    let tbs = certificate.tbs_certificate();
    let named = match &signer.sid {
        SignerIdentifier::IssuerAndSerialNumber(sid) => {
            sid.issuer == *tbs.issuer() && sid.serial_number == *tbs.serial_number()
        }
        SignerIdentifier::SubjectKeyIdentifier(_) => false,
    };
    require(
        named && signer.version == CmsVersion::V1,
        "its signer is not named by the issuer and serial number of the certificate in it",
    )?;
    require(
        is(&signer.digest_alg, oid::SHA_256),
        "its digest algorithm is not SHA-256",
    )?;
    require(
        is(&signer.signature_algorithm, oid::RSA_ENCRYPTION)
            || is(&signer.signature_algorithm, oid::SHA_256_WITH_RSA),
        "its signature algorithm is not RSA with SHA-256",
    )?;
    require(
        signer.unsigned_attrs.is_none(),
        "it carries unsigned attributes",
    )?;
    let Some(attributes) = &signer.signed_attrs else {
        return Err(refused("it has no signed attributes"));
    };
    require(
        attributes.len() <= MAX_ATTRIBUTES,
        "it has too many signed attributes",
    )?;
    let content_type = only_value(attributes, oid::CONTENT_TYPE)?
        .decode_as::<ObjectIdentifier>()
        .map_err(malformed)?;
    require(
        content_type == oid::DATA,
        "its contentType attribute differs from its content's type",
    )?;
    let digest = only_value(attributes, oid::MESSAGE_DIGEST)?
        .decode_as::<OctetString>()
        .map_err(malformed)?;
    require(
        bool::from(digest.as_bytes().ct_eq(&Sha256::digest(content))),
        "its messageDigest attribute is not the digest of its content",
    )?;
    let time = only_value(attributes, oid::SIGNING_TIME)?
        .to_der()
        .and_then(|der| Time::from_der(&der))
        .map_err(malformed)?;
    Ok((attributes, Timestamp::from_x509(time)))
}

/// The one value of the one attribute of this type (RFC 5652 §11 allows neither none nor two).
fn only_value(attributes: &Attributes, oid: ObjectIdentifier) -> Result<&Any, DocumentError> {
    let mut found = attributes.iter().filter(|one| one.oid == oid);
    match (found.next(), found.next()) {
        (Some(attribute), None) => match attribute.values.as_slice() {
            [value] => Ok(value),
            values => Err(refused(format!(
                "its signed attribute {oid} has {} values, not one",
                values.len()
            ))),
        },
        _ => Err(refused(format!(
            "its signed attribute {oid} is not there exactly once"
        ))),
    }
}

fn signed_attributes(content: &[u8], time: Timestamp) -> Result<Attributes, der::Error> {
    let attribute = |oid, value| {
        Ok::<_, der::Error>(Attribute {
            oid,
            values: SetOfVec::try_from(vec![value])?,
        })
    };
    let digest = OctetString::new(Sha256::digest(content).as_slice())?;
    SetOfVec::try_from(vec![
        attribute(oid::CONTENT_TYPE, Any::encode_from(&oid::DATA)?)?,
        attribute(
            oid::SIGNING_TIME,
            Any::from_der(&time.to_x509()?.to_der()?)?,
        )?,
        attribute(oid::MESSAGE_DIGEST, Any::encode_from(&digest)?)?,
    ])
}

/// RFC 5754 §2: writers leave the parameters out.
fn sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: oid::SHA_256,
        parameters: None,
    }
}

fn is(algorithm: &AlgorithmIdentifierOwned, oid: ObjectIdentifier) -> bool {
    algorithm.oid == oid && algorithm.parameters.as_ref().is_none_or(Any::is_null)
}

fn malformed(source: der::Error) -> DocumentError {
    DocumentError::Malformed { what: WHAT, source }
}

fn refused(why: impl Into<String>) -> DocumentError {
    DocumentError::unacceptable(WHAT, why)
}

fn require(holds: bool, why: &str) -> Result<(), DocumentError> {
    if holds { Ok(()) } else { Err(refused(why)) }
}
