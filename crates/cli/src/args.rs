//! The command line: global options and the list of commands. Each command's own arguments are
//! beside the command.

use std::env;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
#[cfg(feature = "portal")]
use kortlab_demo::demo;

use crate::channel::{CardSpec, Fault, FaultParser, Faults};
#[cfg(feature = "portal")]
use crate::commands::{admin, agent, browser, portal, renew};
use crate::commands::{
    apdu, atr, card, cert, completions, ctl, diagnose, dump, emulate, explain, fuzz, info, key,
    man, pcscd, pin, readers, recover, run, shell, trace, tree,
};
use crate::failure::{Exit, Failure};
use crate::later::{self, Later};
use crate::named_files::NamedFiles;
use crate::output::{Output, note, without_keys};
use crate::pin_source::PinOptions;

const LONG_ABOUT: &str = "\
A smart-card laboratory: a virtual card that behaves like a Swedish staff card (e-tjänstekort), \
and tools to read, test and renew such cards, virtual or real.";

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  usage: the arguments make no sense, or something that must be given is not
  3  no reader or no card
  4  PIN wrong or blocked; the message says how many tries are left
  5  the card refused or answered nonsense; the message names the command and the status word
  6  findings: the command did its work and found something wrong
  7  a change of the card was interrupted; insert the card and run `kortlab recover`
`kortlab run` ends as its program does; see its help.";

/// Kortlab: a smart-card laboratory
#[derive(Parser)]
#[command(
    name = "kortlab",
    version,
    about,
    long_about = LONG_ABOUT,
    after_help = concat_examples(),
    propagate_version = true,
    disable_help_subcommand = false,
    max_term_width = 100
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalOptions,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalOptions {
    /// Which card: pcsc (the one reader that holds a card), pcsc:NAME-OR-INDEX, a card image
    /// FILE.json, socket:PATH, or replay:TRACE (replay:TRACE,lenient), a recorded session
    #[arg(
        short,
        long,
        global = true,
        value_name = "CARD",
        env = "KORTLAB_CARD",
        default_value = "pcsc",
        value_parser = CardSpec::parse
    )]
    pub card: CardSpec,

    /// Let something go wrong with the card, as sw:ins=B0,sw=6F00,nth=3 or tear:after-bytes=N; may
    /// be given several times; `--fault list` names all
    #[arg(
        long = "fault",
        global = true,
        value_name = "FAULT",
        value_parser = FaultParser,
        hide_possible_values = true,
        action = clap::ArgAction::Append
    )]
    pub faults: Vec<Fault>,

    /// Write down what passes to and from the card, without PINs and keys: in FILE.apdu (text),
    /// FILE.json or FILE.pcapng (for Wireshark)
    #[arg(long, global = true, value_name = "FILE")]
    pub trace: Option<PathBuf>,

    /// Show PINs and keys in the trace
    #[arg(long, global = true)]
    pub unmask_pins: bool,

    /// With --trace, keep the card image as it was at the start, and which random numbers the card
    /// gets, in FILE.json: `trace at` and `trace bisect` enter the trace with it
    #[arg(long, global = true, value_name = "FILE")]
    pub trace_start: Option<PathBuf>,

    /// Read up to N times as much from a card as a card should need: N times 10000 commands, 1 MiB,
    /// 1024 objects, 180 s of waiting for answers; reading stops there, and that is said
    #[arg(
        long,
        global = true,
        value_name = "N",
        env = "KORTLAB_BUDGET",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub budget: u32,

    /// Work with a copy of the card image in memory: what is changed is forgotten, and the image is
    /// not written, nor locked
    #[arg(long, global = true)]
    pub ephemeral: bool,

    /// Wait at most so many seconds for the whole answer to a command (else 120), for another
    /// program that holds the card (else 30), and for each whole answer of a portal (else 30, its
    /// administrator's 60)
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        env = "KORTLAB_TIMEOUT",
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    pub timeout: Option<u64>,

    /// Print one JSON document on standard output; messages stay on standard error
    #[arg(long, global = true)]
    pub json: bool,

    /// Where PINs come from.
    #[command(flatten)]
    pub pins: PinOptions,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    #[cfg(feature = "portal")]
    Demo(Later<demo::Arguments>),
    Card(Later<card::Arguments>),
    Emulate(Later<emulate::Arguments>),
    Run(Later<run::Arguments>),
    Pcscd(Later<pcscd::Arguments>),
    Ctl(Later<ctl::Arguments>),
    Fuzz(Later<fuzz::Arguments>),
    Readers(Later<readers::Arguments>),
    Atr(Later<atr::Arguments>),
    Apdu(Later<apdu::Arguments>),
    Explain(Later<explain::Arguments>),
    Trace(Later<trace::Arguments>),
    Info(Later<info::Arguments>),
    Diagnose(Later<diagnose::Arguments>),
    Shell(Later<shell::Arguments>),
    Tree(Later<tree::Arguments>),
    Dump(Later<dump::Arguments>),
    Pin(Later<pin::Arguments>),
    Key(Later<key::Arguments>),
    Cert(Later<cert::Arguments>),
    Recover(Later<recover::Arguments>),
    #[cfg(feature = "portal")]
    Renew(Later<renew::Arguments>),
    #[cfg(feature = "portal")]
    Portal(Later<Box<portal::Arguments>>),
    #[cfg(feature = "portal")]
    Admin(Later<admin::Arguments>),
    #[cfg(feature = "portal")]
    Agent(Later<agent::Arguments>),
    #[cfg(feature = "portal")]
    Browser(Later<Box<browser::Arguments>>),
    Completions(Later<completions::Arguments>),
    Man(Later<man::Arguments>),
}

