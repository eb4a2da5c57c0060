//! `kortlab fuzz run`: many executions of a program.

use std::fmt;
use std::time::Instant;

use clap::Args;
use kortlab_campaign::{Found, Tally};
use serde::Serialize;

use super::campaign::{CampaignArguments, KEEP};
use super::findings::{Engine, Entry, Findings, failed};
use super::{PlaceArguments, jobs};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::output::{GOOD, WARNING, note};
use crate::stop::{self, SecondTime};

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
    /// What chance decides: the same seed decides the same [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// End after so many executions in all
    #[arg(long, value_name = "N")]
    executions: Option<u64>,

    /// So many executions at a time [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    jobs: Option<u16>,

    #[command(flatten)]
    campaign: CampaignArguments,

    #[command(flatten)]
    place: PlaceArguments,
}

/// What came of it.
#[derive(Serialize)]
struct Report {
    executions: u64,
    seconds: f64,
    ways: usize,
    /// The exit code with the good card, if it is a bad one.
    #[serde(skip_serializing_if = "Option::is_none")]
    good_exit_code: Option<i32>,
    findings: Vec<Entry>,
}

/// Fuzzes.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let since = Instant::now();
    let program = arguments.campaign.program()?;
    let begun = arguments
        .campaign
        .begin(program, &arguments.place, arguments.seed)?;
    let campaign = &begun.campaign;
    let before = campaign.tally().executions;
    let findings = Findings::new(&begun);
    let keep = |found: &Found| findings.keep(found);
    for recipe in &begun.corpus {
        campaign
            .consider(recipe, &keep)
            .map_err(|error| failed(&error))?;
    }
    let stop = stop::on_signals(SecondTime::Ends)?;
    let goal = arguments.campaign.goal(arguments.executions);
    let mut kept = Instant::now();
    let mut told = Instant::now();
    let mut not_saved = None;
    let mut tick = |tally: Tally| {
        if told.elapsed() >= KEEP {
            told = Instant::now();
            note(format_args!("{}", progress_line(tally, before, since)));
        }
        if kept.elapsed() >= KEEP && not_saved.is_none() {
            kept = Instant::now();
            not_saved = begun.store.save(campaign.progress()).err();
        }
    };
    let ran = campaign.run(goal, jobs(arguments.jobs), &stop, &keep, &mut tick);
    let saved = begun.store.save(campaign.progress());
    let tally = campaign.tally();
    let report = Report {
        executions: tally.executions - before,
        seconds: since.elapsed().as_secs_f64(),
        ways: tally.ways,
        good_exit_code: campaign.good().bad_exit_code(),
        findings: findings.entries(),
    };
    arguments.campaign.end(
        context,
        &begun,
        &report,
        &Engine::Own,
        ran.map_err(|error| failed(&error)),
        saved.and(not_saved.map_or(Ok(()), Err)),
    )
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
