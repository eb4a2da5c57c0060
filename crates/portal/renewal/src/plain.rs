//! Texts that are wholly what they look like.
//!
//! What is signed has to be what its reader saw. Characters that cannot be seen, that reorder a
//! line, or that only look like others are how a text says one thing and means another.

/// A text from a card, a certificate or a portal as it can be shown: characters that cannot be
/// seen, or that make others look like something else, are written as `\u{…}`.
pub fn visible(text: &str) -> String {
    escaped(text, is_deceptive)
}

/// As [`visible`], of a text of several lines: line feeds stay.
pub fn visible_lines(text: &str) -> String {
    escaped(text, |character| {
        character != '\n' && is_deceptive(character)
    })
}

fn escaped(text: &str, is_hidden: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether a text is wholly what it looks like. Line feeds are the only control characters in it.
pub fn is_plain(text: &str) -> bool {
    !text
        .chars()
        .any(|character| character != '\n' && is_deceptive(character))
}

/// The first character that is not one of the Latin script's letters, a space between words, or a
/// mark that names have; with `digits`, also digits and the marks that names of organisations have.
/// Letters of other scripts can look like Latin ones, and so can other widths of the same letter.
pub(crate) fn not_of_a_name(text: &str, digits: bool) -> Option<char> {
    text.chars().find(|&character| {
        let is_mark = matches!(character, ' ' | '-' | '\'' | '’' | '.');
        let is_other = matches!(character, ',' | '&' | '/' | '(' | ')' | '+' | ':' | '–')
            || character.is_ascii_digit();
        !(is_latin(character) || is_mark || (digits && is_other))
    })
}

/// A letter of the Latin script that is one character by itself (Unicode's blocks Basic Latin,
/// Latin-1 Supplement, Latin Extended-A and -B, Latin Extended Additional).
fn is_latin(character: char) -> bool {
    character.is_ascii_alphabetic()
        || (character.is_alphabetic()
            && matches!(character, '\u{C0}'..='\u{1BF}' | '\u{1C4}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}'))
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
    fn what_cannot_be_seen_is_written_out_and_never_plain() {
        assert_eq!(
            visible("Åsa\u{202e}\u{200b}\n"),
            "Åsa\\u{202e}\\u{200b}\\u{a}"
        );
        assert_eq!(visible_lines("a\nb\r"), "a\nb\\u{d}");
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

    #[test]
    fn names_have_latin_letters_and_few_marks() {
        for name in ["Åsa Öberg-Łukasz", "Seán O’Brien Jr.", "Đorđe Ñandú"] {
            assert_eq!(not_of_a_name(name, false), None, "{name}");
        }
        assert_eq!(not_of_a_name("Region 8 (Väst), 1:a & Co", true), None);
        for (name, first) in [
            ("\u{410}nna", '\u{410}'),
            ("Anna\u{a0}B", '\u{a0}'),
            ("Anna 100", '1'),
            ("Ａnna", 'Ａ'),
            ("A\u{30a}sa", '\u{30a}'),
            ("Anna\nB", '\n'),
            ("Anna: B", ':'),
            ("Annα", 'α'),
            ("Anna×", '×'),
        ] {
            assert_eq!(not_of_a_name(name, false), Some(first), "{name}");
        }
    }
}
