//! `kortlab fuzz afl`: a campaign that AFL++ drives.

mod judging;
mod processes;

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use kortlab_campaign::engines::afl::{Inputs, Instance, Kind, Stats, Trouble, find, refused};
use kortlab_campaign::engines::seeds;
use kortlab_campaign::{Campaign, Goal, Recipe};
use serde::Serialize;

use self::judging::Judging;
use self::processes::{Running, end};
use super::campaign::{Begun, CampaignArguments, KEEP};
use super::findings::{Engine, Entry, Findings, failed};
use super::store::Store;
use super::{PlaceArguments, jobs};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::output::{GOOD, WARNING, note, warn};
use crate::stop::{self, SecondTime};

/// How often it is looked for what AFL++ has kept.
const LOOK: Duration = Duration::from_millis(200);
/// The longest name of an instance that AFL++ takes is 32 bytes.
const MAX_NODE: usize = 24;

/// Have AFL++ fuzz an instrumented program, until Ctrl-C or a goal
///
/// AFL++ (Debian: afl++) sees what the program reaches, keeps the test cases that reach something
/// new, and makes others of them. A test case is a list of faults, and stays one. The card is in the
/// program's own process; AFL++'s fork server forks when the program first asks about a card, so that
/// all it does before is done once. The program has to be built with `CC=afl-clang-fast`, and to be
/// linked to libpcsclite, or to load it by its name.
///
/// What AFL++ keeps is tried once more without it and judged as by `kortlab fuzz run`: findings are
/// cases in the same directory. A campaign of `fuzz run` there gives its test cases. Begun again with
/// the same directory, program and card it goes on. Exits 6 if something was found, also by an earlier
/// run.
///
/// Machines work together when the directory `afl` in there is copied to and fro between them, as by
/// rsync: each with a --node of its own. Variables of AFL++'s go on to it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab fuzz afl --executions 500 --jobs 1 card.json -- ./reader
  kortlab fuzz afl --executions 1000 --jobs 1 --html afl.html card.json -- ./reader
  kortlab fuzz afl --executions 1500 --jobs 2 --node b card.json -- ./reader")]
pub struct Arguments {
    /// What chance decides, where time does not [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// End after about so many executions in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    executions: Option<u64>,

    /// So many instances of AFL++ [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    jobs: Option<u16>,

    /// What the names of the instances begin with: one for each machine
    #[arg(long, value_name = "NAME", default_value = "kortlab", value_parser = node)]
    node: String,

    /// A further argument of afl-fuzz, for instance --afl=-p --afl=explore
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    afl: Vec<OsString>,

    #[command(flatten)]
    campaign: CampaignArguments,
}

/// What AFL++ takes as a part of an instance's name.
fn node(text: &str) -> Result<String, String> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    match text.bytes().all(is_good) && (1..=MAX_NODE).contains(&text.len()) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "1 to {MAX_NODE} letters, digits, _ and - make a name"
        )),
    }
}

/// What came of it.
#[derive(Serialize)]
struct Report {
    executions: u64,
    seconds: f64,
    edges: u64,
    all_edges: u64,
    /// Test cases that AFL++ keeps, by the instance that keeps most.
    kept: u64,
    /// Of them, and of those that crashed or hung, how many were tried without AFL++.
    tried: u64,
    /// How many wait to be tried.
    waiting: usize,
    /// What crashed or hung with AFL++ and does not without it.
    not_again: Vec<PathBuf>,
    /// The exit code with the good card, if it is a bad one.
    #[serde(skip_serializing_if = "Option::is_none")]
    good_exit_code: Option<i32>,
    findings: Vec<Entry>,
}

