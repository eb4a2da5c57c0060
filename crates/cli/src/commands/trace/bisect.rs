//! `kortlab trace bisect`: the command that broke the card.

use std::ffi::OsString;
use std::fmt;
use std::time::SystemTime;

use clap::Args;
use kortlab_card::Against;
use kortlab_diagnose::Diagnosing;
use kortlab_diagnose::history::{
    Change, Found, NewFaults, Recording, Undecided, Verdict, Walk, bisect, changes, first,
};
use serde::Serialize;

use super::judge::Judge;
use super::playing::{Differs, SessionArguments, Steps, warn_of_chance};
use super::session::Step;
use super::{read, tell_troubles};
use crate::commands::Context;
use crate::commands::diagnose::Found as FoundFault;
use crate::failure::{Exit, Failure};
use crate::output::{BOLD, DIM, WARNING, printable};

/// Name the command of a recorded session that broke the card
///
/// The session is played with the card image that it began with. Then the card is looked at as it was
/// after some of its commands, and the first one is named after which `diagnose` finds something that
/// is there at the end and was not at the start; or after which the program behind `--` fails. That
/// gets the card as an image: its path is in KORTLAB_CARD, and in place of {}. Exit code 0 says
/// that the card is good, 125 that nothing can be said of it, any other that it is bad.
///
/// Only commands that have changed the card are looked at, half of those that are left each time. So
/// it is assumed that what is wrong stays wrong until the end; --every looks at all of them. Exits 6 if
/// the session, played again, differs from what was recorded, and ends there, unless --go-on is given.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab trace bisect broken.apdu --image start.json
  kortlab --json trace bisect broken.apdu --image start.json --every
  kortlab trace bisect broken.apdu --image start.json -- kortlab -c {} diagnose
  kortlab trace bisect broken.apdu --image start.json -- sh -c 'kortlab cert list | grep 4331'")]
pub struct Arguments {
    #[command(flatten)]
    session: SessionArguments,

    /// Look at every state of the card, so that nothing is assumed
    #[arg(long)]
    every: bool,

    /// The program that says of a card whether it is good, behind `--`, and its arguments
    #[arg(value_name = "PROGRAM", last = true)]
    program: Vec<OsString>,
}

/// The command that broke the card.
#[derive(Serialize)]
struct Report {
    /// Its number in the trace; those that could not be judged may be it as well.
    number: usize,
    /// The command, and what it was answered.
    step: Option<Step>,
    /// The last command that has changed the card, and after which it was still good; 0: the start.
    good: usize,
    /// Those between the two, of which nothing can be said.
    skipped: Vec<usize>,
    /// What it has changed.
    changed: Vec<Changed>,
    /// What `diagnose` finds after it.
    problems: Vec<FoundFault>,
    /// How many commands to the card there are, how many of them have changed it, and how many states
    /// of it were looked at.
    commands: usize,
    changing: usize,
    tried: usize,
    /// Whether every state was looked at.
    every: bool,
    /// How often good and bad have changed places.
    turns: usize,
    keeps_generator: bool,
    differences: Vec<Differs>,
    /// Whether a program has judged.
    #[serde(skip)]
    by_program: bool,
}

#[derive(Serialize)]
struct Changed {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
}

impl From<Change> for Changed {
    fn from(change: Change) -> Self {
        Self {
            path: change.path.map(|path| path.to_string()),
            what: change.what,
            offset: change.offset,
            length: change.length,
        }
    }
}

/// What says of a state whether it is good.
enum Judged<'a> {
    Diagnosis(NewFaults),
    Program(Judge<'a>),
}

/// Finds the command.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let session = &arguments.session;
    let reading = read(&session.path)?;
    let odd = tell_troubles(&session.path, &reading);
    let history = session.history(&reading)?;
    let mut steps = Steps::of(&reading);
    let walk = Walk::begin(&history, session.image()?, session.playing()?);
    let walk = walk.map_err(|error| session.about(&error))?;
    let recording = match Recording::play(walk, session.go_on) {
        Ok(recording) => recording,
        Err(difference) => {
            context
                .output
                .report(&Differs::new(&difference, &mut steps))?;
            return Ok(Exit::Findings);
        }
    };
    let last = recording.changing().len();
    let judged = judged(context, &arguments, &recording)?;
    let ask = |state: usize| -> Result<Verdict, Failure> {
        let card = recording.card(state);
        Ok(match &judged {
            Judged::Diagnosis(faults) => faults.verdict(card)?,
            Judged::Program(judge) => judge.verdict(&card.image())?,
        })
    };
    let found = match arguments.every {
        true => first(last, ask)?,
        false => bisect(last, ask)?,
    };
    let found = found.map_err(|why| undecided(why, &judged))?;
    let mut report = Report::new(&recording, &found, &mut steps);
    report.every = arguments.every;
    report.commands = history.numbers().len();
    if let Judged::Diagnosis(faults) = &judged {
        let findings = faults.of(recording.card(found.bad))?;
        report.problems = findings.iter().map(FoundFault::new).collect();
    } else {
        report.by_program = true;
    }
    context.output.report(&report)?;
    Ok(match report.differences.is_empty() && !odd {
        true => Exit::Done,
        false => Exit::Findings,
    })
}

