//! Where the lines of the shell come from: a terminal, standard input, or a script.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use kortlab_apdu::script::MAX_SCRIPT;
use zeroize::Zeroizing;

#[cfg(feature = "line-editing")]
use super::editor::Editor;
use super::line::{Line, MAX_LINE};
use crate::failure::Failure;
use crate::files;

/// What comes next.
pub enum Next {
    /// A line.
    Line(Line),
    /// Nothing: the line was given up.
    #[cfg(feature = "line-editing")]
    Nothing,
    /// No more lines.
    End,
}

/// Where lines come from.
pub struct Input {
    source: Source,
    /// How many lines there were.
    number: usize,
}

enum Source {
    #[cfg(feature = "line-editing")]
    Editor(Box<Editor>),
    /// Standard input, and whether it is a terminal.
    Plain(bool),
    Script {
        path: PathBuf,
        text: Zeroizing<String>,
        at: usize,
    },
}

impl Input {
    /// A script, or standard input.
    ///
    /// # Errors
    /// The script cannot be read.
    pub fn open(script: Option<&Path>) -> Result<Self, Failure> {
        let source = match script {
            Some(path) => Source::Script {
                path: path.to_path_buf(),
                text: files::read_text(path, MAX_SCRIPT)?,
                at: 0,
            },
            None => standard_input()?,
        };
        Ok(Self { source, number: 0 })
    }

    /// Whether a person types the lines.
    pub const fn is_terminal(&self) -> bool {
        match self.source {
            #[cfg(feature = "line-editing")]
            Source::Editor(_) => true,
            Source::Plain(terminal) => terminal,
            Source::Script { .. } => false,
        }
    }

    /// Whether it is a script, which ends at the first line that fails.
    pub const fn is_script(&self) -> bool {
        matches!(self.source, Source::Script { .. })
    }

    /// Where the last line is, for people: `commands.txt:3`.
    pub fn place(&self) -> String {
        let number = self.number;
        match &self.source {
            Source::Script { path, .. } if path.as_os_str() == "-" => {
                format!("standard input:{number}")
            }
            Source::Script { path, .. } => format!("{}:{number}", path.display()),
            _ => format!("line {number}"),
        }
    }

    /// The next line; `here` is for the prompt, `names` can be completed.
    ///
    /// # Errors
    /// Standard input cannot be read, or a line is too long or no text.
    pub fn next(&mut self, here: &str, names: &[String]) -> Result<Next, Failure> {
        self.number += 1;
        match &mut self.source {
            #[cfg(feature = "line-editing")]
            Source::Editor(editor) => editor.next(here, names),
            Source::Plain(terminal) => {
                let _ = names;
                if *terminal {
                    prompt(&format!("{here}> "));
                }
                match plain_line()? {
                    Some(line) => Ok(Next::Line(Line::new(&line))),
                    None => Ok(Next::End),
                }
            }
            Source::Script { text, at, .. } => {
                let rest = text.get(*at..).unwrap_or_default();
                if rest.is_empty() {
                    return Ok(Next::End);
                }
                let (line, _) = rest.split_once('\n').unwrap_or((rest, ""));
                *at += line.len() + 1;
                Ok(Next::Line(Line::new(line)))
            }
        }
    }

    /// Asks a person whether something is to be done.
    ///
    /// # Errors
    /// There is nobody to ask.
    pub fn ask(&mut self, question: &str) -> Result<bool, Failure> {
        if !self.is_terminal() {
            return Err(Failure::usage(format!("{question} There is nobody to ask"))
                .hint("--yes does it without asking"));
        }
        prompt(&format!("{question} [y/N] "));
        let answer = plain_line()?.unwrap_or_default();
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    /// Keeps a line that was done in the history, if it carries no secret.
    pub fn keep(&mut self, line: &Line) {
        match &mut self.source {
            #[cfg(feature = "line-editing")]
            Source::Editor(editor) if !line.is_empty() && !line.may_be_secret() => {
                editor.keep(line.text());
            }
            _ => {
                let _ = line;
            }
        }
    }

    /// Ends it; the history is saved.
    pub fn end(&mut self) {
        #[cfg(feature = "line-editing")]
        if let Source::Editor(editor) = &self.source {
            editor.end();
        }
    }
}

/// An editor where a person sits at a terminal; plain lines else.
#[cfg(feature = "line-editing")]
fn standard_input() -> Result<Source, Failure> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(Source::Editor(Box::new(Editor::new()?)));
    }
    Ok(Source::Plain(io::stdin().is_terminal()))
}

#[cfg(not(feature = "line-editing"))]
fn standard_input() -> Result<Source, Failure> {
    Ok(Source::Plain(io::stdin().is_terminal()))
}

fn prompt(text: &str) {
    let mut stream = anstream::stderr();
    // Nobody is left to ask when standard error is gone.
    let _ = write!(stream, "{text}").and_then(|()| stream.flush());
}

/// A line of standard input without its end; `None` at the end.
fn plain_line() -> Result<Option<Zeroizing<String>>, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("cannot read standard input: {error}"));
    let mut bytes = Zeroizing::new(Vec::new());
    let input = io::stdin().lock();
    let mut limited = input.take(MAX_LINE as u64 + 1);
    limited.read_until(b'\n', &mut bytes).map_err(failed)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() > MAX_LINE {
        return Err(Failure::usage(format!(
            "a line is longer than {MAX_LINE} bytes"
        )));
    }
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|_| Failure::usage("a line is no text in UTF-8"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    Ok(Some(Zeroizing::new(text.to_owned())))
}
