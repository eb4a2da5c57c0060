//! JSON: a document a line, or one document with all events.

use core::fmt;

use kortlab_apdu::channel::Occasion;
use kortlab_apdu::{Protocol, ResetKind};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use zeroize::Zeroizing;

use super::{Place, Reading, hexadecimal, text};
use crate::event::{Event, Sent, What};
use crate::notation::{Digits, FORMAT, Line, VERSION};

pub(super) fn read(bytes: &[u8], reading: &mut Reading) {
    let first = bytes.split(|byte| *byte == b'\n').find(|line| !blank(line));
    let is_whole = first.is_some_and(|line| {
        let parsed: Result<serde_json::Map<String, serde_json::Value>, _> =
            serde_json::from_slice(line);
        parsed.is_ok_and(|first| !first.contains_key("events"))
    });
    match is_whole {
        true => lines(bytes, reading),
        false => document(bytes, reading),
    }
}

fn blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

/// A document a line.
fn lines(bytes: &[u8], reading: &mut Reading) {
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if blank(line) {
            continue;
        }
        let number = index.saturating_add(1);
        let place = Place::Line {
            line: number,
            column: 1,
        };
        if index == 0
            && let Ok(head) = serde_json::from_slice::<Head>(line)
        {
            if let Some(what) = head.trouble() {
                reading.trouble(place, what);
            }
            continue;
        }
        match serde_json::from_slice::<Line<'_>>(line) {
            Ok(line) => {
                if !keep(reading, place, &line) {
                    return;
                }
            }
            Err(error) => {
                let column = error.column().max(1);
                let line = number;
                reading.trouble(Place::Line { line, column }, what_is_wrong(&error));
            }
        }
    }
}

/// What serde says, without the place that it adds: a line alone is always line 1 to it. What it
/// quotes could be anything, so it is told by its kind.
fn what_is_wrong(error: &serde_json::Error) -> &'static str {
    use serde_json::error::Category;
    match error.classify() {
        Category::Io | Category::Syntax => "this is not JSON",
        Category::Data => "this field has a value of another kind than docs/trace.md says",
        Category::Eof => "the JSON ends in its middle; the file may be cut",
    }
}

/// Keeps the event of a line. `false`: there are too many.
fn keep(reading: &mut Reading, place: Place, line: &Line<'_>) -> bool {
    match what(line) {
        Ok(what) => {
            let event = Event {
                card: line.card.as_deref().map(|name| reading.name(place, name)),
                time: line.time.and_then(|time| time.try_into().ok()),
                what,
            };
            reading.keep_event(place, event)
        }
        Err(what) => {
            reading.trouble(place, what);
            true
        }
    }
}

/// What happened, as a line says it.
fn what(line: &Line<'_>) -> Result<What, String> {
    let digits = |name: &str, field: &Option<Digits>| {
        let text = field
            .as_ref()
            .ok_or_else(|| format!("the field {name} is missing"))?;
        hexadecimal::bytes(&text.0).map_err(|(at, what)| format!("{name}, character {at}: {what}"))
    };
    let after = line.milliseconds.and_then(text::milliseconds);
    Ok(match &*line.event {
        "card" => What::Card {
            atr: digits("atr", &line.atr)?,
            protocol: match line.protocol.as_deref() {
                Some("t0") => Some(Protocol::T0),
                Some("t1") => Some(Protocol::T1),
                Some(_) => return Err("the protocol is neither t0 nor t1".to_owned()),
                None => None,
            },
        },
        "image" => What::Image {
            fingerprint: digits("fingerprint", &line.fingerprint)?
                .try_into()
                .map_err(|_| "a fingerprint has 32 bytes".to_owned())?,
        },
        "reset" => What::Occasion(Occasion::Reset(match line.kind.as_deref() {
            Some("warm") => ResetKind::Warm,
            Some("cold") => ResetKind::Cold,
            _ => return Err("a reset is of the kind warm or cold".to_owned()),
        })),
        "power-on" => What::Occasion(Occasion::PowerOn),
        "power-off" => What::Occasion(Occasion::PowerOff),
        "command" => What::Command(Sent::cut(
            digits("command", &line.command)?,
            line.not_shown.unwrap_or_default(),
        )),
        "answer" => What::Answer {
            bytes: Zeroizing::new(digits("answer", &line.answer)?),
            after,
        },
        "no-answer" => What::NoAnswer {
            why: line.reason.as_deref().unwrap_or("not said").to_owned(),
            after,
        },
        "" => return Err("the field event is missing".to_owned()),
        _ => {
            return Err("an event of a kind that this version does not know".to_owned());
        }
    })
}

/// The first line, or what a document has beside its events.
#[derive(serde::Deserialize)]
struct Head {
    format: String,
    #[serde(default)]
    version: u32,
}

impl Head {
    fn trouble(&self) -> Option<String> {
        if self.format != FORMAT {
            return Some(format!("this says to be another document than {FORMAT}"));
        }
        version_trouble(self.version)
    }
}

fn version_trouble(version: u32) -> Option<String> {
    (version != VERSION).then(|| {
        format!(
            "this is version {version} of the format; of what version {VERSION} does not have \
             nothing is read"
        )
    })
}

/// One document: `{"format": …, "version": …, "events": [ … ]}`, or the list alone. What stands
/// before a mistake is kept.
fn document(bytes: &[u8], reading: &mut Reading) {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let mut count = 0;
    let seed = Document {
        reading,
        count: &mut count,
    };
    let end = seed
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    if let Err(error) = end {
        let place = Place::Line {
            line: error.line().max(1),
            column: error.column().max(1),
        };
        let what = what_is_wrong(&error);
        reading.trouble(place, format!("{what}; {count} events before it were read"));
    }
}

struct Document<'a> {
    reading: &'a mut Reading,
    count: &'a mut usize,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a trace")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Document { reading, count } = self;
        // A document has no lines of events: the place is the number of the event.
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "events" => map.next_value_seed(Document {
                    reading: &mut *reading,
                    count: &mut *count,
                })?,
                "format" => {
                    if map.next_value::<String>()? != FORMAT {
                        return Err(A::Error::custom("another document"));
                    }
                }
                "version" => {
                    if let Some(what) = version_trouble(map.next_value()?) {
                        reading.trouble(Place::Line { line: 1, column: 1 }, what);
                    }
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(line) = seq.next_element::<Line<'_>>()? {
            *self.count = self.count.saturating_add(1);
            let place = Place::Line {
                line: *self.count,
                column: 1,
            };
            if !keep(self.reading, place, &line) {
                return Err(A::Error::custom("too many"));
            }
        }
        Ok(())
    }
}
