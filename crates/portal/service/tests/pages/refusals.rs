//! Everything that is refused, and the page that says so.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::LOCATION;
use axum::http::{Request, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal::listener::Listener;
use kortlab_portal::operation::Operation;
use kortlab_portal::pages;

use tower::ServiceExt as _;

use crate::browser::Browser;
use crate::card::SoftCard;
use crate::dom::Dom;
use crate::site::{AGENT, Answer, ORIGIN, Site};

pub fn page(answer: &Answer) -> Dom {
    let kind = answer.headers["content-type"].to_str().unwrap();
    assert_eq!(kind, "text/html; charset=utf-8", "{}", answer.body);
    let page = Dom::parse(&answer.body);
    assert_eq!(page.errors, Vec::<String>::new());
    page
}

#[test]
fn an_hcc_does_not_log_in_and_the_page_says_which_certificate_does() {
    let site = Site::new();
    let card = SoftCard::enrol(&site, "hcc log-in", &[10]);
    let hcc = card.on_card.borrow()[2].clone();
    let browser = Browser::new(&site);
    let answer = browser.log_in(Some(&hcc));
    assert_eq!(answer.status, 403);
    assert!(!browser.cookies.borrow().contains_key("__Host-kortlab"));
    let swedish = page(&answer);
    assert_eq!(swedish.h1(), "Du valde ett HCC");
    let text = swedish.text();
    for said in [
        "utfärdat av TEST SITHS Type 1 CA v1",
        "Välj certifikatet som är utfärdat av Telia Card Identifier.",
        "Webbläsaren kommer ihåg valet",
        "Stäng alla webbläsarfönster",
        "Rosa",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // The link back leads to the main listener.
    let start = format!("{ORIGIN}/");
    let back = swedish
        .all("a")
        .filter(|one| one.attribute("href") == Some(&start));
    assert!(back.count() >= 2);
    // A browser is made to forget what it has shown; a program is left alone.
    let refused = || site.unwanted.is_refused(Listener::LogIn, &hcc);
    let image = |page: &Dom| {
        let mut images = page.all("img");
        images.any(|one| one.attribute("src") == Some("/forget"))
    };
    assert!(!image(&swedish) && !refused());
    let opened = Request::get("/")
        .header("sec-fetch-dest", "document")
        .extension(Site::peer(Some(&hcc)))
        .body(Body::empty());
    let answer = site.send(Listener::LogIn, opened.unwrap());
    assert!(image(&page(&answer)) && refused());
    assert!(!site.unwanted.is_refused(Listener::Trial, &hcc));
    // Nothing else of the page comes from the listener that asks for certificates.
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains(&format!("style-src 'self' {ORIGIN};")),
        "{policy}"
    );
    let style = site.send(
        Listener::Main,
        Request::get("/assets/kortlab.css")
            .body(Body::empty())
            .unwrap(),
    );
    assert_eq!(
        style.headers["cross-origin-resource-policy"],
        "cross-origin"
    );
    let english = page(&browser.at(Listener::LogIn, "/?lang=en", Some(&hcc)));
    assert!(
        english
            .text()
            .contains("use the certificate issued by Telia Card Identifier")
    );
}

#[test]
fn each_other_certificate_that_does_not_log_in_has_its_reason() {
    let site = Site::new();
    let card = SoftCard::enrol(&site, "reasons", &[]);
    let other = SoftCard::enrol(&Site::new(), "elsewhere", &[]);
    let browser = Browser::new(&site);
    let refused = |certificate: Option<&[u8]>| {
        let answer = browser.log_in(certificate);
        assert_eq!(answer.status, 403);
        page(&answer).text()
    };
    assert!(refused(None).contains("Webbläsaren skickade inget certifikat"));
    assert!(refused(Some(&card.carrier.signature)).contains("Certifikatet är för underskrift"));
    assert!(refused(Some(&other.carrier.authentication)).contains("är okänt här"));
    let certificate = card.carrier.authentication.clone();
    site.call(Operation::RevokeAtTheCounter, move |portal| {
        portal.revoke_at_the_counter(&certificate, RevocationReason::KeyCompromise)
    });
    let text = refused(Some(&card.carrier.authentication));
    assert!(
        text.contains("Certifikatet är spärrat (nyckel röjd)"),
        "{text}"
    );
    assert!(text.contains("Beställ ett nytt kort"), "{text}");
    let garbage = browser.log_in(Some(b"\x30\x03\x02\x01\x00"));
    assert_eq!(garbage.status, 403);
    let text = page(&garbage).text();
    assert!(text.contains("Certifikatet kan inte läsas"), "{text}");

    let late = SoftCard::enrol(&site, "late", &[]);
    site.clock.advance(Duration::from_secs(4 * 365 * 86_400));
    let text = refused(Some(&late.carrier.authentication));
    assert!(text.contains("Certifikatet är utgånget"), "{text}");
}

#[test]
fn the_trial_says_why_a_certificate_is_not_accepted() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::new(&site);
    let hcc = card.on_card.borrow()[2].clone();
    let answer = browser.at(Listener::Trial, "/", Some(&hcc));
    assert_eq!(answer.status, 403);
    assert!(page(&answer).text().contains("Certifikatet är utgånget"));
    let answer = browser.at(Listener::Trial, "/", None);
    assert!(page(&answer).text().contains("inget certifikat"));
    let carrier = browser.at(Listener::Trial, "/", Some(&card.carrier.authentication));
    assert_eq!(carrier.status, 200);
    assert!(!browser.cookies.borrow().contains_key("__Host-kortlab"));
}

