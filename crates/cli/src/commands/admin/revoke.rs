//! `kortlab admin revoke`.

use std::path::PathBuf;

use clap::Args;
use kortlab_portal::admin::REVOCATIONS;
use kortlab_portal::admin::wire::Revocation;
use kortlab_portal_api::Binary;

use super::client::Client;
use crate::commands::{Context, Done, cert};
use crate::failure::{Exit, Failure};

/// Revoke a certificate of the carrier's or an HCC, or put it on hold
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab admin revoke hcc.pem
  kortlab admin revoke hcc.der --reason keyCompromise
  kortlab admin revoke -")]
pub struct Arguments {
    /// The certificate, PEM or DER; - is standard input
    file: PathBuf,

    /// Why, by its name in RFC 5280: unspecified, keyCompromise, affiliationChanged, superseded,
    /// cessationOfOperation, privilegeWithdrawn or certificateHold
    #[arg(long, value_name = "REASON", default_value = "unspecified")]
    reason: String,
}

/// Revokes it.
pub fn run(context: &mut Context, portal: &Client, arguments: Arguments) -> Result<Exit, Failure> {
    let certificate = cert::read_file(&arguments.file)?;
    let summary = kortlab_issuer::inspect::CertificateSummary::from_der(&certificate)
        .map_err(|error| Failure::failed(format!("{}: {error}", arguments.file.display())))?;
    let revocation = Revocation {
        certificate: Binary::from(certificate),
        reason: arguments.reason,
    };
    portal.tell(REVOCATIONS, &revocation)?;
    let serial = summary.serial_hex();
    let text = format!("{serial} is revoked ({})", revocation.reason);
    context.output.report(&Done::new("revoked", serial, text))?;
    Ok(Exit::Done)
}
