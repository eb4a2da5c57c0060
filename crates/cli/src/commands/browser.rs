//! `kortlab browser`: Chromium with the card, and with nothing of the user's own profile.

mod chromium;
mod profile;
mod programs;

use std::ffi::OsString;
use std::fmt;
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use clap::Args;
use kortlab_agent::{Agent, DEFAULT_ADDRESS, Origin};
use kortlab_portal::logs::{self, LogFormat};
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};
use url::{Host, Url};

use self::chromium::Chromium;
use self::profile::Profile;
use self::programs::Programs;
use super::{Context, agent};
use crate::channel::{self, CardSpec};
use crate::failure::{Exit, Failure};
use crate::output::{note, printable};

/// How long the reader is asked whether a card is in it.
const CARD_PATIENCE: Duration = Duration::from_secs(3);
/// The name of a portal's TLS authority in its data directory.
const AUTHORITY: &str = "tls-ca.pem";

/// Open Chromium with the card, in a profile of its own, and the agent with it
///
/// What card holders do at a portal's pages, in one command: makes a profile with a certificate
/// database of its own, in which the portal's authority is trusted and OpenSC's module gives the
/// card; has the module show the PIN for Legitimering only, so that the browser asks for one PIN,
/// and for the right one; starts the agent that lends the card to the pages; and opens the portal.
/// The user's own profile, databases and settings are neither read nor changed. When the browser is
/// closed, or SIGINT or SIGTERM comes, all of it ends, and the profile is removed unless --profile
/// says where to keep it. The card is in a reader of pcscd: for a virtual one, `kortlab emulate`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab browser --data portal
  kortlab browser https://portal.example:8443 --ca portal-ca.pem
  kortlab browser https://portal.example --profile profile --no-agent -- --lang=sv")]
pub struct Arguments {
    /// The portal's address
    #[arg(value_name = "URL", default_value = "https://127.0.0.1:8443")]
    url: Url,

    /// The certificate (PEM) of the authority that issued the portal's TLS certificate; if it is
    /// not given, tls-ca.pem in the data directory, if there is one
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The portal's data directory, if the portal runs here
    #[arg(long, value_name = "DIR", default_value = "kortlab-portal")]
    data: PathBuf,

    /// Keep the profile in this directory, which is made if need be: it is empty, or holds a profile
    /// that this command has made. Otherwise it is a temporary one, removed at the end
    #[arg(long, value_name = "DIR")]
    profile: Option<PathBuf>,

    /// Do not start the agent: one runs already, or none is wanted
    #[arg(long)]
    no_agent: bool,

    /// Where the agent listens, on loopback
    #[arg(long, value_name = "ADDRESS:PORT", default_value = DEFAULT_ADDRESS)]
    agent_listen: SocketAddr,

    /// The browser's program, if not the Chromium that is on the search path
    #[arg(long, value_name = "PROGRAM")]
    chromium: Option<PathBuf>,

    /// The PKCS#11 module, if not OpenSC's
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,

    /// Run Chromium without its sandbox, which root and some containers need: the pages then run
    /// with all rights of the user
    #[arg(long)]
    no_sandbox: bool,

    /// Further options for Chromium, after --
    #[arg(last = true, value_name = "OPTION")]
    options: Vec<OsString>,
}

/// Runs the browser until it is closed or a signal comes.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    if !matches!(context.card, CardSpec::OnlyReader | CardSpec::Reader(_)) {
        return Err(
            Failure::usage("a browser finds cards in the readers of pcscd only")
                .hint("put the card into one with `kortlab emulate`, and leave --card out"),
        );
    }
    let origin = origin(&arguments.url)?;
    let authority = authority(&arguments)?;
    chromium::check_user(arguments.no_sandbox)?;
    chromium::check_display()?;
    let programs = Programs::find(arguments.chromium.as_deref(), arguments.module.as_deref())?;
    let over = signals()?;
    look_for_card(context)?;
    let profile = Profile::make(
        arguments.profile.as_deref(),
        &programs,
        authority.as_deref(),
    )?;
    logs::begin(LogFormat::Text).map_err(|error| Failure::usage(error.to_string()))?;
    let agent = match arguments.no_agent {
        true => None,
        false => Some(
            agent::start(context, arguments.agent_listen, vec![origin]).map_err(|failure| {
                match failure.next_step() {
                    Some(_) => failure,
                    None => failure.hint("--no-agent leaves it out where one runs already"),
                }
            })?,
        ),
    };
    let mut browser = Chromium::start(
        &programs,
        &profile,
        arguments.url.as_str(),
        arguments.no_sandbox,
        &arguments.options,
    )?;
    context.output.event(&News::Started {
        url: arguments.url.to_string(),
        profile: profile.directory().to_path_buf(),
        profile_kept: profile.is_kept(),
        authority,
        agent: agent.as_ref().map(Agent::address),
    })?;
    let ended = browser.wait(&over);
    drop(browser);
    let stopped = agent.map_or(Ok(()), |agent| agent.stop().map_err(agent::not_started));
    let removed = profile.close();
    ended?;
    stopped?;
    removed?;
    context.output.event(&News::Stopped)?;
    Ok(Exit::Done)
}

