//! A portal that asks for other signatures than it should gets none.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

#[path = "support/passed_on.rs"]
#[macro_use]
mod passed_on;

#[path = "support/alter.rs"]
mod alter;
#[path = "support/openssl.rs"]
mod openssl;
#[path = "support/reissue.rs"]
mod reissue;

use kortlab_apdu::Protocol;
use kortlab_card::{Card, MemoryJournal, Pin, PinRole};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_issuer::authority::{Authority, AuthorityKind};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::{FixedClock, Timestamp};
use kortlab_issuer::holder::Holder as Person;
use kortlab_issuer::profile::{AuthorityUrls, CarrierSubject};
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::random::IssuerRng;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_core::{
    Approval, Enrolment, HccEntry, IssuedPair, LocalPortal, LogInKey, Order, OrderId, OrderState,
    Portal, PortalError, Receipt, Session, SessionToken, TRIAL_TEXT, TestPageRow,
};
use kortlab_renewal::guide::{Cause, Event, Interaction, Outcome, RenewalError, Step, renew};
use kortlab_renewal::notes::{FileNotes, HolderNotes, MemoryNotes};
use kortlab_renewal::states::{CardState, NewCard, new_card};
use kortlab_renewal::understood::{self, CardFacts, Difference};
use kortlab_renewal::world::TestWorld;
use openssl::OpenSsl;
use reissue::Parts;

fn date() -> Timestamp {
    Timestamp::from_date(2026, 11, 24).unwrap()
}

/// As `--yes`: takes everything for right, and looks at nothing.
#[derive(Default)]
struct Unattended {
    stops_at_receipt: bool,
    receipt: Option<String>,
    asked: Vec<(PinRole, Step)>,
    shown: Vec<String>,
}

impl Interaction for Unattended {
    fn event(&mut self, event: &Event) {
        match event {
            Event::ReceiptShown(text) => {
                self.receipt = Some(text.clone());
                self.shown.push(text.clone());
            }
            Event::DataToCheck(lines) => {
                self.shown
                    .extend(lines.iter().map(|line| line.value.clone()));
            }
            _ => {}
        }
    }

    fn pin(&mut self, role: PinRole, step: Step) -> Result<Pin, String> {
        self.asked.push((role, step));
        let digits = match role {
            PinRole::Authentication => "123456",
            PinRole::Signature => "654321",
        };
        Ok(Pin::try_from(digits).unwrap())
    }

    fn receipt_is_right(&mut self, _: &str) -> bool {
        !self.stops_at_receipt
    }
}

fn insert(image: &Image) -> Card<InProcess> {
    let card = VirtualCard::new(image.clone(), CardRng::from_seed(11)).unwrap();
    Card::open(InProcess::ephemeral(card)).unwrap()
}

fn guide(
    card: &mut Card<InProcess>,
    portal: &mut dyn Portal,
    world_clock: &FixedClock,
    holder: &mut Unattended,
) -> Result<Outcome, RenewalError> {
    let notes = &mut MemoryNotes::new();
    renew(
        card,
        portal,
        world_clock,
        holder,
        &mut MemoryJournal::new(),
        notes,
    )
}

/// A card that has come as far as the receipt, with the receipt's text.
struct AtTheReceipt {
    card: Card<InProcess>,
    world: TestWorld,
    text: String,
}

fn at_the_receipt() -> AtTheReceipt {
    let NewCard { image, mut world } =
        new_card(CardState::Expired, Protocol::T1, 11, date()).unwrap();
    let mut card = insert(&image);
    let mut holder = Unattended {
        stops_at_receipt: true,
        ..Unattended::default()
    };
    let clock = world.clock.clone();
    let error = guide(&mut card, &mut world.portal, &clock, &mut holder).unwrap_err();
    assert_eq!(error.step(), Step::Receipt, "{error}");
    AtTheReceipt {
        card,
        world,
        text: holder.receipt.unwrap(),
    }
}

/// The certificates on the card, those of the pair, and what they say.
fn facts(card: &mut Card<InProcess>) -> (Vec<Vec<u8>>, CardFacts) {
    let slots = card.slots().unwrap();
    let all: Vec<_> = slots.into_iter().map(|slot| slot.der.to_vec()).collect();
    let facts = CardFacts::of(all.iter().map(Vec::as_slice));
    (all, facts)
}

