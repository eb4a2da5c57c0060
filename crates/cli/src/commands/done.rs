//! What a command says that did something and has nothing to show.

use std::fmt;

use kortlab_card::{Guarantee, PinRole};
use serde::Serialize;

use crate::output::{printable, warn};

/// The JSON document: what was done, to what.
#[derive(Serialize)]
pub struct Done {
    /// What was done, in one word: `verified`, `changed`, `unblocked`, `written`, `removed`.
    done: &'static str,
    /// To what: a PIN's name, or an identifier.
    object: String,
    /// What was certain about the change, whenever it had been interrupted: `one-byte` or
    /// `journal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    guarantee: Option<&'static str>,
    /// What was overridden or left undone, in words: a file that stays, say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip)]
    text: String,
}

impl Done {
    /// Something was done to an object; `text` says it to people.
    pub fn new(done: &'static str, object: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            done,
            object: object.into(),
            guarantee: None,
            warnings: Vec::new(),
            text: text.into(),
        }
    }

    /// The same, done to the card's certificates with this guarantee; of what was left undone,
    /// people are told on standard error.
    pub fn with(mut self, guarantee: Guarantee, warnings: Vec<String>) -> Self {
        for warning in &warnings {
            warn(warning);
        }
        self.guarantee = Some(guarantee.name());
        self.warnings = warnings;
        self
    }

    /// Something was done to a PIN, which now `is` something.
    pub fn pin(role: PinRole, done: &'static str, is: &str) -> Self {
        Self::new(done, role.name(), format!("the PIN for {role} {is}"))
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.text))
    }
}
