//! Whether the certificates on the card are good for anything now.

use core::fmt;
use std::time::{Duration, SystemTime};

use der::Encode as _;
use kortlab_apdu::Channel;
use kortlab_pkcs15::Id;
use x509_cert::crl::CertificateList;

use super::Slot;
use crate::card::Card;
use crate::certificate::CertificateInfo;
use crate::error::CardError;

/// A certificate and what is wrong with it now.
#[derive(Clone, Debug)]
pub struct CheckedSlot {
    /// The certificate.
    pub slot: Slot,
    /// What is wrong with it; empty if nothing is.
    pub problems: Vec<SlotProblem>,
}

/// What can be wrong with a certificate on a card.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotProblem {
    /// It cannot be read, or is no certificate.
    Unreadable(String),
    /// It can be read, but a strict parser refuses it.
    NotStrict(String),
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It says no time that could be read.
    NoValidity,
    /// A revocation list of its issuer has it.
    Revoked {
        /// Since when.
        since: SystemTime,
    },
    /// Its public key is not that of the key with its identifier.
    KeyMismatch {
        /// The key's identifier.
        key: Id,
    },
    /// The card has no private key with its identifier.
    NoKey {
        /// The identifier.
        key: Id,
    },
}

impl SlotProblem {
    /// A stable name for programs, in kebab case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NotStrict(_) => "not-strict-der",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::NoValidity => "no-validity",
            Self::Revoked { .. } => "revoked",
            Self::KeyMismatch { .. } => "key-mismatch",
            Self::NoKey { .. } => "no-key",
        }
    }
}

impl fmt::Display for SlotProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "unreadable: {why}"),
            Self::NotStrict(why) => write!(f, "not strict DER: {why}"),
            Self::Expired => f.write_str("expired"),
            Self::NotYetValid => f.write_str("not valid yet"),
            Self::NoValidity => f.write_str("it says no time for which it is valid"),
            Self::Revoked { .. } => f.write_str("revoked"),
            Self::KeyMismatch { key } => write!(f, "its public key is not that of key {key}"),
            Self::NoKey { key } => write!(f, "the card has no private key {key}"),
        }
    }
}

impl<C: Channel> Card<C> {
    /// Checks every certificate on the card at the time `now` against these revocation lists.
    ///
    /// The lists are taken on the caller's word: their signatures are the caller's to check, for
    /// that takes the issuers' certificates, which need not be on the card.
    ///
    /// # Errors
    /// The card is gone.
    pub fn check(
        &mut self,
        now: SystemTime,
        crls: &[CertificateList],
    ) -> Result<Vec<CheckedSlot>, CardError> {
        self.exclusively(|card| {
            let slots = card.slots()?;
            let mut checked = Vec::with_capacity(slots.len());
            for slot in slots {
                let mut problems = Vec::new();
                match &slot.info {
                    None => {
                        problems.push(SlotProblem::Unreadable(slot.findings.join("; ")));
                    }
                    Some(info) => {
                        problems.extend(info.fault.clone().map(SlotProblem::NotStrict));
                        problems.extend(validity(info, now));
                        problems.extend(revocation(info, crls));
                        if !slot.is_authority() {
                            problems.extend(card.key_problem(slot.key_id(), info)?);
                        }
                    }
                }
                checked.push(CheckedSlot { slot, problems });
            }
            Ok(checked)
        })
    }

    fn key_problem(
        &mut self,
        id: &Id,
        info: &CertificateInfo,
    ) -> Result<Option<SlotProblem>, CardError> {
        if self.key(id).is_err() {
            return Ok(Some(SlotProblem::NoKey { key: id.clone() }));
        }
        let known = self.public_key(id)?;
        let differs = known.is_some() && known != info.public_key;
        Ok(differs.then(|| SlotProblem::KeyMismatch { key: id.clone() }))
    }
}

fn validity(info: &CertificateInfo, now: SystemTime) -> Option<SlotProblem> {
    match (info.not_before, info.not_after) {
        (_, Some(until)) if now >= until + Duration::from_secs(1) => Some(SlotProblem::Expired),
        (Some(from), _) if now < from => Some(SlotProblem::NotYetValid),
        (Some(_), Some(_)) => None,
        _ => Some(SlotProblem::NoValidity),
    }
}

fn revocation(info: &CertificateInfo, crls: &[CertificateList]) -> Option<SlotProblem> {
    let of_issuer = crls.iter().filter(|crl| {
        crl.tbs_cert_list
            .issuer
            .to_der()
            .is_ok_and(|issuer| issuer == info.issuer_der)
    });
    of_issuer
        .flat_map(|crl| crl.tbs_cert_list.revoked_certificates.iter().flatten())
        .find(|revoked| revoked.serial_number.as_bytes() == info.serial_number)
        .map(|revoked| SlotProblem::Revoked {
            since: revoked.revocation_date.to_system_time(),
        })
}
