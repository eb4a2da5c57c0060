//! The commands: one file each, named as on the command line.

#[cfg(feature = "portal")]
pub mod admin;
#[cfg(feature = "portal")]
pub mod agent;
pub mod apdu;
pub mod atr;
#[cfg(feature = "portal")]
pub mod browser;
pub mod card;
pub mod cert;
pub mod completions;
pub mod ctl;
pub mod diagnose;
mod done;
pub mod dump;
pub mod emulate;
pub mod explain;
pub mod fuzz;
pub mod info;
pub mod key;
pub mod man;
pub mod pcscd;
pub mod pin;
#[cfg(feature = "portal")]
pub mod portal;
mod problem;
mod progress;
pub mod readers;
pub mod recover;
#[cfg(feature = "portal")]
pub mod renew;
pub mod run;
mod session;
pub mod shell;
pub mod trace;
pub mod tree;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use done::Done;

use kortlab_card::files::Budget;
#[cfg(feature = "portal")]
use kortlab_demo::demo;

use crate::args::{Cli, Command};
use crate::channel::{
    self, AnyChannel, CardJournal, CardSpec, Layers, Remembered, StartFile, TraceFile,
};
use crate::failure::{Exit, Failure};
use crate::later::Later;
use crate::named_files::NamedFiles;
use crate::output::{Output, warn};
use crate::pin_source::PinSources;
use kortlab_trace::Secrets;

/// What every command works with.
#[derive(Debug)]
pub struct Context {
    /// Which card was named.
    pub card: CardSpec,
    /// What stands between it and the command.
    pub layers: Layers,
    /// Whether what is changed on a virtual card in this process is forgotten.
    pub ephemeral: bool,
    /// How long its answers and other programs are waited for; each has a default of its own.
    pub timeout: Option<Duration>,
    /// How much is read from it.
    pub budget: Budget,
    /// Where PINs come from.
    pub pins: PinSources,
    /// Standard output.
    pub output: Output,
    /// The files that the command line names.
    pub files: NamedFiles,
    /// The card that is open already, in a session of several commands.
    pub open: Option<(Remembered, CardJournal)>,
}

impl Context {
    /// Opens the card that was named.
    ///
    /// # Errors
    /// No reader, no card, no image, or one that cannot be used.
    pub fn open_channel(&self) -> Result<AnyChannel, Failure> {
        if let Some((card, _)) = &self.open {
            return Ok(Box::new(card.clone()));
        }
        channel::open(&self.card, &self.layers, self.ephemeral, self.timeout)
    }

    /// The same, and where changes of this card are noted down.
    ///
    /// # Errors
    /// As for [`Context::open_channel`].
    pub fn open_channel_with_journal(&self) -> Result<(AnyChannel, CardJournal), Failure> {
        if let Some((card, journal)) = &self.open {
            return Ok((Box::new(card.clone()), journal.clone()));
        }
        channel::open_with_journal(&self.card, &self.layers, self.ephemeral, self.timeout)
    }

    /// The card images that are meant: those that were named by themselves, else the one that was
    /// named with `--card`; none where the card is another kind.
    pub fn images(&self, named: &[PathBuf]) -> Vec<PathBuf> {
        match &self.card {
            CardSpec::Image(image) if named.is_empty() => vec![image.clone()],
            _ => named.to_vec(),
        }
    }
}