/// Reads the command line, and which files it names. An environment variable that is set to nothing
/// counts as not set, as scripts set them that have no value to give.
///
/// # Errors
/// What [`answer`] answers.
pub fn parse() -> Result<(Cli, NamedFiles), clap::Error> {
    let mut command = later::command::<Cli>();
    let read = match has_empty_variables() {
        true => None,
        false => Some(command.try_get_matches_from_mut(env::args_os())),
    };
    let matches = match read {
        Some(Ok(matches)) => matches,
        Some(Err(error)) if error.kind() == ErrorKind::DisplayVersion => return Err(error),
        // Help, and what is wrong, are told with all commands in view.
        Some(Err(_)) | None => {
            command = without_empty_variables(Cli::command());
            command.try_get_matches_from_mut(env::args_os())?
        }
    };
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    Ok((cli, NamedFiles::of(&command, &matches)))
}

/// Whether a variable of ours is set to nothing.
fn has_empty_variables() -> bool {
    env::vars_os()
        .any(|(name, value)| value.is_empty() && name.as_encoded_bytes().starts_with(b"KORTLAB_"))
}

fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| {
        let value = arg.get_env().and_then(env::var_os);
        value.is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| {
            if is_empty(&arg) {
                arg.env(None::<&'static str>)
            } else {
                arg
            }
        })
        .mut_subcommands(without_empty_variables)
}