/// Who judges; without a program, what the end has that the start has not.
fn judged<'a>(
    context: &Context,
    arguments: &'a Arguments,
    recording: &Recording<'_>,
) -> Result<Judged<'a>, Failure> {
    if !arguments.program.is_empty() {
        return Judge::new(&arguments.program).map(Judged::Program);
    }
    let options = Diagnosing {
        budget: context.budget,
        now: SystemTime::now(),
        against: Against::default(),
        rules: Vec::new(),
    };
    let (start, end) = (
        recording.card(0),
        recording.card(recording.changing().len()),
    );
    Ok(Judged::Diagnosis(NewFaults::between(start, end, options)?))
}

/// Why no command can be named.
fn undecided(why: Undecided, judged: &Judged<'_>) -> Failure {
    let is_program = matches!(judged, Judged::Program(_));
    let (message, hint) = match why {
        Undecided::Start(Verdict::Skip) | Undecided::End(Verdict::Skip) => (
            "the program can say nothing (125) of the card at the start, or at the end".to_owned(),
            "these two must be told apart before a command between them can be",
        ),
        Undecided::Start(_) => (
            "the program fails with the card as it was at the start".to_owned(),
            "what it looks for was there before the session; give an earlier trace and its image",
        ),
        Undecided::End(_) if is_program => (
            "the program does not fail with the card as it was at the end".to_owned(),
            "no command of this session has broken what it looks for",
        ),
        Undecided::End(_) => (
            "diagnose finds nothing at the end of the session that it does not find at its start"
                .to_owned(),
            "name a program that fails with the card, behind --",
        ),
        Undecided::Unsteady { .. } => (
            "asked again of the same card, the program says something else".to_owned(),
            "give a program that depends on the card alone",
        ),
    };
    Failure::failed(message).of_kind("undecided").hint(hint)
}

impl Report {
    fn new(recording: &Recording<'_>, found: &Found, steps: &mut Steps) -> Self {
        let command = |state: usize| {
            let before = state.checked_sub(1);
            let number = before.and_then(|at| recording.changing().get(at));
            number.copied().unwrap_or_default()
        };
        let (before, after) = (
            recording.card(found.bad.saturating_sub(1)),
            recording.card(found.bad),
        );
        let changed = changes(before.state(), after.state());
        let between = found.good.saturating_add(1)..found.bad;
        let number = command(found.bad);
        let step = steps.take(number);
        let differences = recording.differences().iter();
        Self {
            number,
            step,
            good: command(found.good),
            skipped: between.map(command).collect(),
            changed: changed.into_iter().map(Changed::from).collect(),
            problems: Vec::new(),
            commands: 0,
            changing: recording.changing().len(),
            tried: found.tried,
            every: false,
            turns: found.turns,
            keeps_generator: after.keeps_generator(),
            differences: differences.map(|one| Differs::new(one, steps)).collect(),
            by_program: false,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            difference.fmt(f)?;
        }
        let number = self.number;
        if self.skipped.is_empty() {
            writeln!(f, "{BOLD}command {number} broke the card{BOLD:#}")?;
        } else {
            let skipped: Vec<_> = self.skipped.iter().map(ToString::to_string).collect();
            writeln!(
                f,
                "{BOLD}command {number} broke the card, or one of those that could not be judged: \
                 {}{BOLD:#}",
                skipped.join(", ")
            )?;
        }
        if let Some(step) = &self.step {
            step.fmt(f)?;
        }
        for change in &self.changed {
            let place = match &change.path {
                Some(path) => format!("{path}: "),
                None => String::new(),
            };
            writeln!(f, "{DIM}changed:{DIM:#} {place}{}", printable(&change.what))?;
        }
        for problem in &self.problems {
            problem.fmt(f)?;
        }
        let good = match self.good {
            0 => "at the start".to_owned(),
            number => format!("after command {number}"),
        };
        let judge = match self.by_program {
            true => "the program fails after it, and does not",
            false => "this is found after it, and not",
        };
        writeln!(f, "{judge} {good}")?;
        let (tried, changing, commands) = (self.tried, self.changing, self.commands);
        writeln!(
            f,
            "{commands} commands, {changing} of which have changed the card; {tried} states looked at"
        )?;
        match (self.every, self.turns) {
            (false, ..=1) => writeln!(
                f,
                "{DIM}assumed: what is wrong stays wrong until the end (--every looks at all){DIM:#}"
            ),
            (false, _) => writeln!(
                f,
                "{WARNING}not so simple:{WARNING:#} what is wrong has come and gone; --every names the \
                 first"
            ),
            (true, ..=1) => writeln!(f, "every state was looked at: it is the first"),
            (true, turns) => writeln!(
                f,
                "every state was looked at: it is the first; good and bad change places {turns} times"
            ),
        }?;
        warn_of_chance(f, self.keeps_generator)
    }
}
