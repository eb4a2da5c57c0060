//! A portal that was stored, record by record, and the same portal again: after random operations,
//! whatever was stored when, both answer the same.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use kortlab_issuer::authority::{Authority, AuthorityKind};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::{Clock, DAY, FixedClock, Timestamp};
use kortlab_issuer::holder::Holder;
use kortlab_issuer::inspect::CertificateSummary;
use kortlab_issuer::profile::{AuthorityUrls, CarrierSubject};
use kortlab_issuer::random::IssuerRng;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_core::change::{Change, RestoreError};
use kortlab_portal_core::{
    Approval, CarrierPair, Enrolment, LocalPortal, OrderId, OrderState, Portal, PortalError,
    SessionToken,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::Config;
use support::SoftKey;

/// An authority's file name, key (PEM) and certificate (DER).
struct Files {
    kind: AuthorityKind,
    key: String,
    certificate: Vec<u8>,
}

struct Keys {
    number: CardNumber,
    holder: Holder,
    authentication: SoftKey,
    signature: SoftKey,
    /// The PKCS#10 request by each key.
    requests: [Vec<u8>; 2],
}

fn start() -> Timestamp {
    Timestamp::from_date(2026, 3, 1).unwrap()
}

fn authority(kind: AuthorityKind) -> Authority {
    static FILES: OnceLock<[Files; 2]> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        AuthorityKind::ALL.map(|kind| {
            let rng = &mut IssuerRng::from_seed(7, kind.name());
            let urls = AuthorityUrls::example("x");
            let authority = Authority::create(kind, urls, start(), rng).unwrap();
            Files {
                kind,
                key: authority.to_pkcs8_pem().unwrap().to_string(),
                certificate: authority.certificate_der().to_vec(),
            }
        })
    });
    let files = files.iter().find(|files| files.kind == kind).unwrap();
    let urls = AuthorityUrls::at("http://127.0.0.1:8080/", kind);
    Authority::from_pkcs8_pem(kind, &files.key, &files.certificate, urls).unwrap()
}

fn keys() -> &'static [Keys; 3] {
    static KEYS: OnceLock<[Keys; 3]> = OnceLock::new();
    KEYS.get_or_init(|| {
        ["one", "two", "three"].map(|name| {
            let rng = &mut IssuerRng::from_seed(8, name);
            let authentication = SoftKey::new(&format!("{name} authentication"));
            let signature = SoftKey::new(&format!("{name} signature"));
            Keys {
                number: CardNumber::generate(rng),
                holder: Holder::generate(rng),
                requests: [authentication.request("x"), signature.request("x")],
                authentication,
                signature,
            }
        })
    })
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Enrol {
        card: usize,
        days_ago: u64,
    },
    AtTheCounter {
        card: usize,
        days_ago: u64,
    },
    LogIn {
        card: usize,
    },
    LogOut {
        card: usize,
    },
    Order {
        card: usize,
    },
    Approve {
        card: usize,
    },
    SignReceipt {
        card: usize,
    },
    Remove {
        card: usize,
        which: usize,
    },
    Revoke {
        card: usize,
        which: usize,
        reason: RevocationReason,
    },
    RevokeAtTheCounter {
        which: usize,
        reason: RevocationReason,
    },
    Advance {
        seconds: u64,
    },
    Crl {
        kind: AuthorityKind,
    },
    DeltaCrl {
        kind: AuthorityKind,
        back: u64,
    },
    /// What has changed is stored.
    Store,
}

fn operation() -> impl Strategy<Value = Operation> {
    let card = || 0..keys().len();
    let which = || 0..6_usize;
    let reason = || prop::sample::select(RevocationReason::ALL.to_vec());
    let kind = || prop::sample::select(AuthorityKind::ALL.to_vec());
    let days = || prop::sample::select(vec![0, 30, 760]);
    let seconds = prop::sample::select(vec![1, 300, 25 * 3600, 31 * 86_400, 400 * 86_400]);
    prop_oneof![
        2 => (card(), days()).prop_map(|(card, days_ago)| Operation::Enrol { card, days_ago }),
        1 => (card(), days()).prop_map(|(card, days_ago)| Operation::AtTheCounter { card, days_ago }),
        1 => card().prop_map(|card| Operation::LogIn { card }),
        1 => card().prop_map(|card| Operation::LogOut { card }),
        2 => card().prop_map(|card| Operation::Order { card }),
        4 => card().prop_map(|card| Operation::Approve { card }),
        3 => card().prop_map(|card| Operation::SignReceipt { card }),
        1 => (card(), which()).prop_map(|(card, which)| Operation::Remove { card, which }),
        1 => (card(), which(), reason())
            .prop_map(|(card, which, reason)| Operation::Revoke { card, which, reason }),
        1 => (which(), reason())
            .prop_map(|(which, reason)| Operation::RevokeAtTheCounter { which, reason }),
        1 => seconds.prop_map(|seconds| Operation::Advance { seconds }),
        1 => kind().prop_map(|kind| Operation::Crl { kind }),
        1 => (kind(), 0..4_u64).prop_map(|(kind, back)| Operation::DeltaCrl { kind, back }),
        2 => Just(Operation::Store),
    ]
}

