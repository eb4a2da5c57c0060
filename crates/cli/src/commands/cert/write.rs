//! `kortlab cert write`.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use kortlab_card::{Change, Exception, Id, NewCertificate, PinRole};
use kortlab_explain::card::usual_label;
use kortlab_issuer::encoded::Chain;

use crate::certificate_file;
use crate::commands::key::parse_id;
use crate::commands::{Context, Done, recover, session};
use crate::failure::{Exit, Failure};
use crate::output::{busy, note, printable};

/// Write a certificate to the card, under the PIN for Legitimering
///
/// The certificate must be strict DER (or PEM of it), match the key, be valid now, be signed by
/// its issuer if that one's certificate is given, in FILE beside it or on the card, and not be on the card yet. It is
/// read back before it is listed in the card's directory; if the card is pulled out meanwhile, or
/// the computer crashes, `kortlab recover` completes the change or undoes it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab cert write new.pem --key 45
  kortlab cert write new.der --key 46 --label 'HCC Underskrift' --issuer ca.pem --auth-pin env:PIN
  kortlab cert write ca.pem --key 51 --authority")]
pub struct Arguments {
    /// The certificate, DER or PEM, with text around it or not; of a chain the leaf, which the others of
    /// it may have issued; - is standard input
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

    /// The certificates of authorities that may have issued it; those on the card and in FILE are known
    #[arg(long, value_name = "FILE")]
    issuer: Vec<PathBuf>,

    /// Write it although it is not strict DER, does not match the key, is not valid now, is not
    /// signed by its issuer, or is on the card already
    #[arg(long)]
    force: bool,
}

/// Writes it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let Chain { leaf: der, others } = certificate_file::chain(&arguments.file)?;
    let label = match arguments.label {
        Some(label) => label,
        None => usual_label(&der),
    };
    let mut new = NewCertificate::new(der, arguments.key, label);
    new.authority = arguments.authority;
    if arguments.force {
        new = new.except(Exception::ALL);
    }

    let mut change = Change::new().write(new.clone()).at(SystemTime::now());
    for issuer in others {
        change = change.issuer(issuer);
    }
    for path in &arguments.issuer {
        for issuer in certificate_file::all(path)? {
            change = change.issuer(issuer);
        }
    }

    let (mut card, mut journal) = session::open_with_journal(context)?;
    recover::first(context, &mut card, &mut journal)?;
    // What is wrong with the certificate is said before a PIN is asked for.
    let plan = card.plan(&change)?;
    let written = busy("writing the certificate", || {
        session::with_pin(context, &mut card, PinRole::Authentication, |card| {
            for text in plan.notes() {
                note(printable(text));
            }
            note(format_args!("guarantee: {}", plan.guarantee()));
            card.execute(&plan, &mut journal)
        })
    })?;
    let text = format!("{:?} is written for key {}", new.label, new.key_id);
    let done = Done::new("written", new.key_id.to_string(), text);
    context
        .output
        .report(&done.with(plan.guarantee(), written.warnings))?;
    Ok(Exit::Done)
}
