//! Results of tasks that are refused: replayed, foreign, wrong, late.

use std::time::Duration;

use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal::failures::{FailureKind, Plan};
use kortlab_portal::operation::Operation;
use kortlab_portal_api::task::{Done, Outcome, TaskId, TaskResult, Work};

use crate::browser::{Browser, task_of};
use crate::card::SoftCard;
use crate::dom::Element;
use crate::refusals::page;
use crate::site::{AGENT, Answer, ORIGIN, Site};

#[test]
fn a_result_is_taken_once_and_only_for_the_task_it_belongs_to() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    let task = task_of(&request);
    let over = |answer: Answer| {
        assert_eq!(answer.status, 410);
        assert!(
            page(&answer)
                .h1()
                .contains("hör inte till något som väntar")
        );
    };
    // Never given, and no id at all.
    let mut unknown = task.clone();
    unknown.id = TaskId::new([7; 32]);
    let address = |id: &str| format!("/task/{id}");
    over(browser.post_from(Some(AGENT), &address(&unknown.id.expose()), &[]));
    over(browser.post_from(Some(AGENT), "/task/6fd1", &[]));
    // From another origin than the agent's.
    let result = card.carry_out(&site, &task);
    let fields = [("result".to_owned(), result.to_json())];
    let foreign = browser.post_from(
        Some("https://evil.example"),
        &address(&task.id.expose()),
        &fields,
    );
    assert_eq!(foreign.status, 403);
    // By a browser that somebody else is logged in with.
    let other = SoftCard::enrol(&site, "other", &[]);
    let theirs = Browser::logged_in(&site, &other);
    over(theirs.post_from(Some(AGENT), &address(&task.id.expose()), &fields));
    // Of another kind, and no result at all: the task goes on waiting.
    let cancelled = TaskResult::of(&task, Outcome::Cancelled, "");
    let mut wrong = cancelled.clone();
    wrong.kind = kortlab_portal_api::task::Kind::Show;
    assert_eq!(browser.come_back(&task, &wrong).status, 400);
    let nonsense = [("result".to_owned(), "{".to_owned())];
    let answer = browser.post_from(Some(AGENT), &address(&task.id.expose()), &nonsense);
    assert_eq!(answer.status, 400);
    page(&answer);
    assert_eq!(browser.come_back(&task, &result).status, 303);
    over(browser.come_back(&task, &result));
    // A task that another one has taken the place of.
    let first = task_of(&browser.submit(&browser.open("/menu"), "/fetch", &[]));
    browser.submit(&browser.open("/menu"), "/fetch", &[]);
    over(browser.come_back(&first, &TaskResult::of(&first, Outcome::Cancelled, "")));
    // And one that is too old.
    let last = task_of(&browser.submit(&browser.open("/test"), "/test/show", &[]));
    site.clock.advance(Duration::from_secs(601));
    over(browser.come_back(&last, &card.carry_out(&site, &last)));
}

#[test]
fn what_is_refused_after_the_agent_is_said_in_the_language_that_was_chosen() {
    for (asked, chosen, over, reported, start) in [
        (
            "en",
            "sv",
            "Svaret hör inte till något som väntar",
            "Ett av kortutgivarens certifikat på kortet är vilande.",
            "Till startsidan",
        ),
        (
            "sv",
            "en",
            "The answer belongs to nothing that waits",
            "A carrier certificate of this card is on hold now, and the session has ended",
            "To the start page",
        ),
    ] {
        let (site, card) = Site::with_an_expired_card();
        let mut browser = Browser::new(&site);
        browser.language = asked;
        browser.open(&format!("/?lang={chosen}"));
        browser.log_in(Some(&card.carrier.authentication));
        let task = task_of(&browser.submit(&browser.open("/fetch"), "/fetch", &[]));
        let result = card.carry_out(&site, &task);
        let in_the_language = |answer: &Answer| {
            let shown = page(answer);
            let language = shown.all("html").next().unwrap().attribute("lang");
            assert_eq!(language, Some(chosen), "{}", answer.body);
            shown
        };
        // Of another kind, from another origin, and of a task that nobody has given.
        let mut wrong = result.clone();
        wrong.kind = kortlab_portal_api::task::Kind::Show;
        let answer = browser.come_back(&task, &wrong);
        assert_eq!(answer.status, 400);
        in_the_language(&answer);
        let address = task.return_to.expose().strip_prefix(ORIGIN).unwrap();
        let foreign = browser.post_from(Some("https://evil.example"), address, &[]);
        assert_eq!(foreign.status, 403);
        in_the_language(&foreign);
        let address = address.replace(&*task.id.expose(), &"07".repeat(32));
        let unknown = browser.post_from(Some(AGENT), &address, &[]);
        assert_eq!(unknown.status, 410);
        assert_eq!(in_the_language(&unknown).h1(), over);

        // The card is put on hold: the session is over, and so is its menu.
        let certificate = card.carrier.authentication.clone();
        site.call(Operation::RevokeAtTheCounter, move |portal| {
            portal.revoke_at_the_counter(&certificate, RevocationReason::CertificateHold)
        });
        let answer = browser.come_back(&task, &result);
        assert_eq!(answer.status, 403);
        assert!(
            !answer
                .headers
                .get_all("set-cookie")
                .iter()
                .any(|cookie| { cookie.to_str().unwrap().contains("kortlab-language") }),
            "what is posted chooses no language"
        );
        let shown = in_the_language(&answer);
        let text = shown.text();
        assert!(text.contains(reported), "{text}");
        assert!(text.contains(start) && !text.contains("on-hold"), "{text}");
        let to_the_menu = |one: &Element| {
            let leads = one.attribute("href");
            leads.is_some_and(|leads| leads.ends_with("/menu"))
        };
        assert!(!shown.all("a").any(to_the_menu), "{}", answer.body);
        // It is still there where the session goes on.
        assert!(page(&unknown).all("a").any(to_the_menu), "{}", unknown.body);
    }
}

