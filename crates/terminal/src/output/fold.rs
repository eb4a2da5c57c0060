//! Lines that are wider than the terminal, broken between words, so that the terminal breaks none.

use std::borrow::Cow;

use super::columns::of_character;
use super::width::may_part;

/// How far the rest of a line is moved to the right of where the line begins.
const FURTHER: usize = 2;

/// The text in lines of at most so many columns. What a line goes on with stands below its
/// description, if it has one behind two spaces, and else a little to the right of its beginning. A
/// word that is too long by itself stays whole, unless it can be broken between wide characters.
pub fn folded(text: &str, columns: Option<usize>) -> Cow<'_, str> {
    let Some(columns) = columns else {
        return Cow::Borrowed(text);
    };
    if text.lines().all(|line| fits(line, columns)) {
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len() + text.len() / 8);
    for line in text.split_inclusive('\n') {
        fold(line, columns, &mut folded);
    }
    Cow::Owned(folded)
}

/// Whether a line takes so many columns at most; no more of it is looked at than that takes.
fn fits(line: &str, columns: usize) -> bool {
    visible(line).all(|seen| seen.column + of_character(seen.character) <= columns)
}

/// A character that can be seen.
struct Seen {
    /// Where it is in the line.
    at: usize,
    character: char,
    /// The column in which it stands, or its left half.
    column: usize,
}

/// The characters that take columns: no escape sequence (ECMA-48 §5.4), no combining mark.
fn visible(line: &str) -> impl Iterator<Item = Seen> {
    let mut in_sequence = false;
    let mut next = 0;
    line.char_indices().filter_map(move |(at, character)| {
        #[cfg(test)]
        tests::LOOKED_AT.set(tests::LOOKED_AT.get() + 1);
        if in_sequence {
            in_sequence = !('@'..='~').contains(&character) || character == '[';
            return None;
        }
        in_sequence = character == '\u{1b}';
        let column = next;
        next += of_character(character);
        (next > column).then_some(Seen {
            at,
            character,
            column,
        })
    })
}

fn fold(line: &str, columns: usize, to: &mut String) {
    let hang = hang(line, columns);
    let mut rest = line;
    let mut indent = 0;
    while let Some(end) = end_of_line(
        rest,
        columns.saturating_sub(indent),
        hang - hang.min(indent),
    ) {
        let (now, later) = rest.split_at(end);
        to.push_str(now);
        to.push('\n');
        to.extend(std::iter::repeat_n(' ', hang));
        indent = hang;
        rest = later.trim_start_matches(' ');
    }
    to.push_str(rest);
}

/// The column below which a line goes on.
fn hang(line: &str, columns: usize) -> usize {
    let half = columns / 2;
    let beginning = visible(line)
        .flat_map(|seen| std::iter::repeat_n(seen.character, of_character(seen.character)));
    let characters: Vec<char> = beginning.take(half + 1).collect();
    let is_space = |column: usize| characters.get(column) == Some(&' ');
    let begins = (0..).take_while(|&column| is_space(column)).count();
    let description = (begins + 3..=half)
        .rev()
        .find(|&column| !is_space(column) && is_space(column - 1) && is_space(column - 2));
    description.unwrap_or((begins + FURTHER).min(half))
}

