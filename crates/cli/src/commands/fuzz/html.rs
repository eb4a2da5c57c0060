//! A campaign as one HTML file.

use core::fmt::{self, Write as _};

use kortlab_campaign::{Case, Outcome};
use kortlab_diagnose::html::{Escaped, document, table};

use super::findings::Engine;
use super::said;

/// A finding of a campaign, and what happened when it was tried once more for the report; nothing
/// if it could not be tried.
pub struct Shown<'a> {
    /// The finding.
    pub case: &'a Case,
    /// Where it is kept.
    pub file: String,
    /// What happened.
    pub outcome: Option<Outcome>,
}

/// The campaign as a whole.
pub struct Summary<'a> {
    /// The program and its arguments.
    pub program: String,
    /// The card image.
    pub card: &'a str,
    /// Its SHA-256.
    pub card_sha256: &'a str,
    /// The seed.
    pub seed: u64,
    /// Executions, of all runs of the campaign.
    pub executions: u64,
    /// Ways in which the program went.
    pub ways: usize,
    /// The exit code with the good card, if it is a bad one.
    pub good_exit_code: Option<i32>,
    /// What has driven it.
    pub engine: &'a Engine,
}

/// The report.
pub fn report(summary: &Summary<'_>, findings: &[Shown<'_>]) -> String {
    let mut page = String::new();
    let title = format!("Fuzzing of {}", summary.program);
    // Writing to a String does not fail.
    let _ = document(&mut page, &title, |page| body(page, summary, findings));
    page
}

fn body(page: &mut String, summary: &Summary<'_>, findings: &[Shown<'_>]) -> fmt::Result {
    let verdict = match findings.len() {
        0 => "Nothing was found in these executions.".to_owned(),
        1 => "1 finding.".to_owned(),
        count => format!("{count} findings."),
    };
    writeln!(page, "<p class=\"verdict\">{verdict}</p>")?;
    let (seed, executions) = (summary.seed.to_string(), summary.executions.to_string());
    let ways = summary.ways.to_string();
    let good = summary.good_exit_code;
    let good = good.map(|code| format!("it ends with exit code {code}, too"));
    let (driven, coverage) = match summary.engine {
        Engine::Own => (None, None),
        Engine::Other {
            name,
            executions,
            coverage,
        } => (
            Some(format!("{name}, {executions} executions of its own")),
            Some(coverage.as_str()),
        ),
    };
    let rows = [
        ("Program", Some(summary.program.as_str())),
        ("Card image", Some(summary.card)),
        ("Its SHA-256", Some(summary.card_sha256)),
        ("With the good card", good.as_deref()),
        ("Seed", Some(&seed)),
        ("Executions", Some(&executions)),
        ("Ways it went", Some(&ways)),
        ("Driven by", driven.as_deref()),
        ("Reached of the program", coverage),
        (
            "Made by",
            Some(concat!("kortlab ", env!("CARGO_PKG_VERSION"))),
        ),
    ];
    table(page, "The campaign", rows.into_iter())?;
    if findings.is_empty() {
        return Ok(());
    }
    page.push_str("<h2>Findings</h2>\n");
    for (index, shown) in findings.iter().enumerate() {
        one(page, index + 1, shown)?;
    }
    Ok(())
}

fn one(page: &mut String, number: usize, shown: &Shown<'_>) -> fmt::Result {
    let case = shown.case;
    writeln!(
        page,
        "<section aria-labelledby=\"finding-{number}\">\n<h3 id=\"finding-{number}\">{number}. \
         {}</h3>\n<p>{}</p>",
        Escaped(&case.signature),
        Escaped(&case.what),
    )?;
    let faults = case.faults.faults().join(" ");
    let (seen, of) = case.seen;
    let seen = format!("in {seen} of {of} executions with these faults");
    let replay = format!("kortlab fuzz replay {}", shown.file);
    let ended = shown.outcome.as_ref().map(said::ended);
    let rows = [
        ("Oracle", Some(case.oracle.as_str())),
        ("Faults", Some(&*faults)),
        ("Seen", Some(&*seen)),
        ("Ended, in this report", ended.as_deref()),
        ("To see it again", Some(&*replay)),
    ];
    table(page, &format!("Finding {number}"), rows.into_iter())?;
    match &shown.outcome {
        Some(outcome) => trace(page, number, outcome)?,
        None => page.push_str("<p>It could not be tried again for this report.</p>\n"),
    }
    page.push_str("</section>\n");
    Ok(())
}

/// The last commands, with the answers marked that were spoilt, and what the program said.
fn trace(page: &mut String, number: usize, outcome: &Outcome) -> fmt::Result {
    writeln!(
        page,
        "<figure>\n<figcaption id=\"trace-{number}\">The last commands. Marked, with a star: the \
         program got something else than the card gave.</figcaption>\n<pre tabindex=\"0\" \
         role=\"region\" aria-labelledby=\"trace-{number}\">"
    )?;
    for line in said::exchanges(outcome).lines() {
        let line_text = Escaped(line);
        if line.starts_with('*') {
            writeln!(page, "<mark>{line_text}</mark>")?;
        } else {
            writeln!(page, "{line_text}")?;
        }
    }
    page.push_str("</pre>\n</figure>\n");
    if !outcome.stderr.is_empty() {
        writeln!(
            page,
            "<figure>\n<figcaption id=\"said-{number}\">What the program said</figcaption>\n<pre \
             tabindex=\"0\" role=\"region\" aria-labelledby=\"said-{number}\">"
        )?;
        for line in outcome.stderr.lines() {
            writeln!(page, "{}", Escaped(line))?;
        }
        page.push_str("</pre>\n</figure>\n");
    }
    Ok(())
}
