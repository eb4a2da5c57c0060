//! Certificates that the portal has not issued, whatever they say of themselves; and portals that are
//! at fault, or what lies between.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use kortlab_apdu::Protocol;
use kortlab_card::{Card, Change, Exception, MemoryJournal, NewCertificate, Pin, PinRole};
use kortlab_emulator::{CardRng, InProcess, VirtualCard};
use kortlab_issuer::authority::{Authority, AuthorityKind, CertificateState};
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::inspect::Colour;
use kortlab_issuer::profile::{AuthorityUrls, CarrierSubject};
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::random::IssuerRng;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_core::{
    Approval, Enrolment, HccEntry, IssuedPair, LocalPortal, LogInKey, Order, OrderId, OrderState,
    Portal, PortalError, Receipt, Session, SessionToken, TestPageRow,
};
use kortlab_renewal::guide::{Cause, Event, Interaction, Outcome, RenewalError, Step, renew};
use kortlab_renewal::notes::MemoryNotes;
use kortlab_renewal::states::{CardState, NewCard, new_card};
use kortlab_renewal::understood::Difference;
use kortlab_renewal::world::TestWorld;

/// Has the PINs, keeps what happens, and signs no receipt if told so.
#[derive(Default)]
struct Holder(Vec<Event>, bool);

impl Interaction for Holder {
    fn event(&mut self, event: &Event) {
        self.0.push(event.clone());
    }

    fn pin(&mut self, role: PinRole, _: Step) -> Result<Pin, String> {
        Ok(Pin::try_from(match role {
            PinRole::Authentication => "123456",
            PinRole::Signature => "654321",
        })
        .unwrap())
    }

    fn receipt_is_right(&mut self, _: &str) -> bool {
        !self.1
    }
}

impl Holder {
    /// What was removed although the portal has not issued it.
    fn removed_unknown(&self) -> usize {
        let unknown = |event: &&Event| matches!(event, Event::Removed(row) if row.is_unknown());
        self.0.iter().filter(unknown).count()
    }
}

fn insert(state: CardState, seed: u64) -> (Card<InProcess>, TestWorld) {
    let date = Timestamp::from_date(2026, 11, 24).unwrap();
    let NewCard { image, world } = new_card(state, Protocol::T1, seed, date).unwrap();
    let card = VirtualCard::new(image, CardRng::from_seed(11)).unwrap();
    (Card::open(InProcess::ephemeral(card)).unwrap(), world)
}

fn guide(
    card: &mut Card<InProcess>,
    world: &mut TestWorld,
    holder: &mut Holder,
) -> Result<Outcome, RenewalError> {
    guide_at(Fault::None, card, world, holder)
}

/// The guide, at a portal that is at fault.
fn guide_at(
    fault: Fault,
    card: &mut Card<InProcess>,
    world: &mut TestWorld,
    holder: &mut dyn Interaction,
) -> Result<Outcome, RenewalError> {
    let clock = world.clock.clone();
    let mut portal = Faulty {
        carrier: world.carrier.signature.clone(),
        portal: &mut world.portal,
        fault,
        receipted: false,
        issued: None,
    };
    renew(
        card,
        &mut portal,
        &clock,
        holder,
        &mut MemoryJournal::new(),
        &mut MemoryNotes::new(),
    )
}

/// What is wrong with a portal, or between it and the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// The last bit of the certificate for authentication is flipped on its way.
    DamagesPairs,
    ShowsNoReceipt,
    /// On the test page, and nowhere else.
    CallsAllRevoked,
    CallsAllUnknown,
    CallsAllValid,
    /// The trial of *legitimering* breaks off.
    TriesNothing,
    /// Calls all HCCs revoked on the test page, and lists none.
    RevokesUnlisted,
    /// Calls all HCCs unknown and expired on the test page, and lists none.
    ExpiresUnlisted,
    /// Calls the card's HCCs unknown on the test page, and lists one that is altered.
    ListsAnAlteredOne,
    /// Calls all HCCs revoked, on the test page and in the list, once the receipt is signed.
    RevokesReceipted,
    /// Calls the carrier's certificates expired on the test page.
    ExpiresCarriers,
    /// Says that the order is in this state.
    Orders(OrderState),
    /// Answers so to the trial of this key.
    Tries(PinRole, Answer),
    /// Lets in whoever comes, without asking for a certificate.
    AsksForNothing,
    /// Says that somebody of another surname has logged in.
    Renames,
    /// Has never heard of the card.
    KnowsNoCard,
    /// Somebody puts the new certificate for signature on hold, or revokes it, before the receipt is shown
    /// or, if so, before it is signed.
    Ends {
        shown: bool,
        reason: RevocationReason,
    },
    /// The carrier's certificate for signature is revoked when this is called for.
    RevokesAt(Step),
}

/// What a portal answers to a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// As it should, without having asked for the certificate.
    Unasked,
    /// Of the carrier's certificate.
    AboutAnother,
    Revoked,
    OnHold,
    Unknown,
}