struct Bench {
    portal: LocalPortal,
    clock: FixedClock,
    sessions: [Option<SessionToken>; 3],
    carriers: [Option<CarrierPair>; 3],
    /// Every certificate there is.
    certificates: Vec<Vec<u8>>,
    orders: BTreeSet<OrderId>,
    /// Everything that was taken, in order.
    log: Vec<Change>,
    /// How often each operation succeeded.
    done: BTreeMap<&'static str, usize>,
}

impl Bench {
    fn new() -> Self {
        let clock = FixedClock::at(start().after(4 * 365 * DAY));
        let portal = LocalPortal::new(
            authority(AuthorityKind::Carrier),
            authority(AuthorityKind::Hcc),
            clock.clone(),
            IssuerRng::from_seed(9, "portal"),
        );
        Self {
            portal,
            clock,
            sessions: [const { None }; 3],
            carriers: [const { None }; 3],
            certificates: Vec::new(),
            orders: BTreeSet::new(),
            log: Vec::new(),
            done: BTreeMap::new(),
        }
    }

    /// Refusals are as good as anything else here; the portal's own tests are about them.
    fn run(&mut self, operation: Operation) {
        let name = self.attempt(operation).unwrap_or("refused");
        *self.done.entry(name).or_default() += 1;
    }

    /// The card's session, a new one if need be.
    fn token(&mut self, card: usize) -> Option<SessionToken> {
        let token = self.sessions[card].clone();
        if let Some(token) = token
            && self.portal.certificates(&token).is_ok()
        {
            return Some(token);
        }
        let carrier = self.carriers[card].as_ref()?;
        let session = self.portal.log_in_proven(&carrier.authentication).ok()?;
        self.sessions[card] = Some(session.token.clone());
        Some(session.token)
    }

