//! Many visitors at once, and cards that are reported in the middle of a session.

use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal::operation::Operation;

use crate::browser::{Browser, task_of};
use crate::card::SoftCard;
use crate::refusals::page;
use crate::site::Site;

#[test]
fn visitors_of_the_test_page_do_not_push_out_what_a_holder_s_card_is_busy_with() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    // From elsewhere than the crowd.
    let mut early = Browser::new(&site);
    early.address = [192, 0, 2, 1];
    let early_task = task_of(&early.submit(&early.open("/test"), "/test/show", &[]));
    for number in 0..1100 {
        let visitor = Browser::new(&site);
        let shown = visitor.submit(&visitor.open("/test"), "/test/show", &[]);
        if number == 1099 {
            // The newest of the crowd is not turned away either.
            visitor.through_the_agent(&shown, &card);
        }
    }
    let write = browser.through_the_agent(&request, &card);
    let receipt = browser.through_the_agent(&write, &card);
    let done = browser.through_the_agent(&receipt, &card);
    assert!(done.h1().contains("kvitterat"), "{}", done.h1());
    let result = card.carry_out(&site, &early_task);
    assert_eq!(early.come_back(&early_task, &result).status, 303);
}

/// Revokes the carrier certificate that the card logs in with.
fn report(site: &Site, card: &SoftCard) {
    let certificate = card.carrier.authentication.clone();
    site.call(Operation::RevokeAtTheCounter, move |portal| {
        portal.revoke_at_the_counter(&certificate, RevocationReason::KeyCompromise)
    });
}

#[test]
fn every_page_of_a_session_says_that_the_card_was_reported_and_the_session_is_over() {
    for path in [
        "/menu",
        "/certificates",
        "/fetch",
        "/put-back",
        "/revoke",
        "/task",
        "/done",
    ] {
        let (site, card) = Site::with_an_expired_card();
        let browser = Browser::logged_in(&site, &card);
        browser.submit(&browser.open("/fetch"), "/fetch", &[]);
        report(&site, &card);
        let answer = browser.get(path);
        assert_eq!(answer.status, 403, "{path}");
        let text = page(&answer).text();
        assert!(text.contains("spärrat (nyckel röjd)"), "{path}: {text}");
        assert!(text.contains("Du är därför utloggad"), "{path}: {text}");
        assert!(text.contains("Beställ ett nytt kort"), "{path}: {text}");
        assert!(
            !browser.cookies.borrow().contains_key("__Host-kortlab"),
            "{path}: the browser forgets the session"
        );
        assert_eq!(browser.get(path).status, 303, "{path}");
    }
}

#[test]
fn what_a_card_has_done_is_not_taken_once_it_was_reported() {
    // Before each of the three results of a fetch: the order, what was written, the receipt.
    for steps in 0..3 {
        let (site, card) = Site::with_an_expired_card();
        let browser = Browser::logged_in(&site, &card);
        let mut shown = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
        for _ in 0..steps {
            shown = browser.through_the_agent(&shown, &card);
        }
        let task = task_of(&shown);
        let result = card.carry_out(&site, &task);
        report(&site, &card);
        let answer = browser.come_back(&task, &result);
        assert_eq!(answer.status, 403, "{steps}");
        let text = page(&answer).text();
        assert!(text.contains("spärrat (nyckel röjd)"), "{steps}: {text}");
        // Nothing is valid that was not.
        let on_card = card.on_card.borrow().clone();
        let rows = site.call(Operation::TestPage, move |portal| {
            kortlab_portal_core::Portal::test_page(portal, &on_card)
        });
        let valid = rows
            .iter()
            .filter(|row| row.state == CertificateState::Valid && row.summary.hsa_id.is_some());
        assert_eq!(valid.count(), 0, "{steps}");
    }
}
