//! The guide from its beginning to two blue and two pink, and what happens when it stops.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

#[path = "support/passed_on.rs"]
#[macro_use]
mod passed_on;
#[path = "support/openssl.rs"]
mod openssl;

use kortlab_apdu::Protocol;
use kortlab_card::{
    Card, Change, ErrorKind, Exception, MemoryJournal, NewCertificate, Pin, PinRole,
};
use kortlab_emulator::memory::{MemoryTechnology, PowerCut};
use kortlab_emulator::{CardRng, InProcess, VirtualCard};
use kortlab_issuer::authority::{AuthorityKind, CertificateState};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::{Clock as _, Timestamp};
use kortlab_issuer::inspect::{CertificateSummary, Colour};
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_core::{
    Approval, DataLine, HccEntry, IssuedPair, LocalPortal, LogInKey, LogInScheme, Order, OrderId,
    Portal, PortalError, Receipt, Session, SessionToken, TestPageRow,
};
use kortlab_renewal::card::{CardLogIn, WorkError};
use kortlab_renewal::guide::{Cause, Event, Interaction, Outcome, RenewalError, Step, renew};
use kortlab_renewal::notes::MemoryNotes;
use kortlab_renewal::states::{CardState, NewCard, new_card};
use kortlab_renewal::world::TestWorld;
use openssl::OpenSsl;

/// Gives the test PINs, keeps what happens, and objects if told so.
#[derive(Default)]
struct Holder {
    events: Vec<Event>,
    asked: Vec<(PinRole, Step)>,
    wrong_pin_for: Option<PinRole>,
    no_pin_at: Option<Step>,
    refuses_data: bool,
    refuses_receipt: bool,
}

impl Interaction for Holder {
    fn event(&mut self, event: &Event) {
        self.events.push(event.clone());
    }

    fn pin(&mut self, role: PinRole, step: Step) -> Result<Pin, String> {
        self.asked.push((role, step));
        if self.no_pin_at == Some(step) {
            return Err("interrupted".to_owned());
        }
        let digits = match (role, self.wrong_pin_for == Some(role)) {
            (_, true) => "999999",
            (PinRole::Authentication, _) => "123456",
            (PinRole::Signature, _) => "654321",
        };
        Ok(Pin::try_from(digits).unwrap())
    }

    fn data_are_right(&mut self, data: &[DataLine]) -> bool {
        assert!(data.iter().any(|line| line.swedish == "HSA-id"));
        !self.refuses_data
    }

    fn receipt_is_right(&mut self, text: &str) -> bool {
        assert!(text.starts_with("Kvittens"));
        !self.refuses_receipt
    }
}

impl Holder {
    fn began(&self) -> Vec<Step> {
        let step = |event: &Event| match event {
            Event::Began(step) => Some(*step),
            _ => None,
        };
        self.events.iter().filter_map(step).collect()
    }

    fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(event)).count()
    }
}

fn date() -> Timestamp {
    Timestamp::from_date(2026, 11, 24).unwrap()
}

fn insert(state: CardState, protocol: Protocol) -> (Card<InProcess>, TestWorld) {
    let NewCard { image, world } = new_card(state, protocol, 11, date()).unwrap();
    let card = VirtualCard::new(image, CardRng::from_seed(11)).unwrap();
    let card = Card::open(InProcess::ephemeral(card)).unwrap();
    (card, world)
}

fn guide(
    card: &mut Card<InProcess>,
    world: &mut TestWorld,
    holder: &mut Holder,
) -> Result<Outcome, RenewalError> {
    let clock = world.clock.clone();
    let mut journal = MemoryJournal::new();
    renew(
        card,
        &mut world.portal,
        &clock,
        holder,
        &mut journal,
        &mut MemoryNotes::new(),
    )
}

fn image(card: &mut Card<InProcess>) -> String {
    card.channel_mut().card().image().to_json()
}