/// Where a line that is too wide is to end: behind the last word that fits, or else behind the first
/// one; within it, behind the last wide character that fits, where it cannot end between words. Nothing if
/// all of it fits, or where ending it would move nothing to the left: a word that stands at the column
/// `hang`, or before it, stays where it is.
fn end_of_line(line: &str, columns: usize, hang: usize) -> Option<usize> {
    if fits(line, columns) {
        return None;
    }
    let mut last = None;
    // Where the word can be broken that is looked at, and the character before.
    let mut within = None;
    let mut before = ' ';
    // Where the spaces began behind the word before, and whether there was a word.
    let mut spaces = Some(0);
    let mut begun = false;
    for seen in visible(line) {
        let Seen {
            at,
            character,
            column,
        } = seen;
        match (character, spaces) {
            (' ', None) => {
                if column > columns && last.is_some() {
                    return last;
                }
                spaces = Some(at);
            }
            (' ', Some(_)) => {}
            (_, Some(end)) => {
                if begun && column > hang {
                    last = Some(end);
                }
                if column >= columns && last.is_some() {
                    return last;
                }
                begun = true;
                spaces = None;
                within = None;
            }
            (_, None) => {
                let may = column > hang && may_part(before, character);
                if may && (column <= columns || within.is_none()) {
                    within = Some(at);
                }
                let is_full = column + of_character(character) > columns;
                if is_full && last.is_none() && within.is_some() {
                    return within;
                }
            }
        }
        before = character;
    }
    last
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How many characters were looked at: the work, in a unit that no busy machine changes.
        pub(super) static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn the_work_is_linear_in_the_length_of_a_line() {
        let long = "0".repeat(40);
        for words in [
            "a ".repeat(1_000),
            "a  bcd ".repeat(300),
            format!("{long} a ").repeat(50),
            format!("name  {}", "b ".repeat(1_000)),
            format!("{}b", " ".repeat(2_000)),
            "0".repeat(2_000),
            "a\u{30a} ".repeat(700),
            "\u{1b}[1ma\u{1b}[0m ".repeat(200),
            "田".repeat(700),
            "田中a ".repeat(300),
        ] {
            let work = |text: &str| {
                LOOKED_AT.set(0);
                assert!(!folded(text, Some(20)).is_empty());
                LOOKED_AT.get()
            };
            let (once, eightfold) = (work(&words), work(&words.repeat(8)));
            assert!(once > 0 && eightfold <= 9 * once, "{once} {eightfold}");
            assert!(once <= 16 * words.len(), "{once} of {}", words.len());
        }
    }

    #[test]
    fn what_fits_or_has_no_limit_stays_as_it_is() {
        let text = "one two three\n\n  four\n";
        assert_eq!(folded(text, None), text);
        assert_eq!(folded(text, Some(13)), text);
        assert!(matches!(folded(text, Some(13)), Cow::Borrowed(_)));
    }

    #[test]
    fn lines_break_between_words_and_go_on_further_right() {
        assert_eq!(
            folded("error: one two three\nfour\n", Some(12)),
            "error: one\n  two three\nfour\n"
        );
        assert_eq!(
            folded("  a bb ccc dddd", Some(9)),
            "  a bb\n    ccc\n    dddd"
        );
    }

    #[test]
    fn what_goes_on_stands_below_the_description_if_there_is_one() {
        assert_eq!(
            folded("    4B01  one two three four", Some(20)),
            "    4B01  one two\n          three four"
        );
        // Too far to the right for that.
        assert_eq!(
            folded("a very long beginning  one two three", Some(24)),
            "a very long beginning\n  one two three"
        );
    }

    #[test]
    fn words_that_are_too_long_stay_whole_and_do_not_take_others_with_them() {
        assert_eq!(
            folded("to 0123456789012345 now", Some(10)),
            "to\n  0123456789012345\n  now"
        );
        assert_eq!(folded("0123456789012345", Some(10)), "0123456789012345");
        assert_eq!(
            folded("0123456789012345 a", Some(10)),
            "0123456789012345\n  a"
        );
        // Nor does a name leave its value.
        assert_eq!(
            folded("key  0123456789012345 a", Some(14)),
            "key  0123456789012345\n     a"
        );
    }

    #[test]
    fn wide_characters_take_two_columns_and_are_broken_between_if_they_must() {
        assert_eq!(folded("田中 さくら", Some(11)), "田中 さくら");
        assert_eq!(folded("田中 さくら", Some(10)), "田中\n  さくら");
        // What stands below a description stands below its column.
        assert_eq!(
            folded("  名前  田中 さくら 子 さくら", Some(20)),
            "  名前  田中 さくら\n        子 さくら"
        );
        assert_eq!(
            folded("  田中さくら子さくら 子", Some(10)),
            "  田中さく\n    ら子さ\n    くら\n    子"
        );
        assert_eq!(
            folded("\u{1b}[1m田中\u{1b}[0mさく", Some(6)),
            "\u{1b}[1m田中\u{1b}[0mさ\n  く"
        );
        assert_eq!(
            folded("key  田中さくら子 a", Some(11)),
            "key  田中さ\n     くら子\n     a"
        );
    }

    #[test]
    fn colours_and_combining_marks_take_no_columns() {
        let text = "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m a\u{30a}a\u{30a}a\u{30a} b";
        assert_eq!(folded(text, Some(12)), text);
        assert_eq!(
            folded(text, Some(11)),
            "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m a\u{30a}a\u{30a}a\u{30a}\n  b"
        );
    }
}