/// Whether only the random value differs, and is one: a judgement of the test's own.
fn differs_in_nonce_only(text: &str, original: &str) -> bool {
    const LABEL: &str = "Engångsvärde / Nonce: ";
    let (text, original): (Vec<_>, Vec<_>) =
        (text.split('\n').collect(), original.split('\n').collect());
    let is_nonce = |line: &str| {
        let value = line.strip_prefix(LABEL).unwrap_or_default();
        value.len() == 32
            && value
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    text.len() == original.len()
        && (0..text.len())
            .all(|line| text[line] == original[line] || (line == 2 && is_nonce(text[line])))
}

#[test]
fn of_1200_altered_receipts_and_trial_texts_none_is_understood() {
    let AtTheReceipt { mut card, text, .. } = at_the_receipt();
    let (all, facts) = facts(&mut card);
    let [authentication, signature] = [&all[2], &all[3]].map(Vec::as_slice);
    let pair = [authentication, signature];
    let order: OrderId = text.lines().nth(1).unwrap()[7..].parse().unwrap();
    for known in [Some(order), None] {
        understood::receipt(&text, known, pair, &facts).unwrap();
        understood::receipt(&text, known, [signature, authentication], &facts).unwrap_err();
    }
    understood::trial(TRIAL_TEXT).unwrap();
    let mut rng = IssuerRng::from_seed(2026, "altered receipts");
    let mut other_nonces = 0;
    for round in 0..1000 {
        let altered = alter::altered(&text, &mut rng);
        let understood = understood::receipt(&altered, Some(order), pair, &facts).is_ok();
        let expected = differs_in_nonce_only(&altered, &text);
        assert_eq!(understood, expected, "{round}: {altered:?}");
        other_nonces += usize::from(expected);
    }
    assert!(other_nonces < 50, "{other_nonces} alterations were none");
    for round in 0..200 {
        let altered = alter::altered(TRIAL_TEXT, &mut rng);
        assert!(understood::trial(&altered).is_err(), "{round}: {altered:?}");
    }
    // Another card's receipt, another order's, and one for the certificates that were there before.
    let other: OrderId = "0".repeat(32).parse().unwrap();
    understood::receipt(&text, Some(other), pair, &facts).unwrap_err();
    // Only what the portal sent, and what should have been sent, is repeated in quotation marks.
    let lines: Vec<_> = text.split('\n').collect();
    let cut = lines[..4].join("\n");
    for (wrong, why) in [
        (
            text.strip_suffix('\n').unwrap(),
            "line 9 of the receipt is not understood: it should be the end of the text, and the line before \
             it does not end with a line feed; it is not signed",
        ),
        (
            &format!("{text}And more\n"),
            "line 9 of the receipt is not understood: it should be the end of the text, and is “And more”; \
             it is not signed",
        ),
        (&cut, "and the text has ended before it; it is not signed"),
        (
            &format!("{}\n", lines[0]),
            "it should be a name and 32 hexadecimal digits, and the text has ended before it",
        ),
    ] {
        let refused = understood::receipt(wrong, Some(order), pair, &facts).unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains(why), "{refused}");
    }
    understood::receipt(&text, None, pair, &CardFacts::default()).unwrap_err();
    let carrier = [all[0].as_slice(), &all[1]];
    understood::receipt(&text, None, carrier, &facts).unwrap_err();
}

/// An order with one value altered.
fn altered_order(order: &Order, rng: &mut IssuerRng) -> Order {
    let mut altered = order.clone();
    let holder = &mut altered.holder;
    match rng.below(7) {
        0 => holder.given_name = alter::altered(&holder.given_name, rng),
        1 => holder.surname = alter::altered(&holder.surname, rng),
        2 => holder.organisation = alter::altered(&holder.organisation, rng),
        3 => holder.county = alter::altered(&holder.county, rng),
        4 => holder.hsa_id = Person::generate(rng).hsa_id,
        5 => altered.card_number = CardNumber::generate(rng),
        _ => {
            holder.given_name = format!("{} \u{200b}", holder.given_name);
            holder.organisation = "x".repeat(500);
        }
    }
    altered
}

/// The lines of an approval have their labels, one each, and Latin letters, digits and common marks
/// in them, nothing else: a judgement of the test's own.
fn is_harmless(order: &Order) -> bool {
    const LABELS: [&str; 10] = [
        "Beställning av HCC / Order of HCC",
        "Order: ",
        "Engångsvärde / Nonce: ",
        "Namn / Name: ",
        "HSA-id: ",
        "Organisation: ",
        "Län / County: ",
        "Kortnummer / Card number: ",
        "Legitimering (PKCS#10, SHA-256): ",
        "Underskrift (PKCS#10, SHA-256): ",
    ];
    let text = order.approval_text(&[], &[]);
    let lines: Vec<_> = text.lines().collect();
    let common = |character: char| {
        matches!(character, ' '..='~' | '\u{c0}'..='\u{24f}' | '’' | '–') || character == '\n'
    };
    lines.len() == LABELS.len()
        && lines
            .iter()
            .zip(LABELS)
            .all(|(line, label)| line.starts_with(label))
        && text.chars().all(common)
        && lines.iter().all(|line| line.chars().count() < 120)
}