/// Checks the four certificates on the card with OpenSSL: chains, CRLs, and the signatures by the
/// card's keys.
fn openssl_agrees(card: &mut Card<InProcess>, world: &mut TestWorld) {
    let openssl = OpenSsl::with_authorities_of(world);
    openssl.write("message", b"what was signed");
    let now = date().unix_seconds().to_string();
    let slots = card.slots().unwrap();
    assert_eq!(slots.len(), 4);
    for slot in slots {
        openssl.write("one.der", &slot.der);
        openssl.must(&[
            "x509", "-inform", "DER", "-in", "one.der", "-out", "one.pem",
        ]);
        openssl.must(&[
            "verify",
            "-attime",
            &now,
            "-x509_strict",
            "-CAfile",
            "ca.pem",
            "-crl_check",
            "-CRLfile",
            "0.crl",
            "-CRLfile",
            "1.crl",
            "one.pem",
        ]);
        let (role, digits) = match slot.key_id().0.as_slice() {
            [0x45] => (PinRole::Authentication, "123456"),
            _ => (PinRole::Signature, "654321"),
        };
        let pin = Pin::try_from(digits).unwrap();
        let scheme = kortlab_card::Scheme::Pkcs1(kortlab_card::Hash::Sha256);
        let key = card.key_for(role).unwrap();
        assert_eq!(key.id, *slot.key_id());
        let signature = card
            .unlocked(role, &pin, |key| key.sign(scheme, b"what was signed"))
            .unwrap();
        openssl.write("signature", &signature);
        let key = openssl.must(&["x509", "-in", "one.pem", "-noout", "-pubkey"]);
        openssl.write("key.pem", key.as_bytes());
        openssl.must(&[
            "dgst",
            "-sha256",
            "-verify",
            "key.pem",
            "-signature",
            "signature",
            "message",
        ]);
    }
}

#[test]
fn the_whole_guide_from_expired_and_revoked_over_both_protocols() {
    for state in [CardState::Expired, CardState::Revoked] {
        for protocol in [Protocol::T0, Protocol::T1] {
            let (mut card, mut world) = insert(state, protocol);
            let mut holder = Holder::default();
            let outcome = guide(&mut card, &mut world, &mut holder).unwrap();
            let Outcome::Renewed(report) = &outcome else {
                panic!("{outcome:?}");
            };
            assert!(report.is_complete(), "{report:?}");
            assert_eq!(report.certificates.len(), 4, "the old ones are gone");
            assert_eq!(holder.began(), Step::ALL);
            assert_eq!(holder.count(|event| matches!(event, Event::Removed(_))), 2);
            assert_eq!(holder.count(|event| matches!(event, Event::Written(_))), 2);
            assert_eq!(
                holder.count(|event| matches!(event, Event::ReceiptSigned)),
                1
            );
            assert_eq!(
                holder.count(|event| matches!(event, Event::Tried { .. })),
                2
            );
            use PinRole::{Authentication, Signature};
            assert_eq!(
                holder.asked,
                [
                    (Authentication, Step::LogIn),
                    (Signature, Step::Approve),
                    (Signature, Step::Receipt),
                    (Authentication, Step::TryAuthentication),
                    (Signature, Step::TrySignature),
                ],
                "as the guide asks"
            );
            openssl_agrees(&mut card, &mut world);

            // Once more: nothing to do, nothing asked, nothing changed.
            let before = image(&mut card);
            let mut again = Holder::default();
            let outcome = guide(&mut card, &mut world, &mut again).unwrap();
            assert_eq!(outcome, Outcome::AlreadyValid(report.clone()));
            assert_eq!(again.asked, []);
            assert_eq!(again.count(|event| matches!(event, Event::AlreadyValid)), 1);
            assert_eq!(image(&mut card), before);
        }
    }
}

#[test]
fn a_delivered_card_gets_its_first_pair_and_a_valid_one_is_left_alone() {
    let (mut card, mut world) = insert(CardState::Delivered, Protocol::T0);
    let outcome = guide(&mut card, &mut world, &mut Holder::default()).unwrap();
    assert!(matches!(outcome, Outcome::Renewed(_)));
    let (mut card, mut world) = insert(CardState::Valid, Protocol::T0);
    let outcome = guide(&mut card, &mut world, &mut Holder::default()).unwrap();
    assert!(matches!(outcome, Outcome::AlreadyValid(_)));
}

