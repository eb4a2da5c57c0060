//! What is written can be read again, and is the same.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::OnceLock;

use kortlab_issuer::authority::{AuthorityKind, CertificateState};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::{FixedClock, Timestamp};
use kortlab_issuer::holder::Holder;
use kortlab_issuer::inspect::{CertificateSummary, Purpose};
use kortlab_issuer::random::IssuerRng;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_api::certificates::{HccList, RevocationRequest};
use kortlab_portal_api::orders::{ApprovalRequest, OrderBody, PairBody, ReceiptBody};
use kortlab_portal_api::session::NewSession;
use kortlab_portal_api::task::{
    Done, Language, Outcome, ReturnTo, SignPurpose, Task, TaskId, TaskResult, Work,
};
use kortlab_portal_api::test_page::{TestPage, TestPageRequest};
use kortlab_portal_api::{Binary, Problem, Serial, limits, parse};
use kortlab_portal_core::{
    Approval, HccEntry, IssuedPair, LocalPortal, Order, OrderState, PortalError, Receipt, Session,
    SessionToken, TestPageRow,
};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A certificate that can be read: an authority's own.
fn certificate() -> Vec<u8> {
    static MADE: OnceLock<Vec<u8>> = OnceLock::new();
    MADE.get_or_init(|| {
        let clock = FixedClock::at(Timestamp::from_unix_seconds(1_795_478_400));
        let portal = LocalPortal::create(clock, IssuerRng::from_seed(1, "wire")).unwrap();
        portal.hcc_authority().certificate_der().to_vec()
    })
    .clone()
}

/// Through JSON and back.
fn through_json<T: Serialize + DeserializeOwned>(body: &T) -> T {
    let json = serde_json::to_vec(body).unwrap();
    parse("the example", &json, limits::ANSWER).unwrap()
}

fn states() -> Vec<CertificateState> {
    let revoked = RevocationReason::ALL.map(CertificateState::Revoked);
    [
        CertificateState::OnHold,
        CertificateState::NotYetValid,
        CertificateState::Valid,
        CertificateState::Expired,
    ]
    .into_iter()
    .chain(revoked)
    .collect()
}

fn line() -> impl Strategy<Value = String> {
    "[^\\pC]{1,40}"
}

prop_compose! {
    fn holder()(seed: u64, given_name in line(), surname in line(), organisation in line(), county in line()) -> Holder {
        Holder {
            given_name,
            surname,
            organisation,
            county,
            ..Holder::generate(&mut IssuerRng::from_seed(seed, "wire"))
        }
    }
}

fn card_number() -> impl Strategy<Value = CardNumber> {
    any::<u64>().prop_map(|seed| CardNumber::generate(&mut IssuerRng::from_seed(seed, "wire")))
}

prop_compose! {
    fn order()(
        id: [u8; 16],
        nonce: [u8; 16],
        state in prop::sample::select(&OrderState::ALL[..]),
        card_number in card_number(),
        holder in holder(),
    ) -> Order {
        let id = hex::encode(id).parse().unwrap();
        Order { id, state, card_number, holder, nonce }
    }
}

fn document() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..200)
}

fn binary() -> impl Strategy<Value = Binary> {
    document().prop_map(Binary::from)
}

fn serials() -> impl Strategy<Value = Vec<Serial>> {
    prop::collection::btree_set(
        prop::collection::vec(any::<u8>(), 1..=limits::SERIAL),
        1..20,
    )
    .prop_map(|set| {
        set.iter()
            .map(|bytes| Serial::new(bytes).unwrap())
            .collect()
    })
}

fn work() -> impl Strategy<Value = Work> {
    let purpose = prop::sample::select(&[SignPurpose::Receipt, SignPurpose::Trial][..]);
    prop_oneof![
        Just(Work::Show),
        serials().prop_map(|serials| Work::Remove { serials }),
        order().prop_map(|order| Work::Request {
            order: Box::new(order)
        }),
        (binary(), binary()).prop_map(|(authentication, signature)| Work::Write {
            authentication,
            signature
        }),
        ("[^\\pC]{1,30}\n[^\\pC]{0,30}", purpose)
            .prop_map(|(text, purpose)| Work::Sign { text, purpose }),
    ]
}

