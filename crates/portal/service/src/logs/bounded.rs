//! A log that others cannot make as long as they like: of each kind of line so many a minute, and of
//! the rest how many there were.

use core::fmt;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::LogFormat;

/// How long lines of a kind are counted before they are told again.
const MINUTE: Duration = Duration::from_secs(60);
/// So many errors and warnings of a kind are told in it,
const FAULTS: u32 = 30;
/// and so many lines that tell of work. Whoever asks for more than that gets it all.
const WORK: u32 = 600;
/// Characters of a line that its kind is called by.
const NAME: usize = 60;

/// Writes events as another format does, and of each kind no more than there is room for. A kind is
/// a place in the program.
pub(super) struct Bounded<F> {
    inner: F,
    format: LogFormat,
    kinds: Mutex<HashMap<Identifier, Kind>>,
    now: fn() -> Instant,
}

/// What was told of a kind in its minute, and what was not.
struct Kind {
    metadata: &'static Metadata<'static>,
    name: String,
    since: Instant,
    told: u32,
    left_out: u64,
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Told,
    /// The first that is not: that there are more is told once.
    FirstLeftOut,
    LeftOut,
}

impl<F> Bounded<F> {
    /// As `inner` writes them, which is in this format.
    pub(super) fn new(inner: F, format: LogFormat) -> Self {
        Self {
            inner,
            format,
            kinds: Mutex::default(),
            now: Instant::now,
        }
    }

    /// What becomes of this event, and what was left out in minutes that are over.
    fn count(&self, event: &Event<'_>) -> (Verdict, Vec<Kind>) {
        let now = (self.now)();
        let metadata = event.metadata();
        let Some(most) = most(*metadata.level()) else {
            return (Verdict::Told, Vec::new());
        };
        let mut kinds = self.kinds();
        let is_over = |kind: &Kind| now.saturating_duration_since(kind.since) >= MINUTE;
        let over: Vec<Kind> = kinds
            .extract_if(|_, kind| is_over(kind))
            .map(|(_, kind)| kind)
            .filter(|kind| kind.left_out > 0)
            .collect();
        let kind = kinds.entry(metadata.callsite()).or_insert_with(|| Kind {
            metadata,
            name: name(event),
            since: now,
            told: 0,
            left_out: 0,
        });
        let verdict = match (kind.told < most, kind.left_out) {
            (true, _) => {
                kind.told += 1;
                Verdict::Told
            }
            (false, left_out) => {
                kind.left_out = left_out.saturating_add(1);
                match left_out {
                    0 => Verdict::FirstLeftOut,
                    _ => Verdict::LeftOut,
                }
            }
        };
        (verdict, over)
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<Identifier, Kind>> {
        // Counts are whole whenever a thread panics.
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line about lines that are not there.
    fn remark(
        &self,
        writer: &mut Writer<'_>,
        metadata: &Metadata<'_>,
        words: &str,
        left_out: Option<u64>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let (level, target) = (metadata.level(), metadata.target());
        match self.format {
            LogFormat::Text => writeln!(writer, "{time} {level:>5} {target}: {words}"),
            LogFormat::Json => {
                let mut line = serde_json::json!({
                    "timestamp": time,
                    "level": level.as_str(),
                    "message": words,
                    "target": target,
                });
                if let Some(left_out) = left_out {
                    line["left_out"] = left_out.into();
                }
                writeln!(writer, "{line}")
            }
        }
    }
}

impl<S, N, F> FormatEvent<S, N> for Bounded<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (verdict, over) = self.count(event);
        for kind in over {
            let (name, left_out) = (&kind.name, kind.left_out);
            let words = format!("{left_out} more lines were left out: {name}");
            self.remark(&mut writer, kind.metadata, &words, Some(left_out))?;
        }
        match verdict {
            Verdict::Told => self.inner.format_event(context, writer, event),
            Verdict::FirstLeftOut => {
                let name = name(event);
                let words = format!("more lines in this minute are counted, not told: {name}");
                self.remark(&mut writer, event.metadata(), &words, None)
            }
            Verdict::LeftOut => Ok(()),
        }
    }
}

/// How many lines of this level and one kind are told in a minute; all of what is told only to those
/// who ask for it.
fn most(level: Level) -> Option<u32> {
    match level {
        Level::ERROR | Level::WARN => Some(FAULTS),
        Level::INFO => Some(WORK),
        _ => None,
    }
}

