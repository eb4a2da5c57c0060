//! `kortlab cert list`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::{CertificateEntry, RevocationLists, table};
use crate::commands::{Context, session};
use crate::failure::{Exit, Failure};

/// List the certificates: blue ones are the carrier's, pink ones are HCCs
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab cert list
  kortlab cert list --crl carrier.crl --crl hcc.crl
  kortlab -c card.json cert list --json")]
pub struct Arguments {
    #[command(flatten)]
    lists: RevocationLists,
}

/// Lists them.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let lists = arguments.lists.read()?;
    let mut card = session::open(context)?;
    let checked = card.check(arguments.lists.time(), &lists)?;
    let certificates = checked
        .iter()
        .map(|checked| CertificateEntry::new(checked, &lists))
        .collect();
    context.output.report(&Certificates { certificates })?;
    Ok(Exit::Done)
}

/// The JSON document.
#[derive(Serialize)]
struct Certificates {
    certificates: Vec<CertificateEntry>,
}

impl fmt::Display for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.certificates.is_empty() {
            return f.write_str("no certificates");
        }
        table(&self.certificates).fmt(f)
    }
}
