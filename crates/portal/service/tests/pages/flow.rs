//! The guide, from the log-in to the test page.

use std::time::Duration;

use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal::listener::Listener;
use kortlab_portal::operation::Operation;
use kortlab_portal_api::task::{Kind, Outcome, TaskResult, Work};
use kortlab_portal_core::Portal as _;

use crate::browser::{Browser, task_of};
use crate::card::{SoftCard, serial};
use crate::dom::Dom;
use crate::site::Site;

/// Ticks everything in the list, and has the card remove it.
fn remove_all(browser: &Browser<'_>, card: &SoftCard) -> Dom {
    let list = browser.open("/certificates");
    let serials = ticks(&list);
    let chosen: Vec<_> = serials.iter().map(|one| ("serial", one.as_str())).collect();
    let task = browser.submit(&list, "/certificates/remove", &chosen);
    browser.through_the_agent(&task, card)
}

/// The values of the boxes that can be ticked.
fn ticks(page: &Dom) -> Vec<String> {
    page.all("input")
        .filter(|one| one.attribute("type") == Some("checkbox"))
        .filter(|one| !one.around.contains(&"details".to_owned()))
        .map(|one| one.attribute("value").unwrap().to_owned())
        .collect()
}

fn states(page: &Dom) -> Vec<String> {
    page.elements
        .iter()
        .filter(|one| {
            let class = one.attribute("class").unwrap_or_default();
            class.split(' ').any(|one| one == "state")
        })
        .map(|one| one.text.clone())
        .collect()
}

#[test]
fn an_expired_card_goes_through_the_whole_guide() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let menu = browser.open("/menu");
    assert!(menu.text().contains("2 HCC behöver tas bort"));
    assert!(menu.text().contains(&card.number.to_string()));

    // Ta bort utgångna/spärrade HCC: one first, and the list is shown again.
    let list = browser.open("/certificates");
    let serials = ticks(&list);
    assert_eq!(serials.len(), 2);
    let task = browser.submit(&list, "/certificates/remove", &[("serial", &serials[0])]);
    assert_eq!(task.h1(), "Ta bort från kortet");
    let list = browser.through_the_agent(&task, &card);
    assert!(list.text().contains("1 certifikat har tagits bort"));
    assert_eq!(ticks(&list), [serials[1].clone()]);
    let list = remove_all(&browser, &card);
    assert_eq!(ticks(&list), Vec::<String>::new());
    assert!(
        list.text()
            .contains("Inget utgånget eller spärrat HCC är kvar")
    );
    assert_eq!(card.on_card.borrow().len(), 2);

    // Hämta nytt HCC.
    let fetch = browser.open("/fetch");
    let request = browser.submit(&fetch, "/fetch", &[]);
    assert_eq!(request.h1(), "Kontrollera uppgifterna");
    let name = card_holder(&request);
    assert!(menu.text().contains(&name), "{name}");
    let write = browser.through_the_agent(&request, &card);
    assert_eq!(write.h1(), "Skriv certifikaten till kortet");
    assert!(write.text().contains("Beställningen är godkänd"));
    assert!(states(&write).iter().all(|state| state.contains("vilande")));
    let receipt = browser.through_the_agent(&write, &card);
    assert_eq!(receipt.h1(), "Kvittera kort");
    let Work::Sign { text, .. } = task_of(&receipt).work else {
        panic!("no receipt");
    };
    let shown = receipt.all("pre").next().unwrap();
    assert_eq!(
        shown.text,
        text.split_whitespace().collect::<Vec<_>>().join(" "),
        "what is shown is what is signed"
    );
    let done = browser.through_the_agent(&receipt, &card);
    assert_eq!(done.h1(), "Kortet är kvitterat");
    assert_eq!(states(&done), ["Giltigt", "Giltigt"]);

    // Logga ut; the test page.
    let out = browser.submit(&done, "/log-out", &[]);
    assert_eq!(out.h1(), "Du är utloggad");
    assert!(!browser.cookies.borrow().contains_key("__Host-kortlab"));
    let test = browser.open("/test");
    let show = browser.submit(&test, "/test/show", &[]);
    let test = browser.through_the_agent(&show, &card);
    assert!(
        test.text()
            .contains("två blå och två rosa certifikat är giltiga")
    );
    let rows: Vec<_> = test
        .all("tr")
        .filter(|one| one.around.contains(&"tbody".to_owned()))
        .map(|one| one.attribute("class").unwrap().to_owned())
        .collect();
    assert_eq!(rows, ["blue", "blue", "pink", "pink"]);

    // Both trials.
    let sign = browser.submit(&test, "/test/sign", &[]);
    let test = browser.through_the_agent(&sign, &card);
    assert!(
        test.text().contains("Underskriften fungerar."),
        "{}",
        test.text()
    );
    let hcc = card.on_card.borrow().get(2).cloned();
    let trial = browser.at(Listener::Trial, "/", hcc.as_deref());
    assert_eq!(trial.status, 200, "{}", trial.body);
    assert!(trial.body.contains("Legitimeringen fungerar."));
}

