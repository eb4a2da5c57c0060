//! What can keep a task from being done, as its visitor reads it.

use kortlab_card::{CardError, ErrorKind, PinRole};
use kortlab_renewal::card::WorkError;
use kortlab_renewal::understood::NotUnderstood;

use crate::opener::CardUnavailable;
use crate::words::{Words, visible, visible_lines};

/// Why a task is not done, and what to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotDone {
    /// What happened.
    pub(crate) what: Words,
    /// What to do next.
    pub(crate) next: Option<Words>,
    /// The technical side of it, in English.
    pub(crate) detail: Option<String>,
    /// A text that was not signed, made visible.
    pub(crate) unsigned: Option<String>,
}

impl NotDone {
    /// Not done, in these words.
    pub(crate) fn new(swedish: impl Into<String>, english: impl Into<String>) -> Self {
        Self {
            what: Words::new(swedish, english),
            next: None,
            detail: None,
            unsigned: None,
        }
    }

    /// The same with a next step.
    #[must_use]
    pub(crate) fn next(mut self, swedish: impl Into<String>, english: impl Into<String>) -> Self {
        self.next = Some(Words::new(swedish, english));
        self
    }

    /// The same with its technical side.
    #[must_use]
    pub(crate) fn detail(mut self, detail: &str) -> Self {
        self.detail = Some(visible(detail));
        self
    }

    /// The same with the text that was not signed, to be read.
    #[must_use]
    pub(crate) fn unsigned(mut self, text: &str) -> Self {
        self.unsigned = Some(visible_lines(text));
        self
    }

    /// The same, told after something else.
    #[must_use]
    pub(crate) fn after(mut self, first: &Words) -> Self {
        self.what = Words::new(
            format!("{} {}", first.swedish(), self.what.swedish()),
            format!("{} {}", first.english(), self.what.english()),
        );
        self
    }

    /// Another card than the one the portal means.
    pub(crate) fn wrong_card(expected: &str, found: Option<&str>) -> Self {
        let expected = visible(expected);
        let found = match found {
            Some(found) => {
                let found = visible(found);
                Words::new(
                    format!("kortet i läsaren har nummer {found}"),
                    format!("the card in the reader has number {found}"),
                )
            }
            None => Words::new(
                "kortet i läsaren visar inget kortnummer",
                "the card in the reader shows no card number",
            ),
        };
        Self::new(
            format!(
                "Fel kort: uppgiften gäller kortet med nummer {expected}, men {}.",
                found.swedish()
            ),
            format!(
                "Wrong card: this is for the card with number {expected}, but {}.",
                found.english()
            ),
        )
        .next(
            "Sätt i rätt kort och försök igen.",
            "Insert the right card and try again.",
        )
    }

    /// The PIN has one try left, which is not for the agent to use up.
    pub(crate) fn last_try(role: PinRole) -> Self {
        Self::new(
            format!(
                "Det är bara ett försök kvar för PIN\u{2011}koden för {}. Agenten använder aldrig kortets sista försök.",
                role.swedish()
            ),
            format!(
                "Only one try is left for the PIN for {role}. The agent never uses a card's last try."
            ),
        )
        .next(
            format!(
                "Kontrollera PIN\u{2011}koden med ”kortlab pin verify {0}”, eller lås upp den med PUK: ”kortlab pin unblock {0}”. Försök sedan igen.",
                role.name()
            ),
            format!(
                "Check the PIN with “kortlab pin verify {0}”, or unblock it with the PUK: “kortlab pin unblock {0}”. Then try again.",
                role.name()
            ),
        )
    }

    /// The PIN is blocked.
    pub(crate) fn blocked(role: PinRole) -> Self {
        Self::new(
            format!("PIN\u{2011}koden för {} är låst.", role.swedish()),
            format!("The PIN for {role} is blocked."),
        )
        .next(
            format!(
                "Lås upp den med PUK: ”kortlab pin unblock {}”. Försök sedan igen.",
                role.name()
            ),
            format!(
                "Unblock it with the PUK: “kortlab pin unblock {}”. Then try again.",
                role.name()
            ),
        )
    }

    /// A card that does not say how many tries are left.
    pub(crate) fn tries_unknown(role: PinRole) -> Self {
        Self::new(
            format!(
                "Kortet säger inte hur många försök som är kvar för PIN\u{2011}koden för {}, så agenten kan inte skydda det sista.",
                role.swedish()
            ),
            format!(
                "The card does not say how many tries are left for the PIN for {role}, so the agent cannot protect the last one."
            ),
        )
        .next(
            "Använd ”kortlab renew” i ett terminalfönster i stället.",
            "Use “kortlab renew” in a terminal instead.",
        )
    }
}