#[test]
fn of_800_altered_orders_none_is_taken_unseen() {
    let NewCard { image, world } = new_card(CardState::Expired, Protocol::T1, 11, date()).unwrap();
    let (_, with_hccs) = facts(&mut insert(&image));
    let delivered = new_card(CardState::Delivered, Protocol::T1, 11, date()).unwrap();
    let (_, without) = facts(&mut insert(&delivered.image));
    let order = order_of(&world);
    assert_eq!(understood::order(&order, &with_hccs), Ok(vec![]));
    assert_eq!(understood::order(&order, &without), Ok(vec![]));
    let mut rng = IssuerRng::from_seed(2026, "altered orders");
    let (mut refused, mut differing) = (0, 0);
    for round in 0..800 {
        let altered = altered_order(&order, &mut rng);
        let same = altered.data_to_check() == order.data_to_check();
        match understood::order(&altered, &with_hccs) {
            Err(_) => refused += 1,
            Ok(differences) => {
                // Nobody is asked to judge what is not different, and unseen nothing is.
                assert_eq!(differences.is_empty(), same, "{round}: {altered:?}");
                assert!(is_harmless(&altered), "{round}: {altered:?}");
                differing += usize::from(!same);
            }
        }
        // A card that names nobody cannot tell; what is signed has the form of an order.
        if understood::order(&altered, &without).is_ok() {
            assert!(is_harmless(&altered), "{round}: {altered:?}");
            assert_eq!(altered.card_number, order.card_number, "{round}");
        }
    }
    assert!(refused > 300 && differing > 100, "{refused}, {differing}");
}

/// An order as the portal of this world would place it.
fn order_of(world: &TestWorld) -> Order {
    Order {
        id: "00112233445566778899aabbccddeeff".parse().unwrap(),
        state: OrderState::Open,
        card_number: world.card_number,
        holder: world.holder.clone(),
        nonce: [7; 16],
    }
}

/// What a hostile portal alters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    Order,
    Receipt,
    ReceiptOfAnotherOrder,
    Pair,
}

/// A portal that lies about one thing, and keeps what it got signed.
struct Hostile<'a> {
    portal: &'a mut LocalPortal,
    rng: &'a mut IssuerRng,
    lie: Lie,
    /// A pair of another card.
    other_pair: IssuedPair,
    /// What it has put before the client.
    told: String,
    /// Whether it was no lie in the end.
    is_true: bool,
    signed: usize,
}

impl Portal for Hostile<'_> {
    passed_on!();
    fn order(&mut self, token: &SessionToken) -> Result<Order, PortalError> {
        let order = self.portal.order(token)?;
        if self.lie != Lie::Order {
            return Ok(order);
        }
        let altered = altered_order(&order, self.rng);
        self.is_true = altered.data_to_check() == order.data_to_check();
        self.told = altered.holder.full_name();
        Ok(altered)
    }
    fn approve(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        approval: &Approval,
    ) -> Result<IssuedPair, PortalError> {
        self.signed += usize::from(self.lie == Lie::Order);
        let pair = self.portal.approve(token, order, approval)?;
        Ok(self.pair(pair))
    }
    fn fetch(&mut self, token: &SessionToken, order: OrderId) -> Result<IssuedPair, PortalError> {
        let pair = self.portal.fetch(token, order)?;
        Ok(self.pair(pair))
    }
    fn receipt(&mut self, token: &SessionToken) -> Result<Option<Receipt>, PortalError> {
        let Some(receipt) = self.portal.receipt(token)? else {
            return Ok(None);
        };
        let mut lie = receipt.clone();
        match self.lie {
            Lie::Receipt => lie.text = alter::altered(&receipt.text, self.rng),
            Lie::ReceiptOfAnotherOrder => lie.order = "ab".repeat(16).parse().unwrap(),
            _ => {}
        }
        self.is_true = self.lie == Lie::Receipt && differs_in_nonce_only(&lie.text, &receipt.text);
        self.told.clone_from(&lie.text);
        Ok(Some(lie))
    }
    fn sign_receipt(&mut self, _: &SessionToken, _: OrderId, _: &[u8]) -> Result<(), PortalError> {
        self.signed += 1;
        Err(PortalError::Transport("it has what it wanted".to_owned()))
    }
}

impl Hostile<'_> {
    fn pair(&self, pair: IssuedPair) -> IssuedPair {
        match self.lie {
            Lie::Pair => IssuedPair {
                order: pair.order,
                ..self.other_pair.clone()
            },
            _ => pair,
        }
    }
}