/// Fuzzes.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let program = arguments.campaign.program()?;
    let afl_fuzz = find(&env::var_os("PATH").unwrap_or_default()).ok_or_else(|| {
        Failure::failed("AFL++ is not installed: there is no afl-fuzz on the path")
            .hint("Debian: apt-get install afl++; `kortlab fuzz run` does without it")
    })?;
    if let Some(trouble) = refused(&program.path) {
        return Err(about(&trouble, &program.path, Path::new("")));
    }
    let place = PlaceArguments::new(true);
    let begun = arguments.campaign.begin(program, &place, arguments.seed)?;
    let campaign = &begun.campaign;
    let findings = Findings::new(&begun);
    let stop = stop::on_signals(SecondTime::Ends)?;
    let out = begun.store.directory();
    let sync = out.join("afl");
    make(&sync)?;
    let list = out.join("judged");
    let inputs = Inputs::open(&sync, &list).map_err(|error| Failure::file("use", &list, &error))?;
    let since = Instant::now();
    let instances = instances(&arguments, &place.library()?.path(), &begun, &sync)?;
    let goal = arguments.campaign.goal(arguments.executions);
    if instances.iter().any(|instance| !instance.was_begun()) {
        // What AFL++ begins with has half of its time, so that it does begin.
        let until = goal.time.map(|time| since + time / 2);
        sow(&begun, &findings, &out.join("seeds"), &stop, until)?;
    } else if !begun.corpus.is_empty() {
        warn("the campaign goes on with what it has: --corpus is for its beginning");
    }
    let judging = Judging::new(campaign, &findings, inputs, list);
    let mut driven = Driven {
        campaign,
        store: &begun.store,
        judging,
        running: Vec::new(),
        begun: Instant::now(),
    };
    let ran = driven.run(&afl_fuzz, &instances, goal, &stop);
    let saved = begun.store.save(campaign.progress());
    let stats = driven.stats();
    let report = Report {
        executions: stats.executions,
        seconds: since.elapsed().as_secs_f64(),
        edges: stats.edges,
        all_edges: stats.all_edges,
        kept: stats.kept,
        tried: driven.judging.tried,
        waiting: driven.judging.waiting(),
        not_again: std::mem::take(&mut driven.judging.not_again),
        good_exit_code: campaign.good().bad_exit_code(),
        findings: findings.entries(),
    };
    let has_begun = stats.executions > 0 || is_enough(goal, campaign);
    let ran = match ran {
        Ok(()) if !has_begun && !stop.load(Ordering::Relaxed) => {
            Err(Failure::failed(match driven.running.is_empty() {
                true => "AFL++ was not begun",
                false => "AFL++ has noted nothing in this time: it still tried what it begins with",
            })
            .hint("give it more with --time, or less with --corpus"))
        }
        ran => ran,
    };
    let engine = Engine::Other {
        name: "AFL++",
        executions: stats.executions,
        coverage: edges(stats.edges, stats.all_edges),
    };
    arguments
        .campaign
        .end(context, &begun, &report, &engine, ran, saved)
}

/// Whether as much was found as was asked for.
fn is_enough(goal: Goal, campaign: &Campaign) -> bool {
    goal.findings
        .is_some_and(|most| campaign.tally().findings >= most)
}

fn make(directory: &Path) -> Result<(), Failure> {
    fs::create_dir_all(directory)
        .map_err(|error| Failure::file("make the directory", directory, &error))
}

/// The instances that are to run here.
fn instances(
    arguments: &Arguments,
    mutator: &Path,
    begun: &Begun,
    sync: &Path,
) -> Result<Vec<Instance>, Failure> {
    let jobs = jobs(arguments.jobs);
    let seed = begun.campaign.seed();
    let absolute =
        |path: &Path| std::path::absolute(path).map_err(|error| Failure::file("use", path, &error));
    let (sync, seeds) = (
        absolute(sync)?,
        absolute(&begun.store.directory().join("seeds"))?,
    );
    let instances = (0..jobs).map(|index| Instance {
        name: format!("{}-{index}", arguments.node),
        sync: sync.clone(),
        seeds: seeds.clone(),
        test_case: begun
            .campaign
            .laboratory()
            .directory()
            .join(format!("case-{index}")),
        mutator: mutator.to_owned(),
        // AFL++ takes 0 for none.
        seed: 1 + seed.wrapping_add(index as u64) % 0x7FFF_FFFF,
        executions: arguments.executions.map(|most| most.div_ceil(jobs as u64)),
        more: arguments.afl.clone(),
    });
    Ok(instances.collect())
}

/// Writes what AFL++ begins with: the example of each mutation, and what the campaign has come upon by
/// itself. Each is tried before, and those that are findings are kept as such: AFL++ begins with what
/// does no harm. What is not tried until then is left out, and told.
fn sow(
    begun: &Begun,
    findings: &Findings<'_>,
    directory: &Path,
    stop: &AtomicBool,
    until: Option<Instant>,
) -> Result<(), Failure> {
    let campaign = &begun.campaign;
    make(directory)?;
    let own = campaign.progress().corpus;
    let mut seeds = seeds::examples();
    seeds.extend(begun.corpus.iter().cloned());
    seeds.extend(
        own.into_iter()
            .filter(|recipe| recipe != &Recipe::default()),
    );
    note(format_args!("trying {} seeds", seeds.len()));
    let keep = |found: &_| findings.keep(found);
    for (number, seed) in seeds.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if number > 0 && until.is_some_and(|until| Instant::now() >= until) {
            let left = seeds.len() - number;
            warn(format_args!(
                "{left} of {} seeds were not tried: half of the time of --time was over; AFL++ begins \
                 with those before",
                seeds.len()
            ));
            break;
        }
        let found = campaign.consider(seed, &keep);
        if found.map_err(|error| failed(&error))?.is_none() {
            let path = directory.join(format!("seed-{number:04}"));
            files::replace(&path, seed.to_lines().as_bytes())
                .map_err(|error| Failure::file("write", &path, &error))?;
        }
    }
    Ok(())
}

/// A campaign that AFL++ drives.
struct Driven<'a> {
    campaign: &'a Campaign,
    store: &'a Store,
    judging: Judging<'a>,
    running: Vec<Running>,
    begun: Instant,
}