struct Faulty<'a> {
    portal: &'a mut LocalPortal,
    /// The carrier's certificate for signature.
    carrier: Vec<u8>,
    fault: Fault,
    receipted: bool,
    issued: Option<IssuedPair>,
}

impl Faulty<'_> {
    /// Whether all HCCs are called revoked now.
    fn revokes_all(&self) -> bool {
        match self.fault {
            Fault::RevokesUnlisted => true,
            Fault::RevokesReceipted => self.receipted,
            _ => false,
        }
    }

    fn tried(&mut self, role: PinRole, row: TestPageRow) -> TestPageRow {
        let answer = match self.fault {
            Fault::Tries(tried, answer) if tried == role => answer,
            _ => return row,
        };
        let reason = RevocationReason::KeyCompromise;
        match answer {
            Answer::Unasked => row,
            Answer::AboutAnother => {
                let rows = self.portal.test_page(std::slice::from_ref(&self.carrier));
                rows.unwrap().remove(0)
            }
            Answer::Revoked => TestPageRow {
                state: CertificateState::Revoked(reason),
                ..row
            },
            Answer::OnHold => TestPageRow {
                state: CertificateState::OnHold,
                ..row
            },
            Answer::Unknown => TestPageRow {
                known: false,
                ..row
            },
        }
    }

    fn reached(&mut self, step: Step) {
        if self.fault == Fault::RevokesAt(step) {
            let reason = RevocationReason::KeyCompromise;
            self.portal
                .revoke_at_the_counter(&self.carrier, reason)
                .unwrap();
        }
    }

    fn hold(&mut self, shown: bool) {
        if let Fault::Ends {
            shown: when,
            reason,
        } = self.fault
            && when == shown
            && let Some(pair) = self.issued.take()
        {
            self.portal
                .revoke_at_the_counter(&pair.signature, reason)
                .unwrap();
        }
    }

    fn given_out(&self, pair: IssuedPair) -> IssuedPair {
        match self.fault {
            Fault::DamagesPairs => IssuedPair {
                authentication: damaged(&pair.authentication),
                ..pair
            },
            _ => pair,
        }
    }
}

impl Portal for Faulty<'_> {
    fn log_in(&mut self, key: &mut dyn LogInKey) -> Result<Session, PortalError> {
        match self.fault {
            Fault::AsksForNothing => self.portal.log_in_proven(key.certificate()),
            Fault::KnowsNoCard => Err(PortalError::UnknownCertificate {
                issuer: "TEST Telia Card Identifier CA v3".to_owned(),
            }),
            Fault::Renames => self.portal.log_in(key).map(|mut session| {
                session.holder.surname = "Nygift".to_owned();
                session
            }),
            _ => self.portal.log_in(key),
        }
    }
    fn log_out(&mut self, token: &SessionToken) -> Result<(), PortalError> {
        self.portal.log_out(token)
    }
    fn certificates(&mut self, token: &SessionToken) -> Result<Vec<HccEntry>, PortalError> {
        let mut listed = self.portal.certificates(token)?;
        match self.fault {
            Fault::RevokesUnlisted | Fault::ExpiresUnlisted => listed.clear(),
            Fault::ListsAnAlteredOne => {
                listed.truncate(1);
                for entry in &mut listed {
                    entry.certificate = damaged(&entry.certificate);
                    entry.state = CertificateState::Revoked(RevocationReason::Superseded);
                }
            }
            _ => {}
        }
        if self.revokes_all() {
            for entry in &mut listed {
                entry.state = CertificateState::Revoked(RevocationReason::Superseded);
            }
        }
        Ok(listed)
    }
    fn removed(&mut self, token: &SessionToken, serial: &[u8]) -> Result<(), PortalError> {
        self.reached(Step::RemoveOld);
        self.portal.removed(token, serial)
    }
    fn order(&mut self, token: &SessionToken) -> Result<Order, PortalError> {
        self.reached(Step::Order);
        let mut order = self.portal.order(token)?;
        if let Fault::Orders(state) = self.fault {
            order.state = state;
        }
        Ok(order)
    }
    fn approve(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        approval: &Approval,
    ) -> Result<IssuedPair, PortalError> {
        self.reached(Step::Approve);
        let pair = self.portal.approve(token, order, approval)?;
        self.issued = Some(pair.clone());
        Ok(self.given_out(pair))
    }
    fn fetch(&mut self, token: &SessionToken, order: OrderId) -> Result<IssuedPair, PortalError> {
        let pair = self.portal.fetch(token, order)?;
        Ok(self.given_out(pair))
    }
    fn receipt(&mut self, token: &SessionToken) -> Result<Option<Receipt>, PortalError> {
        self.reached(Step::Receipt);
        self.hold(false);
        match self.fault {
            Fault::ShowsNoReceipt => Ok(None),
            _ => self.portal.receipt(token),
        }
    }
    fn sign_receipt(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        signed: &[u8],
    ) -> Result<(), PortalError> {
        self.hold(true);
        self.portal.sign_receipt(token, order, signed)?;
        self.receipted = true;
        Ok(())
    }
    fn revoke(
        &mut self,
        token: &SessionToken,
        serial: &[u8],
        reason: RevocationReason,
    ) -> Result<(), PortalError> {
        self.portal.revoke(token, serial, reason)
    }
    fn test_page(&mut self, certificates: &[Vec<u8>]) -> Result<Vec<TestPageRow>, PortalError> {
        let mut rows = self.portal.test_page(certificates)?;
        let revokes_all = self.revokes_all();
        for row in &mut rows {
            let is_pink = row.summary.colour == Colour::Pink;
            if revokes_all && is_pink {
                row.state = CertificateState::Revoked(RevocationReason::Superseded);
            }
            match self.fault {
                Fault::CallsAllRevoked => {
                    row.state = CertificateState::Revoked(RevocationReason::KeyCompromise);
                }
                Fault::CallsAllUnknown => row.known = false,
                Fault::CallsAllValid => row.state = CertificateState::Valid,
                Fault::ExpiresUnlisted if is_pink => {
                    row.known = false;
                    row.state = CertificateState::Expired;
                }
                Fault::ListsAnAlteredOne if is_pink => row.known = false,
                Fault::ExpiresCarriers if !is_pink => row.state = CertificateState::Expired,
                _ => {}
            }
        }
        Ok(rows)
    }
    fn try_authentication(&mut self, key: &mut dyn LogInKey) -> Result<TestPageRow, PortalError> {
        match self.fault {
            Fault::TriesNothing => Err(PortalError::Transport("it broke off".to_owned())),
            Fault::Tries(PinRole::Authentication, Answer::Unasked) => {
                self.portal.try_authentication_proven(key.certificate())
            }
            _ => {
                let row = self.portal.try_authentication(key)?;
                Ok(self.tried(PinRole::Authentication, row))
            }
        }
    }
    fn try_signature(&mut self, signed: &[u8]) -> Result<TestPageRow, PortalError> {
        let row = self.portal.try_signature(signed)?;
        Ok(self.tried(PinRole::Signature, row))
    }
}

