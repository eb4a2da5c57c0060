//! What is around every page.

use super::{Texts, texts};

texts! {
    product: "Kortlab", "Kortlab";
    service: "HCC-guiden", "The HCC guide";
    skip: "Till innehållet", "Skip to the content";
    to_start: "Till startsidan", "To the start page";
    language_nav: "Språk", "Language";
    other_language: "In English", "På svenska";
    who_nav: "Inloggad", "Logged in";
    logged_in_as: "Inloggad:", "Logged in:";
    card: "kort", "card";
    log_out: "Logga ut", "Log out";
    to_menu: "Till menyn", "To the menu";
    footer_nav: "Sidfot", "Footer";
    footer_test: "Testsida", "Test page";
    footer_start: "Startsida", "Start page";
    laboratory: "Detta är ett laboratorium: certifikaten är testcertifikat och alla personer är påhittade.",
        "This is a laboratory: the certificates are test certificates and all people are invented.";
    what_to_do: "Så går du vidare", "What to do now";
    good_news: "Klart", "Done";
    bad_news: "Det gick inte", "It did not work";
    remark: "Att tänka på", "Please note";
    what_is_missing: "Något saknas", "Something is missing";
}

impl Texts {
    /// When the session ends by itself.
    pub(crate) fn session_ends(self, minutes: u64, clock: &str) -> String {
        self.either(
            format!("Du loggas ut automatiskt om {minutes} minuter (kl. {clock}) om du inte gör något."),
            format!("You are logged out automatically in {minutes} minutes (at {clock}, Swedish time) unless you do something."),
        )
    }
}
