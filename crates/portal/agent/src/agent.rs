//! [`Agent`]: the running service.

use core::future::{Ready, ready};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axum_server::Handle;
use axum_server::accept::Accept;
use tokio::net::TcpStream;

use crate::config::Config;
use crate::opener::CardOpener;
use crate::peer;
use crate::routes::routes;
use crate::service::Service;

/// More connections at the same time are closed at once; a browser opens six.
const CONNECTIONS: usize = 64;
/// So long a browser may take to send the headers of a request.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// So long a change of the card may take when the agent is told to stop, even if the card answers.
const LAST_PATIENCE: Duration = Duration::from_secs(30);
/// So long the last answers may take to go out.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// Headers of a request; a browser sends some 1 kB.
const HEADERS: usize = 32 * 1024;

/// The service, running on a thread of its own until it is stopped or dropped. A change of the
/// card that is under way is finished first, as long as the card answers.
pub struct Agent {
    address: SocketAddr,
    service: Arc<Service>,
    handle: Handle<SocketAddr>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// Why there is no agent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// An address that others on the network could reach.
    #[error(
        "{0} is no loopback address: the agent would lend the card to the whole network; listen on 127.0.0.1 or ::1"
    )]
    NotLoopback(SocketAddr),
    /// Nobody may ask.
    #[error("no portal may ask; name one: --allow-origin https://portal.example")]
    NobodyAllowed,
    /// The address cannot be had.
    #[error("cannot listen on {address}: {error}; another agent may be running")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// Nobody could tell whose programs connect.
    #[error(
        "this system does not tell whose programs connect to the agent, so it would lend the card to every user: {0}"
    )]
    NoPeers(io::Error),
    /// The service could not be started, or broke.
    #[error("the agent does not run: {0}")]
    Service(#[from] io::Error),
}

impl Agent {
    /// Starts an agent that opens the card with `opener` for each task.
    ///
    /// # Errors
    /// The address is not a loopback address or is taken, or nobody is allowed to ask.
    pub fn start(config: Config, opener: impl CardOpener) -> Result<Self, AgentError> {
        if !config.listen.ip().is_loopback() {
            return Err(AgentError::NotLoopback(config.listen));
        }
        if config.allowed.is_empty() {
            return Err(AgentError::NobodyAllowed);
        }
        let listen = |error| AgentError::Listen {
            address: config.listen,
            error,
        };
        let listener = TcpListener::bind(config.listen).map_err(listen)?;
        let address = listener.local_addr()?;
        peer::user_of(address, address).map_err(AgentError::NoPeers)?;
        let service = Service::new(&address.to_string(), config, Arc::new(opener));
        let service = Arc::new(service);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let handle = Handle::new();
        let (told, begun) = mpsc::channel();
        let (serving, served) = (handle.clone(), service.clone());
        let thread = thread::Builder::new()
            .name("kortlab-agent".to_owned())
            .spawn(move || {
                let ended = runtime.block_on(serve(listener, served, serving, told));
                runtime.shutdown_background();
                ended
            })?;
        // Only a server that has begun can be stopped gracefully.
        let _ = begun.recv();
        Ok(Self {
            address,
            service,
            handle,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where portals send their forms: `http://127.0.0.1:47800/task`.
    pub fn task_url(&self) -> String {
        format!("http://{}/task", self.address)
    }

    /// Stops it. A change of the card is finished first, as long as the card answers; whatever
    /// else is being done is given up.
    ///
    /// # Errors
    /// It had stopped before, and why.
    pub fn stop(mut self) -> Result<(), AgentError> {
        Ok(self.end()?)
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        self.service.stop();
        let deadline = Instant::now() + LAST_PATIENCE;
        while self.service.is_changing() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        self.handle.graceful_shutdown(Some(LAST_ANSWERS));
        thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("its thread panicked")))
    }
}

impl core::fmt::Debug for Agent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Agent")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Whoever wants to know why it stopped calls `stop`.
        let _ = self.end();
    }
}

async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    handle: Handle<SocketAddr>,
    told: mpsc::Sender<()>,
) -> io::Result<()> {
    let own = listener.local_addr()?;
    let mut server = axum_server::from_tcp(listener)?
        .handle(handle.clone())
        .acceptor(Doorkeeper {
            own,
            user: peer::own_user(),
            handle: handle.clone(),
        })
        .http1_only();
    server
        .http_builder()
        .http1()
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(HEADERS);
    let app = routes(service).into_make_service();
    let serving = tokio::spawn(server.serve(app));
    handle.listening().await;
    let _ = told.send(());
    serving.await.map_err(io::Error::other)?
}

/// Lets in connections of this user's programs, so many and no more.
#[derive(Clone, Debug)]
struct Doorkeeper {
    own: SocketAddr,
    user: u32,
    handle: Handle<SocketAddr>,
}

impl Doorkeeper {
    fn admit(&self, stream: &TcpStream) -> io::Result<()> {
        if self.handle.connection_count() > CONNECTIONS {
            return Err(io::Error::other("too many connections"));
        }
        match peer::user_of(stream.peer_addr()?, self.own)? {
            Some(user) if user == self.user => Ok(()),
            // Closed again: there is nobody to be answered.
            None => Err(io::Error::other("nobody is at the other end")),
            Some(user) => {
                tracing::warn!(
                    user,
                    own = self.user,
                    "a connection of another user was closed: the agent is for programs of its own user only, so start it as the user of the browser"
                );
                Err(io::Error::other("another user's connection"))
            }
        }
    }
}

impl<S> Accept<TcpStream, S> for Doorkeeper {
    type Stream = TcpStream;
    type Service = S;
    type Future = Ready<io::Result<(TcpStream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(self.admit(&stream).map(|()| (stream, service)))
    }
}
