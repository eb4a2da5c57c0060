//! `kortlab fuzz run`: many executions of a program.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use kortlab_campaign::{Campaign, Case, Found, Goal, Tally};
use serde::Serialize;

use super::corpus::CorpusArguments;
use super::findings::{Card, Engine, Entry, Findings, failed, is_same_file, report_of};
use super::store::Store;
use super::{LimitArguments, PlaceArguments, place_of, program, read_image};
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
    corpus: CorpusArguments,

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

/// Fuzzes.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let program = program(&arguments.program)?;
    let out = place_of(arguments.out, &program);
    let limits = arguments.limits.limits();
    if let Some(path) = &arguments.html {
        if is_same_file(path, &arguments.image) {
            return Err(Failure::usage("--html would overwrite the card image")
                .hint("name another file for the report"));
        }
        world::may_write(path, arguments.force)?;
    }
    let corpus = arguments.corpus.recipes()?;
    let (bytes, image) = read_image(&arguments.image)?;
    let hash = Case::hash(&bytes);
    let (store, progress, cases) = Store::open(&out, &program, limits, hash, arguments.seed)?;
    let before = progress.executions;
    let known = cases.iter().map(|(_, case)| case.signature.clone());
    let laboratory = arguments.place.laboratory(image, program, limits)?;
    let campaign = Campaign::new(laboratory, progress, known).map_err(|error| failed(&error))?;
    let card = Card {
        path: arguments.image.display().to_string(),
        bytes,
    };
    let findings = Findings::new(&store, &card, campaign.laboratory(), &cases);
    let keep = |found: &Found| findings.keep(found);
    for recipe in &corpus {
        campaign
            .consider(recipe, &keep)
            .map_err(|error| failed(&error))?;
    }
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
    let begun = Instant::now();
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
        findings: findings.entries(),
    };
    if let Err(error) = ran {
        let failure = failed(&error);
        context.output.report_failed(&report, &failure)?;
        return Err(failure);
    }
    if let Some(path) = &arguments.html {
        let page = report_of(&campaign, &store, &card, &Engine::Own)?;
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
            entry.fmt(f)?;
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
