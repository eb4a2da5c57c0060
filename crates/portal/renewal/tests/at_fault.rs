//! Certificates that the portal has not issued, whatever they say of themselves.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use kortlab_apdu::Protocol;
use kortlab_card::{Card, Change, Exception, MemoryJournal, NewCertificate, Pin, PinRole};
use kortlab_emulator::{CardRng, InProcess, VirtualCard};
use kortlab_issuer::authority::{Authority, AuthorityKind};
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::profile::{AuthorityUrls, CarrierSubject};
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::random::IssuerRng;
use kortlab_portal_core::{Enrolment, IssuedPair, LocalPortal, PortalError};
use kortlab_renewal::guide::{Cause, Event, Interaction, Outcome, RenewalError, Step, renew};
use kortlab_renewal::notes::MemoryNotes;
use kortlab_renewal::states::{CardState, NewCard, new_card};
use kortlab_renewal::world::TestWorld;

/// Has the PINs, and keeps what happens.
#[derive(Default)]
struct Holder(Vec<Event>);

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
    let clock = world.clock.clone();
    renew(
        card,
        &mut world.portal,
        &clock,
        holder,
        &mut MemoryJournal::new(),
        &mut MemoryNotes::new(),
    )
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