#[test]
fn the_trial_does_not_say_what_a_log_in_takes() {
    let (site, card) = Site::with_an_expired_card();
    let signature = card.carrier.signature.clone();
    for (language, said, not) in [
        (
            "sv",
            "Välj ett certifikat för legitimering, blått eller rosa.",
            "Telia Card Identifier.",
        ),
        (
            "en",
            "Choose a certificate for authentication (legitimering), blue or pink.",
            "o log in",
        ),
    ] {
        for certificate in [signature.as_slice(), b"\x30\x03\x02\x01\x00"] {
            let mut browser = Browser::new(&site);
            browser.language = language;
            let answer = browser.at(Listener::Trial, "/", Some(certificate));
            assert_eq!(answer.status, 403);
            let text = page(&answer).text();
            assert!(text.contains(said) && !text.contains(not), "{text}");
            assert!(text.contains("kortlab browser"), "{text}");
        }
    }
}

#[test]
fn an_issuer_without_a_name_is_told_as_one() {
    let mut nobody = rcgen::CertificateParams::new(Vec::new()).unwrap();
    nobody.distinguished_name = rcgen::DistinguishedName::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = nobody.self_signed(&key).unwrap();
    let site = Site::new();
    for (language, said, name) in [
        (
            "sv",
            "Certifikatet, utfärdat av en utfärdare utan namn, är okänt här.",
            "Utfärdare (utan namn)",
        ),
        (
            "en",
            "The certificate issued by an issuer without a name is not known here.",
            "Issuer (without a name)",
        ),
    ] {
        let mut browser = Browser::new(&site);
        browser.language = language;
        let answer = browser.log_in(Some(certificate.der()));
        assert_eq!(answer.status, 403);
        let text = page(&answer).text();
        assert!(text.contains(said) && text.contains(name), "{text}");
    }
}

#[test]
fn the_trial_says_in_words_what_a_certificate_is() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    browser.through_the_agent(&browser.through_the_agent(&request, &card), &card);
    let waiting = card.on_card.borrow().last().unwrap().clone();
    for (language, said) in [
        ("sv", "Certifikatet är vilande, kvittera kortet."),
        ("en", "The certificate is on hold."),
    ] {
        let mut browser = Browser::new(&site);
        browser.language = language;
        let answer = browser.at(Listener::Trial, "/", Some(&waiting));
        assert_eq!(answer.status, 403);
        let text = page(&answer).text();
        assert!(text.contains(said) && !text.contains("on-hold"), "{text}");
    }
}

#[test]
fn forms_are_taken_only_with_their_token_and_from_this_origin() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let fields = browser.open("/fetch").form("/fetch");
    let forged = |answer: Answer| {
        assert_eq!(answer.status, 403);
        assert_eq!(page(&answer).h1(), "Formuläret kom inte härifrån");
    };
    forged(browser.post("/fetch", &[]));
    forged(browser.post("/fetch", &[("csrf".into(), "0".repeat(64))]));
    for origin in [
        None,
        Some("null"),
        Some(AGENT),
        Some("https://portal.example"),
    ] {
        forged(browser.post_from(origin, "/fetch", &fields));
    }
    // The token of another session, and of the test page in the same browser.
    let other = SoftCard::enrol(&site, "other", &[]);
    let theirs = Browser::logged_in(&site, &other)
        .open("/fetch")
        .form("/fetch");
    forged(browser.post("/fetch", &theirs));
    forged(browser.post("/fetch", &browser.open("/test").form("/test/show")));
    forged(browser.post("/test/show", &fields));
    // No order was placed by any of these.
    let events = site_audit(&site);
    assert!(
        !events.iter().any(|event| event.contains("\"order\"")),
        "{events:?}"
    );
    assert_eq!(browser.post("/fetch", &fields).status, 303);
}

/// The audit log, an event a line.
fn site_audit(site: &Site) -> Vec<String> {
    let service = site.app.service().clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let entries = runtime.block_on(service.audit(0, 100)).unwrap();
    entries.iter().map(|entry| format!("{entry:?}")).collect()
}

