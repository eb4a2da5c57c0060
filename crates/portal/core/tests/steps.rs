//! What a step of a session needs is checked at every step, at the moment it takes effect: each step
//! with each reason why it must not be taken.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use core::time::Duration;

use std::sync::LazyLock;

use kortlab_issuer::authority::{Authority, AuthorityKind};
use kortlab_issuer::clock::{DAY, FixedClock, Timestamp};
use kortlab_issuer::profile::AuthorityUrls;
use kortlab_issuer::random::IssuerRng;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_core::change::Change;
use kortlab_portal_core::{
    Approval, IssuedPair, LocalPortal, OrderId, Portal, PortalError, Session, SessionToken,
};
use support::{SoftCard, World};

/// A card in the middle of the guide: an earlier pair is good, a second order is issued and waits
/// for its receipt, or is open and waits for its approval.
struct Stage {
    world: World,
    card: SoftCard,
    session: Session,
    earlier: IssuedPair,
    order: OrderId,
    approval: Approval,
    /// The receipt, signed, if the order is issued.
    receipt: Vec<u8>,
}

/// A stage as it was set up, once for all tests: keys take long to make.
struct SetUp {
    carrier: StoredAuthority,
    hcc: StoredAuthority,
    records: Vec<Change>,
    start: Timestamp,
    card: SoftCard,
    earlier: IssuedPair,
    order: OrderId,
    approval: Approval,
    receipt: Vec<u8>,
}

impl SetUp {
    fn new(issued: bool) -> Self {
        let mut world = World::new();
        let card = world.enrol("card");
        let earlier = world.portal.issue_at_the_counter(&card.number).unwrap();
        let session = world.log_in(&card);
        let order = world.portal.order(&session.token).unwrap();
        let approval = world.approval(&card, &order);
        let mut receipt = Vec::new();
        if issued {
            let token = &session.token;
            let pair = world.portal.approve(token, order.id, &approval).unwrap();
            let text = world.portal.receipt(token).unwrap().unwrap().text;
            let now = world.start;
            receipt = card
                .signature
                .sign_text(text.as_bytes(), &pair.signature, now);
        }
        Self {
            carrier: StoredAuthority::of(world.portal.carrier_authority()),
            hcc: StoredAuthority::of(world.portal.hcc_authority()),
            records: world.portal.take_changes(),
            start: world.start,
            card,
            earlier,
            order: order.id,
            approval,
            receipt,
        }
    }

    fn get(issued: bool) -> &'static Self {
        static OPEN: LazyLock<SetUp> = LazyLock::new(|| SetUp::new(false));
        static ISSUED: LazyLock<SetUp> = LazyLock::new(|| SetUp::new(true));
        match issued {
            true => &ISSUED,
            false => &OPEN,
        }
    }

    /// The portal again, at another time if need be.
    fn world(&self, more: Vec<Change>) -> World {
        let clock = FixedClock::at(self.start);
        let records = self.records.iter().cloned().chain(more);
        let rng = IssuerRng::from_seed(5, "again");
        let (carrier, hcc) = (self.carrier.authority(), self.hcc.authority());
        World {
            portal: LocalPortal::restore(carrier, hcc, records, clock.clone(), rng).unwrap(),
            clock,
            start: self.start,
        }
    }
}

/// What an authority is made of again.
struct StoredAuthority {
    kind: AuthorityKind,
    key: String,
    certificate: Vec<u8>,
    urls: AuthorityUrls,
}

impl StoredAuthority {
    fn of(authority: &Authority) -> Self {
        Self {
            kind: authority.kind(),
            key: authority.to_pkcs8_pem().unwrap().to_string(),
            certificate: authority.certificate_der().to_vec(),
            urls: authority.urls().clone(),
        }
    }

    fn authority(&self) -> Authority {
        let urls = self.urls.clone();
        Authority::from_pkcs8_pem(self.kind, &self.key, &self.certificate, urls).unwrap()
    }
}

impl Stage {
    fn new(issued: bool) -> Self {
        let set_up = SetUp::get(issued);
        let mut world = set_up.world(Vec::new());
        let session = world.log_in(&set_up.card);
        Self {
            world,
            card: set_up.card.clone(),
            session,
            earlier: set_up.earlier.clone(),
            order: set_up.order,
            approval: set_up.approval.clone(),
            receipt: set_up.receipt.clone(),
        }
    }