    fn attempt(&mut self, operation: Operation) -> Option<&'static str> {
        let now = self.clock.now();
        match operation {
            Operation::Enrol { card, days_ago } => {
                let keys = &keys()[card];
                let enrolment = Enrolment {
                    holder: keys.holder.clone(),
                    card_number: keys.number,
                    authentication_key: keys.authentication.public(),
                    signature_key: keys.signature.public(),
                    carrier_subject: CarrierSubject::Card,
                };
                let when = now.before(DAY * days_ago as u32);
                let pair = self.portal.enrol_at(&enrolment, when).ok()?;
                self.certificates
                    .extend([pair.authentication.clone(), pair.signature.clone()]);
                self.carriers[card] = Some(pair);
                Some("enrol")
            }
            Operation::AtTheCounter { card, days_ago } => {
                let when = now.before(DAY * days_ago as u32);
                let pair = self
                    .portal
                    .issue_at_the_counter_at(&keys()[card].number, when)
                    .ok()?;
                self.orders.insert(pair.order);
                self.certificates
                    .extend([pair.authentication, pair.signature]);
                Some("at the counter")
            }
            Operation::LogIn { card } => {
                self.token(card)?;
                Some("log in")
            }
            Operation::LogOut { card } => {
                self.portal.log_out(&self.sessions[card].take()?).ok()?;
                Some("log out")
            }
            Operation::Order { card } => {
                let token = &self.token(card)?;
                let order = self.portal.order(token).ok()?;
                self.orders.insert(order.id);
                Some("order")
            }
            Operation::Approve { card } => {
                let token = &self.token(card)?;
                let order = self.portal.order(token).ok()?;
                self.orders.insert(order.id);
                let keys = &keys()[card];
                let [authentication_request, signature_request] = keys.requests.clone();
                let text = order.approval_text(&authentication_request, &signature_request);
                let carrier = &self.carriers[card].as_ref()?.signature;
                let signed_approval = keys.signature.sign_text(text.as_bytes(), carrier, now);
                let approval = Approval {
                    authentication_request,
                    signature_request,
                    signed_approval,
                };
                let pair = self.portal.approve(token, order.id, &approval).ok()?;
                self.certificates
                    .extend([pair.authentication, pair.signature]);
                Some("approve")
            }
            Operation::SignReceipt { card } => {
                let token = &self.token(card)?;
                let receipt = self.portal.receipt(token).ok()??;
                let pair = self.portal.fetch(token, receipt.order).ok()?;
                let signed =
                    keys()[card]
                        .signature
                        .sign_text(receipt.text.as_bytes(), &pair.signature, now);
                self.portal
                    .sign_receipt(token, receipt.order, &signed)
                    .ok()?;
                Some("sign the receipt")
            }
            Operation::Remove { card, which } => {
                let token = &self.token(card)?;
                let entry = self
                    .portal
                    .certificates(token)
                    .ok()?
                    .into_iter()
                    .nth(which)?;
                self.portal.removed(token, &entry.summary.serial).ok()?;
                Some("remove")
            }
            Operation::Revoke {
                card,
                which,
                reason,
            } => {
                let token = &self.token(card)?;
                let entry = self
                    .portal
                    .certificates(token)
                    .ok()?
                    .into_iter()
                    .nth(which)?;
                self.portal
                    .revoke(token, &entry.summary.serial, reason)
                    .ok()?;
                Some("revoke")
            }
            Operation::RevokeAtTheCounter { which, reason } => {
                let certificate = self.certificates.get(which)?;
                self.portal
                    .revoke_at_the_counter(certificate, reason)
                    .ok()?;
                Some("revoke at the counter")
            }
            Operation::Advance { seconds } => {
                self.clock.advance(Duration::from_secs(seconds));
                Some("advance")
            }
            Operation::Crl { kind } => {
                self.portal.crl(kind).unwrap();
                Some("CRL")
            }
            Operation::DeltaCrl { kind, back } => {
                let newest = self.portal.authority(kind).newest_crl_number();
                self.portal
                    .delta_crl(kind, newest.saturating_sub(back))
                    .unwrap();
                Some("delta CRL")
            }
            Operation::Store => {
                self.store();
                Some("store")
            }
        }
    }

    fn store(&mut self) {
        self.log.extend(self.portal.take_changes());
        assert_eq!(self.portal.take_changes(), [], "each change is told once");
    }

    fn restored(&self, records: impl IntoIterator<Item = Change>) -> LocalPortal {
        let mut restored = restore(records, &self.clock).unwrap();
        assert_eq!(restored.take_changes(), [], "what is stored is not news");
        restored
    }

    /// Everything a client, an administrator or a relying party can ask.
    fn answers(&self, portal: &mut LocalPortal) -> Vec<String> {
        let mut answers = Vec::new();
        let mut say = |what: String| answers.push(what);
        say(format!("{:?}", portal.test_page(&self.certificates)));
        for (carrier, keys) in self.carriers.iter().zip(keys()) {
            let Some(carrier) = carrier else { continue };
            let session = match portal.log_in_proven(&carrier.authentication) {
                Ok(session) => session,
                Err(error) => {
                    say(error.to_string());
                    continue;
                }
            };
            say(format!("{:?} {:?}", session.card_number, session.holder));
            let token = &session.token;
            say(format!("{:?}", portal.certificates(token)));
            say(format!("{:?}", portal.receipt(token)));
            for order in &self.orders {
                say(told(portal.fetch(token, *order)));
                // Approvals that fit nothing still tell how far the order has come.
                let [authentication_request, signature_request] = keys.requests.clone();
                let approval = Approval {
                    authentication_request,
                    signature_request,
                    signed_approval: vec![0x30, 0x00],
                };
                say(told(portal.approve(token, *order, &approval)));
            }
            let under_way = portal.order(token).unwrap();
            match self.orders.contains(&under_way.id) {
                true => say(format!("{under_way:?}")),
                false => assert_eq!(under_way.state, OrderState::Open, "a new one"),
            }
        }
        for kind in AuthorityKind::ALL {
            let newest = portal.authority(kind).newest_crl_number();
            for base in 0..=newest {
                say(hex::encode(portal.delta_crl(kind, base).unwrap()));
            }
            say(hex::encode(portal.crl(kind).unwrap()));
        }
        answers
    }
}

fn told<T: core::fmt::Debug>(result: Result<T, PortalError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    }
}

fn restore(
    records: impl IntoIterator<Item = Change>,
    clock: &FixedClock,
) -> Result<LocalPortal, RestoreError> {
    LocalPortal::restore(
        authority(AuthorityKind::Carrier),
        authority(AuthorityKind::Hcc),
        records,
        clock.clone(),
        // The same bytes after each restart, as a portal from a seed has them.
        IssuerRng::from_seed(9, "portal"),
    )
}

