//! Many executions, side by side, that can be interrupted and go on.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kortlab_faults::Dice;
use serde::{Deserialize, Serialize};

use crate::laboratory::{Laboratory, LaboratoryError};
use crate::oracles::{self, Finding};
use crate::outcome::Outcome;
use crate::recipe::Recipe;
use crate::unfit::Unfit;

/// The most recipes that others are made of.
const MAX_CORPUS: usize = 4096;
/// The most ways that are told apart; later ones are taken for known.
const MAX_WAYS: usize = 1 << 20;
/// How often a finding is tried again before it is kept.
const AGAIN: u32 = 3;

/// When a campaign ends by itself: at whichever comes first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Goal {
    /// After so many executions in all.
    pub executions: Option<u64>,
    /// After this time.
    pub time: Option<Duration>,
    /// After so many findings in all.
    pub findings: Option<usize>,
}

/// How far a campaign has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Executions.
    pub executions: u64,
    /// Findings that are told apart.
    pub findings: usize,
    /// Ways in which the program was seen to go.
    pub ways: usize,
}

/// What a campaign needs to go on: all but its findings, which whoever keeps them tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The seed.
    pub seed: u64,
    /// How many executions there were.
    pub executions: u64,
    /// The recipes that others are made of.
    pub corpus: Vec<Recipe>,
    /// The way that each of them has shown, in their order.
    #[serde(default)]
    pub ways: Vec<u64>,
}

/// A finding, as it was made.
#[derive(Clone, Debug)]
pub struct Found {
    /// What was found.
    pub finding: Finding,
    /// With which faults.
    pub recipe: Recipe,
    /// By which execution of the campaign, counted from 1.
    pub execution: u64,
    /// Of how many executions with these faults it was the outcome, and of how many there were.
    pub seen: (u32, u32),
}

/// Why there is nothing to fuzz.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CampaignError {
    /// What the program does with a good card.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// An execution could not take place.
    #[error(transparent)]
    Laboratory(#[from] LaboratoryError),
    /// A finding could not be kept.
    #[error("a finding could not be kept: {0}")]
    NotKept(String),
}

/// A campaign.
#[derive(Debug)]
pub struct Campaign {
    laboratory: Laboratory,
    good: Outcome,
    seed: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Executions that were begun.
    begun: u64,
    executions: u64,
    /// The recipes, and the way that each has shown.
    corpus: Vec<(Recipe, u64)>,
    ways: BTreeSet<u64>,
    signatures: BTreeSet<String>,
    failed: Option<CampaignError>,
}

impl Campaign {
    /// Begins a campaign, or goes on with one: `known` are the signatures of its findings.
    ///
    /// # Errors
    /// With a good card the program fails, does not start, or sends nothing.
    pub fn new(
        laboratory: Laboratory,
        progress: Progress,
        known: impl IntoIterator<Item = String>,
    ) -> Result<Self, CampaignError> {
        let good = laboratory.execute(&Recipe::default())?;
        if let Some(unfit) = Unfit::of(&good) {
            return Err(unfit.into());
        }
        // Of a campaign that was kept without them the ways are found once more.
        let of_corpus = progress.ways.iter().copied();
        let mut ways: BTreeSet<u64> = of_corpus.clone().collect();
        ways.insert(good.way());
        let corpus = progress.corpus.into_iter();
        let corpus = corpus.zip(of_corpus.chain(std::iter::repeat(good.way())));
        let state = State {
            begun: progress.executions,
            executions: progress.executions,
            corpus: corpus.collect(),
            ways,
            signatures: known.into_iter().collect(),
            failed: None,
        };
        Ok(Self {
            laboratory,
            good,
            seed: progress.seed,
            state: Mutex::new(state),
        })
    }

    /// What is run.
    pub const fn laboratory(&self) -> &Laboratory {
        &self.laboratory
    }

    /// What the program does with a good card.
    pub const fn good(&self) -> &Outcome {
        &self.good
    }

    /// What decides what chance decides.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// How far it has come.
    pub fn tally(&self) -> Tally {
        let state = self.state();
        Tally {
            executions: state.executions,
            findings: state.signatures.len(),
            ways: state.ways.len(),
        }
    }

    /// What it needs to go on later.
    pub fn progress(&self) -> Progress {
        let state = self.state();
        Progress {
            seed: self.seed,
            executions: state.executions,
            corpus: state
                .corpus
                .iter()
                .map(|(recipe, _)| recipe.clone())
                .collect(),
            ways: state.corpus.iter().map(|(_, way)| *way).collect(),
        }
    }