/// Runs the command that was given, and says why it did not do its work if so: on standard error,
/// and with --json on standard output too.
pub fn run(cli: Cli, files: NamedFiles) -> Exit {
    let mut output = Output::new(cli.global.json);
    let files = match uses_its_card(&cli.command) {
        true => files.with_card(&cli.global.card),
        false => files,
    };
    let prepared = check_clock(&cli.command)
        .and_then(|()| files.must_be_apart())
        .and_then(|()| layers(&cli));
    let prepared = prepared.and_then(|layers| {
        let pins = PinSources::new(cli.global.pins)?;
        Ok((layers, pins))
    });
    let (layers, pins) = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return output.failed(&failure),
    };
    let mut context = Context {
        card: cli.global.card,
        layers: layers.clone(),
        ephemeral: cli.global.ephemeral,
        pins,
        output,
        timeout: cli.global.timeout.map(Duration::from_secs),
        budget: Budget::CARD.times(cli.global.budget),
        files,
        open: None,
    };
    let ran = run_command(&mut context, cli.command);
    // The trace of what failed is complete, too.
    let ended = match (ran, layers.finish()) {
        (Ok(exit), Ok(())) => context.output.finish().map(|()| exit),
        (Ok(_), Err(failure)) | (Err(failure), Ok(())) => Err(failure),
        (Err(failure), Err(trace)) => {
            warn(trace.message());
            Err(failure)
        }
    };
    ended.unwrap_or_else(|failure| context.output.failed(&failure))
}

/// What is to stand between the card and the command, if that can be.
fn layers(cli: &Cli) -> Result<Layers, Failure> {
    let global = &cli.global;
    let trace = match (&global.trace, global.unmask_pins) {
        (None, true) => {
            return Err(Failure::usage("--unmask-pins is about a trace")
                .hint("say where to with --trace FILE.apdu"));
        }
        (None, false) => None,
        (Some(path), unmask) => Some((path, unmask)),
    };
    let start = global.trace_start.as_deref();
    let start = start.map(StartFile::new).transpose()?;
    if start.is_some() {
        if trace.is_none() {
            return Err(Failure::usage("--trace-start is about a trace")
                .hint("say where to with --trace FILE.apdu"));
        }
        if !holds_a_virtual_card(&cli.command, &global.card) {
            return Err(
                Failure::usage("--trace-start is for a virtual card in this process")
                    .hint("name an image with --card FILE.json, or use `kortlab emulate`"),
            );
        }
    }
    let layers = Layers::new(global.faults.clone(), None)?;
    if layers.tears() && !holds_a_virtual_card(&cli.command, &global.card) {
        return Err(
            Failure::usage("--fault tear:… is for a virtual card in this process")
                .hint("name an image with --card FILE.json, or use `kortlab emulate`"),
        );
    }
    if global.ephemeral
        && !only_copies_a_card(&cli.command)
        && !holds_a_virtual_card(&cli.command, &global.card)
    {
        return Err(
            Failure::usage("--ephemeral is for a virtual card in this process")
                .hint("name an image with --card FILE.json, or use `kortlab emulate`"),
        );
    }
    let has_layers = !layers.is_empty() || trace.is_some();
    if has_layers && !uses_a_card(&cli.command) {
        return Err(Failure::usage("this command uses no card")
            .hint("leave --fault and --trace out: there is nothing to spoil or record"));
    }
    let Some((path, unmask)) = trace else {
        return Ok(layers);
    };
    let secrets = if unmask {
        Secrets::Shown
    } else {
        Secrets::Masked
    };
    let trace = TraceFile::create(path, secrets)?;
    let layers = Layers::new(global.faults.clone(), Some(trace))?;
    Ok(layers.with_start(start))
}

