//! The way to standard output and standard error.
//!
//! A command makes one value that knows both of its forms: [`serde::Serialize`] is the JSON
//! document, [`Display`] the text for people. Colours are part of the text; they reach only
//! terminals, and not where `NO_COLOR` is set.

mod columns;
mod fold;
mod style;
mod table;
mod width;

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde::Serialize;

use crate::failure::{ErrorEntry, Exit, Failure};

pub use crate::keys::without_keys;
pub use columns::columns_of;
use fold::folded;
pub use kortlab_explain::{Hex, SpacedHex, printable};
pub use style::{BLUE, BOLD, DIM, ERROR, GOOD, HINT, PINK, WARNING};
pub use table::{Cell, Table};
pub use width::{
    of_standard_error as columns_of_standard_error,
    of_standard_output as columns_of_standard_output, words_within, words_within_first,
};

/// How long people look at nothing before they wonder.
const PATIENCE: Duration = Duration::from_secs(1);

/// Standard output, as text or as one JSON document.
///
/// When the reader of a pipe goes away (`kortlab … | head`) the rest is dropped in silence and the
/// command finishes its work: a certificate half written would be worse than output unread.
#[derive(Debug)]
pub struct Output {
    json: bool,
    closed: bool,
    said: Said,
    /// The document, which goes out when the command has ended.
    kept: Option<Document>,
}

/// A JSON document that is kept until it is known how the command ends.
#[derive(Debug)]
struct Document {
    text: String,
    names_failure: bool,
}

/// What standard output carries so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// Nothing.
    Nothing,
    /// Lines of a stream.
    Lines,
    /// The result.
    Result,
}

/// The JSON document of a command that failed, with what it has to show all the same.
#[derive(Serialize)]
struct Failed<'a, T> {
    #[serde(flatten)]
    report: Option<&'a T>,
    error: ErrorEntry<'a>,
}

impl Output {
    /// Output as JSON, or as text.
    pub const fn new(json: bool) -> Self {
        Self {
            json,
            closed: false,
            said: Said::Nothing,
            kept: None,
        }
    }

    /// Whether one JSON document was asked for.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether nobody reads any more; for commands that go on until they are told to stop.
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// The command's result: the JSON document, or the text.
    pub fn report(&mut self, report: &(impl Serialize + Display)) -> Result<(), Failure> {
        if !self.json {
            return self.text(report);
        }
        self.document(report)
    }

    /// A JSON document, for commands that have told people the same already. It is kept until
    /// [`Output::finish`] or [`Output::failed`]: what fails after it belongs into it.
    pub fn document(&mut self, report: &impl Serialize) -> Result<(), Failure> {
        self.keep(report, false)
    }

    fn keep(&mut self, report: &impl Serialize, names_failure: bool) -> Result<(), Failure> {
        let text = pretty(report)?;
        self.said = Said::Result;
        self.kept = Some(Document {
            text,
            names_failure,
        });
        Ok(())
    }

    /// Prints the document that was kept, if one was.
    pub fn finish(&mut self) -> Result<(), Failure> {
        match self.kept.take() {
            Some(document) => self.whole(document.text),
            None => Ok(()),
        }
    }

    /// What a command has to show although it failed; the document names the failure as well.
    pub fn report_failed(
        &mut self,
        report: &(impl Serialize + Display),
        failure: &Failure,
    ) -> Result<(), Failure> {
        if !self.json {
            return self.text(report);
        }
        let failed = Failed {
            report: Some(report),
            error: failure.entry(),
        };
        self.keep(&failed, true)
    }

    /// Says why a command failed: on standard error, and in the JSON document, which is printed
    /// with it. Gives the exit code.
    pub fn failed(&mut self, failure: &Failure) -> Exit {
        complain(failure);
        // Standard error has it already; a standard output that fails changes nothing.
        let _ = self.refused(failure);
        failure.exit()
    }

