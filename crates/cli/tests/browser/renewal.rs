//! The whole guide in a browser: log-in, removal, fetch, receipt, log-out, test page.

use kortlab_interop::Sandbox;
use kortlab_interop::browser::Browser;
use kortlab_portal::admin::wire::{EnrolledState, Revocation};

use crate::judges::{OnCard, Worth, assert_worth, on_card};
use crate::lab::{AUTH_PIN, CARRIER_ROW, HCC_ROW, Lab, Place, SIGN_PIN};

#[test]
fn the_guide_renews_an_expired_card_in_a_browser_and_openssl_agrees_at_each_stage() {
    let mut lab = Lab::with(Sandbox::builder(), Place::Elsewhere, EnrolledState::Expired);
    let _agent = lab.agent();
    let browser = lab.browser("renewal").start().unwrap();
    let picture = |name: &str| browser.picture(name).unwrap();
    judge(
        &lab,
        &[Worth::Valid, Worth::Valid, Worth::Expired, Worth::Expired],
    );

    browser.open(&lab.pages()).unwrap();
    browser.wait_for_text("Telia Card Identifier").unwrap();
    picture("01-start");
    browser.press("Logga in").unwrap();
    browser.enter_pin(AUTH_PIN).unwrap();
    browser.choose_certificate(CARRIER_ROW).unwrap();
    browser
        .wait_for_text("2 HCC behöver tas bort från kortet.")
        .unwrap();
    picture("02-menu");

    browser.follow("Ta bort utgångna/spärrade HCC").unwrap();
    picture("03-list");
    // The label is over its box.
    assert_eq!(
        browser
            .click_all("//label[starts-with(@for, 'serial-')]")
            .unwrap(),
        2
    );
    browser.follow("Ta bort från kortet").unwrap();
    picture("04-remove");
    browser.follow("Ta bort").unwrap();
    with_agent(&browser, "05-agent-remove", &[AUTH], "Ta bort");
    browser
        .wait_for_text("Inget utgånget eller spärrat HCC är kvar.")
        .unwrap();
    picture("06-list-empty");
    judge(&lab, &[Worth::Valid, Worth::Valid]);

    browser.follow("Hämta nytt HCC").unwrap();
    picture("07-fetch");
    browser.follow("Nästa").unwrap();
    picture("08-request");
    browser.follow("Uppgifterna stämmer: skriv under").unwrap();
    with_agent(&browser, "09-agent-request", &[SIGN, AUTH], "Skriv under");
    browser
        .wait_for_text("Skriv certifikaten till kortet")
        .unwrap();
    picture("10-write");
    browser.follow("Skriv till kortet").unwrap();
    with_agent(&browser, "11-agent-write", &[AUTH], "Skriv till kortet");
    browser.wait_for_text("Kontrollera kvittensen").unwrap();
    picture("12-receipt");
    judge(
        &lab,
        &[Worth::Valid, Worth::Valid, Worth::OnHold, Worth::OnHold],
    );
    browser.follow("Signera").unwrap();
    with_agent(&browser, "13-agent-receipt", &[SIGN], "Signera");
    browser.wait_for_text("Kortet är kvitterat").unwrap();
    picture("14-done");
    judge(&lab, &[Worth::Valid; 4]);

    browser.follow("Logga ut").unwrap();
    browser.wait_for_text("Du är utloggad").unwrap();
    picture("15-logged-out");
    browser.follow("Kontrollera kortet på testsidan").unwrap();
    browser.follow("Visa kortets certifikat").unwrap();
    picture("16-show");
    browser.follow("Läs kortet").unwrap();
    with_agent(&browser, "17-agent-show", &[], "Visa certifikaten");
    browser
        .wait_for_text("Allt är som det ska: två blå och två rosa certifikat är giltiga.")
        .unwrap();
    for colour in ["blue", "pink"] {
        let rows = format!("//tbody/tr[@class = '{colour}']");
        assert_eq!(browser.count(&rows).unwrap(), 2, "{colour}");
    }
    picture("18-test-page");
    browser.follow("Prova underskrift").unwrap();
    browser.follow("Signera").unwrap();
    with_agent(&browser, "19-agent-sign", &[SIGN], "Skriv under");
    browser.wait_for_text("Underskriften fungerar.").unwrap();
    picture("20-signed");
    // The browser knows of certificates only what the card had when it was put in.
    lab.reinsert();
    browser.press("Prova legitimering").unwrap();
    browser.enter_pin(AUTH_PIN).unwrap();
    browser.wait_for_certificate_dialogue().unwrap();
    picture("21-certificates");
    browser.choose_certificate(HCC_ROW).unwrap();
    browser.wait_for_text("Legitimeringen fungerar.").unwrap();
    picture("22-trial");
    assert!(browser.text().unwrap().contains("Rosa"));

    for certificate in hccs(&lab) {
        let revocation = Revocation {
            certificate: std::fs::read(&certificate.file).unwrap().into(),
            reason: "affiliationChanged".to_owned(),
        };
        let revocation = serde_json::to_string(&revocation).unwrap();
        lab.admin("POST", "/admin/v1/revocations", &revocation);
    }
    judge(
        &lab,
        &[Worth::Valid, Worth::Valid, Worth::Revoked, Worth::Revoked],
    );
}

/// A place in the portal's header, to the right of its name.
const DARK_HEADER: (u32, u32) = (800, 175);

/// A field for a PIN on the agent's page, and the PIN.
type Pin = (&'static str, &'static str);
const AUTH: Pin = ("pin-auth", AUTH_PIN);
const SIGN: Pin = ("pin-sign", SIGN_PIN);

/// The agent's page, its PINs, its button, and the way back.
fn with_agent(browser: &Browser, name: &str, pins: &[Pin], button: &str) {
    browser.wait_for_text("Din egen dator").unwrap();
    let address = browser.address().unwrap();
    assert!(address.starts_with("http://127.0.0.1:47800/"), "{address}");
    browser.picture(name).unwrap();
    for (field, pin) in pins {
        browser.fill(field, pin).unwrap();
    }
    browser.follow(button).unwrap();
    browser.picture(&format!("{name}-after")).unwrap();
    browser.follow("Tillbaka till portalen").unwrap();
    // The browser has not laid an offer to keep the PIN over the page.
    let (x, y) = DARK_HEADER;
    assert!(
        browser.is_dark(x, y).unwrap(),
        "{:?}",
        browser.picture("covered")
    );
}

/// The card's certificates, carrier before HCC, are worth this.
#[track_caller]
fn judge(lab: &Lab, worth: &[Worth]) {
    let certificates = on_card(lab);
    let (hcc, carrier): (Vec<_>, Vec<_>) = certificates.iter().partition(|c| is_hcc(c));
    assert_eq!(certificates.len(), worth.len(), "{certificates:?}");
    assert_eq!(carrier.len(), 2, "{certificates:?}");
    for (certificate, worth) in carrier.into_iter().chain(hcc).zip(worth) {
        assert_worth(lab, certificate, *worth);
    }
}

fn hccs(lab: &Lab) -> Vec<OnCard> {
    let mut certificates = on_card(lab);
    certificates.retain(is_hcc);
    certificates
}

fn is_hcc(certificate: &OnCard) -> bool {
    certificate.label.contains("HCC")
}