/// What a store with one row a record holds in the end, in the order of its keys.
fn upserted(log: &[Change]) -> Vec<Change> {
    let mut rows = BTreeMap::new();
    for change in log {
        let json = serde_json::to_string(change).unwrap();
        rows.insert((change.table(), change.key()), json);
    }
    rows.values()
        .map(|json| serde_json::from_str(json).unwrap())
        .collect()
}

proptest! {
    #![proptest_config(Config { cases: 12, ..Config::default() })]

    #[test]
    fn a_restored_portal_answers_as_the_one_that_was_stored(
        operations in prop::collection::vec(operation(), 1..60)
    ) {
        let mut bench = Bench::new();
        for operation in operations {
            bench.run(operation);
        }
        bench.store();
        let mut from_rows = bench.restored(upserted(&bench.log));
        let twice = [bench.log.clone(), bench.log.clone()].concat();
        let mut from_log = bench.restored(twice);
        let mut stored = core::mem::replace(&mut bench.portal, Bench::new().portal);
        for later in [Duration::ZERO, DAY * 31, DAY * 400] {
            bench.clock.advance(later);
            let expected = bench.answers(&mut stored);
            prop_assert_eq!(&bench.answers(&mut from_rows), &expected);
            prop_assert_eq!(&bench.answers(&mut from_log), &expected);
        }
    }
}

/// The operations of one order, each followed by a restart.
#[test]
fn an_order_goes_on_over_a_restart_after_each_step() {
    let mut bench = Bench::new();
    for operation in [
        Operation::Enrol {
            card: 0,
            days_ago: 0,
        },
        Operation::AtTheCounter {
            card: 0,
            days_ago: 0,
        },
        Operation::Order { card: 0 },
        Operation::Approve { card: 0 },
        Operation::Crl {
            kind: AuthorityKind::Hcc,
        },
        Operation::SignReceipt { card: 0 },
        Operation::Remove { card: 0, which: 1 },
        Operation::Revoke {
            card: 0,
            which: 2,
            reason: RevocationReason::KeyCompromise,
        },
        Operation::DeltaCrl {
            kind: AuthorityKind::Hcc,
            back: 0,
        },
    ] {
        bench.run(operation);
        bench.store();
        bench.portal = bench.restored(upserted(&bench.log));
    }
    assert_eq!(bench.done.get("refused"), None);
    let token = bench.token(0).unwrap();
    let list = bench.portal.certificates(&token).unwrap();
    let states: Vec<_> = list
        .iter()
        .map(|one| (one.state.name(), one.removed))
        .collect();
    assert_eq!(
        states,
        [
            ("revoked", false),
            ("revoked", true),
            ("revoked", false),
            ("valid", false)
        ],
        "superseded twice, revoked once"
    );
    assert_eq!(bench.portal.receipt(&token).unwrap(), None);
}

#[test]
fn the_operations_of_the_property_are_reached() {
    let runner = &mut proptest::test_runner::TestRunner::deterministic();
    let mut done = BTreeMap::new();
    for _ in 0..6 {
        let operations = prop::collection::vec(operation(), 80);
        let operations = operations.new_tree(runner).unwrap().current();
        let mut bench = Bench::new();
        operations.into_iter().for_each(|one| bench.run(one));
        for (name, count) in bench.done {
            *done.entry(name).or_insert(0) += count;
        }
    }
    assert_eq!(done.len(), 15, "{done:?}");
}

/// A card with an order that waits for its receipt, as records.
fn records() -> (Vec<Change>, FixedClock) {
    let mut bench = Bench::new();
    for operation in [
        Operation::Enrol {
            card: 0,
            days_ago: 0,
        },
        Operation::LogIn { card: 0 },
        Operation::Approve { card: 0 },
        Operation::Crl {
            kind: AuthorityKind::Hcc,
        },
    ] {
        bench.run(operation);
    }
    bench.store();
    (bench.log, bench.clock)
}

