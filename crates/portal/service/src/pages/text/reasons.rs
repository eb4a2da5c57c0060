//! Why something was refused, and what to do: every page that says no.

use axum::http::StatusCode;
use kortlab_issuer::IssueError;
use kortlab_issuer::authority::{AuthorityKind, CertificateState};
use kortlab_portal_core::PortalError;

use super::{Texts, texts};

/// What a refusal says.
#[derive(Clone, Debug)]
pub(crate) struct Reason {
    /// The heading.
    pub(crate) title: &'static str,
    /// Why.
    pub(crate) why: String,
    /// What to do.
    pub(crate) what_to_do: String,
}

texts! {
    not_found_title: "Sidan finns inte", "There is no such page";
    not_found: "Adressen leder ingenstans.", "The address leads nowhere.";
    not_found_do: "Kontrollera adressen, eller börja på startsidan.", "Check the address, or begin at the start page.";
    method_title: "Så kan sidan inte öppnas", "The page cannot be opened like this";
    method: "Sidan nås bara med en knapp på en annan sida.", "The page is reached only by a button on another page.";
    method_do: "Gå tillbaka till menyn och tryck på knappen där.", "Go back to the menu and press the button there.";
    too_large_title: "För mycket skickades", "Too much was sent";
    too_large: "Det som skickades är större än något kort kan ge.", "What was sent is larger than anything a card gives.";
    too_large_do: "Gå tillbaka och försök igen.", "Go back and try again.";
    too_many_title: "För många försök", "Too many attempts";
    too_many: "Det kom för många anrop på kort tid från din dator.", "So many requests in a short time are not taken from one computer.";
    too_many_do: "Vänta en minut och ladda om sidan.", "Wait a minute and load the page again.";
    bad_request_title: "Formuläret kunde inte läsas", "The form could not be read";
    bad_request: "Något i det som skickades saknas eller är fel.", "Something in what was sent is missing or wrong.";
    bad_request_do: "Gå tillbaka, ladda om sidan och försök igen.", "Go back, load the page again and try once more.";
    forgery_title: "Formuläret kom inte härifrån", "The form did not come from here";
    forgery: "Det som skickades kom från en annan webbplats, eller från en sida som är för gammal. Inget har gjorts.",
        "What was sent came from another site, or from a page that is too old. Nothing was done.";
    forgery_do: "Öppna sidan igen och tryck på knappen där.", "Open the page again and press the button there.";
    broken_title: "Något gick fel hos oss", "Something went wrong here";
    broken: "Tjänsten kunde inte göra det du bad om.", "The service could not do what you asked for.";
    broken_do: "Försök igen om en stund. En påbörjad hämtning är inte förlorad.", "Try again in a while. A fetch that was begun is not lost.";
    unavailable_title: "Tjänsten svarar inte just nu", "The service is not available now";
    unavailable: "Det du gjorde senast kunde inte sparas och gäller därför inte.", "What you did last could not be stored and therefore does not count.";
    task_over_title: "Svaret hör inte till något som väntar", "The answer belongs to nothing that waits";
    task_over: "Det har redan tagits emot, är för gammalt, hör till en annan webbläsare, eller så har tjänsten startats om.",
        "It has been taken already, is too old, belongs to another browser, or the service was restarted.";
    task_over_do: "Gå till menyn. Det som är gjort på kortet är gjort; portalen visar vad som återstår.",
        "Go to the menu. What is done on the card is done; the portal shows what is left.";
    refusal_title: "Det gick inte", "It did not work";
}

impl Texts {
    /// The reason for an HTTP status that is an error.
    pub(crate) fn status(self, status: StatusCode) -> Reason {
        let (title, why, what_to_do) = match status {
            StatusCode::NOT_FOUND => (
                self.not_found_title(),
                self.not_found(),
                self.not_found_do(),
            ),
            StatusCode::METHOD_NOT_ALLOWED => {
                (self.method_title(), self.method(), self.method_do())
            }
            StatusCode::PAYLOAD_TOO_LARGE => (
                self.too_large_title(),
                self.too_large(),
                self.too_large_do(),
            ),
            StatusCode::TOO_MANY_REQUESTS => {
                (self.too_many_title(), self.too_many(), self.too_many_do())
            }
            StatusCode::SERVICE_UNAVAILABLE => (
                self.unavailable_title(),
                self.unavailable(),
                self.broken_do(),
            ),
            status if status.is_client_error() => (
                self.bad_request_title(),
                self.bad_request(),
                self.bad_request_do(),
            ),
            _ => (self.broken_title(), self.broken(), self.broken_do()),
        };
        self.reason(title, why, what_to_do)
    }

