//! A diagnosis as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use anstyle::Style;
use kortlab_card::{Problem, Severity};
use kortlab_diagnose::{Diagnosis, Finding, Marked};
use kortlab_explain::dump::{BYTES_A_ROW, ascii};
use serde::Serialize;

use super::super::problem::counted;
use crate::output::{
    BOLD, DIM, ERROR, GOOD, Hex, Table, WARNING, columns_of, columns_of_standard_output, printable,
    words_within_first,
};

/// How wide the text is where no terminal says otherwise.
const COLUMNS: usize = 80;

/// The JSON document.
#[derive(Serialize)]
pub struct Report {
    /// How many errors and warnings there are.
    findings: usize,
    label: Option<String>,
    serial: Option<String>,
    card_os: Option<&'static str>,
    atr: String,
    commands: usize,
    problems: Vec<Entry>,
    /// What was looked at, in words.
    looked_at: Vec<String>,
    /// What was not.
    not_looked_at: Vec<String>,
}

/// A finding: a problem, and what its rule and its bytes say.
#[derive(Serialize)]
pub struct Entry {
    rule: &'static str,
    #[serde(flatten)]
    problem: Problem,
    /// How many bytes from the offset on are at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    /// These bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
    explanation: &'static str,
    /// Which programs trip over it, as far as that was tried.
    trips_over: Vec<&'static str>,
    #[serde(skip)]
    marked: Option<Marked>,
}

impl Report {
    pub fn new(diagnosis: &Diagnosis) -> Self {
        Self {
            findings: diagnosis.count(),
            label: diagnosis.label.clone(),
            serial: diagnosis.serial.clone(),
            card_os: diagnosis.card_os,
            atr: Hex(&diagnosis.atr).to_string(),
            commands: diagnosis.commands,
            problems: diagnosis.findings.iter().map(Entry::new).collect(),
            looked_at: diagnosis.looked_at.clone(),
            not_looked_at: diagnosis.not_looked_at.clone(),
        }
    }
}

impl Entry {
    pub fn new(finding: &Finding) -> Self {
        let bytes = finding.bytes.as_ref();
        Self {
            rule: finding.rule.id,
            problem: finding.problem.clone(),
            length: bytes.map(|bytes| bytes.span.length),
            bytes: bytes.map(|bytes| Hex(bytes.marked()).to_string()),
            explanation: finding.rule.explanation,
            trips_over: finding.trips().collect(),
            marked: finding.bytes.clone(),
        }
    }
}

/// How many findings of one code are shown one by one in text.
const SHOWN: usize = 10;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut card = Table::plain();
        let told = |text: &Option<String>| text.clone().unwrap_or_else(|| "(not given)".to_owned());
        card.row(["Card".into(), told(&self.label).into()]);
        card.row(["Serial number".into(), told(&self.serial).into()]);
        card.fmt(f)?;
        writeln!(f)?;
        let mut seen = BTreeMap::<&str, usize>::new();
        for entry in &self.problems {
            let seen = seen.entry(entry.problem.code()).or_default();
            *seen += 1;
            if *seen <= SHOWN {
                entry.fmt(f)?;
            }
        }
        for (code, seen) in seen.into_iter().filter(|(_, seen)| *seen > SHOWN) {
            let more = seen - SHOWN;
            writeln!(
                f,
                "{DIM}and {more} more of this kind [{code}]; --json has all{DIM:#}\n"
            )?;
        }
        match (self.findings, self.not_looked_at.is_empty()) {
            (0, true) => writeln!(f, "{GOOD}no findings{GOOD:#}")?,
            (0, false) => writeln!(f, "nothing wrong in what was looked at")?,
            (count, _) => writeln!(f, "{}", counted(count))?,
        }
        flow(f, Style::new(), "looked at:", &self.looked_at.join("; "))?;
        for entry in &self.not_looked_at {
            flow(f, WARNING, "not looked at:", entry)?;
        }
        Ok(())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = &self.problem;
        let style = match problem.severity() {
            Severity::Error => ERROR,
            Severity::Warning => WARNING,
            Severity::Note => Style::new(),
        };
        let text = format!(
            "{}: {} [{}]",
            problem.place(),
            problem.message(),
            problem.code()
        );
        flow(f, style, &format!("{}:", problem.severity()), &text)?;
        if let Some(marked) = &self.marked {
            rows(f, marked)?;
        }
        flow(f, DIM, "  next:", &problem.next_step())?;
        flow(
            f,
            DIM,
            "  rule:",
            &format!("{}: {}", self.rule, self.explanation),
        )?;
        if !self.trips_over.is_empty() {
            flow(f, DIM, "  trips over it:", &self.trips_over.join(", "))?;
        }
        writeln!(f)
    }
}

/// A text behind its lead, in lines that fit; those behind the first are indented.
fn flow(f: &mut fmt::Formatter<'_>, style: Style, lead: &str, text: &str) -> fmt::Result {
    const INDENT: usize = 2;
    let columns = columns_of_standard_output().unwrap_or(COLUMNS);
    let text = printable(text);
    let first = columns.saturating_sub(columns_of(lead) + 1).max(1);
    let rest = columns.saturating_sub(INDENT).max(1);
    write!(f, "{style}{lead}{style:#}")?;
    let lines = words_within_first(&text, first, rest);
    for (index, line) in lines.iter().enumerate() {
        match index {
            0 => write!(f, " {line}")?,
            _ => write!(f, "\n{:INDENT$}{line}", "")?,
        }
    }
    writeln!(f)
}

/// The rows in which the bytes at fault are, those between brackets; at most four.
fn rows(f: &mut fmt::Formatter<'_>, bytes: &Marked) -> fmt::Result {
    const MOST: usize = 4;
    let (start, end) = (bytes.span.offset, bytes.span.end());
    let first = start / BYTES_A_ROW;
    let last = end.saturating_sub(1) / BYTES_A_ROW;
    let all = bytes.all.chunks(BYTES_A_ROW).enumerate();
    for (row, chunk) in all.skip(first).take((last - first + 1).min(MOST)) {
        let offset = row * BYTES_A_ROW;
        write!(f, "  {DIM}{offset:04X}{DIM:#} ")?;
        let inside = |at: usize| (start..end).contains(&at);
        for (index, byte) in chunk.iter().enumerate() {
            let at = offset + index;
            let before = match (index > 0 && inside(at - 1), inside(at)) {
                (false, true) => "[",
                (true, false) => "]",
                _ => " ",
            };
            let (open, close) = match inside(at) {
                true => (format!("{BOLD}"), format!("{BOLD:#}")),
                false => Default::default(),
            };
            write!(f, "{before}{open}{byte:02X}{close}")?;
        }
        let closed = if inside(offset + chunk.len() - 1) {
            "]"
        } else {
            " "
        };
        let blank = 3 * (BYTES_A_ROW - chunk.len());
        writeln!(f, "{closed}{:blank$} {}", "", ascii(chunk))?;
    }
    Ok(())
}
