//! `kortlab renew`: the guide, with the card and a portal.

mod holder;

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use kortlab_demo::story::{Story, Told, Voice, table};
use kortlab_issuer::clock::SystemClock;
use kortlab_issuer::encoded;
use kortlab_portal_client::{ConnectError, HttpPortal, Timeouts, Trust};
use kortlab_renewal::guide::{Outcome, renew};
use kortlab_renewal::notes::{FileNotes, HolderNotes, MemoryNotes};
use serde::Serialize;

use self::holder::AtTheTerminal;
use super::{Context, session};
use crate::certificate_file;
use crate::failure::{Exit, Failure};
use crate::output::{BLUE, PINK, busy};
use crate::pin_source::can_ask;

/// Renew the card's certificates at a portal, as the user guide says
///
/// Logs in with the carrier certificate (TLS client authentication by the card), removes what is
/// expired or revoked, orders two new HCCs, has the order approved, writes them, has the receipt
/// signed, logs out, checks and tries both. A card whose four certificates are valid is left alone.
/// Whatever interrupts it, also a card pulled out, it can be run again: nothing is ordered or
/// written twice. Nothing is signed because the portal calls it an order or a receipt: the texts
/// are compared with those that this command builds itself from what it knows of the card, the order
/// and the two certificates; another text is shown, and it stops. Progress is told on standard error.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab renew --portal https://localhost:8443
  kortlab renew --portal https://localhost:8443 --yes --auth-pin env:PIN --sign-pin env:SIGN_PIN
  kortlab --json renew --portal https://portal.example --ca ca.pem --yes")]
pub struct Arguments {
    /// The portal, as https://HOST:PORT
    #[arg(long, value_name = "URL")]
    portal: String,

    /// The certificates (PEM, or one in DER) of the authorities that may have issued the portal's TLS certificate;
    /// no others are trusted, also not those of the system. If it is not given, what a portal makes
    /// in its usual data directory here
    #[arg(long, value_name = "FILE", default_value = "kortlab-portal/tls-ca.pem")]
    ca: PathBuf,

    /// Take the personal data and the receipt for right without asking. Data that are other than
    /// the card's certificates say are not taken
    #[arg(short, long)]
    yes: bool,
}

/// Renews the card.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    if !arguments.yes && !can_ask() {
        return Err(Failure::usage(
            "the personal data and the receipt are to be confirmed, and there is no terminal to ask on",
        )
        .hint("--yes takes them for right"));
    }
    let trust = authorities(&arguments.ca)?;
    let usual = Timeouts::default();
    let timeouts = context.timeout.map_or(usual, |call| Timeouts {
        connect: usual.connect.min(call),
        call,
    });
    let mut portal = busy("asking the portal", || {
        HttpPortal::connect_within(&arguments.portal, trust, timeouts).map_err(no_portal)
    })?;
    let (mut card, mut journal) = session::open_with_journal(context)?;
    let mut holder = AtTheTerminal::new(&context.pins, arguments.yes);
    let mut story = Story::new(Voice::Aside, &mut holder);
    let mut notes: Box<dyn HolderNotes> = match context.ephemeral {
        true => Box::new(MemoryNotes::new()),
        false => Box::new(FileNotes::of_user()),
    };
    let renewed = renew(
        &mut card,
        &mut portal,
        &SystemClock,
        &mut story,
        &mut journal,
        &mut *notes,
    );
    session::tell(card.forget_pins());
    let outcome = match renewed {
        Ok(Outcome::AlreadyValid(_)) => "already-valid",
        _ => "renewed",
    };
    let told = story.finish(renewed);
    // Where a PIN was to come from and did not, that says more than that there was none.
    let told = told.map_err(|failure| holder.into_failure().unwrap_or(failure))?;
    context.output.report(&Document {
        portal: arguments.portal,
        outcome,
        told,
    })?;
    Ok(Exit::Done)
}

fn authorities(path: &Path) -> Result<Trust, Failure> {
    let hint = "give the portal's TLS authority with --ca: tls-ca.pem in its data directory";
    let certificates = certificate_file::all(path).map_err(|failure| failure.hint(hint))?;
    let pem = certificates
        .iter()
        .map(|der| encoded::certificate_pem(der))
        .collect::<Result<String, _>>()
        .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    Trust::from_pem(pem.as_bytes()).map_err(|error| {
        Failure::failed(format!("{} names no authorities: {error}", path.display())).hint(hint)
    })
}

fn no_portal(error: ConnectError) -> Failure {
    match error {
        ConnectError::Address(_) => Failure::usage(error.to_string()),
        ConnectError::Failed(_) => Failure::failed(error.to_string()).of_kind("portal"),
    }
}

/// The JSON document.
#[derive(Serialize)]
struct Document {
    /// The address of the portal, as given.
    portal: String,
    /// `renewed` or `already-valid`.
    outcome: &'static str,
    #[serde(flatten)]
    told: Told,
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(report) = &self.told.report else {
            return Ok(());
        };
        writeln!(f, "{}", table(report).to_string().trim_end_matches('\n'))?;
        let (blue, pink) = (report.valid.blue, report.valid.pink);
        let what = match self.outcome {
            "renewed" => "the card is renewed",
            _ => "nothing to do",
        };
        write!(
            f,
            "{what}: {BLUE}{blue} blue{BLUE:#} and {PINK}{pink} pink{PINK:#} certificates are valid"
        )
    }
}
