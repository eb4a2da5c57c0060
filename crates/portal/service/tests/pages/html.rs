//! Every page as HTML: read by html5ever without a complaint, and held to what people need who do
//! not see it, or have no mouse.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use kortlab_interop::axe::{self, Look};
use kortlab_interop::layout;
use kortlab_portal::listener::Listener;

use crate::browser::Browser;
use crate::card::SoftCard;
use crate::dom::{Dom, Element};
use crate::site::{AGENT, ORIGIN, Site};

/// Pages of all kinds, by name.
struct Pages(BTreeMap<String, String>);

impl Pages {
    fn take(&mut self, browser: &Browser<'_>, path: &str) -> Dom {
        let answer = browser.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let dom = Dom::parse(&answer.body);
        self.keep(browser, path, answer.body);
        dom
    }

    fn keep(&mut self, browser: &Browser<'_>, name: &str, body: String) {
        let mut name = format!("{} {name}", browser.language);
        while self.0.contains_key(&name) {
            name.push('\'');
        }
        self.0.insert(name, body);
    }
}

/// Goes through everything, in one language.
fn tour(pages: &mut Pages, language: &'static str) {
    let (site, card) = Site::with_an_expired_card();
    let browser = &mut Browser::new(&site);
    browser.language = language;
    for path in ["/", "/logged-out", "/session-over", "/test"] {
        pages.take(browser, path);
    }
    let hcc = card.on_card.borrow()[2].clone();
    for certificate in [None, Some(hcc.as_slice())] {
        let answer = browser.log_in(certificate);
        pages.keep(browser, "log-in", answer.body);
    }
    let trial = browser.at(Listener::Trial, "/", Some(&card.carrier.authentication));
    pages.keep(browser, "trial", trial.body);
    for (method, path) in [("get", "/nowhere"), ("get", "/log-out"), ("post", "/fetch")] {
        let answer = match method {
            "get" => browser.get(path),
            _ => browser.post_from(None, path, &[]),
        };
        pages.keep(browser, path, answer.body);
    }

    browser.log_in(Some(&card.carrier.authentication));
    for path in ["/menu", "/revoke", "/put-back", "/fetch"] {
        pages.take(browser, path);
    }
    for path in ["/revoke", "/put-back", "/certificates/remove"] {
        let page = browser.open(path.trim_end_matches("/remove"));
        let form = page
            .all("form")
            .any(|one| one.attribute("action") == Some(path));
        if form {
            let answer = browser.post(path, &page.form(path));
            pages.keep(browser, path, answer.body);
        }
    }
    let list = pages.take(browser, "/certificates");
    let serials: Vec<_> = list
        .all("input")
        .filter(|one| one.attribute("name") == Some("serial"))
        .filter_map(|one| one.attribute("value"))
        .map(|serial| ("serial", serial))
        .collect();
    let task = browser.submit(&list, "/certificates/remove", &serials);
    pages.take(browser, "/task");
    browser.through_the_agent(&task, &card);
    pages.take(browser, "/certificates");
    let request = browser.submit(&browser.open("/fetch"), "/fetch", &[]);
    pages.take(browser, "/task");
    let write = browser.through_the_agent(&request, &card);
    pages.take(browser, "/task");
    pages.take(browser, "/menu");
    pages.take(browser, "/fetch");
    let receipt = browser.through_the_agent(&write, &card);
    pages.take(browser, "/task");
    browser.through_the_agent(&receipt, &card);
    pages.take(browser, "/done");
    pages.take(browser, "/put-back");
    let revoke = pages.take(browser, "/revoke");
    let mut fields = revoke.form("/revoke");
    let serial = revoke
        .all("input")
        .find(|one| one.attribute("name") == Some("serial"));
    fields.push((
        "serial".into(),
        serial.unwrap().attribute("value").unwrap().into(),
    ));
    fields.push(("reason".into(), "superseded".into()));
    let confirm = browser.post("/revoke", &fields);
    assert_eq!(confirm.status, 200);
    pages.keep(browser, "/revoke confirm", confirm.body);
    let show = browser.submit(&browser.open("/test"), "/test/show", &[]);
    pages.take(browser, "/test/task");
    browser.through_the_agent(&show, &card);
    pages.take(browser, "/test");
    browser.submit(&browser.open("/test"), "/test/sign", &[]);
    pages.take(browser, "/test/task");
}

/// Every page in both languages, made once for all tests.
fn all_pages() -> &'static Pages {
    static PAGES: OnceLock<Pages> = OnceLock::new();
    PAGES.get_or_init(make_all_pages)
}

