//! What an authority has done, as records to be stored. Each has one stable JSON form (serde):
//! certificates are DER in base64, serial numbers hexadecimal, times seconds since the Unix epoch.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::authority_kind::AuthorityKind;
use crate::clock::Timestamp;
use crate::revocation::RevocationReason;

/// One record as it is now. Storing it takes the place of the one of the same kind and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorityRecord {
    /// A certificate was issued; the record never changes again.
    Certificate(CertificateRecord),
    /// A certificate was revoked, put on hold, or released.
    Revocation(RevocationRecord),
    /// A CRL was made.
    CrlNumber(CrlNumberRecord),
}

/// A certificate that one of the authorities has issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateRecord {
    /// By which authority.
    pub authority: AuthorityKind,
    /// The serial number.
    #[serde(with = "hex::serde")]
    pub serial: Vec<u8>,
    /// The certificate, DER.
    #[serde(with = "base64")]
    pub certificate: Vec<u8>,
}

/// What last happened to a certificate: what complete and delta CRLs say of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationRecord {
    /// By which authority.
    pub authority: AuthorityKind,
    /// The serial number.
    #[serde(with = "hex::serde")]
    pub serial: Vec<u8>,
    /// Why it is revoked or on hold; nothing once it was released.
    pub reason: Option<RevocationReason>,
    /// Since when.
    pub since: Timestamp,
    /// The number of the CRL that was the newest then; 0 before the first.
    pub newest_crl: u64,
}

/// The number of the newest CRL of an authority: numbers only ever grow (RFC 5280 §5.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrlNumberRecord {
    /// Of which authority.
    pub authority: AuthorityKind,
    /// The number.
    pub number: u64,
}

impl CertificateRecord {
    /// The kind of record, for stores and people.
    pub const TABLE: &'static str = "certificate";

    /// Which of its kind it is: text of at most 64 characters.
    pub fn key(&self) -> String {
        key(self.authority, &self.serial)
    }
}

impl RevocationRecord {
    /// The kind of record, for stores and people.
    pub const TABLE: &'static str = "revocation";

    /// Which of its kind it is: text of at most 64 characters.
    pub fn key(&self) -> String {
        key(self.authority, &self.serial)
    }
}

impl CrlNumberRecord {
    /// The kind of record, for stores and people.
    pub const TABLE: &'static str = "crl-number";

    /// Which of its kind it is: an authority has one.
    pub fn key(&self) -> String {
        self.authority.name().to_owned()
    }
}

/// The key of what is known by its serial number.
pub(crate) fn key(authority: AuthorityKind, serial: &[u8]) -> String {
    format!("{}/{}", authority.name(), hex::encode(serial))
}

/// Stored records that make no portal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the stored {table} {key} cannot be used: {why}; the store was changed by something else, go back to a copy of it"
)]
pub struct RestoreError {
    table: &'static str,
    key: String,
    why: String,
}

impl RestoreError {
    /// The record of this kind and key cannot be used.
    pub fn new(table: &'static str, key: String, why: impl Into<String>) -> Self {
        Self {
            table,
            key,
            why: why.into(),
        }
    }
}

/// DER in base64 (RFC 4648 §4).
mod base64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map_err(D::Error::custom)
    }
}
