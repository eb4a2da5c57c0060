//! What has changed since it was last stored, as whole records.
//!
//! A [`LocalPortal`](crate::LocalPortal) lives in memory. Whoever keeps it stores the
//! records that [`take_changes`](crate::LocalPortal::take_changes) gives, each in the place
//! of the one with the same [`table`](Change::table) and [`key`](Change::key), and hands all that
//! is stored to [`restore`](crate::LocalPortal::restore), in any order. Storing a record
//! twice changes nothing. Sessions are not stored: after a restart holders log in again.
//!
//! Each record has one stable JSON form (serde), with the table in its field `record`. Certificates
//! are DER in base64, serial numbers and nonces hexadecimal, times seconds since the Unix epoch.

mod encoding;

use serde::{Deserialize, Serialize};

pub use kortlab_issuer::record::{
    CertificateRecord, CrlNumberRecord, RestoreError, RevocationRecord,
};

use crate::{OrderId, OrderState};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::holder::Holder;
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::record::AuthorityRecord;

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
    /// See [`Order::nonce`](crate::Order::nonce).
    #[serde(with = "hex::serde")]
    pub nonce: [u8; 16],
    /// Random bytes of the receipt's text.
    #[serde(with = "hex::serde")]
    pub receipt_nonce: [u8; 16],
    /// The certificates, once they are issued.
    pub pair: Option<PairRecord>,
    /// Whether one of them was put on hold for a reason while it waited for the receipt, which does not
    /// lift that. Left out where it was not.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub held: bool,
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
            Self::Certificate(_) => CertificateRecord::TABLE,
            Self::Revocation(_) => RevocationRecord::TABLE,
            Self::CrlNumber(_) => CrlNumberRecord::TABLE,
            Self::Card(_) => "card",
            Self::Order(_) => "order",
        }
    }

    /// Which record of its table it is: text of at most 64 characters.
    pub fn key(&self) -> String {
        match self {
            Self::Certificate(record) => record.key(),
            Self::Revocation(record) => record.key(),
            Self::CrlNumber(record) => record.key(),
            Self::Card(record) => record.card_number.to_string(),
            Self::Order(record) => record.id.to_string(),
        }
    }
}

impl From<AuthorityRecord> for Change {
    fn from(record: AuthorityRecord) -> Self {
        match record {
            AuthorityRecord::Certificate(record) => Self::Certificate(record),
            AuthorityRecord::Revocation(record) => Self::Revocation(record),
            AuthorityRecord::CrlNumber(record) => Self::CrlNumber(record),
        }
    }
}

/// Why this record cannot be used.
pub(crate) fn unusable(record: &Change, why: impl Into<String>) -> RestoreError {
    RestoreError::new(record.table(), record.key(), why)
}
