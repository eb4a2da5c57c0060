//! `kortlab admin status`.

use std::fmt;

use clap::Args;
use kortlab_portal::admin::STATUS;
use kortlab_portal::admin::wire::Status;
use serde::Serialize;

use super::client::Client;
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::output::{BOLD, Table, printable};

/// Show how the portal is: version, clock, failures that are planned
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab admin status
  kortlab --json admin status --data portal")]
pub struct Arguments {}

/// Shows it.
pub fn run(context: &mut Context, portal: &Client, _: Arguments) -> Result<Exit, Failure> {
    context.output.report(&Shown(portal.get(STATUS)?))?;
    Ok(Exit::Done)
}

/// The JSON document is the portal's own.
#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Status);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(status) = self;
        writeln!(f, "{BOLD}{}{BOLD:#}", printable(&status.url))?;
        let mut table = Table::plain().indented(2);
        table.row(["Version".into(), printable(&status.version).into()]);
        table.row(["Status".into(), printable(&status.status).into()]);
        let clock = match status.clock.seconds_ahead {
            0 => status.clock.time.to_string(),
            ahead => format!("{} ({ahead:+} s)", status.clock.time),
        };
        table.row(["Clock".into(), clock.into()]);
        table.row([
            "Planned failures".into(),
            status.failures.to_string().into(),
        ]);
        table.fmt(f)
    }
}
