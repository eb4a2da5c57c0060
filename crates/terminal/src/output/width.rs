//! How wide the output may be, and lines that fit.

use std::env;
use std::io;

use terminal_size::terminal_size_of;

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

/// The text in lines of at most so many columns, broken between words; a word that is longer has a
/// line of its own.
pub fn words_within(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        match lines.last_mut() {
            Some(line) if length + 1 + width <= columns => {
                line.push(' ');
                line.push_str(word);
                length += 1 + width;
            }
            _ => {
                lines.push(word.to_owned());
                length = width;
            }
        }
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
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
}
