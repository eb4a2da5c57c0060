//! What is revoked, why and since when; and what changed from one CRL to the next.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use x509_cert::ext::pkix::CrlReason;

use crate::clock::Timestamp;

/// Why a certificate is revoked (RFC 5280 §5.3.1), with the portal's Swedish words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RevocationReason {
    /// No reason given.
    Unspecified,
    /// The key may be in other hands: *nyckel röjd*.
    KeyCompromise,
    /// The holder has left or changed.
    AffiliationChanged,
    /// Another certificate has taken its place: *ersatt*.
    Superseded,
    /// No longer in use: *ur bruk*.
    CessationOfOperation,
    /// The holder may no longer have it.
    PrivilegeWithdrawn,
    /// On hold: not to be trusted now, but the authority may release it again.
    CertificateHold,
}

impl RevocationReason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
        Self::CertificateHold,
    ];

    /// The reason with this [`RevocationReason::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// The name RFC 5280 gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::CertificateHold => "certificateHold",
        }
    }

    /// The Swedish word.
    pub const fn swedish(self) -> &'static str {
        match self {
            Self::Unspecified => "utan angiven orsak",
            Self::KeyCompromise => "nyckel röjd",
            Self::AffiliationChanged => "ändrad anställning",
            Self::Superseded => "ersatt",
            Self::CessationOfOperation => "ur bruk",
            Self::PrivilegeWithdrawn => "indragen behörighet",
            Self::CertificateHold => "vilande",
        }
    }

    pub(crate) const fn crl_reason(self) -> CrlReason {
        match self {
            Self::Unspecified => CrlReason::Unspecified,
            Self::KeyCompromise => CrlReason::KeyCompromise,
            Self::AffiliationChanged => CrlReason::AffiliationChanged,
            Self::Superseded => CrlReason::Superseded,
            Self::CessationOfOperation => CrlReason::CessationOfOperation,
            Self::PrivilegeWithdrawn => CrlReason::PrivilegeWithdrawn,
            Self::CertificateHold => CrlReason::CertificateHold,
        }
    }
}

/// One entry of a CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) since: Timestamp,
    pub(crate) reason: CrlReason,
}

/// A serial number: the contents octets of the INTEGER.
pub type Serial = Vec<u8>;

/// What last happened to a certificate. That is enough for delta CRLs, too: one of them says of a
/// serial number only what is so now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Why it is revoked or on hold; nothing once it was released.
    pub(crate) reason: Option<RevocationReason>,
    pub(crate) since: Timestamp,
    /// The number of the CRL that was the newest when it happened.
    pub(crate) newest_crl: u64,
}

/// What one authority has revoked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revocations {
    standings: BTreeMap<Serial, Standing>,
    newest_crl: u64,
}

/// A revocation is final; only a hold is not.
pub(crate) struct AlreadyRevoked(pub(crate) RevocationReason);

impl Revocations {
    /// Since when and why it is revoked or on hold.
    pub(crate) fn of(&self, serial: &[u8]) -> Option<(Timestamp, RevocationReason)> {
        let standing = self.standings.get(serial)?;
        Some((standing.since, standing.reason?))
    }

    /// Revokes or puts on hold. What is on hold can be revoked; what is revoked stays so.
    pub(crate) fn revoke(
        &mut self,
        serial: &[u8],
        reason: RevocationReason,
        now: Timestamp,
    ) -> Result<(), AlreadyRevoked> {
        if let Some((_, before)) = self.of(serial)
            && before != RevocationReason::CertificateHold
        {
            return Err(AlreadyRevoked(before));
        }
        self.note(serial, Some(reason), now);
        Ok(())
    }

    /// Releases a hold, and says whether there was one; nothing happens to what is not on hold.
    pub(crate) fn release(
        &mut self,
        serial: &[u8],
        now: Timestamp,
    ) -> Result<bool, AlreadyRevoked> {
        match self.of(serial) {
            None => Ok(false),
            Some((_, RevocationReason::CertificateHold)) => {
                self.note(serial, None, now);
                Ok(true)
            }
            Some((_, reason)) => Err(AlreadyRevoked(reason)),
        }
    }

