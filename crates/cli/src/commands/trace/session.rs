//! A trace with what each command and answer means, after what was before.

use std::collections::BTreeMap;
use std::fmt;

use kortlab_apdu::ByteCount;
use kortlab_explain::certificate::private_key;
use kortlab_explain::story::{Content, Story};
use kortlab_explain::{Explanation, Hex, printable};
use kortlab_trace::{Place, Reading, Source, What};
use serde::{Serialize, Serializer};

use super::keys::Keys;
use crate::channel::told;
use crate::output::{BOLD, DIM, SpacedHex};

/// The most bytes of an answer that a line of text shows.
const MAX_SHOWN: usize = 32;

/// Everything that a trace says.
#[derive(Serialize)]
pub struct Session {
    /// What the file is.
    #[serde(serialize_with = "source")]
    source: Source,
    /// The commands with their answers, and what was done to the card.
    pub steps: Vec<Step>,
    /// What was read of each file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<FileContent>,
    /// What could not be read.
    troubles: Vec<Trouble>,
}

/// One thing that happened.
#[derive(Serialize)]
pub struct Step {
    /// The number of the command, from 1; not of what is no command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<usize>,
    #[serde(flatten)]
    place: At,
    /// The card, where the trace is about several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// The command, without what may be a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_shown: Option<usize>,
    /// What happened, in words.
    pub meaning: String,
    #[serde(skip)]
    pub instruction: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    /// So many bytes before that are of a private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_not_shown: Option<usize>,
    /// The status word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_word: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_meaning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    milliseconds: Option<f64>,
    /// The file that is selected afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    selected: Option<String>,
    /// The PINs that are verified afterwards, by P2 of VERIFY.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verified: Vec<String>,
}

/// What was read of a file.
#[derive(Serialize)]
pub struct FileContent {
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<String>,
    file: String,
    kind: &'static str,
    content: Explanation,
}

#[derive(Serialize)]
struct Trouble {
    #[serde(flatten)]
    place: At,
    message: String,
}

/// Where something stands in the file.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum At {
    Line { line: usize, column: usize },
    Byte { byte: usize },
}

impl From<Place> for At {
    fn from(place: Place) -> Self {
        match place {
            Place::Line { line, column } => Self::Line { line, column },
            Place::Byte(byte) => Self::Byte { byte },
        }
    }
}

fn source<S: Serializer>(source: &Source, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(source.word())
}

impl Session {
    /// What a trace says.
    pub fn new(reading: &Reading) -> Self {
        let mut stories: BTreeMap<Option<String>, Story> = BTreeMap::new();
        let mut keys: BTreeMap<Option<String>, Keys> = BTreeMap::new();
        let mut steps: Vec<Step> = Vec::new();
        // The step of each card that waits for its answer.
        let mut waiting: BTreeMap<Option<String>, usize> = BTreeMap::new();
        let mut number = 0;
        for entry in &reading.entries {
            let event = &entry.event;
            let story = stories.entry(event.card.clone()).or_default();
            let keys = keys.entry(event.card.clone()).or_default();
            let words = told(story, &event.what);
            if let What::Answer { .. } | What::NoAnswer { .. } = &event.what
                && let Some(index) = waiting.remove(&event.card)
                && let Some(step) = steps.get_mut(index)
            {
                step.answered(&event.what, words, story, keys);
                continue;
            }
            let (place, card) = (entry.place.into(), event.card.clone());
            let mut step = Step::new(place, card, &event.what, story, keys);
            if let What::Command(_) = event.what {
                number += 1;
                step.number = Some(number);
                waiting.insert(event.card.clone(), steps.len());
            }
            if let Some(words) = words {
                step.meaning = words;
            }
            steps.push(step);
        }
        let contents = stories
            .iter()
            .flat_map(|(card, story)| {
                let keys = keys.get(card);
                let contents = story.contents().into_iter();
                contents.map(move |(place, file, kind, content)| FileContent {
                    kind: kind_word(kind),
                    content: match keys.is_some_and(|keys| keys.are_in(place)) {
                        true => private_key(content.nodes.last().map_or(0, |node| node.span.end())),
                        false => content,
                    },
                    card: card.clone(),
                    file,
                })
            })
            .collect();
        Self {
            source: reading.source,
            steps,
            contents,
            troubles: reading
                .troubles
                .iter()
                .map(|trouble| Trouble {
                    place: trouble.place.into(),
                    message: trouble.what.clone(),
                })
                .collect(),
        }
    }
}

const fn kind_word(kind: Content) -> &'static str {
    match kind {
        Content::Pkcs15(file) => file.name(),
        Content::Certificate => "certificate",
        Content::Unknown => "unknown",
    }
}

