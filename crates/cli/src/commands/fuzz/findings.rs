//! What a campaign has found, whichever engine drives it: kept as cases, and told.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use kortlab_campaign::{CampaignError, Case, Found, Outcome, Unfit};
use kortlab_explain::printable;
use serde::Serialize;

use super::about;
use super::campaign::Begun;
use super::html::{self, Shown, Summary};
use crate::failure::Failure;
use crate::output::{WARNING, note, warn};

/// The card image of a campaign.
pub struct Card {
    /// Where it is.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// How many characters of a fault are shown of a finding.
const SHOWN: usize = 400;

/// A finding as it is told.
#[derive(Clone, Serialize)]
pub struct Entry {
    oracle: String,
    signature: String,
    what: String,
    faults: Vec<String>,
    execution: u64,
    file: String,
}

/// What is found, from the beginning of the campaign.
pub struct Findings<'a> {
    of: &'a Begun,
    entries: Mutex<Vec<Entry>>,
    since: Instant,
}

impl<'a> Findings<'a> {
    /// Those that are kept already.
    pub fn new(of: &'a Begun) -> Self {
        let cases = of.cases.iter();
        let entries = cases.map(|(path, case)| Entry::of(case, path.clone()));
        Self {
            of,
            entries: Mutex::new(entries.collect()),
            since: Instant::now(),
        }
    }

    /// Keeps a finding as a case, and says so.
    ///
    /// # Errors
    /// It cannot be kept, in words.
    pub fn keep(&self, found: &Found) -> Result<(), String> {
        let (card, laboratory) = (&self.of.card, self.of.campaign.laboratory());
        let mut case = Case::new(
            &found.finding,
            found.recipe.clone(),
            laboratory.program(),
            laboratory.limits(),
            card.path.clone(),
            &card.bytes,
        );
        case.seen = found.seen;
        case.execution = found.execution;
        let path = self.of.store.keep(&case).map_err(|error| {
            let path = self.of.store.directory().join(case.file_name());
            format!("{}: {error}", path.display())
        })?;
        note(format_args!(
            "{WARNING}found{WARNING:#} {}\n  {}, by execution {}, after {:.0} s",
            printable(&case.signature),
            path.display(),
            case.execution,
            self.since.elapsed().as_secs_f64()
        ));
        self.lock().push(Entry::of(&case, path));
        Ok(())
    }

    /// All, in the order in which they were found.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn of(case: &Case, path: PathBuf) -> Self {
        Self {
            oracle: case.oracle.clone(),
            signature: case.signature.clone(),
            what: case.what.clone(),
            faults: case.faults.faults().to_vec(),
            execution: case.execution,
            file: path.display().to_string(),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{WARNING}{}{WARNING:#}", printable(&self.signature))?;
        writeln!(f, "  {}", printable(&self.what))?;
        for fault in &self.faults {
            let shown: String = fault.chars().take(SHOWN).collect();
            // All that a card has answered may be in one: the case has it whole.
            let more = if shown.len() < fault.len() { "…" } else { "" };
            writeln!(f, "  --fault {shown}{more}")?;
        }
        writeln!(f, "  {}, by execution {}", self.file, self.execution)
    }
}

/// What has driven a campaign, as the report tells it.
pub enum Engine {
    /// Nothing but this program.
    Own,
    /// Another engine, which says how much of the program was reached.
    Other {
        /// Its name.
        name: &'static str,
        /// How many executions it made.
        executions: u64,
        /// What was reached, in words.
        coverage: String,
    },
}

/// The report of the campaign with all its findings.
///
/// # Errors
/// The directory of the campaign cannot be read.
pub fn report_of(of: &Begun, engine: &Engine) -> Result<String, Failure> {
    let (campaign, card) = (&of.campaign, &of.card);
    let cases = of.store.cases()?;
    let shown = cases.iter().map(|(path, case)| Shown {
        case,
        file: path.display().to_string(),
        outcome: campaign.laboratory().execute(&case.faults).ok(),
    });
    let shown: Vec<_> = shown.collect();
    let tally = campaign.tally();
    let program = campaign.laboratory().program();
    let words = program.arguments.iter().map(String::as_str);
    let path = program.path.display().to_string();
    let summary = Summary {
        program: std::iter::once(path.as_str())
            .chain(words)
            .collect::<Vec<_>>()
            .join(" "),
        card: &card.path,
        card_sha256: &Case::hash(&card.bytes),
        seed: campaign.seed(),
        executions: tally.executions,
        ways: tally.ways,
        good_exit_code: campaign.good().bad_exit_code(),
        engine,
    };
    Ok(html::report(&summary, &shown))
}

/// Why a campaign came to nothing, and what to do.
pub fn failed(error: &CampaignError) -> Failure {
    let failure = Failure::failed(error.to_string());
    match error {
        CampaignError::Unfit(error) => unfit(error),
        CampaignError::Laboratory(error) => about(error),
        CampaignError::NotKept(_) => {
            failure.hint("make room; the findings that were told before are kept")
        }
        _ => failure,
    }
}

/// Why nothing can be said of a program, and what to do.
pub fn unfit(error: &Unfit) -> Failure {
    let failure = Failure::failed(error.to_string());
    match error {
        Unfit::NoCommands => failure.hint(
            "it may be no PC/SC program, drop its environment, or have a client of its own; try it \
             with `kortlab run`",
        ),
        Unfit::NotStarted(_) => {
            failure.hint("see with `kortlab run` what it says; name what it starts as it is found")
        }
        Unfit::Fails(finding) => match finding.oracle {
            "hang" => failure.hint("give it more with --limit-time"),
            "memory" => failure.hint("give it more with --limit-memory"),
            "endless" => failure.hint("give it more with --limit-commands"),
            _ => failure.hint("see with `kortlab run` what it says, and mend that first"),
        },
        _ => failure,
    }
}

/// Says of a program that it ends badly with a good card as well; gives its exit code then.
pub fn ends_badly(good: &Outcome) -> Option<i32> {
    let code = good.bad_exit_code()?;
    warn(format_args!(
        "with the good card it ends with exit code {code}: see with `kortlab run` whether it does \
         what it is to do"
    ));
    Some(code)
}
