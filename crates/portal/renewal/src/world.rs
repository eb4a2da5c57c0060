//! A test world: two authorities, a portal, a holder and a card, all made from a seed and a date.

use core::time::Duration;

use kortlab_emulator::crypto::{KeyError, RsaKey};
use kortlab_issuer::authority::{Authority, AuthorityKind};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::{DAY, FixedClock, Timestamp};
use kortlab_issuer::holder::Holder;
use kortlab_issuer::profile::{AuthorityUrls, CarrierSubject};
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::random::IssuerRng;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_issuer::{DocumentError, IssueError};
use kortlab_portal_core::{CarrierPair, Enrolment, IssuedPair, LocalPortal, PortalError};

use crate::state::CardState;

/// The keys of a card of this kind (`domain`: RSA up to 2048 bits).
const KEY_BITS: usize = 2048;
/// The authorities are older than every card.
const AUTHORITY_AGE: Duration = Duration::from_secs(10 * 365 * DAY.as_secs());
/// A card whose HCCs have expired was delivered so long ago (HCCs are valid for 730 days).
const LONG_AGO: Duration = Duration::from_secs(760 * DAY.as_secs());
/// Other cards were delivered so long ago.
const RECENTLY: Duration = Duration::from_secs(30 * DAY.as_secs());

/// A card's whole surroundings. The same state, seed and date give the same world, so the portal
/// that made a card can be made again to renew it.
#[derive(Debug)]
pub struct TestWorld {
    /// The portal, with both authorities. Its clock stands still at the date; see
    /// [`TestWorld::clock`].
    pub portal: LocalPortal,
    /// The portal's clock.
    pub clock: FixedClock,
    /// The holder of the card.
    pub holder: Holder,
    /// The number of the card.
    pub card_number: CardNumber,
    /// The card's authentication key (id 45).
    pub authentication_key: RsaKey,
    /// The card's signature key (id 46).
    pub signature_key: RsaKey,
    /// The carrier certificates.
    pub carrier: CarrierPair,
    /// The HCCs, in states that have them.
    pub hcc: Option<IssuedPair>,
    /// Certificates of authorities that a full card carries: name, and DER.
    pub(crate) ballast: Vec<(String, Vec<u8>)>,
}

/// Why a world, or its card, could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// A certificate or an authority could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The portal refused.
    #[error(transparent)]
    Portal(#[from] PortalError),
    /// A document did not fit.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A key of the card could not be made.
    #[error("a key of the card could not be made: {0}")]
    Key(#[from] KeyError),
    /// The card could not be put together.
    #[error("the card could not be put together: {0}")]
    Card(String),
}

/// The certificates and CRLs of both authorities, for `openssl verify` and the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityFiles {
    /// A name for the files, without ending: `test-siths-type-1-ca-v1`.
    pub name: &'static str,
    /// The authority's certificate, PEM.
    pub certificate_pem: String,
    /// The authority's certificate, DER.
    pub certificate_der: Vec<u8>,
    /// Its newest CRL, DER.
    pub crl_der: Vec<u8>,
}

impl AuthorityFiles {
    /// What is kept of it, each with the name of its file: the certificate, PEM, and the CRL, DER.
    pub fn named(&self) -> [(String, &[u8]); 2] {
        [
            (
                format!("{}.pem", self.name),
                self.certificate_pem.as_bytes(),
            ),
            (format!("{}.crl", self.name), &self.crl_der),
        ]
    }
}

