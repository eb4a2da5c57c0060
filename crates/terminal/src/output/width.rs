//! How wide the output may be, and lines that fit.

use std::env;
use std::io;

use terminal_size::terminal_size_of;

use super::columns::{columns_of, of_character};

/// The fewest columns that are taken for true.
const FEWEST: usize = 20;

/// The columns of standard output: what `COLUMNS` says, else the terminal. What is no terminal has
/// no limit, so that a table in a file or a pipe is one line a row.
pub fn of_standard_output() -> Option<usize> {
    given().or_else(|| known(terminal_size_of(io::stdout())))
}

/// The same of standard error.
pub fn of_standard_error() -> Option<usize> {
    given().or_else(|| known(terminal_size_of(io::stderr())))
}

fn given() -> Option<usize> {
    let columns = env::var("COLUMNS").ok()?.parse().ok()?;
    (columns >= FEWEST).then_some(columns)
}

fn known(size: Option<(terminal_size::Width, terminal_size::Height)>) -> Option<usize> {
    let columns = usize::from(size?.0.0);
    (columns >= FEWEST).then_some(columns)
}

/// Whether a line may be broken between these two where it cannot be broken between words: what is written
/// in wide characters has no spaces (Unicode Standard Annex #14, class ID).
pub fn may_part(before: char, after: char) -> bool {
    let is_wide = |character| of_character(character) > 1;
    (is_wide(before) || is_wide(after)) && of_character(after) > 0
}

/// The text in lines of at most so many columns, broken between words. A word that is longer has a line of
/// its own; only if it has wide characters is it broken between them.
pub fn words_within(text: &str, columns: usize) -> Vec<String> {
    words_within_first(text, columns, columns)
}

/// The same, with so many columns for the first line, and so many for the others.
pub fn words_within_first(text: &str, first: usize, others: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let width = columns_of(word);
        let room = if lines.len() < 2 { first } else { others };
        if let Some(line) = lines.last_mut()
            && length + 1 + width <= room
        {
            line.push(' ');
            line.push_str(word);
            length += 1 + width;
            continue;
        }
        let mut rest = word;
        let mut room = if lines.is_empty() { first } else { others };
        while let Some(at) = parted_at(rest, room) {
            let (part, later) = rest.split_at(at);
            lines.push(part.to_owned());
            (rest, room) = (later, others);
        }
        lines.push(rest.to_owned());
        length = columns_of(rest);
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// Where a word that takes more than so many columns is to be broken; none if it takes no more, or cannot.
fn parted_at(word: &str, columns: usize) -> Option<usize> {
    let (mut column, mut last, mut before) = (0, None, None);
    for (at, character) in word.char_indices() {
        let may = before.is_some_and(|before| may_part(before, character));
        if may && (column <= columns || last.is_none()) {
            last = Some(at);
        }
        column += of_character(character);
        if column > columns && last.is_some() {
            return last;
        }
        before = Some(character);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_long_words_stay_whole() {
        assert_eq!(
            words_within("one two three fourteen", 7),
            ["one two", "three", "fourteen"]
        );
        assert_eq!(words_within("", 7), [""]);
        assert_eq!(words_within("å ä ö", 5), ["å ä ö"]);
    }

    #[test]
    fn a_word_is_broken_between_wide_characters_if_it_is_too_long_by_itself() {
        assert_eq!(words_within("田中 さくら 子", 6), ["田中", "さくら", "子"]);
        assert_eq!(words_within("田中 さくら 子", 9), ["田中", "さくら 子"]);
        assert_eq!(
            words_within("CN=田中さくら子 x", 7),
            ["CN=田中", "さくら", "子 x"]
        );
        assert_eq!(
            words_within("か\u{3099}か\u{3099}か\u{3099}", 4),
            ["か\u{3099}か\u{3099}", "か\u{3099}"]
        );
        assert_eq!(words_within("abcdefgh田中", 4), ["abcdefgh", "田中"]);
        // There is no room for any.
        assert_eq!(words_within("田中", 1), ["田", "中"]);
        assert_eq!(
            words_within_first("田中さくら a b", 4, 6),
            ["田中", "さくら", "a b"]
        );
    }
}
