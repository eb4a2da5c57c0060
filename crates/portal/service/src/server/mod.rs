//! The portal on its five listeners.

mod acceptor;
mod config;
mod gate;
mod read_only;
mod routes;
mod running;
mod source;
mod stream;
mod watch;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::clock::Timestamp;
use kortlab_portal_api::info::Urls;
use tokio::runtime::Runtime;
use tokio::sync::watch as channel;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use self::acceptor::Acceptor;
pub use self::config::{Addresses, Config};
use self::gate::Gate;
pub use self::read_only::{ReadOnlyConfig, RunningReadOnly};
pub use self::running::{Running, Stopper};
use self::source::Opened;
pub use self::source::Source;
use crate::app::App;
use crate::data;
pub use crate::limits::Limits;
use crate::listener::Listener;
use crate::operation::Operation;
use crate::pages::Memory;
use crate::service::{Call, Service};
pub use crate::startup::{RunError, StartError};
use crate::tls;
pub use crate::tls::{Unwanted, Whose};

/// How often time is seen to pass: what has changed gets into CRLs.
const TICK: Duration = Duration::from_secs(10);
/// After so many of them orders lapse, and clients are forgotten.
const TICKS: u64 = 6;
/// How often it is looked whether the store is there and still this portal's.
const LOOK: Duration = Duration::from_secs(2);
/// For how long the end waits for CRLs that say what has changed last.
const LAST_CRLS: Duration = Duration::from_secs(10);
/// Threads for work that blocks; the portal itself does one thing at a time.
const BLOCKING_THREADS: usize = 32;

/// Starts portals.
#[derive(Clone, Copy, Debug)]
pub struct Server;

impl Server {
    /// Starts a portal and returns once it listens. It runs on threads of its own until it is
    /// stopped, or [`Running`] is dropped.
    ///
    /// # Errors
    /// An address cannot be had, the data directory or the store cannot be used.
    pub fn start(config: Config, source: Source) -> Result<Running, StartError> {
        if !config.admin_listen.ip().is_loopback() {
            return Err(StartError::AdminNotLoopback(config.admin_listen));
        }
        let bound = bind(&config)?;
        let addresses = addresses(&bound)?;
        let places = config.places(&addresses)?;
        let opened = Opened::open(source, &places)?;
        let identity = opened.tls.issue(&config.names(&places))?;
        let authorities = opened.authorities.clone();
        let unwanted = Unwanted::default();
        let mut listeners = Vec::new();
        for (listener, socket) in bound {
            listeners.push(Ready {
                listener,
                socket,
                acceptor: Acceptor {
                    gate: Gate::new(
                        config.limits.connections,
                        config.limits.connections_of_one_client,
                    ),
                    limits: config.limits,
                    tls: tls::acceptor(listener, &identity, &authorities, &unwanted)?,
                },
            });
        }
        opened.write_addresses(&addresses)?;
        let url = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
        let urls = Urls {
            main: url(&places.main),
            log_in: url(&places.log_in),
            trial: url(&places.trial),
            pki: url(&places.pki),
        };
        let app = App::new(
            opened.service.clone(),
            places,
            opened.admin_token.clone(),
            &config.limits,
            Memory::new(config.agent_url.as_ref(), unwanted),
        );
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("kortlab-portal")
            .build()
            .map_err(StartError::Threads)?;
        let (stop, stopped) = channel::channel(false);
        let limits = config.limits;
        let data = opened.data().map(Path::to_path_buf);
        let ca_certificate_pem = opened.tls.certificate_pem().to_owned();
        let admin_token = opened.admin_token.clone();
        let thread = thread::Builder::new()
            .name("kortlab-portal".to_owned())
            .spawn(move || {
                let result = runtime.block_on(serve(&app, listeners, limits, data, stopped));
                close(runtime, app, opened);
                result
            })
            .map_err(StartError::Threads)?;
        Ok(Running::new(
            addresses,
            urls,
            ca_certificate_pem,
            admin_token,
            Stopper::new(stop),
            thread,
        ))
    }
}

/// A listener that has its address.
struct Ready {
    listener: Listener,
    socket: TcpListener,
    acceptor: Acceptor,
}

fn bind(config: &Config) -> Result<Vec<(Listener, TcpListener)>, StartError> {
    let mut bound = Vec::new();
    for listener in Listener::ALL {
        let address = config.wanted(listener);
        let socket = TcpListener::bind(address).map_err(|source| StartError::Bind {
            listener,
            address,
            source,
        })?;
        bound.push((listener, socket));
    }
    Ok(bound)
}

fn addresses(bound: &[(Listener, TcpListener)]) -> Result<Addresses, StartError> {
    let of = |wanted: Listener| {
        let found = bound.iter().find(|(listener, _)| *listener == wanted);
        let address = found.map(|(_, socket)| socket.local_addr());
        match address {
            Some(Ok(address)) => Ok(address),
            Some(Err(error)) => Err(StartError::Threads(error)),
            None => Err(StartError::Threads(std::io::ErrorKind::NotFound.into())),
        }
    };
    Ok(Addresses {
        main: of(Listener::Main)?,
        log_in: of(Listener::LogIn)?,
        trial: of(Listener::Trial)?,
        pki: of(Listener::Pki)?,
        admin: of(Listener::Admin)?,
    })
}