fn ders(card: &mut Card<InProcess>) -> Vec<Vec<u8>> {
    let slots = card.slots().unwrap();
    slots.iter().map(|slot| slot.der.to_vec()).collect()
}

/// The HCCs of the world, authentication before signature.
fn hccs(world: &TestWorld) -> [Vec<u8>; 2] {
    let pair = world.hcc.clone().unwrap();
    [pair.authentication, pair.signature]
}

/// Puts HCCs on the card, besides what is there, or instead of the HCCs.
fn put(card: &mut Card<InProcess>, hccs: &[Vec<u8>], instead: bool) {
    card.verify(PinRole::Authentication, &Pin::try_from("123456").unwrap())
        .unwrap();
    let slots = card.slots().unwrap();
    let keys = [2, 3].map(|place: usize| slots[place].key_id().clone());
    let mut change = Change::new();
    if instead {
        change = slots.into_iter().skip(2).fold(change, Change::remove);
    }
    for (der, key) in hccs.iter().zip(keys) {
        let new = NewCertificate::new(der.clone(), key, "HCC").except(Exception::ALL);
        change = change.write(new);
    }
    let _ = card.change(&change, &mut MemoryJournal::new()).unwrap();
}

/// A pair for the card's keys, number and holder, by an HCC authority of this name and of another
/// key.
fn pair_by(world: &TestWorld, name: &str) -> IssuedPair {
    let date = Timestamp::from_date(2020, 1, 1).unwrap();
    let authority = |kind: AuthorityKind, name: &str| {
        let urls = AuthorityUrls::example(kind.file_name());
        let mut rng = IssuerRng::from_seed(3, kind.file_name());
        Authority::create_named(kind, name, urls, date, &mut rng).unwrap()
    };
    let mut portal = LocalPortal::new(
        authority(AuthorityKind::Carrier, AuthorityKind::Carrier.common_name()),
        authority(AuthorityKind::Hcc, name),
        world.clock.clone(),
        IssuerRng::from_seed(3, "portal"),
    );
    let key = |der: Vec<u8>| PublicKey::from_spki_der(&der).unwrap();
    portal
        .enrol(&Enrolment {
            holder: world.holder.clone(),
            card_number: world.card_number,
            authentication_key: key(world.authentication_key.public_key_der()),
            signature_key: key(world.signature_key.public_key_der()),
            carrier_subject: CarrierSubject::Card,
        })
        .unwrap();
    portal.issue_at_the_counter(&world.card_number).unwrap()
}

fn damaged(der: &[u8]) -> Vec<u8> {
    let mut damaged = der.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    damaged
}