prop_compose! {
    fn task()(
        id: [u8; 32],
        port: u16,
        card_number in prop::option::of(card_number()),
        english: bool,
        work in work(),
    ) -> Task {
        let id = TaskId::new(id);
        Task {
            id,
            return_to: ReturnTo::parse(&format!("https://localhost:{port}/task/{}", id.expose())).unwrap(),
            card_number,
            language: if english { Language::English } else { Language::Swedish },
            work,
        }
    }
}

fn done() -> impl Strategy<Value = Done> {
    prop_oneof![
        prop::collection::vec(binary(), 0..5).prop_map(|certificates| Done::Shown { certificates }),
        serials().prop_map(|serials| Done::Removed { serials }),
        approval().prop_map(|approval| Done::requested(&approval)),
        serials().prop_map(|serials| Done::Written { serials }),
        binary().prop_map(|signed| Done::Signed { signed }),
    ]
}

prop_compose! {
    fn approval()(a in document(), b in document(), c in document()) -> Approval {
        Approval { authentication_request: a, signature_request: b, signed_approval: c }
    }
}

proptest! {
    #[test]
    fn orders_come_back(order in order()) {
        let again = Order::try_from(through_json(&OrderBody::from(&order)));
        prop_assert_eq!(again, Ok(order));
    }

    #[test]
    fn approvals_and_pairs_come_back(approval in approval(), id: [u8; 16]) {
        let again = Approval::from(through_json(&ApprovalRequest::from(&approval)));
        prop_assert_eq!(&again.authentication_request, &approval.authentication_request);
        prop_assert_eq!(&again.signature_request, &approval.signature_request);
        prop_assert_eq!(&again.signed_approval, &approval.signed_approval);
        let pair = IssuedPair {
            order: hex::encode(id).parse().unwrap(),
            authentication: approval.authentication_request,
            signature: approval.signature_request,
        };
        let again = IssuedPair::try_from(through_json(&PairBody::from(&pair)));
        prop_assert_eq!(again, Ok(pair));
    }

    #[test]
    fn sessions_come_back(token: [u8; 32], card_number in card_number(), holder in holder(), ends in 0_u64..4_000_000_000) {
        let session = Session {
            token: SessionToken::from_text(&hex::encode(token)).unwrap(),
            card_number,
            holder,
            ends: Timestamp::from_unix_seconds(ends),
        };
        let body = NewSession::from(&session);
        let debug = format!("{body:?}");
        prop_assert!(!debug.contains(session.token.expose()));
        let again = Session::try_from(through_json(&body)).unwrap();
        prop_assert_eq!(again.token, session.token);
        prop_assert_eq!(again.card_number, session.card_number);
        prop_assert_eq!(again.holder, session.holder);
        prop_assert_eq!(again.ends, session.ends);
    }

    #[test]
    fn receipts_come_back(id: [u8; 16], text in "([^\\pC]{0,40}\n){1,12}") {
        let receipt = Receipt { order: hex::encode(id).parse().unwrap(), text };
        let again = Receipt::try_from(through_json(&ReceiptBody::from(&receipt)));
        prop_assert_eq!(again, Ok(receipt));
    }

    #[test]
    fn tasks_come_back(task in task()) {
        let json = task.to_json();
        prop_assert!(!json.contains('\n'));
        let again = Task::parse(&json);
        prop_assert_eq!(again.as_ref(), Ok(&task));
        let debug = format!("{task:?}");
        prop_assert!(!debug.contains(&task.id.expose()));
    }

    #[test]
    fn results_come_back(task in task(), done in done(), message in "[^\\pC]{0,60}", end in 0..3) {
        let outcome = match end {
            0 => Outcome::Cancelled,
            1 => Outcome::Failed,
            _ => Outcome::Done(done.clone()),
        };
        let mut result = TaskResult::of(&task, outcome, message);
        if let Outcome::Done(done) = &result.outcome {
            result.kind = done.kind();
        }
        let again = TaskResult::parse(&result.to_json());
        prop_assert_eq!(again.as_ref(), Ok(&result));
        prop_assert_eq!(result.answers(&task), result.kind == task.work.kind());
    }

    #[test]
    fn any_text_is_read_or_refused_in_one_short_line(text in "\\PC{0,200}") {
        for error in [Task::parse(&text).err(), TaskResult::parse(&text).err()].into_iter().flatten() {
            let said = error.to_string();
            prop_assert!(said.len() < 1000 && !said.chars().any(char::is_control), "{}", said);
        }
    }

    /// The likeliest hostile task is a good one with something changed.
    #[test]
    fn a_task_with_a_byte_changed_is_read_or_refused_in_one_short_line(
        task in task(),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let mut bytes = task.to_json().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let text = String::from_utf8_lossy(&bytes);
        if let Err(error) = Task::parse(&text) {
            let said = error.to_string();
            prop_assert!(said.len() < 1000 && !said.chars().any(char::is_control), "{}", said);
        }
    }
}