    /// Tries what another engine has come upon, and gives what it is, if it is a finding; that goes to
    /// `keep` if it is new.
    ///
    /// # Errors
    /// The execution could not take place, or the finding not be kept.
    pub fn consider(
        &self,
        recipe: &Recipe,
        keep: &(dyn Fn(&Found) -> Result<(), String> + Sync),
    ) -> Result<Option<Finding>, CampaignError> {
        let execution = {
            let mut state = self.state();
            state.begun += 1;
            state.begun
        };
        let result = self.one(execution, recipe, keep);
        self.state().executions += 1;
        result
    }

    /// Executes until the goal is reached or `stop` is set, so many at a time. Each finding goes to
    /// `keep` before it counts; `tick` is called about once a second.
    ///
    /// # Errors
    /// An execution could not take place, or a finding not be kept.
    pub fn run(
        &self,
        goal: Goal,
        jobs: usize,
        stop: &AtomicBool,
        keep: &(dyn Fn(&Found) -> Result<(), String> + Sync),
        tick: &mut dyn FnMut(Tally),
    ) -> Result<(), CampaignError> {
        let end = goal.time.map(|time| Instant::now() + time);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs.max(1))
                .map(|_| scope.spawn(|| self.work(goal, end, stop, keep)))
                .collect();
            let mut ticked = Instant::now();
            while workers.iter().any(|worker| !worker.is_finished()) {
                thread::sleep(Duration::from_millis(20));
                if ticked.elapsed() >= Duration::from_secs(1) {
                    ticked = Instant::now();
                    tick(self.tally());
                }
            }
        });
        tick(self.tally());
        self.state().failed.take().map_or(Ok(()), Err)
    }

    fn work(
        &self,
        goal: Goal,
        end: Option<Instant>,
        stop: &AtomicBool,
        keep: &(dyn Fn(&Found) -> Result<(), String> + Sync),
    ) {
        while let Some((execution, recipe)) = self.next(goal, end, stop) {
            let result = self.one(execution, &recipe, keep);
            let mut state = self.state();
            state.executions += 1;
            if let Err(error) = result {
                state.failed.get_or_insert(error);
            }
        }
    }

    /// The number of the next execution and its faults; nothing if there is to be none.
    fn next(&self, goal: Goal, end: Option<Instant>, stop: &AtomicBool) -> Option<(u64, Recipe)> {
        let mut state = self.state();
        let over = stop.load(Ordering::Relaxed)
            || state.failed.is_some()
            || end.is_some_and(|end| Instant::now() >= end)
            || goal.executions.is_some_and(|most| state.begun >= most)
            || goal
                .findings
                .is_some_and(|most| state.signatures.len() >= most);
        if over {
            return None;
        }
        let number = state.begun;
        state.begun += 1;
        let mut dice = Dice::new(
            self.seed
                .wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        );
        let commands = self.good.commands;
        // Half of them new, half made of what has shown another way.
        let chosen = dice.below(2 * state.corpus.len().max(1));
        let recipe = match state.corpus.get(chosen) {
            Some((recipe, _)) => recipe.varied(&mut dice, commands),
            None => Recipe::any(&mut dice, commands),
        };
        Some((state.begun, recipe))
    }

    fn one(
        &self,
        execution: u64,
        recipe: &Recipe,
        keep: &(dyn Fn(&Found) -> Result<(), String> + Sync),
    ) -> Result<Option<Finding>, CampaignError> {
        let outcome = self.laboratory.execute(recipe)?;
        let findings = oracles::all(&outcome, &self.good);
        for finding in &findings {
            self.found(finding.clone(), execution, recipe, keep)?;
        }
        if let Some(gravest) = findings.into_iter().next() {
            return Ok(Some(gravest));
        }
        let way = outcome.way();
        let mut state = self.state();
        if state.ways.len() < MAX_WAYS && state.ways.insert(way) && state.corpus.len() < MAX_CORPUS
        {
            state.corpus.push((recipe.clone(), way));
        }
        Ok(None)
    }

    /// Keeps a finding that is new, after it was tried again.
    fn found(
        &self,
        finding: Finding,
        execution: u64,
        recipe: &Recipe,
        keep: &(dyn Fn(&Found) -> Result<(), String> + Sync),
    ) -> Result<(), CampaignError> {
        if self.state().signatures.contains(&finding.signature) {
            return Ok(());
        }
        let mut seen = 1;
        for _ in 0..AGAIN {
            let outcome = self.laboratory.execute(recipe)?;
            let again = oracles::finds(&outcome, &self.good, &finding.signature);
            seen += u32::from(again);
        }
        // One at a time, so that none is kept twice and none counts that was not kept.
        let mut state = self.state();
        if state.signatures.contains(&finding.signature) {
            return Ok(());
        }
        let signature = finding.signature.clone();
        let found = Found {
            finding,
            recipe: recipe.clone(),
            execution,
            seen: (seen, 1 + AGAIN),
        };
        keep(&found).map_err(CampaignError::NotKept)?;
        state.signatures.insert(signature);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