#[test]
fn false_hccs_are_never_valid_and_give_way_to_those_that_the_portal_issued() {
    let own_name = AuthorityKind::Hcc.common_name();
    for case in ["one damaged", "the other damaged", "both", "by a stranger"] {
        let (mut card, mut world) = insert(CardState::Valid, 11);
        let good = hccs(&world);
        let [authentication, signature] = &good;
        let (false_ones, count) = match case {
            "one damaged" => ([damaged(authentication), signature.clone()], 1),
            "the other damaged" => ([authentication.clone(), damaged(signature)], 1),
            "both" => ([damaged(authentication), damaged(signature)], 2),
            _ => {
                let pair = pair_by(&world, own_name);
                ([pair.authentication, pair.signature], 2)
            }
        };
        put(&mut card, &false_ones, true);
        let mut holder = Holder::default();
        let outcome = guide(&mut card, &mut world, &mut holder).unwrap();
        assert!(matches!(outcome, Outcome::Renewed(_)), "{case}");
        assert_eq!(holder.removed_unknown(), count, "{case}");
        // What was shown at first called none of them valid.
        let noticed = holder.0.iter().find_map(|event| match event {
            Event::CardNoticed { report, .. } => Some(report.clone()),
            _ => None,
        });
        let noticed = noticed.unwrap();
        assert_eq!(noticed.valid.pink, 2 - count, "{case}");
        let states = noticed.certificates.iter().map(|row| row.state);
        assert_eq!(states.filter(|state| *state == "unknown").count(), count);
        // Nothing was issued anew, and what is on the card is what the portal issued, to the last
        // bit.
        let mut on_card = ders(&mut card).split_off(2);
        on_card.sort();
        let mut good = good.to_vec();
        good.sort();
        assert_eq!(on_card, good, "{case}");
        let again = guide(&mut card, &mut world, &mut Holder::default()).unwrap();
        assert!(matches!(again, Outcome::AlreadyValid(_)), "{case}");
    }
}

#[test]
fn false_hccs_on_a_card_that_never_had_any_are_removed_beside_its_first_pair() {
    let (mut card, mut world) = insert(CardState::Delivered, 11);
    let pair = pair_by(&world, AuthorityKind::Hcc.common_name());
    let slots = card.slots().unwrap();
    card.verify(PinRole::Authentication, &Pin::try_from("123456").unwrap())
        .unwrap();
    let mut change = Change::new();
    for (der, slot) in [pair.authentication, pair.signature].iter().zip(&slots) {
        let new = NewCertificate::new(der.clone(), slot.key_id().clone(), "HCC");
        change = change.write(new.except(Exception::ALL));
    }
    let _ = card.change(&change, &mut MemoryJournal::new()).unwrap();
    let mut holder = Holder::default();
    let outcome = guide(&mut card, &mut world, &mut holder).unwrap();
    assert!(outcome.report().is_complete());
    assert_eq!(holder.removed_unknown(), 2);
    assert_eq!(card.slots().unwrap().len(), 4);
}

#[test]
fn an_hcc_of_another_authority_is_left_on_the_card_and_named() {
    let (mut card, mut world) = insert(CardState::Valid, 11);
    let name = "TEST SITHS Type 9 CA v9";
    let other = pair_by(&world, name);
    put(
        &mut card,
        std::slice::from_ref(&other.authentication),
        false,
    );
    let before = ders(&mut card);
    assert_eq!(before.len(), 5);
    let mut holder = Holder::default();
    let error = guide(&mut card, &mut world, &mut holder).unwrap_err();
    assert_eq!(error.step(), Step::Check, "{error}");
    let Cause::Incomplete {
        blue,
        pink,
        others,
        unknown,
    } = error.cause()
    else {
        panic!("{error}");
    };
    assert_eq!((*blue, *pink, *others), (2, 2, 1));
    assert!(unknown[0].contains(name), "{unknown:?}");
    assert!(error.how_to_continue().contains(name));
    assert_eq!(holder.removed_unknown(), 0);
    assert_eq!(ders(&mut card), before, "nothing of it was removed");
}

#[test]
fn four_valid_certificates_on_a_card_that_they_do_not_go_with_are_not_enough() {
    let (mut card, mut world) = insert(CardState::Valid, 11);
    let [authentication, signature] = hccs(&world);
    put(&mut card, &[signature, authentication], true);
    let before = ders(&mut card);
    let mut holder = Holder::default();
    let error = guide(&mut card, &mut world, &mut holder).unwrap_err();
    let Cause::Faulty { first, others, .. } = error.cause() else {
        panic!("{error}");
    };
    assert!(first.contains("key-mismatch"), "{first}");
    assert_eq!(*others, 1, "{error}");
    let next = error.how_to_continue();
    assert!(next.contains("cert check"), "{next}");
    // The one that is at fault by its name, as the command takes it.
    assert!(
        next.contains("`kortlab cert remove 3F00/5015/4403#"),
        "{next}"
    );
    assert!(
        !holder
            .0
            .iter()
            .any(|event| matches!(event, Event::AlreadyValid))
    );
    assert_eq!(ders(&mut card), before);
}

