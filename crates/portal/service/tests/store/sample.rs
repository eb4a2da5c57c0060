//! What a real portal would store: records of every kind, and events.

use std::sync::OnceLock;

use kortlab_issuer::authority::{Authority, AuthorityKind};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::{FixedClock, Timestamp};
use kortlab_issuer::holder::Holder;
use kortlab_issuer::profile::{AuthorityUrls, CarrierSubject};
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::random::IssuerRng;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal::event::{Actor, AuditEvent, Outcome, Subject};
use kortlab_portal::operation::Operation;
use kortlab_portal_core::change::Change;
use kortlab_portal_core::{Enrolment, LocalPortal};
use rsa::PrivateKey;
use rsa::pkcs8::EncodePublicKey as _;

/// The portal's operations, and what each of them changed.
pub struct Sample {
    pub steps: Vec<Vec<Change>>,
    authorities: [(AuthorityKind, String, Vec<u8>); 2],
    clock: FixedClock,
}

pub fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(Sample::make)
}

impl Sample {
    fn make() -> Self {
        let clock = FixedClock::at(Timestamp::from_date(2026, 3, 1).unwrap());
        let rng = IssuerRng::from_seed(3, "store");
        let mut portal = LocalPortal::create(clock.clone(), rng).unwrap();
        let authorities = AuthorityKind::ALL.map(|kind| {
            let authority = portal.authority(kind);
            let key = authority.to_pkcs8_pem().unwrap().to_string();
            (kind, key, authority.certificate_der().to_vec())
        });
        let rng = &mut IssuerRng::from_seed(4, "store");
        let enrolment = Enrolment {
            holder: Holder::generate(rng),
            card_number: CardNumber::generate(rng),
            authentication_key: key("authentication"),
            signature_key: key("signature"),
            carrier_subject: CarrierSubject::Card,
        };
        let mut steps = Vec::new();
        portal.enrol(&enrolment).unwrap();
        steps.push(portal.take_changes());
        let pair = portal.issue_at_the_counter(&enrolment.card_number).unwrap();
        steps.push(portal.take_changes());
        portal
            .revoke_at_the_counter(&pair.authentication, RevocationReason::KeyCompromise)
            .unwrap();
        steps.push(portal.take_changes());
        portal.crl(AuthorityKind::Hcc).unwrap();
        steps.push(portal.take_changes());
        Self {
            steps,
            authorities,
            clock,
        }
    }

    /// The portal again.
    pub fn restore(&self, records: Vec<Change>) -> LocalPortal {
        let [carrier, hcc] = self.authorities.each_ref().map(|(kind, key, certificate)| {
            let urls = AuthorityUrls::at("http://localhost/", *kind);
            Authority::from_pkcs8_pem(*kind, key, certificate, urls).unwrap()
        });
        let rng = IssuerRng::from_seed(5, "store");
        LocalPortal::restore(carrier, hcc, records, self.clock.clone(), rng).unwrap()
    }
}

fn key(purpose: &str) -> PublicKey {
    let key = PrivateKey::new(&mut IssuerRng::from_seed(6, purpose), 2048).unwrap();
    let der = key.to_public_key().to_public_key_der().unwrap();
    PublicKey::from_spki_der(der.as_bytes()).unwrap()
}

pub fn event(number: u64) -> AuditEvent {
    AuditEvent {
        at: 1_795_478_400 + number,
        actor: Actor::Holder,
        operation: Operation::Removed,
        outcome: match number % 3 {
            0 => Outcome::Refused("unknown-hcc".to_owned()),
            _ => Outcome::Done,
        },
        subject: Subject::default()
            .certificate(&[0x4A, 0x01])
            .detail("Åsa's \"card\""),
    }
}

pub fn events(count: u64) -> Vec<AuditEvent> {
    (0..count).map(event).collect()
}