/// The name in the data to check.
fn card_holder(page: &Dom) -> String {
    let cell = page.all("td").next().unwrap();
    cell.text.clone()
}

#[test]
fn an_interrupted_fetch_goes_on_with_the_same_certificates() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    // The page is asked for again: the same order.
    let again = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    let order = |page: &Dom| match task_of(page).work {
        Work::Request { order } => order.id,
        other => panic!("{other:?}"),
    };
    assert_eq!(order(&request), order(&again));
    let write = browser.through_the_agent(&again, &card);
    let pair = task_of(&write).work;

    // The browser is closed; the holder comes back a day later.
    site.clock.advance(Duration::from_secs(24 * 60 * 60));
    let browser = Browser::logged_in(&site, &card);
    let menu = browser.open("/menu");
    assert!(menu.text().contains("En hämtning är avbruten"));
    let write = browser.submit(&menu, "/fetch", &[]);
    assert_eq!(task_of(&write).work, pair, "the same two certificates");
    browser.through_the_agent(&write, &card);

    // Interrupted again, after writing: the receipt is offered on its own.
    let browser = Browser::logged_in(&site, &card);
    let receipt = browser.submit(&browser.open("/menu"), "/receipt", &[]);
    assert_eq!(receipt.h1(), "Kvittera kort");
    let done = browser.through_the_agent(&receipt, &card);
    assert_eq!(done.h1(), "Kortet är kvitterat");
    let menu = browser.open("/menu");
    assert!(!menu.text().contains("avbruten"));
}

#[test]
fn a_pair_that_is_missing_on_the_card_is_put_back() {
    let site = Site::new();
    let card = SoftCard::enrol(&site, "put back", &[10]);
    card.on_card.borrow_mut().truncate(2);
    let browser = Browser::logged_in(&site, &card);
    let page = browser.open("/put-back");
    let order = page
        .all("input")
        .find(|one| one.attribute("name") == Some("order"))
        .unwrap();
    assert_eq!(order.attribute("checked"), Some(""), "the only choice");
    let order = order.attribute("value").unwrap().to_owned();
    let write = browser.submit(&page, "/put-back", &[("order", &order)]);
    assert!(write.text().contains("redan giltiga"));
    let menu = browser.through_the_agent(&write, &card);
    assert_eq!(card.on_card.borrow().len(), 4);
    assert!(menu.text().contains("Ingen kvittens väntar"));
}

#[test]
fn a_pair_that_was_put_on_hold_is_not_put_back() {
    let site = Site::new();
    let card = SoftCard::enrol(&site, "on hold", &[10]);
    let browser = Browser::logged_in(&site, &card);
    let offers = |page: &Dom| {
        let inputs = page.all("input");
        inputs
            .filter(|one| one.attribute("name") == Some("order"))
            .count()
    };
    assert_eq!(offers(&browser.open("/put-back")), 1);
    let pair = card.on_card.borrow().split_at(2).1.to_vec();
    for certificate in pair {
        site.call(Operation::RevokeAtTheCounter, move |portal| {
            portal.revoke_at_the_counter(&certificate, RevocationReason::CertificateHold)
        });
    }
    assert_eq!(offers(&browser.open("/put-back")), 0);
}