    /// The reason for a form that was not made here.
    pub(crate) fn forgery_reason(self) -> Reason {
        self.reason(self.forgery_title(), self.forgery(), self.forgery_do())
    }

    /// The reason for a result of no task that waits.
    pub(crate) fn task_over_reason(self) -> Reason {
        self.reason(
            self.task_over_title(),
            self.task_over(),
            self.task_over_do(),
        )
    }

    /// The reason for a log-in without a certificate.
    pub(crate) fn no_certificate_reason(self) -> Reason {
        self.reason(
            self.refused_none_title(),
            self.refused_none_why(),
            self.refused_none_card(),
        )
    }

    fn reason(self, title: &'static str, why: &str, what_to_do: &str) -> Reason {
        Reason {
            title,
            why: why.to_owned(),
            what_to_do: what_to_do.to_owned(),
        }
    }

    /// The reason for a refusal of the trial of legitimering, for which other certificates are good
    /// than for the log-in.
    pub(crate) fn trial_error(self, error: &PortalError) -> Reason {
        let reason = self.portal_error(error);
        match error {
            PortalError::NotForLogIn | PortalError::UnreadableCertificate(_) => Reason {
                what_to_do: self.trial_choose().to_owned(),
                ..reason
            },
            _ => reason,
        }
    }

    /// The reason for a refusal of the portal.
    pub(crate) fn portal_error(self, error: &PortalError) -> Reason {
        let title = match error {
            PortalError::HccLogIn { .. } => self.refused_hcc_title(),
            PortalError::SessionOver => self.over_title(),
            _ => self.refusal_title(),
        };
        let (why, what_to_do) = match self.0 {
            super::Language::Swedish => swedish(error),
            super::Language::English => english(error),
        };
        Reason {
            title,
            why,
            what_to_do,
        }
    }
}

/// The portal's own words, which say why and, after the last semicolon, what to do.
fn english(error: &PortalError) -> (String, String) {
    let words = error.to_string();
    match words.rsplit_once("; ") {
        Some((why, what_to_do)) => (sentence(why), sentence(what_to_do)),
        None => (sentence(&words), "Try again.".to_owned()),
    }
}

