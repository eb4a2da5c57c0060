//! `kortlab renew`: the guide, with the card and a portal.

mod holder;

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use kortlab_issuer::clock::SystemClock;
use kortlab_portal_client::{ConnectError, HttpPortal, Trust};
use kortlab_renewal::guide::{Outcome, renew};
use serde::Serialize;

use self::holder::AtTheTerminal;
use super::{Context, recover, session};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::output::{BLUE, PINK, busy};
use crate::pin_source::can_ask;
use crate::story::{Story, Told, Voice, table};

/// The longest file of authorities that is read.
const MAX_AUTHORITIES: usize = 1 << 20;

/// Renew the card's certificates at a portal, as the user guide says
///
/// Logs in with the carrier certificate (TLS client authentication by the card), removes what is
/// expired or revoked, orders two new HCCs, has the order approved, writes them, has the receipt
/// signed, logs out, checks and tries both. A card whose four certificates are valid is left alone.
/// Whatever interrupts it, also a card pulled out, it can be run again: nothing is ordered or
/// written twice. Progress is told on standard error.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab renew --portal https://localhost:8443
  kortlab -c card.json renew --portal https://localhost:8443 --ca data/tls-ca.pem --yes \
--auth-pin env:PIN --sign-pin env:SIGN_PIN
  kortlab --json renew --portal https://portal.example --ca ca.pem --yes")]
pub struct Arguments {
    /// The portal, as https://HOST:PORT
    #[arg(long, value_name = "URL")]
    portal: String,

    /// The certificates (PEM) of the authorities that may have issued the portal's TLS certificate;
    /// no others are trusted, also not those of the system. If it is not given, what a portal makes
    /// in its usual data directory here
    #[arg(long, value_name = "FILE", default_value = "kortlab-portal/tls-ca.pem")]
    ca: PathBuf,

    /// Take the personal data and the receipt for right without asking
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
    let mut portal = busy("asking the portal", || {
        HttpPortal::connect(&arguments.portal, trust).map_err(no_portal)
    })?;
    let mut card = session::open(context)?;
    let mut journal = recover::journal()?;
    let mut holder = AtTheTerminal::new(&context.pins, arguments.yes);
    let mut story = Story::new(Voice::Aside, &mut holder);
    let renewed = renew(
        &mut card,
        &mut portal,
        &SystemClock,
        &mut story,
        &mut journal,
    );
    let forgotten = card.reset();
    let outcome = match renewed {
        Ok(Outcome::AlreadyValid(_)) => "already-valid",
        _ => "renewed",
    };
    let told = story.finish(renewed);
    // Where a PIN was to come from and did not, that says more than that there was none.
    let told = told.map_err(|failure| holder.into_failure().unwrap_or(failure))?;
    forgotten?;
    context.output.report(&Document {
        portal: arguments.portal,
        outcome,
        told,
    })?;
    Ok(Exit::Done)
}

fn authorities(path: &Path) -> Result<Trust, Failure> {
    let hint = "give the portal's TLS authority with --ca: tls-ca.pem in its data directory";
    let pem = files::read(path, MAX_AUTHORITIES).map_err(|failure| failure.hint(hint))?;
    Trust::from_pem(&pem).map_err(|error| {
        Failure::failed(format!("{} names no authorities: {error}", path.display())).hint(hint)
    })
}

fn no_portal(error: ConnectError) -> Failure {
    match error {
        ConnectError::Address(_) => Failure::usage(error.to_string()),
        ConnectError::Failed(_) => Failure::failed(error.to_string()),
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