#[test]
fn a_card_with_a_blocked_pin_is_not_in_order_and_nothing_on_it_is_touched() {
    for state in [CardState::Valid, CardState::Expired] {
        for role in PinRole::ALL {
            let date = Timestamp::from_date(2026, 11, 24).unwrap();
            let NewCard {
                mut image,
                mut world,
            } = new_card(state, Protocol::T1, 11, date).unwrap();
            let mut card = Card::open(InProcess::ephemeral(
                VirtualCard::new(image.clone(), CardRng::from_seed(11)).unwrap(),
            ))
            .unwrap();
            let reference = u8::try_from(card.pin(role).unwrap().reference).unwrap();
            let pin = image
                .pins
                .iter_mut()
                .find(|pin| pin.reference.0 == reference);
            pin.unwrap().tries_left = 0;
            card = Card::open(InProcess::ephemeral(
                VirtualCard::new(image, CardRng::from_seed(11)).unwrap(),
            ))
            .unwrap();
            let before = ders(&mut card);
            let error = guide(&mut card, &mut world, &mut Holder::default()).unwrap_err();
            assert_eq!(error.step(), Step::InsertCard, "{error}");
            let Cause::Card(cause) = error.cause() else {
                panic!("{error}");
            };
            assert_eq!(cause.kind(), kortlab_card::ErrorKind::PinBlocked);
            assert!(error.to_string().contains(&role.to_string()), "{error}");
            let command = format!("`kortlab pin unblock {}`", role.name());
            let next = error.how_to_continue();
            assert!(next.contains(&command), "{next}");
            assert!(next.contains("nothing was changed"), "{next}");
            assert_eq!(ders(&mut card), before);
        }
    }
}

#[test]
fn each_step_begins_once_also_where_there_is_nothing_to_do() {
    let (mut card, mut world) = insert(CardState::Valid, 11);
    let mut holder = Holder::default();
    let outcome = guide(&mut card, &mut world, &mut holder).unwrap();
    assert!(matches!(outcome, Outcome::AlreadyValid(_)));
    let begun = holder
        .0
        .iter()
        .filter(|event| matches!(event, Event::Began(_)));
    assert_eq!(begun.count(), 1);
}

#[test]
fn an_hcc_of_another_card_stops_the_guide_each_time_before_anything_is_touched() {
    for places in [&[0, 1][..], &[0], &[1]] {
        let (mut card, mut world) = insert(CardState::Expired, 11);
        let (_, other) = insert(CardState::Expired, 12);
        let mut mixed = hccs(&world);
        for place in places {
            mixed[*place] = hccs(&other)[*place].clone();
        }
        put(&mut card, &mixed, true);
        let before = ders(&mut card);
        for _ in 0..2 {
            let error = guide(&mut card, &mut world, &mut Holder::default()).unwrap_err();
            assert_eq!(error.step(), Step::InsertCard, "{error}");
            let Cause::OtherCards { number, own, .. } = error.cause() else {
                panic!("{error}");
            };
            assert_eq!(number, other.card_number.as_str());
            assert_eq!(own, world.card_number.as_str());
            assert_eq!(ders(&mut card), before);
        }
    }
}

#[test]
fn what_is_over_by_the_clock_of_this_side_is_not_valid_because_a_portal_says_so() {
    let (mut card, mut world) = insert(CardState::Expired, 11);
    let mut holder = Holder::default();
    let error = guide_at(Fault::CallsAllValid, &mut card, &mut world, &mut holder).unwrap_err();
    assert!(matches!(error.cause(), Cause::Lapsed { .. }), "{error}");
    let hint = error.how_to_continue();
    assert!(hint.contains("clock"), "{hint}");
    let end = "; then begin again (nothing was changed)";
    assert!(hint.ends_with(end), "{hint}");
    assert!(
        !holder
            .0
            .iter()
            .any(|event| matches!(event, Event::AlreadyValid))
    );
}

#[test]
fn a_card_that_is_valid_at_another_portal_is_not_called_valid() {
    let (mut card, _) = insert(CardState::Valid, 11);
    let (_, mut world) = insert(CardState::Valid, 12);
    let before = ders(&mut card);
    let error = guide(&mut card, &mut world, &mut Holder::default()).unwrap_err();
    assert_eq!(error.step(), Step::LogIn, "{error}");
    assert!(matches!(
        error.cause(),
        Cause::Portal(PortalError::UnknownCertificate { .. })
    ));
    assert_eq!(ders(&mut card), before);
}

/// As far as the receipt, which is not signed.
fn until_the_receipt(card: &mut Card<InProcess>, world: &mut TestWorld) {
    let mut holder = Holder(Vec::new(), true);
    let error = guide(card, world, &mut holder).unwrap_err();
    assert_eq!(error.step(), Step::Receipt, "{error}");
}

/// The guide at an honest portal; it ends with the pair of one order.
fn ends_well(card: &mut Card<InProcess>, world: &mut TestWorld, holder: &mut Holder) {
    let outcome = guide(card, world, holder).unwrap();
    assert!(matches!(outcome, Outcome::Renewed(_)));
    assert!(outcome.report().is_complete());
    assert_eq!(card.slots().unwrap().len(), 4);
    let again = guide(card, world, &mut Holder::default()).unwrap();
    assert!(matches!(again, Outcome::AlreadyValid(_)));
}

