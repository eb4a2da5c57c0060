//! What an authority issues, and what it is worth.

use crate::authority_kind::AuthorityKind;
use crate::card_number::CardNumber;
use crate::clock::Timestamp;
use crate::holder::Holder;
use crate::profile::{CarrierSubject, CertificateKind};
use crate::revocation::RevocationReason;

impl AuthorityKind {
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

    /// The English words for people.
    pub const fn english(self) -> &'static str {
        match self {
            Self::OnHold => "on hold",
            Self::NotYetValid => "not yet valid",
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked(_) => "revoked",
        }
    }

    /// The Swedish word alone, also of what waits for no receipt: of the card issuer's certificates, and of
    /// those that are on hold for another reason.
    pub const fn swedish_alone(self) -> &'static str {
        match self {
            Self::OnHold => "vilande",
            state => state.swedish(),
        }
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