fn run_command(context: &mut Context, command: Command) -> Result<Exit, Failure> {
    match command {
        #[cfg(feature = "portal")]
        Command::Demo(Later(arguments)) => demo::run(&mut context.output, arguments),
        Command::Card(Later(arguments)) => card::run(context, arguments),
        Command::Emulate(Later(arguments)) => emulate::run(context, arguments),
        Command::Run(Later(arguments)) => run::run(context, arguments),
        Command::Pcscd(Later(arguments)) => pcscd::run(context, arguments),
        Command::Ctl(Later(arguments)) => ctl::run(context, arguments),
        Command::Fuzz(Later(arguments)) => fuzz::run(context, arguments),
        Command::Readers(Later(arguments)) => readers::run(context, arguments),
        Command::Atr(Later(arguments)) => atr::run(context, arguments),
        Command::Apdu(Later(arguments)) => apdu::run(context, arguments),
        Command::Explain(Later(arguments)) => explain::run(context, arguments),
        Command::Trace(Later(arguments)) => trace::run(context, arguments),
        Command::Info(Later(arguments)) => info::run(context, arguments),
        Command::Diagnose(Later(arguments)) => diagnose::run(context, arguments),
        Command::Dump(Later(arguments)) => dump::run(context, arguments),
        Command::Tree(Later(arguments)) => tree::run(context, arguments),
        Command::Shell(Later(arguments)) => shell::run(context, arguments),
        Command::Pin(Later(arguments)) => pin::run(context, arguments),
        Command::Key(Later(arguments)) => key::run(context, arguments),
        Command::Cert(Later(arguments)) => cert::run(context, arguments),
        Command::Recover(Later(arguments)) => recover::run(context, arguments),
        #[cfg(feature = "portal")]
        Command::Renew(Later(arguments)) => renew::run(context, arguments),
        #[cfg(feature = "portal")]
        Command::Admin(Later(arguments)) => admin::run(context, arguments),
        #[cfg(feature = "portal")]
        Command::Portal(Later(arguments)) => portal::run(context, *arguments),
        #[cfg(feature = "portal")]
        Command::Browser(Later(arguments)) => browser::run(context, *arguments),
        #[cfg(feature = "portal")]
        Command::Agent(Later(arguments)) => agent::run(context, arguments),
        Command::Completions(Later(arguments)) => completions::run(context, arguments),
        Command::Man(Later(arguments)) => man::run(context, arguments),
    }
}

/// Whether the command works with a card that is named or inserted.
const fn uses_a_card(command: &Command) -> bool {
    match command {
        #[cfg(feature = "portal")]
        Command::Demo(_) => false,
        #[cfg(feature = "portal")]
        Command::Portal(_) => false,
        Command::Diagnose(Later(arguments)) => !arguments.is_list(),
        Command::Card(_)
        | Command::Ctl(_)
        | Command::Fuzz(_)
        | Command::Readers(_)
        | Command::Explain(_)
        | Command::Trace(_)
        | Command::Completions(_)
        | Command::Man(_) => false,
        _ => true,
    }
}

/// Whether the card of the command is that of --card, and not one that is named by itself.
fn uses_its_card(command: &Command) -> bool {
    match command {
        Command::Emulate(_) => false,
        Command::Run(Later(run::Arguments { files, .. }))
        | Command::Pcscd(Later(pcscd::Arguments { files, .. })) => files.is_empty(),
        command => uses_a_card(command),
    }
}

/// Refuses a clock that is before 1970 where the time matters: certificates, files and logs know no
/// such time, and what is "expired" could not be told.
fn check_clock(command: &Command) -> Result<(), Failure> {
    let needs_none = matches!(
        command,
        Command::Readers(_)
            | Command::Atr(_)
            | Command::Apdu(_)
            | Command::Explain(_)
            | Command::Trace(_)
            | Command::Run(_)
            | Command::Pcscd(_)
            | Command::Ctl(_)
            | Command::Fuzz(_)
            | Command::Completions(_)
            | Command::Man(_)
    );
    if needs_none || SystemTime::now() >= UNIX_EPOCH {
        return Ok(());
    }
    Err(
        Failure::failed("the clock of this computer says a time before 1970")
            .hint("set it to the right time, then try again"),
    )
}

/// Whether the command works with copies of a card image and never changes it, so that it does what
/// --ephemeral says in any case.
const fn only_copies_a_card(command: &Command) -> bool {
    matches!(command, Command::Fuzz(_) | Command::Trace(_))
}

/// Whether the card of this command is a virtual one that this process holds.
fn holds_a_virtual_card(command: &Command, card: &CardSpec) -> bool {
    match command {
        Command::Emulate(_) => true,
        Command::Run(Later(run::Arguments { files, .. }))
        | Command::Pcscd(Later(pcscd::Arguments { files, .. }))
            if !files.is_empty() =>
        {
            true
        }
        command => uses_a_card(command) && matches!(card, CardSpec::Image(_)),
    }
}
