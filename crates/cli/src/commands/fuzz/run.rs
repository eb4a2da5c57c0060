//! `kortlab fuzz run`: many executions of a program.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use kortlab_campaign::{Campaign, CampaignError, Case, Found, Goal, Tally};
use kortlab_explain::printable;
use serde::Serialize;

use super::html::{self, Shown, Summary};
use super::store::Store;
use super::{LimitArguments, PlaceArguments, about, program, read_image};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::output::{GOOD, WARNING, note};
use crate::stop::{self, SecondTime};
use crate::world;

/// How often the campaign is kept.
const KEEP: Duration = Duration::from_secs(5);

/// The exit code of a second Ctrl-C, as shells have it.
const INTERRUPTED: i32 = 130;

/// Fuzz a program, until Ctrl-C or a goal
///
/// What is found is kept in a directory, one case for each kind of finding. Begun again with the same
/// directory, program and card it goes on. The same --seed with --jobs 1 makes the same executions.
/// Exits 6 if something was found, also by an earlier run.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab fuzz run --executions 20 --seed 1 --jobs 1 card.json -- pkcs15-tool -c
  kortlab fuzz run --in-process --executions 20 --jobs 1 card.json -- pkcs15-tool -c
  kortlab fuzz run --executions 10 --out f --jobs 1 card.json -- opensc-tool -n
  kortlab fuzz run --executions 9 --out f --html f.html card.json -- opensc-tool -n
  kortlab --json fuzz run --findings 1 --executions 10 --jobs 1 card.json -- pkcs11-tool -O")]
pub struct Arguments {
    /// The card image, of which each execution gets a fresh copy
    #[arg(value_name = "FILE")]
    image: PathBuf,

    /// The program, behind `--`, and its arguments
    #[arg(value_name = "PROGRAM", last = true, required = true)]
    program: Vec<OsString>,

    /// The directory of the campaign [default: fuzz- and the name of the program]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// What chance decides: the same seed decides the same [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// End after so many executions in all
    #[arg(long, value_name = "N")]
    executions: Option<u64>,

    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    time: Option<u64>,

    /// End after so many findings in all
    #[arg(long, value_name = "N")]
    findings: Option<usize>,

    /// So many executions at a time [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    jobs: Option<u16>,

    /// Write a report with all findings of the campaign, each tried once more, as one HTML file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Overwrite the file of --html
    #[arg(long, requires = "html")]
    force: bool,

    #[command(flatten)]
    place: PlaceArguments,

    #[command(flatten)]
    limits: LimitArguments,
}

/// What came of it.
#[derive(Serialize)]
struct Report {
    executions: u64,
    seconds: f64,
    ways: usize,
    findings: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    oracle: String,
    signature: String,
    what: String,
    faults: Vec<String>,
    execution: u64,
    file: String,
}

