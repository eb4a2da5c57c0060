//! `kortlab admin audit`.

use std::fmt;

use clap::Args;
use kortlab_portal::admin::{AUDIT, AUDIT_VERIFICATION};
use kortlab_portal::audit::AuditHash;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::Client;
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::output::{Table, printable};

/// Read the portal's audit log, or verify that nobody has changed it
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab admin audit
  kortlab admin audit --after 100 --limit 1000
  kortlab --json admin audit
  kortlab admin audit --verify")]
pub struct Arguments {
    /// Entries after the one with this number
    #[arg(long, value_name = "N", default_value_t = 0)]
    after: u64,

    /// At most so many; the portal gives 1000 at a time
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,

    /// Verify the chain of hashes instead; exit code 6 if it is broken
    #[arg(long, conflicts_with_all = ["after", "limit"])]
    verify: bool,

    /// A hash that was noted outside the portal: an entry must have it, or the end of the log is
    /// missing
    #[arg(long, value_name = "HASH", requires = "verify")]
    noted: Option<AuditHash>,
}

/// Reads or verifies it.
pub fn run(context: &mut Context, portal: &Client, arguments: Arguments) -> Result<Exit, Failure> {
    if !arguments.verify {
        let (after, limit) = (arguments.after, arguments.limit);
        let page: Page = portal.get(&format!("{AUDIT}?after={after}&limit={limit}"))?;
        context.output.report(&page)?;
        return Ok(Exit::Done);
    }
    let noted = arguments.noted.map(|noted| format!("?noted={noted}"));
    let path = format!("{AUDIT_VERIFICATION}{}", noted.unwrap_or_default());
    let verdict: Verdict = portal.get(&path)?;
    context.output.report(&verdict)?;
    Ok(match verdict.broken {
        None => Exit::Done,
        Some(_) => Exit::Findings,
    })
}

/// The JSON document is the portal's own.
#[derive(Serialize, Deserialize)]
struct Page {
    entries: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    sequence: u64,
    /// Seconds since the Unix epoch.
    at: i64,
    actor: String,
    operation: String,
    outcome: String,
    subject: Value,
    hash: String,
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["No.", "Time", "Who", "What", "Outcome", "About"]);
        for entry in &self.entries {
            let time = jiff::Timestamp::from_second(entry.at)
                .map_or_else(|_| entry.at.to_string(), |time| time.to_string());
            table.row([
                entry.sequence.to_string().into(),
                time.into(),
                printable(&entry.actor).into(),
                printable(&entry.operation).into(),
                printable(&entry.outcome).into(),
                printable(&about(&entry.subject)).into(),
            ]);
        }
        table.fmt(f)
    }
}

/// The subject in one line: `card 9752…, order 00ff…`.
fn about(subject: &Value) -> String {
    let Some(fields) = subject.as_object() else {
        return subject.to_string();
    };
    let parts: Vec<_> = fields
        .iter()
        .map(|(name, value)| match (name.as_str(), value.as_str()) {
            ("detail", Some(text)) => text.to_owned(),
            (name, _) => format!("{name} {}", words(value)),
        })
        .collect();
    parts.join(", ")
}

/// A value as words; those of a list one behind the other, so that a line can end between them.
fn words(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// The JSON document is the portal's own.
#[derive(Serialize, Deserialize)]
struct Verdict {
    head: Head,
    broken: Option<Broken>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    sequence: u64,
    hash: String,
}

#[derive(Serialize, Deserialize)]
struct Broken {
    sequence: u64,
    wrong: String,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head { sequence, hash } = &self.head;
        let hash = printable(hash);
        match &self.broken {
            None => write!(
                f,
                "all {sequence} entries fit; the last has the hash {hash}"
            ),
            Some(broken) => write!(
                f,
                "entry {} does not fit ({}); the {sequence} before it do",
                broken.sequence,
                printable(&broken.wrong)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_subject_is_told_in_words_lists_too() {
        let subject = json!({"card": "97", "certificates": ["0A", "0B"], "count": 2});
        assert_eq!(about(&subject), "card 97, certificates 0A, 0B, count 2");
    }
}