/// Runs the guide against the lie; how it ended, and whether a signature of the card was asked for
/// after the lie.
fn against(card: &mut Card<InProcess>, world: &mut TestWorld, rng: &mut IssuerRng, lie: Lie) {
    let (authentication, signature) = (
        world.carrier.authentication.clone(),
        world.carrier.signature.clone(),
    );
    let clock = world.clock.clone();
    let mut hostile = Hostile {
        portal: &mut world.portal,
        rng,
        lie,
        other_pair: IssuedPair {
            order: "cd".repeat(16).parse().unwrap(),
            authentication,
            signature,
        },
        told: String::new(),
        is_true: false,
        signed: 0,
    };
    let mut holder = Unattended::default();
    let error = guide(card, &mut hostile, &clock, &mut holder).unwrap_err();
    let (told, signed) = (hostile.told.clone(), hostile.signed);
    if hostile.is_true {
        assert_eq!(signed, 1, "{told:?}");
        return;
    }
    assert_eq!(signed, 0, "{lie:?} {told:?}: {error}");
    assert!(
        matches!(
            error.cause(),
            Cause::NotUnderstood(_) | Cause::OtherData(_) | Cause::OtherKey(_)
        ),
        "{lie:?} {told:?}: {error}"
    );
    // Nor did the card sign: its PIN was not even asked for.
    let asked = |step| holder.asked.contains(&(PinRole::Signature, step));
    match lie {
        Lie::Order => assert!(!asked(Step::Approve), "{told:?}"),
        _ => assert!(!asked(Step::Receipt), "{told:?}"),
    }
    // What was not signed was shown.
    if lie != Lie::Pair {
        assert!(holder.shown.contains(&told), "{told:?} {:?}", holder.shown);
    }
    assert!(error.how_to_continue().len() > 40, "{error}");
}

#[test]
fn a_guide_that_nobody_watches_signs_nothing_for_a_hostile_portal() {
    let mut rng = IssuerRng::from_seed(2026, "hostile portal");
    let NewCard { image, mut world } =
        new_card(CardState::Expired, Protocol::T1, 11, date()).unwrap();
    for _ in 0..20 {
        // Each time the card is as it was: with the certificates that name its holder.
        against(&mut insert(&image), &mut world, &mut rng, Lie::Order);
    }
    let AtTheReceipt {
        mut card,
        mut world,
        ..
    } = at_the_receipt();
    for _ in 0..40 {
        against(&mut card, &mut world, &mut rng, Lie::Receipt);
    }
    against(&mut card, &mut world, &mut rng, Lie::ReceiptOfAnotherOrder);
    against(&mut card, &mut world, &mut rng, Lie::Pair);
    // An honest portal, and it goes on to the end.
    let clock = world.clock.clone();
    let mut holder = Unattended::default();
    let outcome = guide(&mut card, &mut world.portal, &clock, &mut holder).unwrap();
    assert!(matches!(outcome, Outcome::Renewed(_)));
}

#[test]
fn a_new_name_is_signed_after_a_person_has_looked_at_it_and_not_before() {
    struct Person(Unattended, Vec<Difference>);
    impl Interaction for Person {
        fn pin(&mut self, role: PinRole, step: Step) -> Result<Pin, String> {
            self.0.pin(role, step)
        }
        fn differences_are_right(&mut self, differences: &[Difference]) -> bool {
            self.1 = differences.to_vec();
            true
        }
    }
    let NewCard { image, mut world } =
        new_card(CardState::Expired, Protocol::T1, 11, date()).unwrap();
    let mut card = insert(&image);
    let old_name = world.holder.full_name();
    let facts = facts(&mut card).1;
    let mut order = order_of(&world);
    order.holder.surname = "Nygift-Övningsfält".to_owned();
    let differences = understood::order(&order, &facts).unwrap();
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].line.swedish, "Namn");
    assert_eq!(differences[0].on_card, [old_name]);
    // The honest portal has the old name: nobody is asked.
    let clock = world.clock.clone();
    let mut person = Person(Unattended::default(), Vec::new());
    let renewed = renew(
        &mut card,
        &mut world.portal,
        &clock,
        &mut person,
        &mut MemoryJournal::new(),
        &mut MemoryNotes::new(),
    );
    assert!(matches!(renewed, Ok(Outcome::Renewed(_))));
    assert!(person.1.is_empty());
}

/// A portal whose orders, and pairs, are of another employer from some time on.
struct OfAnotherEmployer<'a> {
    portal: &'a mut LocalPortal,
    /// What orders say.
    order: Option<&'a str>,
    /// What it gives out for every order.
    pair: Option<IssuedPair>,
    /// The next approval is answered by nothing.
    loses_approval: bool,
    approved: usize,
    receipts: usize,
}

