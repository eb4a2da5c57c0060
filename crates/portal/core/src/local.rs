//! A portal in this process, with both authorities inside.

use core::fmt;
use core::time::Duration;

use super::sessions::Sessions;
use super::state::{Card, PortalState};
use super::{IssuedPair, PortalError, SessionToken};
use kortlab_issuer::IssueError;
use kortlab_issuer::authority::{Authority, AuthorityKind, CertificateData, CertificateState};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::{Clock, DAY, Timestamp};
use kortlab_issuer::holder::Holder;
use kortlab_issuer::inspect::{CertificateSummary, Purpose};
use kortlab_issuer::profile::{AuthorityUrls, CarrierSubject, CertificateKind};
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::random::IssuerRng;
use kortlab_issuer::revocation::RevocationReason;

/// A carrier certificate is valid for five years.
const CARRIER_VALIDITY: Duration = Duration::from_secs(5 * 365 * DAY.as_secs());
/// An HCC is valid for two years, but not longer than the card's carrier certificates.
pub(super) const HCC_VALIDITY: Duration = Duration::from_secs(2 * 365 * DAY.as_secs());

/// The portal, its authorities, its clock and its randomness.
pub struct LocalPortal {
    pub(super) carrier: Authority,
    pub(super) hcc: Authority,
    pub(super) state: PortalState,
    pub(super) sessions: Sessions,
    pub(super) clock: Box<dyn Clock>,
    pub(super) rng: IssuerRng,
}

/// A card to be enrolled: who has it, and its two public keys.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The holder.
    pub holder: Holder,
    /// The number printed on the card.
    pub card_number: CardNumber,
    /// Its authentication key (id 45).
    pub authentication_key: PublicKey,
    /// Its signature key (id 46).
    pub signature_key: PublicKey,
    /// Whom the carrier certificates name.
    pub carrier_subject: CarrierSubject,
}

/// The carrier certificates of a card as delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierPair {
    /// For the authentication key, DER.
    pub authentication: Vec<u8>,
    /// For the signature key, DER.
    pub signature: Vec<u8>,
}

impl LocalPortal {
    /// Makes a portal with new authorities. The same state of `rng` and time of `clock` give the
    /// same portal.
    ///
    /// # Errors
    /// An authority could not be made.
    pub fn create(clock: impl Clock + 'static, mut rng: IssuerRng) -> Result<Self, IssueError> {
        let now = clock.now();
        let mut authority = |kind: AuthorityKind| {
            Authority::create(
                kind,
                AuthorityUrls::example(kind.file_name()),
                now,
                &mut rng,
            )
        };
        let carrier = authority(AuthorityKind::Carrier)?;
        let hcc = authority(AuthorityKind::Hcc)?;
        Ok(Self::new(carrier, hcc, clock, rng))
    }

    /// A portal with these authorities.
    pub fn new(
        carrier: Authority,
        hcc: Authority,
        clock: impl Clock + 'static,
        rng: IssuerRng,
    ) -> Self {
        Self {
            carrier,
            hcc,
            state: PortalState::default(),
            sessions: Sessions::default(),
            clock: Box::new(clock),
            rng,
        }
    }

    /// Enrols a card: issues its carrier certificates, valid for five years from now. Each of the
    /// two keys is to be the card's own by its modulus, and no authority's here; of 2048 bits or more, with
    /// a modulus that keeps its factors to itself (NIST SP 800-89 §5.3.3: no small factor, no prime and no
    /// power of one; no close primes; none of the kind of ROCA; none in common with the other key or an
    /// authority's here) and the exponent of NIST FIPS 186-5 §A.1.1 (65537 or more).
    ///
    /// # Errors
    /// The card is enrolled already, a key is weak, used twice, another card's or an authority's, or a certificate
    /// could not be made.
    pub fn enrol(&mut self, enrolment: &Enrolment) -> Result<CarrierPair, PortalError> {
        self.enrol_at(enrolment, self.clock.now())
    }

    /// As [`LocalPortal::enrol`], as if it were done at `now`: cards for tests have a past.
    ///
    /// # Errors
    /// As for [`LocalPortal::enrol`].
    pub fn enrol_at(
        &mut self,
        enrolment: &Enrolment,
        now: Timestamp,
    ) -> Result<CarrierPair, PortalError> {
        let number = enrolment.card_number;
        if self.state.is_enrolled(&number) {
            return Err(PortalError::AlreadyEnrolled(number));
        }
        self.check_keys(enrolment)?;
        let ends = now.after(CARRIER_VALIDITY);
        let mut issue = |kind: CertificateKind, key: &PublicKey| {
            let data = CertificateData {
                kind,
                holder: &enrolment.holder,
                card_number: &number,
                carrier_subject: enrolment.carrier_subject,
                not_before: now,
                not_after: ends,
            };
            self.carrier.issue(&data, key, &mut self.rng)
        };
        let authentication = issue(
            CertificateKind::CarrierAuthentication,
            &enrolment.authentication_key,
        )?;
        let signature = issue(CertificateKind::CarrierSignature, &enrolment.signature_key)?;
        self.state.enrol(
            number,
            Card {
                holder: enrolment.holder.clone(),
                authentication_key: enrolment.authentication_key.clone(),
                signature_key: enrolment.signature_key.clone(),
                carrier_authentication: CertificateSummary::from_der(&authentication)?.serial,
                carrier_signature: Some(CertificateSummary::from_der(&signature)?.serial),
                removed: Vec::new(),
                orders: Vec::new(),
            },
        );
        Ok(CarrierPair {
            authentication,
            signature,
        })
    }

