//! `kortlab admin revoke`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use kortlab_explain::certificate::serial_number;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal::admin::REVOCATIONS;
use kortlab_portal::admin::wire::Revocation;
use kortlab_portal_api::Binary;

use super::client::Client;
use crate::certificate_file;
use crate::commands::{Context, Done};
use crate::failure::{Exit, Failure};

/// Revoke a certificate of the carrier's or an HCC, or put it on hold
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab admin revoke hcc.pem
  kortlab admin revoke hcc.der --reason keyCompromise
  kortlab cert read 4332 | kortlab admin revoke -")]
pub struct Arguments {
    /// The certificate, DER or PEM, with text around it or not; of a chain the leaf; - is standard
    /// input
    file: PathBuf,

    /// Why, by its name in RFC 5280
    #[arg(long, value_name = "REASON", default_value = "unspecified", value_parser = reasons())]
    reason: String,
}

/// Reasons by their names, which completions and manual pages list.
fn reasons() -> PossibleValuesParser {
    PossibleValuesParser::new(RevocationReason::ALL.map(RevocationReason::name))
}

/// Revokes it.
pub fn run(context: &mut Context, portal: &Client, arguments: Arguments) -> Result<Exit, Failure> {
    let certificate = certificate_file::chain(&arguments.file)?.leaf;
    let serial = serial_number(&certificate)
        .map_err(|error| Failure::failed(format!("{}: {error}", arguments.file.display())))?;
    let revocation = Revocation {
        certificate: Binary::from(certificate),
        reason: arguments.reason,
    };
    portal.tell(REVOCATIONS, &revocation)?;
    let text = format!("{serial} is revoked ({})", revocation.reason);
    context.output.report(&Done::new("revoked", serial, text))?;
    Ok(Exit::Done)
}
