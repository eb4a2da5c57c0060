//! Text from cards, files and sockets, made safe for a terminal.

use std::borrow::Cow;

/// The text with control characters (escape sequences, line feeds) and characters that reorder a
/// line written as `\u{…}`: a label on a card must not move the cursor or forge an output line.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_harmful(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_line_feeds_and_reordering_do_not_reach_the_terminal() {
        assert_eq!(
            printable("a\u{1b}[2Jb\nc\u{202e}d"),
            "a\\u{1b}[2Jb\\u{a}c\\u{202e}d"
        );
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        assert!(matches!(
            printable("Åsa Öberg – Legitimering"),
            Cow::Borrowed(_)
        ));
    }
}