#[test]
fn records_that_do_not_fit_together_are_refused_and_named() {
    let (records, clock) = records();
    assert!(restore(records.clone(), &clock).is_ok());
    for missing in 0..records.len() {
        let mut rest = records.clone();
        let left_out = rest.remove(missing);
        let result = restore(rest, &clock);
        match left_out {
            // Nothing names these; what is lost with them cannot be noticed.
            Change::Order(_) | Change::CrlNumber(_) | Change::Revocation(_) => {
                assert!(result.is_ok());
            }
            Change::Card(_) => {
                let error = result.unwrap_err().to_string();
                assert!(error.contains("its card is missing"), "{error}");
            }
            Change::Certificate(record) => {
                let parsed = CertificateSummary::from_der(&record.certificate).unwrap();
                assert_eq!(parsed.serial, record.serial);
                // Nothing names the carrier certificate for signature either.
                let named = record.authority == AuthorityKind::Hcc
                    || parsed.purpose == kortlab_issuer::inspect::Purpose::Authentication;
                assert_eq!(result.is_err(), named);
            }
        }
    }
    let mut other = records.clone();
    for record in &mut other {
        if let Change::Certificate(record) = record {
            record.serial[0] ^= 1;
        }
    }
    let error = restore(other, &clock).unwrap_err().to_string();
    assert!(error.contains("serial number is another one"), "{error}");
}

#[test]
fn records_of_another_authority_of_the_same_name_are_refused() {
    let (records, clock) = records();
    let rng = &mut IssuerRng::from_seed(11, "another");
    let urls = AuthorityUrls::example("x");
    let another = Authority::create(AuthorityKind::Hcc, urls, start(), rng).unwrap();
    let carrier = authority(AuthorityKind::Carrier);
    let rng = IssuerRng::from_seed(12, "portal");
    let error = LocalPortal::restore(carrier, another, records, clock, rng).unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("key and store do not belong together"),
        "{told}"
    );
}

#[test]
fn the_json_of_each_record_is_as_documented() {
    let (records, _) = records();
    for record in &records {
        let json = serde_json::to_value(record).unwrap();
        assert_eq!(json["record"], record.table());
        let mut keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        let expected: &[&str] = match record {
            Change::Certificate(_) => &["authority", "certificate", "record", "serial"],
            Change::Revocation(_) => {
                assert_eq!(json["reason"], "certificateHold");
                &[
                    "authority",
                    "newest_crl",
                    "reason",
                    "record",
                    "serial",
                    "since",
                ]
            }
            Change::CrlNumber(_) => {
                assert_eq!(json["authority"], "hcc");
                assert_eq!(json["number"], 1);
                &["authority", "number", "record"]
            }
            Change::Card(_) => {
                assert_eq!(json["card_number"], record.key());
                assert_eq!(json["removed"], serde_json::json!([]));
                &[
                    "authentication_key",
                    "card_number",
                    "carrier_authentication",
                    "holder",
                    "record",
                    "removed",
                    "signature_key",
                ]
            }
            Change::Order(_) => {
                assert_eq!(json["id"], record.key());
                assert_eq!(json["state"], "issued");
                &[
                    "card_number",
                    "holder",
                    "id",
                    "nonce",
                    "number",
                    "pair",
                    "receipt_nonce",
                    "record",
                    "since",
                    "state",
                ]
            }
        };
        assert_eq!(keys, expected);
        assert!(record.key().len() <= 64);
        // A field nobody knows is not skipped in silence.
        let mut more = json.clone();
        more["more"] = serde_json::json!(1);
        assert!(serde_json::from_value::<Change>(more).is_err());
    }
}

#[test]
fn an_authority_s_key_and_certificate_belong_together() {
    let carrier = authority(AuthorityKind::Carrier);
    let hcc = authority(AuthorityKind::Hcc);
    let key = carrier.to_pkcs8_pem().unwrap();
    let openssl = support::OpenSsl::new();
    openssl.write("key.pem", key.as_bytes());
    let checked = openssl.must(&["pkey", "-in", "key.pem", "-noout", "-check"]);
    assert!(checked.contains("Key is valid"), "{checked}");
    let urls = || AuthorityUrls::example("x");
    let with = |key: &str, certificate: &[u8]| {
        Authority::from_pkcs8_pem(AuthorityKind::Carrier, key, certificate, urls())
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(with(&key, carrier.certificate_der()), Ok(()));
    let refused = |key: &str, certificate: &[u8], why: &str| {
        let error = with(key, certificate).unwrap_err();
        assert!(error.contains(why), "{error}");
    };
    refused(&key, hcc.certificate_der(), "for another key");
    refused(&key, &[0x30, 0x00], "not valid DER");
    refused("nonsense", carrier.certificate_der(), "not PKCS#8 PEM");
    let mut bench = Bench::new();
    bench.run(Operation::Enrol {
        card: 0,
        days_ago: 0,
    });
    refused(&key, &bench.certificates[0], "not an authority's");
}
