//! The test page and its two trials.

use super::{Texts, texts};

texts! {
    test_title: "Testsida", "Test page";
    test_lead: "Kontrollera att kortet fungerar: två blå och två rosa certifikat ska visas, alla giltiga.",
        "Check that the card works: two blue and two pink certificates should be shown, all valid.";
    test_show: "Visa kortets certifikat", "Show the card's certificates";
    test_show_again: "Läs kortet igen", "Read the card again";
    test_show_text: "Certifikaten läses från kortet av kortlab agent på din dator. Ingen PIN\u{2011}kod behövs.",
        "The certificates are read from the card by kortlab agent on your computer. No PIN is needed.";
    test_show_lead: "Kortets certifikat läses och visas på testsidan. Inget ändras på kortet.",
        "The card's certificates are read and shown on the test page. Nothing on the card is changed.";
    test_show_submit: "Läs kortet", "Read the card";
    test_caption: "Certifikat på kortet", "Certificates on the card";
    test_empty: "Kortet har inget certifikat som kan läsas.", "The card has no certificate that can be read.";
    test_good: "Allt är som det ska: två blå och två rosa certifikat är giltiga.",
        "All is well: two blue and two pink certificates are valid.";
    test_receipt_waits: "Minst ett HCC är vilande. Logga in och kvittera kortet.",
        "At least one HCC is on hold. Log in and sign the receipt.";
    test_unreadable: "Ett certifikat på kortet kunde inte läsas och visas inte.",
        "A certificate on the card could not be read and is not shown.";
    test_try: "Prova kortet", "Try the card";
    test_try_authentication: "Prova legitimering", "Try authentication (legitimering)";
    test_try_authentication_text: "Välj ett certifikat i webbläsarens lista, blått eller rosa. Saknas ett nytt certifikat i webbläsarens lista? Ta ut kortet och sätt i det igen.",
        "Choose a certificate in the browser's list, blue or pink. Is a new certificate missing from the browser's list? Take the card out and put it in again.";
    test_try_signature: "Prova underskrift", "Try signature (underskrift)";
    test_try_signature_text: "Skriv under en text som inte betyder något, med PIN\u{2011}koden för underskrift.",
        "Sign a text that means nothing, with the PIN for underskrift.";
    sign_title: "Prova underskrift", "Try signature (underskrift)";
    sign_lead: "Den här texten skrivs under med PIN\u{2011}koden för underskrift. Den betyder inget och sparas inte.",
        "This text is signed with the PIN for underskrift (signature). It means nothing and is not kept.";
    sign_text: "Text att skriva under", "Text to sign";
    sign_submit: "Signera", "Sign (Signera)";
    tried_authentication: "Legitimeringen fungerar.", "Authentication works.";
    tried_signature: "Underskriften fungerar.", "Signature works.";
    trial_title: "Prova legitimering", "Try authentication (legitimering)";
    trial_refused: "Legitimeringen gick inte", "Authentication did not work";
    trial_choose: "Välj ett certifikat för legitimering, blått eller rosa.",
        "Choose a certificate for authentication (legitimering), blue or pink.";
    trial_with: "Du legitimerade dig med", "You authenticated with";
    trial_back: "Till testsidan", "To the test page";
    trial_once_more: "Prova ett annat certifikat", "Try another certificate";
    trial_again: "Chromium frågar igen efter certifikat. Andra webbläsare kommer kanske ihåg valet: stäng då alla webbläsarfönster först.",
        "Chromium asks for a certificate again. Other browsers may remember the choice: then close all browser windows first.";
}

impl Texts {
    /// How many of the certificates the portal has not issued.
    pub(crate) fn test_unknown(self, count: usize) -> String {
        match count {
            1 => self.either(
                "Ett certifikat på kortet är inte utfärdat av portalen. Det räknas inte som giltigt.".to_owned(),
                "One certificate on the card was not issued by the portal. It does not count as valid.".to_owned(),
            ),
            _ => self.either(
                format!("{count} certifikat på kortet är inte utfärdade av portalen. De räknas inte som giltiga."),
                format!("{count} certificates on the card were not issued by the portal. They do not count as valid."),
            ),
        }
    }

    /// How many are valid, when it is not two and two.
    pub(crate) fn test_count(self, blue: usize, pink: usize) -> String {
        self.either(
            format!("Giltiga certifikat: {blue} blå och {pink} rosa. Det ska vara två blå och två rosa, ett av varje för legitimering och ett för underskrift."),
            format!("Valid certificates: {blue} blue and {pink} pink. There should be two blue and two pink, one of each for authentication and one for signature."),
        )
    }
}