#[test]
fn lists_and_test_pages_come_back_in_every_state() {
    let certificate = certificate();
    let summary = CertificateSummary::from_der(&certificate).unwrap();
    let entries: Vec<_> = states()
        .into_iter()
        .enumerate()
        .map(|(index, state)| HccEntry {
            certificate: certificate.clone(),
            summary: summary.clone(),
            state,
            order: "00112233445566778899aabbccddeeff".parse().unwrap(),
            removed: index % 2 == 0,
        })
        .collect();
    let list = through_json(&HccList::from(entries.as_slice()));
    assert_eq!(Vec::<HccEntry>::try_from(list).unwrap(), entries);

    let rows: Vec<_> = entries
        .into_iter()
        .map(|entry| TestPageRow {
            certificate: entry.certificate,
            summary: entry.summary,
            state: entry.state,
            known: entry.removed,
        })
        .collect();
    let page = through_json(&TestPage::from(rows.as_slice()));
    assert_eq!(Vec::<TestPageRow>::try_from(page).unwrap(), rows);
}

#[test]
fn a_test_page_has_a_limit() {
    let request = |count: usize| {
        let certificates = vec![vec![1_u8]; count];
        let json = serde_json::to_vec(&TestPageRequest::from(certificates.as_slice())).unwrap();
        parse::<TestPageRequest>("the request", &json, limits::REQUEST)
    };
    let read: Vec<Vec<u8>> = request(limits::CERTIFICATES).unwrap().into();
    assert_eq!(read.len(), limits::CERTIFICATES);
    let error = request(limits::CERTIFICATES + 1).unwrap_err().to_string();
    assert!(error.starts_with("the request, certificates"), "{error}");
}

#[test]
fn every_reason_to_revoke_comes_back_and_no_other_is_taken() {
    for reason in RevocationReason::ALL {
        let request = through_json(&RevocationRequest::from(reason));
        assert_eq!(request.reason(), Ok(reason));
    }
    let unknown = br#"{"reason":"boredom"}"#;
    let unknown: RevocationRequest = parse("the request", unknown, 100).unwrap();
    assert!(unknown.reason().is_err());
}

#[test]
fn refusals_come_back_as_themselves() {
    let [expected, found] =
        [1, 2].map(|seed| CardNumber::generate(&mut IssuerRng::from_seed(seed, "wire")));
    let issuer = "TEST SITHS Type 1 CA v1".to_owned();
    let mut errors = vec![
        PortalError::HccLogIn {
            issuer: issuer.clone(),
        },
        PortalError::NotForLogIn,
        PortalError::UnknownCertificate { issuer },
        PortalError::LogInSignature,
        PortalError::SessionOver,
        PortalError::WrongCard { expected, found },
        PortalError::UnknownOrder,
        PortalError::OrderReplayed,
        PortalError::OrderLapsed,
        PortalError::OrderNotIssued,
        PortalError::ForeignKey {
            purpose: Purpose::Signature,
        },
        PortalError::ReceiptReplayed,
        PortalError::RemovedFromCard,
        PortalError::UnknownHcc {
            serial: "0A".to_owned(),
        },
        PortalError::AlreadyEnrolled(expected),
        PortalError::UnknownCard(found),
    ];
    errors.extend(states().into_iter().flat_map(|state| {
        [
            PortalError::CertificateNotUsable {
                authority: AuthorityKind::Carrier,
                state,
            },
            PortalError::CertificateNotUsable {
                authority: AuthorityKind::Hcc,
                state,
            },
            PortalError::CardNotUsable { state },
        ]
    }));
    for what in ["approval", "receipt", "message"] {
        errors.push(PortalError::SignedWithAuthenticationKey { what });
        errors.push(PortalError::SignedWithForeignKey { what });
        errors.push(PortalError::OtherContent { what });
    }
    for error in errors {
        let problem = through_json(&Problem::from(&error));
        assert!((400..500).contains(&problem.status), "{error}");
        let again = problem.into_error();
        assert!(!matches!(again, PortalError::Remote { .. }), "{error}");
        assert_eq!(again.code(), error.code());
        assert_eq!(again.to_string(), error.to_string());
        assert_eq!(again.swedish(), error.swedish());
    }
}

