//! Requests from anyone.

use const_oid::ObjectIdentifier;
use der::Decode;
use der::asn1::OctetString;
use x509_cert::ext::Extension;

use super::asn1::{CertId, OcspRequest};
use crate::error::{DocumentError, decode_der};
use crate::oid;

const WHAT: &str = "the OCSP request";
/// A hundred CertIDs with SHA-1, or sixteen with SHA-256 and a signature with its certificates. There is
/// no other bound of their number: each costs one look-up and no signature.
const LIMIT: usize = 8 * 1024;
/// What a CertID may be hashed with, and how long such a hash is.
const HASHES: [(ObjectIdentifier, usize); 5] = [
    (oid::SHA_1, 20),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4"), 28),
    (oid::SHA_256, 32),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"), 48),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"), 64),
];
const LONGEST_HASH: usize = 64;
/// RFC 5280 §4.1.2.2.
const SERIAL: usize = 20;
/// RFC 9654 §2.1.
const NONCE: core::ops::RangeInclusive<usize> = 1..=128;

/// A request that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub(super) certificates: Vec<CertId>,
    nonce: Option<Vec<u8>>,
}

impl Request {
    /// Reads a DER OCSPRequest (RFC 6960 §4.1.1). A requester's name and signature are allowed and
    /// not looked at.
    ///
    /// # Errors
    /// More than 8 kB, not DER, no certificate, a CertID that is not what its hash
    /// algorithm makes it, a nonce that is not an OCTET STRING of 1 to 128 bytes, or an unknown
    /// extension that is critical. CertIDs and nonces come back in what is signed, so nothing that
    /// makes no sense may be in them. The answer is then
    /// [`Refusal::MalformedRequest`](super::Refusal::MalformedRequest).
    pub fn parse(der: &[u8]) -> Result<Self, DocumentError> {
        let request: OcspRequest = decode_der(WHAT, der, LIMIT)?;
        let list = request.tbs_request.request_list;
        if list.is_empty() {
            return Err(refused("it asks for no certificate"));
        }
        let nonce = nonce(request.tbs_request.request_extensions.unwrap_or_default())?;
        let certificates = list
            .into_iter()
            .map(|single| {
                for extension in single.single_request_extensions.unwrap_or_default() {
                    require_not_critical(&extension)?;
                }
                check(&single.req_cert)?;
                Ok(single.req_cert)
            })
            .collect::<Result<_, DocumentError>>()?;
        Ok(Self {
            certificates,
            nonce,
        })
    }

    /// How many certificates it asks for: at least one, and as many as 8 kB hold.
    pub fn certificates(&self) -> usize {
        self.certificates.len()
    }

    /// Its nonce. An answer to a request without one may be given to others who ask the same.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }
}

/// A CertID (§4.1.1) is signed as it came: two hashes as long as their algorithm makes them, an
/// algorithm with no parameters (absent or NULL: RFC 5754 §2, RFC 3279 §2.1), and a serial number
/// that an authority may give (RFC 5280 §4.1.2.2: positive, at most 20 octets).
fn check(id: &CertId) -> Result<(), DocumentError> {
    let algorithm = &id.hash_algorithm;
    if let Some(parameters) = &algorithm.parameters
        && !parameters.is_null()
    {
        return Err(refused("its hash algorithm has parameters"));
    }
    let known = HASHES.iter().find(|(oid, _)| *oid == algorithm.oid);
    let [name, key] = [&id.issuer_name_hash, &id.issuer_key_hash].map(|hash| hash.as_bytes().len());
    // What an algorithm makes that is not known here is as long for both, and not longer than any.
    let fits = match known {
        Some((_, length)) => name == *length && key == *length,
        None => name == key && (1..=LONGEST_HASH).contains(&name),
    };
    if !fits {
        return Err(refused(format!(
            "its hashes have {name} and {key} bytes, which its hash algorithm {} does not make",
            algorithm.oid
        )));
    }
    let serial = id.serial_number.as_bytes();
    let is_positive =
        serial.first().is_some_and(|first| *first < 0x80) && serial.iter().any(|byte| *byte != 0);
    match is_positive && serial.len() <= SERIAL {
        true => Ok(()),
        false => Err(refused(
            "a serial number in it is one that no authority gives",
        )),
    }
}

fn nonce(extensions: Vec<Extension>) -> Result<Option<Vec<u8>>, DocumentError> {
    let mut nonce = None;
    for extension in extensions {
        if extension.extn_id != oid::OCSP_NONCE {
            require_not_critical(&extension)?;
            continue;
        }
        let value = OctetString::from_der(extension.extn_value.as_bytes())
            .map_err(|source| DocumentError::Malformed {
                what: "the nonce of the OCSP request",
                source,
            })?
            .into_bytes();
        if !NONCE.contains(&value.len()) {
            return Err(refused(format!(
                "its nonce has {} bytes; 1 to 128 are allowed (RFC 9654 §2.1)",
                value.len()
            )));
        }
        if nonce.replace(value.into()).is_some() {
            return Err(refused("it has two nonces"));
        }
    }
    Ok(nonce)
}

/// RFC 6960 §4.1.2: what is critical and not understood makes a request unanswerable.
fn require_not_critical(extension: &Extension) -> Result<(), DocumentError> {
    match extension.critical {
        true => Err(refused(format!(
            "its critical extension {} is not known here",
            extension.extn_id
        ))),
        false => Ok(()),
    }
}

fn refused(why: impl Into<String>) -> DocumentError {
    DocumentError::unacceptable(WHAT, why)
}
