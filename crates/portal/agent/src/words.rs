//! What people read, in Swedish and in English, and made safe to read.

use kortlab_portal_api::task::Language;

pub(crate) use kortlab_renewal::plain::{is_plain, visible, visible_lines};

/// The same in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    swedish: Box<str>,
    english: Box<str>,
}

impl Words {
    /// The same in both languages.
    pub(crate) fn new(swedish: impl Into<String>, english: impl Into<String>) -> Self {
        Self {
            swedish: swedish.into().into_boxed_str(),
            english: english.into().into_boxed_str(),
        }
    }

    /// In one of them.
    pub(crate) fn of(&self, language: Language) -> &str {
        match language {
            Language::Swedish => &self.swedish,
            Language::English => &self.english,
        }
    }

    /// In Swedish.
    pub(crate) fn swedish(&self) -> &str {
        &self.swedish
    }

    /// In English.
    pub(crate) fn english(&self) -> &str {
        &self.english
    }
}
