//! An instance that only reads: OCSP and CRLs from what a portal writes to its PostgreSQL database.
//! Any number of them can run beside the one that writes; they hold no lock and no authority's key.

use core::fmt;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use axum_server::Handle;
use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::clock::{Clock as _, SystemClock, Timestamp};
use kortlab_issuer::ocsp::{Responder, Status};
use kortlab_portal_api::info::Status as Health;
use kortlab_portal_api::paths;
use tokio::sync::watch as channel;
use tower_http::timeout::TimeoutLayer;

use super::acceptor::Acceptor;
use super::gate::Gate;
use super::running::Stopper;
use super::watch::{Counting, watch};
use super::{Ready, Server, listen};
use crate::data::ReadOnlyDirectory;
use crate::error::{Refusal, ServiceError};
use crate::hold::Hold;
use crate::limits::{Limits, Rates};
use crate::listener::Listener;
use crate::metrics::Metrics;
use crate::operation::Operation;
use crate::pki::{self, Source};
use crate::published::{Crl, Published};
use crate::startup::{RunError, StartError};
use crate::store::{self, Follower, News, StoreError, StoreUrl};

/// How often the store is asked what is new.
const POLL: Duration = Duration::from_secs(1);
/// How often the responders in the data directory are looked at.
const LOOK: Duration = Duration::from_secs(20);

/// Where an instance that only reads listens, and what it bears.
#[derive(Clone, Copy, Debug)]
pub struct ReadOnlyConfig {
    /// CRLs, OCSP, the authorities' certificates. Port 0 is any free port.
    pub listen: SocketAddr,
    /// What it bears.
    pub limits: Limits,
}

impl ReadOnlyConfig {
    /// A free port on loopback.
    pub fn on_a_free_port() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            limits: Limits::default(),
        }
    }
}

/// What the handlers know. Clones are the same.
#[derive(Clone)]
struct ReadOnly(Arc<Parts>);

struct Parts {
    published: Published,
    metrics: Metrics,
    rates: Rates,
    /// When the store was read last.
    hold: Hold,
}

impl ReadOnly {
    fn is_behind(&self) -> bool {
        self.0.hold.is_behind(SystemClock.now())
    }
}

impl Source for ReadOnly {
    fn as_of(&self) -> Timestamp {
        self.0.hold.as_of()
    }

    fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    fn published(&self) -> &Published {
        &self.0.published
    }

    async fn is_cut(&self, _: Operation) -> Result<bool, ServiceError> {
        Ok(false)
    }

    /// As long as it is valid: it says itself as of when it is.
    async fn crl(&self, kind: AuthorityKind) -> Result<(Arc<Crl>, bool), ServiceError> {
        let crl = self.0.published.last_crl(kind, SystemClock.now());
        crl.map(|crl| (crl, true)).ok_or(ServiceError::Behind)
    }

    async fn responder(&self, kind: AuthorityKind) -> Result<Arc<Responder>, ServiceError> {
        if self.is_behind() {
            return Err(ServiceError::Behind);
        }
        let responder = self.0.published.last_responder(kind, SystemClock.now());
        responder.ok_or(ServiceError::Behind)
    }
}

impl Counting for ReadOnly {
    fn rates(&self) -> &Rates {
        &self.0.rates
    }

    fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
}

