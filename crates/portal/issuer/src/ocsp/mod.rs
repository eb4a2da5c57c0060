//! The Online Certificate Status Protocol (RFC 6960): requests from anyone, and a responder that
//! an authority has delegated to.
//!
//! Bytes go in and bytes come out; POST, GET and caching are the server's business. A responder
//! tells only whether a certificate is revoked:
//!
//! | the certificate | the answer |
//! |---|---|
//! | valid, or not yet valid | good |
//! | on hold, until its receipt is signed | revoked, certificateHold, since it was issued |
//! | revoked | revoked, with reason and time |
//! | expired | what it was: good if it was never revoked (RFC 6960 §2.2 leaves validity to the reader) |
//! | never issued by this authority | unknown |
//! | another authority's, among some of this one's | unknown |
//! | only other authorities' | no answer: unauthorized (RFC 5019 §2.2.3) |
//!
//! Nonces of 1 to 128 bytes (RFC 9654 §2.1) come back. CertIDs may use SHA-1 (what clients do as a
//! rule) or SHA-256.

mod asn1;
mod request;
mod responder;

pub use request::Request;
pub use responder::{ANSWER_VALIDITY, Responder};

use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::revocation::RevocationReason;

/// What an authority knows of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Issued, and not revoked.
    Good,
    /// Revoked or on hold, since when and why.
    Revoked(Timestamp, RevocationReason),
    /// Never issued here.
    Unknown,
}

impl Status {
    /// A stable name for data: `good`, `revoked`, `unknown`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked(..) => "revoked",
            Self::Unknown => "unknown",
        }
    }
}

/// A request that is not answered (RFC 6960 §4.2.1, OCSPResponseStatus).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be read.
    MalformedRequest,
    /// The responder failed.
    InternalError,
    /// Not now.
    TryLater,
    /// Not by this responder: it asks for another authority's certificates only.
    Unauthorized,
}

impl Refusal {
    /// The whole OCSPResponse, DER. It is not signed.
    pub const fn to_der(self) -> [u8; 5] {
        let status = match self {
            Self::MalformedRequest => 1,
            Self::InternalError => 2,
            Self::TryLater => 3,
            Self::Unauthorized => 6,
        };
        [0x30, 0x03, 0x0A, 0x01, status]
    }
}

impl Authority {
    /// What it knows of the certificate with this serial number (the INTEGER's contents octets).
    pub fn ocsp_status(&self, serial: &[u8]) -> Status {
        if self.certificate(serial).is_none() {
            return Status::Unknown;
        }
        match self.revocation(serial) {
            Some((since, reason)) => Status::Revoked(since, reason),
            None => Status::Good,
        }
    }
}
