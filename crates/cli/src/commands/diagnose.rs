//! `kortlab diagnose`: what is wrong with a card.

mod bundle;
mod shown;

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use kortlab_diagnose::{Diagnosing, Rule, diagnose, html, rules};
use kortlab_terminal::new_file;
use serde::Serialize;

use super::cert::Evidence;
use super::{Context, recover};
use crate::channel::{AnyChannel, Remembered};
use crate::failure::{Exit, Failure};
use crate::output::{Table, note};
use shown::Report;

pub(super) use shown::Entry as Found;

/// The program, as reports name it.
const PROGRAM: &str = concat!("kortlab ", env!("CARGO_PKG_VERSION"));

/// Say what is wrong with a card: which rule it breaks, where, at which bytes, and what to do
///
/// Looks at everything that a card tells without a PIN: its directories, certificates, keys, PINs,
/// the sizes and descriptions of its files, each file read twice. It tries no PIN and writes nothing.
/// Certificates are looked at as `cert check` does, with the same options. --html writes a report
/// that needs no network and no script, with the bytes of each finding marked.
///
/// --bundle writes a file for a bug report: the findings, the card as `dump` reads it, what passed
/// between program and card, and the versions. Names, card numbers, personal numbers and addresses
/// in it are replaced, the same by the same of the same length; what was replaced is said. Keys and
/// PINs are not in it. `card unpack` makes a card image of it, which plays.
///
/// Exits 6 if there is an error or a warning; what was not looked at is said.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab diagnose
  kortlab -c card.json diagnose --html report.html --force
  kortlab -c card.json diagnose --ca-dir ca
  kortlab -c card.json diagnose --bundle bundle.json --force
  kortlab -c card.json --json diagnose --rules free-space,pairs
  kortlab diagnose --list")]
pub struct Arguments {
    #[command(flatten)]
    evidence: Evidence,

    /// Tell the findings of these rules only
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule_parser())]
    rules: Vec<&'static Rule>,

    /// Name the rules, and what each finds; no card is used
    #[arg(long)]
    list: bool,

    /// Write a report as HTML
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Write findings, card and trace into one file to share, without the person whose card it is
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,

    /// Replace this text in the bundle, too, wherever it stands
    #[arg(long, value_name = "TEXT", requires = "bundle")]
    replace: Vec<String>,

    /// Overwrite a report or a bundle that is there
    #[arg(long)]
    force: bool,
}

impl Arguments {
    /// Whether the rules are to be named, which takes no card.
    pub const fn is_list(&self) -> bool {
        self.list
    }
}

fn rule_parser() -> impl TypedValueParser<Value = &'static Rule> {
    PossibleValuesParser::new(rules::ALL.iter().map(|rule| rule.id))
        .try_map(|id| rules::find(&id).ok_or_else(|| format!("there is no rule {id:?}")))
}

/// Looks at the card and tells what it found.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    if arguments.list {
        context.output.report(&RuleList::new())?;
        return Ok(Exit::Done);
    }
    let options = Diagnosing {
        budget: context.budget,
        now: arguments.evidence.time(),
        against: arguments.evidence.read()?,
        rules: arguments.rules.clone(),
    };
    let (channel, mut journal) = context.open_channel_with_journal()?;
    // A bundle reads the card once more, and has in it what passed.
    let mut again = None;
    let card: AnyChannel = match &arguments.bundle {
        Some(_) => {
            let session = bundle::Session::default();
            let card = Remembered::new(session.record(channel));
            again = Some((session, card.clone()));
            Box::new(card)
        }
        None => channel,
    };
    let mut unread = None;
    let diagnosis = diagnose(
        card,
        &options,
        |card, against| {
            // What the card cannot tell now it cannot tell below, either, and that is said there.
            if arguments.evidence.asks() {
                let _ = arguments.evidence.ask(card, against.to_mut());
            }
            recover::waiting(card, &mut journal).unwrap_or_else(|failure| {
                unread = Some(failure);
                Vec::new()
            })
        },
        Box::new(|_| {}),
    )?;
    if let (Some(failure), None) = (unread, &diagnosis.ended) {
        return Err(failure);
    }
    if let Some(path) = &arguments.html {
        let page = html::report(&diagnosis, PROGRAM);
        new_file::write(path, page.as_bytes(), arguments.force)?;
        note(format_args!("the report is in {}", path.display()));
    }
    let report = Report::new(&diagnosis);
    if let (Some(path), Some((session, card))) = (&arguments.bundle, again) {
        let bundle = session.bundle(context.budget, card, &report, arguments.replace)?;
        new_file::write(path, bundle.text.as_bytes(), arguments.force)?;
        note(format_args!(
            "the bundle is in {}; {bundle}",
            path.display()
        ));
    }
    if let Some(error) = &diagnosis.ended {
        let failure = Failure::from(error.clone());
        let failure = failure.saying(format!(
            "reading ended before everything was looked at: {error}"
        ));
        context.output.report_failed(&report, &failure)?;
        return Err(failure);
    }
    context.output.report(&report)?;
    Ok(match diagnosis.count() {
        0 => Exit::Done,
        _ => Exit::Findings,
    })
}

/// The JSON document of --list.
#[derive(Serialize)]
struct RuleList {
    rules: Vec<RuleEntry>,
}

#[derive(Serialize)]
struct RuleEntry {
    id: &'static str,
    help: &'static str,
    explanation: &'static str,
    remedy: &'static str,
    codes: &'static [&'static str],
}

impl RuleList {
    fn new() -> Self {
        let rules = rules::ALL.iter().map(|rule| RuleEntry {
            id: rule.id,
            help: rule.help,
            explanation: rule.explanation,
            remedy: rule.remedy,
            codes: rule.codes,
        });
        Self {
            rules: rules.collect(),
        }
    }
}

impl fmt::Display for RuleList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["Rule", "What it looks at"]);
        for rule in &self.rules {
            table.row([rule.id.into(), rule.help.into()]);
        }
        table.fmt(f)
    }
}
