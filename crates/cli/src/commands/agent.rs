//! `kortlab agent`: lends the card to a portal's web pages.

use std::fmt;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;

use clap::Args;
use kortlab_agent::{
    Agent, AgentError, CardUnavailable, Config, DEFAULT_ADDRESS, OpenCard, Origin,
};
use kortlab_card::{CardError, ErrorKind};
use kortlab_portal::logs::{self, LogFormat};
use kortlab_renewal::notes::{FileNotes, MemoryNotes};
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::Context;
use crate::channel::{self, Remembered};
use crate::failure::{Exit, Failure};
use crate::output::printable;

/// Lend the card to the web pages of a portal, until Ctrl-C
///
/// Listens on this computer only. When a page of one of the named portals sends the browser here,
/// a page of this command says which portal asks for what on which card, and asks for the PIN. The
/// PIN goes to the card and never to the portal. After two wrong PINs in a quarter of an hour it
/// asks no more, and the last try that a card has left is never used. The card is opened for each
/// task and let go of afterwards. Connections of other users of this computer are closed, whatever
/// they say; start it as the user of the browser. What happens is told on standard error. SIGINT and
/// SIGTERM end it at once, or after a change of the card that is under way, as long as the card
/// answers.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab agent --allow-origin https://localhost:8443
  kortlab -c card.json agent --allow-origin https://portal.example --listen 127.0.0.1:0")]
pub struct Arguments {
    /// A portal that may ask, by the scheme, host and port of its pages; may be given several times
    #[arg(long, value_name = "URL", required = true)]
    allow_origin: Vec<Origin>,

    /// Where to listen, on loopback; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = DEFAULT_ADDRESS)]
    listen: SocketAddr,
}

/// Serves until a signal says to stop.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let (stop, mut stopped) = UnixStream::pair().map_err(no_signals)?;
    for signal in [SIGINT, SIGTERM] {
        let stop = stop.try_clone().map_err(no_signals)?;
        signal_hook::low_level::pipe::register(signal, stop).map_err(no_signals)?;
    }
    let allowed = arguments.allow_origin;
    let origins = allowed.iter().map(ToString::to_string).collect();
    let agent = start(context, arguments.listen, allowed)?;
    logs::begin(LogFormat::Text).map_err(|error| Failure::usage(error.to_string()))?;
    context.output.event(&News::Listening {
        address: agent.address(),
        task_url: agent.task_url(),
        origins,
    })?;
    // A signal, or nobody is left who could send one: then it is over as well.
    let _ = stopped.read(&mut [0]);
    agent.stop().map_err(not_started)?;
    context.output.event(&News::Stopped)?;
    Ok(Exit::Done)
}

/// Starts an agent for the card of the command line.
///
/// # Errors
/// It cannot listen there, or cannot tell whose programs connect.
pub fn start(
    context: &Context,
    listen: SocketAddr,
    allowed: Vec<Origin>,
) -> Result<Agent, Failure> {
    let config = Config::new(listen, allowed);
    let timeout = context.timeout;
    let (card, layers, ephemeral) = (
        context.card.clone(),
        context.layers.clone(),
        context.ephemeral,
    );
    // From one task to the next, though not beyond.
    let remembered = match ephemeral {
        true => {
            let (channel, journal) = context.open_channel_with_journal()?;
            Some((Remembered::new(channel), journal, MemoryNotes::new()))
        }
        false => None,
    };
    let opener = move || match &remembered {
        Some((channel, journal, notes)) => {
            let card = OpenCard::new(channel.clone(), journal.clone());
            Ok(card.with_notes(notes.clone()))
        }
        None => match channel::open_with_journal(&card, &layers, ephemeral, timeout) {
            Ok((channel, journal)) => {
                Ok(OpenCard::new(channel, journal).with_notes(FileNotes::of_user()))
            }
            Err(failure) => Err(unavailable(failure)),
        },
    };
    Agent::start(config, opener).map_err(not_started)
}

/// One thing that has happened.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum News {
    /// The agent can be asked.
    Listening {
        /// Where it listens.
        address: SocketAddr,
        /// Where a portal's pages send their tasks.
        task_url: String,
        /// Which portals may.
        origins: Vec<String>,
    },
    /// It is over.
    Stopped,
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening {
                address, origins, ..
            } => write!(
                f,
                "the agent listens at http://{address} for {}; Ctrl-C ends it",
                printable(&origins.join(", "))
            ),
            Self::Stopped => f.write_str("the agent has stopped"),
        }
    }
}

fn unavailable(failure: Failure) -> CardUnavailable {
    if failure.exit() == Exit::NoCard {
        return CardError::new(ErrorKind::NoCard, failure.message()).into();
    }
    CardUnavailable::Other {
        message: failure.message().to_owned(),
        next_step: failure.next_step().map(str::to_owned),
    }
}

/// Why an agent did not start, or did not end well.
pub fn not_started(error: AgentError) -> Failure {
    let error_text = error.to_string();
    match error {
        AgentError::NotLoopback(_) | AgentError::NobodyAllowed => Failure::usage(error_text),
        AgentError::Listen { ref error, .. } if error.kind() == io::ErrorKind::AddrInUse => {
            Failure::failed(error_text).of_kind("in-use")
        }
        _ => Failure::failed(error_text),
    }
}

fn no_signals(error: io::Error) -> Failure {
    Failure::failed(format!("cannot listen for signals: {error}"))
}
