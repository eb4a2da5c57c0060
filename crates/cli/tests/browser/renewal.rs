//! The whole guide in a browser: log-in, removal, fetch, receipt, log-out, test page.

use std::fs;

use kortlab_interop::Sandbox;
use kortlab_portal::admin::wire::{EnrolledState, Revocation};

use crate::holder::{AUTH, CARRIER, HCC, Holder, SIGN, story};
use crate::judges::{OnCard, Worth, assert_worth, on_card};
use crate::lab::{Lab, Place};

#[test]
fn the_guide_renews_an_expired_card_in_a_browser_and_openssl_agrees_at_each_stage() {
    story(renews_an_expired_card);
}

fn renews_an_expired_card() {
    let builder = Sandbox::builder();
    let mut lab = Lab::with(builder, Place::Elsewhere, EnrolledState::Expired);
    let _agent = lab.agent();
    let holder = Holder::at(lab.browser("renewal").start().unwrap());

    judge(&lab, Some(Worth::Expired));
    holder.logs_in(&lab, CARRIER);
    removes_the_old(&holder);
    judge(&lab, None);
    fetches_the_new(&holder);
    judge(&lab, Some(Worth::OnHold));
    signs_the_receipt(&holder);
    judge(&lab, Some(Worth::Valid));
    holder.presses("Logga ut");
    holder.sees("Du är utloggad");
    looks_at_the_test_page(&holder);
    tries_the_signature(&holder);
    // The browser knows of the certificates that the card had when it was put in.
    lab.reinsert();
    tries_authentication(&holder);

    revoke_hccs(&lab);
    judge(&lab, Some(Worth::Revoked));
}

/// *Ta bort utgångna/spärrade HCC*, until none is shown.
pub fn removes_the_old(holder: &Holder) {
    holder.sees("2 HCC behöver tas bort från kortet.");
    holder.presses("Ta bort utgångna/spärrade HCC");
    holder.sees("Kryssa för alla certifikat som visas här");
    // The label is over its box.
    let boxes = "//label[starts-with(@for, 'serial-')]";
    assert_eq!(holder.browser.click_all(boxes).unwrap(), 2);
    holder.presses("Ta bort från kortet");
    holder.sees("De här certifikaten tas bort från kortet.");
    holder.presses("Ta bort");
    holder.at_the_agent(&[AUTH], "Ta bort");
    holder.sees("Inget utgånget eller spärrat HCC är kvar.");
}

/// *Hämta nytt HCC*, as far as the receipt.
pub fn fetches_the_new(holder: &Holder) {
    holder.presses("Hämta nytt HCC");
    holder.sees("Du får två nya certifikat på kortet");
    holder.presses("Nästa");
    holder.sees("Kontrollera uppgifterna");
    holder.presses("Uppgifterna stämmer: skriv under");
    holder.at_the_agent(&[AUTH, SIGN], "Skriv under");
    holder.sees("Skriv certifikaten till kortet");
    holder.presses("Skriv till kortet");
    holder.at_the_agent(&[AUTH], "Skriv till kortet");
    holder.sees("Kontrollera kvittensen");
}

/// *Kvittera kort*.
pub fn signs_the_receipt(holder: &Holder) {
    holder.presses("Signera");
    holder.at_the_agent(&[SIGN], "Signera");
    holder.sees("Kortet är kvitterat");
}

/// Two blue and two pink.
pub fn looks_at_the_test_page(holder: &Holder) {
    holder.presses("Kontrollera kortet på testsidan");
    holder.presses("Visa kortets certifikat");
    holder.sees("Kortets certifikat läses");
    holder.presses("Läs kortet");
    holder.at_the_agent(&[], "Visa certifikaten");
    holder.sees("Allt är som det ska: två blå och två rosa certifikat är giltiga.");
    for colour in ["blue", "pink"] {
        let rows = format!("//tbody/tr[@class = '{colour}']");
        assert_eq!(holder.browser.count(&rows).unwrap(), 2, "{colour}");
    }
}

fn tries_the_signature(holder: &Holder) {
    holder.presses("Prova underskrift");
    holder.sees("Den här texten skrivs under");
    holder.presses("Signera");
    holder.at_the_agent(&[SIGN], "Skriv under");
    holder.sees("Underskriften fungerar.");
}

fn tries_authentication(holder: &Holder) {
    holder.browser.press("Prova legitimering").unwrap();
    holder.gives_pin_and_certificate(HCC);
    holder.sees("Legitimeringen fungerar.");
    let text = holder.browser.text().unwrap();
    assert!(text.contains("Rosa") && !text.contains("Blått"), "{text}");
}

/// The card has two carrier certificates, which are valid, and two HCCs that are worth this, or
/// none.
#[track_caller]
fn judge(lab: &Lab, hcc: Option<Worth>) {
    let certificates = on_card(lab);
    let (hccs, carriers): (Vec<_>, Vec<_>) = certificates.iter().partition(|c| is_hcc(c));
    assert_eq!(carriers.len(), 2, "{certificates:?}");
    assert_eq!(
        hccs.len(),
        2 * usize::from(hcc.is_some()),
        "{certificates:?}"
    );
    for carrier in carriers {
        assert_worth(lab, carrier, Worth::Valid);
    }
    for (certificate, worth) in hccs.into_iter().zip(hcc.into_iter().cycle()) {
        assert_worth(lab, certificate, worth);
    }
}

/// The administrator revokes what is on the card.
fn revoke_hccs(lab: &Lab) {
    for certificate in on_card(lab).iter().filter(|c| is_hcc(c)) {
        let revocation = Revocation {
            certificate: fs::read(&certificate.file).unwrap().into(),
            reason: "affiliationChanged".to_owned(),
        };
        let revocation = serde_json::to_string(&revocation).unwrap();
        lab.admin("POST", "/admin/v1/revocations", &revocation);
    }
}

fn is_hcc(certificate: &OnCard) -> bool {
    certificate.label.contains("HCC")
}
