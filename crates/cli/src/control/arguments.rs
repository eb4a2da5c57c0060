//! `--control`: where the control door of `run`, `pcscd` and `emulate` is.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::door::ControlDoor;
use super::lab::Lab;
use super::script::{Step, play};
use crate::commands::ctl::parse_step;
use crate::desk::for_control;
use crate::failure::Failure;
use crate::files;
use crate::output::{hint, warn};

/// The longest script, in bytes.
const MAX_SCRIPT: usize = 1 << 20;

/// Where the control door is, as it is asked for on the command line.
#[derive(Args)]
pub struct ControlArguments {
    /// Put the control door, by which `kortlab ctl` comes in, on this socket
    /// [default: ctl-PROCESS in $XDG_RUNTIME_DIR/kortlab]
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,

    /// Do this before the Nth command to the reader that it is about, or so many milliseconds after
    /// that, or after the start: what `kortlab ctl` does, in its words
    #[arg(
        long = "at",
        value_name = "N[+MS] COMMAND",
        value_parser = parse_step,
        action = clap::ArgAction::Append
    )]
    at: Vec<Step>,

    /// The same, a line each, from a file; # begins a comment
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

impl ControlArguments {
    /// Begins what is to happen by itself, and opens the door. One that nobody has asked for is done
    /// without where it cannot be.
    ///
    /// # Errors
    /// The path that was asked for cannot be used, nor the script.
    pub fn open(&self, lab: Arc<Lab>) -> Result<Option<ControlDoor>, Failure> {
        play(&lab, self.steps()?)?;
        if let Some(path) = &self.control {
            return ControlDoor::open(path, lab).map(Some);
        }
        match for_control().and_then(|path| ControlDoor::open(&path, lab)) {
            Ok(door) => Ok(Some(door)),
            Err(failure) => {
                warn(failure.message());
                if let Some(next) = failure.next_step() {
                    hint(next);
                }
                Ok(None)
            }
        }
    }
    /// What is to happen, from the command line and from the file.
    fn steps(&self) -> Result<Vec<Step>, Failure> {
        let mut steps = self.at.clone();
        let Some(path) = &self.script else {
            return Ok(steps);
        };
        let text = files::read_text(path, MAX_SCRIPT)?;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let step = parse_step(line).map_err(|why| {
                let why = why.lines().next().unwrap_or_default().to_owned();
                Failure::usage(format!("{}:{}: {why}", path.display(), index + 1))
            })?;
            steps.push(step);
        }
        Ok(steps)
    }
}
