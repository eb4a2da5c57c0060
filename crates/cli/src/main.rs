//! `kortlab`: a smart-card laboratory on the command line.
//!
//! One file a subcommand under [`commands`], and no logic here beyond arguments, wiring and
//! output: what a command does is in the crates it calls. [`args`] is the command surface;
//! [`failure`] is the table of exit codes; [`output`] is the only way to standard output.

mod args;
mod certificate_file;
mod channel;
mod commands;
mod control;
mod desk;
mod files;
mod hexadecimal;
mod later;
mod named_files;
mod pin_source;
mod stop;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kortlab_terminal::{failure, output};
use signal_hook::consts::SIGXFSZ;

fn main() -> ExitCode {
    // `kortlab run` starts programs by way of itself.
    if let Some(code) = commands::run::start_as_told() {
        return code;
    }
    // A file that grows beyond its limit (setrlimit(2)) is an error like that of a full disk, which
    // is told, and not a death by a signal.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    match args::parse() {
        Ok((cli, files)) => commands::run(cli, files).into(),
        Err(error) => args::answer(&error),
    }
}
