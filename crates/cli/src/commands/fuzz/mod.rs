//! `kortlab fuzz`: a program, fuzzed with what a card answers.

mod afl;
mod campaign;
mod corpus;
mod export;
mod findings;
mod html;
mod import;
mod minimize;
mod replay;
mod run;
mod said;
mod store;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::{Args, Subcommand};
use kortlab_campaign::{Case, Laboratory, LaboratoryError, Limits, MAX_CASE, Program};
use kortlab_emulator::Image;

use super::Context;
use super::run::Library;
use crate::channel::about_image;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::output::warn;

/// Fuzz any PC/SC program with what a card answers
///
/// Each execution runs the unmodified program with a fresh copy of a card image, in a PC/SC service
/// of its own, and spoils what the card answers with the faults that `--fault list` names. What is
/// found (crashes, panics, reports of sanitizers, hangs, commands or memory without end, a PIN try
/// lost that nobody spent, a refusal that was ignored) is kept as a case that can be replayed and made
/// smaller. A case holds the program's arguments as they are: give it test PINs, or have it take them
/// from somewhere else.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab fuzz run --executions 20 --jobs 1 card.json -- pkcs15-tool --list-certificates
  kortlab fuzz replay case.json
  kortlab fuzz minimize case.json -o small.json
  kortlab fuzz export case.json -o finding.bin")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Arguments),
    Afl(afl::Arguments),
    Replay(replay::Arguments),
    Minimize(minimize::Arguments),
    Import(import::Arguments),
    Export(export::Arguments),
}

/// What one execution may use.
#[derive(Args)]
struct LimitArguments {
    /// How many seconds one execution may take
    #[arg(long, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    limit_time: u64,

    /// How many commands one execution may send
    #[arg(long, value_name = "N", default_value_t = 20_000,
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    limit_commands: u32,

    /// How many MiB of memory the program may hold
    #[arg(long, value_name = "MIB", default_value_t = 1024,
          value_parser = clap::value_parser!(u64).range(1..))]
    limit_memory: u64,
}

impl LimitArguments {
    fn limits(&self) -> Limits {
        Limits {
            milliseconds: self.limit_time.saturating_mul(1000),
            commands: self.limit_commands as usize,
            mebibytes: self.limit_memory,
        }
    }
}

/// Where the card of an execution is.
#[derive(Args)]
struct PlaceArguments {
    /// Put the card into the program's own process, as `kortlab run --in-process` does: faster; a
    /// process that the program starts has a card of its own
    #[arg(long)]
    in_process: bool,

    /// The library that programs load then, as long as they are to find it.
    #[arg(skip)]
    library: OnceLock<Library>,
}

impl PlaceArguments {
    /// The same as the command line says it.
    const fn new(in_process: bool) -> Self {
        Self {
            in_process,
            library: OnceLock::new(),
        }
    }

    /// The library, which can be loaded as long as this is there.
    fn library(&self) -> Result<&Library, Failure> {
        if let Some(library) = self.library.get() {
            return Ok(library);
        }
        let library = Library::find()?;
        Ok(self.library.get_or_init(|| library))
    }

    /// A laboratory with the card there.
    fn laboratory(
        &self,
        image: Image,
        program: Program,
        limits: Limits,
    ) -> Result<Laboratory, Failure> {
        let laboratory = Laboratory::new(image, program, limits).map_err(|error| about(&error))?;
        match self.in_process {
            false => Ok(laboratory),
            true => {
                let (_, search_path) = self.library()?.variable();
                let laboratory = laboratory.in_process(search_path);
                laboratory.map_err(|error| about(&error))
            }
        }
    }
}

/// The most bytes of a card image.
const MAX_IMAGE: usize = kortlab_emulator::image::MAX_LENGTH as usize;

/// Runs the subcommand.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Run(arguments) => run::run(context, arguments),
        Command::Afl(arguments) => afl::run(context, arguments),
        Command::Replay(arguments) => replay::run(context, arguments),
        Command::Minimize(arguments) => minimize::run(context, arguments),
        Command::Import(arguments) => import::run(context, arguments),
        Command::Export(arguments) => export::run(context, arguments),
    }
}

/// How many at a time: as named, or one for each processor.
fn jobs(named: Option<u16>) -> usize {
    named.map(usize::from).unwrap_or_else(|| {
        std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
    })
}

/// A card image: the bytes of its file, and what they say.
fn read_image(path: &Path) -> Result<(Vec<u8>, Image), Failure> {
    let bytes = files::read_regular(path, MAX_IMAGE)?;
    let image = Image::from_json(&bytes).map_err(|error| about_image(path, &error))?;
    Ok((bytes, image))
}

/// The program behind `--`.
fn program(words: &[OsString]) -> Result<Program, Failure> {
    let found = super::run::find(words)?;
    Program::new(found.path(), found.arguments()).map_err(|argument| {
        Failure::usage(format!("the argument {} is not UTF-8", argument.display()))
    })
}

/// A case, and what it takes to try it: the card where the case says it is, unless another is named.
fn open_case(
    path: &Path,
    card: Option<PathBuf>,
    words: &[OsString],
    place: &PlaceArguments,
) -> Result<(Case, Laboratory, Vec<u8>), Failure> {
    let text = files::read_regular(path, MAX_CASE)?;
    let mut case = Case::parse(&text)
        .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    let (card, named) = match card {
        Some(card) => (card, true),
        None => (PathBuf::from(&case.card), false),
    };
    let (bytes, image) = read_image(&card).map_err(|failure| match card.exists() {
        true => failure,
        false => failure.hint("name the card image with --image, if it is somewhere else now"),
    })?;
    if Case::hash(&bytes) != case.card_sha256 {
        let other = format!(
            "the card image {} is not the one that the case was found with",
            card.display()
        );
        if !named {
            return Err(Failure::failed(other)
                .hint("name the right one with --image, or this one to try it all the same"));
        }
        warn(format_args!("{other}: it is tried all the same"));
    }
    if !words.is_empty() {
        case.program = program(words)?;
    }
    let laboratory = place.laboratory(image, case.program.clone(), case.limits)?;
    Ok((case, laboratory, bytes))
}

fn about(error: &LaboratoryError) -> Failure {
    let failure = Failure::failed(error.to_string());
    match error {
        LaboratoryError::Program { .. } => {
            failure.hint("name the program as it is to be run behind --")
        }
        _ => failure,
    }
}