impl Portal for OfAnotherEmployer<'_> {
    passed_on!();
    fn order(&mut self, token: &SessionToken) -> Result<Order, PortalError> {
        let mut order = self.portal.order(token)?;
        if let Some(organisation) = self.order {
            order.holder.organisation = organisation.to_owned();
        }
        Ok(order)
    }
    fn approve(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        approval: &Approval,
    ) -> Result<IssuedPair, PortalError> {
        self.approved += 1;
        let pair = self.portal.approve(token, order, approval)?;
        match self.loses_approval {
            true => Err(PortalError::Transport("it broke off".to_owned())),
            false => Ok(self.given_out(pair)),
        }
    }
    fn fetch(&mut self, token: &SessionToken, order: OrderId) -> Result<IssuedPair, PortalError> {
        let pair = self.portal.fetch(token, order)?;
        Ok(self.given_out(pair))
    }
    fn receipt(&mut self, token: &SessionToken) -> Result<Option<Receipt>, PortalError> {
        self.portal.receipt(token)
    }
    fn sign_receipt(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        signed: &[u8],
    ) -> Result<(), PortalError> {
        self.receipts += 1;
        self.portal.sign_receipt(token, order, signed)
    }
}

impl<'a> OfAnotherEmployer<'a> {
    /// An honest one so far.
    fn new(portal: &'a mut LocalPortal) -> Self {
        Self {
            portal,
            order: None,
            pair: None,
            loses_approval: false,
            approved: 0,
            receipts: 0,
        }
    }

    fn given_out(&self, pair: IssuedPair) -> IssuedPair {
        match &self.pair {
            Some(other) => IssuedPair {
                order: pair.order,
                ..other.clone()
            },
            None => pair,
        }
    }
}

/// A card whose HCCs have expired, in a reader of its own, with what is kept of it.
struct Expired {
    card: Card<InProcess>,
    world: TestWorld,
    notes: MemoryNotes,
}

impl Expired {
    fn new() -> Self {
        let NewCard { image, world } =
            new_card(CardState::Expired, Protocol::T1, 11, date()).unwrap();
        Self {
            card: insert(&image),
            world,
            notes: MemoryNotes::new(),
        }
    }

    /// A pair for this card's keys and number, by authorities of the right names, for a holder of
    /// the same name and HSA-id at another employer.
    fn pair_of_another_employer(&self) -> IssuedPair {
        let authority = |kind: AuthorityKind| {
            let urls = AuthorityUrls::example(kind.file_name());
            let mut rng = IssuerRng::from_seed(3, kind.file_name());
            Authority::create(kind, urls, date(), &mut rng).unwrap()
        };
        let mut portal = LocalPortal::new(
            authority(AuthorityKind::Carrier),
            authority(AuthorityKind::Hcc),
            self.world.clock.clone(),
            IssuerRng::from_seed(3, "portal"),
        );
        let key = |der: Vec<u8>| PublicKey::from_spki_der(&der).unwrap();
        let mut holder = self.world.holder.clone();
        holder.organisation = OTHER_EMPLOYER.to_owned();
        portal
            .enrol(&Enrolment {
                holder,
                card_number: self.world.card_number,
                authentication_key: key(self.world.authentication_key.public_key_der()),
                signature_key: key(self.world.signature_key.public_key_der()),
                carrier_subject: CarrierSubject::Card,
            })
            .unwrap();
        portal
            .issue_at_the_counter(&self.world.card_number)
            .unwrap()
    }

    fn slots(&mut self) -> usize {
        self.card.slots().unwrap().len()
    }
}

/// Runs the guide unattended; what it ended with, and what was remarked.
fn unattended(
    card: &mut Card<InProcess>,
    portal: &mut dyn Portal,
    clock: &FixedClock,
    notes: &mut dyn HolderNotes,
) -> (Result<Outcome, RenewalError>, Vec<String>) {
    let mut holder = Remarked::default();
    let journal = &mut MemoryJournal::new();
    let outcome = renew(card, portal, clock, &mut holder, journal, notes);
    (outcome, holder.1)
}

/// As [`Unattended`], and keeps what is remarked.
#[derive(Default)]
struct Remarked(Unattended, Vec<String>);

impl Interaction for Remarked {
    fn event(&mut self, event: &Event) {
        if let Event::Remark(remark) = event {
            self.1.push(remark.clone());
        }
    }

    fn pin(&mut self, role: PinRole, step: Step) -> Result<Pin, String> {
        self.0.pin(role, step)
    }
}

const OTHER_EMPLOYER: &str = "Annan Övningskommun";