#[test]
fn a_full_card_is_told_before_anything_is_touched_or_ordered() {
    let (mut card, mut world) = insert(CardState::Full, Protocol::T0);
    let before = image(&mut card);
    let mut holder = Holder::default();
    let error = guide(&mut card, &mut world, &mut holder).unwrap_err();
    assert_eq!(error.step(), Step::RemoveOld);
    let Cause::Full(full) = error.cause() else {
        panic!("{error}");
    };
    assert_eq!(full.freed, 0);
    assert_eq!(full.removable.len(), 4, "{full:?}");
    assert!(error.to_string().contains("fullt kort"), "{error}");
    assert!(error.how_to_continue().contains("TEST SITHS Type 1 CA v1"));
    assert_eq!(image(&mut card), before);
    assert!(!holder.began().contains(&Step::Order));

    // What it says helps: without the authorities' certificates there is room.
    let authorities = card.slots().unwrap();
    for slot in authorities.iter().rev().filter(|slot| slot.is_authority()) {
        assert!(
            card.remove_certificate(slot, &mut MemoryJournal::new())
                .unwrap()
                .warnings
                .is_empty()
        );
    }
    let outcome = guide(&mut card, &mut world, &mut Holder::default()).unwrap();
    assert!(matches!(outcome, Outcome::Renewed(_)));
}

#[test]
fn cards_that_cannot_begin_say_why() {
    let (mut card, mut world) = insert(CardState::BlankSlots, Protocol::T0);
    let error = guide(&mut card, &mut world, &mut Holder::default()).unwrap_err();
    assert!(
        matches!(error.cause(), Cause::NoCarrierCertificate),
        "{error}"
    );
    assert_eq!(error.step(), Step::LogIn);

    // A card with expired HCCs whose PINs are blocked.
    let NewCard {
        mut image,
        mut world,
    } = new_card(CardState::Expired, Protocol::T0, 11, date()).unwrap();
    for pin in &mut image.pins {
        pin.tries_left = 0;
    }
    let card = VirtualCard::new(image, CardRng::from_seed(1)).unwrap();
    let mut card = Card::open(InProcess::ephemeral(card)).unwrap();
    let error = guide(&mut card, &mut world, &mut Holder::default()).unwrap_err();
    let Cause::Card(cause) = error.cause() else {
        panic!("{error}");
    };
    assert_eq!(cause.kind(), ErrorKind::PinBlocked);

    let NewCard { image, .. } = new_card(CardState::Blank, Protocol::T0, 11, date()).unwrap();
    let card = VirtualCard::new(image, CardRng::from_seed(1)).unwrap();
    let error = Card::open(InProcess::ephemeral(card)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPkcs15);
}

#[test]
fn a_wrong_pin_stops_the_guide_after_one_try_at_the_step_it_belongs_to() {
    for (role, step) in [
        (PinRole::Authentication, Step::LogIn),
        (PinRole::Signature, Step::Approve),
    ] {
        let (mut card, mut world) = insert(CardState::Expired, Protocol::T0);
        let mut holder = Holder {
            wrong_pin_for: Some(role),
            ..Holder::default()
        };
        let error = guide(&mut card, &mut world, &mut holder).unwrap_err();
        assert_eq!(error.step(), step);
        let Cause::Card(cause) = error.cause() else {
            panic!("{error}");
        };
        assert_eq!(cause.kind(), ErrorKind::PinWrong { tries: Some(2) });
        assert!(!format!("{error} {error:?}").contains("999999"));
        // The right PIN, and it goes on.
        let outcome = guide(&mut card, &mut world, &mut Holder::default()).unwrap();
        assert!(matches!(outcome, Outcome::Renewed(_)));
    }
}

#[test]
fn a_guide_that_stopped_at_any_step_goes_on_and_issues_one_pair_in_all() {
    let stops: [fn(&mut Holder); 5] = [
        |holder| holder.no_pin_at = Some(Step::LogIn),
        |holder| holder.refuses_data = true,
        |holder| holder.no_pin_at = Some(Step::Approve),
        |holder| holder.refuses_receipt = true,
        |holder| holder.no_pin_at = Some(Step::Receipt),
    ];
    for stop in stops {
        let (mut card, mut world) = insert(CardState::Expired, Protocol::T0);
        let mut holder = Holder::default();
        stop(&mut holder);
        let error = guide(&mut card, &mut world, &mut holder).unwrap_err();
        assert!(error.how_to_continue().contains("begin again"), "{error}");
        let outcome = guide(&mut card, &mut world, &mut Holder::default()).unwrap();
        assert!(matches!(outcome, Outcome::Renewed(_)), "{error}");
        assert_eq!(issued(&mut card, &mut world), 2, "{error}");
    }
}