    /// The number of the next CRL: they only ever grow (RFC 5280 §5.2.3).
    pub(crate) fn next_crl_number(&mut self) -> u64 {
        self.newest_crl = self.newest_crl.saturating_add(1);
        self.newest_crl
    }

    pub(crate) fn newest_crl_number(&self) -> u64 {
        self.newest_crl
    }

    /// The entries of a complete CRL.
    pub(crate) fn all(&self) -> BTreeMap<Serial, Entry> {
        self.entries(|standing| standing.reason.is_some())
    }

    /// The entries of a delta CRL: what changed since the CRL numbered `base`, with removeFromCRL
    /// for what was on hold then and is not revoked now (RFC 5280 §5.3.1).
    pub(crate) fn since(&self, base: u64) -> BTreeMap<Serial, Entry> {
        self.entries(|standing| standing.newest_crl >= base)
    }

    pub(crate) fn standing(&self, serial: &[u8]) -> Option<Standing> {
        self.standings.get(serial).copied()
    }

    /// Takes up what was stored.
    pub(crate) fn restore(&mut self, serial: Serial, standing: Standing) {
        self.standings.insert(serial, standing);
    }

    pub(crate) fn restore_crl_number(&mut self, number: u64) {
        self.newest_crl = number;
    }

    pub(crate) fn serials(&self) -> impl Iterator<Item = &Serial> {
        self.standings.keys()
    }

    fn entries(&self, wanted: impl Fn(&Standing) -> bool) -> BTreeMap<Serial, Entry> {
        self.standings
            .iter()
            .filter(|(_, standing)| wanted(standing))
            .map(|(serial, standing)| {
                let reason = match standing.reason {
                    Some(reason) => reason.crl_reason(),
                    None => CrlReason::RemoveFromCRL,
                };
                let since = standing.since;
                (serial.clone(), Entry { since, reason })
            })
            .collect()
    }

    fn note(&mut self, serial: &[u8], reason: Option<RevocationReason>, since: Timestamp) {
        let standing = Standing {
            reason,
            since,
            newest_crl: self.newest_crl,
        };
        self.standings.insert(serial.to_vec(), standing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    #[test]
    fn a_hold_can_be_released_and_a_revocation_cannot() {
        let mut list = Revocations::default();
        assert!(
            list.revoke(&[1], RevocationReason::CertificateHold, NOW)
                .is_ok()
        );
        assert!(list.release(&[1], NOW).is_ok());
        assert_eq!(list.of(&[1]), None);
        assert!(
            list.revoke(&[1], RevocationReason::KeyCompromise, NOW)
                .is_ok()
        );
        assert!(list.release(&[1], NOW).is_err());
        assert!(
            list.revoke(&[1], RevocationReason::CertificateHold, NOW)
                .is_err()
        );
        assert_eq!(list.of(&[1]), Some((NOW, RevocationReason::KeyCompromise)));
    }

    #[test]
    fn a_delta_names_what_changed_since_its_base_and_what_left_the_list() {
        let mut list = Revocations::default();
        assert!(
            list.revoke(&[1], RevocationReason::CertificateHold, NOW)
                .is_ok()
        );
        assert!(list.revoke(&[2], RevocationReason::Superseded, NOW).is_ok());
        let base = list.next_crl_number();
        assert!(list.release(&[1], NOW).is_ok());
        assert!(
            list.revoke(&[3], RevocationReason::CertificateHold, NOW)
                .is_ok()
        );
        let delta: Vec<_> = list
            .since(base)
            .into_iter()
            .map(|(serial, entry)| (serial, entry.reason))
            .collect();
        assert_eq!(
            delta,
            [
                (vec![1], CrlReason::RemoveFromCRL),
                (vec![3], CrlReason::CertificateHold)
            ]
        );
        assert_eq!(list.all().len(), 2);
    }
}