#[test]
fn an_altered_employer_is_refused_in_the_next_runs_too_when_the_hccs_are_gone() {
    let mut of = Expired::new();
    let clock = of.world.clock.clone();
    let mut portal = OfAnotherEmployer::new(&mut of.world.portal);
    portal.order = Some(OTHER_EMPLOYER);
    for slots in [4, 2, 2] {
        assert_eq!(of.card.slots().unwrap().len(), slots);
        let (outcome, _) = unattended(&mut of.card, &mut portal, &clock, &mut of.notes);
        let error = outcome.unwrap_err();
        assert_eq!(error.step(), Step::Order);
        assert!(matches!(error.cause(), Cause::OtherData(_)), "{error}");
        assert!(error.to_string().contains(OTHER_EMPLOYER), "{error}");
        assert!(!of.notes.is_empty(), "the next run compares with them");
    }
    assert_eq!(portal.approved, 0);
    // The order as it should be goes through, and then the card says it itself again.
    portal.order = None;
    let (outcome, remarks) = unattended(&mut of.card, &mut portal, &clock, &mut of.notes);
    assert!(matches!(outcome, Ok(Outcome::Renewed(_))), "{outcome:?}");
    assert_eq!(remarks, Vec::<String>::new());
    assert!(of.notes.is_empty());
    assert_eq!(of.slots(), 4);
}

#[test]
fn where_nothing_names_an_employer_the_guide_says_so() {
    let mut of = Expired::new();
    let clock = of.world.clock.clone();
    let mut portal = OfAnotherEmployer::new(&mut of.world.portal);
    portal.order = Some(OTHER_EMPLOYER);
    let (outcome, _) = unattended(&mut of.card, &mut portal, &clock, &mut MemoryNotes::new());
    assert!(matches!(outcome.unwrap_err().cause(), Cause::OtherData(_)));
    portal.order = None;
    let (outcome, remarks) = unattended(&mut of.card, &mut portal, &clock, &mut MemoryNotes::new());
    assert!(matches!(outcome, Ok(Outcome::Renewed(_))), "{outcome:?}");
    assert!(
        remarks[0].contains("nothing on it to compare"),
        "{remarks:?}"
    );
}

#[test]
fn what_was_kept_of_a_card_counts_only_for_that_card_and_while_it_has_no_hcc() {
    let of = Expired::new();
    let mut card = of.card;
    let (all, now) = facts(&mut card);
    let (carriers, hccs) = all.split_at(2);
    let of_carriers = || CardFacts::of(carriers.iter().map(Vec::as_slice));
    assert!(now.has_hcc() && now.names_employer());
    assert!(!of_carriers().has_hcc() && !of_carriers().names_employer());
    let again = of_carriers().with_earlier(hccs.iter().map(Vec::as_slice));
    assert!(again.names_employer() && !again.has_hcc());
    let mut order = order_of(&of.world);
    order.holder.organisation = OTHER_EMPLOYER.to_owned();
    assert_eq!(
        understood::order(&order, &again),
        understood::order(&order, &now)
    );
    // Another card's are nobody's.
    let NewCard { image, .. } = new_card(CardState::Valid, Protocol::T1, 12, date()).unwrap();
    let others = facts(&mut insert(&image)).0;
    let with_others = of_carriers().with_earlier(others.iter().map(Vec::as_slice));
    assert_eq!(with_others, of_carriers());
    // What the card says now is newer.
    let kept = now.clone().with_earlier(others.iter().map(Vec::as_slice));
    assert_eq!(kept, now);
}

#[test]
fn a_pair_of_another_employer_is_neither_written_nor_receipted() {
    for resumed in [false, true] {
        let mut of = Expired::new();
        let other = of.pair_of_another_employer();
        let clock = of.world.clock.clone();
        let mut portal = OfAnotherEmployer::new(&mut of.world.portal);
        if resumed {
            portal.loses_approval = true;
            let (outcome, _) = unattended(&mut of.card, &mut portal, &clock, &mut of.notes);
            assert_eq!(outcome.unwrap_err().step(), Step::Approve);
        }
        portal.pair = Some(other);
        let (outcome, _) = unattended(&mut of.card, &mut portal, &clock, &mut of.notes);
        let error = outcome.unwrap_err();
        match resumed {
            true => assert!(matches!(error.cause(), Cause::OtherPair(_)), "{error}"),
            false => assert!(matches!(error.cause(), Cause::NotUnderstood(_)), "{error}"),
        }
        assert!(error.to_string().contains(OTHER_EMPLOYER), "{error}");
        assert_eq!(portal.receipts, 0);
        assert_eq!(of.card.slots().unwrap().len(), 2, "nothing was written");
        // The right pair goes on to the end.
        portal.pair = None;
        let (outcome, _) = unattended(&mut of.card, &mut portal, &clock, &mut of.notes);
        assert!(matches!(outcome, Ok(Outcome::Renewed(_))), "{outcome:?}");
        assert_eq!((portal.approved, portal.receipts), (1, 1));
        assert!(of.notes.is_empty());
    }
}