impl TestWorld {
    /// Makes the world of a card in `state` at `date`.
    ///
    /// # Errors
    /// A key or certificate could not be made.
    pub fn new(state: CardState, seed: u64, date: Timestamp) -> Result<Self, WorldError> {
        let rng = |purpose: &str| IssuerRng::from_seed(seed, purpose);
        let clock = FixedClock::at(date.before(AUTHORITY_AGE));
        let mut portal = portal(&clock, date, rng)?;
        let holder = Holder::generate(&mut rng("holder"));
        let card_number = CardNumber::generate(&mut rng("card number"));
        let authentication_key = RsaKey::generate(KEY_BITS, &mut rng("authentication key"))?;
        let signature_key = RsaKey::generate(KEY_BITS, &mut rng("signature key"))?;

        clock.set(date.before(match state {
            CardState::Expired => LONG_AGO,
            _ => RECENTLY,
        }));
        let carrier = portal.enrol(&Enrolment {
            holder: holder.clone(),
            card_number,
            authentication_key: PublicKey::from_spki_der(&authentication_key.public_key_der())?,
            signature_key: PublicKey::from_spki_der(&signature_key.public_key_der())?,
            carrier_subject: CarrierSubject::Card,
        })?;
        let hcc = match state.has_hcc() {
            true => Some(portal.issue_at_the_counter(&card_number)?),
            false => None,
        };
        if let (CardState::Revoked, Some(pair)) = (state, &hcc) {
            clock.set(date.before(DAY));
            let reason = RevocationReason::AffiliationChanged;
            portal.revoke_at_the_counter(&pair.authentication, reason)?;
            portal.revoke_at_the_counter(&pair.signature, reason)?;
        }
        let ballast = match state {
            CardState::Full => ballast(&portal, date, rng)?,
            _ => Vec::new(),
        };
        clock.set(date);
        Ok(Self {
            ballast,
            portal,
            clock,
            holder,
            card_number,
            authentication_key,
            signature_key,
            carrier,
            hcc,
        })
    }

    /// Certificates and new CRLs of both authorities, the carrier's first.
    ///
    /// # Errors
    /// A CRL could not be made.
    pub fn authority_files(&mut self) -> Result<[AuthorityFiles; 2], WorldError> {
        Ok([
            self.files_of(AuthorityKind::Carrier)?,
            self.files_of(AuthorityKind::Hcc)?,
        ])
    }

    fn files_of(&mut self, kind: AuthorityKind) -> Result<AuthorityFiles, WorldError> {
        let crl_der = self.portal.crl(kind)?;
        let authority = match kind {
            AuthorityKind::Carrier => self.portal.carrier_authority(),
            AuthorityKind::Hcc => self.portal.hcc_authority(),
        };
        Ok(AuthorityFiles {
            name: kind.file_name(),
            certificate_pem: authority.certificate_pem()?,
            certificate_der: authority.certificate_der().to_vec(),
            crl_der,
        })
    }
}

fn portal(
    clock: &FixedClock,
    date: Timestamp,
    rng: impl Fn(&str) -> IssuerRng,
) -> Result<LocalPortal, IssueError> {
    let authority = |kind: AuthorityKind| {
        Authority::create(
            kind,
            AuthorityUrls::example(kind.file_name()),
            date.before(AUTHORITY_AGE),
            &mut rng(kind.file_name()),
        )
    };
    Ok(LocalPortal::new(
        authority(AuthorityKind::Carrier)?,
        authority(AuthorityKind::Hcc)?,
        clock.clone(),
        rng("portal"),
    ))
}

/// The certificates of both authorities and of two generations before them: what takes the room of
/// a full card, and what any computer has anyway.
fn ballast(
    portal: &LocalPortal,
    date: Timestamp,
    rng: impl Fn(&str) -> IssuerRng,
) -> Result<Vec<(String, Vec<u8>)>, IssueError> {
    let mut all: Vec<_> = [portal.carrier_authority(), portal.hcc_authority()]
        .into_iter()
        .map(|authority| {
            let name = authority.kind().common_name().to_owned();
            (name, authority.certificate_der().to_vec())
        })
        .collect();
    for (kind, name) in [
        (AuthorityKind::Carrier, "TEST Telia Card Identifier CA v2"),
        (AuthorityKind::Hcc, "TEST SITHS CA v3"),
    ] {
        let urls = AuthorityUrls::example(kind.file_name());
        let since = date.before(AUTHORITY_AGE);
        let authority = Authority::create_named(kind, name, urls, since, &mut rng(name))?;
        all.push((name.to_owned(), authority.certificate_der().to_vec()));
    }
    Ok(all)
}
