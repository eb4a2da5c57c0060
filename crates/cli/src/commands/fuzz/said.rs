//! What is said of a finding and of an execution.

use std::fmt::Write as _;

use kortlab_apdu::{StatusWord, instruction};
use kortlab_campaign::{Ended, Exchange, Outcome};

/// How many exchanges are shown at the end.
const SHOWN: usize = 12;

/// How an execution ended, in words.
pub fn ended(outcome: &Outcome) -> String {
    match outcome.ended {
        Ended::Exit(code) => format!("exit code {code}"),
        Ended::Signal(signal) => format!("signal {signal}"),
        Ended::TimeOver => "its time was over".to_owned(),
        Ended::MemoryOver => "it held too much memory".to_owned(),
    }
}

/// The last exchanges, one a line; those that were spoilt are marked.
pub fn exchanges(outcome: &Outcome) -> String {
    let from = outcome.exchanges.len().saturating_sub(SHOWN);
    let last_spoilt = outcome
        .exchanges
        .iter()
        .rposition(|exchange| exchange.spoilt);
    let from = from.min(last_spoilt.unwrap_or(from));
    let mut text = String::new();
    for (index, exchange) in outcome.exchanges.iter().enumerate().skip(from) {
        let mark = if exchange.spoilt { '*' } else { ' ' };
        let _ = writeln!(text, "{mark} {:>5}  {}", index + 1, line(exchange));
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
