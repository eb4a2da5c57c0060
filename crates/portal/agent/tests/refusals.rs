//! What the agent does not do, for whom, and what it never lets out.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use kortlab_agent::Limits;
use kortlab_apdu::Protocol;
use kortlab_issuer::inspect::{CertificateSummary, Colour, Purpose};
use kortlab_portal_api::Serial;
use kortlab_portal_api::task::{Outcome, SignPurpose, Task, TaskId, Work};
use kortlab_portal_core::{Order, OrderState, Portal as _, TRIAL_TEXT};
use kortlab_renewal::states::CardState;
use support::{
    AUTHENTICATION_PIN, Answer, Lab, OTHER_PORTAL, PORTAL, SIGNATURE_PIN, binary, form,
    portal_headers,
};

fn lab(state: CardState) -> Lab {
    Lab::new(state, Protocol::T1)
}

/// What a portal's test page asks for.
fn trial() -> Work {
    sign(TRIAL_TEXT)
}

fn sign(text: &str) -> Work {
    Work::Sign {
        text: text.to_owned(),
        purpose: SignPurpose::Trial,
    }
}

/// The headers of a portal, some of them changed or added.
fn headers(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut headers = portal_headers(PORTAL);
    for (name, value) in changes {
        headers.retain(|(known, _)| known != name);
        if !value.is_empty() {
            headers.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    headers
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert!(!answer.body.contains("<form"), "{}", answer.body);
}

#[test]
fn only_a_visit_from_a_portal_on_the_list_begins_a_task() {
    let lab = lab(CardState::Valid);
    let own = format!("http://{}", lab.host());
    let body = form(&[("task", &lab.task(Work::Show).to_json())]);
    let mut attempts: Vec<Vec<(String, String)>> = Vec::new();
    for origin in [
        "",
        "null",
        "*",
        "https://evil.example",
        "https://localhost",
        "https://localhost:84430",
        "https://localhost:8444",
        "https://localhost:8443/",
        "https://localhost:8443.evil.example",
        "https://localhost.evil.example:8443",
        "https://xlocalhost:8443",
        "https://localhost@evil.example:8443",
        "https://LOCALHOST:8443",
        "http://localhost:8443",
        "https://localhost:8443, https://evil.example",
        "https://localhost:8443 https://evil.example",
        "https://127.0.0.1:8443",
        own.as_str(),
    ] {
        attempts.push(headers(&[("Origin", origin)]));
    }
    let mut twice = headers(&[]);
    twice.push(("Origin".to_owned(), "https://evil.example".to_owned()));
    attempts.push(twice);
    for (name, values) in [
        ("Sec-Fetch-Site", &["same-origin", "none", "x"][..]),
        (
            "Sec-Fetch-Mode",
            &["cors", "no-cors", "same-origin", "websocket"],
        ),
        (
            "Sec-Fetch-Dest",
            &["iframe", "frame", "empty", "object", "image", "embed"],
        ),
        (
            "Content-Type",
            &["", "text/plain", "multipart/form-data", "application/json"],
        ),
    ] {
        attempts.extend(values.iter().map(|value| headers(&[(name, value)])));
    }
    for attempt in attempts {
        let answer = lab.post("/task", &attempt, &body);
        assert!(answer.status == 403, "{attempt:?}: {}", answer.body);
        assert_refused(&answer, 403);
    }
    // A browser that sends no Sec-Fetch- headers, and the second portal on the list.
    let plain = headers(&[
        ("Sec-Fetch-Site", ""),
        ("Sec-Fetch-Mode", ""),
        ("Sec-Fetch-Dest", ""),
        ("Sec-Fetch-User", ""),
    ]);
    assert_eq!(lab.post("/task", &plain, &body).status, 200);
}

#[test]
fn the_agent_answers_to_its_own_address_only() {
    let lab = lab(CardState::Valid);
    let body = form(&[("task", &lab.task(Work::Show).to_json())]);
    let port = lab.agent.address().port();
    let hosts = [
        format!("localhost:{port}"),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        "127.0.0.1".to_owned(),
        "127.0.0.1:1".to_owned(),
        format!("127.0.0.2:{port}"),
        format!("[::1]:{port}"),
    ];
    let mut all: Vec<_> = hosts.iter().map(|host| vec![host.clone()]).collect();
    all.push(Vec::new());
    all.push(vec![lab.host(), hosts[1].clone()]);
    for hosts in all {
        let named = |headers: Vec<(String, String)>| -> Vec<(String, String)> {
            let hosts = hosts.iter().map(|host| ("Host".to_owned(), host.clone()));
            hosts.chain(headers).collect()
        };
        let portal = named(headers(&[]));
        assert_refused(
            &lab.request_as_is("POST", "/task", &portal, body.as_bytes()),
            403,
        );
        for path in ["/", "/agent.css", "/elsewhere"] {
            let answer = lab.request_as_is("GET", path, &named(Vec::new()), b"");
            assert_refused(&answer, 403);
        }
    }
}

#[test]
fn a_target_that_is_the_address_of_another_is_refused_though_host_is_right() {
    let lab = lab(CardState::Valid);
    let own = lab.host();
    let ask = |target: &str| lab.request("GET", target, &[], b"");
    assert_eq!(ask(&format!("http://{own}/")).status, 200);
    for other in ["evil.example", "localhost", "127.0.0.1"] {
        for path in ["/", "/agent.css", "/elsewhere"] {
            assert_refused(&ask(&format!("http://{other}{path}")), 403);
        }
    }
}

/// Scripts, frames and forms of other sites, to every address there is.
#[test]
fn cross_site_calls_get_nothing_from_any_address() {
    let lab = lab(CardState::Valid);
    let page = lab.begin(&lab.task(Work::Show));
    let own_form = form(&[("token", &page.hidden("token")), ("action", "do")]);
    let image = lab.image();
    for path in [
        "/",
        "/agent.css",
        "/task",
        &page.action(),
        "/task/",
        "/elsewhere",
        "*",
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            for (site, mode, destination) in [
                ("cross-site", "cors", "empty"),
                ("cross-site", "no-cors", "image"),
                ("cross-site", "navigate", "iframe"),
                ("same-site", "cors", "empty"),
            ] {
                let call = headers(&[
                    ("Origin", "https://evil.example"),
                    ("Sec-Fetch-Site", site),
                    ("Sec-Fetch-Mode", mode),
                    ("Sec-Fetch-Dest", destination),
                    ("Access-Control-Request-Method", "POST"),
                    ("Access-Control-Request-Headers", "content-type"),
                    ("Access-Control-Request-Private-Network", "true"),
                ]);
                let answer = lab.request(method, path, &call, own_form.as_bytes());
                assert!(answer.status >= 400, "{method} {path}: {}", answer.status);
                assert!(!answer.body.contains("<form"), "{method} {path}");
            }
        }
        // A portal on the list may visit /task, and nothing else.
        if path != "/task" {
            let answer = lab.post(path, &portal_headers(PORTAL), &own_form);
            assert!(answer.status >= 400, "{path}");
        }
    }
    // The preflight of a portal on the list gets nothing either: pages are visited, not called.
    let preflight = headers(&[
        ("Sec-Fetch-Mode", "cors"),
        ("Access-Control-Request-Method", "POST"),
    ]);
    assert!(lab.request("OPTIONS", "/task", &preflight, b"").status >= 400);
    assert_eq!(lab.image(), image);
    assert_eq!(lab.request("GET", "/", &[], b"").status, 200);
    assert_eq!(lab.request("GET", "/agent.css", &[], b"").status, 200);
}

#[test]
fn a_form_without_the_tasks_own_token_does_nothing() {
    let lab = lab(CardState::Valid);
    let page = lab.begin(&lab.task(trial()));
    let other = lab.begin(&lab.task(trial()));
    let token = page.hidden("token");
    for wrong in [
        String::new(),
        "0".repeat(64),
        token[..63].to_owned(),
        format!("{token}0"),
        token.to_uppercase(),
        other.hidden("token"),
    ] {
        let fields = [
            ("token", wrong.as_str()),
            ("action", "do"),
            ("pin-sign", "000000"),
        ];
        let answer = lab.post(&page.action(), &lab.own_headers(), &form(&fields));
        if wrong == token {
            continue;
        }
        assert_refused(&answer, 404);
    }
    let missing = form(&[("action", "do"), ("pin-sign", "000000")]);
    assert_refused(&lab.post(&page.action(), &lab.own_headers(), &missing), 404);
    // The right token at another address, and from another origin.
    let right = form(&[("token", &token), ("action", "do"), ("pin-sign", "000000")]);
    for path in [other.action(), "/task/".to_owned(), "/task/x".to_owned()] {
        assert_refused(&lab.post(&path, &lab.own_headers(), &right), 404);
    }
    for origin in [PORTAL, "null", "http://127.0.0.1", "https://evil.example"] {
        let mut headers = lab.own_headers();
        headers.retain(|(name, _)| name != "Origin");
        assert_refused(&lab.post(&page.action(), &headers, &right), 403);
        headers.push(("Origin".to_owned(), origin.to_owned()));
        assert_refused(&lab.post(&page.action(), &headers, &right), 403);
    }
    for site in ["cross-site", "same-site", "none"] {
        let mut headers = lab.own_headers();
        headers.retain(|(name, _)| name != "Sec-Fetch-Site");
        headers.push(("Sec-Fetch-Site".to_owned(), site.to_owned()));
        assert_refused(&lab.post(&page.action(), &headers, &right), 403);
    }
    assert_eq!(lab.tries(), [3, 3], "no PIN has reached the card");
}

#[test]
fn a_result_goes_to_the_origin_that_asks_and_nowhere_else() {
    let lab = lab(CardState::Valid);
    let task = lab.task(Work::Show);
    for elsewhere in [
        "https://evil.example/task/1",
        "https://localhost:8444/task/1",
        "https://localhost/task/1",
        "https://localhost:8443@evil.example/",
        "https://localhost:8443.evil.example/",
        "http://localhost:8443/task/1",
        "javascript:alert(1)",
        "data:text/html,x",
        "//localhost:8443/task/1",
        "/task/1",
        "",
    ] {
        let json = task.to_json().replace(task.return_to.expose(), elsewhere);
        assert_refused(&lab.begin_with(&json), 400);
    }
    // The way back of one portal in the mouth of another.
    let body = form(&[("task", &task.to_json())]);
    assert_refused(
        &lab.post("/task", &portal_headers(OTHER_PORTAL), &body),
        400,
    );
}

#[test]
fn what_is_no_task_or_too_much_of_one_is_refused() {
    let lab = lab(CardState::Valid);
    let task = lab.task(Work::Show).to_json();
    for json in [
        "",
        "null",
        "[]",
        "{}",
        "{\"id\": 1}",
        &task[..task.len() / 2],
        &task.replace("show", "erase"),
        &task.replace("\"kind\"", "\"pin\": \"1\", \"kind\""),
        &"[".repeat(50_000),
        "\u{0}",
    ] {
        assert_refused(&lab.begin_with(json), 400);
    }
    let portal = portal_headers(PORTAL);
    let twice = form(&[("task", &task), ("task", &task)]);
    let more = form(&[("task", &task), ("pin", "1")]);
    for body in ["", "task", "%", "task=%FF%FE", &twice, &more] {
        assert_refused(&lab.post("/task", &portal, body), 400);
    }
    let long = form(&[("task", &"x".repeat(300_000))]);
    assert_refused(&lab.post("/task", &portal, &long), 413);
    let page = lab.begin_with(&task);
    let long = form(&[("token", &"x".repeat(5_000))]);
    assert_refused(&lab.post(&page.action(), &lab.own_headers(), &long), 413);
    assert_refused(&lab.go_on(&page, &[("action", "erase")]), 400);
    assert_refused(&lab.go_on(&page, &[("action", "do"), ("puk", "1")]), 400);
    assert_eq!(lab.go_on(&page, &[("action", "do")]).status, 200);
}

#[test]
fn few_tasks_wait_at_once_and_each_has_a_name_of_its_own() {
    let limits = Limits {
        tasks: 3,
        ..Limits::default()
    };
    let lab = Lab::with(CardState::Valid, Protocol::T1, limits);
    let pages: Vec<_> = (0..5).map(|_| lab.begin(&lab.task(Work::Show))).collect();
    let statuses: Vec<_> = pages
        .iter()
        .map(|page| lab.go_on(page, &[("action", "show")]).status)
        .collect();
    assert_eq!(statuses, [404, 404, 200, 200, 200]);
    // One name, two tasks.
    let task = lab.task(Work::Show);
    assert_eq!(lab.begin(&task).status, 200);
    let other = Task {
        work: trial(),
        ..task
    };
    assert_refused(&lab.begin(&other), 409);
}

#[test]
fn a_task_that_has_waited_too_long_is_over() {
    let limits = Limits {
        task_lifetime: Duration::from_millis(1),
        ..Limits::default()
    };
    let lab = Lab::with(CardState::Valid, Protocol::T1, limits);
    let page = lab.begin(&lab.task(trial()));
    assert_eq!(page.status, 200);
    std::thread::sleep(limits.task_lifetime);
    let fields = [("action", "do"), ("pin-sign", SIGNATURE_PIN)];
    assert_refused(&lab.go_on(&page, &fields), 404);
}

fn wrong_pin(lab: &Lab, page: &Answer) -> Answer {
    lab.go_on(page, &[("action", "do"), ("pin-sign", "000000")])
}

#[test]
fn two_wrong_pins_end_a_task_and_keep_the_portal_from_asking_for_a_while() {
    let lab = lab(CardState::Valid);
    let page = lab.begin(&lab.task(trial()));
    let again = wrong_pin(&lab, &page);
    again.assert_says("The PIN for Underskrift (signature) is wrong. Tries left on the card: 2.");
    assert!(again.body.contains("aria-invalid=\"true\""));
    assert_eq!(lab.tries(), [3, 2]);
    let last = wrong_pin(&lab, &again);
    last.assert_says("Tries left on the card: 1");
    last.assert_says("kortlab pin verify sign");
    assert_eq!(last.result().outcome, Outcome::Failed);
    assert_eq!(lab.tries(), [3, 1]);
    // The right one comes too late: for this task, for the card's last try, and with three tries
    // again for the portal, whichever PIN it is.
    let right = [("action", "do"), ("pin-sign", SIGNATURE_PIN)];
    assert_eq!(lab.go_on(&page, &right).result().outcome, Outcome::Failed);
    assert_eq!(lab.tries(), [3, 1]);
    lab.set_tries(3, 3);
    lab.go_on(&page, &right)
        .assert_says("The PIN was wrong 2 times");
    let serials = vec![hcc_serial(&lab)];
    let next = lab.begin(&lab.task(Work::Remove { serials }));
    next.assert_says("The PIN was wrong 2 times of late in tasks of https://localhost:8443");
    assert!(!next.body.contains("type=\"password\""));
    // What needs no PIN goes on.
    lab.begin(&lab.task(Work::Show))
        .assert_says("Show the certificates");
}

fn hcc_serial(lab: &Lab) -> Serial {
    let hcc = lab.certificate(Colour::Pink, Purpose::Authentication);
    Serial::new(&CertificateSummary::from_der(&hcc).unwrap().serial).unwrap()
}

#[test]
fn the_last_try_of_a_card_is_never_used() {
    let lab = lab(CardState::Valid);
    let work = trial();
    lab.set_tries(3, 1);
    let page = lab.begin(&lab.task(work.clone()));
    page.assert_says("Only one try is left for the PIN for Underskrift (signature)");
    page.assert_says("kortlab pin unblock sign");
    assert!(!page.body.contains("type=\"password\""));
    lab.set_tries(3, 0);
    let page = lab.begin(&lab.task(work.clone()));
    page.assert_says("The PIN for Underskrift (signature) is blocked");
    // The tries are used up between the page and the PIN.
    lab.set_tries(3, 3);
    let page = lab.begin(&lab.task(work));
    lab.set_tries(3, 1);
    for pin in ["000000", SIGNATURE_PIN] {
        let stopped = lab.go_on(&page, &[("action", "do"), ("pin-sign", pin)]);
        stopped.assert_says("The agent never uses a card's last try");
        assert_eq!(lab.tries(), [3, 1]);
    }
    // Of two PINs neither is sent if one of them has one try left.
    let mut lab = lab;
    let order = {
        lab.set_tries(3, 3);
        let session = lab.log_in();
        lab.world.portal.order(&session.token).unwrap()
    };
    let page = lab.begin(&lab.task(Work::Request {
        order: Box::new(order),
    }));
    lab.set_tries(3, 1);
    let fields = [
        ("action", "do"),
        ("pin-auth", "000000"),
        ("pin-sign", SIGNATURE_PIN),
    ];
    lab.go_on(&page, &fields)
        .assert_says("Only one try is left");
    assert_eq!(lab.tries(), [3, 1]);
}

#[test]
fn a_pin_that_cannot_be_one_costs_no_try_and_is_not_counted() {
    let lab = lab(CardState::Valid);
    let page = lab.begin(&lab.task(trial()));
    let long = "9".repeat(65);
    for pin in ["", "12", "abcdef", "12345678901234567890", "åäöåäö", &long] {
        let again = lab.go_on(&page, &[("action", "do"), ("pin-sign", pin)]);
        again.assert_says("No try was lost");
        assert!(again.body.contains("type=\"password\""));
    }
    lab.go_on(&page, &[("action", "do")])
        .assert_says("No try was lost");
    assert_eq!(lab.tries(), [3, 3]);
    let fields = [("action", "do"), ("pin-sign", SIGNATURE_PIN)];
    assert!(matches!(
        lab.go_on(&page, &fields).result().outcome,
        Outcome::Done(_)
    ));
}

#[test]
fn another_card_than_the_portals_is_refused_and_so_is_one_that_was_changed_meanwhile() {
    let mut lab = lab(CardState::Valid);
    let session = lab.log_in();
    let order = lab.world.portal.order(&session.token).unwrap();
    let page = lab.begin(&lab.task(trial()));
    let mut any_card = lab.task(trial());
    any_card.card_number = None;
    let any = lab.begin(&any_card);
    let (other, _) = support::card(CardState::Valid, Protocol::T1, 12);
    *lab.card() = Some(other);
    let image = lab.image();
    let fields = [("action", "do"), ("pin-sign", SIGNATURE_PIN)];
    let refused = lab.go_on(&page, &fields);
    refused.assert_says("Wrong card");
    assert_eq!(refused.result().outcome, Outcome::Failed);
    lab.begin(&lab.task(Work::Show)).assert_says("Wrong card");
    let mut request = lab.task(Work::Request {
        order: Box::new(order),
    });
    request.card_number = None;
    lab.begin(&request).assert_says("Wrong card");
    // Where any card will do, the other one is shown before it is used.
    let again = lab.go_on(&any, &fields);
    again.assert_says("is not the same as when the page was shown");
    assert_eq!(lab.image(), image);
    assert!(matches!(
        lab.go_on(&again, &fields).result().outcome,
        Outcome::Done(_)
    ));
    // No card at all, and then the right one again.
    let card = lab.card().take();
    let missing = lab.begin(&lab.task(Work::Show));
    missing.assert_says("No card was found");
    *lab.card() = card;
    let wrong = lab.go_on(&missing, &[("action", "show")]);
    wrong.assert_says("Wrong card");
}

#[test]
fn an_order_that_is_not_open_is_not_approved() {
    let mut lab = lab(CardState::Valid);
    let session = lab.log_in();
    let order = lab.world.portal.order(&session.token).unwrap();
    for state in OrderState::ALL {
        let order = Box::new(Order {
            state,
            ..order.clone()
        });
        let page = lab.begin(&lab.task(Work::Request { order }));
        let is_open = state == OrderState::Open;
        assert_eq!(
            page.body.contains("name=\"pin-sign\""),
            is_open,
            "{state:?}"
        );
        if !is_open {
            assert_eq!(page.result().outcome, Outcome::Failed);
            page.assert_says(&format!("calls the order {}", state.name()));
        }
    }
    assert_eq!(lab.tries(), [3, 3]);
}

#[test]
fn that_certificates_are_valid_still_is_said_before_they_are_removed() {
    const SAYS: &str = "The time of validity is not over for serial number";
    for (state, in_time) in [
        (CardState::Valid, true),
        (CardState::Revoked, true),
        (CardState::Expired, false),
    ] {
        let lab = lab(state);
        let serial = hcc_serial(&lab);
        let page = lab.begin(&lab.task(Work::Remove {
            serials: vec![serial.clone()],
        }));
        page.assert_says(&serial.to_string());
        assert_eq!(page.body.contains(SAYS), in_time, "{state:?}");
        if in_time {
            page.assert_says(&format!("{SAYS} {serial}."));
        }
    }
}

#[test]
fn a_carriers_certificate_is_never_removed_or_written() {
    let lab = lab(CardState::Expired);
    let image = lab.image();
    for purpose in [Purpose::Authentication, Purpose::Signature] {
        let der = lab.certificate(Colour::Blue, purpose);
        let serial = Serial::new(&CertificateSummary::from_der(&der).unwrap().serial).unwrap();
        let serials = vec![hcc_serial(&lab), serial];
        let page = lab.begin(&lab.task(Work::Remove { serials }));
        page.assert_says("The agent removes HCCs only");
        assert_eq!(page.result().outcome, Outcome::Failed);
    }
    let carrier = |purpose| binary(&lab.certificate(Colour::Blue, purpose));
    let page = lab.begin(&lab.task(Work::Write {
        authentication: carrier(Purpose::Authentication),
        signature: carrier(Purpose::Signature),
    }));
    page.assert_says("The agent writes HCCs only");
    assert_eq!(lab.image(), image);
}

#[test]
fn only_hccs_for_the_cards_own_keys_are_written() {
    let lab = lab(CardState::Expired);
    let (_, own) = support::card(CardState::Valid, Protocol::T1, 11);
    let (_, other) = support::card(CardState::Valid, Protocol::T1, 12);
    let (own, other) = (own.hcc.unwrap(), other.hcc.unwrap());
    let expired = [Purpose::Authentication, Purpose::Signature]
        .map(|purpose| lab.certificate(Colour::Pink, purpose));
    let authority = lab.world.portal.hcc_authority().certificate_der().to_vec();
    let image = lab.image();
    for (authentication, signature, words) in [
        (
            &other.authentication,
            &other.signature,
            "not for the card's key",
        ),
        (
            &own.authentication,
            &other.signature,
            "not for the card's key",
        ),
        (
            &own.signature,
            &own.authentication,
            "is not for Legitimering",
        ),
        (&expired[0], &expired[1], "is not valid now"),
        (&authority, &own.signature, "The agent writes HCCs only"),
        (&vec![0x30, 0x00], &own.signature, "no certificate"),
    ] {
        let page = lab.begin(&lab.task(Work::Write {
            authentication: binary(authentication),
            signature: binary(signature),
        }));
        page.assert_says(words);
        assert_eq!(page.result().outcome, Outcome::Failed);
        assert!(!page.body.contains("type=\"password\""));
    }
    assert_eq!(lab.image(), image);
}

/// What is shown is harmless, and what is signed is what it looks like.
#[test]
fn hostile_names_and_texts_are_shown_as_text_or_not_signed_at_all() {
    let mut lab = lab(CardState::Valid);
    let markup = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>\"'&";
    let page = lab.begin(&lab.task(sign(markup)));
    assert!(!page.body.contains("<img") && !page.body.contains("\"'&"));
    page.assert_says(markup);
    page.assert_says("The text that was not signed");
    assert!(!page.body.contains("type=\"password\""));
    for invisible in [
        "a\u{202e}b",
        "a\u{200b}b",
        "a\u{2066}b",
        "\u{feff}a",
        "a\u{e0041}",
    ] {
        let page = lab.begin(&lab.task(sign(invisible)));
        page.assert_says("cannot be seen");
        assert!(!page.body.contains("type=\"password\""));
    }
    let session = lab.log_in();
    let mut order = lab.world.portal.order(&session.token).unwrap();
    order.holder.surname = "<script>alert(1)</script>".to_owned();
    let request = |order: &Order| {
        lab.task(Work::Request {
            order: Box::new(order.clone()),
        })
    };
    let page = lab.begin(&request(&order));
    page.assert_says("<script>alert(1)</script>");
    assert!(!page.body.contains("type=\"password\""));
    order.holder.organisation = "\u{202e}Region".to_owned();
    let page = lab.begin(&request(&order));
    assert!(!page.body.contains("\u{202e}"), "{}", page.body);
    page.assert_says("cannot be seen");
    // Names in certificates: an authority that puts its holder's name in as it is.
    let der = hostile_certificate(&lab, "<script>alert(1)</script>\u{202e}\" onclick=\"x");
    let own = lab.certificate(Colour::Pink, Purpose::Signature);
    let page = lab.begin(&lab.task(Work::Write {
        authentication: binary(&der),
        signature: binary(&own),
    }));
    assert!(!page.body.contains("\u{202e}") && !page.body.contains("\" onclick"));
    page.assert_says("<script>alert(1)</script>\\u{202e}\" onclick=\"x");
}

/// An HCC for the card's authentication key, by an authority of its own, naming `name`.
fn hostile_certificate(lab: &Lab, name: &str) -> Vec<u8> {
    use kortlab_issuer::authority::{Authority, AuthorityKind, CertificateData};
    use kortlab_issuer::profile::{AuthorityUrls, CarrierSubject, CertificateKind};
    use kortlab_issuer::public_key::PublicKey;
    use kortlab_issuer::random::IssuerRng;

    let mut rng = IssuerRng::from_seed(1, "hostile");
    let since = support::date().before(kortlab_issuer::clock::DAY);
    let urls = AuthorityUrls::example("hostile");
    let mut authority = Authority::create(AuthorityKind::Hcc, urls, since, &mut rng).unwrap();
    let mut holder = lab.world.holder.clone();
    holder.given_name = name.to_owned();
    holder.surname = "X".to_owned();
    let key = lab.world.authentication_key.public_key_der();
    let data = CertificateData {
        kind: CertificateKind::HccAuthentication,
        holder: &holder,
        card_number: &lab.world.card_number,
        carrier_subject: CarrierSubject::default(),
        not_before: since,
        not_after: since.after(30 * kortlab_issuer::clock::DAY),
    };
    let key = PublicKey::from_spki_der(&key).unwrap();
    authority.issue(&data, &key, &mut rng).unwrap()
}

/// Everything the agent says, to browsers and to its log, is searched for what nobody may learn.
#[test]
fn pins_tokens_and_the_names_of_tasks_are_in_no_log_and_pins_in_no_answer() {
    let log = log::capture();
    let mut lab = lab(CardState::Valid);
    let mut said = String::new();
    let mut secrets = Vec::new();
    for pins in [
        [("pin-auth", "918273"), ("pin-sign", "645537")],
        [
            ("pin-auth", AUTHENTICATION_PIN),
            ("pin-sign", SIGNATURE_PIN),
        ],
    ] {
        for work in [
            trial(),
            Work::Remove {
                serials: vec![hcc_serial(&lab)],
            },
        ] {
            let task = lab.task(work);
            let page = lab.begin(&task);
            let mut fields = vec![("action", "do")];
            fields.extend(pins.iter().filter(|(name, _)| page.body.contains(name)));
            let answer = lab.go_on(&page, &fields);
            said.push_str(&format!("{:?}{:?}", page, answer));
            let key = page.action().replace("/task/", "");
            secrets.extend([TaskId::expose(&task.id), page.hidden("token"), key]);
            lab.set_tries(3, 3);
        }
        // Wrong PINs count for their portal; a fresh agent has counted none.
        lab.agent = lab.fresh_agent();
    }
    let logged = log.text();
    assert!(logged.contains("a portal asks"), "{logged}");
    assert!(logged.contains("a PIN was wrong"), "{logged}");
    for pin in ["918273", "645537", AUTHENTICATION_PIN, SIGNATURE_PIN] {
        assert!(!logged.contains(pin), "{logged}");
        assert!(!said.contains(pin), "{said}");
    }
    for secret in secrets {
        assert!(!logged.contains(&secret), "{logged}");
    }
}

mod log {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    /// Everything that is logged, at every level.
    #[derive(Clone, Default)]
    pub struct Log(Arc<Mutex<Vec<u8>>>);

    impl Log {
        pub fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    pub fn capture() -> Log {
        let log = Log::default();
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(log.clone())
            .init();
        log
    }

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Log {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }
}
