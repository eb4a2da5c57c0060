//! `kortlab completions`: completion scripts for shells.

use std::fmt::Write as _;

use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;

use super::Context;
use crate::args::Cli;
use crate::failure::{Exit, Failure};

/// Print the completion script of a shell
#[derive(Args)]
#[command(after_help = "\
Examples:
  mkdir -p ~/.local/share/bash-completion/completions ~/.zfunc ~/.config/fish/completions
  kortlab completions bash > ~/.local/share/bash-completion/completions/kortlab
  kortlab completions zsh > ~/.zfunc/_kortlab
  kortlab completions fish > ~/.config/fish/completions/kortlab.fish")]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    clap_complete::generate(arguments.shell, &mut command, "kortlab", &mut script);
    if arguments.shell == Shell::Fish {
        script = values_behind_options(&String::from_utf8_lossy(&script)).into_bytes();
        script.extend(values_for_fish(&command, &[]).into_bytes());
    }
    context.output.bytes(&script)?;
    Ok(Exit::Done)
}

/// The script asks whether there is a command yet, and fails at an option whose value is just being
/// typed: then it is to ask once more, as if there were a value.
fn values_behind_options(script: &str) -> String {
    const ASKED: &str = "    argparse -s (__fish_kortlab_global_optspecs) -- $cmd 2>/dev/null\n";
    let again = ASKED.replacen("argparse", "or argparse", 1);
    let again = again.replacen("$cmd", "$cmd value", 1);
    script.replacen(ASKED, &format!("{ASKED}{again}"), 1)
}

/// The values of arguments without a name, which the script for fish lacks: it has those of options
/// only. `above` names the commands above this one.
fn values_for_fish(command: &Command, above: &[&str]) -> String {
    let mut text = String::new();
    let condition = match above {
        [] => None,
        [one] => Some(format!("__fish_kortlab_using_subcommand {one}")),
        [one, .., last] => Some(format!(
            "__fish_kortlab_using_subcommand {one}; and __fish_seen_subcommand_from {last}"
        )),
    };
    let values = command.get_positionals().flat_map(|argument| {
        let values = argument.get_possible_values().into_iter();
        values.filter(|value| !value.is_hide_set())
    });
    let values: Vec<_> = values
        .map(|value| {
            let help = value
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let help = help
                .replace('\\', "\\\\")
                .replace('\'', "\\'")
                .replace('"', "\\\"");
            format!("{}\\t'{help}'", value.get_name())
        })
        .collect();
    if let Some(condition) = condition.filter(|_| !values.is_empty()) {
        let values = values.join("\n");
        let _ = writeln!(
            text,
            "complete -c kortlab -n \"{condition}\" -f -a \"{values}\""
        );
    }
    for inner in command.get_subcommands() {
        let path = [above, &[inner.get_name()]].concat();
        text += &values_for_fish(inner, &path);
    }
    text
}