/// Answers a command line that names no command to run: --help, --version and `--fault list` on
/// standard output, what is wrong with it on standard error, and with --json on standard output too.
pub fn answer(error: &clap::Error) -> ExitCode {
    let json = env::args_os()
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    let mut output = Output::new(json);
    if let Some(faults) = Faults::asked_for(error) {
        return match output.report(&faults).and_then(|()| output.finish()) {
            Ok(()) => Exit::Done.into(),
            Err(failure) => output.failed(&failure).into(),
        };
    }
    // What is not understood is repeated, but for a key that was typed or pasted.
    let text = error.to_string();
    if error.use_stderr() && without_keys(&text) != text {
        let failure =
            Failure::usage("there is a private key among the arguments, where none belongs");
        let hint =
            "give it in a file, where the command takes one; the shell may have kept it, too";
        return output.failed(&failure.hint(hint)).into();
    }
    if error.use_stderr() {
        note(error.render().ansi().to_string().trim_end());
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            // The help of a group of commands, which says nothing of what is wrong.
            let missing = Failure::usage("a subcommand is missing");
            return output
                .failed(&missing.hint("see above which there are"))
                .into();
        }
        if json {
            let _ = output.refused(&Failure::usage(reason(&error.to_string())));
        }
    } else {
        // Help has its lines already.
        let printed = error.print().and_then(|()| io::stdout().flush());
        if let Err(failure) = output.written(printed) {
            return output.failed(&failure).into();
        }
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// What clap says is wrong, in one line, without the usage that follows.
fn reason(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines = text.lines().map(str::trim);
    let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    lines.join(" ")
}

fn concat_examples() -> String {
    format!("{EXAMPLES}\n\n{EXIT_CODES}")
}

#[cfg(feature = "portal")]
const EXAMPLES: &str = "\
Examples:
  kortlab demo
  kortlab card new -o card.json --state expired
  kortlab -c card.json info
  kortlab emulate card.json";

#[cfg(not(feature = "portal"))]
const EXAMPLES: &str = "\
Examples:
  kortlab card new -o card.json --state expired
  kortlab -c card.json info
  kortlab emulate card.json";

#[cfg(test)]
mod tests {
    use std::any::TypeId;

    use super::*;
    use crate::named_files::WRITTEN;

    /// Every command, with the words that lead to it.
    fn commands() -> Vec<(String, clap::Command)> {
        let mut root = Cli::command();
        root.build();
        let mut found = vec![("kortlab".to_owned(), root)];
        let mut index = 0;
        while let Some((name, command)) = found.get(index).cloned() {
            for command in command.get_subcommands() {
                if command.get_name() != "help" {
                    found.push((format!("{name} {}", command.get_name()), command.clone()));
                }
            }
            index += 1;
        }
        found
    }

    fn examples(command: &clap::Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string);
        help.unwrap_or_default()
            .lines()
            .skip_while(|line| *line != "Examples:")
            .skip(1)
            .take_while(|line| line.starts_with("  "))
            .map(|line| line.trim().to_owned())
            .collect()
    }

    /// The words of an example as a shell makes them, up to where the command ends.
    fn words(example: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        for (index, part) in example.split('\'').enumerate() {
            if index % 2 == 1 {
                // Between quotes: one word, blanks or not.
                words.last_mut().expect("never empty").push_str(part);
                continue;
            }
            for (index, piece) in part.split(' ').enumerate() {
                if index > 0 {
                    words.push(String::new());
                }
                words.last_mut().expect("never empty").push_str(piece);
            }
        }
        let is_end = |word: &String| matches!(word.as_str(), "|" | ">" | "<" | "&&" | "#");
        words
            .into_iter()
            .filter(|word| !word.is_empty())
            .take_while(|word| !is_end(word))
            .collect()
    }

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples_of_itself_that_parse() {
        for (name, command) in commands() {
            let examples = examples(&command);
            assert!(!examples.is_empty(), "{name} --help has no examples");
            let mut of_itself = false;
            for example in examples {
                let words = words(&example);
                if words.first().map(String::as_str) != Some("kortlab") {
                    continue;
                }
                if let Err(error) = Cli::try_parse_from(&words) {
                    panic!("the help of {name} shows `{example}`, which fails: {error}");
                }
                let without_global: Vec<_> = words
                    .iter()
                    .skip_while(|word| *word != name.split(' ').nth(1).unwrap_or("kortlab"))
                    .map(String::as_str)
                    .collect();
                let own: Vec<_> = name.split(' ').skip(1).collect();
                of_itself |= without_global.starts_with(&own);
            }
            assert!(of_itself, "{name} --help shows no example of {name}");
        }
    }

    #[test]
    fn every_file_that_an_argument_has_written_is_known_to_be() {
        let mut count = 0;
        for (name, command) in commands() {
            for argument in command.get_opts() {
                let is_path = argument.get_value_parser().type_id() == TypeId::of::<PathBuf>();
                let values = argument.get_value_names().unwrap_or_default();
                if !is_path || values.iter().any(|value| value.as_str() == "DIR") {
                    continue;
                }
                let help = argument.get_help().map(ToString::to_string);
                let help = help.unwrap_or_default();
                let says = ["Write", "Where to", "With --trace, keep"];
                let is_written = says.iter().any(|beginning| help.starts_with(beginning));
                let id = argument.get_id().as_str();
                assert_eq!(WRITTEN.contains(&id), is_written, "{name} {id}: {help}");
                count += usize::from(is_written);
            }
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn every_command_and_argument_is_described() {
        for (name, command) in commands() {
            assert!(command.get_about().is_some(), "{name} has no description");
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{name}: {} has no description",
                    argument.get_id()
                );
            }
        }
    }
}