#[test]
fn a_revoked_certificate_is_revoked_for_the_reason_that_was_chosen_and_then_removed() {
    let site = Site::new();
    let card = SoftCard::enrol(&site, "revoke", &[10]);
    let browser = Browser::logged_in(&site, &card);
    let page = browser.open("/revoke");
    let serials = ticks(&page);
    let mut fields = page.form("/revoke");
    fields.push(("serial".into(), serials[0].clone()));
    // Without a reason the same page comes again, with what was chosen.
    let answer = browser.post("/revoke", &fields);
    assert_eq!(answer.status, 422);
    let again = Dom::parse(&answer.body);
    let missing = again.by_id("missing").unwrap();
    assert!(missing.text.contains("Välj en orsak"), "{}", missing.text);
    // It has the focus, and its link leads to what is missing.
    assert!(missing.attribute("autofocus").is_some());
    let link = again.inside(missing).find(|one| one.name == "a").unwrap();
    assert_eq!(link.attribute("href"), Some("#reason"));
    let ticked = again.all("input").find(|one| {
        one.attribute("checked").is_some() && one.attribute("value") == Some(&serials[0])
    });
    assert!(ticked.is_some());

    fields.push(("reason".into(), "keyCompromise".into()));
    let confirm = Dom::parse(&browser.post("/revoke", &fields).body);
    assert_eq!(confirm.h1(), "Ska dessa HCC spärras?");
    assert!(confirm.text().contains("nyckel röjd"));
    let token = token(&browser);
    let list = move || {
        let token = token.clone();
        move |portal: &mut kortlab_portal_core::LocalPortal| portal.certificates(&token)
    };
    let before = site.call(Operation::Certificates, list());
    assert!(before.iter().all(|entry| entry.state.name() == "valid"));
    let page = browser.submit(&confirm, "/revoke/confirmed", &[]);
    assert!(page.text().contains("Certifikaten är spärrade"));
    let after = site.call(Operation::Certificates, list());
    let revoked: Vec<_> = after
        .iter()
        .filter(|entry| entry.state.name() == "revoked")
        .collect();
    assert_eq!(revoked.len(), 1);
    assert_eq!(
        revoked[0].state,
        kortlab_issuer::authority::CertificateState::Revoked(RevocationReason::KeyCompromise)
    );
    let list = remove_all(&browser, &card);
    assert_eq!(ticks(&list), Vec::<String>::new());
    assert_eq!(card.on_card.borrow().len(), 3);
}

/// The session's token, from the cookie.
fn token(browser: &Browser<'_>) -> kortlab_portal_core::SessionToken {
    let cookies = browser.cookies.borrow();
    kortlab_portal_core::SessionToken::from_text(&cookies["__Host-kortlab"]).unwrap()
}

#[test]
fn what_was_removed_can_be_removed_once_more_and_what_is_put_back_stays_in_sight() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let list = remove_all(&browser, &card);
    let gone: Vec<_> = list
        .all("input")
        .filter(|one| one.around.contains(&"details".to_owned()))
        .filter_map(|one| one.attribute("value"))
        .collect();
    assert_eq!(gone.len(), 3, "a form token and two certificates: {gone:?}");
}

#[test]
fn cancelling_changes_nothing_and_failing_asks_again() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    let task = task_of(&request);
    let failed = TaskResult::of(&task, Outcome::Failed, "PIN fel: 2 försök kvar <b>");
    let answer = browser.come_back(&task, &failed);
    let request = browser.open(answer.location());
    assert!(
        request.text().contains("PIN fel: 2 försök kvar <b>"),
        "escaped"
    );
    assert_ne!(task_of(&request).id, task.id, "a new task");
    assert_eq!(task_of(&request).work, task.work, "the same work");

    let task = task_of(&request);
    let cancelled = TaskResult::of(&task, Outcome::Cancelled, "");
    let answer = browser.come_back(&task, &cancelled);
    let menu = browser.open(answer.location());
    assert!(menu.text().contains("Du avbröt"));
    // Told once.
    assert!(!browser.open("/menu").text().contains("Du avbröt"));
    // And nothing waits any more.
    assert_eq!(browser.get("/task").location(), "/menu");
}

#[test]
fn half_a_pair_on_the_card_is_written_again() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    let write = browser.through_the_agent(&request, &card);
    let task = task_of(&write);
    let Work::Write { authentication, .. } = &task.work else {
        panic!("{task:?}");
    };
    let done = kortlab_portal_api::task::Done::Written {
        serials: vec![serial(authentication.as_bytes())],
    };
    let half = TaskResult::of(&task, Outcome::Done(done), "");
    let answer = browser.come_back(&task, &half);
    let again = browser.open(answer.location());
    assert_eq!(task_of(&again).work.kind(), Kind::Write);
    assert!(again.text().contains("Bara en del"));
}

