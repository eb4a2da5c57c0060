//! The way to standard output and standard error.
//!
//! A command makes one value that knows both of its forms: [`serde::Serialize`] is the JSON
//! document, [`Display`] the text for people. Colours are part of the text; they reach only
//! terminals, and not where `NO_COLOR` is set.

mod printable;
mod style;
mod table;

use std::fmt::{self, Display};
use std::io::{self, IsTerminal as _, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde::Serialize;

use crate::failure::Failure;

pub use printable::printable;
pub use style::{BLUE, BOLD, DIM, ERROR, GOOD, HINT, PINK, WARNING};
pub use table::{Cell, Table};

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
}

impl Output {
    /// Output as JSON, or as text.
    pub const fn new(json: bool) -> Self {
        Self {
            json,
            closed: false,
        }
    }

    /// Whether one JSON document was asked for.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether nobody reads any more; for commands that go on until they are told to stop.
    #[cfg(feature = "pcsc")]
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

    /// A JSON document, for commands that have told people the same already.
    pub fn document(&mut self, report: &impl Serialize) -> Result<(), Failure> {
        let document = serde_json::to_string_pretty(report)
            .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))?;
        self.text(&document)
    }

    /// One line of a stream: JSON on one line, or a line of text.
    pub fn event(&mut self, event: &(impl Serialize + Display)) -> Result<(), Failure> {
        if !self.json {
            return self.text(event);
        }
        let line = serde_json::to_string(event)
            .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))?;
        self.text(&line)
    }

    /// Text, with a line feed at its end.
    pub fn text(&mut self, text: &impl Display) -> Result<(), Failure> {
        let mut text = text.to_string();
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
        match stream.write_all(bytes).and_then(|()| stream.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => Err(Failure::failed(format!(
                "cannot write to standard output: {error}"
            ))),
        }
    }
}

/// A message for people on standard error, whatever standard output carries.
pub fn note(text: impl Display) {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// The error line and the hint of a failure, on standard error.
pub fn complain(failure: &Failure) {
    note(format_args!(
        "{ERROR}error:{ERROR:#} {}",
        printable(failure.message())
    ));
    if let Some(hint) = failure.next_step() {
        note(format_args!("{HINT}hint:{HINT:#} {}", printable(hint)));
    }
}

/// A warning line on standard error.
pub fn warn(text: impl Display) {
    note(format_args!(
        "{WARNING}warning:{WARNING:#} {}",
        printable(&text.to_string())
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

/// Bytes as upper-case hexadecimal, as the standards print them.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a>(pub &'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(self.0))
    }
}

/// Bytes as hexadecimal in pairs: `3B 7D 96`.
#[derive(Clone, Copy, Debug)]
pub struct SpacedHex<'a>(pub &'a [u8]);

impl Display for SpacedHex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}