impl From<CardUnavailable> for NotDone {
    fn from(unavailable: CardUnavailable) -> Self {
        match unavailable {
            CardUnavailable::Card(error) => error.into(),
            CardUnavailable::Other { message, next_step } => {
                let detail = match next_step {
                    Some(next) => format!("{message}; {next}"),
                    None => message,
                };
                Self::new(
                    "Kortet kan inte användas just nu.",
                    "The card cannot be used right now.",
                )
                .next("Försök igen om en stund.", "Try again in a while.")
                .detail(&detail)
            }
        }
    }
}

impl From<CardError> for NotDone {
    fn from(error: CardError) -> Self {
        let not_done = match error.kind() {
            ErrorKind::NoReader => Self::new(
                "Ingen kortläsare hittades.",
                "No card reader was found.",
            )
            .next(
                "Anslut läsaren och försök igen.",
                "Connect the reader and try again.",
            ),
            ErrorKind::NoCard => Self::new("Inget kort hittades i någon läsare.", "No card was found in any reader.")
                .next(
                    "Anslut läsaren, sätt i kortet och försök igen.",
                    "Connect the reader, insert the card and try again.",
                ),
            ErrorKind::Interrupted => Self::new(
                "Ett annat program använder eller har ändrat kortet.",
                "Another program uses or has changed the card.",
            )
            .next("Försök igen om en stund.", "Try again in a while."),
            ErrorKind::Full => Self::new(
                "Kortet är fullt (fullt kort). Inget har ändrats.",
                "The card is full. Nothing was changed.",
            )
            .next(
                "Ta bort certifikat som inte behövs och försök igen.",
                "Remove certificates that are no longer needed and try again.",
            ),
            ErrorKind::Unfinished => Self::new(
                "Ändringen av kortet avbröts innan den var färdig.",
                "The change of the card was interrupted before it was finished.",
            )
            .next(
                "Sätt i kortet igen och försök på nytt: ändringen görs då färdig eller tas tillbaka.",
                "Insert the card again and try again: the change is then completed or undone.",
            ),
            ErrorKind::NotPkcs15 => Self::new(
                "Kortet i läsaren är inget e\u{2011}tjänstekort.",
                "The card in the reader is no staff card.",
            )
            .next(
                "Sätt i rätt kort och försök igen.",
                "Insert the right card and try again.",
            ),
            ErrorKind::Journal => Self::new(
                "Agenten kan inte läsa eller skriva sin journal på den här datorn.",
                "The agent cannot read or write its journal on this computer.",
            ),
            ErrorKind::Storage => Self::new(
                "Filen som det virtuella kortet sparas i kunde inte skrivas. Kortet är det inget fel på.",
                "The file that keeps the virtual card could not be written. The card is not at fault.",
            )
            .next(
                "Gör plats på disken eller tillåt att filen skrivs, eller starta agenten med --ephemeral, och försök igen.",
                "Make room on the disk or allow writing the file, or start the agent with --ephemeral, and try again.",
            ),
            _ => Self::new(
                "Kortet gjorde inte det som det ombads att göra.",
                "The card did not do what it was asked to do.",
            ),
        };
        let detail = match error.next_step() {
            Some(next) => format!("{error}; {next}"),
            None => error.to_string(),
        };
        not_done.detail(&detail)
    }
}

impl From<NotUnderstood> for NotDone {
    fn from(error: NotUnderstood) -> Self {
        match error {
            NotUnderstood::Certificate { .. } => Self::new(
                "Portalen har skickat certifikat som inte är det par av HCC för det här kortet som det ska vara. Inget har ändrats och inget har skrivits under.",
                "The portal has sent certificates that are not the pair of HCCs for this card that they should be. Nothing was changed, and nothing was signed.",
            ),
            _ => Self::new(
                "Det som portalen vill få underskrivet är inte det som det ska vara, så agenten förstår det inte. Det skrivs inte under.",
                "What the portal wants to have signed is not what it should be, so the agent does not understand it. It is not signed.",
            ),
        }
        .next(
            "Visa det här för dem som sköter portalen, och skriv inte under något där innan det är förklarat.",
            "Show this to those who run the portal, and sign nothing there until it is explained.",
        )
        .detail(&error.to_string())
    }
}

impl From<WorkError> for NotDone {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Card(error) => error.into(),
            WorkError::OtherKey(role) => Self::new(
                format!(
                    "Certifikatet för {} hör inte till kortets nyckel. Inget har ändrats.",
                    role.swedish()
                ),
                format!(
                    "The certificate for {role} is not for the card's key. Nothing was changed."
                ),
            )
            .next(
                "Gå tillbaka till portalen och beställ nya certifikat.",
                "Go back to the portal and order new certificates.",
            ),
            other => Self::new(
                "Det som kortet skulle göra kunde inte förberedas eller godtas.",
                "What the card was to do could not be prepared or accepted.",
            )
            .detail(&other.to_string()),
        }
    }
}