#[test]
fn until_the_receipt_is_signed_the_new_pair_is_on_hold() {
    let (mut card, mut world) = insert(CardState::Expired, Protocol::T0);
    let mut holder = Holder {
        refuses_receipt: true,
        ..Holder::default()
    };
    let error = guide(&mut card, &mut world, &mut holder).unwrap_err();
    assert_eq!(error.step(), Step::Receipt);
    let der: Vec<_> = card
        .slots()
        .unwrap()
        .into_iter()
        .map(|slot| slot.der.into())
        .collect();
    let rows = world.portal.test_page(&der).unwrap();
    let on_hold = rows
        .iter()
        .filter(|row| row.state == CertificateState::OnHold);
    assert_eq!(on_hold.count(), 2);
    // The next run writes nothing: the pair is on the card.
    let mut holder = Holder::default();
    guide(&mut card, &mut world, &mut holder).unwrap();
    assert_eq!(
        holder.count(|event| matches!(event, Event::AlreadyWritten(_))),
        2
    );
    assert_eq!(holder.count(|event| matches!(event, Event::Written(_))), 0);
}

#[test]
fn certificates_lost_from_the_card_are_put_back_not_issued_again() {
    let (mut card, mut world) = insert(CardState::Expired, Protocol::T0);
    let first = guide(&mut card, &mut world, &mut Holder::default()).unwrap();
    card.verify(PinRole::Authentication, &Pin::try_from("123456").unwrap())
        .unwrap();
    let slots = card.slots().unwrap();
    let removed = card
        .remove_certificate(slots.last().unwrap(), &mut MemoryJournal::new())
        .unwrap();
    assert!(removed.warnings.is_empty());
    let mut holder = Holder::default();
    let again = guide(&mut card, &mut world, &mut holder).unwrap();
    assert_eq!(again.report(), first.report());
    assert_eq!(holder.count(|event| matches!(event, Event::Resumed(_))), 1);
    assert_eq!(holder.count(|event| matches!(event, Event::NoReceipt)), 1);
    assert_eq!(issued(&mut card, &mut world), 2);
}

/// How many HCCs the portal has issued at the date of the test.
fn issued(card: &mut Card<InProcess>, world: &mut TestWorld) -> usize {
    let certificate = world.carrier.authentication.clone();
    let pin = Pin::try_from("123456").unwrap();
    let mut key = CardLogIn::new(card, &pin, &certificate);
    let session = world.portal.log_in(&mut key).unwrap();
    let listed = world.portal.certificates(&session.token).unwrap();
    let new = listed
        .iter()
        .filter(|entry| entry.summary.not_before == date());
    new.count()
}

/// A portal that makes mistakes at the approval.
struct Mistaken<'a> {
    portal: &'a mut LocalPortal,
    /// The next answer is lost on the way: the certificates are issued, and the client does not
    /// know.
    lost: bool,
    /// The next certificate for authentication is for another key.
    for_another_key: bool,
}

impl Portal for Mistaken<'_> {
    passed_on!();
    fn order(&mut self, token: &SessionToken) -> Result<Order, PortalError> {
        self.portal.order(token)
    }
    fn approve(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        approval: &Approval,
    ) -> Result<IssuedPair, PortalError> {
        let pair = match core::mem::replace(&mut self.for_another_key, false) {
            true => self
                .portal
                .approve_for_another_key(token, order, approval)?,
            false => self.portal.approve(token, order, approval)?,
        };
        if core::mem::replace(&mut self.lost, false) {
            return Err(PortalError::Transport("connection reset".to_owned()));
        }
        Ok(pair)
    }
    fn fetch(&mut self, token: &SessionToken, order: OrderId) -> Result<IssuedPair, PortalError> {
        self.portal.fetch(token, order)
    }
    fn receipt(&mut self, token: &SessionToken) -> Result<Option<Receipt>, PortalError> {
        self.portal.receipt(token)
    }
    fn sign_receipt(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        signed_receipt: &[u8],
    ) -> Result<(), PortalError> {
        self.portal.sign_receipt(token, order, signed_receipt)
    }
}