#[test]
fn a_pair_that_was_damaged_on_its_way_is_not_written_and_the_next_run_fetches_it() {
    let (mut card, mut world) = insert(CardState::Expired, 11);
    // Once as the approval's answer, once as it is fetched.
    for _ in 0..2 {
        let mut holder = Holder::default();
        let error = guide_at(Fault::DamagesPairs, &mut card, &mut world, &mut holder).unwrap_err();
        assert_eq!(error.step(), Step::Write, "{error}");
        let cause = error.cause();
        assert!(
            matches!(cause, Cause::NotIssued(PinRole::Authentication)),
            "{error}"
        );
        assert!(error.how_to_continue().contains("same two certificates"));
        assert_eq!(card.slots().unwrap().len(), 2, "nothing was written");
    }
    ends_well(&mut card, &mut world, &mut Holder::default());
}

#[test]
fn a_damaged_certificate_of_an_order_under_way_is_replaced_by_the_right_one() {
    for place in [0, 1] {
        let (mut card, mut world) = insert(CardState::Expired, 11);
        until_the_receipt(&mut card, &mut world);
        let mut pair = ders(&mut card).split_off(2);
        pair[place] = damaged(&pair[place]);
        put(&mut card, &pair, true);
        let mut holder = Holder::default();
        ends_well(&mut card, &mut world, &mut holder);
        assert_eq!(holder.removed_unknown(), 1);
    }
}

#[test]
fn where_the_portal_shows_no_receipt_for_what_is_on_hold_it_is_the_one_at_fault() {
    let (mut card, mut world) = insert(CardState::Expired, 11);
    for _ in 0..2 {
        let mut holder = Holder::default();
        let error =
            guide_at(Fault::ShowsNoReceipt, &mut card, &mut world, &mut holder).unwrap_err();
        assert_eq!(error.step(), Step::Receipt, "{error}");
        assert!(matches!(error.cause(), Cause::NoReceipt), "{error}");
        let hint = error.how_to_continue();
        assert!(hint.contains("it is at fault, not the card"), "{hint}");
        assert!(!hint.contains("receipt is signed"), "{hint}");
    }
    ends_well(&mut card, &mut world, &mut Holder::default());
}

#[test]
fn a_portal_whose_test_page_contradicts_its_list_has_nothing_removed() {
    for (fault, says) in [
        (Fault::CallsAllRevoked, "revoked"),
        (Fault::CallsAllUnknown, "unknown"),
    ] {
        let (mut card, mut world) = insert(CardState::Valid, 11);
        let before = ders(&mut card);
        let error = guide_at(fault, &mut card, &mut world, &mut Holder::default()).unwrap_err();
        assert_eq!(error.step(), Step::RemoveOld, "{error}");
        let Cause::Contradiction {
            test_page, list, ..
        } = error.cause()
        else {
            panic!("{error}");
        };
        assert_eq!((*test_page, *list), (says, "valid"));
        let hint = error.how_to_continue();
        assert!(hint.contains("it is at fault, not the card"), "{hint}");
        assert!(!hint.contains("receipt is signed"), "{hint}");
        assert_eq!(ders(&mut card), before, "{fault:?}");
    }
}

#[test]
fn what_the_list_does_not_have_is_not_removed_on_the_word_of_the_test_page() {
    for (fault, says, lists) in [
        (Fault::RevokesUnlisted, "revoked", "nothing"),
        (Fault::ExpiresUnlisted, "unknown", "nothing"),
        (Fault::ListsAnAlteredOne, "unknown", "revoked"),
    ] {
        let (mut card, mut world) = insert(CardState::Valid, 11);
        let before = ders(&mut card);
        let error = guide_at(fault, &mut card, &mut world, &mut Holder::default()).unwrap_err();
        assert_eq!(error.step(), Step::RemoveOld, "{error}");
        let Cause::Contradiction {
            test_page, list, ..
        } = error.cause()
        else {
            panic!("{error}");
        };
        assert_eq!((*test_page, *list), (says, lists));
        assert_eq!(ders(&mut card), before, "{fault:?}");
        let again = guide(&mut card, &mut world, &mut Holder::default()).unwrap();
        assert!(matches!(again, Outcome::AlreadyValid(_)), "{fault:?}");
    }
}

#[test]
fn what_was_receipted_in_this_run_stays_on_the_card_whatever_the_portal_says_then() {
    let (mut card, mut world) = insert(CardState::Expired, 11);
    let mut holder = Holder::default();
    let fault = Fault::RevokesReceipted;
    let error = guide_at(fault, &mut card, &mut world, &mut holder).unwrap_err();
    assert_eq!(error.step(), Step::Check, "{error}");
    assert!(matches!(error.cause(), Cause::Incomplete { .. }), "{error}");
    assert!(error.how_to_continue().contains("the receipt is signed"));
    assert_eq!(card.slots().unwrap().len(), 4);
    let again = guide(&mut card, &mut world, &mut Holder::default()).unwrap();
    assert!(matches!(again, Outcome::AlreadyValid(_)));
}

