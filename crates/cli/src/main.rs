//! `kortlab`: a smart-card laboratory on the command line.
//!
//! One file a subcommand under [`commands`], and no logic here beyond arguments, wiring and
//! output: what a command does is in the crates it calls. [`args`] is the command surface;
//! [`failure`] is the table of exit codes; [`output`] is the only way to standard output.

mod args;
mod channel;
mod commands;
mod failure;
mod files;
mod hexadecimal;
mod output;
mod pin_source;
mod story;
mod world;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // clap answers --help, --version and usage errors (exit code 2) by itself.
    let cli = args::Cli::parse();
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::complain(&failure);
            failure.exit().into()
        }
    }
}