#[test]
fn an_interrupted_fetch_is_taken_up_again() {
    let (mut card, mut world) = insert(CardState::Expired, Protocol::T0);
    let clock = world.clock.clone();
    let mut portal = Mistaken {
        portal: &mut world.portal,
        lost: true,
        for_another_key: false,
    };
    let error = renew(
        &mut card,
        &mut portal,
        &clock,
        &mut Holder::default(),
        &mut MemoryJournal::new(),
        &mut MemoryNotes::new(),
    )
    .unwrap_err();
    assert_eq!(error.step(), Step::Approve);
    let mut holder = Holder::default();
    let outcome = renew(
        &mut card,
        &mut portal,
        &clock,
        &mut holder,
        &mut MemoryJournal::new(),
        &mut MemoryNotes::new(),
    )
    .unwrap();
    assert!(matches!(outcome, Outcome::Renewed(_)));
    assert_eq!(holder.count(|event| matches!(event, Event::Resumed(_))), 1);
    assert!(!holder.began().contains(&Step::Approve));
    assert_eq!(issued(&mut card, &mut world), 2);
}

#[test]
fn the_card_signs_a_log_in_both_ways_and_what_it_refuses_is_kept() {
    let (mut card, world) = insert(CardState::Delivered, Protocol::T0);
    let certificate = &world.carrier.authentication;
    let summary = CertificateSummary::from_der(certificate).unwrap();
    let public = summary.public_key.unwrap();
    let pin = Pin::try_from("123456").unwrap();
    let mut key = CardLogIn::new(&mut card, &pin, certificate);
    for scheme in [LogInScheme::Pkcs1Sha256, LogInScheme::PssSha256] {
        let signature = key.sign(scheme, b"handshake").unwrap();
        assert_eq!(scheme.verify(&public, b"handshake", &signature), Ok(()));
    }
    assert!(key.into_failure().is_none());

    let wrong = Pin::try_from("999999").unwrap();
    let mut key = CardLogIn::new(&mut card, &wrong, certificate);
    let refused = key.sign(LogInScheme::PssSha256, b"handshake").unwrap_err();
    assert!(!refused.message.contains("999999"));
    let Some(WorkError::Card(cause)) = key.into_failure() else {
        panic!("{refused}");
    };
    assert_eq!(cause.kind(), ErrorKind::PinWrong { tries: Some(2) });
    assert_eq!(cause.to_string(), refused.message);

    // A certificate of the other key: what would be sent proves nothing.
    let other = &world.carrier.signature;
    let mut key = CardLogIn::new(&mut card, &pin, other);
    assert!(key.sign(LogInScheme::Pkcs1Sha256, b"handshake").is_err());
    assert!(matches!(key.into_failure(), Some(WorkError::Document(_))));
}

#[test]
fn a_certificate_for_another_key_is_not_written_and_the_next_order_is_in_order() {
    let (mut card, mut world) = insert(CardState::Delivered, Protocol::T0);
    let before = image(&mut card);
    for for_another_key in [true, false] {
        let clock = world.clock.clone();
        let mut portal = Mistaken {
            portal: &mut world.portal,
            lost: false,
            for_another_key,
        };
        let (mut holder, mut journal) = (Holder::default(), MemoryJournal::new());
        let error = renew(
            &mut card,
            &mut portal,
            &clock,
            &mut holder,
            &mut journal,
            &mut MemoryNotes::new(),
        )
        .unwrap_err();
        assert_eq!(error.step(), Step::Write);
        let other = PinRole::Authentication;
        assert!(matches!(error.cause(), Cause::OtherKey(role) if *role == other));
        assert!(
            error.how_to_continue().contains("revoke the pair"),
            "{error}"
        );
        assert_eq!(
            image(&mut card),
            before,
            "nothing was written, not the good one either"
        );
    }
    // What the advice says helps.
    let pin = Pin::try_from("123456").unwrap();
    let carrier = world.carrier.authentication.clone();
    let mut key = CardLogIn::new(&mut card, &pin, &carrier);
    let token = world.portal.log_in(&mut key).unwrap().token;
    for entry in world.portal.certificates(&token).unwrap() {
        let reason = RevocationReason::Superseded;
        let serial = &entry.summary.serial;
        world.portal.revoke(&token, serial, reason).unwrap();
    }
    let outcome = guide(&mut card, &mut world, &mut Holder::default()).unwrap();
    assert!(matches!(outcome, Outcome::Renewed(_)));
    openssl_agrees(&mut card, &mut world);
}

