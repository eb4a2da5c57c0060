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
    /// A line that is none: it is not done, and the ones behind it are.
    Unreadable(Failure),
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
    /// Standard input cannot be read.
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
                Ok(match plain_line()? {
                    Plain::Text(line) => Next::Line(Line::new(&line)),
                    Plain::None(why) => Next::Unreadable(Failure::usage(format!(
                        "line {}: {why}; it is not done",
                        self.number
                    ))),
                    Plain::End => Next::End,
                })
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
        Ok(match plain_line()? {
            Plain::Text(answer) => matches!(answer.trim(), "y" | "Y" | "yes"),
            Plain::None(_) | Plain::End => false,
        })
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

/// A line of standard input.
enum Plain {
    /// Its text, without its end.
    Text(Zeroizing<String>),
    /// It is no line of text; why.
    None(String),
    End,
}

/// The next line of standard input. One that is too long is read to its end and not kept.
fn plain_line() -> Result<Plain, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("cannot read standard input: {error}"));
    let mut bytes = Zeroizing::new(Vec::new());
    let read = |bytes: &mut Vec<u8>| {
        let mut limited = io::stdin().lock().take(MAX_LINE as u64 + 1);
        limited.read_until(b'\n', bytes).map_err(failed)
    };
    if read(&mut bytes)? == 0 {
        return Ok(Plain::End);
    }
    if bytes.len() > MAX_LINE {
        while bytes.last() != Some(&b'\n') {
            bytes.clear();
            if read(&mut bytes)? == 0 {
                break;
            }
        }
        return Ok(Plain::None(format!("it is longer than {MAX_LINE} bytes")));
    }
    Ok(match str::from_utf8(&bytes) {
        Ok(text) => {
            let text = text.trim_end_matches(['\r', '\n']);
            Plain::Text(Zeroizing::new(text.to_owned()))
        }
        Err(error) => {
            let at = error.valid_up_to() + 1;
            Plain::None(format!("byte {at} of it is no text in UTF-8"))
        }
    })
}
