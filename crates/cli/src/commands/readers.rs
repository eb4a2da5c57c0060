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
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use kortlab_card::pcsc::{self, Change, Occupancy, Reader, Watch};
    use serde::Serialize;

    use super::Context;
    use crate::failure::{Exit, Failure};
    use crate::output::{BOLD, Hex, SpacedHex, Table, printable};
    use crate::stop::{self, SecondTime};

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
        /// `reader-added`, `reader-removed`, `card`, `service-lost` or `service-back`.
        event: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reader: Option<String>,
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        state: Option<State>,
    }

    pub fn list(context: &mut Context) -> Result<Exit, Failure> {
        let readers = pcsc::readers()?;
        if readers.is_empty() {
            let none = Failure::new(Exit::NoCard, "no reader")
                .of_kind("no-reader")
                .hint("plug one in, or put a virtual card into vpcd's with `kortlab emulate`");
            if context.output.is_json() {
                let readers = Readers { readers: vec![] };
                context.output.report_failed(&readers, &none)?;
            }
            return Err(none);
        }
        let readers = readers.into_iter().map(Entry::from).collect();
        context.output.report(&Readers { readers })?;
        Ok(Exit::Done)
    }

    pub fn watch(context: &mut Context) -> Result<Exit, Failure> {
        let stop = stop::on_signals(SecondTime::Waits)?;
        let mut watch = pcsc::watch()?;
        let over = |context: &Context| stop.load(Ordering::Relaxed) || context.output.is_closed();
        while !over(context) {
            match watch.next(TICK) {
                Ok(Some(change)) => context.output.event(&Line::from(change))?,
                Ok(None) => {}
                Err(_) => {
                    context.output.event(&Line::about("service-lost"))?;
                    let Some(again) = service_back(|| over(context)) else {
                        break;
                    };
                    context.output.event(&Line::about("service-back"))?;
                    watch = again;
                }
            }
        }
        Ok(Exit::Done)
    }

    /// Waits until the PC/SC service lives again; `None` if it is `over` before.
    fn service_back(over: impl Fn() -> bool) -> Option<Watch> {
        while !over() {
            if let Ok(watch) = pcsc::watch() {
                return Some(watch);
            }
            std::thread::sleep(TICK);
        }
        None
    }

    impl Line {
        /// Something that is about no reader.
        fn about(event: &'static str) -> Self {
            Self {
                event,
                reader: None,
                state: None,
            }
        }
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
                Change::ReaderAdded { reader } => ("reader-added", Some(reader), None),
                Change::ReaderRemoved { reader } => ("reader-removed", Some(reader), None),
                Change::Occupancy { reader, state } => ("card", Some(reader), Some(state.into())),
                _ => ("other", None, None),
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
                (None, "service-lost") => "has ended; waiting for it to come back",
                (None, "service-back") => "is back",
                (None, _) => "reader",
            };
            let what = self.reader.as_deref().unwrap_or("the PC/SC service");
            write!(f, "{BOLD}{}{BOLD:#}: {text}", printable(what))
        }
    }
}