    /// Takes one step, and returns what came of it: `done`, or the code of the refusal.
    fn take(&mut self, step: &Step) -> String {
        fn told<T>(result: Result<T, PortalError>) -> String {
            match result {
                Ok(_) => "done".to_owned(),
                Err(error) => error.code().to_owned(),
            }
        }
        let token = &self.session.token;
        let portal = &mut self.world.portal;
        let serial =
            kortlab_issuer::inspect::CertificateSummary::from_der(&self.earlier.authentication)
                .unwrap()
                .serial;
        match step {
            Step::Session => told(portal.current_session(token)),
            Step::List => told(portal.certificates(token)),
            Step::Removed => told(portal.removed(token, &serial)),
            Step::Order => told(portal.order(token)),
            Step::Approve => told(portal.approve(token, self.order, &self.approval)),
            Step::ApproveWrongly => {
                told(portal.approve_for_another_key(token, self.order, &self.approval))
            }
            Step::Fetch => told(portal.fetch(token, self.order)),
            Step::Receipt => told(portal.receipt(token)),
            Step::SignReceipt => told(portal.sign_receipt(token, self.order, &self.receipt)),
            Step::Revoke => told(portal.revoke(token, &serial, RevocationReason::Superseded)),
        }
    }
}

#[derive(Debug)]
enum Step {
    Session,
    List,
    Removed,
    Order,
    Approve,
    ApproveWrongly,
    Fetch,
    Receipt,
    SignReceipt,
    Revoke,
}

impl Step {
    const ALL: [Self; 10] = [
        Self::Session,
        Self::List,
        Self::Removed,
        Self::Order,
        Self::Approve,
        Self::ApproveWrongly,
        Self::Fetch,
        Self::Receipt,
        Self::SignReceipt,
        Self::Revoke,
    ];

    /// Whether the order is issued before the step.
    const fn needs_an_issued_order(&self) -> bool {
        matches!(self, Self::Fetch | Self::Receipt | Self::SignReceipt)
    }
}

/// Why no step of a session may be taken any more, and the code of the refusal.
type Reason = (&'static str, fn(&mut Stage), &'static str);

fn revoke(stage: &mut Stage, which: fn(&SoftCard) -> &Vec<u8>, reason: RevocationReason) {
    let certificate = which(&stage.card).clone();
    let portal = &mut stage.world.portal;
    portal.revoke_at_the_counter(&certificate, reason).unwrap();
}

const REASONS: [Reason; 7] = [
    (
        "the certificate of the log-in is revoked",
        |stage| {
            revoke(
                stage,
                |card| &card.carrier.authentication,
                RevocationReason::KeyCompromise,
            );
        },
        "card-not-usable",
    ),
    (
        "the card is reported by its other carrier certificate",
        |stage| {
            revoke(
                stage,
                |card| &card.carrier.signature,
                RevocationReason::CessationOfOperation,
            );
        },
        "card-not-usable",
    ),
    (
        "the certificate of the log-in is put on hold",
        |stage| {
            revoke(
                stage,
                |card| &card.carrier.authentication,
                RevocationReason::CertificateHold,
            );
        },
        "card-not-usable",
    ),
    (
        "the other carrier certificate is put on hold",
        |stage| {
            revoke(
                stage,
                |card| &card.carrier.signature,
                RevocationReason::CertificateHold,
            );
        },
        "card-not-usable",
    ),
    (
        "the clock was set to before the card",
        |stage| stage.world.clock.set(stage.world.start.before(DAY)),
        "card-not-usable",
    ),
    (
        "the session has been idle for too long",
        |stage| stage.world.clock.advance(Duration::from_secs(10 * 60)),
        "session-over",
    ),
    (
        "the holder has logged out",
        |stage| stage.world.portal.log_out(&stage.session.token).unwrap(),
        "session-over",
    ),
];

#[test]
fn no_step_is_taken_once_the_card_or_the_session_is_no_longer_good() {
    for step in Step::ALL {
        // The control: without a reason the step is taken.
        let mut stage = Stage::new(step.needs_an_issued_order());
        assert_eq!(stage.take(&step), "done", "{step:?}");
        for (reason, happen, code) in REASONS {
            let mut stage = Stage::new(step.needs_an_issued_order());
            happen(&mut stage);
            stage.world.portal.take_changes();
            assert_eq!(stage.take(&step), code, "{step:?}, {reason}");
            assert_eq!(stage.world.portal.take_changes(), [], "{step:?}, {reason}");
            // The session has ended with it.
            assert_eq!(stage.take(&step), "session-over", "{step:?}, {reason}");
        }
    }
}

#[test]
fn a_session_that_goes_on_past_the_end_of_the_carrier_certificates_ends_with_them() {
    for step in Step::ALL {
        let mut stage = Stage::new(false);
        // Five years after the card was delivered, but for a quarter of an hour.
        let near = 5 * 365 * DAY - Duration::from_secs(900);
        stage.world.clock.advance(near);
        stage.session = stage.world.log_in(&stage.card);
        for _ in 0..2 {
            stage.world.clock.advance(Duration::from_secs(420));
            let token = &stage.session.token;
            stage.world.portal.certificates(token).unwrap();
        }
        stage.world.clock.advance(Duration::from_secs(420));
        assert_eq!(stage.take(&step), "card-not-usable", "{step:?}");
    }
}

