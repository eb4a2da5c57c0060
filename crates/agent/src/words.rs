//! What people read, in Swedish and in English, and made safe to read.

use kortlab_portal_api::task::Language;

/// The same in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    swedish: String,
    english: String,
}

impl Words {
    /// The same in both languages.
    pub(crate) fn new(swedish: impl Into<String>, english: impl Into<String>) -> Self {
        Self {
            swedish: swedish.into(),
            english: english.into(),
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

/// A text from a card or a certificate as it can be shown: characters that cannot be seen, or
/// that make others look like something else, are written as `\u{…}`.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_deceptive(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether a text is wholly what it looks like: then it can be shown to be signed. Line feeds are
/// the only control characters in it.
pub(crate) fn is_plain(text: &str) -> bool {
    !text
        .chars()
        .any(|character| character != '\n' && is_deceptive(character))
}

/// Control characters, and those that are invisible, reorder a line, or are for no common use
/// (Unicode's Default_Ignorable_Code_Point, bidirectional formatting, private use, tags).
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}'
                | '\u{34F}'
                | '\u{61C}'
                | '\u{115F}'..='\u{1160}'
                | '\u{17B4}'..='\u{17B5}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{3164}'
                | '\u{E000}'..='\u{F8FF}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFB}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{10FFFF}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out_and_never_signed() {
        assert_eq!(
            visible("Åsa\u{202e}\u{200b}\n"),
            "Åsa\\u{202e}\\u{200b}\\u{a}"
        );
        for text in [
            "a\u{202e}b",
            "a\u{200b}b",
            "a\rb",
            "a\tb",
            "a\u{0}b",
            "\u{e0041}",
        ] {
            assert!(!is_plain(text), "{text:?}");
        }
        assert!(is_plain(
            "Kvittens / Receipt\nNamn / Name: Åsa Öberg – “é” 漢字\n"
        ));
    }
}