#[test]
fn a_card_of_another_portal_does_not_log_in() {
    let (mut card, _) = insert(CardState::Expired, Protocol::T0);
    let NewCard { mut world, .. } = new_card(CardState::Expired, Protocol::T0, 12, date()).unwrap();
    let error = guide(&mut card, &mut world, &mut Holder::default()).unwrap_err();
    assert_eq!(error.step(), Step::LogIn);
    assert!(matches!(
        error.cause(),
        Cause::Portal(PortalError::UnknownCertificate { .. })
    ));
}

#[test]
fn the_report_is_data_with_stable_names() {
    let (mut card, mut world) = insert(CardState::Expired, Protocol::T0);
    let outcome = guide(&mut card, &mut world, &mut Holder::default()).unwrap();
    let json = serde_json::to_value(outcome.report()).unwrap();
    assert_eq!(json["valid"]["blue"], 2);
    assert_eq!(json["valid"]["pink"], 2);
    let rows = json["certificates"].as_array().unwrap();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["colour"].as_str().unwrap(),
                row["purpose_sv"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("blue", "Legitimering"),
            ("blue", "Underskrift"),
            ("pink", "Legitimering"),
            ("pink", "Underskrift"),
        ]
    );
    let hcc = &rows[2];
    assert_eq!(hcc["state"], "valid");
    assert_eq!(hcc["holder"], world.holder.full_name());
    assert_eq!(hcc["hsa_id"], world.holder.hsa_id.as_str());
    assert_eq!(hcc["issuer"], "TEST SITHS Type 1 CA v1");
    assert_eq!(hcc["not_before"], "2026-11-24T00:00:00Z");
    let number: CardNumber = hcc["card_number"].as_str().unwrap().parse().unwrap();
    assert_eq!(number, world.card_number);
}

/// The guide is begun, the card is pulled out at some command, put in again, and the guide begun
/// again with the same journal, until it is through.
#[test]
fn a_card_pulled_out_during_the_guide_is_recovered_by_the_next_run() {
    let NewCard { mut image, .. } = new_card(CardState::Expired, Protocol::T1, 11, date()).unwrap();
    image.settings.memory = MemoryTechnology::Paged;
    let mut recovered = 0;
    for at in (1..).step_by(29) {
        // The portal of each run is the same one, from the same seed.
        let NewCard { mut world, .. } =
            new_card(CardState::Expired, Protocol::T1, 11, date()).unwrap();
        let card = VirtualCard::new(image.clone(), CardRng::from_seed(11)).unwrap();
        let mut card = Card::open(InProcess::ephemeral(card)).unwrap();
        let clock = world.clock.clone();
        let mut journal = MemoryJournal::new();
        let power = PowerCut::AfterBytes(at * 13);
        card.channel_mut().card_mut().schedule_power_cut(power);
        let mut holder = Holder::default();
        let result = renew(
            &mut card,
            &mut world.portal,
            &clock,
            &mut holder,
            &mut journal,
            &mut MemoryNotes::new(),
        );
        if result.is_ok() {
            break;
        }
        let Cause::Card(cause) = result.as_ref().unwrap_err().cause() else {
            panic!("{result:?}");
        };
        let pending = !journal.is_empty();
        let expected = match pending {
            true => ErrorKind::Unfinished,
            false => ErrorKind::NoCard,
        };
        assert_eq!(cause.kind(), expected, "{cause}");
        let mut channel = card.into_channel();
        channel.reinsert();
        let mut card = Card::open(channel).unwrap();
        let mut holder = Holder::default();
        let outcome = renew(
            &mut card,
            &mut world.portal,
            &clock,
            &mut holder,
            &mut journal,
            &mut MemoryNotes::new(),
        );
        let outcome = outcome.unwrap();
        assert!(matches!(outcome, Outcome::Renewed(_)), "{power:?}");
        assert!(outcome.report().is_complete());
        assert!(journal.is_empty());
        assert_eq!(card.contents().problems, []);
        let told = holder.count(|event| matches!(event, Event::Recovered(_)));
        assert_eq!(told, usize::from(pending), "{power:?}");
        recovered += told;
        assert_eq!(issued(&mut card, &mut world), 2);
    }
    assert!(recovered > 5, "{recovered}");
}