    /// With --json, the document of a failure that standard error has already.
    pub fn refused(&mut self, failure: &Failure) -> Result<(), Failure> {
        let document = Failed::<()> {
            report: None,
            error: failure.entry(),
        };
        match (self.said, &mut self.kept) {
            _ if !self.json => Ok(()),
            (Said::Lines, _) => self.line(&document),
            (_, Some(kept)) => {
                if !kept.names_failure {
                    kept.text = with_fields(&kept.text, &pretty(&document)?);
                }
                self.finish()
            }
            (Said::Nothing, None) => self.whole(pretty(&document)?),
            (Said::Result, None) => Ok(()),
        }
    }

    /// One line of a stream: JSON on one line, or a line of text.
    pub fn event(&mut self, event: &(impl Serialize + Display)) -> Result<(), Failure> {
        if !self.json {
            return self.text(event);
        }
        self.said = Said::Lines;
        self.line(event)
    }

    fn line(&mut self, event: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_string(event)
            .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))?;
        self.whole(line)
    }

    /// Text for people, in lines that fit the terminal, with a line feed at its end.
    pub fn text(&mut self, text: &impl Display) -> Result<(), Failure> {
        let text = text.to_string();
        self.whole(folded(&text, columns_of_standard_output()).into_owned())
    }

    /// Lines as they are, with a line feed at their end.
    fn whole(&mut self, mut text: String) -> Result<(), Failure> {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        self.write(anstream::stdout(), text.as_bytes())
    }

    /// Bytes as they are, for example a certificate or a signature.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.write(io::stdout(), bytes)
    }

    fn write(&mut self, mut stream: impl Write, bytes: &[u8]) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        let written = stream.write_all(bytes).and_then(|()| stream.flush());
        self.written(written)
    }

    /// What became of writing to standard output. That nobody reads it any more is no failure.
    ///
    /// # Errors
    /// It could not be written.
    pub fn written(&mut self, result: io::Result<()>) -> Result<(), Failure> {
        match result {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => Err(Failure::standard_output(&error)),
        }
    }
}

fn pretty(document: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(document)
        .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))
}

/// A JSON object with the fields of another one behind its own, both as [`pretty`] writes them.
fn with_fields(object: &str, more: &str) -> String {
    let own = object.strip_suffix("\n}");
    let more_fields = more.strip_prefix("{\n");
    match (own, more_fields) {
        (Some(own), Some(fields)) => format!("{own},\n{fields}"),
        // It has no fields.
        _ => more.to_owned(),
    }
}

/// A message for people on standard error, whatever standard output carries.
pub fn note(text: impl Display) {
    let text = text.to_string();
    let text = folded(&text, columns_of_standard_error());
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// The error line and the hint of a failure, on standard error.
fn complain(failure: &Failure) {
    note(format_args!(
        "{ERROR}error:{ERROR:#} {}",
        printable(&without_keys(failure.message()))
    ));
    if let Some(next) = failure.next_step() {
        hint(next);
    }
}

/// A line on standard error that says what to do next.
pub fn hint(text: impl Display) {
    note(format_args!(
        "{HINT}hint:{HINT:#} {}",
        printable(&without_keys(&text.to_string()))
    ));
}

/// A warning line on standard error.
pub fn warn(text: impl Display) {
    note(format_args!(
        "{WARNING}warning:{WARNING:#} {}",
        printable(&without_keys(&text.to_string()))
    ));
}

/// Does work that may take long. After a second, tells whoever sits at the terminal what is being
/// done.
pub fn busy<T>(what: &str, work: impl FnOnce() -> T) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    let (finished, waiting) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if waiting.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                note(format_args!("{DIM}{what} …{DIM:#}"));
            }
        });
        let result = work();
        drop(finished);
        result
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_object_gets_the_fields_of_another_behind_its_own() {
        let more = json!({"error": {"kind": "failed", "problems": [{}]}});
        for object in [
            json!({}),
            json!({"a": 1}),
            json!({"a": {"b": {}}, "c": ["\n}", {}], "d": "{\n"}),
        ] {
            let text = with_fields(&pretty(&object).unwrap(), &pretty(&more).unwrap());
            let read: Value = serde_json::from_str(&text).unwrap();
            let mut expected = object;
            expected["error"] = more["error"].clone();
            assert_eq!(read, expected);
            assert_eq!(text, pretty(&expected).unwrap());
        }
    }
}