impl Server {
    /// Starts an instance that only reads, and returns once it listens and knows what the store has.
    /// `data` is the data directory of the portal that writes, or a copy of what it hands out.
    ///
    /// # Errors
    /// The address cannot be had; the store is not one that can be followed, or cannot be reached;
    /// the directory has no responders.
    pub fn start_read_only(
        config: ReadOnlyConfig,
        data: &Path,
        store: &StoreUrl,
    ) -> Result<RunningReadOnly, StartError> {
        let listener = Listener::Pki;
        let socket = TcpListener::bind(config.listen).map_err(|source| StartError::Bind {
            listener,
            address: config.listen,
            source,
        })?;
        let address = socket.local_addr().map_err(StartError::Threads)?;
        let directory = ReadOnlyDirectory::open(data)?;
        let [carrier, hcc] = directory.authorities();
        let this = ReadOnly(Arc::new(Parts {
            published: Published::of_authorities(carrier, hcc),
            metrics: Metrics::new(),
            rates: Rates::new(&config.limits),
            hold: Hold::default(),
        }));
        for kind in AuthorityKind::ALL {
            this.0.published.set_responder(directory.responder(kind)?);
        }
        let mut follower = store::follow(store)?;
        this.follow(follower.as_mut())?;
        let ready = Ready {
            listener,
            socket,
            acceptor: Acceptor {
                gate: Gate::new(
                    config.limits.connections,
                    config.limits.connections_of_one_client,
                ),
                limits: config.limits,
                tls: None,
            },
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("kortlab-read-only")
            .build()
            .map_err(StartError::Threads)?;
        let (stop, stopped) = channel::channel(false);
        let ended = Arc::new(AtomicBool::new(false));
        let following = spawn({
            let (this, ended) = (this.clone(), Arc::clone(&ended));
            move || this.keep_following(follower.as_mut(), &directory, &ended)
        })?;
        let serving = spawn(move || {
            let result = runtime.block_on(serve(&this, ready, stopped));
            ended.store(true, Ordering::SeqCst);
            runtime.shutdown_timeout(Duration::from_secs(10));
            result
        })?;
        Ok(RunningReadOnly {
            address,
            stopper: Stopper::new(stop),
            serving: Some(serving),
            following: Some(following),
        })
    }
}

fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StartError> {
    let named = thread::Builder::new().name("kortlab-read-only".to_owned());
    named.spawn(work).map_err(StartError::Threads)
}

impl ReadOnly {
    /// Takes over what is new in the store.
    fn follow(&self, follower: &mut dyn Follower) -> Result<(), StoreError> {
        // What is known now was so at this time, or is newer.
        let as_of = SystemClock.now();
        let published = &self.0.published;
        // While everything is told anew, what was known before is not forgotten.
        let mut anew: Option<[HashMap<Vec<u8>, Status>; 2]> = None;
        let index = |kind| match kind {
            AuthorityKind::Carrier => 0,
            AuthorityKind::Hcc => 1,
        };
        follower.follow(&mut |news| match news {
            News::Anew => anew = Some(Default::default()),
            News::Issued(kind, serial) => {
                match anew.as_mut().and_then(|all| all.get_mut(index(kind))) {
                    Some(all) => {
                        all.entry(serial).or_insert(Status::Good);
                    }
                    None => published.issued(kind, &serial),
                }
            }
            News::Stands(kind, serial, standing) => {
                let status = match standing {
                    Some((since, reason)) => Status::Revoked(since, reason),
                    None => Status::Good,
                };
                match anew.as_mut().and_then(|all| all.get_mut(index(kind))) {
                    Some(all) => {
                        all.insert(serial, status);
                    }
                    None => published.stands(kind, &serial, status),
                }
            }
            News::Crl(kind, made, der) => published.publish_another_s(kind, der, made),
        })?;
        if let Some(all) = anew {
            for (kind, statuses) in [AuthorityKind::Carrier, AuthorityKind::Hcc]
                .into_iter()
                .zip(all)
            {
                published.replace(kind, statuses);
            }
        }
        self.0.hold.is_good_as_of(as_of);
        Ok(())
    }

    /// Follows until the instance ends.
    fn keep_following(
        &self,
        follower: &mut dyn Follower,
        directory: &ReadOnlyDirectory,
        ended: &AtomicBool,
    ) {
        let (mut looked, mut was_behind) = (Instant::now(), false);
        while !ended.load(Ordering::SeqCst) {
            thread::sleep(POLL);
            match self.follow(follower) {
                Ok(()) if was_behind => {
                    was_behind = false;
                    tracing::info!("the store is reached again");
                }
                Ok(()) => {}
                Err(error) => {
                    if !was_behind {
                        tracing::error!(%error, "cannot read the store; answers are as of before");
                    }
                    was_behind = true;
                }
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look_for_responders(directory);
            }
        }
    }

