//! What is said of a finding and of an execution.

use std::collections::BTreeSet;
use std::fmt;

use kortlab_apdu::{StatusWord, instruction};
use kortlab_campaign::{Ended, Exchange, Outcome};
use serde::Serialize;

/// How many exchanges are shown at the end.
const SHOWN: usize = 12;
/// How many of those before that were spoilt are shown, the last ones, and with each how many before and
/// behind it.
const SPOILT: usize = 8;
const AROUND: (usize, usize) = (1, 2);

/// How an execution ended, in words.
pub fn ended(outcome: &Outcome) -> String {
    match outcome.ended {
        Ended::Exit(code) => format!("exit code {code}"),
        Ended::Signal(signal) => format!("signal {signal}"),
        Ended::TimeOver => "its time was over".to_owned(),
        Ended::MemoryOver => "it held too much memory".to_owned(),
    }
}

/// A command, and what the program got for it.
#[derive(Serialize)]
pub struct Line {
    /// Which command it is, counted from 1.
    number: usize,
    /// Its first four bytes: what follows may be a PIN.
    command: String,
    /// The status word that the program got; nothing if it got no answer.
    answer: Option<String>,
    /// What the card itself said, where that is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<String>,
    /// Whether the program got something else than the card gave.
    decisive: bool,
    /// The same for people.
    #[serde(skip)]
    text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.decisive { '*' } else { ' ' };
        writeln!(f, "{mark} {:>5}  {}", self.number, self.text)
    }
}

/// The last exchanges, and those before of which the answers were spoilt, which are marked, with what is
/// around them.
pub fn trace(outcome: &Outcome) -> Vec<Line> {
    let exchanges = &outcome.exchanges;
    let from = exchanges.len().saturating_sub(SHOWN);
    let mut shown: BTreeSet<usize> = (from..exchanges.len()).collect();
    let spoilt = (0..from).rev();
    let spoilt = spoilt.filter(|&index| exchanges.get(index).is_some_and(|one| one.spoilt));
    for index in spoilt.take(SPOILT) {
        shown.extend(index.saturating_sub(AROUND.0)..=index + AROUND.1);
    }
    let shown = shown.into_iter().filter_map(|index| exchanges.get(index));
    let word = |word: u16| format!("{word:04X}");
    let lines = shown.map(|exchange| Line {
        number: exchange.number,
        command: exchange.header.map(|byte| format!("{byte:02X}")).concat(),
        answer: exchange.seen.map(word),
        card: exchange.card.filter(|_| exchange.spoilt).map(word),
        decisive: exchange.spoilt,
        text: line(exchange),
    });
    lines.collect()
}

/// The same, one a line; dots where there were others between.
pub fn exchanges(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut next = None;
    for line in trace(outcome) {
        if next.is_some_and(|next| next != line.number) {
            text.push_str("      …\n");
        }
        next = Some(line.number + 1);
        text.push_str(&line.to_string());
    }
    text
}

fn line(exchange: &Exchange) -> String {
    let header = exchange.header.map(|byte| format!("{byte:02X}")).join(" ");
    let name = instruction::name(exchange.header[1]).unwrap_or("?");
    let word = |word: Option<u16>| {
        word.map_or_else(
            || "nothing".to_owned(),
            |word| StatusWord::new(word).to_string(),
        )
    };
    let seen = word(exchange.seen);
    if exchange.spoilt {
        let card = word(exchange.card);
        format!("{header}  {name}: {seen}; the card: {card}")
    } else {
        format!("{header}  {name}: {seen}")
    }
}