/// Who is let in at the agent: the origin of the address.
fn origin(url: &Url) -> Result<Origin, Failure> {
    let origin = url.origin().ascii_serialization();
    origin.parse().map_err(|error| {
        Failure::usage(format!(
            "{} is no portal's address: {error}",
            printable(url.as_str())
        ))
        .hint("a portal is at https://HOST:PORT")
    })
}

/// The authority to be trusted; none where the browser may know the portal's by itself.
fn authority(arguments: &Arguments) -> Result<Option<PathBuf>, Failure> {
    if let Some(file) = &arguments.ca {
        return match file.is_file() {
            true => Ok(Some(file.clone())),
            false => Err(Failure::failed(format!(
                "there is no file {}",
                file.display()
            ))),
        };
    }
    let file = arguments.data.join(AUTHORITY);
    if file.is_file() {
        return Ok(Some(file));
    }
    if is_here(&arguments.url) {
        return Err(Failure::failed(format!(
            "there is no {}, and no other authority to trust was named",
            file.display()
        ))
        .hint("name the data directory of the portal with --data, or its authority with --ca"));
    }
    note("no authority is added: the browser trusts those that it knows by itself");
    Ok(None)
}

/// Whether the address is on this computer, where nobody else's authority vouches for it.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Says if there is no card yet. The browser is opened all the same: it sees cards that come.
fn look_for_card(context: &Context) -> Result<(), Failure> {
    let (card, layers, ephemeral) = (
        context.card.clone(),
        context.layers.clone(),
        context.ephemeral,
    );
    let timeout = context.timeout;
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let found = channel::open(&card, &layers, ephemeral, timeout).map(drop);
        // Nobody may wait any more.
        let _ = tell.send(found);
    });
    match told.recv_timeout(CARD_PATIENCE) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failure)) if failure.exit() == Exit::NoCard => {
            note(format_args!(
                "no card yet: {}",
                printable(failure.message())
            ));
            let next = failure.next_step().unwrap_or("put it into the reader");
            note(format_args!(
                "  {} (for a virtual one: `kortlab emulate card.json`; pcscd and its reader driver are in the Debian packages pcscd and vsmartcard-vpcd)",
                printable(next)
            ));
            Ok(())
        }
        Ok(Err(failure)) => Err(failure),
        Err(_) => {
            note("the reader does not answer; take the card out and put it in again");
            Ok(())
        }
    }
}

/// Tells of the first SIGINT or SIGTERM.
fn signals() -> Result<Receiver<()>, Failure> {
    let failed =
        |error: std::io::Error| Failure::failed(format!("cannot listen for signals: {error}"));
    let (stop, mut stopped) = UnixStream::pair().map_err(failed)?;
    for signal in [SIGINT, SIGTERM] {
        let stop = stop.try_clone().map_err(failed)?;
        signal_hook::low_level::pipe::register(signal, stop).map_err(failed)?;
    }
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let _ = stopped.read(&mut [0]);
        let _ = tell.send(());
    });
    Ok(told)
}

/// One thing that has happened.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum News {
    /// The browser is open.
    Started {
        /// What it shows.
        url: String,
        /// Its profile.
        profile: PathBuf,
        /// Whether that stays.
        profile_kept: bool,
        /// The authority that is trusted besides those that the browser knows.
        authority: Option<PathBuf>,
        /// Where the agent listens, if it was started.
        agent: Option<SocketAddr>,
    },
    /// It is over.
    Stopped,
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &Path| printable(&path.display().to_string()).into_owned();
        match self {
            Self::Started {
                url,
                profile,
                profile_kept,
                authority,
                agent,
            } => {
                writeln!(f, "Chromium shows {}; Ctrl-C ends it", printable(url))?;
                let kept = match profile_kept {
                    true => "kept",
                    false => "removed at the end",
                };
                writeln!(f, "  Profile  {} ({kept})", shown(profile))?;
                if let Some(authority) = authority {
                    writeln!(f, "  Trusts   {}", shown(authority))?;
                }
                match agent {
                    Some(address) => write!(f, "  Agent    http://{address}"),
                    None => f.write_str("  Agent    not started"),
                }
            }
            Self::Stopped => f.write_str("the browser is closed"),
        }
    }
}