    fn check_keys(&self, enrolment: &Enrolment) -> Result<(), PortalError> {
        let unsuitable = |purpose, why: String| PortalError::UnsuitableKey { purpose, why };
        for (purpose, key) in [
            (Purpose::Authentication, &enrolment.authentication_key),
            (Purpose::Signature, &enrolment.signature_key),
        ] {
            if let Some(why) = key.weakness() {
                return Err(unsuitable(purpose, why));
            }
            for authority in [&self.carrier, &self.hcc] {
                let name = authority.kind().common_name();
                let why = if authority.has_key(key) {
                    format!("it is the key of the portal's own authority {name}, by its modulus")
                } else if authority.shares_a_prime_with(key) {
                    format!(
                        "its modulus has a prime in common with that of the portal's own \
                         authority {name}, so anyone finds both private keys"
                    )
                } else {
                    continue;
                };
                return Err(unsuitable(purpose, why));
            }
            if let Some(owner) = self.state.owner(key) {
                return Err(unsuitable(
                    purpose,
                    format!("card {owner} has its modulus already"),
                ));
            }
        }
        // Another exponent makes no other key: both have the same factors.
        if enrolment.authentication_key.modulus() == enrolment.signature_key.modulus() {
            let why = "it is the authentication key, too, by its modulus".to_owned();
            return Err(unsuitable(Purpose::Signature, why));
        }
        if (enrolment.authentication_key).shares_a_prime_with(&enrolment.signature_key) {
            let why = "its modulus has a prime in common with that of the authentication key, so \
                       anyone finds both private keys";
            return Err(unsuitable(Purpose::Signature, why.to_owned()));
        }
        Ok(())
    }

    /// Issues a pair of HCCs at the counter: without order and approval, and received at once.
    /// This is how cards get into states in which they need a renewal.
    ///
    /// # Errors
    /// The card is not enrolled, or a certificate could not be made.
    pub fn issue_at_the_counter(&mut self, card: &CardNumber) -> Result<IssuedPair, PortalError> {
        let now = self.settle()?;
        self.issue_at_the_counter_at(card, now)
    }

    /// As [`LocalPortal::issue_at_the_counter`], as if it were done at `now`: a pair issued two
    /// years ago has expired.
    ///
    /// # Errors
    /// As for [`LocalPortal::issue_at_the_counter`].
    pub fn issue_at_the_counter_at(
        &mut self,
        card: &CardNumber,
        now: Timestamp,
    ) -> Result<IssuedPair, PortalError> {
        let order = self.new_order(card, now)?;
        let key = self.state.card(card)?.authentication_key.clone();
        let pair = self.issue_pair(&order, &key, now)?;
        self.receive(card, order.id, now)?;
        Ok(pair)
    }

    /// Revokes a certificate of either authority, without a log-in.
    ///
    /// # Errors
    /// Not a certificate, not issued here, or revoked already.
    pub fn revoke_at_the_counter(
        &mut self,
        certificate: &[u8],
        reason: RevocationReason,
    ) -> Result<(), PortalError> {
        let now = self.settle()?;
        let summary = CertificateSummary::from_der(certificate)?;
        let serial = &summary.serial;
        if self.carrier.has_issued(serial, certificate) {
            return Ok(self.carrier.revoke(serial, reason, now)?);
        }
        if !self.hcc.has_issued(serial, certificate) {
            return Err(PortalError::UnknownCertificate {
                issuer: summary.issuer,
            });
        }
        let number = summary.card_number.as_deref().unwrap_or_default();
        match number.parse() {
            Ok(card) => self.revoke_hcc(&card, serial, reason, now),
            // Of no card that is known, so of no order either.
            Err(_) => Ok(self.hcc.revoke(serial, reason, now)?),
        }
    }

    /// One of the authorities.
    pub fn authority(&self, kind: AuthorityKind) -> &Authority {
        match kind {
            AuthorityKind::Carrier => &self.carrier,
            AuthorityKind::Hcc => &self.hcc,
        }
    }

    pub(crate) fn authority_mut(&mut self, kind: AuthorityKind) -> &mut Authority {
        match kind {
            AuthorityKind::Carrier => &mut self.carrier,
            AuthorityKind::Hcc => &mut self.hcc,
        }
    }

