//! `kortlab shell`: a session with a card, line by line.

#[cfg(feature = "line-editing")]
mod editor;
#[cfg(feature = "line-editing")]
mod history;
mod input;
mod line;
mod place;
mod verbs;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use kortlab_diagnose::dump::{Surveyed, look_at};
use kortlab_diagnose::{Options, Survey};
use signal_hook::consts::SIGINT;

use super::{Context, tree};
use crate::channel::{self, Remembered};
use crate::failure::{Exit, Failure};
use crate::output::note;
use input::{Input, Next};
use line::Line;
use place::Here;

/// Work with a card line by line: walk its directories, read, decode, send commands
///
/// A line is a verb (`help` lists them), another command of kortlab (`info`, `tree`, `cert list`,
/// `diagnose`, …) without `kortlab`, or a command for the card in hexadecimal, as `apdu --script` has
/// it (`00A4000C023F00 =9000`). The card stays open from line to line, and what one line selects and
/// verifies the next finds.
///
/// On a terminal there are history and completion; the history is in $XDG_STATE_HOME/kortlab/history
/// (~/.local/state/kortlab/history), for this user alone, without commands that carry PINs. Ctrl-C
/// ends the line, Ctrl-D the shell. What is no terminal is read as plain lines. PINs are asked for, or
/// come from --auth-pin and its like; never from the line.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab shell
  kortlab -c card.json shell
  kortlab -c card.json shell --script commands.txt
  echo 'ls 5015' | kortlab -c card.json shell
  kortlab -c card.json shell --yes --script write.txt --auth-pin env:PIN

Exit codes: 0, or that of the first line that failed. A script ends there, and its name and the
number of the line are said; plain lines and people go on.")]
pub struct Arguments {
    /// Do the lines of this file, up to the first that fails; - is standard input
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,

    /// Do not ask before a file is changed
    #[arg(long)]
    yes: bool,
}

/// A session with a card.
pub struct Shell<'a> {
    context: &'a mut Context,
    /// The directory that lines are about.
    here: Here,
    /// The card's files, as long as nothing may have changed them.
    survey: Option<Survey>,
    /// Whether nobody is asked before a file is changed.
    yes: bool,
    /// Set by Ctrl-C while a line is done.
    stop: Arc<AtomicBool>,
    /// Whether the shell is to end.
    over: bool,
}

/// Does one line after the other.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    if context.output.is_json() {
        return Err(Failure::usage("the shell has no JSON output")
            .hint("give --json to the commands themselves: kortlab --json tree"));
    }
    let mut input = Input::open(arguments.script.as_deref())?;
    let mut shell = Shell {
        context,
        here: Here::default(),
        survey: None,
        yes: arguments.yes,
        stop: Arc::default(),
        over: false,
    };
    if input.is_terminal() {
        let failed = |error| Failure::failed(format!("cannot listen for signals: {error}"));
        signal_hook::flag::register(SIGINT, Arc::clone(&shell.stop)).map_err(failed)?;
    }
    shell.open()?;
    let ended = shell.lines(&mut input);
    input.end();
    ended
}

impl Shell<'_> {
    fn lines(&mut self, input: &mut Input) -> Result<Exit, Failure> {
        let mut exit = Exit::Done;
        while !self.over && !self.context.output.is_closed() {
            let names = self.names();
            let line = match input.next(&self.here.to_string(), &names)? {
                Next::Line(line) => line,
                Next::Unreadable(failure) => {
                    if exit == Exit::Done {
                        exit = failure.exit();
                    }
                    self.context.output.failed(&failure);
                    continue;
                }
                #[cfg(feature = "line-editing")]
                Next::Nothing => continue,
                Next::End => break,
            };
            self.stop.store(false, Ordering::Relaxed);
            let done = self.line(&line, input);
            let failure = match done {
                Ok(()) => {
                    input.keep(&line);
                    continue;
                }
                Err(failure) => failure,
            };
            if input.is_script() {
                let message = format!("{}: {}", input.place(), failure.message());
                return Err(failure.saying(message));
            }
            // What was mistyped may be a PIN.
            if failure.exit() != Exit::Usage {
                input.keep(&line);
            }
            if exit == Exit::Done {
                exit = failure.exit();
            }
            self.context.output.failed(&failure);
        }
        Ok(match input.is_terminal() {
            true => Exit::Done,
            false => exit,
        })
    }

    /// Does one line.
    fn line(&mut self, line: &Line, input: &mut Input) -> Result<(), Failure> {
        if line.is_empty() {
            return Ok(());
        }
        let is_gone = self.card().is_none_or(Remembered::is_gone);
        if is_gone {
            self.reopen()?;
        }
        let done = verbs::run(self, line, input);
        if self.card().is_some_and(Remembered::is_gone) && done.is_err() {
            self.survey = None;
            self.here = Here::default();
        }
        done
    }

    /// Opens the card.
    fn open(&mut self) -> Result<(), Failure> {
        let context = &self.context;
        let (card, journal) = channel::open_with_journal(
            &context.card,
            &context.layers,
            context.ephemeral,
            context.timeout,
        )?;
        let card = Remembered::new(card).until(Arc::clone(&self.stop));
        self.context.open = Some((card, journal));
        Ok(())
    }

    /// Opens the card anew after it was gone: at its MF, with nothing verified.
    fn reopen(&mut self) -> Result<(), Failure> {
        // The old one is let go first: its image may be locked, its reader taken.
        self.context.open = None;
        self.open()?;
        note("the card was gone, and is opened anew: 3F00 is the directory, no PIN is verified");
        Ok(())
    }

    fn card(&self) -> Option<&Remembered> {
        self.context.open.as_ref().map(|(card, _)| card)
    }

    /// The card's files; they are looked for if something may have changed them.
    fn survey(&mut self) -> Result<&Survey, Failure> {
        if self.survey.is_none() {
            let channel = self.context.open_channel()?;
            let found = tree::look(self.context, channel, Vec::new())?;
            self.return_here();
            self.survey = Some(found);
        }
        let none = || Failure::failed("the card's files were not looked for");
        self.survey.as_ref().ok_or_else(none)
    }

    /// Reads the file that a line names.
    fn look_at(&mut self, name: &str) -> Result<Surveyed, Failure> {
        let place = match self.here.named(name, self.survey.as_ref()) {
            // It may be called by what it is, which the card's directories say.
            Err(_) if self.survey.is_none() => {
                self.survey()?;
                self.here.named(name, self.survey.as_ref())?
            }
            other => other?,
        };
        let options = Options {
            budget: self.context.budget,
            ..Options::default()
        };
        let channel = self.context.open_channel()?;
        let application = place.application.as_deref();
        let found = look_at(channel, &options, application, &place.below);
        self.return_here();
        found?.ok_or_else(|| {
            Failure::failed(format!("{place} is not on the card"))
                .of_kind("not-found")
                .hint("`ls` and `tree` show what is")
        })
    }

    /// Selects the directory anew in which the shell is, so that commands in hexadecimal are about it.
    fn return_here(&mut self) {
        if let Ok(channel) = self.context.open_channel() {
            // If it is gone now, the next line that needs it says so.
            let _ = self.here.select(channel);
        }
    }

    /// What can be completed: the names of the files here.
    fn names(&self) -> Vec<String> {
        let files = self.survey.iter().flat_map(|survey| &survey.files);
        let here = files.filter(|file| self.here.holds(file));
        here.filter_map(|file| file.fid())
            .map(|fid| fid.to_string())
            .collect()
    }
}