impl Step {
    fn new(place: At, card: Option<String>, what: &What, story: &Story, keys: &mut Keys) -> Self {
        let mut step = Self {
            number: None,
            place,
            card,
            command: None,
            not_shown: None,
            meaning: String::new(),
            instruction: None,
            answer: None,
            answer_not_shown: None,
            status_word: None,
            answer_meaning: None,
            milliseconds: None,
            selected: None,
            verified: Vec::new(),
        };
        match what {
            What::Card { atr, protocol } => {
                let protocol = match protocol {
                    Some(kortlab_apdu::Protocol::T0) => ", T=0",
                    Some(kortlab_apdu::Protocol::T1) => ", T=1",
                    None => "",
                };
                step.meaning = format!("card with the ATR {}{protocol}", Hex(atr));
            }
            What::Image { fingerprint } => {
                step.meaning = format!("a virtual card, made of the image {}", Hex(fingerprint));
            }
            What::Occasion(occasion) => {
                use kortlab_apdu::ResetKind;
                use kortlab_apdu::channel::Occasion;
                step.meaning = match occasion {
                    Occasion::Reset(ResetKind::Cold) => "cold reset",
                    Occasion::Reset(ResetKind::Warm) => "warm reset",
                    Occasion::PowerOn => "power on",
                    Occasion::PowerOff => "power off",
                }
                .to_owned();
            }
            What::Command(sent) => {
                let shown = keys.command(sent, story.used_file());
                step.command = Some(Hex(shown.shown()).to_string());
                step.not_shown = (shown.hidden() > 0).then_some(shown.hidden());
                step.instruction = shown.shown().get(1).copied();
            }
            What::Answer { bytes, .. } => {
                step.meaning = "an answer to no command".to_owned();
                step.show(bytes, keys);
            }
            What::NoAnswer { why, .. } => step.meaning = format!("no answer: {why}"),
        }
        step
    }

    /// Whether nothing more comes to it.
    pub fn is_complete(&self) -> bool {
        self.command.is_none() || self.answer_meaning.is_some()
    }

    /// What was selected and verified afterwards, as a line of text.
    pub fn state(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let selected = self.selected.as_deref().unwrap_or("nothing known");
        write!(f, "       selected: {}; verified: ", printable(selected))?;
        match self.verified.is_empty() {
            true => writeln!(f, "no PIN"),
            false => writeln!(f, "{}", self.verified.join(", ")),
        }
    }

    /// Whether it is about this file.
    pub fn names(&self, file: &str) -> bool {
        let wanted = file.to_uppercase();
        let selected = self.selected.as_deref().unwrap_or_default();
        [self.meaning.as_str(), selected]
            .iter()
            .any(|words| words.to_uppercase().contains(&wanted))
    }

    /// Takes what may be shown of an answer.
    fn show(&mut self, answer: &[u8], keys: &mut Keys) {
        let hidden = keys.hidden(answer);
        let shown = answer.get(hidden..).unwrap_or_default();
        self.answer = Some(Hex(shown).to_string());
        self.answer_not_shown = (hidden > 0).then_some(hidden);
    }

    fn answered(&mut self, what: &What, words: Option<String>, story: &Story, keys: &mut Keys) {
        let after = match what {
            What::Answer { bytes, after } => {
                self.show(bytes, keys);
                let status = bytes.len().checked_sub(2).and_then(|at| bytes.get(at..));
                self.status_word = status.map(|status| Hex(status).to_string());
                self.answer_meaning = words;
                after
            }
            What::NoAnswer { why, after } => {
                self.answer_meaning = Some(format!("no answer: {why}"));
                after
            }
            _ => return,
        };
        self.milliseconds = after.map(|after| after.as_secs_f64() * 1_000.0);
        self.selected = Some(story.selected_file());
        self.verified = story.verified().map(|pin| format!("{pin:02X}")).collect();
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self
            .number
            .map_or_else(String::new, |number| number.to_string());
        let card = match &self.card {
            Some(card) => format!("{DIM}[{}]{DIM:#} ", printable(card)),
            None => String::new(),
        };
        writeln!(
            f,
            "{number:>5}  {card}{BOLD}{}{BOLD:#}",
            printable(&self.meaning)
        )?;
        if let Some(command) = &self.command {
            let hidden = match self.not_shown {
                Some(count) => format!(" and {} not shown", ByteCount(count)),
                None => String::new(),
            };
            writeln!(f, "       {DIM}->{DIM:#} {}{hidden}", shortened(command))?;
        }
        if let Some(answer) = &self.answer {
            let hidden = match self.answer_not_shown {
                Some(count) => format!("{} not shown, of a private key, and ", ByteCount(count)),
                None => String::new(),
            };
            writeln!(f, "       {DIM}<-{DIM:#} {hidden}{}", shortened(answer))?;
        }
        if let Some(meaning) = &self.answer_meaning {
            let time = match self.milliseconds {
                Some(milliseconds) => format!(" {DIM}({milliseconds:.3} ms){DIM:#}"),
                None => String::new(),
            };
            writeln!(f, "          {}{time}", printable(meaning))?;
        }
        Ok(())
    }
}

/// Bytes with blanks between them; of many the first and the last two, which are a status word.
fn shortened(digits: &str) -> String {
    let bytes = hex::decode(digits).unwrap_or_default();
    match (bytes.get(..MAX_SHOWN), bytes.len().checked_sub(2)) {
        (Some(first), Some(end)) if bytes.len() > MAX_SHOWN + 4 => {
            let last = bytes.get(end..).unwrap_or_default();
            let left_out = end.saturating_sub(MAX_SHOWN);
            format!(
                "{} … {} … {}",
                SpacedHex(first),
                ByteCount(left_out),
                SpacedHex(last)
            )
        }
        _ => SpacedHex(&bytes).to_string(),
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            step.fmt(f)?;
        }
        for file in &self.contents {
            let card = file
                .card
                .as_deref()
                .map_or_else(String::new, |card| format!("[{card}] "));
            write!(
                f,
                "\n{BOLD}{}{}{BOLD:#}\n{}",
                printable(&card),
                printable(&file.file),
                file.content
            )?;
        }
        Ok(())
    }
}
