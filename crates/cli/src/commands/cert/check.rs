//! `kortlab cert check`.

use std::collections::BTreeSet;
use std::fmt;

use clap::Args;
use kortlab_card::Problem;
use kortlab_card::problem::code::{
    KEY_WITHOUT_CERTIFICATE, NO_CERTIFICATE_DIRECTORY, NO_CERTIFICATES,
};
use kortlab_explain::card::CertificateEntry;
use serde::Serialize;

use super::evidence::Evidence;
use super::table;
use crate::commands::problem::{self, Shown};
use crate::commands::{Context, recover, session};
use crate::failure::{Exit, Failure};
use crate::output::{GOOD, WARNING, printable};

/// Check the certificates: validity, signature, revocation, and whether they match their keys
///
/// Exits 6 if anything is wrong, an error or a warning: a certificate is expired, revoked, not yet
/// valid, unreadable, not strict DER, not signed by its issuer or does not match its key; a private
/// key is not on the card; a directory file is damaged or missing; there is no certificate at all, or
/// none for one of the keys; the file of a certificate is in no directory.
/// Signatures are checked against --issuer and --ca-dir and the authorities' certificates on the
/// card, revocation against --crl and --ocsp, or what --online asks for. What was not checked is said at the end; no key is tried, as that
/// takes a PIN: `kortlab diagnose` says which cards tell without one whose key is in a file.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab cert check
  kortlab cert check --ca-dir ca --crl carrier.crl --crl hcc.crl
  kortlab cert check --ca-dir ca --ocsp answer.der
  kortlab -c card.json cert check --date 2027-01-31
  kortlab -c blank.json cert check --allow-empty")]
pub struct Arguments {
    #[command(flatten)]
    evidence: Evidence,

    /// A card without any certificate is right, and so is a key without one
    #[arg(long)]
    allow_empty: bool,
}

/// Checks them.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let mut against = arguments.evidence.read()?;
    let (mut card, mut journal) = session::open_with_journal(context)?;
    let waiting = recover::waiting(&mut card, &mut journal)?;
    arguments.evidence.ask(&mut card, &mut against)?;
    let checked = card.check(arguments.evidence.time(), &against)?;
    let certificates: Vec<_> = checked
        .certificates
        .iter()
        .map(CertificateEntry::new)
        .collect();
    let contents = card.contents();
    let of_card = contents.problems.iter().chain(&checked.problems);
    let problems: Vec<Problem> = of_card
        .filter(|problem| !(arguments.allow_empty && is_emptiness(problem, checked.is_empty)))
        .chain(&waiting)
        .cloned()
        .chain(checked.problems_of_evidence())
        .collect();
    let of_certificates = certificates
        .iter()
        .flat_map(|certificate| &certificate.problems);
    let findings = problem::count(of_certificates.chain(&problems));
    let others = card.contents().unread_applications().into_iter();
    let report = Report {
        findings,
        certificates,
        problems,
        not_looked_at: others
            .chain(checked.not_looked_for.iter().cloned())
            .collect(),
    };
    context.output.report(&report)?;
    Ok(if findings == 0 {
        Exit::Done
    } else {
        Exit::Findings
    })
}

/// What this command leaves to others, whatever it is given.
const KEYS_NOT_TRIED: &str = "\
no key was tried: whether a key's file holds the key of its certificates, `kortlab diagnose` says \
where the card tells, and a signature elsewhere";

/// Whether a problem is that there is no certificate, and none on its card was lost as far as it was
/// looked for (`is_empty`) where no directory lists them.
fn is_emptiness(problem: &Problem, is_empty: bool) -> bool {
    match problem.code() {
        NO_CERTIFICATES | KEY_WITHOUT_CERTIFICATE => true,
        NO_CERTIFICATE_DIRECTORY => is_empty,
        _ => false,
    }
}

/// The JSON document.
#[derive(Serialize)]
struct Report {
    /// How many errors and warnings there are in all.
    findings: usize,
    certificates: Vec<CertificateEntry>,
    /// What is wrong with the card's PKCS#15 files.
    problems: Vec<Problem>,
    /// What was not looked at, in words: other applications of the card, files that nothing names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_looked_at: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table(&self.certificates).fmt(f)?;
        writeln!(f)?;
        let of_certificates = self.certificates.iter().flat_map(|certificate| {
            let problems = certificate.problems.iter();
            problems.map(|problem| Shown::of(&certificate.id, problem))
        });
        let of_card = self.problems.iter().map(Shown::new);
        problem::folded(of_certificates.chain(of_card)).fmt(f)?;
        // Each thing is said once, however many certificates it is about.
        let not_checked: BTreeSet<_> = self
            .certificates
            .iter()
            .flat_map(|certificate| &certificate.not_checked)
            .collect();
        let all = not_checked.is_empty() && self.not_looked_at.is_empty();
        match (self.findings, all) {
            (0, true) => writeln!(f, "{GOOD}no findings{GOOD:#}")?,
            (0, false) => writeln!(f, "nothing wrong in what was checked")?,
            (count, _) => writeln!(f, "{}", problem::counted(count))?,
        }
        for entry in not_checked {
            writeln!(
                f,
                "{WARNING}not checked{WARNING:#}: {}",
                printable(&entry.message)
            )?;
        }
        for entry in &self.not_looked_at {
            writeln!(f, "{WARNING}not looked at{WARNING:#}: {}", printable(entry))?;
        }
        writeln!(f, "{KEYS_NOT_TRIED}")?;
        Ok(())
    }
}
