//! What happens to a call whose change cannot be stored, or that breaks.

use std::sync::atomic::AtomicBool;

use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::{FixedClock, Timestamp};
use kortlab_issuer::holder::Holder;
use kortlab_issuer::profile::CarrierSubject;
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::random::IssuerRng;
use kortlab_portal_core::change::Change;
use kortlab_portal_core::{CarrierPair, Enrolment, Portal as _};

use super::*;
use crate::audit::Head;
use crate::event::AuditEvent;
use crate::store::{self, Create, StoreError, StoreUrl};

/// A store whose next commit can be made to fail, before or after the fact.
struct Failing {
    store: Box<dyn Store>,
    fails: Arc<AtomicBool>,
    loses_the_answer: Arc<AtomicBool>,
    is_gone: Arc<AtomicBool>,
}

impl Store for Failing {
    fn load(&mut self) -> Result<Vec<Change>, StoreError> {
        self.store.load()
    }

    fn commit(&mut self, changes: &[Change], events: &[AuditEvent]) -> Result<(), StoreError> {
        if self.fails.swap(false, Ordering::SeqCst) {
            return failure();
        }
        self.store.commit(changes, events)?;
        match self.loses_the_answer.swap(false, Ordering::SeqCst) {
            true => failure(),
            false => Ok(()),
        }
    }

    fn look(&mut self) -> Result<(), StoreError> {
        match self.is_gone.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable {
                store: "a store".to_owned(),
                why: "on purpose".to_owned(),
            }),
            false => self.store.look(),
        }
    }

    fn audit(&mut self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.store.audit(after, limit)
    }

    fn audit_head(&self) -> Head {
        self.store.audit_head()
    }
}

/// What a store says that cannot be had: there is no such directory.
fn failure() -> Result<(), StoreError> {
    let nowhere = StoreUrl::sqlite("/nowhere/at/all/portal.sqlite");
    store::open(&nowhere, Create::No).map(|_| ())
}

/// A service, the switch that makes its store fail, and a runtime to call it in.
fn world() -> (Service, Arc<AtomicBool>, tokio::runtime::Runtime) {
    let (service, fails, _, runtime) = world_with_two_switches();
    (service, fails, runtime)
}

