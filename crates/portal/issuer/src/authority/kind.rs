//! Which authorities there are, and what their certificates are worth.

use serde::{Deserialize, Serialize};

use crate::card_number::CardNumber;
use crate::clock::Timestamp;
use crate::holder::Holder;
use crate::profile::{CarrierSubject, CertificateKind};
use crate::revocation::RevocationReason;

/// Which of the two authorities of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorityKind {
    /// The carrier's, which knows the card: "TEST Telia Card Identifier CA v3".
    Carrier,
    /// The HCC's, which knows the employee: "TEST SITHS Type 1 CA v1".
    Hcc,
}

impl AuthorityKind {
    /// Both, the carrier's first.
    pub const ALL: [Self; 2] = [Self::Carrier, Self::Hcc];

    /// The authority with this [`AuthorityKind::file_name`].
    pub fn from_file_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.file_name() == name)
    }

    /// A stable name for data: `carrier`, `hcc`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Carrier => "carrier",
            Self::Hcc => "hcc",
        }
    }

    /// The common name.
    pub const fn common_name(self) -> &'static str {
        match self {
            Self::Carrier => "TEST Telia Card Identifier CA v3",
            Self::Hcc => "TEST SITHS Type 1 CA v1",
        }
    }

    /// The name in addresses and file names.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Carrier => "test-telia-card-identifier-ca-v3",
            Self::Hcc => "test-siths-type-1-ca-v1",
        }
    }

    pub(super) const fn issues(self, kind: CertificateKind) -> bool {
        kind.is_hcc() == matches!(self, Self::Hcc)
    }
}

/// What a certificate is worth at a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateState {
    /// Issued, but the receipt is not signed yet.
    OnHold,
    /// Its validity begins later.
    NotYetValid,
    /// Good.
    Valid,
    /// Its validity is over.
    Expired,
    /// Revoked, and why.
    Revoked(RevocationReason),
}

impl CertificateState {
    /// A stable name for data: `on-hold`, `not-yet-valid`, `valid`, `expired`, `revoked`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnHold => "on-hold",
            Self::NotYetValid => "not-yet-valid",
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked(_) => "revoked",
        }
    }

    /// The state with this [`CertificateState::name`]; `reason` goes with `revoked` and with
    /// nothing else.
    pub fn from_name(name: &str, reason: Option<RevocationReason>) -> Option<Self> {
        let revoked = reason.map(Self::Revoked);
        [Self::OnHold, Self::NotYetValid, Self::Valid, Self::Expired]
            .into_iter()
            .filter(|_| reason.is_none())
            .chain(revoked)
            .find(|state| state.name() == name)
    }

    /// The portal's Swedish word.
    pub const fn swedish(self) -> &'static str {
        match self {
            Self::OnHold => "vilande, kvittera kortet",
            Self::NotYetValid => "ännu inte giltigt",
            Self::Valid => "giltigt",
            Self::Expired => "utgånget",
            Self::Revoked(_) => "spärrat",
        }
    }
}

/// What to put into a certificate, besides the key.
#[derive(Clone, Debug)]
pub struct CertificateData<'a> {
    /// Which of the four.
    pub kind: CertificateKind,
    /// Whom it is for.
    pub holder: &'a Holder,
    /// Which card it is for.
    pub card_number: &'a CardNumber,
    /// Whom a carrier certificate names; nothing to an HCC.
    pub carrier_subject: CarrierSubject,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid, this second included.
    pub not_after: Timestamp,
}