    pub(crate) fn authority_and_rng(
        &mut self,
        kind: AuthorityKind,
    ) -> (&mut Authority, &mut IssuerRng) {
        let authority = match kind {
            AuthorityKind::Carrier => &mut self.carrier,
            AuthorityKind::Hcc => &mut self.hcc,
        };
        (authority, &mut self.rng)
    }

    /// What the portal's clock shows.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The authority of the carrier certificates.
    pub fn carrier_authority(&self) -> &Authority {
        &self.carrier
    }

    /// The authority of the HCCs.
    pub fn hcc_authority(&self) -> &Authority {
        &self.hcc
    }

    /// Makes the next CRL of one of the authorities, DER.
    ///
    /// # Errors
    /// It could not be made.
    pub fn crl(&mut self, kind: AuthorityKind) -> Result<Vec<u8>, PortalError> {
        let now = self.settle()?;
        Ok(self.authority_mut(kind).crl(now)?)
    }

    /// Makes the next delta CRL of one of the authorities, DER: what changed since the CRL
    /// numbered `base`.
    ///
    /// # Errors
    /// It could not be made.
    pub fn delta_crl(&mut self, kind: AuthorityKind, base: u64) -> Result<Vec<u8>, PortalError> {
        let now = self.settle()?;
        Ok(self.authority_mut(kind).delta_crl(base, now)?)
    }

    /// The present; what has lapsed until now is settled first. Every call does this by itself;
    /// whoever publishes CRLs and OCSP answers does it from time to time, too.
    ///
    /// # Errors
    /// A certificate of an order that has lapsed cannot be revoked.
    pub fn settle(&mut self) -> Result<Timestamp, PortalError> {
        let now = self.clock.now();
        for pair in self.state.lapse(now) {
            for serial in [&pair.authentication, &pair.signature] {
                let reason = RevocationReason::CessationOfOperation;
                match self.hcc.revoke(serial, reason, now) {
                    // Someone revoked it while it was on hold.
                    Ok(()) | Err(IssueError::AlreadyRevoked { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(now)
    }

    /// The present and the card of a session, whose carrier certificates are still good: every step
    /// of a session begins here, so whatever ends a card ends its sessions at their next step.
    pub(super) fn session(
        &mut self,
        token: &SessionToken,
    ) -> Result<(Timestamp, CardNumber), PortalError> {
        let now = self.settle()?;
        let card = self.sessions.card(token, now)?;
        if let Err(error) = self.require_good_card(&card, now) {
            self.sessions.end_all(&card);
            return Err(error);
        }
        Ok((now, card))
    }

    /// The card of a session, if it has not ended; its end stays where it is.
    pub fn card_of_session(&self, token: &SessionToken) -> Option<CardNumber> {
        self.sessions.peek(token, self.clock.now())
    }

    /// A card is good as long as both its carrier certificates are: revoking either reports it.
    pub(super) fn require_good_card(
        &self,
        card: &CardNumber,
        now: Timestamp,
    ) -> Result<(), PortalError> {
        let card = self.state.card(card)?;
        let authentication = Some(&card.carrier_authentication);
        for serial in authentication.into_iter().chain(&card.carrier_signature) {
            match self.carrier.state(serial, now) {
                Some(CertificateState::Valid) => {}
                // One that is not there is good for nothing.
                state => {
                    let state = state.unwrap_or(CertificateState::Expired);
                    return Err(PortalError::CardNotUsable { state });
                }
            }
        }
        Ok(())
    }

    /// Whether one of the portal's authorities has issued exactly this certificate (DER): every byte
    /// of it. Whoever shows another one, and has its key, has shown nothing but that.
    pub fn has_issued(&self, certificate: &[u8]) -> bool {
        CertificateSummary::from_der(certificate).is_ok_and(|summary| {
            [&self.carrier, &self.hcc]
                .into_iter()
                .any(|authority| authority.has_issued(&summary.serial, certificate))
        })
    }

    /// What a certificate is worth that one of the portal's authorities has issued.
    pub(super) fn known(&self, certificate: &[u8], now: Timestamp) -> Result<Known, PortalError> {
        let summary = CertificateSummary::from_der(certificate)?;
        let found = [&self.carrier, &self.hcc]
            .into_iter()
            .find_map(|authority| {
                let state = authority.state(&summary.serial, now)?;
                (authority.has_issued(&summary.serial, certificate))
                    .then_some((authority.kind(), state))
            });
        match found {
            Some((authority, state)) => Ok(Known {
                summary,
                authority,
                state,
            }),
            None => Err(PortalError::UnknownCertificate {
                issuer: summary.issuer,
            }),
        }
    }
}

/// A certificate of one of the portal's authorities.
pub(super) struct Known {
    pub(super) summary: CertificateSummary,
    pub(super) authority: AuthorityKind,
    pub(super) state: CertificateState,
}

impl fmt::Debug for LocalPortal {
    /// Says how much there is, and nothing of keys and sessions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cards, orders) = self.state.counts();
        f.debug_struct("LocalPortal")
            .field("cards", &cards)
            .field("orders", &orders)
            .finish_non_exhaustive()
    }
}
