//! `kortlab cert list`.

use std::fmt;

use clap::Args;
use kortlab_card::Problem;
use kortlab_explain::card::CertificateEntry;
use serde::Serialize;

use super::evidence::Evidence;
use super::table;
use crate::commands::problem::{self, Shown};
use crate::commands::{Context, recover, session};
use crate::failure::{Exit, Failure};

/// List the certificates: blue ones are the carrier's, pink ones are HCCs
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab cert list
  kortlab cert list --ca-dir ca --crl carrier.crl --crl hcc.crl
  kortlab -c card.json cert list --json")]
pub struct Arguments {
    #[command(flatten)]
    evidence: Evidence,
}

/// Lists them.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let mut against = arguments.evidence.read()?;
    let (mut card, mut journal) = session::open_with_journal(context)?;
    let waiting = recover::waiting(&mut card, &mut journal)?;
    arguments.evidence.ask(&mut card, &mut against)?;
    let checked = card.survey(arguments.evidence.time(), &against)?;
    let certificates = checked
        .certificates
        .iter()
        .map(CertificateEntry::new)
        .collect();
    let problems = card
        .contents()
        .problems
        .iter()
        .chain(&waiting)
        .cloned()
        .chain(checked.problems_of_evidence())
        .collect();
    context.output.report(&Certificates {
        certificates,
        problems,
    })?;
    Ok(Exit::Done)
}

/// The JSON document.
#[derive(Serialize)]
struct Certificates {
    certificates: Vec<CertificateEntry>,
    /// What is wrong with the card's PKCS#15 files.
    problems: Vec<Problem>,
}

impl fmt::Display for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table(&self.certificates).fmt(f)?;
        let damage = self.certificates.iter().flat_map(|certificate| {
            let damage = certificate.problems.iter();
            let damage = damage.filter(|problem| !problem.is_state());
            damage.map(|problem| Shown::of(&certificate.id, problem))
        });
        let problems: Vec<_> = damage.chain(self.problems.iter().map(Shown::new)).collect();
        if !problems.is_empty() {
            writeln!(f)?;
        }
        problem::folded(problems).fmt(f)
    }
}