#[test]
fn until_the_receipt_is_signed_the_test_page_says_not_yet_valid() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    remove_all(&browser, &card);
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    let write = browser.through_the_agent(&request, &card);
    browser.through_the_agent(&write, &card);
    let show = browser.submit(&browser.open("/test"), "/test/show", &[]);
    let test = browser.through_the_agent(&show, &card);
    let waiting = states(&test)
        .iter()
        .filter(|state| *state == "Ännu inte giltigt: vilande, kvittera kortet")
        .count();
    assert_eq!(waiting, 2);
    assert!(test.text().contains("Logga in och kvittera kortet"));
    assert!(!test.text().contains("Allt är som det ska"));
}

#[test]
fn hccs_that_the_portal_has_not_issued_do_not_count_on_the_test_page() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    remove_all(&browser, &card);
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    let write = browser.through_the_agent(&request, &card);
    let receipt = browser.through_the_agent(&write, &card);
    browser.through_the_agent(&receipt, &card);
    let shown = || {
        let show = browser.submit(&browser.open("/test"), "/test/show", &[]);
        browser.through_the_agent(&show, &card)
    };
    assert!(shown().text().contains("Allt är som det ska"));
    let good = card.on_card.borrow().clone();
    for (damaged, says, pink) in [
        (
            &[2][..],
            "Ett certifikat på kortet är inte utfärdat av portalen.",
            1,
        ),
        (
            &[2, 3],
            "2 certifikat på kortet är inte utfärdade av portalen.",
            0,
        ),
    ] {
        card.on_card.borrow_mut().clone_from(&good);
        for &place in damaged {
            *card.on_card.borrow_mut()[place].last_mut().unwrap() ^= 1;
        }
        let test = shown();
        let text = test.text();
        assert!(!text.contains("Allt är som det ska"), "{text}");
        let count = format!("Giltiga certifikat: 2 blå och {pink} rosa.");
        assert!(text.contains(&count), "{text}");
        assert!(text.contains(says), "{text}");
        let states = states(&test);
        let unknown = states.iter().filter(|state| *state == "Okänt").count();
        assert_eq!(unknown, damaged.len(), "{states:?}");
        assert_eq!(states.len(), 4);
    }
    // Beside four good ones it is said as well.
    card.on_card.borrow_mut().clone_from(&good);
    let mut fifth = good[3].clone();
    *fifth.last_mut().unwrap() ^= 1;
    card.on_card.borrow_mut().push(fifth);
    let text = shown().text();
    assert!(!text.contains("Allt är som det ska"), "{text}");
    assert!(text.contains("2 blå och 2 rosa."), "{text}");
    assert!(text.contains("Det räknas inte som giltigt."), "{text}");
}

#[test]
fn the_session_ends_by_itself_and_an_order_is_not_lost() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let answer = browser.get("/menu");
    assert_eq!(answer.headers["refresh"], "601;url=/session-over");
    assert!(answer.body.contains("om 10 minuter"));
    // Another page was opened meanwhile: the browser is still logged in.
    assert_eq!(browser.get("/session-over").location(), "/menu");
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    let task = task_of(&request);
    site.clock.advance(Duration::from_secs(601));
    let over = browser.open("/session-over");
    assert_eq!(over.h1(), "Du har loggats ut");
    assert!(!browser.cookies.borrow().contains_key("__Host-kortlab"));
    assert_eq!(browser.get("/menu").location(), "/session-over");
    let result = card.carry_out(&site, &task);
    assert_eq!(browser.come_back(&task, &result).status, 410);

    let browser = Browser::logged_in(&site, &card);
    let again = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    assert_eq!(task_of(&again).work, task.work, "the same order");
}

#[test]
fn the_pages_speak_the_language_that_was_chosen() {
    let (site, card) = Site::with_an_expired_card();
    let mut browser = Browser::new(&site);
    browser.language = "en-GB, sv;q=0.5";
    let page = browser.open("/");
    assert_eq!(
        page.all("html").next().unwrap().attribute("lang"),
        Some("en")
    );
    assert_eq!(page.h1(), "Renew the certificates on your staff card");
    let page = browser.open("/?lang=sv");
    assert_eq!(
        page.h1(),
        "Förnya certifikaten på ditt e\u{2011}tjänstekort"
    );
    // The choice lasts, also on the other listeners.
    let refused = browser.log_in(None);
    assert!(Dom::parse(&refused.body).h1().contains("Inget certifikat"));
    browser.log_in(Some(&card.carrier.authentication));
    browser.open("/menu?lang=en");
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    assert_eq!(request.h1(), "Check the data");
    // The task is in the same language, and so is what comes of it.
    assert_eq!(task_of(&request).language.tag(), "en");
    let write = browser.through_the_agent(&request, &card);
    assert!(write.text().contains("The order is approved"));
}
