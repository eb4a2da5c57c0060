//! The command line: global options and the list of commands. Each command's own arguments are
//! beside the command.

use clap::{Args, Parser, Subcommand};

use crate::channel::{CardSpec, Fault, FaultParser};
use crate::commands::{
    admin, agent, apdu, atr, card, cert, completions, demo, emulate, info, key, man, pin, portal,
    readers, recover, renew,
};
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
  7  a change of the card was interrupted; insert the card and run `kortlab recover`";

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
    /// FILE.json, or socket:PATH
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

    /// Let something go wrong with a virtual card, as tear:after-bytes=N; `--fault list` names all
    #[arg(long, global = true, value_name = "FAULT", value_parser = FaultParser)]
    pub fault: Option<Fault>,

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
    Demo(demo::Arguments),
    Card(card::Arguments),
    Emulate(emulate::Arguments),
    Readers(readers::Arguments),
    Atr(atr::Arguments),
    Apdu(apdu::Arguments),
    Info(info::Arguments),
    Pin(pin::Arguments),
    Key(key::Arguments),
    Cert(cert::Arguments),
    Recover(recover::Arguments),
    Renew(renew::Arguments),
    Portal(Box<portal::Arguments>),
    Admin(admin::Arguments),
    Agent(agent::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

fn concat_examples() -> String {
    format!("{EXAMPLES}\n\n{EXIT_CODES}")
}

const EXAMPLES: &str = "\
Examples:
  kortlab demo
  kortlab card new -o card.json --state expired
  kortlab -c card.json info
  kortlab emulate card.json";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

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
