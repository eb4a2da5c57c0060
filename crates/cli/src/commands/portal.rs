//! `kortlab portal`: the self-service portal, until a signal ends it.

use std::fmt;
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use kortlab_portal::logs::{self, LogFormat};
use kortlab_portal::server::{Config, Limits, ReadOnlyConfig, Server, Source, StartError, Stopper};
use kortlab_portal::store::{NotAStoreUrl, StoreUrl};
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};
use url::Url;
use zeroize::Zeroizing;

use super::Context;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::output::{BOLD, Table, printable};

/// Run the self-service portal, with its certification authorities, until Ctrl-C
///
/// The first start makes the data directory: the keys of two test authorities (one for the
/// carrier's certificates, one for HCCs), a TLS authority whose certificate (tls-ca.pem) browsers
/// and clients are to trust, the administrator's token, and a store. Later starts find them there.
/// There are five addresses, because browsers remember for each which certificate was chosen: the
/// pages and the JSON interface; logging in; trying a certificate; CRLs and OCSP over plain HTTP;
/// and the administrator's, on loopback. SIGINT and SIGTERM let requests that have begun come to
/// their end.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab portal --data portal
  kortlab portal --data portal --listen 0.0.0.0:8443 --host portal.example
  kortlab portal --data portal --store-file store-address
  kortlab portal --data portal --store postgres://kortlab@db.example/kortlab --log-format json
  kortlab portal --read-only --data copy --store postgres://reader@db.example/kortlab")]
pub struct Arguments {
    /// The data directory, which is made if need be
    #[arg(long, value_name = "DIR", default_value = "kortlab-portal")]
    data: PathBuf,

    /// Where everything is stored: sqlite:PATH, postgres://USER@HOST/DATABASE, or memory; a file
    /// in the data directory if not given. An address with a password belongs into the environment
    /// variable or into --store-file, not among the arguments, which every user of this machine
    /// can see
    // Kept as text: clap repeats a wrong value in its message, and this may have a password.
    #[arg(
        long,
        value_name = "URL",
        env = "KORTLAB_STORE",
        hide_env_values = true
    )]
    store: Option<String>,

    /// A file with the address of the store
    #[arg(long, value_name = "FILE", conflicts_with = "store")]
    store_file: Option<PathBuf>,

    /// Where the pages and the JSON interface listen; port 0, here and below, is any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,

    /// Where logging in listens, which asks for a client certificate
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8444")]
    log_in_listen: SocketAddr,

    /// Where the test page's trial of a certificate listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8445")]
    trial_listen: SocketAddr,

    /// Where CRLs and OCSP are served, over plain HTTP
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pki_listen: SocketAddr,

    /// Where the administrator's side listens; on loopback
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8446")]
    admin_listen: SocketAddr,

    /// A name or address that the portal is reached by, for its TLS certificate; the first is the
    /// one in links
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,

    /// Where the pages are reached from outside, if not where they listen
    #[arg(long, value_name = "URL")]
    public_url: Option<Url>,

    /// Where CRLs and OCSP are reached from outside; the certificates name it
    #[arg(long, value_name = "URL")]
    pki_url: Option<Url>,

    /// Where the holders' agents are, if not at http://127.0.0.1:47800
    #[arg(long, value_name = "URL")]
    agent_url: Option<Url>,

    /// How many requests a client may send in a second; 0 for any number
    #[arg(long, value_name = "N", default_value_t = Limits::default().requests_per_second)]
    rate: u32,

    /// How many requests a client may send in a second that change something or prove a key; 0 for
    /// any number
    #[arg(long, value_name = "N", default_value_t = Limits::default().changes_per_second)]
    change_rate: u32,

    /// Serve OCSP and CRLs only, from what another portal writes to its PostgreSQL store: beside it,
    /// as many as needed, without its lock and its authorities' keys. Of --data only carrier-ca.pem,
    /// hcc-ca.pem, carrier-ocsp.pem and hcc-ocsp.pem are read
    #[arg(
        long,
        conflicts_with_all = [
            "listen", "log_in_listen", "trial_listen", "admin_listen", "hosts", "public_url",
            "pki_url", "agent_url",
        ]
    )]
    read_only: bool,

    /// How the log on standard error is written
    #[arg(
        long,
        value_name = "FORMAT",
        value_parser = log_format_parser(),
        default_value_t = LogFormat::Text
    )]
    log_format: LogFormat,
}

/// Runs the portal until a signal says to stop.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    logs::begin(arguments.log_format).map_err(|error| Failure::usage(error.to_string()))?;
    let store = store(&arguments)?;
    if arguments.read_only {
        return run_read_only(context, &arguments, store);
    }
    let config = Config {
        listen: arguments.listen,
        log_in_listen: arguments.log_in_listen,
        trial_listen: arguments.trial_listen,
        pki_listen: arguments.pki_listen,
        admin_listen: arguments.admin_listen,
        hosts: arguments.hosts,
        public_url: arguments.public_url,
        pki_url: arguments.pki_url,
        agent_url: arguments.agent_url,
        limits: limits(arguments.rate, arguments.change_rate),
    };
    // Before the start, so that a signal during it is not lost.
    let stopped = signals()?;
    let path = arguments.data.clone();
    let source = Source::Directory { path, store };
    let portal =
        Server::start(config, source).map_err(|error| not_started(error, CAN_BE_WRITTEN))?;
    context.output.event(&Started {
        url: portal.urls().main.clone(),
        log_in_url: portal.urls().log_in.clone(),
        trial_url: portal.urls().trial.clone(),
        pki_url: portal.urls().pki.clone(),
        admin_url: format!("http://{}", portal.addresses().admin),
        data: arguments.data.clone(),
        ca_certificate: arguments.data.join("tls-ca.pem"),
    })?;
    stop_when_told(stopped, portal.stopper());
    portal
        .wait()
        .map_err(|error| Failure::failed(error.to_string()))?;
    Ok(Exit::Done)
}

