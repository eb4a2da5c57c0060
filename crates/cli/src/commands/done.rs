//! What a command says that did something and has nothing to show.

use std::fmt;

use kortlab_card::PinRole;
use serde::Serialize;

use crate::output::printable;

/// The JSON document: what was done, to what.
#[derive(Serialize)]
pub struct Done {
    /// What was done, in one word: `verified`, `changed`, `unblocked`, `written`, `removed`.
    done: &'static str,
    /// To what: a PIN's name, or an identifier.
    object: String,
    #[serde(skip)]
    text: String,
}

impl Done {
    /// Something was done to an object; `text` says it to people.
    pub fn new(done: &'static str, object: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            done,
            object: object.into(),
            text: text.into(),
        }
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
