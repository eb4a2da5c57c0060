//! What every campaign has, whichever engine drives it: its arguments, its beginning and its end.

use std::ffi::OsString;
use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use kortlab_campaign::{Campaign, Case, Goal, Program, Recipe};
use kortlab_terminal::new_file;
use serde::Serialize;

use super::corpus::CorpusArguments;
use super::findings::{Card, Engine, ends_badly, failed, report_of};
use super::store::{Placed, Store};
use super::{LimitArguments, PlaceArguments, program, read_image};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::output::note;

/// How often a campaign is kept, and told about.
pub const KEEP: Duration = Duration::from_secs(5);

/// What is fuzzed, and where that is kept.
#[derive(Args)]
pub struct CampaignArguments {
    /// The card image, of which each execution gets a fresh copy
    #[arg(value_name = "FILE")]
    image: PathBuf,

    /// The program, behind `--`, and its arguments
    #[arg(value_name = "PROGRAM", last = true, required = true)]
    program: Vec<OsString>,

    /// The directory of the campaign [default: fuzz- and the name of the program]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    time: Option<u64>,

    /// End after so many findings in all
    #[arg(long, value_name = "N")]
    findings: Option<usize>,

    /// Write a report with all findings of the campaign, each tried once more, as one HTML file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Overwrite the file of --html
    #[arg(long, requires = "html")]
    force: bool,

    #[command(flatten)]
    corpus: CorpusArguments,

    #[command(flatten)]
    limits: LimitArguments,
}

/// A campaign that can go on, and what it is kept with.
pub struct Begun {
    /// The campaign.
    pub campaign: Campaign,
    /// Its card.
    pub card: Card,
    /// Where it is kept.
    pub store: Store,
    /// What it has found before.
    pub cases: Vec<Placed>,
    /// Test cases of others, to begin with.
    pub corpus: Vec<Recipe>,
}

impl CampaignArguments {
    /// The program.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn program(&self) -> Result<Program, Failure> {
        program(&self.program)
    }

    /// When it ends by itself.
    pub fn goal(&self, executions: Option<u64>) -> Goal {
        Goal {
            executions,
            time: self.time.map(Duration::from_secs),
            findings: self.findings,
        }
    }

    /// Begins the campaign, or goes on with it.
    ///
    /// # Errors
    /// Something that was named cannot be used, or the program not be fuzzed.
    pub fn begin(
        &self,
        program: Program,
        place: &PlaceArguments,
        seed: Option<u64>,
    ) -> Result<Begun, Failure> {
        let out = self.out.clone().unwrap_or_else(|| {
            let name = program.path.file_name().unwrap_or_default();
            PathBuf::from(format!("fuzz-{}", name.display()))
        });
        if let Some(path) = &self.html {
            new_file::may_write(path, self.force)?;
        }
        let corpus = self.corpus.recipes()?;
        let (bytes, image) = read_image(&self.image)?;
        let limits = self.limits.limits();
        let hash = Case::hash(&bytes);
        let (store, progress, cases) = Store::open(&out, &program, limits, hash, seed)?;
        let known = cases.iter().map(|(_, case)| case.signature.clone());
        let laboratory = place.laboratory(image, program, limits)?;
        let campaign =
            Campaign::new(laboratory, progress, known).map_err(|error| failed(&error))?;
        ends_badly(campaign.good());
        let card = Card {
            path: self.image.display().to_string(),
            bytes,
        };
        Ok(Begun {
            campaign,
            card,
            store,
            cases,
            corpus,
        })
    }

    /// Tells what came of it: `ran` is how it ended, `saved` whether it was kept.
    ///
    /// # Errors
    /// It ended badly, was not kept, or cannot be told.
    pub fn end<R: Serialize + Display>(
        &self,
        context: &mut Context,
        begun: &Begun,
        report: &R,
        engine: &Engine,
        ran: Result<(), Failure>,
        saved: io::Result<()>,
    ) -> Result<Exit, Failure> {
        if let Err(failure) = ran {
            context.output.report_failed(report, &failure)?;
            return Err(failure);
        }
        if let Some(path) = &self.html {
            let page = report_of(begun, engine)?;
            new_file::write(path, page.as_bytes(), self.force)?;
            note(format_args!("the report is in {}", path.display()));
        }
        context.output.report(report)?;
        if let Err(error) = saved {
            let out = begun.store.directory();
            return Err(Failure::file("keep the campaign in", out, &error)
                .hint("its cases are there; begun again it starts from an earlier state"));
        }
        Ok(match begun.campaign.tally().findings {
            0 => Exit::Done,
            _ => Exit::Findings,
        })
    }
}
