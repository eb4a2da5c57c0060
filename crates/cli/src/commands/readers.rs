//! `kortlab readers`: PC/SC readers and the cards in them.

use clap::Args;

use super::Context;
use crate::failure::{Exit, Failure};

/// List the PC/SC readers and the cards in them
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab readers
  kortlab readers --json
  kortlab readers --watch")]
pub struct Arguments {
    /// Go on and print insertions and removals as they happen, until Ctrl-C; with --json, one
    /// document a line
    #[arg(long)]
    watch: bool,
}

/// Lists, or lists and watches.
#[cfg(feature = "pcsc")]
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    if arguments.watch {
        with_pcsc::watch(context)
    } else {
        with_pcsc::list(context)
    }
}

/// Says that there is no PC/SC.
#[cfg(not(feature = "pcsc"))]
pub fn run(_context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let Arguments { watch: _ } = arguments;
    Err(crate::channel::without_pcsc())
}

#[cfg(feature = "pcsc")]
mod with_pcsc {
    use std::fmt;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use kortlab_card::pcsc::{self, Change, Occupancy, Reader};
    use serde::Serialize;
    use signal_hook::consts::{SIGINT, SIGTERM};

    use super::Context;
    use crate::failure::{Exit, Failure};
    use crate::output::{BOLD, Hex, SpacedHex, Table, printable};

    /// How soon a signal ends the watch.
    const TICK: Duration = Duration::from_millis(500);

    /// The JSON document: what is in each reader.
    #[derive(Serialize)]
    struct Readers {
        readers: Vec<Entry>,
    }

    #[derive(Serialize)]
    struct Entry {
        index: usize,
        name: String,
        #[serde(flatten)]
        state: State,
    }

    #[derive(Serialize)]
    struct State {
        /// `empty`, `card`, `mute` or `unknown`.
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        atr: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        exclusive: Option<bool>,
        #[serde(skip)]
        text: String,
    }

    /// One line of `--watch --json`.
    #[derive(Serialize)]
    struct Line {
        /// `reader-added`, `reader-removed` or `card`.
        event: &'static str,
        reader: String,
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        state: Option<State>,
    }

    pub fn list(context: &mut Context) -> Result<Exit, Failure> {
        let readers = pcsc::readers()?;
        if readers.is_empty() {
            let none = Failure::new(Exit::NoCard, "no reader")
                .hint("plug one in, or put a virtual card into vpcd's with `kortlab emulate`");
            if context.output.is_json() {
                context.output.report(&Readers { readers: vec![] })?;
            }
            return Err(none);
        }
        let readers = readers.into_iter().map(Entry::from).collect();
        context.output.report(&Readers { readers })?;
        Ok(Exit::Done)
    }

    pub fn watch(context: &mut Context) -> Result<Exit, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&stop))
                .map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))?;
        }
        let mut watch = pcsc::watch()?;
        while !stop.load(Ordering::Relaxed) && !context.output.is_closed() {
            if let Some(change) = watch.next(TICK)? {
                context.output.event(&Line::from(change))?;
            }
        }
        Ok(Exit::Done)
    }

    impl From<Reader> for Entry {
        fn from(reader: Reader) -> Self {
            Self {
                index: reader.index,
                name: reader.name,
                state: reader.state.into(),
            }
        }
    }

    impl From<Occupancy> for State {
        fn from(occupancy: Occupancy) -> Self {
            let (state, atr, exclusive, text) = match occupancy {
                Occupancy::Empty => ("empty", None, None, "empty".to_owned()),
                Occupancy::Mute => (
                    "mute",
                    None,
                    None,
                    "a card that does not answer: the wrong way round, or broken".to_owned(),
                ),
                Occupancy::Unknown => ("unknown", None, None, "unknown".to_owned()),
                Occupancy::Card { atr, exclusive } => {
                    let used = if exclusive { " (in use)" } else { "" };
                    let text = format!("card {}{used}", SpacedHex(&atr));
                    ("card", Some(Hex(&atr).to_string()), Some(exclusive), text)
                }
            };
            Self {
                state,
                atr,
                exclusive,
                text,
            }
        }
    }

    impl From<Change> for Line {
        fn from(change: Change) -> Self {
            let (event, reader, state) = match change {
                Change::ReaderAdded { reader } => ("reader-added", reader, None),
                Change::ReaderRemoved { reader } => ("reader-removed", reader, None),
                Change::Occupancy { reader, state } => ("card", reader, Some(state.into())),
                _ => ("other", String::new(), None),
            };
            Self {
                event,
                reader,
                state,
            }
        }
    }

    impl fmt::Display for Readers {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let mut table = Table::new(["#", "Reader", "Card"]);
            for entry in &self.readers {
                table.row([
                    entry.index.to_string().into(),
                    entry.name.clone().into(),
                    entry.state.text.clone().into(),
                ]);
            }
            table.fmt(f)
        }
    }

    impl fmt::Display for Line {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let text = match (&self.state, self.event) {
                (Some(state), _) => state.text.as_str(),
                (None, "reader-removed") => "reader removed",
                (None, _) => "reader",
            };
            write!(f, "{BOLD}{}{BOLD:#}: {text}", printable(&self.reader))
        }
    }
}