#[test]
fn notes_that_cannot_be_read_stop_the_guide_and_those_that_cannot_be_kept_are_remarked() {
    let directory = tempfile::tempdir().unwrap();
    let mut of = Expired::new();
    let clock = of.world.clock.clone();
    // A file is where the directory should be.
    let blocked = directory.path().join("file");
    std::fs::write(&blocked, b"").unwrap();
    let mut portal = OfAnotherEmployer::new(&mut of.world.portal);
    portal.order = Some(OTHER_EMPLOYER);
    let mut notes = FileNotes::at(&blocked);
    let (outcome, remarks) = unattended(&mut of.card, &mut portal, &clock, &mut notes);
    assert!(matches!(outcome.unwrap_err().cause(), Cause::OtherData(_)));
    assert!(
        remarks[0].contains(blocked.to_str().unwrap()),
        "{remarks:?}"
    );
    // The HCCs are gone, and what is kept of them is broken.
    let file = directory
        .path()
        .join(format!("{}.pem", of.world.card_number));
    std::fs::write(&file, b"no certificate").unwrap();
    let mut notes = FileNotes::at(directory.path());
    portal.order = None;
    let (outcome, _) = unattended(&mut of.card, &mut portal, &clock, &mut notes);
    let error = outcome.unwrap_err();
    assert!(matches!(error.cause(), Cause::Notes(_)), "{error}");
    assert!(
        error.to_string().contains(file.to_str().unwrap()),
        "{error}"
    );
    assert!(error.how_to_continue().contains("--yes"), "{error}");
    assert_eq!(portal.approved, 0);
}