#[test]
fn a_trial_is_passed_only_by_the_certificate_that_was_tried_and_is_good() {
    for (role, step) in [
        (PinRole::Authentication, Step::TryAuthentication),
        (PinRole::Signature, Step::TrySignature),
    ] {
        for (answer, says) in [
            (Answer::AboutAnother, "is about"),
            (Answer::Revoked, "calls the certificate revoked"),
            (Answer::OnHold, "calls the certificate on hold"),
            (Answer::Unknown, "calls the certificate unknown"),
        ] {
            let (mut card, mut world) = insert(CardState::Expired, 11);
            let mut holder = Holder::default();
            let fault = Fault::Tries(role, answer);
            let error = guide_at(fault, &mut card, &mut world, &mut holder).unwrap_err();
            assert_eq!(error.step(), step, "{error}");
            assert!(matches!(error.cause(), Cause::NotTried { .. }), "{error}");
            assert!(error.to_string().contains(says), "{error}");
            let hint = error.how_to_continue();
            assert!(hint.contains("it is at fault, not the card"), "{hint}");
            let passed =
                |event: &Event| matches!(event, Event::Tried { role: tried, .. } if *tried == role);
            assert!(!holder.0.iter().any(passed), "{fault:?}");
        }
    }
}

#[test]
fn a_portal_that_asks_for_no_certificate_has_neither_let_in_nor_tried_one() {
    let (mut card, mut world) = insert(CardState::Expired, 11);
    let before = ders(&mut card);
    let mut holder = Holder::default();
    let error = guide_at(Fault::AsksForNothing, &mut card, &mut world, &mut holder).unwrap_err();
    assert_eq!(error.step(), Step::LogIn, "{error}");
    assert!(matches!(error.cause(), Cause::NotAsked), "{error}");
    assert!(error.how_to_continue().contains("it is at fault"));
    let logged_in = |event: &Event| matches!(event, Event::LoggedIn { .. });
    assert!(!holder.0.iter().any(logged_in));
    assert_eq!(ders(&mut card), before);

    let mut holder = Holder::default();
    let fault = Fault::Tries(PinRole::Authentication, Answer::Unasked);
    let error = guide_at(fault, &mut card, &mut world, &mut holder).unwrap_err();
    assert_eq!(error.step(), Step::TryAuthentication, "{error}");
    assert!(matches!(error.cause(), Cause::NotAsked), "{error}");
    let tried = |event: &Event| matches!(event, Event::Tried { .. });
    assert!(!holder.0.iter().any(tried));
}

#[test]
fn only_an_open_order_is_approved() {
    for state in [OrderState::Lapsed, OrderState::Received] {
        let (mut card, mut world) = insert(CardState::Expired, 11);
        let mut holder = Holder::default();
        let fault = Fault::Orders(state);
        let error = guide_at(fault, &mut card, &mut world, &mut holder).unwrap_err();
        assert_eq!(error.step(), Step::Order, "{error}");
        assert!(error.to_string().contains(state.name()), "{error}");
        let approved = |event: &Event| matches!(event, Event::Approved(_));
        assert!(!holder.0.iter().any(approved));
        ends_well(&mut card, &mut world, &mut Holder::default());
    }
}

#[test]
fn nothing_is_removed_for_an_order_that_could_not_be_approved() {
    let (mut card, mut world) = insert(CardState::Expired, 11);
    let before = ders(&mut card);
    let fault = Fault::ExpiresCarriers;
    let error = guide_at(fault, &mut card, &mut world, &mut Holder::default()).unwrap_err();
    assert_eq!(error.step(), Step::RemoveOld, "{error}");
    let cause = error.cause();
    assert!(matches!(cause, Cause::NoSignatureCertificate), "{error}");
    assert_eq!(ders(&mut card), before);
    // What was approved before needs no such certificate any more.
    until_the_receipt(&mut card, &mut world);
    let mut holder = Holder::default();
    let error = guide_at(fault, &mut card, &mut world, &mut holder).unwrap_err();
    assert_eq!(error.step(), Step::Check, "{error}");
}

