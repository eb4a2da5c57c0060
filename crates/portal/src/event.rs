//! What the audit log tells of one call: who, what, about what, and what came of it.

use core::fmt;

use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::portal::OrderId;
use serde::{Deserialize, Serialize};

use crate::operation::Operation;

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

    /// With this to say.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
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