impl Driven<'_> {
    fn run(
        &mut self,
        afl_fuzz: &Path,
        instances: &[Instance],
        goal: Goal,
        stop: &AtomicBool,
    ) -> Result<(), Failure> {
        let commands = self.campaign.good().commands;
        for instance in instances {
            if self.is_over(goal, stop) {
                break;
            }
            let log = instance.sync.join(format!("{}.log", instance.name));
            let laboratory = self.campaign.laboratory();
            let running = Running::start(afl_fuzz, instance, laboratory, commands, log)?;
            self.running.push(running);
        }
        let mut told = Instant::now();
        // What went before was no time of AFL++'s.
        self.begun = told;
        let ended = loop {
            self.judging.look();
            let (campaign, now) = (self.campaign, Instant::now());
            self.judging.judge(|_| {
                now.elapsed() < LOOK && !stop.load(Ordering::Relaxed) && !is_enough(goal, campaign)
            })?;
            if self.is_over(goal, stop) {
                break Ok(());
            }
            if let Some(failure) = self.broken() {
                break Err(failure);
            }
            if !self.running.iter_mut().any(Running::is_at_work) {
                break Ok(());
            }
            if told.elapsed() >= KEEP {
                told = Instant::now();
                note(format_args!("{}", self.progress_line()));
                let _ = self.store.save(self.campaign.progress());
            }
            if self.judging.waiting() == 0 {
                thread::sleep(LOOK);
            }
        };
        end(&mut self.running);
        self.judging.look();
        let interrupted = stop.load(Ordering::Relaxed);
        let campaign = self.campaign;
        // What crashed is not left for later.
        self.judging
            .judge(|new| !is_enough(goal, campaign) && (!interrupted || new.kind != Kind::Way))?;
        ended
    }

    fn is_over(&self, goal: Goal, stop: &AtomicBool) -> bool {
        stop.load(Ordering::Relaxed)
            || goal.time.is_some_and(|time| self.begun.elapsed() >= time)
            || is_enough(goal, self.campaign)
            || goal
                .executions
                .is_some_and(|most| self.stats().executions >= most)
    }

    /// Why there is nothing to go on with, if one of the instances has given up.
    fn broken(&mut self) -> Option<Failure> {
        let program = &self.campaign.laboratory().program().path;
        let failures = self.running.iter_mut();
        failures
            .filter_map(|one| Some((one.trouble()?, one.log().to_owned())))
            .map(|(trouble, log)| about(&trouble, program, &log))
            .next()
    }

    fn stats(&self) -> Stats {
        let each = self.running.iter().filter_map(Running::stats);
        each.reduce(Stats::and).unwrap_or_default()
    }

    fn progress_line(&self) -> String {
        let stats = self.stats();
        let rate = match stats.per_second {
            0.0 => String::new(),
            rate => format!(", {rate:.1} a second"),
        };
        format!(
            "{} executions{rate}, {} findings, {}, {} test cases",
            stats.executions,
            self.campaign.tally().findings,
            edges(stats.edges, stats.all_edges),
            stats.kept
        )
    }
}

fn about(trouble: &Trouble, program: &Path, log: &Path) -> Failure {
    let (program, log) = (program.display(), log.display());
    match trouble {
        Trouble::NotInstrumented => Failure::failed(format!(
            "{program} is not instrumented: AFL++ cannot see what it reaches"
        ))
        .hint("build it with CC=afl-clang-fast; `kortlab fuzz run` takes any program"),
        Trouble::NoProgram => Failure::failed(format!(
            "{program} is a script, or nothing else that AFL++ can fork"
        ))
        .hint("name the executable file itself; libtool has it in .libs, beside its script"),
        Trouble::InUse => Failure::failed("another AFL++ is at work in the same place")
            .of_kind("in-use")
            .hint("end it, or name another directory with --out, or another --node"),
        Trouble::NoForkServer => {
            Failure::failed(format!("AFL++'s fork server did not begin in {program}"))
                .hint(format!("what AFL++ said is in {log}"))
        }
        Trouble::Other(line) => Failure::failed(format!("AFL++ has given up: {line}"))
            .hint(format!("what it said is in {log}")),
    }
}

fn edges(reached: u64, all: u64) -> String {
    match all {
        0 => format!("{reached} edges"),
        all => format!("{reached} of {all} edges"),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.findings {
            entry.fmt(f)?;
        }
        if !self.not_again.is_empty() {
            let count = self.not_again.len();
            writeln!(
                f,
                "{count} that crashed or hung with AFL++ did not do so without it:"
            )?;
            for path in &self.not_again {
                writeln!(f, "  {}", path.display())?;
            }
        }
        if self.waiting > 0 {
            writeln!(
                f,
                "{} test cases were not tried without AFL++; begun again, they are",
                self.waiting
            )?;
        }
        let count = self.findings.len();
        let style = if count == 0 { GOOD } else { WARNING };
        writeln!(
            f,
            "{style}{count} findings{style:#}; {} executions in {:.1} s; {}; {} test cases",
            self.executions,
            self.seconds,
            edges(self.edges, self.all_edges),
            self.kept
        )
    }
}