#[test]
fn what_ends_a_pair_before_its_receipt_stays_and_the_next_run_orders_anew_as_is_said() {
    let (hold, compromise) = (
        RevocationReason::CertificateHold,
        RevocationReason::KeyCompromise,
    );
    for (shown, reason) in [
        (false, hold),
        (true, hold),
        (false, compromise),
        (true, compromise),
    ] {
        let (mut card, mut world) = insert(CardState::Expired, 11);
        let fault = Fault::Ends { shown, reason };
        let error = guide_at(fault, &mut card, &mut world, &mut Holder::default()).unwrap_err();
        assert_eq!(error.step(), Step::Receipt, "{error}");
        let (says, state) = match reason == hold {
            true => (
                "ask who put the certificate on hold",
                CertificateState::OnHold,
            ),
            false => (
                "the card itself need not be replaced",
                CertificateState::Revoked(reason),
            ),
        };
        assert!(error.to_string().contains(says), "{error}");
        assert!(
            !error.to_string().contains("order a new card"),
            "the card is good: {error}"
        );
        let hint = error.how_to_continue();
        assert!(
            hint.contains("begin again: a new order is placed"),
            "{hint}"
        );
        assert!(!hint.contains("the same two certificates"), "{hint}");
        let ended = ders(&mut card).split_off(2);
        ends_well(&mut card, &mut world, &mut Holder::default());
        assert!(ders(&mut card).iter().all(|der| !ended.contains(der)));
        let rows = world.portal.test_page(&ended).unwrap();
        assert_eq!(rows[0].state, CertificateState::OnHold);
        assert_eq!(rows[1].state, state);
    }
}

#[test]
fn that_a_receipt_is_signed_is_said_only_of_one_that_is() {
    // A pair that is put back has its receipt since long.
    for (state, signed) in [(CardState::Expired, true), (CardState::Valid, false)] {
        let (mut card, mut world) = insert(state, 11);
        if state == CardState::Valid {
            let only = hccs(&world)[0].clone();
            put(&mut card, &[only], true);
        }
        let error = guide_at(
            Fault::TriesNothing,
            &mut card,
            &mut world,
            &mut Holder::default(),
        )
        .unwrap_err();
        assert_eq!(error.step(), Step::TryAuthentication, "{error}");
        let hint = error.how_to_continue();
        assert_eq!(hint.contains("the receipt is signed"), signed, "{hint}");
        assert!(hint.contains("begin again"), "{hint}");
    }
}

#[test]
fn who_is_told_to_order_a_new_card_is_not_told_to_begin_again() {
    for step in [Step::RemoveOld, Step::Order, Step::Approve, Step::Receipt] {
        let (mut card, mut world) = insert(CardState::Expired, 11);
        let fault = Fault::RevokesAt(step);
        let error = guide_at(fault, &mut card, &mut world, &mut Holder::default()).unwrap_err();
        assert_eq!(error.step(), step, "{error}");
        assert!(error.to_string().contains("order a new card"), "{error}");
        let hint = error.how_to_continue();
        assert!(hint.contains("beginning again does not help"), "{hint}");
        assert!(!hint.contains("begin again"), "{hint}");
        // Nor does it log in any more.
        let error = guide(&mut card, &mut world, &mut Holder::default()).unwrap_err();
        assert_eq!(error.step(), Step::LogIn, "{error}");
        let hint = error.how_to_continue();
        assert!(hint.starts_with("nothing was changed; "), "{hint}");
        assert!(!hint.contains("begin again"), "{hint}");
    }
}

#[test]
fn a_session_of_somebody_else_stops_the_guide_before_anything_on_the_card_is_changed() {
    let (mut card, mut world) = insert(CardState::Expired, 11);
    let before = ders(&mut card);
    let error = guide_at(
        Fault::Renames,
        &mut card,
        &mut world,
        &mut Holder::default(),
    );
    let error = error.unwrap_err();
    assert_eq!(error.step(), Step::LogIn, "{error}");
    assert!(matches!(error.cause(), Cause::OtherHolder(_)), "{error}");
    let (said, own) = (error.to_string(), world.holder.full_name());
    assert!(said.contains("Nygift") && said.contains(&own), "{said}");
    let hint = error.how_to_continue();
    assert!(hint.contains("without --yes"), "{hint}");
    assert_eq!(ders(&mut card), before);

    // Whoever has looked at the name is asked once, and goes on.
    #[derive(Default)]
    struct Person(Holder, Vec<String>);
    impl Interaction for Person {
        fn pin(&mut self, role: PinRole, step: Step) -> Result<Pin, String> {
            self.0.pin(role, step)
        }
        fn differences_are_right(&mut self, differences: &[Difference]) -> bool {
            let values = differences.iter().map(|one| one.line.value.clone());
            self.1.extend(values);
            true
        }
    }
    let mut person = Person::default();
    let outcome = guide_at(Fault::Renames, &mut card, &mut world, &mut person);
    assert!(matches!(outcome, Ok(Outcome::Renewed(_))), "{outcome:?}");
    let [name] = &*person.1 else {
        panic!("{:?}", person.1);
    };
    assert!(name.ends_with(" Nygift"), "{name}");
}

#[test]
fn who_can_help_a_card_that_the_portal_does_not_know_is_said() {
    let (mut card, mut world) = insert(CardState::Expired, 11);
    let holder = &mut Holder::default();
    let error = guide_at(Fault::KnowsNoCard, &mut card, &mut world, holder).unwrap_err();
    assert_eq!(error.step(), Step::LogIn, "{error}");
    let hint = error.how_to_continue();
    assert!(hint.starts_with("nothing was changed; "), "{hint}");
    assert!(hint.contains("administers the portal"), "{hint}");
    assert!(hint.contains("beginning again does not help"), "{hint}");
}