    fn look_for_responders(&self, directory: &ReadOnlyDirectory) {
        for kind in AuthorityKind::ALL {
            let known = self.0.published.last_responder(kind, SystemClock.now());
            match directory.responder(kind) {
                Ok(found) => {
                    let until = found.not_after();
                    if known.is_none_or(|known| known.not_after() < until) {
                        self.0.published.set_responder(found);
                        tracing::info!(authority = kind.name(), %until, "another OCSP responder");
                    }
                }
                Err(error) => tracing::error!(%error, "cannot read an OCSP responder"),
            }
        }
    }
}

async fn serve(
    this: &ReadOnly,
    ready: Ready,
    mut stopped: channel::Receiver<bool>,
) -> Result<(), RunError> {
    let (handle, limits) = (Handle::new(), ready.acceptor.limits);
    let listener = ready.listener;
    let routes = pki::router::<ReadOnly>()
        .route(paths::STATUS, get(health))
        .fallback(elsewhere)
        .method_not_allowed_fallback(elsewhere)
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            limits.request,
        ))
        .layer(from_fn_with_state(
            (this.clone(), listener),
            watch::<ReadOnly>,
        ))
        .with_state(this.clone());
    let mut server = tokio::spawn(listen(routes, ready, handle.clone()));
    let ended = |result: Result<std::io::Result<()>, _>| match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(source)) => Err(RunError::Listener { listener, source }),
        Err(_) => Err(RunError::Broke),
    };
    let this = this.clone();
    tokio::select! {
        _ = stopped.wait_for(|stop| *stop) => {}
        result = &mut server => return ended(result),
        () = forget(this) => {}
    }
    handle.graceful_shutdown(Some(limits.ending));
    ended(server.await)
}

/// Clients that have not been here for a while are forgotten, for ever.
async fn forget(this: ReadOnly) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        this.0.rates.forget();
    }
}

async fn health(State(this): State<ReadOnly>) -> impl IntoResponse {
    match this.is_behind() {
        true => Err(ServiceError::Behind),
        false => Ok(Json(Health {
            status: "ok".to_owned(),
        })),
    }
}

/// Everything else is the portal's that writes.
async fn elsewhere(method: Method) -> Refusal {
    let status = match method {
        Method::GET | Method::HEAD => StatusCode::NOT_FOUND,
        _ => StatusCode::METHOD_NOT_ALLOWED,
    };
    Refusal::new(
        status,
        "read-only",
        "This instance only reads",
        "this instance serves CRLs, OCSP and the certificates of the authorities, and nothing else; ask the portal that writes",
    )
}

/// An instance that only reads. Dropping this stops it.
pub struct RunningReadOnly {
    address: SocketAddr,
    stopper: Stopper,
    serving: Option<JoinHandle<Result<(), RunError>>>,
    following: Option<JoinHandle<()>>,
}

impl RunningReadOnly {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What stops it.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// It ended otherwise than it was told to.
    pub fn wait(mut self) -> Result<(), RunError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), RunError> {
        let result = match self.serving.take() {
            Some(thread) => thread.join().unwrap_or(Err(RunError::Broke)),
            None => Ok(()),
        };
        if let Some(thread) = self.following.take()
            && thread.join().is_err()
        {
            return Err(RunError::Broke);
        }
        result
    }
}

impl Drop for RunningReadOnly {
    fn drop(&mut self) {
        self.stopper.stop();
        // There is nobody to tell.
        let _ = self.join();
    }
}

impl fmt::Debug for RunningReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningReadOnly")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
