//! What says of a card whether it is good: a program of the user's.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kortlab_campaign::OwnDirectory;
use kortlab_diagnose::history::Verdict;
use kortlab_emulator::{Image, ImageFile};

use crate::failure::{Exit, Failure};
use crate::stop::{self, SecondTime};

/// What stands for the path of the image in the program's arguments.
const PLACEHOLDER: &str = "{}";

/// How the name of the directory begins in which the program finds them.
const NAME: &str = "kortlab-bisect-";

/// The exit code of a program that cannot say, as `git bisect run` has it.
const SKIP: i32 = 125;

/// A program that is given cards.
pub struct Judge<'a> {
    words: &'a [OsString],
    directory: OwnDirectory,
    stop: Arc<AtomicBool>,
}

impl<'a> Judge<'a> {
    /// A judge; its first word is the program.
    ///
    /// # Errors
    /// There is no place for images, or signals cannot be listened for.
    pub fn new(words: &'a [OsString]) -> Result<Self, Failure> {
        Ok(Self {
            words,
            directory: OwnDirectory::new(&env::temp_dir(), NAME)
                .map_err(|(path, error)| Failure::file("make the directory", &path, &error))?,
            stop: stop::on_signals(SecondTime::Ends)?,
        })
    }

    /// What the program says of a card: 0 good, 125 nothing, else bad; also if it ends by a signal.
    /// What it prints goes to standard error.
    ///
    /// # Errors
    /// It cannot be run, or Ctrl-C was pressed.
    pub fn verdict(&self, image: &Image) -> Result<Verdict, Failure> {
        let path = self.directory.path().join("card.json");
        let _ = fs::remove_file(&path);
        drop(ImageFile::create(&path, image)?);
        let Some((program, arguments)) = self.words.split_first() else {
            return Err(Failure::usage("no program is named"));
        };
        let failed = |error: io::Error| {
            let name = program.display();
            Failure::failed(format!("{name} cannot be run: {error}"))
                .hint("name a program and its arguments behind --")
        };
        let output = io::stderr().as_fd().try_clone_to_owned().map_err(failed)?;
        let status = Command::new(program)
            .args(arguments.iter().map(|word| self.filled(word, &path)))
            .env("KORTLAB_CARD", &path)
            .stdin(Stdio::null())
            .stdout(output)
            .status()
            .map_err(failed)?;
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failure::new(
                Exit::Failed,
                "stopped before the command was found",
            ));
        }
        Ok(match status.code() {
            Some(0) => Verdict::Good,
            Some(SKIP) => Verdict::Skip,
            _ => Verdict::Bad,
        })
    }

    /// An argument with the path in the place of the placeholder.
    fn filled(&self, word: &OsStr, path: &std::path::Path) -> OsString {
        match word.to_str() {
            Some(text) if text.contains(PLACEHOLDER) => text
                .replace(PLACEHOLDER, &path.display().to_string())
                .into(),
            _ => word.to_owned(),
        }
    }
}