/// What the kind of an event is called: the beginning of its message, in one line.
fn name(event: &Event<'_>) -> String {
    struct Message(String);
    impl Visit for Message {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            if field.name() == "message" {
                self.0 = format!("{value:?}");
            }
        }
    }
    let mut message = Message(String::new());
    event.record(&mut message);
    let printable = message.0.chars().filter(|one| !one.is_control());
    printable.take(NAME).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::{self, Write};
    use std::sync::{Arc, LazyLock};

    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::fmt::format::JsonFields;

    use super::*;

    thread_local! {
        /// Seconds that have passed.
        static PASSED: Cell<u64> = const { Cell::new(0) };
    }

    fn now() -> Instant {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        *BEGAN + Duration::from_secs(PASSED.get())
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    impl Lines {
        fn take(&self) -> Vec<String> {
            let bytes = core::mem::take(&mut *self.0.lock().unwrap());
            let text = String::from_utf8(bytes).unwrap();
            text.lines().map(str::to_owned).collect()
        }
    }

    /// What a log in this format tells of this.
    fn told(format: LogFormat, events: impl FnOnce(&Lines)) {
        PASSED.set(0);
        let lines = Lines::default();
        let usual = tracing_subscriber::fmt::format;
        let builder = tracing_subscriber::fmt()
            .with_max_level(Level::DEBUG)
            .with_writer(lines.clone());
        match format {
            LogFormat::Text => {
                let mut bounded = Bounded::new(usual().with_ansi(false), format);
                bounded.now = now;
                let log = builder.event_format(bounded).finish();
                tracing::subscriber::with_default(log, || events(&lines));
            }
            LogFormat::Json => {
                let mut bounded = Bounded::new(usual().json().flatten_event(true), format);
                bounded.now = now;
                let log = builder
                    .fmt_fields(JsonFields::new())
                    .event_format(bounded)
                    .finish();
                tracing::subscriber::with_default(log, || events(&lines));
            }
        }
    }

    #[test]
    fn a_flood_of_one_kind_is_cut_and_counted_and_hides_no_other() {
        told(LogFormat::Text, |lines| {
            let warn = |number| tracing::warn!(number, "a request was refused");
            (0..1000).for_each(warn);
            let flood = lines.take();
            assert_eq!(flood.len(), 31);
            assert!(flood[29].contains("a request was refused number=29"));
            let last = &flood[30];
            assert!(last.contains("counted, not told: a request was refused"));
            tracing::warn!("something else");
            assert_eq!(lines.take().len(), 1);
            PASSED.set(60);
            // Whatever comes next says how many were left out.
            tracing::error!("later");
            let later = lines.take();
            assert_eq!(later.len(), 2, "{later:?}");
            assert!(later[0].contains("970 more lines were left out: a request was refused"));
            assert!(later[0].contains(" WARN ") && later[1].contains("later"));
            warn(1000);
            assert_eq!(lines.take().len(), 1);
        });
    }

    #[test]
    fn work_has_more_room_and_what_is_asked_for_has_no_bound() {
        told(LogFormat::Text, |lines| {
            (0..1000).for_each(|number| tracing::info!(number, "request"));
            assert_eq!(lines.take().len(), 601);
            (0..1000).for_each(|number| tracing::debug!(number, "request"));
            assert_eq!(lines.take().len(), 1000);
        });
    }

    #[test]
    fn in_json_each_line_is_an_object_also_about_those_that_are_not_there() {
        told(LogFormat::Json, |lines| {
            (0..50).for_each(|number| tracing::warn!(number, "a \u{1b}[31m\nrequest"));
            PASSED.set(61);
            tracing::warn!("later");
            let lines = lines.take();
            assert_eq!(lines.len(), 33);
            let read = |line: &String| serde_json::from_str(line).unwrap();
            let read: Vec<serde_json::Value> = lines.iter().map(read).collect();
            assert_eq!(read[31]["left_out"], 20);
            assert_eq!(read[31]["level"], "WARN");
            let message = read[31]["message"].as_str().unwrap();
            assert!(!message.contains(char::is_control), "{message}");
            assert_eq!(read[32]["message"], "later");
        });
    }
}
