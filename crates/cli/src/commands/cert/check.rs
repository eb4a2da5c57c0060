//! `kortlab cert check`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::{CertificateEntry, RevocationLists, table};
use crate::commands::{Context, session};
use crate::failure::{Exit, Failure};
use crate::output::{ERROR, GOOD, printable};

/// Check the certificates: validity, revocation, and whether they match their keys
///
/// Exits 6 if any certificate is expired, revoked, not yet valid, not readable or strict DER, or
/// does not match its key. Revocation is checked against the lists given with --crl.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab cert check
  kortlab cert check --crl carrier.crl --crl hcc.crl
  kortlab -c card.json cert check --date 2027-01-31")]
pub struct Arguments {
    #[command(flatten)]
    lists: RevocationLists,
}

/// Checks them.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let lists = arguments.lists.read()?;
    let mut card = session::open(context)?;
    let checked = card.check(arguments.lists.time(), &lists)?;
    let certificates: Vec<_> = checked
        .iter()
        .map(|checked| CertificateEntry::new(checked, &lists))
        .collect();
    let findings = certificates
        .iter()
        .map(|certificate| certificate.problems.len())
        .sum();
    let report = Report {
        findings,
        certificates,
    };
    context.output.report(&report)?;
    Ok(if findings == 0 {
        Exit::Done
    } else {
        Exit::Findings
    })
}

/// The JSON document.
#[derive(Serialize)]
struct Report {
    /// How many problems there are in all.
    findings: usize,
    certificates: Vec<CertificateEntry>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.certificates.is_empty() {
            return f.write_str("no certificates");
        }
        table(&self.certificates).fmt(f)?;
        writeln!(f)?;
        for certificate in &self.certificates {
            for problem in &certificate.problems {
                let message = printable(&problem.message);
                writeln!(f, "{ERROR}{}{ERROR:#}: {message}", certificate.id)?;
            }
        }
        match self.findings {
            0 => writeln!(f, "{GOOD}no findings{GOOD:#}"),
            1 => writeln!(f, "1 finding"),
            count => writeln!(f, "{count} findings"),
        }
    }
}