/// What is altered in a certificate.
type Alter = fn(&mut Parts);
/// The same, and what it is called.
type Alteration = (&'static str, Alter);

const SAN: &str = "2.5.29.17";
const EXTENDED_USE: &str = "2.5.29.37";
const POLICIES: &str = "2.5.29.32";

const ALTERATIONS: &[Alteration] = &[
    ("Efternamn", |parts| parts.say("2.5.4.4", "Person")),
    ("Förnamn", |parts| parts.say("2.5.4.42", "Ond")),
    ("Titel", |parts| parts.say("title", "Legitimerad läkare")),
    ("Enhet", |parts| parts.say("OU", "Domain Admins")),
    ("Land", |parts| parts.say("2.5.4.6", "NO")),
    ("E-post", |parts| {
        parts.say("emailAddress", "admin@region.se")
    }),
    ("Annat namnattribut", |parts| {
        parts.say("pseudonym", "Admin")
    }),
    // A second name behind the first, which is the holder's.
    ("Namn", |parts| {
        parts
            .subject
            .push(("CN".to_owned(), "Ond Person".to_owned()))
    }),
    ("Utfärdare", |parts| {
        parts.issuer = "/C=SE/O=TEST Kortlab/CN=TEST SITHS Type 1 CA v2";
    }),
    ("Giltighetstid", |parts| parts.days = 20_000),
    ("Alternativt namn", |parts| {
        parts.extend(
            SAN,
            "email:admin@region.se,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:admin@region.se",
        );
    }),
    ("Användning (extKeyUsage)", |parts| {
        parts.extend(
            EXTENDED_USE,
            "codeSigning,serverAuth,1.3.6.1.4.1.311.20.2.2",
        );
    }),
    ("Användning (keyUsage)", |parts| {
        // Both bits of the purposes would be another purpose.
        let value = match parts.extensions.iter().any(|(id, _)| id == EXTENDED_USE) {
            true => "digitalSignature,keyEncipherment,keyAgreement",
            false => "nonRepudiation,keyAgreement",
        };
        parts.extend("2.5.29.15", &format!("critical,{value}"));
    }),
    ("Policy", |parts| parts.extend(POLICIES, "1.2.752.999.1")),
    ("Policy", |parts| parts.leave_out(POLICIES)),
    ("Begränsningar", |parts| {
        parts.extend("2.5.29.19", "CA:false")
    }),
    ("Annat tillägg", |parts| {
        parts.extend("1.3.6.1.4.1.32473.1", "DER:0500")
    }),
];

/// A pair with new serial numbers, times and key identifiers, one of them altered otherwise.
fn altered_pair(
    openssl: &OpenSsl,
    world: &TestWorld,
    altered: Option<(usize, Alter)>,
) -> IssuedPair {
    let old = world.hcc.clone().unwrap();
    let keys = [
        world.authentication_key.public_key_der(),
        world.signature_key.public_key_der(),
    ];
    let ders = [old.authentication, old.signature];
    let [authentication, signature] = [0, 1].map(|place: usize| {
        let mut parts = Parts::of(&ders[place]);
        parts.extend("2.5.29.14", "hash");
        if let Some((_, alter)) = altered.filter(|(at, _)| *at == place) {
            alter(&mut parts);
        }
        parts.issue(openssl, &keys[place])
    });
    IssuedPair {
        order: order_of(world).id,
        authentication,
        signature,
    }
}

#[test]
fn whatever_a_new_hcc_says_otherwise_than_the_old_one_is_pointed_out() {
    let NewCard { image, mut world } =
        new_card(CardState::Expired, Protocol::T1, 11, date()).unwrap();
    let (_, facts) = facts(&mut insert(&image));
    let openssl = OpenSsl::with_authorities_of(&mut world);
    let order = order_of(&world);
    let same = altered_pair(&openssl, &world, None);
    for approved in [Some(&order), None] {
        assert_eq!(understood::pair(&same, &facts, approved), Ok(vec![]));
    }
    for (label, alter) in ALTERATIONS {
        for place in [0, 1] {
            let pair = altered_pair(&openssl, &world, Some((place, *alter)));
            let differences = understood::pair(&pair, &facts, None).unwrap();
            let labels: Vec<_> = differences.iter().map(|one| one.line.swedish).collect();
            assert_eq!(labels, [*label], "{place}: {differences:?}");
            let ders = [pair.authentication.as_slice(), &pair.signature];
            // What the agent sees is the same.
            assert_eq!(
                understood::certificates(ders, &facts),
                Ok(differences.clone())
            );
            match (understood::pair(&pair, &facts, Some(&order)), *label) {
                // The order said otherwise.
                (Err(_), "Efternamn" | "Förnamn") => {}
                (found, _) => assert_eq!(found, Ok(differences), "{label}"),
            }
        }
    }
}

#[test]
fn a_pair_that_says_more_than_the_old_one_is_not_written_unseen() {
    for (resumed, label, value) in [
        (false, "Titel", "Legitimerad läkare"),
        (true, "Titel", "Legitimerad läkare"),
        (false, "Alternativt namn", "UPN admin@region.se"),
        (true, "Användning (extKeyUsage)", "smartcardLogon"),
        (false, "Giltighetstid", "20000 dagar / days"),
    ] {
        let mut of = Expired::new();
        let openssl = OpenSsl::with_authorities_of(&mut of.world);
        let (_, alter) = *ALTERATIONS.iter().find(|one| one.0 == label).unwrap();
        let pair = altered_pair(&openssl, &of.world, Some((0, alter)));
        let clock = of.world.clock.clone();
        let mut portal = OfAnotherEmployer::new(&mut of.world.portal);
        if resumed {
            portal.loses_approval = true;
            let (outcome, _) = unattended(&mut of.card, &mut portal, &clock, &mut of.notes);
            assert_eq!(outcome.unwrap_err().step(), Step::Approve);
        }
        portal.pair = Some(pair);
        let (outcome, _) = unattended(&mut of.card, &mut portal, &clock, &mut of.notes);
        let error = outcome.unwrap_err();
        assert_eq!(error.step(), Step::Write, "{error}");
        assert!(matches!(error.cause(), Cause::OtherPair(_)), "{error}");
        assert!(error.to_string().contains(value), "{error}");
        assert_eq!(portal.receipts, 0);
        assert_eq!(of.card.slots().unwrap().len(), 2, "nothing was written");
        // The right pair goes on to the end, and nobody is asked about it.
        portal.pair = None;
        let (outcome, _) = unattended(&mut of.card, &mut portal, &clock, &mut of.notes);
        assert!(matches!(outcome, Ok(Outcome::Renewed(_))), "{outcome:?}");
    }
}

#[test]
fn what_the_writer_refuses_is_the_portals_fault_and_cannot_be_forced() {
    let mut of = Expired::new();
    let expired = of.world.hcc.clone().unwrap();
    let clock = of.world.clock.clone();
    let mut portal = OfAnotherEmployer::new(&mut of.world.portal);
    portal.pair = Some(expired);
    let (outcome, _) = unattended(&mut of.card, &mut portal, &clock, &mut of.notes);
    let error = outcome.unwrap_err();
    assert_eq!(error.step(), Step::Write, "{error}");
    assert!(error.to_string().contains("has expired"), "{error}");
    let hint = error.how_to_continue();
    assert!(hint.contains("those who run the portal"), "{hint}");
    assert!(!hint.contains("--force"), "{hint}");
    assert_eq!(of.card.slots().unwrap().len(), 2, "nothing was written");
}