fn make_all_pages() -> Pages {
    let mut pages = Pages(BTreeMap::new());
    tour(&mut pages, "sv");
    tour(&mut pages, "en");
    // For whoever wants to look at them.
    if let Some(directory) = std::env::var_os("KORTLAB_PAGES") {
        for (name, body) in &pages.0 {
            let name = name.replace('/', "_").replace(' ', "-");
            let path = std::path::Path::new(&directory).join(format!("{name}.html"));
            std::fs::write(path, body).unwrap();
        }
    }
    pages
}

#[test]
fn axe_finds_no_violation_on_any_page_on_a_laptop_a_phone_and_at_night() {
    let pages = all_pages();
    let pages: Vec<_> = pages
        .0
        .iter()
        .map(|(name, body)| (name.as_str(), body.as_str()))
        .collect();
    let style = include_str!("../../assets/kortlab.css");
    for look in Look::ALL {
        let found = axe::violations(&pages, style, look).unwrap();
        assert_eq!(found, Vec::<String>::new(), "{look:?}");
    }
}

#[test]
fn every_page_is_well_formed_and_can_be_used_without_seeing_it_or_a_mouse() {
    let pages = all_pages();
    assert!(pages.0.len() >= 60, "{}", pages.0.len());
    let mut faults = Vec::new();
    for (name, body) in &pages.0 {
        let dom = Dom::parse(body);
        for fault in check(&dom) {
            faults.push(format!("{name}: {fault}"));
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

/// What is wrong with a page.
fn check(dom: &Dom) -> Vec<String> {
    let mut faults = dom.errors.clone();
    let mut fault = |is: bool, what: String| {
        if is {
            faults.push(what);
        }
    };
    let count = |name: &str| dom.all(name).count();
    for name in ["h1", "main", "title", "footer"] {
        fault(count(name) != 1, format!("{} {name} elements", count(name)));
    }
    fault(
        count("script") + count("iframe") + count("style") > 0,
        "something runs".into(),
    );
    let language = dom.all("html").next().and_then(|one| one.attribute("lang"));
    fault(!matches!(language, Some("sv" | "en")), "no language".into());

    let mut ids = BTreeSet::new();
    for one in &dom.elements {
        for (name, value) in &one.attributes {
            fault(
                name.starts_with("on") || name == "style",
                format!("{name} on {}", one.name),
            );
            match name.as_str() {
                "id" => fault(!ids.insert(value.clone()), format!("id {value} twice")),
                "for" | "aria-labelledby" | "aria-describedby" => fault(
                    value.split(' ').any(|id| dom.by_id(id).is_none()),
                    format!("{name}={value} leads nowhere"),
                ),
                "href" if value.starts_with('#') => fault(
                    dom.by_id(&value[1..]).is_none(),
                    format!("{value} leads nowhere"),
                ),
                _ => {}
            }
        }
    }
    headings(dom, &mut fault);
    controls(dom, &mut fault);
    tables(dom, &mut fault);
    for one in dom.all("img") {
        fault(
            one.attribute("alt").is_none(),
            "an image without alt".into(),
        );
    }
    for one in dom.all("svg") {
        fault(
            one.attribute("aria-hidden") != Some("true"),
            "an icon that is read".into(),
        );
    }
    for one in dom.all("nav") {
        fault(
            one.attribute("aria-label").is_none(),
            "a nav without a name".into(),
        );
    }
    let first = dom.all("a").next();
    fault(
        first.and_then(|one| one.attribute("href")) != Some("#content"),
        "the first link does not skip to the content".into(),
    );
    faults
}

/// Headings go down one level at a time.
fn headings(dom: &Dom, fault: &mut impl FnMut(bool, String)) {
    let mut before = 0;
    let main = dom.all("main").next();
    for one in main.map(|main| dom.inside(main)).into_iter().flatten() {
        let Some(level) = one
            .name
            .strip_prefix('h')
            .and_then(|level| level.parse().ok())
        else {
            continue;
        };
        fault(
            level > before + 1 && !is_in_notice(one, dom),
            format!("h{level} after h{before}"),
        );
        fault(one.text.is_empty(), format!("an empty h{level}"));
        before = level;
    }
}

/// The summary of what is missing comes before the page's own heading, as it is to be read first.
fn is_in_notice(one: &Element, dom: &Dom) -> bool {
    one.ancestors.iter().any(|index| {
        dom.elements[*index]
            .attribute("class")
            .is_some_and(|class| class.contains("notice"))
    })
}

/// Every control has a name, every group of them a legend, every button and link a text.
fn controls(dom: &Dom, fault: &mut impl FnMut(bool, String)) {
    for one in dom.all("input") {
        let id = one.attribute("id");
        let is_hidden = one.attribute("type") == Some("hidden");
        let label = dom
            .all("label")
            .find(|label| id.is_some() && label.attribute("for") == id);
        fault(
            !is_hidden && label.is_none_or(|label| label.text.is_empty()),
            format!("{:?} has no label", one.attributes),
        );
        let grouped = one.around.contains(&"fieldset".to_owned());
        fault(!is_hidden && !grouped, format!("{id:?} is in no fieldset"));
    }
    for one in dom.all("fieldset") {
        let legend = dom.inside(one).find(|inner| inner.name == "legend");
        fault(
            legend.is_none_or(|legend| legend.text.is_empty()),
            "no legend".into(),
        );
    }
    for name in ["button", "a", "summary"] {
        for one in dom.all(name) {
            fault(one.text.is_empty(), format!("a {name} without text"));
        }
    }
    for one in dom.all("form") {
        fault(
            one.attribute("method") != Some("post"),
            "a form that is not posted".into(),
        );
    }
}

fn tables(dom: &Dom, fault: &mut impl FnMut(bool, String)) {
    for one in dom.all("table") {
        let captions = dom.inside(one).filter(|inner| inner.name == "caption");
        fault(captions.count() != 1, "a table without a caption".into());
        for cell in dom.inside(one).filter(|inner| inner.name == "th") {
            fault(
                cell.attribute("scope").is_none(),
                format!("no scope: {}", cell.text),
            );
        }
    }
}

#[test]
fn the_button_of_a_task_comes_before_long_lists_and_after_what_is_to_be_read() {
    let pages = all_pages();
    let (mut lists, mut texts) = (0, 0);
    for (name, body) in &pages.0 {
        let Some(button) = body.find("<button type=\"submit\">") else {
            continue;
        };
        if !name.contains("/task") {
            continue;
        }
        if let Some(list) = body.find("<ul class=\"certificates\">") {
            assert!(button < list, "{name}");
            lists += 1;
        }
        for read in ["<table class=\"data\">", "<div class=\"paper\""] {
            if let Some(at) = body.find(read) {
                assert!(at < button, "{name}");
                texts += 1;
            }
        }
    }
    assert!(lists >= 4 && texts >= 4, "{lists} {texts}");
}

#[test]
fn the_start_pages_button_is_in_sight_on_a_phone() {
    let pages = all_pages();
    let pages = ["sv /", "en /"].map(|name| (name, pages.0[name].as_str()));
    let style = include_str!("../../assets/kortlab.css");
    let look = Look::PHONE;
    for bottom in layout::bottoms(&pages, style, look, "main a.button").unwrap() {
        assert!(bottom <= f64::from(look.size.1), "{bottom}");
    }
}

#[test]
fn words_that_belong_together_are_not_broken_at_their_hyphen() {
    for (name, body) in &all_pages().0 {
        let text = Dom::parse(body).text();
        for word in ["PIN-kod", "e-tjänstekort"] {
            assert!(!text.contains(word), "{name}: {text}");
        }
    }
    let start = Dom::parse(&all_pages().0["sv /"]).text();
    assert!(start.contains("PIN\u{2011}koden"), "{start}");
}

/// What is to be signed is shown as it is, over the width of the page; everywhere else an HSA-id is a
/// word of its own.
#[test]
fn an_hsa_id_is_not_broken_at_its_hyphen() {
    let mut found = 0;
    for (name, body) in &all_pages().0 {
        for (at, _) in body.match_indices("TST00") {
            let before = &body[..at];
            let opened = before.rfind('<').map(|tag| &before[tag..]).unwrap();
            if ["<pre", "<td>", "<input"]
                .iter()
                .any(|tag| opened.starts_with(tag))
            {
                continue;
            }
            let end = body[at..].find('<').map(|end| at + end).unwrap();
            assert!(
                opened.contains("nowrap"),
                "{name}: {opened}{}",
                &body[at..end]
            );
            found += 1;
        }
    }
    assert!(found >= 4, "{found}");
}

/// Plain Chromium asks for the PINs of a card one after another, before it shows a certificate: at the
/// trial as at the log-in, and when either is tried again.
#[test]
fn each_page_that_leads_to_where_a_certificate_is_asked_for_says_which_pin_comes_first() {
    let mut found = 0;
    for (name, body) in &all_pages().0 {
        let dom = Dom::parse(body);
        let is_at_one = name.contains(" log-in") || name.contains(" trial");
        let leads_there = dom
            .all("a")
            .filter_map(|link| link.attribute("href"))
            .any(|address| match address {
                "https://portal.example:8444/" | "https://portal.example:8445/" => true,
                "/" => is_at_one,
                _ => false,
            });
        if !leads_there {
            continue;
        }
        let said = match name.starts_with("sv") {
            true => [
                "Webbläsaren frågar först efter PIN\u{2011}koden för legitimering",
                "Står det Underskrift, så tryck på Avbryt",
                "Avbryter du vid Legitimering, så kommer rutan några gånger till, ungefär en gång",
                "En webbläsare som startas med kortlab browser frågar bara efter",
            ],
            false => [
                "The browser first asks for the PIN for legitimering",
                "If it says Underskrift (signature), press Cancel",
                "If you cancel at Legitimering, the dialogue comes some more times, about once",
                "A browser that is started by kortlab browser asks only for",
            ],
        };
        let text = dom.text();
        for said in said {
            assert!(text.contains(said), "{name}: {said}: {text}");
        }
        found += 1;
    }
    // In each language: the start page, the end of a session, the test page twice, the trial, a refusal.
    assert!(found >= 10, "{found}");
}

#[test]
fn every_link_and_every_form_leads_somewhere_that_answers() {
    let pages = all_pages();
    let mut links = BTreeSet::new();
    let mut actions = BTreeSet::new();
    for body in pages.0.values() {
        let dom = Dom::parse(body);
        for one in dom.all("a").chain(dom.all("link")) {
            links.insert(one.attribute("href").unwrap().to_owned());
        }
        for one in dom.all("img") {
            links.insert(one.attribute("src").unwrap().to_owned());
        }
        for one in dom.all("form") {
            actions.insert(one.attribute("action").unwrap().to_owned());
        }
    }
    let site = Site::new();
    let card = SoftCard::enrol(&site, "links", &[10]);
    let browser = Browser::logged_in(&site, &card);
    for link in links.iter().filter(|link| !link.starts_with('#')) {
        let path = link.strip_prefix(ORIGIN).unwrap_or(link);
        let listener = match path {
            "https://portal.example:8444/" => Listener::LogIn,
            "https://portal.example:8445/" => Listener::Trial,
            _ => Listener::Main,
        };
        let path = match listener {
            Listener::Main => path,
            _ => "/",
        };
        let certificate = Some(card.carrier.authentication.as_slice());
        let status = browser.at(listener, path, certificate).status;
        assert!(status == 200 || status == 303, "{link}: {status}");
    }
    for action in &actions {
        if action == &format!("{AGENT}/task") {
            continue;
        }
        // Without its token a form is refused; an address that did not take it would say so.
        assert_eq!(browser.post(action, &[]).status, 403, "{action}");
    }
    assert!(
        links.len() > 10 && actions.len() > 8,
        "{links:?} {actions:?}"
    );
}

#[test]
fn what_comes_from_certificates_and_holders_is_escaped() {
    use kortlab_issuer::card_number::CardNumber;
    use kortlab_issuer::holder::Holder;
    use kortlab_issuer::profile::CarrierSubject;
    use kortlab_issuer::random::IssuerRng;
    use kortlab_portal::operation::Operation;
    use kortlab_portal_core::Enrolment;

    let site = Site::new();
    // The keys of a card that this portal does not know.
    let known = SoftCard::enrol(&Site::new(), "escaping", &[]);
    let rng = &mut IssuerRng::from_seed(9, "escaping");
    let mut holder = Holder::generate(rng);
    holder.given_name = "<script>alert(1)</script>".into();
    holder.surname = "\" onload=\"x".into();
    let number = CardNumber::generate(rng);
    let enrolment = Enrolment {
        holder,
        card_number: number,
        authentication_key: known.authentication.public(),
        signature_key: known.signature.public(),
        carrier_subject: CarrierSubject::Person,
    };
    let pair = site.call(Operation::Enrol, move |portal| portal.enrol(&enrolment));
    let browser = Browser::new(&site);
    browser.log_in(Some(&pair.authentication));
    for path in ["/menu", "/fetch"] {
        let page = browser.open(path);
        assert_eq!(page.all("script").count(), 0);
        assert_eq!(check(&page), Vec::<String>::new());
        assert!(
            page.text().contains("<script>alert(1)</script>"),
            "{}",
            page.text()
        );
    }
}