/// Serves until it is told to stop, or a listener cannot go on. Requests that have begun may come
/// to their end.
async fn serve(
    app: &App,
    listeners: Vec<Ready>,
    limits: Limits,
    data: Option<PathBuf>,
    mut stopped: channel::Receiver<bool>,
) -> Result<(), RunError> {
    let handle = Handle::new();
    let mut servers = JoinSet::new();
    for ready in listeners {
        let handle = handle.clone();
        let routes = routes::of(ready.listener, app, &limits);
        servers.spawn(async move {
            let listener = ready.listener;
            listen(routes, ready, handle)
                .await
                .map_err(|source| RunError::Listener { listener, source })
        });
    }
    let passing = tokio::spawn(pass_time(app.clone(), data));
    let looking = tokio::spawn(keep_looking(app.clone()));
    let first = tokio::select! {
        // Also when nobody is left who could tell.
        _ = stopped.wait_for(|stop| *stop) => Ok(()),
        ended = servers.join_next() => match ended {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(RunError::Broke),
            None => Ok(()),
        },
    };
    handle.graceful_shutdown(Some(limits.ending));
    // At once, for whoever does not leave the time to wait for the requests that have begun.
    make_last_crls(app).await;
    while let Some(ended) = servers.join_next().await {
        match ended {
            Ok(result) => first_error(&first, result),
            Err(error) => tracing::error!(%error, "a listener broke"),
        }
    }
    passing.abort();
    looking.abort();
    make_last_crls(app).await;
    first
}

/// What has changed gets into CRLs before the end, also for the instances that only read.
async fn make_last_crls(app: &App) {
    if tokio::time::timeout(LAST_CRLS, app.service().prepare())
        .await
        .is_err()
    {
        tracing::error!("the last CRLs were not made in time");
    }
}

fn first_error(first: &Result<(), RunError>, later: Result<(), RunError>) {
    if let (Ok(()), Err(error)) = (first, later) {
        tracing::error!(%error, "a listener did not end well");
    }
}

async fn listen(
    routes: Router,
    ready: Ready,
    handle: Handle<std::net::SocketAddr>,
) -> std::io::Result<()> {
    let listener = ready.listener;
    let limits = ready.acceptor.limits;
    let mut server = axum_server::from_tcp(ready.socket)?
        .http1_only()
        .handle(handle)
        .first_request_timeout(limits.head)
        .accept_error_handler(move |address, error| {
            let address = address.map(ToString::to_string);
            tracing::debug!(%listener, address, %error, "a connection was not taken");
        })
        .acceptor(ready.acceptor);
    server
        .http_builder()
        .http1()
        .header_read_timeout(limits.head)
        .max_headers(64)
        .max_buf_size(16 * 1024);
    server.serve(routes.into_make_service()).await
}

/// Looks at the store also when nobody asks anything of the portal.
async fn keep_looking(app: App) {
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        app.service().look().await;
    }
}

/// Lets time pass for the portal also when nobody asks anything of it.
async fn pass_time(app: App, data: Option<PathBuf>) {
    let mut handed_out = Vec::new();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0_u64.. {
        tick.tick().await;
        if number.is_multiple_of(TICKS) {
            app.rates().forget();
            app.pages().forget_what_ended(app.now());
            settle(app.service()).await;
        } else {
            app.service().tell_of_strangers().await;
        }
        app.service().prepare().await;
        if let Some(data) = &data {
            hand_out_responders(&app, data, &mut handed_out);
        }
    }
}

/// Writes down the responders that were not yet, for the instances that only read. What cannot be
/// written is tried again.
fn hand_out_responders(app: &App, data: &Path, handed_out: &mut Vec<(AuthorityKind, Timestamp)>) {
    for kind in AuthorityKind::ALL {
        let responder = app.service().published().last_responder(kind, app.now());
        let Some(responder) = responder else { continue };
        let this = (kind, responder.not_after());
        if handed_out.contains(&this) {
            continue;
        }
        match data::write_responder(data, &responder) {
            Ok(()) => {
                handed_out.retain(|(other, _)| *other != kind);
                handed_out.push(this);
            }
            Err(error) => tracing::error!(%error, "cannot hand out an OCSP responder"),
        }
    }
}

/// Orders whose time is over lapse now.
pub(crate) async fn settle(service: &Service) {
    let settled = service
        .call(Call::by_portal(Operation::Settle), |portal| {
            portal.settle().map(|_| ())
        })
        .await;
    if let Err(error) = settled {
        tracing::error!(%error, "cannot let orders lapse");
    }
}

/// Ends what still runs, and closes the store.
fn close(runtime: Runtime, app: App, opened: Opened) {
    // A call that has begun comes to its end: it holds the store.
    runtime.shutdown_timeout(Duration::from_secs(10));
    app.service().finish();
    drop(app);
    drop(opened);
    tracing::info!("the portal has ended");
}
