//! Where the shell is on the card, and what the names of files on its lines mean.

use std::fmt;

use kortlab_apdu::{Channel, FilePath};
use kortlab_card::CardError;
use kortlab_card::files::Files;
use kortlab_diagnose::Survey;
use kortlab_diagnose::dump::Surveyed;

use crate::failure::Failure;
use crate::hexadecimal;
use crate::output::Hex;

/// A place on the card: a directory, or a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// The AID of the application below which it is; `None`: below the MF.
    pub application: Option<Vec<u8>>,
    /// The path below it, without 3F00.
    pub below: FilePath,
}

impl Here {
    /// What a name on a line means: identifiers with or without `/` between them, from 3F00 or `/` on or
    /// from here, `..`; an application as `AID:hex`; or what a file is to the PKCS#15 application, as
    /// `cdf`, where `known` has it.
    ///
    /// # Errors
    /// It is no such name.
    pub fn named(&self, name: &str, known: Option<&Survey>) -> Result<Self, Failure> {
        let upper = name.to_ascii_uppercase();
        if let Some(rest) = upper.strip_prefix("AID:") {
            let (aid, below) = rest.split_once('/').unwrap_or((rest, ""));
            let application = Some(hexadecimal::parse(aid)?);
            return Self {
                application,
                below: FilePath::EMPTY,
            }
            .steps(below, name);
        }
        let kind = known
            .into_iter()
            .flat_map(|survey| &survey.files)
            .find(|file| {
                let full = file.kind.map(|kind| kind.name().to_ascii_uppercase());
                let short = full.as_deref().map(short);
                full.as_deref() == Some(&upper) || short == Some(&upper)
            });
        if let Some(file) = kind {
            return Ok(Self::of(file));
        }
        match upper
            .strip_prefix("3F00")
            .or_else(|| upper.strip_prefix('/'))
        {
            Some(rest) => Self::default().steps(rest, name),
            None => self.clone().steps(&upper, name),
        }
    }

    /// The place of a file that was found.
    pub fn of(file: &Surveyed) -> Self {
        Self {
            application: file.application.clone(),
            below: file.below.clone(),
        }
    }

    /// Whether a file is in this directory, and in none that is in it.
    pub fn holds(&self, file: &Surveyed) -> bool {
        file.is_directly_in(self.application.as_deref(), &self.below)
    }

    /// Selects it, silently where that can be.
    ///
    /// # Errors
    /// The card does not.
    pub fn select(&self, mut channel: impl Channel) -> Result<(), CardError> {
        let mut files = Files::new(&mut channel);
        match &self.application {
            Some(aid) => files.select_in_application_of(aid, &self.below).map(drop),
            None => files.select_silently(&self.path()),
        }
    }

    /// Its path from the MF on, or from the application.
    pub fn path(&self) -> FilePath {
        match self.application {
            Some(_) => self.below.clone(),
            None => FilePath::MASTER_FILE.join(&self.below),
        }
    }

    /// Goes on by these steps.
    fn steps(mut self, steps: &str, name: &str) -> Result<Self, Failure> {
        for step in steps.split('/').filter(|step| !step.is_empty()) {
            match step {
                "." => {}
                ".." => {
                    self.below = self
                        .below
                        .split_last()
                        .map_or(FilePath::EMPTY, |(parent, _)| parent);
                }
                step => {
                    let path: Option<FilePath> = step.parse().ok();
                    let path = path.filter(|path| path.is_whole() && !path.is_empty());
                    let path = path.ok_or_else(|| {
                        Failure::usage(format!("{name:?} names no file")).hint(
                            "give identifiers, as 5015/4401 or /2F00, `..`, AID:A000…, or cdf",
                        )
                    })?;
                    self.below = self.below.join(&path);
                }
            }
        }
        Ok(self)
    }
}

/// `CDF` of `EF(CDF)`, `DIR` of `EF.DIR`.
fn short(name: &str) -> &str {
    let name = name.strip_prefix("EF").unwrap_or(name);
    name.trim_matches(['(', ')', '.'])
}

impl fmt::Display for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.application {
            None => write!(f, "{}", self.path()),
            Some(aid) if self.below.is_empty() => write!(f, "AID:{}", Hex(aid)),
            Some(aid) => write!(f, "AID:{}/{}", Hex(aid), self.below),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: &str, name: &str) -> Result<String, u8> {
        let here = Here::default().named(start, None).expect("a place");
        let there = here.named(name, None);
        there
            .map(|there| there.to_string())
            .map_err(|failure| failure.exit().code())
    }

    #[test]
    fn names_are_from_here_on_or_from_the_top() {
        assert_eq!(at("", "5015"), Ok("3F00/5015".into()));
        assert_eq!(at("5015", "4401"), Ok("3F00/5015/4401".into()));
        assert_eq!(at("5015", "50154401"), Ok("3F00/5015/5015/4401".into()));
        assert_eq!(at("5015", "/2f00"), Ok("3F00/2F00".into()));
        assert_eq!(at("5015", "3F002F00"), Ok("3F00/2F00".into()));
        assert_eq!(at("5015", "3F00/2F00"), Ok("3F00/2F00".into()));
        assert_eq!(at("5015", ".."), Ok("3F00".into()));
        assert_eq!(at("5015", "../.."), Ok("3F00".into()));
        assert_eq!(at("5015", "../2F00"), Ok("3F00/2F00".into()));
        assert_eq!(at("5015", "AID:A0000003/01"), Err(2));
        assert_eq!(
            at("5015", "aid:a0000003/0101"),
            Ok("AID:A0000003/0101".into())
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["50", "501", "hello", "5015/xyz", "AID:", "5015 4401"] {
            assert!(at("", name).is_err() || name == "AID:", "{name}");
        }
    }
}
