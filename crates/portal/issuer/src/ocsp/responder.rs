//! The responder: its key, its certificate, and the answers it signs.

use core::fmt;
use core::time::Duration;

use const_oid::ObjectIdentifier;
use der::asn1::{Any, BitString, GeneralizedTime, Null, OctetString};
use der::pem::LineEnding;
use der::{DateTime, Decode, DecodePem as _, Encode, EncodePem as _};
use p256::ecdsa::{DerSignature, SigningKey};
use p256::elliptic_curve::Generate;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use signature::Signer;
use spki::{AlgorithmIdentifierOwned, EncodePublicKey, SubjectPublicKeyInfoOwned};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use zeroize::Zeroizing;

use super::asn1::{
    BasicOcspResponse, CertId, CertStatus, OcspResponse, ResponderId, ResponseBytes, ResponseData,
    ResponseStatus, RevokedInfo, SingleResponse, Version,
};
use super::{Refusal, Request, Status};
use crate::IssueError;
use crate::authority::{Authority, AuthorityKind};
use crate::clock::{DAY, Timestamp};
use crate::inspect::CertificateSummary;
use crate::oid;
use crate::public_key::PublicKey;
use crate::random::IssuerRng;
use crate::revocation::RevocationReason;

/// How long an answer may be relied on (nextUpdate), and so be kept by caches.
pub const ANSWER_VALIDITY: Duration = Duration::from_secs(60 * 60);
/// How long a responder's certificate is valid. It cannot be revoked (id-pkix-ocsp-nocheck).
const CERTIFICATE_VALIDITY: Duration = Duration::from_secs(7 * DAY.as_secs());
/// A reader's clock may be behind by so much.
const BACKDATED: Duration = Duration::from_secs(60 * 60);

const WHAT: &str = "an OCSP response";

/// Answers for one authority, with a P-256 key and a certificate that the authority issued for
/// nothing else (RFC 6960 §4.2.2.2).
pub struct Responder {
    kind: AuthorityKind,
    key: SigningKey,
    certificate: Certificate,
    /// SHA-1 of the bits of its key.
    key_hash: OctetString,
    not_before: Timestamp,
    not_after: Timestamp,
    /// The authority as CertIDs name it: SHA-1 and SHA-256 of its name and of the bits of its key.
    issuers: [Issuer; 2],
}

struct Issuer {
    algorithm: ObjectIdentifier,
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
}

impl Responder {
    /// Makes a key and has the authority certify it.
    ///
    /// # Errors
    /// Encoding failed.
    pub fn create(
        authority: &mut Authority,
        now: Timestamp,
        rng: &mut IssuerRng,
    ) -> Result<Self, IssueError> {
        let key = SigningKey::generate_from_rng(rng);
        let public_key = public_key(&key)?;
        let encode = || IssueError::encode(WHAT);
        let key_hash = key_hash(&public_key)?;
        let (not_before, not_after) = (now.before(BACKDATED), now.after(CERTIFICATE_VALIDITY));
        let der = authority.issue_ocsp_responder(public_key, not_before, not_after, rng)?;
        Ok(Self {
            kind: authority.kind(),
            key,
            certificate: Certificate::from_der(&der).map_err(encode())?,
            key_hash,
            not_before,
            not_after,
            issuers: issuers(authority.certificate_der()).map_err(encode())?,
        })
    }