#[test]
fn logging_out_succeeds_whatever_became_of_the_card() {
    for (reason, happen, _) in &REASONS[..5] {
        let mut stage = Stage::new(false);
        happen(&mut stage);
        let token = &stage.session.token;
        assert!(stage.world.portal.log_out(token).is_ok(), "{reason}");
    }
}

#[test]
fn every_session_of_a_card_ends_and_those_of_other_cards_go_on() {
    let mut stage = Stage::new(false);
    let second = stage.world.log_in(&stage.card);
    let other = stage.world.enrol("other");
    let others = stage.world.log_in(&other);
    (REASONS[0].1)(&mut stage);
    assert_eq!(stage.take(&Step::List), "card-not-usable");
    let portal = &mut stage.world.portal;
    let over = portal.certificates(&second.token).unwrap_err();
    assert_eq!(over.code(), "session-over");
    assert!(portal.certificates(&others.token).is_ok());
    assert_eq!(portal.open_sessions(), 1);
}

#[test]
fn an_order_that_is_too_old_is_refused_at_every_step_that_is_about_it() {
    let old = |stage: &mut Stage, time: Duration| {
        stage.world.clock.advance(time);
        stage.session = stage.world.log_in(&stage.card);
    };
    for step in [
        Step::Approve,
        Step::ApproveWrongly,
        Step::Fetch,
        Step::SignReceipt,
    ] {
        let mut stage = Stage::new(false);
        old(&mut stage, DAY + Duration::from_secs(1));
        assert_eq!(
            stage.take(&step),
            "order-lapsed",
            "not approved in a day: {step:?}"
        );
    }
    for step in [
        Step::Approve,
        Step::ApproveWrongly,
        Step::Fetch,
        Step::SignReceipt,
    ] {
        let mut stage = Stage::new(true);
        old(&mut stage, 30 * DAY + Duration::from_secs(1));
        assert_eq!(
            stage.take(&step),
            "order-lapsed",
            "not received in 30 days: {step:?}"
        );
    }
    let mut stage = Stage::new(true);
    old(&mut stage, 30 * DAY + Duration::from_secs(1));
    let portal = &mut stage.world.portal;
    assert_eq!(portal.receipt(&stage.session.token).unwrap(), None);
}

#[test]
fn a_receipt_for_certificates_that_were_revoked_is_not_taken_and_the_earlier_ones_stay_good() {
    for which in [true, false] {
        let mut stage = Stage::new(true);
        let token = stage.session.token.clone();
        let portal = &mut stage.world.portal;
        let pair = portal.fetch(&token, stage.order).unwrap();
        let one = match which {
            true => &pair.authentication,
            false => &pair.signature,
        };
        let reason = RevocationReason::KeyCompromise;
        portal.revoke_at_the_counter(one, reason).unwrap();
        assert_eq!(
            portal.receipt(&token).unwrap(),
            None,
            "there is none to sign"
        );
        assert_eq!(stage.take(&Step::SignReceipt), "certificate-not-usable");
        let earlier = stage.earlier.order;
        assert!(stage.world.portal.fetch(&token, earlier).is_ok());
    }
}

#[test]
fn a_card_that_was_reported_is_so_after_a_restart_as_well() {
    for (reason, happen, code) in &REASONS[..4] {
        let mut stage = Stage::new(false);
        happen(&mut stage);
        let more = stage.world.portal.take_changes();
        let mut again = SetUp::get(false).world(more).portal;
        // Also where only the other certificate is revoked: a session could do nothing.
        let refused = again
            .log_in_proven(&stage.card.carrier.authentication)
            .unwrap_err();
        let codes = [*code, "certificate-not-usable"];
        assert!(codes.contains(&refused.code()), "{reason}: {refused}");
    }
}

#[test]
fn a_mistake_on_purpose_belongs_to_the_call_it_was_asked_for() {
    let mut stage = Stage::new(false);
    let mut other_session = stage.session.clone();
    other_session.token = SessionToken::from_text(&"0".repeat(64)).unwrap();
    let own = std::mem::replace(&mut stage.session, other_session);
    assert_eq!(stage.take(&Step::ApproveWrongly), "session-over");
    stage.session = own;
    // The next one to approve gets what was asked for: no mistake waits for it.
    assert_eq!(stage.take(&Step::Approve), "done");
    let pair = stage
        .world
        .portal
        .fetch(&stage.session.token, stage.order)
        .unwrap();
    let summary =
        kortlab_issuer::inspect::CertificateSummary::from_der(&pair.authentication).unwrap();
    assert_eq!(
        summary.public_key.unwrap(),
        stage.card.authentication.public()
    );
}
