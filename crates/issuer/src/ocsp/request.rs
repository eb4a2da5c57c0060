//! Requests from anyone.

use der::Decode;
use der::asn1::OctetString;
use x509_cert::ext::Extension;

use super::asn1::{CertId, OcspRequest};
use crate::error::{DocumentError, decode_der};
use crate::oid;

const WHAT: &str = "the OCSP request";
/// Sixteen CertIDs with SHA-256 have some 2 kB, a signature with its certificates a few more.
const LIMIT: usize = 8 * 1024;
/// A client asks for one certificate as a rule, or for a chain.
const MAX_CERTIFICATES: usize = 16;
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
    /// More than 8 kB, not DER, no or more than 16 certificates, a nonce that is not an OCTET
    /// STRING of 1 to 128 bytes, or an unknown extension that is critical. The answer is then
    /// [`Refusal::MalformedRequest`](super::Refusal::MalformedRequest).
    pub fn parse(der: &[u8]) -> Result<Self, DocumentError> {
        let request: OcspRequest = decode_der(WHAT, der, LIMIT)?;
        let list = request.tbs_request.request_list;
        if list.is_empty() || list.len() > MAX_CERTIFICATES {
            return Err(refused(format!(
                "it asks for {} certificates; 1 to {MAX_CERTIFICATES} are answered",
                list.len()
            )));
        }
        let nonce = nonce(request.tbs_request.request_extensions.unwrap_or_default())?;
        let certificates = list
            .into_iter()
            .map(|single| {
                for extension in single.single_request_extensions.unwrap_or_default() {
                    require_not_critical(&extension)?;
                }
                Ok(single.req_cert)
            })
            .collect::<Result<_, DocumentError>>()?;
        Ok(Self {
            certificates,
            nonce,
        })
    }

    /// How many certificates it asks for: 1 to 16.
    pub fn certificates(&self) -> usize {
        self.certificates.len()
    }

    /// Its nonce. An answer to a request without one may be given to others who ask the same.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
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
