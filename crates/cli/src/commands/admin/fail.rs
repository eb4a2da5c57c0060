//! `kortlab admin fail`.

use std::fmt;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use kortlab_portal::admin::FAILURES;
use kortlab_portal::admin::wire::Plans;
use kortlab_portal::failures::{FailureKind, Plan};
use kortlab_portal::operation::Operation;
use serde::Serialize;

use super::client::Client;
use crate::commands::Context;
use crate::failure::{Exit, Failure};

/// Let the portal fail on purpose, to see what a client makes of it
///
/// timeout: no answer comes, and nothing is done. status-500: nothing is done. lost-answer: it is
/// done, and no answer comes. wrong-key: the next order's certificate for authentication is for
/// another key. ocsp-unreachable, crl-unreachable: the connection is closed.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab admin fail lost-answer --operation approve --times 1
  kortlab admin fail ocsp-unreachable
  kortlab admin fail
  kortlab admin fail --end")]
pub struct Arguments {
    /// What goes wrong; without it, what is planned is listed
    #[arg(value_name = "FAILURE", value_parser = kinds())]
    kind: Option<FailureKind>,

    /// In which operation, as the audit log names it: log-in, order, approve, fetch, sign-receipt …;
    /// in any if not given
    #[arg(long, value_name = "NAME", requires = "kind", value_parser = operations())]
    operation: Option<Operation>,

    /// How often; each time until --end if not given
    #[arg(long, value_name = "N", requires = "kind")]
    times: Option<u32>,

    /// End all that is planned
    #[arg(long, conflicts_with = "kind")]
    end: bool,
}

/// Failures by their names, which completions and manual pages list.
fn kinds() -> impl TypedValueParser<Value = FailureKind> {
    let names = FailureKind::ALL.map(FailureKind::name);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<FailureKind>())
}

/// Operations by their names.
fn operations() -> impl TypedValueParser<Value = Operation> {
    let names = Operation::ALL.iter().map(|operation| operation.name());
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Operation>())
}

/// Plans, lists or ends.
pub fn run(context: &mut Context, portal: &Client, arguments: Arguments) -> Result<Exit, Failure> {
    if arguments.end {
        portal.delete(FAILURES)?;
    }
    let plans: Plans = match arguments.kind {
        Some(kind) => {
            let plan = Plan {
                kind,
                operation: arguments.operation,
                times: arguments.times,
            };
            portal.post(FAILURES, &plan)?
        }
        None => portal.get(FAILURES)?,
    };
    context.output.report(&Planned(plans))?;
    Ok(Exit::Done)
}

/// The JSON document is the portal's own.
#[derive(Serialize)]
#[serde(transparent)]
struct Planned(Plans);

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.failures.is_empty() {
            return f.write_str("no failure is planned");
        }
        self.0
            .failures
            .iter()
            .try_for_each(|plan| writeln!(f, "{plan}"))
    }
}
