//! Text from cards, files and sockets, made safe for a terminal.

use std::borrow::Cow;

/// The text with control characters (escape sequences, line feeds), characters that reorder a line, and
/// characters that show nothing written as `\u{…}`: a label on a card must not move the cursor, forge
/// an output line, or look like another label.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_unprintable(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// Whether a character does not show what it is: it controls the terminal, turns or breaks the line, or
/// shows nothing.
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Marks of direction, and what overrides it.
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
            // Lines and paragraphs.
            | '\u{2028}' | '\u{2029}'
            // Of no width: soft hyphen, joiners and spaces, byte order mark, tags.
            | '\u{00AD}' | '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{2065}'
            | '\u{206A}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}'
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
    fn characters_that_show_nothing_are_shown() {
        for character in [
            '\u{AD}',
            '\u{200B}',
            '\u{200D}',
            '\u{2060}',
            '\u{2028}',
            '\u{FEFF}',
            '\u{E0041}',
        ] {
            let text = format!("a{character}b");
            assert_eq!(
                printable(&text),
                format!("a{}b", character.escape_unicode())
            );
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        assert!(matches!(
            printable("Åsa Öberg – Legitimering"),
            Cow::Borrowed(_)
        ));
    }
}
