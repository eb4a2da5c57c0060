//! What the audit log tells of one call: who, what, about what, and what came of it.

use core::fmt;

use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::Timestamp;
use kortlab_portal_core::OrderId;
use serde::{Deserialize, Serialize};

use crate::operation::Operation;

/// Bytes of a text in an entry.
const MAX_TEXT: usize = 240;
/// Serial numbers in an entry, and hexadecimal digits of each: those of this portal have 32.
const MAX_CERTIFICATES: usize = 24;
const MAX_SERIAL: usize = 48;

/// One event, before the audit log gives it a number and a place in its chain. No event holds a
/// token, a PIN, a key or a document that was sent in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When, in seconds since the Unix epoch, by the portal's clock.
    pub at: u64,
    /// Who.
    pub actor: Actor,
    /// What.
    pub operation: Operation,
    /// What came of it.
    pub outcome: Outcome,
    /// What it was about.
    #[serde(flatten)]
    pub subject: Subject,
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// The holder of the card that the subject names, or who wants to be that.
    Holder,
    /// Somebody who is not logged in.
    Visitor,
    /// Who has the administrator's token.
    Administrator,
    /// The portal itself.
    Portal,
}

impl Actor {
    /// The stable name, as in the JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::Visitor => "visitor",
            Self::Administrator => "administrator",
            Self::Portal => "portal",
        }
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused, with this code (`PortalError::code`).
    Refused(String),
}

impl fmt::Display for Outcome {
    /// `done`, or `refused: CODE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Refused(code) => write!(f, "refused: {code}"),
        }
    }
}

impl From<Outcome> for String {
    fn from(outcome: Outcome) -> Self {
        outcome.to_string()
    }
}

impl From<String> for Outcome {
    fn from(text: String) -> Self {
        match text.strip_prefix("refused: ") {
            Some(code) => Self::Refused(code.to_owned()),
            None if text == "done" => Self::Done,
            None => Self::Refused(text),
        }
    }
}

/// What a call was about; what is not known stays away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The card's number, 19 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// The order, 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Serial numbers of certificates, in hexadecimal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<String>,
    /// What else there is to say, in one line: a revocation reason, a planned failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Subject {
    /// About this card.
    #[must_use]
    pub fn card(mut self, card: CardNumber) -> Self {
        self.card = Some(card.to_string());
        self
    }

    /// About this order.
    #[must_use]
    pub fn order(mut self, order: OrderId) -> Self {
        self.order = Some(order.to_string());
        self
    }

    /// About the certificate with this serial number (the INTEGER's contents octets), too.
    #[must_use]
    pub fn certificate(mut self, serial: &[u8]) -> Self {
        self.certificates.push(hex::encode_upper(serial));
        self
    }

    /// The same within bounds: whatever a client sends, an entry has less than 4 kB.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let texts = [&mut self.card, &mut self.order, &mut self.detail];
        for text in texts.into_iter().flatten() {
            shorten(text, MAX_TEXT);
        }
        let more = self.certificates.len().saturating_sub(MAX_CERTIFICATES);
        self.certificates.truncate(MAX_CERTIFICATES);
        for serial in &mut self.certificates {
            shorten(serial, MAX_SERIAL);
        }
        if more > 0 {
            self.certificates.push(format!("and {more} more"));
        }
        self
    }

    /// With this to say.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// Cuts a text that is too long, and says so with an ellipsis.
fn shorten(text: &mut String, limit: usize) {
    const ELLIPSIS: char = '…';
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit.saturating_sub(ELLIPSIS.len_utf8())));
        text.push(ELLIPSIS);
    }
}

impl AuditEvent {
    /// An event of the portal itself that was done.
    pub fn of_the_portal(at: Timestamp, operation: Operation, subject: Subject) -> Self {
        Self {
            at: at.unix_seconds(),
            actor: Actor::Portal,
            operation,
            outcome: Outcome::Done,
            subject,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_subject_is_about_it_stays_within_bounds() {
        // Quotes and control characters are longer as JSON than they are.
        for text in [
            "å".repeat(20_000),
            "\u{1}\"".repeat(20_000),
            "short".to_owned(),
        ] {
            let mut subject = Subject::default().detail(text.clone());
            for _ in 0..1000 {
                subject = subject.certificate(&[0xAB; 5000]);
            }
            let subject = subject.bounded();
            let json = serde_json::to_string(&subject).unwrap();
            assert!(json.len() < 4096, "{}", json.len());
            assert_eq!(subject.certificates.last().unwrap(), "and 976 more");
            assert_eq!(
                subject.detail.as_deref() == Some(&text),
                text.len() <= MAX_TEXT
            );
            assert_eq!(subject.clone().bounded().detail, subject.detail);
        }
    }

    #[test]
    fn an_event_reads_back_from_its_json() {
        for outcome in [Outcome::Done, Outcome::Refused("hcc-log-in".to_owned())] {
            let event = AuditEvent {
                at: 1_795_478_400,
                actor: Actor::Holder,
                operation: Operation::LogIn,
                outcome,
                subject: Subject::default().certificate(&[0x4A, 0x01]),
            };
            let json = serde_json::to_string(&event).unwrap();
            assert!(json.contains(r#""certificates":["4A01"]"#), "{json}");
            assert_eq!(serde_json::from_str::<AuditEvent>(&json).unwrap(), event);
        }
    }
}
