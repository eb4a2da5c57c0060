//! PINs.

use kortlab_card::{FoundPin, PinPurpose, PinState, WhyUnknown};
use serde::Serialize;

/// One PIN or PUK.
#[derive(Clone, Debug, Serialize)]
pub struct PinEntry {
    /// `auth`, `sign`, `puk`, `so` or `other`.
    pub name: &'static str,
    /// What it is for: `auth`, `sign`, or both on a card with one PIN for everything.
    pub roles: Vec<&'static str>,
    /// What the card calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its identifier in EF(AODF).
    pub id: String,
    /// P2 of VERIFY.
    pub reference: String,
    /// `verified`, `not-verified`, `blocked` or `unknown`.
    pub state: &'static str,
    /// Why the state is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The status word with which the card answered, if that is why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Null if the card does not say.
    pub tries_left: Option<u8>,
    /// The fewest characters.
    pub min_length: u32,
    /// The most characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// What in the card's rules for it cannot be right together; it is not sent before the holder
    /// knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<String>,
    /// Why the state is unknown.
    #[serde(skip)]
    pub why: Option<WhyUnknown>,
}

impl PinEntry {
    /// What is known of a PIN.
    pub fn new(found: &FoundPin) -> Self {
        let FoundPin { pin, roles, .. } = found;
        let why = match found.state {
            PinState::Unknown(why) => Some(why),
            _ => None,
        };
        let (state, tries_left) = match found.state {
            PinState::Verified => ("verified", None),
            PinState::TriesLeft(tries) => ("not-verified", Some(tries)),
            PinState::Blocked => ("blocked", Some(0)),
            PinState::Unknown(_) => ("unknown", None),
        };
        Self {
            name: match (pin.purpose, roles.first()) {
                (PinPurpose::Unblocking, _) => "puk",
                (PinPurpose::SecurityOfficer, _) => "so",
                (PinPurpose::User, Some(role)) => role.name(),
                (PinPurpose::User, None) => "other",
            },
            roles: roles.iter().map(|role| role.name()).collect(),
            label: pin.label.clone(),
            id: pin.auth_id.to_string(),
            reference: format!("{:02X}", pin.reference),
            state,
            reason: why.map(|why| why.to_string()),
            status: why.and_then(WhyUnknown::status).map(|sw| sw.to_string()),
            tries_left,
            min_length: pin.format.min_length,
            max_length: pin.format.max_length,
            contradictions: pin.contradictions.iter().map(ToString::to_string).collect(),
            why,
        }
    }

    /// Its name, or both on a card with one PIN for everything: `auth, sign`.
    pub fn title(&self) -> String {
        match self.roles.as_slice() {
            roles @ [_, _, ..] => roles.join(", "),
            _ => self.name.to_owned(),
        }
    }
}