    /// Its key (PKCS#8) and certificate as PEM (RFC 7468), for other instances that answer with it.
    /// Whoever reads it can say of any certificate of the authority what it is worth, until
    /// [`Responder::not_after`].
    ///
    /// # Errors
    /// Encoding failed.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, IssueError> {
        let stored = |error: &dyn fmt::Display| IssueError::StoredAuthority(error.to_string());
        let mut pem = self
            .key
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|error| stored(&error))?;
        let certificate = self
            .certificate
            .to_pem(LineEnding::LF)
            .map_err(|error| stored(&error))?;
        pem.push_str(&certificate);
        Ok(pem)
    }

    /// The one that [`Responder::to_pem`] wrote, for the authority with this certificate (DER).
    ///
    /// # Errors
    /// It cannot be read, or the authority has not delegated to it.
    pub fn from_pem(kind: AuthorityKind, authority: &[u8], pem: &str) -> Result<Self, IssueError> {
        let refused = |why: &str| IssueError::StoredAuthority(why.to_owned());
        let begin = pem
            .find("-----BEGIN CERTIFICATE-----")
            .ok_or_else(|| refused("there is no certificate"))?;
        let (key, certificate) = pem.split_at(begin);
        // The reason of a key that cannot be read is not passed on: it may quote the key.
        let key = SigningKey::from_pkcs8_pem(key.trim())
            .map_err(|_| refused("the key is not PKCS#8 PEM of a P-256 key"))?;
        let unreadable =
            |error: der::Error| refused(&format!("the certificate cannot be read: {error}"));
        let certificate = Certificate::from_pem(certificate).map_err(unreadable)?;
        let tbs = certificate.tbs_certificate();
        let public_key = public_key(&key)?;
        if *tbs.subject_public_key_info() != public_key {
            return Err(refused("the certificate is for another key"));
        }
        let issuer = Certificate::from_der(authority).map_err(unreadable)?;
        let issuer_key = PublicKey::from_spki(issuer.tbs_certificate().subject_public_key_info())
            .map_err(|error| refused(&error.to_string()))?;
        let signed = tbs.to_der().map_err(unreadable)?;
        issuer_key
            .verify_sha256(
                "the certificate",
                &signed,
                certificate.signature().raw_bytes(),
            )
            .map_err(|_| refused("its certificate is not by this authority"))?;
        let summary = certificate.to_der().map_err(unreadable).and_then(|der| {
            CertificateSummary::from_der(&der).map_err(|error| refused(&error.to_string()))
        })?;
        Ok(Self {
            kind,
            key_hash: key_hash(&public_key)?,
            key,
            not_before: summary.not_before,
            not_after: summary.not_after,
            issuers: issuers(authority).map_err(IssueError::encode(WHAT))?,
            certificate,
        })
    }

    /// Until when its certificate is valid.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// For which authority it answers.
    pub fn kind(&self) -> AuthorityKind {
        self.kind
    }

    /// Whether it is time for a new one: its certificate ends within a day, or begins later (the
    /// clock was set back).
    pub fn is_due(&self, now: Timestamp) -> bool {
        now.after(DAY) > self.not_after || now < self.not_before
    }

    /// Whether its answers can still be relied on: its certificate is valid.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    /// The whole OCSPResponse, DER, with the statuses of `now`: signed, or one of [`Refusal`].
    /// `status` is asked for each serial number (the INTEGER's contents octets) of this authority:
    /// [`Authority::ocsp_status`].
    pub fn respond(
        &self,
        request: &Request,
        status: impl Fn(&[u8]) -> Status,
        now: Timestamp,
    ) -> Vec<u8> {
        if !request.certificates.iter().any(|id| self.is_own(id)) {
            return Refusal::Unauthorized.to_der().to_vec();
        }
        self.sign(request, status, now)
            .unwrap_or_else(|_| Refusal::InternalError.to_der().to_vec())
    }

    fn is_own(&self, id: &CertId) -> bool {
        self.issuers.iter().any(|issuer| {
            issuer.algorithm == id.hash_algorithm.oid
                && issuer.name_hash == id.issuer_name_hash.as_bytes()
                && issuer.key_hash == id.issuer_key_hash.as_bytes()
        })
    }

    fn sign(
        &self,
        request: &Request,
        status: impl Fn(&[u8]) -> Status,
        now: Timestamp,
    ) -> Result<Vec<u8>, der::Error> {
        let this_update = time(now)?;
        let next_update = time(now.after(ANSWER_VALIDITY).min(self.not_after))?;
        let responses = request.certificates.iter().map(|id| {
            let status = match self.is_own(id) {
                true => status(id.serial_number.as_bytes()),
                false => Status::Unknown,
            };
            Ok(SingleResponse {
                cert_id: id.clone(),
                cert_status: cert_status(status)?,
                this_update,
                next_update: Some(next_update),
            })
        });
        let data = ResponseData {
            version: Version::V1,
            responder_id: ResponderId::ByKey(self.key_hash.clone()),
            produced_at: this_update,
            responses: responses.collect::<Result<_, der::Error>>()?,
            response_extensions: request.nonce().map(nonce).transpose()?.map(|one| vec![one]),
        };
        let signature: DerSignature = self.key.sign(&data.to_der()?);
        let basic = BasicOcspResponse {
            tbs_response_data: data,
            signature_algorithm: AlgorithmIdentifierOwned {
                oid: oid::ECDSA_WITH_SHA_256,
                parameters: None,
            },
            signature: BitString::from_bytes(signature.as_bytes())?,
            certs: Some(vec![self.certificate.clone()]),
        };
        OcspResponse {
            response_status: ResponseStatus::Successful,
            response_bytes: ResponseBytes {
                response_type: oid::OCSP_BASIC,
                response: OctetString::new(basic.to_der()?)?,
            },
        }
        .to_der()
    }
}