#[test]
fn a_refusal_nobody_knows_is_told_in_its_own_words() {
    for (code, json) in [
        (
            "new",
            r#"{"code":"new","detail":"Words.","swedish":"Ord."}"#,
        ),
        // Known, but a value is missing or makes no sense.
        ("wrong-card", r#"{"code":"wrong-card","detail":"Words."}"#),
        (
            "certificate-not-usable",
            r#"{"code":"certificate-not-usable","detail":"Words.","state":"revoked","reason":"x"}"#,
        ),
    ] {
        let problem: Problem = parse("the answer", json.as_bytes(), 1000).unwrap();
        let error = problem.into_error();
        assert!(matches!(error, PortalError::Remote { .. }), "{code}");
        assert_eq!(error.code(), code);
        assert_eq!(error.to_string(), "Words.");
    }
}

#[test]
fn a_refusal_stays_short_and_in_one_line_whatever_the_server_writes() {
    let long = "\\u001b[2J\\n".repeat(10_000);
    for json in [
        format!(r#"{{"code":"new","detail":"{long}","swedish":"{long}"}}"#),
        format!(r#"{{"code":"{long}","detail":""}}"#),
        format!(r#"{{"code":"hcc-log-in","detail":"","issuer":"{long}"}}"#),
        format!(r#"{{"code":"unknown-hcc","detail":"","serial":"{long}"}}"#),
    ] {
        let problem: Problem = parse("the answer", json.as_bytes(), limits::ANSWER).unwrap();
        let error = problem.into_error();
        let swedish = error.swedish().unwrap_or_default();
        for said in [error.to_string(), error.code().to_owned(), swedish] {
            assert!(said.len() < 1000, "{}", said.len());
            assert!(!said.chars().any(char::is_control));
        }
    }
}

#[test]
fn an_error_in_a_task_names_the_field() {
    let task = |fields: &str| {
        let id = "0".repeat(64);
        let json = format!(
            r#"{{"id":"{id}","return_to":"https://localhost/task/{id}","language":"sv",{fields}}}"#
        );
        Task::parse(&json).map(|task| task.work)
    };
    assert_eq!(task(r#""kind":"show""#), Ok(Work::Show));
    for (fields, said) in [
        (r#""kind":"eat""#, "the task, kind: "),
        (r#""kind":"remove""#, "the task, serials: it is missing"),
        (
            r#""kind":"remove","serials":[]"#,
            "the task, serials: 0 of them",
        ),
        (
            r#""kind":"remove","serials":["0A","0a"]"#,
            "the task, serials[1]: it is there already",
        ),
        (
            r#""kind":"remove","serials":["0A","x"]"#,
            "the task, serials[1]: a serial number",
        ),
        (
            r#""kind":"show","serials":["0A"]"#,
            "the task, serials: it does not belong",
        ),
        (
            r#""kind":"show","extra":1"#,
            "the task, extra: unknown field",
        ),
        (
            r#""kind":"show","card_number":"1""#,
            "the task, card_number: a card number has 19",
        ),
        (
            r#""kind":"sign","text":"a\u0007","purpose":"trial""#,
            "the task, text: it has the control",
        ),
        (
            r#""kind":"sign","text":"a""#,
            "the task, purpose: it is missing",
        ),
        (
            r#""kind":"write","certificates":{"authentication":"AA=="}"#,
            "the task, certificates",
        ),
        (
            r#""kind":"show","kind":"show""#,
            "the task, the document: duplicate field `kind`",
        ),
    ] {
        let error = task(fields).unwrap_err().to_string();
        assert!(error.starts_with(said), "{fields}: {error}");
    }
    let long = Task::parse(&" ".repeat(limits::TASK + 1)).unwrap_err();
    assert!(long.to_string().contains("at most"));
}
