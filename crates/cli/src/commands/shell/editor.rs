//! Lines that a person edits at a terminal, with history and completion.

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Helper};

use super::history;
use super::input::Next;
use super::line::Line;
use super::verbs;
use crate::failure::Failure;
use crate::output::warn;

/// An editor of lines.
pub struct Editor {
    lines: rustyline::Editor<Words, MemHistory>,
}

impl Editor {
    /// An editor with the history of this user.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub fn new() -> Result<Self, Failure> {
        let config = Config::builder()
            .max_history_size(history::MAX_LINES)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(unusable)?
            .auto_add_history(false)
            .build();
        let mut lines =
            rustyline::Editor::with_history(config, MemHistory::new()).map_err(unusable)?;
        lines.set_helper(Some(Words::default()));
        match history::load() {
            Ok(known) => {
                for line in known {
                    let _ = lines.add_history_entry(line);
                }
            }
            Err(failure) => warn(failure.message()),
        }
        Ok(Self { lines })
    }

    /// The next line.
    ///
    /// # Errors
    /// The terminal cannot be used any more.
    pub fn next(&mut self, here: &str, names: &[String]) -> Result<Next, Failure> {
        if let Some(words) = self.lines.helper_mut() {
            words.files = names.to_vec();
        }
        let prompt = format!("{here}> ");
        match self.lines.readline(&prompt) {
            Ok(line) => Ok(Next::Line(Line::new(&line))),
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => Ok(Next::Nothing),
            Err(ReadlineError::Eof) => Ok(Next::End),
            Err(error) => Err(unusable(error)),
        }
    }

    /// Keeps a line.
    pub fn keep(&mut self, line: &str) {
        let _ = self.lines.add_history_entry(line);
    }

    /// Saves the history.
    pub fn end(&self) {
        let lines: Vec<_> = self
            .lines
            .history()
            .into_iter()
            .map(String::as_str)
            .collect();
        if let Err(failure) = history::save(&lines) {
            warn(failure.message());
        }
    }
}

fn unusable(error: ReadlineError) -> Failure {
    Failure::failed(format!("the terminal cannot be used: {error}"))
        .hint("give lines on standard input, or a script with --script")
}

/// What can be completed: verbs, and the names of files.
#[derive(Default)]
struct Words {
    files: Vec<String>,
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..position).unwrap_or(line);
        let start = before.rfind([' ', '/']).map_or(0, |at| at + 1);
        let word = before.get(start..).unwrap_or_default();
        let is_verb = before.trim_start().len() == word.len();
        let files = self.files.iter().map(String::as_str);
        let words: Vec<&str> = match is_verb {
            true => verbs::names().collect(),
            false => files.collect(),
        };
        let fits = |candidate: &&str| {
            let start = candidate.get(..word.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        let found = words.into_iter().filter(fits).map(str::to_owned);
        Ok((start, found.collect()))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(line: &str) -> (usize, Vec<String>) {
        let words = Words {
            files: vec!["4401".into(), "4403".into(), "5031".into()],
        };
        let history = MemHistory::new();
        let context = Context::new(&history);
        words.complete(line, line.len(), &context).expect("words")
    }

    #[test]
    fn the_first_word_is_a_verb_and_the_others_are_files() {
        assert_eq!(complete("pw"), (0, vec!["pwd".to_owned()]));
        assert_eq!(
            complete("cat 44"),
            (4, vec!["4401".to_owned(), "4403".to_owned()])
        );
        assert_eq!(complete("cat 5015/50"), (9, vec!["5031".to_owned()]));
        assert!(complete("cat x").1.is_empty());
    }
}
