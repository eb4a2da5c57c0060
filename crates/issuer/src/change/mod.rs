//! What has changed since it was last stored, as whole records.
//!
//! A [`LocalPortal`](crate::portal::LocalPortal) lives in memory. Whoever keeps it stores the
//! records that [`take_changes`](crate::portal::LocalPortal::take_changes) gives, each in the place
//! of the one with the same [`table`](Change::table) and [`key`](Change::key), and hands all that
//! is stored to [`restore`](crate::portal::LocalPortal::restore), in any order. Storing a record
//! twice changes nothing. Sessions are not stored: after a restart holders log in again.
//!
//! Each record has one stable JSON form (serde), with the table in its field `record`. Certificates
//! are DER in base64, serial numbers and nonces hexadecimal, times seconds since the Unix epoch.

mod encoding;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::authority::AuthorityKind;
use crate::card_number::CardNumber;
use crate::clock::Timestamp;
use crate::holder::Holder;
use crate::portal::{OrderId, OrderState};
use crate::public_key::PublicKey;
use crate::revocation::RevocationReason;

/// One record as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Change {
    /// A certificate was issued; the record never changes again.
    Certificate(CertificateRecord),
    /// A certificate was revoked, put on hold, or released.
    Revocation(RevocationRecord),
    /// A CRL was made.
    CrlNumber(CrlNumberRecord),
    /// A card was enrolled, or a certificate removed from it.
    Card(CardRecord),
    /// An order was placed or went on.
    Order(OrderRecord),
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
    #[serde(with = "encoding::base64")]
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

/// An enrolled card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardRecord {
    /// Its number.
    pub card_number: CardNumber,
    /// Its holder.
    pub holder: Holder,
    /// Its authentication key (id 45).
    pub authentication_key: PublicKey,
    /// Its signature key (id 46).
    pub signature_key: PublicKey,
    /// The serial number of the carrier certificate to log in with.
    #[serde(with = "hex::serde")]
    pub carrier_authentication: Vec<u8>,
    /// The serial numbers of the HCCs that its holder has removed from it.
    #[serde(with = "encoding::hex_list")]
    pub removed: Vec<Vec<u8>>,
}

/// An order and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderRecord {
    /// Its name.
    pub id: OrderId,
    /// Orders are numbered as they come.
    pub number: u64,
    /// For which card.
    pub card_number: CardNumber,
    /// For whom.
    pub holder: Holder,
    /// How far it has come.
    pub state: OrderState,
    /// When it was placed or, once issued, when that was.
    pub since: Timestamp,
    /// See [`Order::nonce`](crate::portal::Order::nonce).
    #[serde(with = "hex::serde")]
    pub nonce: [u8; 16],
    /// Random bytes of the receipt's text.
    #[serde(with = "hex::serde")]
    pub receipt_nonce: [u8; 16],
    /// The certificates, once they are issued.
    pub pair: Option<PairRecord>,
}

/// The serial numbers of an order's certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairRecord {
    /// Of the HCC for authentication.
    #[serde(with = "hex::serde")]
    pub authentication: Vec<u8>,
    /// Of the HCC for signature.
    #[serde(with = "hex::serde")]
    pub signature: Vec<u8>,
}

impl Change {
    /// What kind of record it is: `certificate`, `revocation`, `crl-number`, `card`, `order`.
    pub fn table(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "certificate",
            Self::Revocation(_) => "revocation",
            Self::CrlNumber(_) => "crl-number",
            Self::Card(_) => "card",
            Self::Order(_) => "order",
        }
    }

    /// Which record of its table it is: text of at most 64 characters.
    pub fn key(&self) -> String {
        let of = |authority: AuthorityKind, serial: &[u8]| {
            format!("{}/{}", authority.name(), hex::encode(serial))
        };
        match self {
            Self::Certificate(record) => of(record.authority, &record.serial),
            Self::Revocation(record) => of(record.authority, &record.serial),
            Self::CrlNumber(record) => record.authority.name().to_owned(),
            Self::Card(record) => record.card_number.to_string(),
            Self::Order(record) => record.id.to_string(),
        }
    }
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
    pub(crate) fn new(record: &Change, why: impl Into<String>) -> Self {
        Self {
            table: record.table(),
            key: record.key(),
            why: why.into(),
        }
    }
}