/// Has the portal revoke HCCs of the card, by their place among its certificates.
fn revoke(card: &mut Card<InProcess>, world: &mut TestWorld, places: &[usize]) {
    let slots = card.slots().unwrap();
    let pin = Pin::try_from("123456").unwrap();
    let mut key = CardLogIn::new(card, &pin, &slots[0].der);
    let session = world.portal.log_in(&mut key).unwrap();
    for &place in places {
        let serial = CertificateSummary::from_der(&slots[place].der)
            .unwrap()
            .serial;
        let reason = RevocationReason::KeyCompromise;
        world
            .portal
            .revoke(&session.token, &serial, reason)
            .unwrap();
    }
    world.portal.log_out(&session.token).unwrap();
}

/// Removes certificates from the card behind the portal's back.
fn lose(card: &mut Card<InProcess>, places: &[usize]) {
    let pin = Pin::try_from("123456").unwrap();
    let slots = card.slots().unwrap();
    let lost = places.iter().map(|&place| slots[place].clone());
    let change = lost.fold(Change::new(), Change::remove);
    card.verify(PinRole::Authentication, &pin).unwrap();
    let _ = card.change(&change, &mut MemoryJournal::new()).unwrap();
}

/// The guide ends with two blue and two pink certificates and nothing else, and has nothing to do
/// afterwards.
fn ends_well(card: &mut Card<InProcess>, world: &mut TestWorld, what: &str) {
    let outcome = guide(card, world, &mut Holder::default());
    let outcome = outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(
        matches!(outcome, Outcome::Renewed(_)),
        "{what}: {outcome:?}"
    );
    let report = outcome.report();
    assert_eq!(report.certificates.len(), 4, "{what}: {report:?}");
    assert!(report.is_complete(), "{what}");
    assert_eq!(card.slots().unwrap().len(), 4, "{what}");
    let again = guide(card, world, &mut Holder::default()).unwrap();
    assert!(matches!(again, Outcome::AlreadyValid(_)), "{what}");
}

#[test]
fn whichever_of_the_pair_is_revoked_or_lost_the_guide_ends_with_two_blue_and_two_pink() {
    for revoked in [&[2][..], &[3], &[2, 3]] {
        let (mut card, mut world) = insert(CardState::Valid, Protocol::T1);
        revoke(&mut card, &mut world, revoked);
        ends_well(&mut card, &mut world, &format!("revoked {revoked:?}"));
    }
    for lost in [&[2][..], &[3], &[2, 3]] {
        let (mut card, mut world) = insert(CardState::Valid, Protocol::T1);
        lose(&mut card, lost);
        ends_well(&mut card, &mut world, &format!("lost {lost:?}"));
    }
    // One revoked, the other one lost.
    let (mut card, mut world) = insert(CardState::Valid, Protocol::T1);
    revoke(&mut card, &mut world, &[2]);
    lose(&mut card, &[3]);
    ends_well(&mut card, &mut world, "one revoked, one lost");
}

#[test]
fn a_renewal_that_stopped_after_the_receipt_removes_what_is_superseded_when_it_goes_on() {
    let (mut card, mut world) = insert(CardState::Valid, Protocol::T1);
    let before = card.slots().unwrap();
    revoke(&mut card, &mut world, &[3]);
    let outcome = guide(&mut card, &mut world, &mut Holder::default()).unwrap();
    assert!(outcome.report().is_complete());
    // As if it had been pulled out before: the superseded one is on the card again.
    let superseded = NewCertificate::new(before[2].der.to_vec(), 0x45, "HCC Legitimering");
    card.verify(PinRole::Authentication, &Pin::try_from("123456").unwrap())
        .unwrap();
    let _ = card
        .write_certificate(&superseded, &mut MemoryJournal::new())
        .unwrap();
    let mut holder = Holder::default();
    ends_well(&mut card, &mut world, "a third one");
    assert_eq!(
        holder.count(|event| matches!(event, Event::AlreadyValid)),
        0
    );
    guide(&mut card, &mut world, &mut holder).unwrap();
    assert_eq!(
        holder.count(|event| matches!(event, Event::AlreadyValid)),
        1
    );
}