#[test]
fn another_card_and_another_key_are_refused_and_asked_for_again() {
    let (site, card) = Site::with_an_expired_card();
    let other = SoftCard::enrol(&site, "wrong card", &[]);
    let browser = Browser::logged_in(&site, &card);
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    let task = task_of(&request);
    let Work::Request { order } = &task.work else {
        panic!("{task:?}");
    };
    // The other card's requests, for this order.
    let mut theirs = task.clone();
    theirs.card_number = Some(other.number);
    let result = other.carry_out(&site, &theirs);
    let answer = browser.come_back(&task, &result);
    let again = browser.open(answer.location());
    assert!(
        again.text().contains(&format!("kort {}", other.number)),
        "{}",
        again.text()
    );
    assert_eq!(again.h1(), "Kontrollera uppgifterna");
    let Work::Request { order: same } = task_of(&again).work else {
        panic!("no request");
    };
    assert_eq!(order.id, same.id);

    // The receipt by the authentication key.
    let write = browser.through_the_agent(&again, &card);
    let receipt = browser.through_the_agent(&write, &card);
    let task = task_of(&receipt);
    let Work::Sign { text, .. } = &task.work else {
        panic!("{task:?}");
    };
    let signed = card
        .authentication
        .sign_text(&site, text, &card.carrier.authentication);
    let done = Done::Signed {
        signed: signed.into(),
    };
    let result = TaskResult::of(&task, Outcome::Done(done), "");
    let answer = browser.come_back(&task, &result);
    let again = browser.open(answer.location());
    assert!(
        again
            .text()
            .contains("Signera med PIN\u{2011}koden för underskrift")
    );
    assert_eq!(
        browser.through_the_agent(&again, &card).h1(),
        "Kortet är kvitterat"
    );
}

#[test]
fn a_receipt_that_somebody_signed_meanwhile_is_told_of_as_such() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    let write = browser.through_the_agent(&request, &card);
    let receipt = browser.through_the_agent(&write, &card);
    let elsewhere = Browser::logged_in(&site, &card);
    let same = elsewhere.submit(&elsewhere.open("/menu"), "/receipt", &[]);
    elsewhere.through_the_agent(&same, &card);
    let menu = browser.through_the_agent(&receipt, &card);
    assert!(
        menu.text().contains("Kortet är redan kvitterat"),
        "{}",
        menu.text()
    );
}

#[test]
fn a_failure_that_passes_leaves_the_task_waiting() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    let task = task_of(&request);
    let result = card.carry_out(&site, &task);
    let plan = Plan {
        kind: FailureKind::Status500,
        operation: Some(Operation::Approve),
        times: Some(1),
    };
    site.app.service().failures().plan(plan).unwrap();
    let answer = browser.come_back(&task, &result);
    assert_eq!(answer.status, 500);
    assert_eq!(page(&answer).h1(), "Något gick fel hos oss");
    // The browser sends the same form once more.
    let answer = browser.come_back(&task, &result);
    assert_eq!(answer.status, 303, "{}", answer.body);
}
