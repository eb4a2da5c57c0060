//! The errors of making and of reading ASN.1 documents.

use thiserror::Error;

/// Why a certificate, a CRL or a key could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IssueError {
    /// A value did not fit into its ASN.1 type.
    #[error("{what} could not be encoded: {source}")]
    Encode {
        /// What was being built.
        what: &'static str,
        /// The encoder's reason.
        source: der::Error,
    },
    /// The certificate builder refused.
    #[error("the certificate could not be built: {0}")]
    Build(x509_cert::builder::Error),
    /// A key could not be generated.
    #[error("the authority's key could not be generated: {0}")]
    KeyGeneration(rsa::Error),
    /// The authority does not issue certificates of this kind.
    #[error("{authority} does not issue {kind} certificates; ask the other authority")]
    WrongAuthority {
        /// The authority's common name.
        authority: String,
        /// The kind that was asked for.
        kind: &'static str,
    },
    /// The certificate has never been issued by this authority.
    #[error("{authority} has issued no certificate with serial number {serial}")]
    UnknownSerial {
        /// The authority's common name.
        authority: String,
        /// The serial number, in hexadecimal.
        serial: String,
    },
    /// A revocation that RFC 5280 §5.3.1 does not allow.
    #[error("certificate {serial} is already revoked ({reason}); a revocation is final")]
    AlreadyRevoked {
        /// The serial number, in hexadecimal.
        serial: String,
        /// Why it is revoked.
        reason: &'static str,
    },
    /// A holder's or a card's data do not fit the profile.
    #[error("{what} cannot be part of a certificate: {why}")]
    Subject {
        /// Which datum.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A key and a certificate of an authority that were stored cannot be used.
    #[error("the authority's stored key and certificate cannot be used: {0}")]
    StoredAuthority(String),
    /// The public key is not one this authority certifies.
    #[error("the public key cannot be certified: {0}")]
    PublicKey(DocumentError),
    /// The operating system gave no randomness.
    #[error("the operating system gave no random bytes: {0}")]
    Random(getrandom::Error),
}

impl IssueError {
    /// Says what was being encoded when `der` failed.
    pub(crate) fn encode(what: &'static str) -> impl FnOnce(der::Error) -> Self {
        move |source| Self::Encode { what, source }
    }
}

/// What is wrong with a document that came from outside: a certificate, a request, a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// More bytes than such a document has.
    #[error("{what} has {found} bytes; at most {limit} are read")]
    TooLong {
        /// What was being read.
        what: &'static str,
        /// Its length in bytes.
        found: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not the DER of this type; the reason carries the byte offset.
    #[error("{what} is not valid DER: {source}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// What is wrong, and where.
        source: der::Error,
    },
    /// DER, but with something in it that is not read.
    #[error("{what} is DER, but {why}")]
    Beyond {
        /// What was being read.
        what: &'static str,
        /// What is in it.
        why: String,
    },
    /// Decodes, but is not the one encoding that DER allows.
    #[error("{what} is not in DER: byte {offset} differs from the canonical encoding")]
    NotCanonical {
        /// What was being read.
        what: &'static str,
        /// The first byte that differs.
        offset: usize,
    },
    /// A part has a value that is not accepted.
    #[error("{what}: {why}")]
    Unacceptable {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The signature does not verify.
    #[error("the signature of {what} does not verify with the key {key}")]
    Signature {
        /// What was signed.
        what: &'static str,
        /// Whose key it was checked with.
        key: &'static str,
    },
}

impl DocumentError {
    /// A part that is not accepted, and why.
    pub(crate) fn unacceptable(what: &'static str, why: impl Into<String>) -> Self {
        Self::Unacceptable {
            what,
            why: why.into(),
        }
    }
}

/// Decodes `bytes` strictly: at most `limit` bytes, one value, and in the one encoding that DER
/// allows, so that what is checked after encoding again is what was received.
pub(crate) fn decode_der<T>(
    what: &'static str,
    bytes: &[u8],
    limit: usize,
) -> Result<T, DocumentError>
where
    T: for<'a> der::Decode<'a, Error = der::Error> + der::Encode,
{
    if bytes.len() > limit {
        return Err(DocumentError::TooLong {
            what,
            found: bytes.len(),
            limit,
        });
    }
    let malformed = |source| DocumentError::Malformed { what, source };
    let value = T::from_der(bytes).map_err(malformed)?;
    let again = value.to_der().map_err(malformed)?;
    if again != bytes {
        let offset = again
            .iter()
            .zip(bytes)
            .take_while(|(ours, theirs)| ours == theirs)
            .count();
        return Err(DocumentError::NotCanonical { what, offset });
    }
    Ok(value)
}
