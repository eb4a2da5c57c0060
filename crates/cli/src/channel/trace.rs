//! `--trace`: where what passes to and from the card is written down.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use kortlab_apdu::channel::Occasion;
use kortlab_explain::story::Story;
use kortlab_terminal::new_file;
use kortlab_trace::{Event, Format, Secrets, Trace, What};

use crate::failure::Failure;

/// A trace, and the file it goes to.
#[derive(Clone, Debug)]
pub struct TraceFile {
    trace: Trace,
    path: PathBuf,
}

impl TraceFile {
    /// Begins a trace in this file, for this user only; what was in it is gone. The ending of its
    /// name says in what notation.
    ///
    /// # Errors
    /// The name has another ending than traces have, or the file cannot be written.
    pub fn create(path: &Path, secrets: Secrets) -> Result<Self, Failure> {
        Self::open(
            path,
            secrets,
            OpenOptions::new().create(true).truncate(true),
        )
    }

    /// The same, in a file that is not there yet.
    ///
    /// # Errors
    /// As for [`TraceFile::create`]; or it is there.
    pub fn create_new(path: &Path, secrets: Secrets) -> Result<Self, Failure> {
        Self::open(path, secrets, OpenOptions::new().create_new(true))
    }

    fn open(path: &Path, secrets: Secrets, how: &mut OpenOptions) -> Result<Self, Failure> {
        let Some(format) = Format::of_path(path) else {
            return Err(Failure::usage(format!(
                "a trace is .apdu text, .json or .pcapng, and {} has another ending",
                path.display()
            ))
            .hint("name a file that ends in .apdu, .json or .pcapng"));
        };
        let file = how
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| Failure::file("write the trace", path, &error))?;
        Ok(Self {
            trace: Trace::explained(file, format, secrets, meaning()),
            path: path.to_owned(),
        })
    }

    /// The trace.
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Sees to it that nothing is missing.
    ///
    /// # Errors
    /// Something could not be written.
    pub fn finish(&self) -> Result<(), Failure> {
        self.trace.finish().map_err(|error| {
            new_file::remove_if_empty(&self.path);
            Failure::failed(format!(
                "the trace {} is not complete: {error}",
                self.path.display()
            ))
            .hint(
                "the card was used all the same, and what is missing is not written again; for the \
                 next trace make room there, or name another place",
            )
        })
    }

    /// The same where the trace is all that was to be done, and no card was used: a file that was not
    /// there before (`is_new`) is not left behind.
    ///
    /// # Errors
    /// As for [`TraceFile::finish`].
    pub fn finish_alone(&self, is_new: bool) -> Result<(), Failure> {
        self.trace.finish().map_err(|error| {
            if is_new {
                let _ = fs::remove_file(&self.path);
            }
            new_file::remove_if_empty(&self.path);
            Failure::file("write the trace", &self.path, &error)
        })
    }
}

/// What each event of a trace means, of each card by what was before.
fn meaning() -> kortlab_trace::Meaning {
    let mut stories: BTreeMap<Option<String>, Story> = BTreeMap::new();
    Box::new(move |event: &Event| {
        let story = stories.entry(event.card.clone()).or_default();
        told(story, &event.what)
    })
}

/// What an event means, after what was before.
pub fn told(story: &mut Story, what: &What) -> Option<String> {
    match what {
        What::Command(sent) => Some(story.command(sent.shown(), sent.hidden())),
        What::Answer { bytes, .. } => Some(story.answer(bytes)),
        What::Occasion(Occasion::Reset(_) | Occasion::PowerOn | Occasion::PowerOff) => {
            story.reset();
            None
        }
        What::Card { .. } | What::Image { .. } | What::NoAnswer { .. } => None,
    }
}