fn limits(requests_per_second: u32, changes_per_second: u32) -> Limits {
    Limits {
        requests_per_second,
        changes_per_second,
        ..Limits::default()
    }
}

/// Runs an instance that only reads until a signal says to stop.
fn run_read_only(
    context: &mut Context,
    arguments: &Arguments,
    store: Option<StoreUrl>,
) -> Result<Exit, Failure> {
    let store = store.ok_or_else(|| {
        Failure::usage(
            "--read-only needs --store (or --store-file): the PostgreSQL store of the portal that writes",
        )
    })?;
    let config = ReadOnlyConfig {
        listen: arguments.pki_listen,
        limits: limits(arguments.rate, arguments.change_rate),
    };
    let stopped = signals()?;
    let instance = Server::start_read_only(config, &arguments.data, &store)
        .map_err(|error| not_started(error, CAN_BE_READ))?;
    context.output.event(&StartedReadOnly {
        pki_url: format!("http://{}", instance.address()),
        data: arguments.data.clone(),
    })?;
    stop_when_told(stopped, instance.stopper());
    instance
        .wait()
        .map_err(|error| Failure::failed(error.to_string()))?;
    Ok(Exit::Done)
}

/// What the store is for: a portal writes to it, an instance that only reads does not.
const CAN_BE_WRITTEN: &str = "can be written";
const CAN_BE_READ: &str = "can be read";

/// Why a portal did not start, or an instance that only reads; what the store is to be good for.
fn not_started(error: StartError, store: &str) -> Failure {
    let kind = match &error {
        error if error.is_in_use() => "in-use",
        StartError::Directory { .. } => "file",
        _ => "failed",
    };
    let failure = Failure::failed(error.to_string()).of_kind(kind);
    match error {
        // The others say it themselves.
        StartError::Store(_) => failure.hint(format!(
            "see that the store is there and {store}, or name another one (--store, --store-file)"
        )),
        _ => failure,
    }
}

fn stop_when_told(mut stopped: UnixStream, stopper: Stopper) {
    thread::spawn(move || {
        // Whatever comes, also an error, is a reason to end.
        let _ = stopped.read(&mut [0]);
        stopper.stop();
    });
}

fn log_format_parser() -> impl TypedValueParser<Value = LogFormat> {
    PossibleValuesParser::new(LogFormat::ALL.map(LogFormat::name))
        .try_map(|name| name.parse::<LogFormat>())
}

/// The longest file with the address of a store that is read.
const MAX_STORE_FILE: usize = 1 << 16;

fn store(arguments: &Arguments) -> Result<Option<StoreUrl>, Failure> {
    let text = match (&arguments.store_file, &arguments.store) {
        (Some(path), _) => files::read_text(path, MAX_STORE_FILE)?,
        (None, Some(text)) => Zeroizing::new(text.clone()),
        (None, None) => return Ok(None),
    };
    text.trim()
        .parse()
        .map(Some)
        .map_err(|error: NotAStoreUrl| match &arguments.store_file {
            Some(path) => Failure::usage(format!("{}: {error}", path.display())),
            None => Failure::usage(format!("--store: {error}")),
        })
}

/// Becomes readable at the first SIGINT or SIGTERM.
fn signals() -> Result<UnixStream, Failure> {
    let failed =
        |error: std::io::Error| Failure::failed(format!("cannot listen for signals: {error}"));
    let (tell, told) = UnixStream::pair().map_err(failed)?;
    for signal in [SIGINT, SIGTERM] {
        let tell = tell.try_clone().map_err(failed)?;
        signal_hook::low_level::pipe::register(signal, tell).map_err(failed)?;
    }
    Ok(told)
}

/// The JSON line: where the portal listens.
#[derive(Serialize)]
struct Started {
    url: String,
    log_in_url: String,
    trial_url: String,
    pki_url: String,
    admin_url: String,
    data: PathBuf,
    ca_certificate: PathBuf,
}

impl fmt::Display for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{BOLD}{}{BOLD:#}", printable(&self.url))?;
        let mut table = Table::plain().indented(2);
        table.row(["Log-in".into(), self.log_in_url.clone().into()]);
        table.row(["Trial".into(), self.trial_url.clone().into()]);
        table.row(["CRLs and OCSP".into(), self.pki_url.clone().into()]);
        table.row(["Administrator".into(), self.admin_url.clone().into()]);
        let ca = self.ca_certificate.display().to_string();
        table.row(["Trust this".into(), ca.into()]);
        table.fmt(f)
    }
}

/// The JSON line of an instance that only reads.
#[derive(Serialize)]
struct StartedReadOnly {
    pki_url: String,
    data: PathBuf,
}

impl fmt::Display for StartedReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{BOLD}{}{BOLD:#}", printable(&self.pki_url))?;
        writeln!(
            f,
            "  CRLs and OCSP only, as the portal that writes has them"
        )
    }
}