impl fmt::Debug for Responder {
    /// Nothing of its key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder")
            .field("kind", &self.kind)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

fn public_key(key: &SigningKey) -> Result<SubjectPublicKeyInfoOwned, IssueError> {
    key.verifying_key()
        .to_public_key_der()
        .map_err(x509_cert::builder::Error::from)
        .and_then(|der| Ok(SubjectPublicKeyInfoOwned::from_der(der.as_bytes())?))
        .map_err(IssueError::Build)
}

fn key_hash(key: &SubjectPublicKeyInfoOwned) -> Result<OctetString, IssueError> {
    let hash = Sha1::digest(key.subject_public_key.raw_bytes());
    OctetString::new(hash.as_slice()).map_err(IssueError::encode(WHAT))
}

fn issuers(authority: &[u8]) -> Result<[Issuer; 2], der::Error> {
    let certificate = Certificate::from_der(authority)?;
    let tbs = certificate.tbs_certificate();
    let name = tbs.subject().to_der()?;
    let key = tbs.subject_public_key_info().subject_public_key.raw_bytes();
    Ok([
        Issuer {
            algorithm: oid::SHA_1,
            name_hash: Sha1::digest(&name).to_vec(),
            key_hash: Sha1::digest(key).to_vec(),
        },
        Issuer {
            algorithm: oid::SHA_256,
            name_hash: Sha256::digest(&name).to_vec(),
            key_hash: Sha256::digest(key).to_vec(),
        },
    ])
}

/// A reason that says nothing is left out, as in CRLs (RFC 5280 §5.3.1).
fn cert_status(status: Status) -> Result<CertStatus, der::Error> {
    Ok(match status {
        Status::Good => CertStatus::Good(Null),
        Status::Unknown => CertStatus::Unknown(Null),
        Status::Revoked(since, reason) => CertStatus::Revoked(RevokedInfo {
            revocation_time: time(since)?,
            revocation_reason: (reason != RevocationReason::Unspecified)
                .then(|| reason.crl_reason()),
        }),
    })
}

fn nonce(bytes: &[u8]) -> Result<Extension, der::Error> {
    let value = OctetString::new(bytes)?;
    Ok(Extension {
        extn_id: oid::OCSP_NONCE,
        critical: false,
        extn_value: OctetString::new(Any::encode_from(&value)?.to_der()?)?,
    })
}

fn time(time: Timestamp) -> Result<GeneralizedTime, der::Error> {
    let since_epoch = Duration::from_secs(time.unix_seconds());
    DateTime::from_unix_duration(since_epoch).map(GeneralizedTime::from_date_time)
}
