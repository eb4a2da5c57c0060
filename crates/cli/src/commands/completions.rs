//! `kortlab completions`: completion scripts for shells.

use clap::{Args, CommandFactory as _};
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
    clap_complete::generate(arguments.shell, &mut Cli::command(), "kortlab", &mut script);
    context.output.bytes(&script)?;
    Ok(Exit::Done)
}
