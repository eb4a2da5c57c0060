//! What a line can do: one verb a file, and a word in the list.

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use kortlab_diagnose::dump::{Content, Surveyed};

use super::Shell;
use super::input::Input;
use super::line::Line;
use crate::commands::{apdu, atr, cert, diagnose, dump, explain, info, key, pin, recover, tree};
use crate::failure::{Exit, Failure};
use crate::named_files::NamedFiles;

/// A verb of the shell's own.
pub struct Verb {
    /// Its name.
    name: &'static str,
    /// What may stand behind it.
    takes: &'static str,
    /// What it does, in a few words.
    help: &'static str,
    /// Does it with the words behind it.
    run: Run,
}

impl Verb {
    /// That it was used otherwise than it is meant.
    fn usage(&self) -> Failure {
        let usage = format!("{} {}", self.name, self.takes);
        Failure::usage(format!("use it as: {}", usage.trim_end()))
    }
}

/// Does a verb.
type Run = fn(&mut Shell<'_>, &[String], &mut Input) -> Result<(), Failure>;

/// Declares the modules of verbs and lists them.
macro_rules! verbs {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*
        /// Every verb, in the order in which `help` names them.
        const ALL: &[Verb] = &[$($module::VERB),*];
    };
}

verbs![cd, pwd, ls, cat, asn1, find, verify, update, help, exit];

/// Declares the commands of kortlab that are lines, too.
macro_rules! commands {
    ($($variant:ident $name:literal $module:ident),* $(,)?) => {
        #[derive(Subcommand)]
        enum Command {
            $($variant($module::Arguments)),*
        }

        /// Their names.
        const COMMANDS: &[&str] = &[$($name),*];

        fn run_command(shell: &mut Shell<'_>, command: Command) -> Result<Exit, Failure> {
            match command {
                $(Command::$variant(arguments) => $module::run(shell.context, arguments)),*
            }
        }
    };
}

commands![
    Info "info" info,
    Atr "atr" atr,
    Tree "tree" tree,
    Pin "pin" pin,
    Key "key" key,
    Cert "cert" cert,
    Apdu "apdu" apdu,
    Explain "explain" explain,
    Diagnose "diagnose" diagnose,
    Dump "dump" dump,
    Recover "recover" recover,
];

/// A line that is a command of kortlab. The options for every command are those of the shell.
#[derive(Parser)]
#[command(name = "", no_binary_name = true, disable_help_subcommand = true)]
struct OfKortlab {
    #[command(subcommand)]
    command: Command,
}

#[cfg(any(test, feature = "line-editing"))]
/// What a line can begin with.
pub fn names() -> impl Iterator<Item = &'static str> {
    let own = ALL.iter().map(|verb| verb.name);
    own.chain(COMMANDS.iter().copied())
}

/// Does what a line says: a verb, a command of kortlab, or a command for the card in hexadecimal.
///
/// # Errors
/// There is no such verb; or it fails.
pub fn run(shell: &mut Shell<'_>, line: &Line, input: &mut Input) -> Result<(), Failure> {
    let first = line.verb().to_ascii_lowercase();
    if let Some(verb) = ALL.iter().find(|verb| verb.name == first) {
        let words = line.words()?;
        return (verb.run)(shell, words.get(1..).unwrap_or_default(), input);
    }
    if COMMANDS.contains(&first.as_str()) {
        return command(shell, line);
    }
    if first.starts_with(|sign: char| sign.is_ascii_hexdigit()) {
        return raw(shell, line);
    }
    // What stands there may be a PIN that somebody has mistyped.
    Err(
        Failure::usage("the line begins with no verb, and is no command in hexadecimal")
            .hint("`help` names the verbs"),
    )
}

/// A command of kortlab on the card that is open.
fn command(shell: &mut Shell<'_>, line: &Line) -> Result<(), Failure> {
    let words = line.words()?;
    let mut known = OfKortlab::command();
    let parsed = known.try_get_matches_from_mut(words).and_then(|matches| {
        let parsed = OfKortlab::from_arg_matches(&matches)?;
        Ok((parsed, NamedFiles::of(&known, &matches)))
    });
    let (parsed, files) = match parsed {
        Ok(parsed) => parsed,
        // Help is no failure.
        Err(told) if !told.use_stderr() => return shell.context.output.text(&told),
        Err(wrong) => return Err(Failure::usage(reason(&wrong.to_string()))),
    };
    shell.context.files.and(files).must_be_apart()?;
    let done = run_command(shell, parsed.command);
    // It may have changed what is on the card, and what is selected.
    shell.survey = None;
    shell.return_here();
    match done? {
        Exit::Done => Ok(()),
        Exit::Findings => Err(Failure::new(
            Exit::Findings,
            "something is wrong; see above",
        )),
        other => Err(Failure::new(other, "it was not done; see above")),
    }
}

/// That a file could be read to its end.
///
/// # Errors
/// It could not; the status word says why.
fn whole(file: &Surveyed) -> Result<(), Failure> {
    let refused = file.refused.or(match &file.content {
        Content::Bytes(_, ended) | Content::Records(_, ended) => *ended,
        Content::Directory | Content::Internal | Content::Unknown => None,
    });
    match refused {
        None => Ok(()),
        Some(status) => Err(Failure::new(
            Exit::Refused,
            format!(
                "{} cannot be read to its end: {status} ({})",
                file.name(),
                status.meaning()
            ),
        )),
    }
}

/// What clap says is wrong, in one line.
fn reason(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines = text.lines().map(str::trim);
    let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// A command for the card, as scripts of `apdu` have it.
fn raw(shell: &mut Shell<'_>, line: &Line) -> Result<(), Failure> {
    let steps = apdu::steps_of(line.text())?;
    let mut report = apdu::Report::default();
    let mut channel = shell.context.open_channel()?;
    shell.survey = None;
    let sent = steps
        .iter()
        .try_for_each(|step| apdu::send_step(&mut channel, "line", step, &mut report));
    shell.context.output.text(&report)?;
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once_and_no_command_hides_a_verb() {
        let mut all: Vec<_> = names().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        let of_clap = OfKortlab::command();
        for name in COMMANDS {
            assert!(of_clap.find_subcommand(name).is_some(), "{name}");
        }
        for verb in ALL {
            assert!(!verb.help.is_empty() && !verb.name.is_empty());
        }
    }
}