#[test]
fn what_cannot_be_answered_is_a_page_with_the_headers_of_every_page() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let nowhere = browser.get("/nowhere");
    assert_eq!(nowhere.status, 404);
    assert_eq!(page(&nowhere).h1(), "Sidan finns inte");
    let wrong = browser.get("/log-out");
    assert_eq!(wrong.status, 405);
    assert_eq!(wrong.headers["allow"], "POST");
    page(&wrong);
    let long = [("csrf".to_owned(), "x".repeat(40_000))];
    let large = browser.post("/fetch", &long);
    assert_eq!(large.status, 413);
    page(&large);
    let no_serial = {
        let mut fields = browser.open("/certificates").form("/certificates/remove");
        fields.push(("serial".into(), "not hexadecimal".into()));
        browser.post("/certificates/remove", &fields)
    };
    assert_eq!(no_serial.status, 400);
    let nothing = {
        let fields = browser.open("/certificates").form("/certificates/remove");
        browser.post("/certificates/remove", &fields)
    };
    assert_eq!(nothing.status, 422);
    assert!(page(&nothing).by_id("missing").is_some());
    for answer in [&nowhere, &wrong, &large, &no_serial, &nothing] {
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
}

#[test]
fn what_is_refused_before_the_pages_is_a_page_for_those_who_ask_for_one() {
    let site = Site::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let busy = || async { (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], "{}") };
    let layer = from_fn_with_state((site.app.clone(), Listener::Main), pages::dress);
    let router = Router::new()
        .route("/menu", get(busy))
        .route("/api/v1", get(busy))
        .layer(layer);
    let ask = |path: &str, accepts: &str| {
        let request = Request::get(path).header("accept", accepts);
        let request = request.body(Body::empty()).unwrap();
        runtime.block_on(async {
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), 429);
            assert_eq!(response.headers()["retry-after"], "7");
            let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
            String::from_utf8(body.to_vec()).unwrap()
        })
    };
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    assert_eq!(Dom::parse(&ask("/menu", browser)).h1(), "För många försök");
    assert_eq!(ask("/menu", "*/*"), "{}");
    assert_eq!(ask("/api/v1", browser), "{}");
}

#[test]
fn another_name_of_the_portal_leads_to_its_own_and_never_elsewhere() {
    let site = Site::new();
    let ask = |host: &str, path: &str| {
        let request = Request::get(path).header("host", host);
        let request = request.body(Body::empty()).unwrap();
        site.send(Listener::Main, request)
    };
    let answer = ask("127.0.0.1:8443", "/test?lang=en");
    assert_eq!(answer.status, 307);
    assert_eq!(answer.headers[LOCATION], format!("{ORIGIN}/test?lang=en"));
    let answer = ask("127.0.0.1:8443", "//evil.example/x");
    assert_eq!(
        answer.headers[LOCATION],
        format!("{ORIGIN}//evil.example/x")
    );
    assert_eq!(ask("PORTAL.example:8443", "/").status, 200);
}

#[test]
fn nothing_secret_is_in_an_address_and_the_cookies_are_well_kept() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::new(&site);
    let answer = browser.log_in(Some(&card.carrier.authentication));
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    for attribute in [
        "__Host-kortlab=",
        "Path=/",
        "Secure",
        "HttpOnly",
        "SameSite=Lax",
    ] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!answer.location().contains('?'));
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    let token = browser.cookies.borrow()["__Host-kortlab"].clone();
    for one in &request.elements {
        for name in ["href", "src"] {
            let address = one.attribute(name).unwrap_or_default();
            assert!(
                !address.contains(&token) && !address.contains("csrf"),
                "{address}"
            );
        }
        assert!(!one.attributes.values().any(|value| value.contains(&token)));
    }
    // What was signed out is over for whoever kept the cookie.
    browser.submit(&request, "/log-out", &[]);
    browser
        .cookies
        .borrow_mut()
        .insert("__Host-kortlab".into(), token);
    assert_eq!(browser.get("/menu").location(), "/session-over");
}

#[test]
fn the_pages_policy_lets_forms_go_to_the_agent_only_where_a_task_is() {
    let (site, card) = Site::with_an_expired_card();
    let browser = Browser::logged_in(&site, &card);
    let policy = |path: &str| {
        let answer = browser.get(path);
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        policy.to_owned()
    };
    assert!(policy("/menu").contains("form-action 'self';"));
    browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    assert!(policy("/task").contains(&format!("form-action 'self' {AGENT};")));
    // Such a policy lets browsers tell the agent where a form comes from.
    assert_eq!(browser.get("/task").headers["referrer-policy"], "origin");
}