/// Fuzzes.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let program = program(&arguments.program)?;
    let out = arguments.out.unwrap_or_else(|| {
        let name = program.path.file_name().unwrap_or_default();
        PathBuf::from(format!("fuzz-{}", name.display()))
    });
    let limits = arguments.limits.limits();
    if let Some(path) = &arguments.html {
        if is_same_file(path, &arguments.image) {
            return Err(Failure::usage("--html would overwrite the card image")
                .hint("name another file for the report"));
        }
        world::may_write(path, arguments.force)?;
    }
    let (bytes, image) = read_image(&arguments.image)?;
    let card_sha256 = Case::hash(&bytes);
    let (store, progress, cases) =
        Store::open(&out, &program, limits, card_sha256.clone(), arguments.seed)?;
    let before = progress.executions;
    let known = cases.iter().map(|(_, case)| case.signature.clone());
    let laboratory = arguments.place.laboratory(image, program, limits)?;
    let campaign = Campaign::new(laboratory, progress, known).map_err(|error| failed(&error))?;
    let entries = cases
        .iter()
        .map(|(path, case)| Entry::of(case, path.clone()));
    let findings: Mutex<Vec<Entry>> = Mutex::new(entries.collect());
    let lock = || findings.lock().unwrap_or_else(PoisonError::into_inner);
    let card = arguments.image.display().to_string();
    let begun = Instant::now();
    let keep = |found: &Found| -> Result<(), String> {
        let mut case = Case::new(
            &found.finding,
            found.recipe.clone(),
            campaign.laboratory().program(),
            &limits,
            card.clone(),
            &bytes,
        );
        case.seen = found.seen;
        case.execution = found.execution;
        let path = store
            .keep(&case)
            .map_err(|error| format!("{}: {error}", out.join(case.file_name()).display()))?;
        note(format_args!(
            "{WARNING}found{WARNING:#} {}\n  {}, by execution {}, after {:.0} s",
            printable(&case.signature),
            path.display(),
            case.execution,
            begun.elapsed().as_secs_f64()
        ));
        lock().push(Entry::of(&case, path));
        Ok(())
    };
    let stop = stop::on_signals(SecondTime::Ends(INTERRUPTED))?;
    let goal = Goal {
        executions: arguments.executions,
        time: arguments.time.map(Duration::from_secs),
        findings: arguments.findings,
    };
    let jobs = arguments
        .jobs
        .map(usize::from)
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get));
    let mut kept = Instant::now();
    let mut told = Instant::now();
    let mut not_saved = None;
    let mut tick = |tally: Tally| {
        if told.elapsed() >= KEEP {
            told = Instant::now();
            note(format_args!("{}", progress_line(tally, before, begun)));
        }
        if kept.elapsed() >= KEEP && not_saved.is_none() {
            kept = Instant::now();
            not_saved = store.save(campaign.progress()).err();
        }
    };
    let ran = campaign.run(goal, jobs, &stop, &keep, &mut tick);
    let not_saved = store.save(campaign.progress()).err().or(not_saved);
    let tally = campaign.tally();
    let report = Report {
        executions: tally.executions - before,
        seconds: begun.elapsed().as_secs_f64(),
        ways: tally.ways,
        findings: std::mem::take(&mut *lock()),
    };
    if let Err(error) = ran {
        let failure = failed(&error);
        context.output.report_failed(&report, &failure)?;
        return Err(failure);
    }
    if let Some(path) = &arguments.html {
        let page = report_of(&campaign, &store, &card, &card_sha256)?;
        world::write(path, page.as_bytes(), arguments.force)?;
        note(format_args!("the report is in {}", path.display()));
    }
    context.output.report(&report)?;
    if let Some(error) = not_saved {
        return Err(Failure::file("keep the campaign in", &out, &error)
            .hint("its cases are there; begun again it starts from an earlier state"));
    }
    Ok(if report.findings.is_empty() {
        Exit::Done
    } else {
        Exit::Findings
    })
}

/// Whether two paths lead to one file that is there.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let [one, other] = [one, other].map(|path| path.canonicalize().ok());
    one.is_some() && one == other
}

/// The report of the campaign with all its findings.
fn report_of(
    campaign: &Campaign,
    store: &Store,
    card: &str,
    card_sha256: &str,
) -> Result<String, Failure> {
    let cases = store.cases()?;
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
        card,
        card_sha256,
        seed: campaign.progress().seed,
        executions: tally.executions,
        ways: tally.ways,
    };
    Ok(html::report(&summary, &shown))
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

fn failed(error: &CampaignError) -> Failure {
    let failure = Failure::failed(error.to_string());
    match error {
        CampaignError::NoCommands => failure.hint(
            "it may be no PC/SC program, drop its environment, or have a client of its own; try it \
             with `kortlab run`",
        ),
        CampaignError::Fails(_) => failure.hint("give it more with --limit-time and its like"),
        CampaignError::Laboratory(error) => about(error),
        CampaignError::NotKept(_) => {
            failure.hint("make room; the findings that were told before are kept")
        }
        _ => failure,
    }
}

fn progress_line(tally: Tally, before: u64, begun: Instant) -> String {
    let executions = tally.executions - before;
    let rate = executions as f64 / begun.elapsed().as_secs_f64().max(0.001);
    format!(
        "{executions} executions, {rate:.1} a second, {} findings, {} ways",
        tally.findings, tally.ways
    )
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.findings {
            writeln!(f, "{WARNING}{}{WARNING:#}", printable(&entry.signature))?;
            writeln!(f, "  {}", printable(&entry.what))?;
            for fault in &entry.faults {
                writeln!(f, "  --fault {fault}")?;
            }
            writeln!(f, "  {}, by execution {}", entry.file, entry.execution)?;
        }
        let rate = self.executions as f64 / self.seconds.max(0.001);
        let count = self.findings.len();
        let style = if count == 0 { GOOD } else { WARNING };
        writeln!(
            f,
            "{style}{count} findings{style:#}; {} executions in {:.1} s, {rate:.1} a second; {} ways",
            self.executions, self.seconds, self.ways
        )
    }
}