/// The same, with the switch that makes the store lose an answer.
fn world_with_two_switches() -> (
    Service,
    Arc<AtomicBool>,
    Arc<AtomicBool>,
    tokio::runtime::Runtime,
) {
    let now = Timestamp::from_date(2026, 11, 24).unwrap();
    let clock = PortalClock::over(FixedClock::at(now));
    let rng = IssuerRng::from_seed(1, "portal");
    let portal = LocalPortal::create(clock.clone(), rng).unwrap();
    let [fails, loses_the_answer] = [false; 2].map(|off| Arc::new(AtomicBool::new(off)));
    let store = Failing {
        loses_the_answer: Arc::clone(&loses_the_answer),
        is_gone: Arc::default(),
        store: store::open(&StoreUrl::memory(), Create::Yes).unwrap(),
        fails: Arc::clone(&fails),
    };
    let service = Service::new(portal, &[], clock, Box::new(store)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    (service, fails, loses_the_answer, runtime)
}

/// A service whose store can go away, the switch that makes it do so, and the clock beneath.
fn world_with_a_store_that_goes() -> (
    Service,
    Arc<AtomicBool>,
    FixedClock,
    tokio::runtime::Runtime,
) {
    let beneath = FixedClock::at(Timestamp::from_date(2026, 11, 24).unwrap());
    let clock = PortalClock::over(beneath.clone());
    let rng = IssuerRng::from_seed(1, "portal");
    let portal = LocalPortal::create(clock.clone(), rng).unwrap();
    let is_gone = Arc::new(AtomicBool::new(false));
    let store = Failing {
        loses_the_answer: Arc::default(),
        is_gone: Arc::clone(&is_gone),
        store: store::open(&StoreUrl::memory(), Create::Yes).unwrap(),
        fails: Arc::default(),
    };
    let service = Service::new(portal, &[], clock, Box::new(store)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    (service, is_gone, beneath, runtime)
}

/// A card with keys that nobody has.
fn enrolment(seed: u64) -> Enrolment {
    let rng = &mut IssuerRng::from_seed(seed, "card");
    let mut key = || {
        loop {
            let mut modulus: [u8; 256] = rng.bytes();
            modulus[0] |= 0x80;
            modulus[255] |= 1;
            let key = PublicKey::from_components(&modulus, &[1, 0, 1]).unwrap();
            // No multiple of a small prime is enrolled.
            if key.weakness().is_none() {
                return key;
            }
        }
    };
    let (authentication_key, signature_key) = (key(), key());
    Enrolment {
        holder: Holder::generate(rng),
        card_number: CardNumber::generate(rng),
        authentication_key,
        signature_key,
        carrier_subject: CarrierSubject::Card,
    }
}

async fn enrol(service: &Service, seed: u64) -> Result<CarrierPair, ServiceError> {
    let call = Call::by_administrator(Operation::Enrol);
    service
        .call(call, move |portal| portal.enrol(&enrolment(seed)))
        .await
}

async fn state(service: &Service, certificate: Vec<u8>) -> (bool, CertificateState) {
    let rows = service
        .call(Operation::TestPage, move |portal| {
            portal.test_page(&[certificate])
        })
        .await
        .unwrap();
    (rows[0].known, rows[0].state)
}

#[test]
fn what_cannot_be_stored_is_taken_back_and_the_next_call_begins_with_what_was() {
    let (service, fails, runtime) = world();
    runtime.block_on(async {
        let first = enrol(&service, 1).await.unwrap();
        fails.store(true, Ordering::SeqCst);
        let refused = enrol(&service, 2).await;
        assert!(matches!(refused, Err(ServiceError::Store)), "{refused:?}");
        assert_eq!(refused.unwrap_err().status(), 503);
        assert!(!service.is_well());

        // The first card is there, and the second is not: it can be enrolled.
        let known = state(&service, first.authentication).await;
        assert_eq!(known, (true, CertificateState::Valid));
        let again = enrol(&service, 1).await;
        assert_eq!(again.unwrap_err().code(), "already-enrolled");
        let second = enrol(&service, 2).await.unwrap();
        assert!(state(&service, second.signature).await.0);
        assert!(service.is_well());

        // The audit log tells of what was done and refused, not of what was taken back.
        let entries = service.audit(0, 100).await.unwrap();
        let told: Vec<_> = entries
            .iter()
            .map(|entry| format!("{} {}", entry.operation, entry.outcome))
            .collect();
        let expected = [
            "start done",
            "enrol done",
            "enrol refused: already-enrolled",
            "enrol done",
        ];
        assert_eq!(told, expected);
        assert!(service.verify_audit(None).await.unwrap().is_good());
    });
}

#[test]
fn a_call_that_breaks_changes_nothing_and_the_portal_goes_on() {
    let (service, _, runtime) = world();
    runtime.block_on(async {
        let call = Call::by_administrator(Operation::Enrol);
        let broken: Result<(), _> = service
            .call(call, |portal| {
                portal.enrol(&enrolment(1))?;
                panic!("on purpose")
            })
            .await;
        assert!(matches!(broken, Err(ServiceError::Internal)), "{broken:?}");
        assert!(enrol(&service, 1).await.is_ok(), "nothing was enrolled");
    });
}

#[test]
fn relying_parties_are_told_of_nothing_that_is_not_stored() {
    let (service, fails, runtime) = world();
    runtime.block_on(async {
        let pair = enrol(&service, 1).await.unwrap();
        let revoke = |certificate: Vec<u8>| {
            let call = Call::by_administrator(Operation::RevokeAtTheCounter);
            let reason = kortlab_issuer::revocation::RevocationReason::Superseded;
            service.call(call, move |portal| {
                portal.revoke_at_the_counter(&certificate, reason)
            })
        };
        let kind = AuthorityKind::Carrier;
        let (before, cached) = service.crl(kind).await.unwrap();
        assert!(!cached);
        fails.store(true, Ordering::SeqCst);
        assert!(revoke(pair.signature.clone()).await.is_err());
        let (same, cached) = service.crl(kind).await.unwrap();
        assert!(cached && same.etag == before.etag);
        revoke(pair.signature).await.unwrap();
        let (after, cached) = service.crl(kind).await.unwrap();
        assert!(!cached && after.etag != before.etag);
    });
}

#[test]
fn relying_parties_are_told_of_what_was_stored_although_nobody_knew() {
    let (service, _, loses_the_answer, runtime) = world_with_two_switches();
    runtime.block_on(async {
        loses_the_answer.store(true, Ordering::SeqCst);
        let lost = enrol(&service, 1).await;
        assert!(matches!(lost, Err(ServiceError::Store)), "{lost:?}");
        let version = service.published().version(AuthorityKind::Carrier);
        let again = enrol(&service, 1).await;
        assert_eq!(again.unwrap_err().code(), "already-enrolled");
        assert!(service.published().version(AuthorityKind::Carrier) > version);
    });
}

#[test]
fn a_token_that_never_was_fills_no_log() {
    let (service, _, runtime) = world();
    runtime.block_on(async {
        let token = kortlab_portal_core::SessionToken::from_text(&"0".repeat(64)).unwrap();
        let call = Call::in_session(Operation::Order, &token);
        let refused = service.call(call, move |portal| portal.order(&token)).await;
        assert_eq!(refused.unwrap_err().code(), "session-over");
        assert_eq!(
            service.audit(0, 100).await.unwrap().len(),
            1,
            "the start only"
        );
    });
}

#[test]
fn what_cannot_be_stored_ends_no_session_of_others() {
    let (service, fails, runtime) = world();
    runtime.block_on(async {
        let pair = enrol(&service, 1).await.unwrap();
        let token = service.log_in(pair.authentication).await.unwrap().token;
        let still_there = async || {
            let (call, token) = (Call::in_session(Operation::Session, &token), token.clone());
            let asked = service.call(call, move |portal| portal.current_session(&token));
            asked.await.is_ok()
        };
        for seed in 2..4 {
            fails.store(true, Ordering::SeqCst);
            assert!(enrol(&service, seed).await.is_err());
            assert!(still_there().await, "after the portal was made again");
        }
    });
}

#[test]
fn strangers_are_told_of_together_once_time_has_passed() {
    let (service, fails, runtime) = world();
    runtime.block_on(async {
        // Another portal's card: as well made as this portal's own.
        let rng = IssuerRng::from_seed(2, "elsewhere");
        let mut portal = LocalPortal::create(service.clock().clone(), rng).unwrap();
        let stranger = portal.enrol(&enrolment(1)).unwrap().authentication;
        let entries = async || service.audit(0, 1000).await.unwrap();
        let before = entries().await.len();
        for attempt in 0..500_u16 {
            let shown = match attempt % 5 {
                0 => vec![0x30; usize::from(attempt)],
                _ => stranger.clone(),
            };
            assert!(service.log_in(shown).await.is_err());
        }
        assert_eq!(
            entries().await.len(),
            before,
            "nothing is written for a stranger"
        );
        // While nothing can be stored they are counted on, and told of later.
        fails.store(true, Ordering::SeqCst);
        assert!(enrol(&service, 7).await.is_err());
        crate::server::settle(&service).await;
        assert_eq!(entries().await.len(), before);
        service.prepare().await;
        crate::server::settle(&service).await;
        let log = entries().await;
        assert_eq!(log.len(), before + 1, "{log:#?}");
        let told = log.last().unwrap();
        assert_eq!(
            (told.actor.as_str(), told.operation.as_str()),
            ("visitor", "log-in")
        );
        assert!(
            told.subject.contains("500 attempts since"),
            "{}",
            told.subject
        );
        assert!(
            told.subject.contains("unknown-certificate 400"),
            "{}",
            told.subject
        );
        assert!(
            told.subject.contains("unreadable-certificate 100"),
            "{}",
            told.subject
        );
        crate::server::settle(&service).await;
        assert_eq!(entries().await.len(), before + 1, "once");
    });
}

#[test]
fn a_stranger_is_told_of_at_the_next_tick_and_not_only_once_a_minute() {
    let (service, _, runtime) = world();
    runtime.block_on(async {
        let entries = async || service.audit(0, 1000).await.unwrap();
        let before = entries().await.len();
        service.tell_of_strangers().await;
        assert_eq!(entries().await.len(), before, "there is nothing to tell");
        assert!(service.log_in(vec![0x30]).await.is_err());
        service.tell_of_strangers().await;
        let log = entries().await;
        assert_eq!(log.len(), before + 1, "{log:#?}");
        assert!(log[before].subject.contains("1 attempts since"));
        // Those who come without end are told of once a minute.
        for _ in 0..100 {
            assert!(service.log_in(vec![0x30]).await.is_err());
            service.tell_of_strangers().await;
        }
        assert_eq!(entries().await.len(), before + 1);
    });
}

#[test]
fn a_store_that_is_gone_is_seen_while_idle_and_answers_are_as_of_when_it_was_there() {
    let (service, is_gone, beneath, runtime) = world_with_a_store_that_goes();
    runtime.block_on(async {
        let kind = AuthorityKind::Hcc;
        let minutes = |count: u64| Duration::from_secs(60 * count);
        beneath.advance(minutes(5));
        service.look().await;
        let known = service.clock().now();
        assert!(service.is_well());
        assert_eq!(service.as_of(), known);
        is_gone.store(true, Ordering::SeqCst);
        service.look().await;
        assert!(!service.is_well(), "although nothing was to be stored");
        beneath.advance(minutes(30));
        service.look().await;
        assert_eq!(service.as_of(), known);
        assert!(service.responder(kind).await.is_ok());
        beneath.advance(minutes(1));
        service.look().await;
        assert!(
            service.responder(kind).await.is_err(),
            "half an hour is over"
        );
        is_gone.store(false, Ordering::SeqCst);
        service.look().await;
        assert!(service.is_well());
        assert_eq!(service.as_of(), service.clock().now());
        assert!(service.responder(kind).await.is_ok());
    });
}

#[test]
fn answers_are_as_of_the_portals_clock_wherever_an_administrator_has_set_it() {
    let (service, _, beneath, runtime) = world_with_a_store_that_goes();
    runtime.block_on(async {
        service.clock().advance(Duration::from_secs(86_400));
        beneath.advance(Duration::from_secs(2));
        let now = service.clock().now();
        assert_eq!(service.as_of(), now.before(Duration::from_secs(2)));
        service.look().await;
        assert_eq!(service.as_of(), now);
    });
}
