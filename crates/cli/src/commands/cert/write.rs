//! `kortlab cert write`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use kortlab_card::{Change, NewCertificate, PinRole};
use kortlab_issuer::inspect::{CertificateSummary, Colour, Purpose};
use kortlab_pkcs15::Id;

use crate::commands::key::parse_id;
use crate::commands::{Context, Done, recover, session};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::output::{busy, note, printable, warn};

/// The longest certificate file that is read; cards have far less room.
const MAX_CERTIFICATE: usize = 256 << 10;

/// Write a certificate to the card, under the PIN for Legitimering
///
/// The certificate must be strict DER (or PEM of it), match the key, be valid now, be signed by
/// its issuer if that one's certificate is given or on the card, and not be on the card yet. It is
/// read back before it is listed in the card's directory; if the card is pulled out meanwhile, or
/// the computer crashes, `kortlab recover` completes the change or undoes it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab cert write new.pem --key 45
  kortlab cert write new.der --key 46 --label 'HCC Underskrift' --auth-pin env:PIN
  kortlab cert write new.pem --key 45 --issuer ca.pem
  kortlab cert write ca.pem --key 51 --authority")]
pub struct Arguments {
    /// The certificate, PEM or DER; - is standard input
    file: PathBuf,

    /// The identifier of the key it is for
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    key: Id,

    /// What it is called on the card; made from what it says if not given
    #[arg(long)]
    label: Option<String>,

    /// It is an authority's certificate, which has no key on the card
    #[arg(long)]
    authority: bool,

    /// The certificate of an authority that may have issued it; those on the card are known
    #[arg(long, value_name = "FILE")]
    issuer: Vec<PathBuf>,

    /// Write it although it is not strict DER, does not match the key, is not valid now, is not
    /// signed by its issuer, or is on the card already
    #[arg(long)]
    force: bool,
}

/// Writes it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let der = read(&arguments.file)?;
    let label = match arguments.label {
        Some(label) => label,
        None => label_for(&der),
    };
    let mut new = NewCertificate::new(der, arguments.key, label);
    new.authority = arguments.authority;
    new.force = arguments.force;

    let mut card = session::open(context)?;
    let mut journal = recover::first(context, &mut card)?;
    let mut change = Change::new().write(new.clone()).at(SystemTime::now());
    for path in &arguments.issuer {
        change = change.issuer(read(path)?);
    }
    // What is wrong with the certificate is said before a PIN is asked for.
    let plan = card.plan(&change)?;
    let written = busy("writing the certificate", || {
        session::with_pin(context, &mut card, PinRole::Authentication, |card| {
            for text in &plan.notes {
                note(printable(text));
            }
            note(format_args!("guarantee: {}", plan.guarantee));
            card.change(&change, &mut journal)
        })
    })?;
    for warning in &written.warnings {
        warn(warning);
    }
    let text = format!("{:?} is written for key {}", new.label, new.key_id);
    let done = Done::new("written", new.key_id.to_string(), text);
    context.output.report(&done.with(plan.guarantee))?;
    Ok(Exit::Done)
}

/// A certificate from a file, PEM or DER.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = files::read(path, MAX_CERTIFICATE)?;
    if !bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Ok(bytes);
    }
    let no_pem = |why: String| {
        Failure::failed(format!(
            "{} is no certificate in PEM: {why}",
            path.display()
        ))
        .hint("it must be one block `-----BEGIN CERTIFICATE-----`")
    };
    let (label, der) = der::pem::decode_vec(bytes.trim_ascii_start())
        .map_err(|error| no_pem(error.to_string()))?;
    if label != "CERTIFICATE" {
        return Err(no_pem(format!("it is {label}")));
    }
    Ok(der)
}

/// As the cards are labelled that the guide speaks of: `HCC Legitimering`.
fn label_for(der: &[u8]) -> String {
    let Ok(summary) = CertificateSummary::from_der(der) else {
        return "Certificate".to_owned();
    };
    match (summary.colour, summary.purpose) {
        (_, Purpose::Other) => summary.holder,
        (Colour::Pink, purpose) => format!("HCC {}", purpose.swedish()),
        (Colour::Blue, purpose) => format!("Telia {}", purpose.swedish()),
        (Colour::Other, purpose) => format!("{} {}", summary.holder, purpose.swedish()),
    }
}