/// The same in Swedish.
fn swedish(error: &PortalError) -> (String, String) {
    let (why, what_to_do) = match error {
        PortalError::HccLogIn { issuer } => (
            format!(
                "Certifikatet är ett HCC, utfärdat av {}. Med ett HCC går det inte att logga in här.",
                issuer_in_swedish(issuer)
            ),
            "Välj certifikatet som är utfärdat av Telia Card Identifier.",
        ),
        PortalError::NotForLogIn => (
            "Certifikatet är för underskrift.".to_owned(),
            "Välj certifikatet för legitimering som är utfärdat av Telia Card Identifier.",
        ),
        PortalError::UnknownCertificate { issuer } => (
            format!(
                "Certifikatet, utfärdat av {}, är okänt här.",
                issuer_in_swedish(issuer)
            ),
            "Kontrollera att rätt kort sitter i läsaren. Portalen känner bara kort från sin egen utfärdare.",
        ),
        PortalError::CertificateNotUsable { authority, state } => (
            match (authority, state) {
                (_, CertificateState::Revoked(reason)) => {
                    format!("Certifikatet är spärrat ({}).", reason.swedish())
                }
                (AuthorityKind::Carrier, state) => {
                    format!("Certifikatet är {}.", state.swedish_alone())
                }
                (AuthorityKind::Hcc, state) => format!("Certifikatet är {}.", state.swedish()),
            },
            match (authority, state) {
                (AuthorityKind::Carrier, CertificateState::OnHold) => "Fråga kortutgivaren varför.",
                (AuthorityKind::Hcc, CertificateState::OnHold) => {
                    "Kvittera kortet om en kvittens visas. Välj annars Hämta nytt HCC, eller fråga varför certifikatet är vilande."
                }
                (_, CertificateState::NotYetValid) => "Kontrollera datorns datum.",
                (_, CertificateState::Valid) => "Försök igen.",
                (
                    AuthorityKind::Carrier,
                    CertificateState::Expired | CertificateState::Revoked(_),
                ) => "Beställ ett nytt kort, eller använd ett annat.",
                (AuthorityKind::Hcc, CertificateState::Expired | CertificateState::Revoked(_)) => {
                    "Välj Hämta nytt HCC. Själva kortet behöver inte bytas."
                }
            },
        ),
        PortalError::UnreadableCertificate(_) => (
            "Certifikatet kan inte läsas.".to_owned(),
            "Välj certifikatet för legitimering som är utfärdat av Telia Card Identifier.",
        ),
        PortalError::CardNotUsable { state } => (
            format!(
                "Ett av kortutgivarens certifikat på kortet är {}. Du är därför utloggad.",
                match state {
                    CertificateState::Revoked(reason) => {
                        format!("spärrat ({})", reason.swedish())
                    }
                    state => state.swedish_alone().to_owned(),
                }
            ),
            match state {
                CertificateState::OnHold => {
                    "Fråga kortutgivaren varför, och logga in när det gäller igen."
                }
                CertificateState::NotYetValid => "Kontrollera datorns datum och logga in igen.",
                CertificateState::Valid => "Logga in igen.",
                CertificateState::Expired | CertificateState::Revoked(_) => {
                    "Beställ ett nytt kort, eller använd ett annat."
                }
            },
        ),
        PortalError::LogInSignature => (
            "Inloggningen är inte gjord med certifikatets nyckel.".to_owned(),
            "Använd samma kort hela vägen.",
        ),
        PortalError::SessionOver => (
            "Sessionen är slut.".to_owned(),
            "Logga in igen. En påbörjad hämtning fortsätter där den slutade.",
        ),
        PortalError::WrongCard { expected, found } => (
            format!("Det gjordes med kort {found}, men du är inloggad med kort {expected}."),
            "Sätt i det kort som du loggade in med, eller logga ut först.",
        ),
        PortalError::UnknownOrder => (
            "Kortet har ingen sådan beställning.".to_owned(),
            "Välj Hämta nytt HCC.",
        ),
        PortalError::OrderReplayed => (
            "Beställningen är redan skickad.".to_owned(),
            "Fortsätt hämtningen i stället för att skicka den igen.",
        ),
        PortalError::OrderLapsed => (
            "Beställningen gäller inte längre.".to_owned(),
            "Välj Hämta nytt HCC.",
        ),
        PortalError::OrderNotIssued => (
            "Beställningen är inte godkänd än.".to_owned(),
            "Kontrollera uppgifterna och skriv under beställningen först.",
        ),
        PortalError::ForeignKey { .. } => (
            "En begäran är inte gjord med kortets nyckel.".to_owned(),
            "Sätt i det kort som du loggade in med och försök igen.",
        ),
        PortalError::SignedWithAuthenticationKey { .. } => (
            "Det är underskrivet med nyckeln för legitimering.".to_owned(),
            "Signera med PIN\u{2011}koden för underskrift.",
        ),
        PortalError::SignedWithForeignKey { .. } => (
            "Det är inte underskrivet med kortets nyckel för underskrift.".to_owned(),
            "Sätt i det kort som du loggade in med och signera igen.",
        ),
        PortalError::OtherContent { .. } => (
            "Det som är underskrivet är inte det som portalen visar.".to_owned(),
            "Signera den text som visas nu.",
        ),
        PortalError::ReceiptReplayed => (
            "Kortet är redan kvitterat.".to_owned(),
            "Inget återstår. Logga ut.",
        ),
        PortalError::RemovedFromCard => (
            "Certifikaten är anmälda som borttagna från kortet.".to_owned(),
            "Välj Hämta nytt HCC igen, skriv dem till kortet och kvittera sedan.",
        ),
        PortalError::UnknownHcc { serial } => (
            format!("Kortet har inget HCC med serienummer {serial}."),
            "Visa listan igen.",
        ),
        PortalError::Issue(IssueError::AlreadyRevoked { .. }) => (
            "Certifikatet är redan spärrat.".to_owned(),
            "Visa listan igen.",
        ),
        PortalError::Document(_) => (
            "Det som skickades in kan inte läsas, eller underskriften stämmer inte.".to_owned(),
            "Gör om det.",
        ),
        _ => (
            "Tjänsten kunde inte göra det du bad om.".to_owned(),
            "Försök igen om en stund. En påbörjad hämtning är inte förlorad.",
        ),
    };
    (why, what_to_do.to_owned())
}

/// An issuer by name, if it has one.
fn issuer_in_swedish(issuer: &str) -> &str {
    match issuer.trim() {
        "" => "en utfärdare utan namn",
        _ => issuer,
    }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let mut sentence: String = letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default();
    if !sentence.ends_with(['.', '?', '!']) {
        sentence.push('.');
    }
    sentence
}
