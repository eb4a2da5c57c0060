//! What a card has at the end of a session that it did not have at its start: [`NewFaults`].

use std::collections::BTreeMap;

use kortlab_card::CardError;
use kortlab_emulator::{InProcess, VirtualCard};

use super::bisect::Verdict;
use crate::finding::Finding;
use crate::{Diagnosing, Diagnosis, diagnose};

/// Which finding it is, whatever its message says: rule, code, file, object.
type Name = (&'static str, String, String, Option<String>);

/// The findings that a card has at the end of a session and did not have at its start, and whether a
/// card has one of them. Notes are none.
#[derive(Debug)]
pub struct NewFaults {
    options: Diagnosing,
    /// How often each finding was there at the start.
    before: BTreeMap<Name, usize>,
    /// Those that are there at the end more often.
    new: Vec<Name>,
}

impl NewFaults {
    /// Compares the card at the start with that at the end.
    ///
    /// # Errors
    /// Nothing at all could be read of one of them.
    pub fn between(
        start: VirtualCard,
        end: VirtualCard,
        options: Diagnosing,
    ) -> Result<Self, CardError> {
        let before = counted(&look(start, &options)?);
        let after = counted(&look(end, &options)?);
        let is_more =
            |(name, count): &(&Name, &usize)| Some(*count) > before.get(*name).or(Some(&0));
        let new = after.iter().filter(is_more).map(|(name, _)| name.clone());
        Ok(Self {
            new: new.collect(),
            options,
            before,
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.new.len()
    }

    /// Whether there is none: then the end is as good as the start.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty()
    }

    /// Whether this card has one of them.
    ///
    /// # Errors
    /// Nothing at all could be read of it.
    pub fn verdict(&self, card: VirtualCard) -> Result<Verdict, CardError> {
        Ok(match self.of(card)?.is_empty() {
            true => Verdict::Good,
            false => Verdict::Bad,
        })
    }

    /// Those of them that this card has.
    ///
    /// # Errors
    /// Nothing at all could be read of it.
    pub fn of(&self, card: VirtualCard) -> Result<Vec<Finding>, CardError> {
        let mut seen: BTreeMap<Name, usize> = BTreeMap::new();
        let mut findings = look(card, &self.options)?.findings;
        findings.retain(|finding| {
            let name = name(finding);
            let seen = seen.entry(name.clone()).or_default();
            *seen = seen.saturating_add(1);
            finding.problem.counts()
                && self.new.contains(&name)
                && *seen > self.before.get(&name).copied().unwrap_or_default()
        });
        Ok(findings)
    }
}

/// Diagnoses the card as one finds it: put into a reader anew.
fn look(mut card: VirtualCard, options: &Diagnosing) -> Result<Diagnosis, CardError> {
    card.power_off();
    let channel = InProcess::ephemeral(card);
    diagnose(channel, options, |_, _| Vec::new(), Box::new(|_| {}))
}

fn counted(diagnosis: &Diagnosis) -> BTreeMap<Name, usize> {
    let mut counts = BTreeMap::new();
    let counting = |finding: &&Finding| finding.problem.counts();
    for finding in diagnosis.findings.iter().filter(counting) {
        let count: &mut usize = counts.entry(name(finding)).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

fn name(finding: &Finding) -> Name {
    let problem = &finding.problem;
    let object = problem.object().map(|object| match &object.id {
        Some(id) => format!("id {id}"),
        None => format!("{} {:?}", object.index, object.label),
    });
    (
        finding.rule.id,
        problem.code().to_owned(),
        format!("{} {}", problem.path(), problem.file()),
        object,
    )
}
