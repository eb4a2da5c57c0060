//! What AFL++ keeps is tried once more, without it, and judged as everything else is.

use std::collections::BTreeSet;
use std::path::PathBuf;

use kortlab_campaign::Campaign;
use kortlab_campaign::engines::afl::{Inputs, Kind, New};

use super::super::findings::{Findings, failed};
use crate::failure::Failure;
use crate::output::warn;

/// What waits to be tried, and what has come of the rest.
pub struct Judging<'a> {
    campaign: &'a Campaign,
    findings: &'a Findings<'a>,
    inputs: Inputs,
    list: PathBuf,
    pending: BTreeSet<New>,
    /// How many were tried.
    pub tried: u64,
    /// What crashed or hung with AFL++, and does nothing of the kind without it.
    pub not_again: Vec<PathBuf>,
}

impl<'a> Judging<'a> {
    /// Begins with what the inputs have that was not tried before.
    pub fn new(
        campaign: &'a Campaign,
        findings: &'a Findings<'a>,
        inputs: Inputs,
        list: PathBuf,
    ) -> Self {
        Self {
            campaign,
            findings,
            inputs,
            list,
            pending: BTreeSet::new(),
            tried: 0,
            not_again: Vec::new(),
        }
    }

    /// Looks for what has come.
    pub fn look(&mut self) {
        self.pending.extend(self.inputs.new_ones());
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Tries what waits, as long as `go_on` says so of the next.
    ///
    /// # Errors
    /// An execution could not take place, or what was found not be kept.
    pub fn judge(&mut self, mut go_on: impl FnMut(&New) -> bool) -> Result<(), Failure> {
        while let Some(next) = self.pending.first() {
            if !go_on(next) {
                break;
            }
            let Some(next) = self.pending.pop_first() else {
                break;
            };
            let recipe = match self.inputs.read(&next) {
                Ok(Some(recipe)) => recipe,
                Ok(None) => continue,
                // AFL++ takes some away again.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    warn(format_args!("{}: {error}", next.path.display()));
                    continue;
                }
            };
            let keep = |found: &_| self.findings.keep(found);
            let found = self.campaign.consider(&recipe, &keep);
            let found = found.map_err(|error| failed(&error))?;
            self.tried += 1;
            if found.is_none() && next.kind != Kind::Way {
                self.not_again.push(next.path);
            }
            self.inputs
                .judged(&recipe)
                .map_err(|error| Failure::file("write", &self.list, &error))?;
        }
        Ok(())
    }
}
