//! The agent's pages before axe-core: on a laptop, on a phone, and in dark colours.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::Path;
use std::sync::OnceLock;

use kortlab_apdu::Protocol;
use kortlab_interop::axe::{self, Look};
use kortlab_issuer::inspect::{CertificateSummary, Colour, Purpose};
use kortlab_portal_api::Serial;
use kortlab_portal_api::task::{Language, SignPurpose, Work};
use kortlab_portal_core::{Portal as _, TRIAL_TEXT};
use kortlab_renewal::states::CardState;
use support::{Answer, Lab, SIGNATURE_PIN, form};

fn sign(text: &str, purpose: SignPurpose) -> Work {
    Work::Sign {
        text: text.to_owned(),
        purpose,
    }
}

/// A page of each kind, by name.
fn pages(language: Language) -> Vec<(String, Answer)> {
    let mut lab = Lab::new(CardState::Expired, Protocol::T1);
    let session = lab.log_in();
    let order = lab.world.portal.order(&session.token).unwrap();
    let mut renamed = order.clone();
    renamed.holder.surname = "Nygift".to_owned();
    let serials = [Purpose::Authentication, Purpose::Signature].map(|purpose| {
        let der = lab.certificate(Colour::Pink, purpose);
        Serial::new(&CertificateSummary::from_der(&der).unwrap().serial).unwrap()
    });
    let mut absent = serials.to_vec();
    absent.push(Serial::new(&[0x11; 8]).unwrap());
    let begin = |work: Work| {
        let mut task = lab.task(work);
        task.language = language;
        lab.begin(&task)
    };
    let trial = begin(sign(TRIAL_TEXT, SignPurpose::Trial));
    let wrong = [("action", "do"), ("pin-sign", "000000")];
    let right = [("action", "do"), ("pin-sign", SIGNATURE_PIN)];
    let named = [
        ("show", begin(Work::Show)),
        ("remove", begin(Work::Remove { serials: absent })),
        (
            "request",
            begin(Work::Request {
                order: Box::new(order),
            }),
        ),
        (
            "other data",
            begin(Work::Request {
                order: Box::new(renamed),
            }),
        ),
        ("wrong PIN", lab.go_on(&trial, &wrong)),
        ("done", lab.go_on(&trial, &right)),
        ("trial", trial),
        (
            "not understood",
            begin(sign("Kvittens / Receipt\n\u{202e}", SignPurpose::Receipt)),
        ),
        ("home", lab.request("GET", "/", &[], b"")),
        (
            "refused",
            lab.post("/task", &[], &form(&[("task", "nonsense")])),
        ),
    ];
    let tag = language.tag();
    named
        .into_iter()
        .map(|(name, page)| (format!("{name} ({tag})"), page))
        .collect()
}

/// The pages in both languages, made once for all tests.
fn all_pages() -> &'static [(String, Answer)] {
    static PAGES: OnceLock<Vec<(String, Answer)>> = OnceLock::new();
    PAGES.get_or_init(|| {
        let languages = [Language::Swedish, Language::English];
        let made: Vec<_> = languages.into_iter().flat_map(pages).collect();
        // For whoever wants to look at them.
        if let Some(directory) = std::env::var_os("KORTLAB_PAGES") {
            for (name, page) in &made {
                let path = Path::new(&directory).join(format!("agent {name}.html"));
                std::fs::write(path, &page.body).unwrap();
            }
        }
        made
    })
}

#[test]
fn axe_finds_no_violation_on_any_page_of_the_agent() {
    let pages = all_pages();
    let fields = pages
        .iter()
        .filter(|(_, page)| page.body.contains("type=\"password\""));
    assert!(fields.count() >= 10, "the pages are those that were meant");
    let pages: Vec<_> = pages
        .iter()
        .map(|(name, page)| (name.as_str(), page.body.as_str()))
        .collect();
    let style = include_str!("../assets/agent.css");
    for look in Look::ALL {
        let found = axe::violations(&pages, style, look).unwrap();
        assert_eq!(found, Vec::<String>::new(), "{look:?}");
    }
}

#[test]
fn the_first_field_for_a_pin_has_the_keyboard_and_only_one_does() {
    for (name, page) in all_pages() {
        let focused = page.body.matches(" autofocus").count();
        let has_form = page.body.contains("<form");
        let is_stopped = page.body.contains("role=\"alert\"") && !page.body.contains("password");
        assert_eq!(focused, usize::from(has_form && !is_stopped), "{name}");
        if let Some(field) = page.body.find("<input type=\"password\"") {
            let (_, rest) = page.body.split_at(field);
            let (first, _) = rest.split_once('>').unwrap();
            assert!(first.contains(" autofocus"), "{name}: {first}");
        }
    }
}
