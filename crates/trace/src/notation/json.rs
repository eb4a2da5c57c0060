//! `.json`: a JSON document a line. `docs/trace.md` is its description.

use std::borrow::Cow;
use std::time::SystemTime;

use jiff::Timestamp;
use kortlab_apdu::channel::Occasion;
use kortlab_apdu::{Protocol, ResetKind};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::Notation;
use crate::event::{Event, What};

/// What the first line says the document is.
pub(crate) const FORMAT: &str = "kortlab-trace";

/// The version that is written.
pub(crate) const VERSION: u32 = 1;

/// Writes JSON.
#[derive(Debug)]
pub(crate) struct Json;

/// One event, as it stands in a line. What does not belong to its kind is left out.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Line<'a> {
    pub(crate) event: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) card: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) atr: Option<Digits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) protocol: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<Digits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<Digits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_shown: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<Digits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) milliseconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) meaning: Option<Cow<'a, str>>,
}

impl<'a> Line<'a> {
    fn new(event: &'a Event, meaning: Option<&'a str>) -> Self {
        let digits = |bytes: &[u8]| Some(Digits(Zeroizing::new(hex::encode_upper(bytes))));
        let line = Self {
            time: event.time.and_then(timestamp),
            card: event.card.as_deref().map(Cow::Borrowed),
            meaning: meaning.map(Cow::Borrowed),
            ..Self::default()
        };
        let milliseconds =
            |after: Option<core::time::Duration>| after.map(|after| after.as_secs_f64() * 1_000.0);
        match &event.what {
            What::Card { atr, protocol } => Self {
                event: Cow::Borrowed("card"),
                atr: digits(atr),
                protocol: protocol.map(|protocol| Cow::Borrowed(protocol_name(protocol))),
                ..line
            },
            What::Image { fingerprint } => Self {
                event: Cow::Borrowed("image"),
                fingerprint: digits(fingerprint),
                ..line
            },
            What::Occasion(occasion) => {
                let (event, kind) = match occasion {
                    Occasion::Reset(ResetKind::Cold) => ("reset", Some("cold")),
                    Occasion::Reset(ResetKind::Warm) => ("reset", Some("warm")),
                    Occasion::PowerOn => ("power-on", None),
                    Occasion::PowerOff => ("power-off", None),
                };
                Self {
                    event: Cow::Borrowed(event),
                    kind: kind.map(Cow::Borrowed),
                    ..line
                }
            }
            What::Command(sent) => Self {
                event: Cow::Borrowed("command"),
                command: digits(sent.shown()),
                not_shown: (sent.hidden() > 0).then_some(sent.hidden()),
                ..line
            },
            What::Answer { bytes, after } => Self {
                event: Cow::Borrowed("answer"),
                answer: digits(bytes),
                milliseconds: milliseconds(*after),
                ..line
            },
            What::NoAnswer { why, after } => Self {
                event: Cow::Borrowed("no-answer"),
                reason: Some(Cow::Borrowed(why)),
                milliseconds: milliseconds(*after),
                ..line
            },
        }
    }
}

/// Hexadecimal digits, which may be a secret's.
#[derive(Clone, Default)]
pub(crate) struct Digits(pub(crate) Zeroizing<String>);

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        Ok(Self(Zeroizing::new(digits)))
    }
}

fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::T0 => "t0",
        Protocol::T1 => "t1",
    }
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

impl Notation for Json {
    fn begin(&mut self, out: &mut Vec<u8>) {
        let first = serde_json::json!({ "format": FORMAT, "version": VERSION });
        out.extend_from_slice(first.to_string().as_bytes());
        out.push(b'\n');
    }

    fn write(&mut self, event: &Event, meaning: Option<&str>, out: &mut Vec<u8>) {
        // Text and numbers in memory: this does not fail.
        let _ = serde_json::to_writer(&mut *out, &Line::new(event, meaning));
        out.push(b'\n');
    }
}