/// Puts an HCC on the card in the place of the one at `place`.
fn replace(card: &mut Card<InProcess>, place: usize, der: &[u8]) {
    let key = card.slots().unwrap()[place].key_id().clone();
    lose(card, &[place]);
    let other = NewCertificate::new(der.to_vec(), key, "HCC").except(Exception::ALL);
    card.verify(PinRole::Authentication, &Pin::try_from("123456").unwrap())
        .unwrap();
    let _ = card
        .write_certificate(&other, &mut MemoryJournal::new())
        .unwrap();
}

/// What is wrong with one certificate.
#[derive(Clone, Copy, Debug)]
enum Bad {
    Expired,
    OnHold,
    Revoked,
}

/// Two blue and two pink certificates, and the portal says of each that it is valid.
fn none_is_bad(card: &mut Card<InProcess>, world: &TestWorld, what: &str) {
    let now = world.clock.now();
    let mut colours = [0, 0];
    for slot in card.slots().unwrap() {
        let summary = CertificateSummary::from_der(&slot.der).unwrap();
        let kind = match summary.colour {
            Colour::Blue => AuthorityKind::Carrier,
            _ => AuthorityKind::Hcc,
        };
        colours[usize::from(kind == AuthorityKind::Hcc)] += 1;
        let state = world.portal.authority(kind).state(&summary.serial, now);
        assert_eq!(state, Some(CertificateState::Valid), "{what}");
    }
    assert_eq!(colours, [2, 2], "{what}");
}

#[test]
fn exactly_one_bad_hcc_of_any_kind_ends_with_two_blue_and_two_pink_good_ones() {
    for place in [2, 3] {
        for bad in [Bad::Expired, Bad::OnHold, Bad::Revoked] {
            let what = format!("{bad:?} at {place}");
            let (mut card, mut world) = insert(CardState::Valid, Protocol::T1);
            match bad {
                Bad::Expired => {
                    let then = Timestamp::from_date(2023, 11, 24).unwrap();
                    let number = world.card_number;
                    let old = world.portal.issue_at_the_counter_at(&number, then).unwrap();
                    let old = match place {
                        2 => old.authentication,
                        _ => old.signature,
                    };
                    replace(&mut card, place, &old);
                }
                Bad::OnHold | Bad::Revoked => {
                    let der = card.slots().unwrap()[place].der.clone();
                    let reason = match bad {
                        Bad::OnHold => RevocationReason::CertificateHold,
                        _ => RevocationReason::AffiliationChanged,
                    };
                    world.portal.revoke_at_the_counter(&der, reason).unwrap();
                }
            }
            ends_well(&mut card, &mut world, &what);
            none_is_bad(&mut card, &world, &what);
        }
    }
}

fn ders(card: &mut Card<InProcess>) -> Vec<Vec<u8>> {
    let slots = card.slots().unwrap();
    slots.iter().map(|slot| slot.der.to_vec()).collect()
}

#[test]
fn a_card_with_one_bad_carrier_certificate_is_never_called_renewed() {
    for place in [0, 1] {
        for reason in [
            RevocationReason::CertificateHold,
            RevocationReason::KeyCompromise,
        ] {
            let (mut card, mut world) = insert(CardState::Expired, Protocol::T1);
            let der = card.slots().unwrap()[place].der.clone();
            world.portal.revoke_at_the_counter(&der, reason).unwrap();
            let before = ders(&mut card);
            let outcome = guide(&mut card, &mut world, &mut Holder::default());
            let error = outcome.expect_err("the portal gives such a card nothing");
            assert_eq!(ders(&mut card), before, "{place} {reason:?}: {error}");
        }
    }
}

#[test]
fn a_card_whose_certificates_cannot_be_changed_is_refused_before_a_pin_is_asked_for() {
    let date = date();
    let NewCard { mut image, world } =
        new_card(CardState::Expired, Protocol::T1, 11, date).unwrap();
    // Nobody here knows which OS it has.
    image.data_objects.clear();
    let mut world = world;
    let card = VirtualCard::new(image, CardRng::from_seed(11)).unwrap();
    let mut card = Card::open(InProcess::ephemeral(card)).unwrap();
    let mut holder = Holder::default();
    let error = guide(&mut card, &mut world, &mut holder).expect_err("it cannot be renewed");
    assert!(error.to_string().contains("neither creates"), "{error}");
    assert_eq!(holder.asked, []);
}
